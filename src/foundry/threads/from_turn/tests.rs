use serde_json::{Value, json};

use super::*;
use crate::agent::{Json, overrides::FunctionTool};

fn turn(messages: Vec<Message>) -> Turn {
    Turn {
        messages,
        ..Turn::default()
    }
}

fn user(text: &str) -> Message {
    Message::User {
        parts: vec![UserPart::Text(text.to_owned())],
    }
}

fn said(text: &str) -> Message {
    Message::Assistant {
        text: Some(text.to_owned()),
        tool_calls: Vec::new(),
    }
}

fn instruction(text: &str) -> Message {
    Message::Instruction {
        text: text.to_owned(),
    }
}

fn result(call_id: &str, output: &str) -> Message {
    Message::ToolResult {
        call_id: call_id.to_owned(),
        output: output.to_owned(),
    }
}

fn thread_of(messages: Vec<Message>) -> Value {
    serde_json::to_value(create_thread(&turn(messages))).unwrap()["messages"].take()
}

fn run_of(turn: &Turn) -> Value {
    let maker = RunMaker {
        assistant_id: "asst_1",
        turn,
        own: None,
    };
    serde_json::to_value(maker.with_thread()).unwrap()
}

#[test]
fn calls_and_their_results_are_told_as_text() {
    let call = ToolCall {
        call_id: "call_1".to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
    };
    let asking = Message::Assistant {
        text: Some("Let me see.".to_owned()),
        tool_calls: vec![call],
    };
    let text = |role: &str, texts: &[&str]| {
        let blocks = texts
            .iter()
            .map(|text| json!({"type": "text", "text": text}));
        json!({"role": role, "content": blocks.collect::<Vec<_>>()})
    };
    let messages = thread_of(vec![
        instruction("Be brief."),
        user("Hi"),
        asking,
        result("call_1", "1"),
        result("call_2", "2"),
        user("And?"),
        result("call_3", "3"),
    ]);
    assert_eq!(
        messages,
        json!([
            text("user", &["Hi"]),
            text("assistant", &["Let me see.", "[Tool call call_1] f({})"]),
            text(
                "user",
                &[
                    "[Result of the tool call call_1]\n1",
                    "[Result of the tool call call_2]\n2"
                ]
            ),
            text("user", &["And?"]),
            text("user", &["[Result of the tool call call_3]\n3"]),
        ])
    );
    let nothing = Message::Assistant {
        text: None,
        tool_calls: Vec::new(),
    };
    assert_eq!(thread_of(vec![nothing]), json!([]));
}

#[test]
fn documents_are_searched_and_other_files_are_read_by_code() {
    let file = |name: &str| {
        UserPart::File(UpstreamFile::OpenAi {
            id: format!("id of {name}"),
            name: name.to_owned(),
        })
    };
    let parts = vec![
        UserPart::Text("Look:".to_owned()),
        UserPart::Image {
            url: "https://x/i.png".to_owned(),
            detail: Some("low".to_owned()),
        },
        file("a.PDF"),
        file("b.csv"),
        UserPart::File(UpstreamFile::Agents("assistant-1".to_owned())),
    ];
    let attached = |id: &str, tool: &str| json!({"file_id": id, "tools": [{"type": tool}]});
    assert_eq!(
        thread_of(vec![Message::User { parts }]),
        json!([{
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "https://x/i.png", "detail": "low"}}],
            "attachments": [
                attached("id of a.PDF", "file_search"),
                attached("id of b.csv", "code_interpreter"),
                attached("assistant-1", "code_interpreter")],
        }])
    );
}

#[test]
fn system_messages_become_instructions_of_the_run() {
    let texts = |texts: &[&str]| {
        let messages = texts.iter().map(|text| instruction(text));
        instructions(&turn(messages.chain([user("Hi")]).collect()))
    };
    assert_eq!(texts(&[]), None);
    assert_eq!(texts(&["", ""]), None);
    assert_eq!(
        texts(&["Be brief.", "", "Rhyme."]).as_deref(),
        Some("Be brief.\n\nRhyme.")
    );
}

#[test]
fn a_run_is_made_in_three_ways() {
    let turn = turn(vec![user("Hi")]);
    let maker = RunMaker {
        assistant_id: "asst_1",
        turn: &turn,
        own: None,
    };
    let messages = json!([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]);
    assert_eq!(
        serde_json::to_value(maker.with_thread()).unwrap(),
        json!({"assistant_id": "asst_1", "stream": true, "thread": {"messages": messages}})
    );
    assert_eq!(
        serde_json::to_value(maker.on_new_thread("Rhyme.")).unwrap(),
        json!({"assistant_id": "asst_1", "stream": true, "additional_instructions": "Rhyme."})
    );
    assert_eq!(
        serde_json::to_value(maker.continuing(None)).unwrap(),
        json!({"assistant_id": "asst_1", "stream": true, "additional_messages": messages})
    );
}

#[test]
fn options_of_the_request_are_options_of_the_run() {
    let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    let with = |overrides: Overrides| Turn {
        overrides,
        ..Turn::default()
    };
    let all = with(Overrides {
        instructions: Some("Rhyme.".to_owned()),
        temperature: Some(0.5),
        top_p: Some(0.25),
        max_prompt_tokens: Some(9),
        truncation_strategy: Some(json(r#"{"type":"auto"}"#)),
        parallel_tool_calls: Some(false),
        response_format: Some(overrides::ResponseFormat::JsonObject),
        ..Overrides::default()
    });
    let all = Turn {
        max_output_tokens: Some(7),
        ..all
    };
    assert_eq!(
        run_of(&all),
        json!({"assistant_id": "asst_1", "stream": true, "thread": {"messages": []}, "instructions": "Rhyme.",
            "temperature": 0.5, "top_p": 0.25, "max_completion_tokens": 7, "max_prompt_tokens": 9,
            "truncation_strategy": {"type": "auto"}, "parallel_tool_calls": false,
            "response_format": {"type": "json_object"}})
    );
    let schema = with(Overrides {
        response_format: Some(overrides::ResponseFormat::JsonSchema {
            name: "n".to_owned(),
            description: None,
            schema: json("{}"),
            strict: Some(true),
        }),
        ..Overrides::default()
    });
    assert_eq!(
        run_of(&schema)["response_format"],
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}})
    );
}

#[test]
fn functions_of_the_client_are_sent_with_the_agents_own() {
    let own = crate::foundry::definitions::of_json(
        r#"{"kind":"prompt","model":"m","tools":[{"type":"file_search"}]}"#,
    )
    .unwrap();
    let function = FunctionTool {
        name: "f".to_owned(),
        description: None,
        parameters: None,
        strict: None,
    };
    let turn = Turn {
        overrides: Overrides {
            tools: vec![function],
            tool_choice: Some(overrides::ToolChoice::Required),
            ..Overrides::default()
        },
        ..Turn::default()
    };
    let maker = RunMaker {
        assistant_id: "asst_1",
        turn: &turn,
        own: Some(&own),
    };
    let run = serde_json::to_value(maker.on_new_thread("")).unwrap();
    assert_eq!(
        run["tools"],
        json!([{"type": "file_search"}, {"type": "function", "function": {"name": "f"}}])
    );
    assert_eq!(
        run["tool_choice"],
        json!({"type": "function", "function": {"name": "f"}})
    );
}

#[test]
fn a_run_that_waits_is_given_results_and_approvals_apart() {
    let turn = turn(vec![
        said("before"),
        result("call_1", "42"),
        result("approval_mcpr_1", "approve"),
        result("approval_mcpr_2", "no"),
    ]);
    assert_eq!(
        serde_json::to_value(submission(&turn)).unwrap(),
        json!({
            "tool_outputs": [{"tool_call_id": "call_1", "output": "42"}],
            "tool_approvals": [
                {"tool_call_id": "mcpr_1", "approve": true},
                {"tool_call_id": "mcpr_2", "approve": false}],
            "stream": true,
        })
    );
}

#[test]
fn a_message_may_be_as_long_as_the_service_takes_and_counts_characters() {
    let check = |text: String| check_size(&turn(vec![user("short"), user(&text)]));
    assert_eq!(check("a".repeat(MAX_MESSAGE_CHARACTERS)), Ok(()));
    assert_eq!(check("ä".repeat(MAX_MESSAGE_CHARACTERS)), Ok(()));
    let failure = check("ä".repeat(MAX_MESSAGE_CHARACTERS + 1)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::InvalidRequest);
    assert!(
        failure
            .message
            .starts_with("message 1 is longer than the 1500000 characters"),
        "{}",
        failure.message
    );
    let image = UserPart::Image {
        url: "a".repeat(MAX_MESSAGE_CHARACTERS + 1),
        detail: None,
    };
    let parts = vec![image];
    assert_eq!(check_size(&turn(vec![Message::User { parts }])), Ok(()));
}

#[test]
fn a_thread_may_have_as_many_messages_as_the_service_takes() {
    let check = |count| check_size(&turn(vec![instruction(""); count]));
    assert_eq!(check(MAX_MESSAGES), Ok(()));
    let failure = check(MAX_MESSAGES + 1).unwrap_err();
    assert_eq!(failure.kind, FailureKind::InvalidRequest);
}
