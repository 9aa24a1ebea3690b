//! The gateway in this process, listening on a free port of 127.0.0.1.

use std::{ops::Deref, sync::Arc};

use foundry_gateway::{
    app::{App, AppState},
    config::{Config, Environment},
    continuity::store::ConversationStore,
    server,
};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Client, KEY};

/// A running gateway, and the client that calls it; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Gateway {
    client: Client,
    pub(crate) app: AppState,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Serves the project at `endpoint`; `settings` come on top of the few that are needed, or replace them.
    pub(crate) async fn in_front_of(endpoint: &str, settings: &[(&str, &str)]) -> Self {
        let app = App::build(config(endpoint, settings)).unwrap();
        Self::serve(app).await
    }

    /// Like [`Gateway::in_front_of`], with conversations remembered in `store`.
    pub(crate) async fn with_store(
        endpoint: &str,
        settings: &[(&str, &str)],
        store: Arc<dyn ConversationStore>,
    ) -> Self {
        let app = App::build_with_store(config(endpoint, settings), store).unwrap();
        Self::serve(app).await
    }

    #[expect(
        clippy::unused_async,
        reason = "a listener needs a runtime, which an async function is sure to have"
    )]
    async fn serve(app: AppState) -> Self {
        let listener = server::bind(app.config.listen.address).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = server::serve(listener, app.clone(), async {
            drop(stopped.await);
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "the server's own task, joined by stop"
        )]
        let serving = tokio::spawn(serving);
        Self {
            client: Client::of(address),
            app,
            stop: Some(stop),
            serving: Some(serving),
        }
    }

    /// Asks the gateway to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.serving.take().unwrap().await.unwrap();
    }
}

impl Deref for Gateway {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

fn config(endpoint: &str, settings: &[(&str, &str)]) -> Config {
    let needed = [
        ("FOUNDRY_PROJECT_ENDPOINT", endpoint.to_owned()),
        ("FOUNDRY_ACCESS_TOKEN", "test-token".to_owned()),
        ("GATEWAY_API_KEYS", format!("test={KEY}")),
        ("PORT", "0".to_owned()),
    ];
    let given = settings
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let environment: Environment = needed.into_iter().chain(given).collect();
    Config::from_environment(&environment).unwrap()
}
