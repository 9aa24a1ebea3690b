//! Classic runs wait for results and go on with them: from any instance, once, in one call.

use foundry_emulator::{Behaviour, Fault, FaultRule, Stage};
use futures_util::future::join_all;

use super::*;
use crate::support::{Azurite, Gateway, Program, emulator, emulator_and_gateway, events_of};

/// What the agent says to the results of both calls.
const ANSWER: &str = "get_weather returned: sunny\nget_weather returned: rainy";

#[tokio::test]
async fn a_step_is_one_call_and_stays_on_its_run() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let history = asked_for_two(&gateway, "asst_weather").await;
    assert_eq!(operations(&emulator), ["create_thread_and_run"]);

    let history = answered(&history);
    let message = say(&gateway, "asst_weather", &history).await;
    assert_eq!(message["content"], ANSWER);
    let [submitted] = &emulator.journal().requests()[..] else {
        panic!("one call");
    };
    assert_eq!(submitted.operation, "submit_tool_outputs");
    assert_eq!(submitted.body["stream"], true);
    let outputs: Vec<_> = submitted.body["tool_outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| output["output"].as_str().unwrap())
        .collect();
    assert_eq!(outputs, ["sunny", "rainy"]);
    operations(&emulator);

    // The conversation goes on where the run has left it.
    let next = [&history[..], &[message, user("repeat exactly: thanks")]].concat();
    assert_eq!(
        say(&gateway, "asst_weather", &next).await["content"],
        "thanks"
    );
    gateway.stop().await;
    assert_eq!(operations(&emulator), ["create_run"]);
}

#[tokio::test]
async fn streams_tell_calls_in_deltas_and_go_on_with_their_run() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let chunks = |text: String| -> Vec<Value> {
        let mut events = events_of(&text);
        assert_eq!(events.pop().unwrap(), "[DONE]");
        events
            .iter()
            .map(|event| serde_json::from_str(event).unwrap())
            .collect()
    };
    let response = gateway.ask_streamed("asst_weather", QUESTION).await;
    let asked = chunks(response.text().await.unwrap());
    assert_eq!(
        asked.last().unwrap()["choices"][0]["finish_reason"],
        "tool_calls"
    );
    let mut calls = [json!({"arguments": ""}), json!({"arguments": ""})];
    let deltas = asked
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array());
    for delta in deltas.flatten() {
        let call = &mut calls[usize::try_from(delta["index"].as_u64().unwrap()).unwrap()];
        if let Some(id) = delta["id"].as_str() {
            call["id"] = json!(id);
        }
        let more = delta["function"]["arguments"].as_str().unwrap();
        call["arguments"] = json!(call["arguments"].as_str().unwrap().to_owned() + more);
    }
    assert_eq!(calls[1]["arguments"], r#"{"location":"Rome"}"#);
    operations(&emulator);

    let asking: Vec<_> = calls
        .iter()
        .map(|call| {
            let function = json!({"name": "get_weather", "arguments": call["arguments"]});
            json!({"id": call["id"], "type": "function", "function": function})
        })
        .collect();
    let history = answered(&[
        user(QUESTION),
        json!({"role": "assistant", "content": null, "tool_calls": asking}),
    ]);
    let body = json!({"model": "asst_weather", "stream": true, "messages": history,
        "stream_options": {"include_usage": true}});
    let answer = chunks(gateway.chat(body).await.text().await.unwrap());
    let text: String = answer
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, ANSWER);
    let usage = &answer.last().unwrap()["usage"];
    assert!(
        0 < usage["total_tokens"].as_u64().unwrap(),
        "of the whole run"
    );
    gateway.stop().await;
    assert_eq!(operations(&emulator), ["submit_tool_outputs"]);
}

#[tokio::test]
async fn several_steps_of_one_loop_are_one_run() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let question = format!("{QUESTION}, then the weather in Oslo and Bergen");
    let mut history = vec![user(&question)];
    history.push(say(&gateway, "asst_weather", &history).await);
    for _ in 0..2 {
        history = answered(&history);
        history.push(say(&gateway, "asst_weather", &history).await);
    }
    assert_eq!(history.last().unwrap()["content"], ANSWER);
    gateway.stop().await;
    assert_eq!(
        operations(&emulator),
        [
            "create_thread_and_run",
            "submit_tool_outputs",
            "submit_tool_outputs"
        ]
    );
}

#[tokio::test]
async fn a_loop_whose_steps_meet_different_instances_is_one_run() {
    let azurite = Azurite::with_shared_key().await;
    let emulator = emulator(Behaviour::default()).await;
    let connection_string = azurite.connection_string();
    let settings = [
        ("THREADS_CONNECTION_STRING", connection_string.as_str()),
        ("GATEWAY_STORE_TIMEOUT_SECONDS", "8"),
    ];
    let endpoint = emulator.project_endpoint();
    let (_first, first) = Program::serve(&endpoint, &settings).await;
    let (_second, second) = Program::serve(&endpoint, &settings).await;
    for agent in AGENTS {
        let history = answered(&asked_for_two(&first, agent).await);
        operations(&emulator);
        assert_eq!(say(&second, agent, &history).await["content"], ANSWER);
        let expected = if agent == "weather" {
            "create_response"
        } else {
            "submit_tool_outputs"
        };
        let request = &emulator.journal().requests()[0];
        assert_eq!(request.operation, expected);
        assert!(
            !request.body.to_string().contains("Paris"),
            "only what is new"
        );
        operations(&emulator);

        // Both with the same results at the same time: one submits, the other replays, and both answer.
        let history = answered(&asked_for_two(&second, agent).await);
        operations(&emulator);
        let answers = join_all([&first, &second].map(|client| say(client, agent, &history))).await;
        for answer in answers {
            assert!(
                answer["content"].as_str().unwrap().contains("sunny"),
                "{answer}"
            );
        }
        if agent == "asst_weather" {
            assert_eq!(emulator.journal().count("submit_tool_outputs"), 1);
            assert_eq!(emulator.journal().count("create_thread_and_run"), 1);
        }
        operations(&emulator);
    }
}

#[tokio::test]
async fn conversations_that_read_the_same_keep_their_own_runs() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for agent in AGENTS {
        let histories = [
            asked_for_two(&gateway, agent).await,
            asked_for_two(&gateway, agent).await,
        ];
        operations(&emulator);
        for history in histories {
            let answer = say(&gateway, agent, &answered(&history)).await;
            assert_eq!(answer["content"], ANSWER, "{agent}");
        }
        let sent = operations(&emulator);
        let expected = if agent == "weather" {
            "create_response"
        } else {
            "submit_tool_outputs"
        };
        assert_eq!(sent, [expected, expected]);
    }
}

#[tokio::test]
async fn results_that_come_too_late_are_replayed() {
    let (emulator, gateway) = emulator_and_gateway().await;
    for what in ["cancelled", "deleted"] {
        let history = answered(&asked_for_two(&gateway, "asst_weather").await);
        let runs = runs_of(&emulator, &gateway).await;
        let path = match what {
            "cancelled" => format!("/threads/{}/runs/{}/cancel", runs.0, runs.1),
            _ => format!("/threads/{}", runs.0),
        };
        let method = if what == "cancelled" {
            http::Method::POST
        } else {
            http::Method::DELETE
        };
        at_service(&emulator, &gateway, method, &path).await;
        operations(&emulator);
        let answer = say(&gateway, "asst_weather", &history).await;
        assert!(
            answer["content"].as_str().unwrap().contains("sunny"),
            "{what}: {answer}"
        );
        let sent = operations(&emulator);
        assert_eq!(
            sent[..2],
            ["submit_tool_outputs", "create_thread_and_run"],
            "{what}"
        );
    }
}

#[tokio::test]
async fn results_that_the_service_does_not_take_are_a_failure_and_can_be_sent_again() {
    let fault = FaultRule {
        operation: "submit_tool_outputs".to_owned(),
        stage: Stage::Headers,
        fault: Fault::Status {
            status: 500,
            headers: [].into(),
            body: Value::Null,
        },
        times: Some(1),
    };
    let (emulator, gateway) = emulator_and_gateway().await;
    let history = answered(&asked_for_two(&gateway, "asst_weather").await);
    emulator.behaviour().set(Behaviour {
        faults: vec![fault],
        ..Behaviour::default()
    });
    let body = json!({"model": "asst_weather", "messages": history});
    let (status, error) = error_of(gateway.chat(body).await).await;
    assert_eq!((status, &error["code"]), (502, &json!("upstream_failed")));
    let answer = say(&gateway, "asst_weather", &history).await;
    assert!(
        answer["content"].as_str().unwrap().contains("sunny"),
        "{answer}"
    );
}

/// Ids of the newest thread and its newest run.
async fn runs_of(emulator: &Emulator, client: &Client) -> (String, String) {
    let id = |list: &Value| list["data"][0]["id"].as_str().unwrap().to_owned();
    let threads = at_service(emulator, client, http::Method::GET, "/threads").await;
    let thread = id(&threads);
    let path = format!("/threads/{thread}/runs");
    let run = id(&at_service(emulator, client, http::Method::GET, &path).await);
    (thread, run)
}

async fn at_service(
    emulator: &Emulator,
    client: &Client,
    method: http::Method,
    path: &str,
) -> Value {
    let url = format!("{}{path}?api-version=v1", emulator.project_endpoint());
    let request = client.http.request(method, url).bearer_auth("somebody");
    let response = request.send().await.unwrap();
    assert!(response.status().is_success());
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn without_continuity_results_are_replayed_and_no_run_is_left_waiting() {
    let emulator = emulator(Behaviour::default()).await;
    let gateway = Gateway::in_front_of(
        &emulator.project_endpoint(),
        &[("GATEWAY_CONTINUITY", "off")],
    )
    .await;
    let history = answered(&asked_for_two(&gateway, "asst_weather").await);
    let answer = say(&gateway, "asst_weather", &history).await;
    assert!(
        answer["content"].as_str().unwrap().contains("sunny"),
        "{answer}"
    );
    gateway.stop().await;
    let mut sent = operations(&emulator);
    sent.sort_unstable();
    assert_eq!(
        sent,
        [
            "cancel_run",
            "create_thread_and_run",
            "create_thread_and_run",
            "delete_thread",
            "delete_thread"
        ]
    );
}
