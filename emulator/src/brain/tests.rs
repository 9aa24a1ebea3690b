//! What the default agent says and does.

use serde_json::json;

use super::*;

fn user(text: &str) -> Turn {
    Turn::User {
        text: text.to_owned(),
        attachments: 0,
    }
}

fn conversation(turns: Vec<Turn>) -> Conversation {
    Conversation {
        turns,
        ..Conversation::default()
    }
}

fn weather_tool() -> FunctionTool {
    FunctionTool {
        name: "get_weather".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        }),
    }
}

fn text(conversation: &Conversation) -> String {
    match think(conversation, None) {
        Thought::Text(text) => text,
        other => panic!("not a text: {other:?}"),
    }
}

fn calls(conversation: &Conversation) -> Vec<(String, String)> {
    match think(conversation, None) {
        Thought::Calls(calls) => calls,
        other => panic!("not a call: {other:?}"),
    }
}

#[test]
fn a_name_is_remembered() {
    let told = conversation(vec![
        user("Hi! My name is Ada Lovelace, and I like engines."),
        Turn::Assistant("Hello.".to_owned()),
        user("What is my name?"),
    ]);
    assert_eq!(text(&told), "Your name is Ada Lovelace.");
    let untold = conversation(vec![user("what's my name")]);
    assert_eq!(text(&untold), "You have not told me your name.");
}

#[test]
fn the_newest_name_wins() {
    let told = conversation(vec![
        user("My name is Ada"),
        user("MY NAME IS grace. What is my name?"),
    ]);
    assert_eq!(text(&told), "Your name is grace.");
}

#[test]
fn text_is_repeated_exactly() {
    let asked = conversation(vec![user("Repeat exactly: π, \"quotes\" and\n\nlines 😄 ")]);
    assert_eq!(text(&asked), "π, \"quotes\" and\n\nlines 😄 ");
}

#[test]
fn instructions_can_be_asked_for() {
    let mut asked = conversation(vec![
        Turn::System("Be brief.".to_owned()),
        user("What are your instructions?"),
    ]);
    asked.instructions.push("You are a pirate.".to_owned());
    assert_eq!(
        text(&asked),
        "My instructions are: \"You are a pirate.\", \"Be brief.\"."
    );
}

#[test]
fn other_questions_are_quoted() {
    assert_eq!(
        text(&conversation(vec![user("Why?")])),
        "You said: \"Why?\"."
    );
    let long = "a".repeat(5000);
    let answer = text(&conversation(vec![user(&long)]));
    assert!(
        answer.len() < 400 && answer.contains("5000 characters"),
        "{answer}"
    );
}

#[test]
fn the_default_answer_has_the_wanted_length() {
    let asked = conversation(vec![user("Why?")]);
    let Thought::Text(answer) = think(&asked, Some(7)) else {
        panic!("not a text")
    };
    assert_eq!(answer.split_whitespace().count(), 7);
}

#[test]
fn a_question_about_a_tools_subject_calls_it() {
    let mut asked = conversation(vec![user("What's the weather in Paris?")]);
    asked.tools.push(weather_tool());
    assert_eq!(
        calls(&asked),
        [(
            "get_weather".to_owned(),
            "{\"location\":\"Paris\"}".to_owned()
        )]
    );
}

#[test]
fn several_places_are_several_calls_unless_forbidden() {
    let mut asked = conversation(vec![user("weather in Paris, Rome and New York")]);
    asked.tools.push(weather_tool());
    let arguments: Vec<String> = calls(&asked)
        .into_iter()
        .map(|(_, arguments)| arguments)
        .collect();
    assert_eq!(
        arguments,
        [
            "{\"location\":\"Paris\"}",
            "{\"location\":\"Rome\"}",
            "{\"location\":\"New York\"}"
        ]
    );
    asked.one_call_only = true;
    assert_eq!(calls(&asked).len(), 1);
}

#[test]
fn a_tool_without_parameters_is_called_with_an_empty_object() {
    let mut asked = conversation(vec![user("Hello, what time is it?")]);
    asked.tools.push(FunctionTool {
        name: "fetch_current_datetime".to_owned(),
        parameters: Value::Null,
    });
    assert_eq!(
        calls(&asked),
        [("fetch_current_datetime".to_owned(), "{}".to_owned())]
    );
}

#[test]
fn unrelated_questions_and_choice_none_call_nothing() {
    let mut asked = conversation(vec![user("What is the capital of France?")]);
    asked.tools.push(weather_tool());
    assert!(text(&asked).contains("capital"));
    let mut off = conversation(vec![user("weather in Paris")]);
    off.tools.push(weather_tool());
    off.choice = ToolChoice::Off;
    assert!(text(&off).contains("weather in Paris"));
}

#[test]
fn a_forced_choice_is_obeyed() {
    let mut asked = conversation(vec![user("Hello")]);
    asked.tools.push(weather_tool());
    asked.choice = ToolChoice::Required;
    assert_eq!(calls(&asked)[0].0, "get_weather");
    asked.tools.push(FunctionTool {
        name: "other".to_owned(),
        parameters: json!({}),
    });
    asked.choice = ToolChoice::Named("other".to_owned());
    assert_eq!(calls(&asked)[0].0, "other");
}

#[test]
fn a_tools_output_becomes_a_text_that_quotes_it() {
    let mut asked = conversation(vec![
        user("weather in Paris"),
        Turn::Call(FunctionCall {
            call_id: "call_1".to_owned(),
            name: "get_weather".to_owned(),
            arguments: "{}".to_owned(),
        }),
        Turn::Output {
            call_id: "call_1".to_owned(),
            output: "21 degrees".to_owned(),
        },
    ]);
    asked.tools.push(weather_tool());
    asked.choice = ToolChoice::Required;
    assert_eq!(text(&asked), "get_weather returned: 21 degrees");
}

#[test]
fn a_wish_to_fail_breaks_the_answer() {
    let asked = conversation(vec![user("Please fail in the middle.")]);
    assert!(matches!(think(&asked, None), Thought::Breaks(_)));
}

#[test]
fn a_json_object_is_an_object() {
    let mut asked = conversation(vec![user("Answer in JSON")]);
    asked.format = Format::JsonObject;
    let answer: Value = serde_json::from_str(&text(&asked)).unwrap();
    assert!(answer.is_object());
}

#[test]
fn instances_validate_against_their_schemas() {
    let schemas = [
        json!({"type": "object", "properties": {"a": {"type": "string", "minLength": 80}, "b": {"type": ["integer", "null"], "minimum": 5}}, "required": ["a", "b"], "additionalProperties": false}),
        json!({"type": "array", "items": {"enum": ["x", "y", "z"]}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "items": {"type": "integer", "multipleOf": 5}, "minItems": 2, "uniqueItems": true}),
        json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"value": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.75}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["value", "next", "children"], "additionalProperties": false}}}),
        json!({"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}, "mail": {"type": "string", "format": "email"}, "id": {"type": "string", "format": "uuid"}, "flag": {"type": "boolean"}, "kind": {"const": "event"}}, "required": ["when", "mail", "id", "flag", "kind"]}),
        json!({"allOf": [{"$ref": "#/definitions/named"}, {"properties": {"age": {"type": "integer", "maximum": -3}}, "required": ["age"]}], "definitions": {"named": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}}, "required": ["name"]}}}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2}),
        json!({"type": "object", "required": ["extra"], "additionalProperties": {"type": "integer"}}),
        json!({"oneOf": [{"type": "null"}, {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 10}}, "required": ["n"]}]}),
    ];
    for schema in schemas {
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        for question in ["Plan 3 events in Paris for \"Ada\"", ""] {
            let filled = instance(&schema, question);
            assert!(
                validator.is_valid(&filled),
                "{schema} does not allow {filled}"
            );
        }
    }
}

#[test]
fn usage_grows_with_the_conversation() {
    let short = conversation(vec![user("Hello")]);
    let long = conversation(vec![
        user("Hello"),
        Turn::Assistant("Hi there".to_owned()),
        user("More"),
    ]);
    assert_eq!(short.input_tokens(), 5);
    assert_eq!(long.input_tokens(), 5 + 6 + 5);
}

#[test]
fn steps_are_taken_one_after_the_other() {
    let call = |id: &str| {
        Turn::Call(FunctionCall {
            call_id: id.to_owned(),
            name: "get_weather".to_owned(),
            arguments: "{}".to_owned(),
        })
    };
    let output = |id: &str, output: &str| Turn::Output {
        call_id: id.to_owned(),
        output: output.to_owned(),
    };
    let mut asked = conversation(vec![user(
        "Weather in Paris and Rome, then the weather in Oslo",
    )]);
    asked.tools = vec![weather_tool()];
    assert_eq!(calls(&asked).len(), 2);
    asked
        .turns
        .extend([call("a"), call("b"), output("a", "x"), output("b", "y")]);
    let second = calls(&asked);
    assert_eq!(second.len(), 1);
    assert!(second[0].1.contains("Oslo"), "{second:?}");
    asked.turns.extend([call("c"), output("c", "sunny")]);
    assert_eq!(text(&asked), "get_weather returned: sunny");
}
