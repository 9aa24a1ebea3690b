//! The gateway understands the benchmark's service, and the load generator the gateway.

use benchmarks::load::{Plan, Schedule, answer::Dialect, summary::Summary};

use crate::support::{DELTAS, Generator, Servers, assert_right, counts, plan, release, reset};

const BARE: &[(&str, &str)] = &[("GATEWAY_CONTINUITY", "off")];

#[tokio::test]
async fn both_kinds_of_agents_answer_in_one_piece_and_streamed() {
    let mut servers = Servers::default();
    let upstream = servers.upstream().await;
    for settings in [&[], BARE] {
        let gateway = servers.gateway(upstream, settings);
        for agent in ["instant", "asst_instant"] {
            for stream in [false, true] {
                let summary = Generator::run(&plan(gateway, Dialect::Chat, agent, stream)).await;
                assert_right(&summary);
                assert_eq!(summary.first_text.is_some(), stream);
                let counts = counts(upstream).await;
                assert!(!counts.calls.contains_key("other"), "{counts:?}");
            }
        }
    }
}

/// Conversations of four turns, by one client.
async fn conversations(plan: Plan) -> Summary {
    let plan = Plan {
        turns: 4,
        schedule: Schedule::Closed {
            connections: 1,
            seconds: 0.2,
        },
        ..plan
    };
    let mut generator = Generator::start(&plan);
    assert_eq!(generator.line().await, "ready");
    generator.go().await;
    serde_json::from_str(&generator.line().await).unwrap()
}

#[tokio::test]
async fn histories_are_recognised_and_a_turn_is_one_call() {
    let mut servers = Servers::default();
    let upstream = servers.upstream().await;
    let gateway = servers.gateway(upstream, &[]);
    for agent in ["instant", "asst_instant"] {
        reset(upstream).await;
        let summary = conversations(plan(gateway, Dialect::Chat, agent, true)).await;
        assert_right(&summary);
        let counts = counts(upstream).await;
        // Five answers of the warm-up are in the counts too: one conversation and the first turn of another.
        let answers = summary.answers() + 5;
        assert_eq!(counts.total(), answers, "{counts:?}");
        let begun = answers - counts.continued;
        let least = summary.answers() / 4;
        assert!((least..=least + 3).contains(&begun), "{begun} of {answers}");
    }
}

#[tokio::test]
async fn streams_are_held_at_the_same_time_until_they_are_released() {
    let mut servers = Servers::default();
    let upstream = servers.upstream().await;
    let gateway = servers.gateway(upstream, &[]);
    for agent in ["held", "asst_held"] {
        reset(upstream).await;
        let plan = Plan {
            schedule: Schedule::Hold { streams: 20 },
            ..plan(gateway, Dialect::Chat, agent, true)
        };
        let mut generator = Generator::start(&plan);
        assert_eq!(generator.line().await, "ready");
        generator.go().await;
        assert_eq!(generator.line().await, "holding");
        assert_eq!(counts(upstream).await.open, 20);
        generator.go().await;
        release(upstream).await;
        let summary: Summary = serde_json::from_str(&generator.line().await).unwrap();
        assert_right(&summary);
        assert_eq!(summary.right, 20);
        let counts = counts(upstream).await;
        assert_eq!((counts.open, counts.most_open), (0, 20));
        assert_eq!((counts.finished, counts.dropped), (20, 0));
    }
}

#[tokio::test]
async fn a_paced_agent_takes_its_time() {
    let mut servers = Servers::default();
    let upstream = servers.upstream().await;
    let gateway = servers.gateway(upstream, &[]);
    for agent in ["paced", "asst_paced"] {
        let summary = Generator::run(&plan(gateway, Dialect::Chat, agent, true)).await;
        assert_right(&summary);
        // 20 ms until the first delta, 2 ms before each of the others.
        let least = 20.0 + 2.0 * f64::from(u32::try_from(DELTAS - 1).unwrap());
        assert!(20.0 <= summary.first_text.unwrap().min, "{summary:?}");
        assert!(least <= summary.total.unwrap().min, "{summary:?}");
    }
}
