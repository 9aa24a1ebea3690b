//! The authority that gives the gateway its tokens breaks: a token endpoint over HTTPS behind the proxy.

use std::io::Write;

use foundry_emulator::{Emulator, Options};
use tempfile::NamedTempFile;

use super::{
    SHORT_DEADLINES, STARTING, aftermath,
    outcome::{Dialect, Mode, Outcome, ask},
    proxy::{Proxy, Security, WireFault, trusted_certificates},
    table::Row,
};
use crate::{
    identity::token_service::{TOKEN, TokenService},
    support::Gateway,
};

/// Tries one cell of the table.
pub(super) async fn try_cell(
    row: Row,
    mode: Mode,
    dialect: &'static Dialect,
) -> Result<Outcome, String> {
    let options = Options {
        access_token: Some(TOKEN.to_owned()),
        ..Options::default()
    };
    let starting = STARTING.acquire().await.unwrap();
    let emulator = Emulator::start(options).await.unwrap();
    let tokens = TokenService::start().await;
    let mut proxy = Proxy::in_front_of(tokens.address(), Security::Tls).await;
    proxy.strike(WireFault::of_service(&row.fault), "").await;
    let gateway = gateway_that_signs_in_at(&proxy, &emulator, &row).await;
    drop(starting);
    let outcome = ask(&emulator, &gateway, mode, dialect).await;
    aftermath::permits_are_back(&gateway).await?;
    if !row.hangs() {
        aftermath::spent_connections_are_closed(&proxy, |_| false).await?;
    }
    // A sign-in that hangs goes on for others who may wait for it; the end of its connection ends it.
    proxy.heal().await;
    let next = ask(&emulator, &gateway, mode, dialect).await;
    if !next.is_whole() {
        return Err(format!("the next request: {next:?}"));
    }
    aftermath::no_task_is_left(&gateway).await?;
    aftermath::few_connections_are_open(&proxy, 1).await?;
    Ok(outcome)
}

async fn gateway_that_signs_in_at(proxy: &Proxy, emulator: &Emulator, row: &Row) -> Gateway {
    let mut trusted = NamedTempFile::new().unwrap();
    trusted
        .write_all(trusted_certificates().as_bytes())
        .unwrap();
    let authority = proxy.origin();
    let mut settings = vec![
        ("FOUNDRY_ACCESS_TOKEN", ""),
        ("AZURE_TENANT_ID", "00000000-0000-0000-0000-00000000000a"),
        ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000000b"),
        ("AZURE_CLIENT_SECRET", "secret-of-the-principal"),
        ("AZURE_AUTHORITY_HOST", authority.as_str()),
        ("SSL_CERT_FILE", trusted.path().to_str().unwrap()),
    ];
    if row.hangs() {
        settings.extend(SHORT_DEADLINES);
    }
    Gateway::in_front_of(&emulator.project_endpoint(), &settings).await
}
