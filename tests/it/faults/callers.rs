//! The Entra tenant breaks that knows the callers: it publishes the keys of their tokens, and exchanges these for
//! ones for the agent service.

use std::{io::Write, time::Duration};

use foundry_emulator::Emulator;
use serde_json::json;
use tempfile::NamedTempFile;

use super::{
    SHORT_DEADLINES, STARTING, aftermath,
    outcome::{Dialect, Mode, Outcome, TEXT, ask_as, get},
    proxy::{Proxy, Security, WireFault, trusted_certificates},
    table::Row,
};
use crate::{
    entra::{ADA, AUDIENCE, Authority, CONTINUITY_KEY, Signer, TENANT_ID, of_user},
    support::{Gateway, SOON, emulator},
};

/// A caller with a token, and what stands between it and an agent.
struct Scene {
    emulator: Emulator,
    gateway: Gateway,
    token: String,
}

/// Tries one cell of the table.
pub(super) async fn try_cell(
    row: Row,
    mode: Mode,
    dialect: &'static Dialect,
) -> Result<Outcome, String> {
    let starting = STARTING.acquire().await.unwrap();
    let key = Signer::named("tenant");
    let authority = Authority::publishing_in_clear(vec![key.public()]).await;
    let mut proxy = Proxy::in_front_of(authority.address(), Security::Tls).await;
    let emulator = emulator(foundry_emulator::Behaviour::default()).await;
    let scene = Scene {
        gateway: gateway_before(&emulator, &proxy, &row).await,
        emulator,
        token: key.token(&of_user(ADA)),
    };
    drop(starting);
    let only = match row.stage.as_str() {
        "keys" => "/discovery/v2.0/keys",
        _ => "/oauth2/v2.0/token",
    };
    if row.stage == "exchange" {
        scene.know_the_keys().await;
    }
    proxy.strike(WireFault::of_service(&row.fault), only).await;
    let outcome = scene.ask(mode, dialect).await;
    aftermath::permits_are_back(&scene.gateway).await?;
    aftermath::spent_connections_are_closed(&proxy, |_| false).await?;
    proxy.heal().await;
    scene.is_let_in_soon(dialect).await?;
    aftermath::no_task_is_left(&scene.gateway).await?;
    aftermath::few_connections_are_open(&proxy, 1).await?;
    Ok(outcome)
}

impl Scene {
    async fn ask(&self, mode: Mode, dialect: &Dialect) -> Outcome {
        let body = json!({"messages": [{"role": "user", "content": TEXT}]});
        let Self {
            emulator,
            gateway,
            token,
        } = self;
        ask_as(token, emulator, gateway, mode, dialect, body).await
    }

    /// Lets the gateway verify a token, without a call to the agent service for its bearer.
    async fn know_the_keys(&self) {
        let answer = get(&self.gateway, &self.token, "/v1/nothing").await;
        assert_eq!(answer.status(), 404);
    }

    /// A refusal is believed for some seconds.
    async fn is_let_in_soon(&self, dialect: &Dialect) -> Result<(), String> {
        let asking = async {
            while !self.ask(Mode::Stream, dialect).await.is_whole() {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        tokio::time::timeout(SOON * 2, asking)
            .await
            .map_err(|_| "the caller is not let in again".to_owned())
    }
}

async fn gateway_before(emulator: &Emulator, proxy: &Proxy, row: &Row) -> Gateway {
    let mut trusted = NamedTempFile::new().unwrap();
    trusted
        .write_all(trusted_certificates().as_bytes())
        .unwrap();
    let authority = proxy.origin();
    let mut settings = vec![
        ("GATEWAY_API_KEYS", ""),
        ("GATEWAY_CONTINUITY_KEY", CONTINUITY_KEY),
        ("GATEWAY_ENTRA_TENANT_ID", TENANT_ID),
        ("GATEWAY_ENTRA_AUDIENCE", AUDIENCE),
        ("AZURE_AUTHORITY_HOST", authority.as_str()),
        ("SSL_CERT_FILE", trusted.path().to_str().unwrap()),
    ];
    if row.stage == "exchange" {
        settings.extend([
            ("GATEWAY_UPSTREAM_IDENTITY", "on-behalf-of"),
            ("AZURE_TENANT_ID", TENANT_ID),
            ("AZURE_CLIENT_ID", "33333333-0000-0000-0000-000000000003"),
            ("AZURE_CLIENT_SECRET", "secret-of-the-application"),
            ("FOUNDRY_ACCESS_TOKEN", ""),
        ]);
        if row.hangs() {
            settings.extend(SHORT_DEADLINES);
        }
    }
    Gateway::in_front_of(&emulator.project_endpoint(), &settings).await
}
