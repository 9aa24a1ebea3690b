//! Answers that are more than text.

use serde_json::{Value, json};

use super::{PATH, assert_numbered, message, output_text};
use crate::support::{Service, ask_body, find, names, text_of};

#[tokio::test]
async fn functions_are_called_and_answered() {
    let service = Service::start().await;
    let events = service
        .ask_streaming("weather", &json!("What's the weather in Paris and Rome?"))
        .await;
    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let response = &find(&events, "response.completed")["response"];
    assert_eq!(response["status"], "completed");
    let calls = response["output"].as_array().unwrap();
    let arguments: Vec<&Value> = calls.iter().map(|call| &call["arguments"]).collect();
    assert_eq!(
        arguments,
        ["{\"location\":\"Paris\"}", "{\"location\":\"Rome\"}"]
    );

    // Statelessly: the whole history with the calls and their outputs.
    let mut input = vec![message(
        "user",
        "input_text",
        "What's the weather in Paris and Rome?",
    )];
    for call in calls {
        input.push(json!({"type": "function_call", "call_id": call["call_id"], "name": "get_weather", "arguments": call["arguments"]}));
    }
    let unanswered = service.ask("weather", &json!(input)).await;
    assert_eq!(unanswered.status, 400);
    for (call, output) in calls.iter().zip(["sunny", "rainy"]) {
        input.push(
            json!({"type": "function_call_output", "call_id": call["call_id"], "output": output}),
        );
    }
    let answer = service.ask("weather", &json!(input)).await.ok().json();
    assert_eq!(
        output_text(&answer),
        "get_weather returned: sunny\nget_weather returned: rainy"
    );
    let lonely = json!([{"type": "function_call_output", "call_id": "call_x", "output": "?"}]);
    let (status, error) = service.ask("weather", &lonely).await.refusal();
    assert_eq!(status, 400);
    assert!(
        error["message"].as_str().unwrap().contains("call_x"),
        "{error}"
    );
}

#[tokio::test]
async fn citations_are_annotations_with_code_points() {
    let service = Service::start().await;
    let events = service.ask_streaming("cites", &json!("Hello")).await;
    let added: Vec<Value> = events
        .iter()
        .filter(|event| event.name == "response.output_text.annotation.added")
        .map(|event| event.json()["annotation"].clone())
        .collect();
    let response = &find(&events, "response.completed")["response"];
    assert_eq!(
        response["output"][0]["content"][0]["annotations"],
        json!(added)
    );
    let text: Vec<char> = output_text(response).chars().collect();
    let place = |name: &str| usize::try_from(added[0][name].as_u64().unwrap()).unwrap();
    let cited: String = text[place("start_index")..place("end_index")]
        .iter()
        .collect();
    assert_eq!(cited, "the π page");
    assert!(
        text[..place("start_index")]
            .iter()
            .any(|letter| !letter.is_ascii())
    );
    assert_eq!(added[1]["type"], "file_citation");
}

#[tokio::test]
async fn an_approval_is_asked_for_and_given() {
    let service = Service::start().await;
    let first = service
        .ask("approval", &json!("Find lamps"))
        .await
        .ok()
        .json();
    let request = &first["output"][0];
    assert_eq!(
        (&request["type"], &request["server_label"]),
        (&json!("mcp_approval_request"), &json!("catalogue"))
    );
    assert!(request["id"].as_str().unwrap().starts_with("mcpr_"));
    let approval = json!([{"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": true}]);
    let mut body = ask_body("approval", &approval, false);
    body["previous_response_id"] = first["id"].clone();
    let second = service.post(PATH, &body).await.ok().json();
    assert_eq!(output_text(&second), "search_catalogue returned: approved");
}

#[tokio::test]
async fn other_items_have_their_events() {
    let service = Service::start().await;
    let asked = service.ask("consent", &json!("Hello")).await.ok().json();
    assert_eq!(asked["output"][0]["type"], "oauth_consent_request");
    assert!(
        asked["output"][0]["consent_link"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );

    let refusal = service.ask_streaming("refuses", &json!("Hello")).await;
    assert!(names(&refusal).contains(&"response.refusal.delta"));
    let content = &find(&refusal, "response.completed")["response"]["output"][0]["content"][0];
    assert_eq!(
        content["refusal"],
        find(&refusal, "response.refusal.done")["refusal"]
    );

    let two = service
        .ask("two-messages", &json!("Hello"))
        .await
        .ok()
        .json();
    assert_eq!(two["output"].as_array().unwrap().len(), 2);

    let reasons = service
        .ask("reasons", &json!("repeat exactly: yes"))
        .await
        .ok()
        .json();
    assert_eq!(reasons["output"][0]["type"], "reasoning");
    assert_eq!(reasons["output"][1]["content"][0]["text"], "yes");
    assert_eq!(
        reasons["usage"]["output_tokens_details"]["reasoning_tokens"],
        64
    );
    assert_eq!(reasons["usage"]["output_tokens"], 65);

    let unknown = service
        .ask_streaming("unknown-events", &json!("repeat exactly: yes"))
        .await;
    assert_numbered(&unknown);
    assert_eq!(text_of(&unknown), "yes");
    let output = &find(&unknown, "response.completed")["response"]["output"];
    assert_eq!(output[0]["type"], "emulator_future_call");
    assert_eq!(names(&unknown).last(), Some(&"response.completed"));
}
