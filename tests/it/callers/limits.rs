//! Requests per minute and answers at the same time, for each caller its own.

use foundry_emulator::Emulator;
use http::HeaderMap;

use crate::support::{Gateway, SOON, emulator_and_gateway, error_of};

/// `web` may come with either of two keys.
const KEYS: &str = "web=web-key-0123456789ab,web=web-key-rotated-0123,app=app-key-0123456789ab,free=free-key-0123456789a";
const WEB: &str = "web-key-0123456789ab";
const WEB_ROTATED: &str = "web-key-rotated-0123";
const APP: &str = "app-key-0123456789ab";
const FREE: &str = "free-key-0123456789a";

async fn scene(policies: &str) -> (Emulator, Gateway) {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [("GATEWAY_API_KEYS", KEYS), ("GATEWAY_CALLERS", policies)];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    (emulator, gateway)
}

async fn ask(gateway: &Gateway, key: &str, agent: &str, stream: bool) -> reqwest::Response {
    let body = format!(
        r#"{{"model": "{agent}", "stream": {stream}, "messages": [{{"role": "user", "content": "hi"}}]}}"#
    );
    let request = gateway.http.post(gateway.url("/v1/chat/completions"));
    request.bearer_auth(key).body(body).send().await.unwrap()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

fn remaining(response: &reqwest::Response) -> Option<&str> {
    header(response.headers(), "x-ratelimit-remaining-requests")
}

#[tokio::test]
async fn a_minute_has_so_many_requests_and_every_answer_says_how_many_are_left() {
    let policies = r#"{"callers": {"web": {"requests_per_minute": 4}, "free": {}, "*": {"requests_per_minute": 1}}}"#;
    let (emulator, gateway) = scene(policies).await;
    let answers = [
        (ask(&gateway, WEB, "echo", false).await, 200),
        (ask(&gateway, WEB_ROTATED, "echo", true).await, 200),
        (ask(&gateway, WEB, "nobody", false).await, 404),
        (ask(&gateway, WEB, "", false).await, 404),
    ];
    for ((answer, status), left) in answers.into_iter().zip(["3", "2", "1", "0"]) {
        assert_eq!(answer.status(), status);
        assert_eq!(remaining(&answer), Some(left));
        let headers = answer.headers();
        assert_eq!(header(headers, "x-ratelimit-limit-requests"), Some("4"));
        let reset = header(headers, "x-ratelimit-reset-requests").unwrap();
        assert!(reset.ends_with('s'), "{reset}");
    }
    let asked = emulator.journal().count("create_response");
    for key in [WEB, WEB_ROTATED] {
        let refused = ask(&gateway, key, "echo", true).await;
        let headers = refused.headers().clone();
        assert_eq!(
            header(&headers, "x-ratelimit-remaining-requests"),
            Some("0")
        );
        let seconds: u64 = header(&headers, "retry-after").unwrap().parse().unwrap();
        let milliseconds: u64 = header(&headers, "retry-after-ms").unwrap().parse().unwrap();
        // A request is won back in 15 s, of which the test has used some.
        assert!((1..=15).contains(&seconds), "{headers:?}");
        assert!(
            (seconds * 1000 - 999..=seconds * 1000).contains(&milliseconds),
            "{headers:?}"
        );
        let (status, error) = error_of(refused).await;
        assert_eq!(
            (status, &error["code"]),
            (429, &"rate_limit_exceeded".into())
        );
        assert_eq!(error["type"], "rate_limit_error");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("4 requests a minute"),
            "{error}"
        );
    }
    assert_eq!(emulator.journal().count("create_response"), asked);
    // Others have their own minute, or no limit and no headers.
    let app = ask(&gateway, APP, "echo", false).await;
    assert_eq!((app.status().as_u16(), remaining(&app)), (200, Some("0")));
    assert_eq!(ask(&gateway, APP, "echo", false).await.status(), 429);
    for _ in 0..5 {
        let free = ask(&gateway, FREE, "echo", false).await;
        assert_eq!((free.status().as_u16(), remaining(&free)), (200, None));
    }
}

#[tokio::test]
async fn a_request_without_a_good_key_uses_up_nothing() {
    let (_emulator, gateway) = scene(r#"{"callers": {"*": {"requests_per_minute": 1}}}"#).await;
    for _ in 0..5 {
        let stranger = ask(&gateway, "wrong-key-0123456789", "echo", false).await;
        assert_eq!(
            (stranger.status().as_u16(), remaining(&stranger)),
            (401, None)
        );
    }
    assert_eq!(ask(&gateway, WEB, "echo", false).await.status(), 200);
}

#[tokio::test]
async fn so_many_answers_at_once_and_one_more_when_one_has_ended_or_was_left() {
    let policies = r#"{"callers": {"web": {"concurrent_streams": 2, "requests_per_minute": 100}}}"#;
    let (_emulator, gateway) = scene(policies).await;
    let ended = ask(&gateway, WEB, "echo", true).await;
    let left = ask(&gateway, WEB, "stall-middle", true).await;
    assert_eq!(ended.text().await.unwrap().matches("[DONE]").count(), 1);
    let stalled = ask(&gateway, WEB, "stall-middle", true).await;
    for stream in [false, true] {
        let refused = ask(&gateway, WEB, "echo", stream).await;
        assert_eq!(header(refused.headers(), "retry-after"), Some("1"));
        assert_eq!(remaining(&refused), Some("97"), "it is not counted");
        let (status, error) = error_of(refused).await;
        assert_eq!(
            (status, &error["code"]),
            (429, &"rate_limit_exceeded".into())
        );
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("at the same time"),
            "{error}"
        );
    }
    assert_eq!(ask(&gateway, APP, "echo", false).await.status(), 200);
    drop(left);
    let free_again = async { while ask(&gateway, WEB, "echo", false).await.status() == 429 {} };
    tokio::time::timeout(SOON, free_again).await.unwrap();
    drop(stalled);
}
