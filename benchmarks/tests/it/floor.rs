//! The floor and direct calls.

use benchmarks::{
    floor,
    load::{Plan, Schedule, answer::Dialect},
    receiver,
};

use crate::support::{Generator, Servers, assert_right, counts, plan, reset};

#[tokio::test]
async fn direct_calls_and_the_floors_give_the_same_answers() {
    let mut servers = Servers::default();
    let upstream = servers.upstream().await;
    let url = format!("http://{upstream}/api/projects/p/openai/v1/responses");
    let passing = url.clone();
    let floor = servers
        .other(|listener| async move { floor::serve(listener, &passing, false).await.unwrap() })
        .await;
    let collecting = servers
        .other(|listener| async move { floor::serve(listener, &url, true).await.unwrap() })
        .await;
    let answer = plan(collecting, Dialect::Responses, "instant", false);
    assert_right(&Generator::run(&answer).await);
    for address in [upstream, floor] {
        for stream in [false, true] {
            let closed = plan(address, Dialect::Responses, "instant", stream);
            let open = Plan {
                schedule: Schedule::Open {
                    rate: 100.0,
                    seconds: 0.2,
                },
                ..closed.clone()
            };
            assert_right(&Generator::run(&closed).await);
            let summary = Generator::run(&open).await;
            assert_right(&summary);
            assert_eq!(summary.right, 20);
        }
    }
}

#[tokio::test]
async fn a_conversation_of_the_responses_api_names_the_response_before() {
    let mut servers = Servers::default();
    let upstream = servers.upstream().await;
    reset(upstream).await;
    let plan = Plan {
        turns: 1000,
        ..plan(upstream, Dialect::Responses, "instant", true)
    };
    let summary = Generator::run(&plan).await;
    assert_right(&summary);
    // Each of two clients began once in the warm-up and once in the measurement; all other turns go on.
    let counts = counts(upstream).await;
    assert_eq!(counts.continued, counts.total() - 4);
}

#[tokio::test]
async fn the_receiver_takes_whatever_is_posted() {
    let mut servers = Servers::default();
    let receiver = servers
        .other(|listener| async move { receiver::serve(listener).await.unwrap() })
        .await;
    // The load generator's requests are as good as any; what it finds wrong is the empty answer.
    let summary = Generator::run(&plan(receiver, Dialect::Chat, "instant", true)).await;
    assert_eq!(summary.right, 0);
    assert!(summary.wrong.contains_key("text"), "{summary:?}");
    assert!(!summary.wrong.contains_key("status"), "{summary:?}");
}
