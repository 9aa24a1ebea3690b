//! Results that fit no call: refused before anything is sent, and the loop can still be finished.

use super::*;
use crate::support::emulator_and_gateway;

#[tokio::test]
async fn wrong_missing_and_doubled_results_are_refused_and_cost_nothing() {
    for agent in AGENTS {
        let (emulator, gateway) = emulator_and_gateway().await;
        let history = asked_for_two(&gateway, agent).await;
        let calls = calls_of(&history[1]).clone();
        let (paris, rome) = (&calls[0], &calls[1]);
        operations(&emulator);
        let with = |results: &[Value]| [&history[..], results].concat();
        let stranger = json!({"id": "call_strange"});
        let id = |call: &Value| call["id"].as_str().unwrap().to_owned();
        let rows = [
            (with(&[]), "messages[1]", id(paris)),
            (with(&[result(paris, "a")]), "messages[1]", id(rome)),
            (
                with(&[result(paris, "a"), result(&stranger, "b")]),
                "messages[3]",
                id(&stranger),
            ),
            (
                with(&[result(paris, "a"), result(paris, "b")]),
                "messages[3]",
                id(paris),
            ),
            (
                with(&[result(paris, "a"), result(rome, "b"), result(rome, "c")]),
                "messages[4]",
                id(rome),
            ),
        ];
        for (messages, place, named) in rows {
            for stream in [false, true] {
                let body = json!({"model": agent, "stream": stream, "messages": messages});
                let (param, message) = refusal_of(gateway.chat(body).await).await;
                assert_eq!(param, place, "{agent}");
                assert!(message.contains(&named), "{message}");
            }
        }
        assert_eq!(operations(&emulator), Vec::<String>::new());
        let answer = say(&gateway, agent, &answered(&history)).await;
        assert!(
            answer["content"].as_str().unwrap().contains("sunny"),
            "{answer}"
        );
        assert_eq!(operations(&emulator).len(), 1, "the run was still there");
    }
}

#[tokio::test]
async fn results_alone_find_their_run_by_their_ids_and_are_held_to_its_calls() {
    for named in [false, true] {
        let (emulator, gateway) = emulator_and_gateway().await;
        let first = gateway.ask("asst_weather", QUESTION).await;
        let id = first.headers()["x-thread-id"].to_str().unwrap().to_owned();
        let asked = message_of(first).await;
        let mut calls = calls_of(&asked).clone();
        calls.sort_by_key(|call| call["id"].to_string());
        operations(&emulator);
        let body = |results: &[Value]| {
            let mut body = json!({"model": "asst_weather", "messages": results});
            if named {
                body["thread_id"] = json!(id);
            }
            body
        };
        let stranger = json!({"id": "call_strange"});
        let (sunny, rainy) = (result(&calls[0], "sunny"), result(&calls[1], "rainy"));
        let strange = result(&stranger, "?");
        let rows = [
            (vec![sunny.clone()], &calls[1]["id"]),
            (
                vec![sunny.clone(), rainy.clone(), strange.clone()],
                &stranger["id"],
            ),
            (vec![strange], &stranger["id"]),
            (vec![sunny.clone(), sunny.clone()], &calls[0]["id"]),
        ];
        for (results, named) in rows {
            let (_, message) = refusal_of(gateway.chat(body(&results)).await).await;
            assert!(message.contains(named.as_str().unwrap()), "{message}");
        }
        assert_eq!(operations(&emulator), Vec::<String>::new());
        let answer = message_of(gateway.chat(body(&[rainy, sunny])).await).await;
        assert!(
            answer["content"].as_str().unwrap().contains("rainy"),
            "{answer}"
        );
        assert_eq!(operations(&emulator), ["submit_tool_outputs"]);
    }
}

#[tokio::test]
async fn another_caller_cannot_answer_and_learns_nothing() {
    let settings = [(
        "GATEWAY_API_KEYS",
        "test=test-key-0123456789,other=other-key-0123456789",
    )];
    let emulator = crate::support::emulator(foundry_emulator::Behaviour::default()).await;
    let gateway =
        crate::support::Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let history = asked_for_two(&gateway, "asst_weather").await;
    operations(&emulator);
    let results: Vec<_> = answered(&history)[2..].to_vec();
    let by_other = |model: &str, key: &str| {
        let body = json!({"model": model, "messages": results}).to_string();
        let request = gateway
            .http
            .post(gateway.url("/v1/chat/completions"))
            .bearer_auth(key);
        request
            .header("content-type", "application/json")
            .body(body)
            .send()
    };
    let other = refusal_of(
        by_other("asst_weather", "other-key-0123456789")
            .await
            .unwrap(),
    )
    .await;
    let unknown = [json!({"role": "tool", "tool_call_id": "call_x", "content": "?"})];
    let body = json!({"model": "asst_weather", "messages": unknown});
    let nobody = refusal_of(gateway.chat(body).await).await;
    let id = results[0]["tool_call_id"].as_str().unwrap();
    assert_eq!(
        other.1.replace(id, "call_x"),
        nobody.1,
        "as if there were no such run"
    );
    // Nor is it found with another agent.
    refusal_of(by_other("asst_echo", "test-key-0123456789").await.unwrap()).await;
    assert_eq!(operations(&emulator), Vec::<String>::new());
    let answer = say(&gateway, "asst_weather", &answered(&history)).await;
    assert!(answer["content"].as_str().unwrap().contains("sunny"));
}
