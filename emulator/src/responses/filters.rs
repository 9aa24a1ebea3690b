//! The content filter's findings in a response.

use serde_json::{Value, json};

/// The findings about the prompt and the answer, which have these lengths in characters; `blocked` says that the answer
/// was stopped. Shape of `new/prompt_agent_endpoint_responses.v1.json`.
pub(crate) fn content_filters(prompt: usize, completion: usize, blocked: bool) -> Value {
    json!([
        {
            "blocked": false,
            "source_type": "prompt",
            "content_filter_results": results(false, &["jailbreak"]),
            "content_filter_raw": [],
            "content_filter_offsets": offsets(prompt),
        },
        {
            "blocked": blocked,
            "source_type": "completion",
            "content_filter_results":
                results(blocked, &["protected_material_text", "protected_material_code"]),
            "content_filter_raw": [],
            "content_filter_offsets": offsets(completion),
        },
    ])
}

/// The same with the key order of the preview, recorded in `new/prompt_agent_stream.preview.sse`.
pub(crate) fn preview_content_filters(prompt: usize, completion: usize, blocked: bool) -> Value {
    let harmful = |blocked: bool| {
        if blocked {
            json!({"filtered": true, "severity": "medium"})
        } else {
            json!({"filtered": false, "severity": "safe"})
        }
    };
    let detected = json!({"filtered": false, "detected": false});
    json!([
        {
            "blocked": false,
            "source_type": "prompt",
            "content_filter_raw": null,
            "content_filter_results": {
                "jailbreak": detected,
                "sexual": harmful(false),
                "violence": harmful(false),
                "self_harm": harmful(false),
                "hate": harmful(false),
            },
            "content_filter_offsets": offsets(prompt),
        },
        {
            "blocked": blocked,
            "source_type": "completion",
            "content_filter_raw": null,
            "content_filter_results": {
                "self_harm": harmful(false),
                "hate": harmful(false),
                "sexual": harmful(false),
                "violence": harmful(blocked),
                "protected_material_text": detected,
                "protected_material_code": detected,
            },
            "content_filter_offsets": offsets(completion),
        },
    ])
}

fn results(blocked: bool, detectors: &[&str]) -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    let violence = if blocked {
        json!({"filtered": true, "severity": "medium"})
    } else {
        safe.clone()
    };
    let mut results = json!({
        "sexual": safe,
        "hate": safe,
        "violence": violence,
        "self_harm": safe,
    });
    if let Some(results) = results.as_object_mut() {
        for detector in detectors {
            results.insert(
                (*detector).to_owned(),
                json!({"filtered": false, "detected": false}),
            );
        }
    }
    results
}

fn offsets(length: usize) -> Value {
    json!({"start_offset": 0, "end_offset": length, "check_offset": 0})
}
