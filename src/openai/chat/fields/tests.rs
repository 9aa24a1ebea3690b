use super::*;

fn agent(classic: bool) -> AgentReference {
    if classic {
        AgentReference::Classic {
            assistant_id: "asst_1".to_owned(),
        }
    } else {
        AgentReference::New {
            name: "a".to_owned(),
            version: None,
        }
    }
}

fn decision(name: &str, json: &str, classic: bool, policy: OverridePolicy) -> &'static str {
    let value = RawValue::from_string(json.to_owned()).unwrap();
    match decide(name, &value, &agent(classic), policy) {
        Ok(Decision::Taken) => "taken",
        Ok(Decision::Ignored) => "ignored",
        Ok(Decision::Overrides) => "overrides",
        Ok(Decision::Joins) => "joins",
        Err(error) => {
            assert_eq!(error.param.as_deref(), Some(name));
            assert_eq!(error.status, 400);
            "refused"
        }
    }
}

#[test]
fn each_policy_treats_each_kind_of_field_as_documented() {
    use OverridePolicy::{Auto, Ignore, Inline, Reject};
    let tools = r#"[{"type":"function"}]"#;
    let format = r#"{"type":"json_object"}"#;
    let rows = [
        (
            "temperature",
            "0.1",
            "joins",
            "overrides",
            "refused",
            "ignored",
        ),
        ("seed", "7", "ignored", "ignored", "refused", "ignored"),
        (
            "tools",
            tools,
            "overrides",
            "overrides",
            "refused",
            "ignored",
        ),
        (
            "response_format",
            format,
            "overrides",
            "overrides",
            "refused",
            "ignored",
        ),
        (
            "stop", r#"["."]"#, "refused", "refused", "refused", "ignored",
        ),
        ("n", "2", "refused", "refused", "refused", "refused"),
        (
            "something_else",
            "1",
            "ignored",
            "ignored",
            "refused",
            "ignored",
        ),
        ("metadata", "{}", "taken", "taken", "taken", "taken"),
    ];
    for (name, json, auto, inline, reject, ignore) in rows {
        assert_eq!(decision(name, json, false, Auto), auto, "{name}");
        assert_eq!(decision(name, json, false, Inline), inline, "{name}");
        assert_eq!(decision(name, json, false, Reject), reject, "{name}");
        assert_eq!(decision(name, json, false, Ignore), ignore, "{name}");
    }
    assert_eq!(decision("temperature", "0.1", true, Reject), "taken");
    assert_eq!(decision("response_format", format, true, Auto), "taken");
    assert_eq!(decision("response_format", format, true, Ignore), "ignored");
    assert_eq!(decision("response_format", format, true, Reject), "refused");
}

#[test]
fn values_that_say_the_obvious_are_taken_under_every_policy() {
    let rows = [
        ("n", "1"),
        ("logprobs", "false"),
        ("top_logprobs", "0"),
        ("store", "false"),
        ("service_tier", r#""auto""#),
        ("service_tier", r#""default""#),
        ("frequency_penalty", "0.0"),
        ("functions", "[]"),
        ("function_call", r#""none""#),
        ("tools", "[]"),
        ("stop", "[ ]"),
        ("logit_bias", "{ }"),
        ("tool_choice", r#""auto""#),
        ("response_format", r#"{"type": "text"}"#),
        ("modalities", r#"["text"]"#),
        ("presence_penalty", "0"),
    ];
    for (name, json) in rows {
        assert_eq!(
            decision(name, json, false, OverridePolicy::Reject),
            "taken",
            "{name}"
        );
    }
}

#[test]
fn no_field_stands_twice() {
    let mut names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FIELDS.len());
}

#[test]
fn a_refusal_says_why_and_what_helps() {
    use OverridePolicy::{Auto, Reject};
    let message = |name: &str, json: &str, policy| {
        let value = RawValue::from_string(json.to_owned()).unwrap();
        decide(name, &value, &agent(false), policy)
            .unwrap_err()
            .message
    };
    assert_eq!(
        message("n", "2", Auto),
        "n cannot be used with this agent (an agent gives one answer); remove it"
    );
    assert_eq!(
        message("stop", r#"["."]"#, Auto),
        format!("stop cannot be used with this agent (agents have no stop sequences); {REMEDY}")
    );
    assert_eq!(
        message("seed", "7", Reject),
        format!("seed cannot be used with this agent ({REJECTED}); {REMEDY}")
    );
}

#[test]
fn values_that_say_something_are_not_taken_for_the_obvious() {
    let rows = [
        ("top_logprobs", "1"),
        ("logprobs", "true"),
        ("service_tier", r#""flex""#),
        ("frequency_penalty", "0.5"),
        ("logit_bias", r#"{"1": 2}"#),
        ("tool_choice", r#""required""#),
        ("modalities", r#"["text", "audio"]"#),
    ];
    for (name, json) in rows {
        assert_eq!(
            decision(name, json, false, OverridePolicy::Reject),
            "refused",
            "{name}"
        );
    }
}
