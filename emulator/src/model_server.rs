//! Who thinks for the agents: the built-in rules, or an OpenAI-compatible model server.

use crate::answer::Answer;
use crate::brain::{self, Conversation};
use crate::error::ServiceError;

#[cfg(feature = "model-server")]
mod client;
#[cfg(feature = "model-server")]
pub use client::ModelServer;

/// Makes answers.
#[derive(Debug)]
pub(crate) enum Thinker {
    /// The rules of [`crate::brain`].
    Rules,
    /// A model server.
    #[cfg(feature = "model-server")]
    Server(client::Client),
}

impl Thinker {
    /// A model server.
    #[cfg(feature = "model-server")]
    pub(crate) fn server(server: ModelServer) -> std::io::Result<Thinker> {
        client::Client::new(server).map(Thinker::Server)
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
