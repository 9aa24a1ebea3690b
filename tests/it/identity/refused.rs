//! Tokens that the service refuses although they have not expired: replaced once, and the request sent once more.

use foundry_emulator::Emulator;
use futures_util::future::join_all;

use super::{emulator_that_takes, serve, token_service::TokenService};
use crate::support::{Client, Program, error_of};

/// The program with an identity whose tokens are numbered, in front of a project.
async fn with_numbered_tokens(emulator: &Emulator) -> (TokenService, Program, Client) {
    let tokens = TokenService::start().await;
    tokens.number_tokens();
    let endpoint = format!("http://{}/msi/token", tokens.address());
    let settings = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", "header"),
    ];
    let (program, client) = serve(emulator, &settings).await;
    (tokens, program, client)
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_every_request_answered() {
    let emulator = emulator_that_takes("token-2").await;
    let (tokens, _program, client) = with_numbered_tokens(&emulator).await;
    let answers = join_all((0..20).map(|number| {
        let agent = if number % 2 == 0 { "echo" } else { "asst_echo" };
        client.ask(agent, "hi")
    }));
    for answer in answers.await {
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(tokens.asked().len(), 2);
    let refused = emulator.journal().requests();
    let refused = refused.iter().filter(|request| request.status == Some(401));
    assert!(
        refused.count() <= 20,
        "each request is sent once more at most"
    );
    // From then on the new token is used.
    emulator.journal().clear();
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    assert_eq!(emulator.journal().requests().len(), 1);
    assert_eq!(tokens.asked().len(), 2);
}

#[tokio::test]
async fn a_request_that_is_refused_again_fails_and_says_so() {
    let emulator = emulator_that_takes("none of them").await;
    let (tokens, _program, client) = with_numbered_tokens(&emulator).await;
    for (sent, asked) in [(2, 2), (1, 2)] {
        emulator.journal().clear();
        let (status, error) = error_of(client.ask("echo", "hi").await).await;
        assert_eq!(
            (status, &error["code"]),
            (502, &"upstream_authentication_failed".into())
        );
        assert_eq!(emulator.journal().requests().len(), sent);
        assert_eq!(tokens.asked().len(), asked, "not again and again");
    }
}

#[tokio::test]
async fn a_missing_role_is_no_reason_for_a_new_token() {
    let emulator = emulator_that_takes("another").await;
    let (tokens, _program, client) = with_numbered_tokens(&emulator).await;
    tokens.give("no-permission");
    let (status, error) = error_of(client.ask("echo", "hi").await).await;
    assert_eq!((status, &error["code"]), (403, &"permission_denied".into()));
    assert_eq!(emulator.journal().requests().len(), 1);
    assert_eq!(tokens.asked().len(), 1);
}
