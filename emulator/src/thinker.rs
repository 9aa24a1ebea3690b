//! Who thinks for the agents: the built-in rules, or an OpenAI-compatible model server.

use crate::answer::Answer;
use crate::brain::{self, Conversation};
use crate::catalogue::{Dialect, Persona};
use crate::error::ServiceError;
use crate::service::Context;

#[cfg(feature = "model-server")]
mod model_server;
#[cfg(feature = "model-server")]
pub use model_server::ModelServer;

/// Makes answers.
#[derive(Debug)]
pub(crate) enum Thinker {
    /// The rules of [`crate::brain`].
    Rules,
    /// A model server.
    #[cfg(feature = "model-server")]
    Server(model_server::Client),
}

impl Thinker {
    /// A model server.
    #[cfg(feature = "model-server")]
    pub(crate) fn server(server: ModelServer) -> std::io::Result<Thinker> {
        model_server::Client::new(server).map(Thinker::Server)
    }

    /// The answer to a conversation; `answer_words` only counts for the built-in rules.
    #[cfg_attr(
        not(feature = "model-server"),
        expect(
            clippy::unused_async,
            reason = "only a model server has to be waited for"
        )
    )]
    pub(crate) async fn think(
        &self,
        conversation: &Conversation,
        answer_words: Option<usize>,
    ) -> Result<Answer, ServiceError> {
        match self {
            Thinker::Rules => Ok(Answer::from_thought(brain::think(
                conversation,
                answer_words,
            ))),
            #[cfg(feature = "model-server")]
            Thinker::Server(client) => client.think(conversation).await,
        }
    }
}

impl Context {
    /// The answer of an agent to a conversation: the one it has ready, or what it thinks.
    pub(crate) async fn answer(
        &self,
        persona: Persona,
        conversation: &Conversation,
        dialect: Dialect,
    ) -> Result<Answer, ServiceError> {
        if let Some(answer) = persona.prepared_answer(conversation, dialect)? {
            return Ok(answer);
        }
        let words = self.behaviour.answer_words;
        let answer = self.shared.thinker.think(conversation, words).await?;
        Ok(persona.decorated(answer))
    }
}
