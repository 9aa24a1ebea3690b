//! Runs that wait for the client: function calls and approvals.

use serde_json::{Value, json};

use super::{VERSION, get, path_of, run, thread};
use crate::support::{Service, find, names, text_of};

#[tokio::test]
async fn functions_are_called_and_answered_by_polling() {
    let service = Service::start().await;
    let thread = thread(&service, "weather in Paris and Rome").await;
    let queued = run(&service, &thread, "asst_weather").await;
    let path = path_of(&queued);
    let waiting = get(&service, &path).await;
    assert_eq!(
        (&waiting["status"], &waiting["usage"]),
        (&json!("requires_action"), &Value::Null)
    );
    assert_eq!(
        waiting["expires_at"].as_u64().unwrap() - waiting["created_at"].as_u64().unwrap(),
        36_000
    );
    let calls = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(calls[1]["function"]["arguments"], "{\"location\":\"Rome\"}");

    let output = |call: &Value, output: &str| json!({"tool_call_id": call["id"], "output": output});
    let some = json!({"tool_outputs": [output(&calls[0], "sunny")]});
    let submit = format!("{path}/submit_tool_outputs?{VERSION}");
    let (status, error) = service.post(&submit, &some).await.refusal();
    assert_eq!(status, 400);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains(calls[1]["id"].as_str().unwrap())
    );
    let strange = json!({"tool_outputs": [output(&calls[0], "a"), output(&calls[1], "b"), {"tool_call_id": "call_x", "output": "c"}]});
    assert_eq!(service.post(&submit, &strange).await.status, 400);
    let doubled = json!({"tool_outputs": [output(&calls[0], "a"), output(&calls[1], "b"), output(&calls[0], "c")]});
    assert_eq!(service.post(&submit, &doubled).await.status, 400);
    let all = json!({"tool_outputs": [output(&calls[0], "sunny"), output(&calls[1], "rainy")]});
    let resumed = service.post(&submit, &all).await.ok().json();
    assert_eq!(
        (&resumed["status"], &resumed["required_action"]),
        (&json!("queued"), &Value::Null)
    );
    assert_eq!(service.post(&submit, &all).await.status, 400);

    assert_eq!(get(&service, &path).await["status"], "completed");
    let messages = get(&service, &format!("{thread}/messages")).await;
    assert_eq!(
        messages["data"][0]["content"][0]["text"]["value"],
        "get_weather returned: sunny\nget_weather returned: rainy"
    );
    let steps = get(&service, &format!("{path}/steps")).await;
    let kinds: Vec<&str> = steps["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["message_creation", "tool_calls"]);
    assert_eq!(
        steps["data"][1]["step_details"]["tool_calls"][0]["function"]["output"],
        "sunny"
    );
    let step = format!("{path}/steps/{}", steps["data"][1]["id"].as_str().unwrap());
    assert_eq!(get(&service, &step).await, steps["data"][1]);
}

#[tokio::test]
async fn an_approval_announces_the_run_once_more() {
    let service = Service::start().await;
    let asked = service.run_streaming("asst_approval", "Find lamps").await;
    let waiting = find(&asked, "thread.run.requires_action");
    assert_eq!(waiting["required_action"]["type"], "submit_tool_approval");
    let call = &waiting["required_action"]["submit_tool_approval"]["tool_calls"][0];
    assert_eq!(
        (&call["type"], &call["server_label"]),
        (&json!("mcp"), &json!("catalogue"))
    );
    let body =
        json!({"tool_approvals": [{"tool_call_id": call["id"], "approve": true}], "stream": true});
    let stable = format!("{}/submit_tool_outputs?{VERSION}", path_of(&waiting));
    let (status, error) = service.post(&stable, &body).await.refusal();
    assert_eq!((status, &error["param"]), (400, &json!("tool_approvals")));
    let path = format!(
        "{}/submit_tool_outputs?api-version=2025-05-15-preview",
        path_of(&waiting)
    );
    let answered = service.post(&path, &body).await.ok().events();
    assert_eq!(
        names(&answered)[..4],
        [
            "thread.run.queued",
            "thread.run.created",
            "thread.run.queued",
            "thread.run.in_progress"
        ]
    );
    assert_eq!(text_of(&answered), "search_catalogue returned: approved");
    assert_eq!(names(&answered).last(), Some(&"done"));
}
