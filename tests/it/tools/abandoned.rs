//! Clients that go on without the results they were asked for.

use super::*;
use crate::support::emulator_and_gateway;

#[tokio::test]
async fn a_loop_given_up_for_a_new_question_is_answered_and_leaves_no_run_waiting() {
    for partly in [false, true] {
        for agent in AGENTS {
            let (emulator, gateway) = emulator_and_gateway().await;
            let mut history = asked_for_two(&gateway, agent).await;
            if partly {
                let calls = calls_of(&history[1]).clone();
                history.push(result(&calls[1], "rainy"));
            }
            history.push(user("repeat exactly: never mind"));
            let answer = say(&gateway, agent, &history).await;
            assert_eq!(answer["content"], "never mind", "{agent}");
            history.extend([answer, user("repeat exactly: and now?")]);
            let answer = say(&gateway, agent, &history).await;
            assert_eq!(answer["content"], "and now?", "{agent}");
            gateway.stop().await;
            let mut sent = operations(&emulator);
            sent.sort_unstable();
            if agent == "weather" {
                assert_eq!(sent, ["create_response"; 3], "continued, given up or not");
            } else {
                let expected = [
                    "cancel_run",
                    "create_run",
                    "create_thread_and_run",
                    "create_thread_and_run",
                    "delete_thread",
                    "list_messages",
                ];
                assert_eq!(sent, expected);
            }
        }
    }
}

#[tokio::test]
async fn the_agent_is_told_which_calls_were_given_up() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut history = asked_for_two(&gateway, "weather").await;
    let calls = calls_of(&history[1]).clone();
    history.extend([result(&calls[1], "rainy"), user("repeat exactly: stop")]);
    say(&gateway, "weather", &history).await;
    let sent = emulator.journal().requests().pop().unwrap().body;
    assert!(sent["previous_response_id"].is_string());
    let outputs: Vec<_> = sent["input"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["type"] == "function_call_output")
        .map(|item| (item["call_id"].clone(), item["output"].as_str().unwrap()))
        .collect();
    assert_eq!(outputs[0], (calls[1]["id"].clone(), "rainy"));
    assert_eq!(
        outputs[1],
        (
            calls[0]["id"].clone(),
            "No result: the client went on without it."
        )
    );
}

#[tokio::test]
async fn who_names_the_conversation_goes_on_in_it_without_results() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let first = gateway.ask("asst_weather", "My name is Ada.").await;
    let id = first.headers()["x-thread-id"].to_str().unwrap().to_owned();
    message_of(first).await;
    let named =
        |text: &str| json!({"model": "asst_weather", "thread_id": id, "messages": [user(text)]});
    let asked = message_of(gateway.chat(named(QUESTION)).await).await;
    assert_eq!(calls_of(&asked).len(), 2);
    operations(&emulator);
    let answer = message_of(gateway.chat(named("What is my name?")).await).await;
    assert!(
        answer["content"].as_str().unwrap().contains("Ada"),
        "{answer}"
    );
    let sent = operations(&emulator);
    assert_eq!(
        (sent[0].as_str(), sent.last().unwrap().as_str()),
        ("cancel_run", "create_run")
    );
    assert_eq!(
        emulator.journal().count("delete_thread"),
        0,
        "the conversation has no other place"
    );
}
