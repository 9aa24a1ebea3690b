//! Sends the requests of a recorded session in order, with the emulator's ids in place of the recorded ones.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use super::shape::differences;
use super::{assert_same_events, fixture};
use crate::support::{Answer, Service, events};

/// Response headers that must be there where the recording has them.
const HEADERS: [&str; 10] = [
    "api-supported-versions",
    "apim-request-id",
    "openai-processing-ms",
    "openai-version",
    "x-agent-version-resolution",
    "x-agent-version-resolved",
    "x-ms-region",
    "x-ratelimit-remaining-tokens",
    "x-request-id",
    "x-request-time",
];

pub(super) struct Replay<'a> {
    service: &'a Service,
    ignored: &'a [&'a str],
    /// Recorded ids and what they are called here.
    ids: BTreeMap<String, String>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(service: &'a Service) -> Replay<'a> {
        Replay {
            service,
            ignored: &[],
            ids: BTreeMap::new(),
        }
    }

    /// Keys whose presence is not compared.
    pub(super) fn ignoring(mut self, keys: &'a [&'a str]) -> Replay<'a> {
        self.ignored = keys;
        self
    }

    /// An id that was made before the recording starts.
    pub(super) fn knowing(mut self, recorded: &str, actual: &str) -> Replay<'a> {
        self.ids.insert(recorded.to_owned(), actual.to_owned());
        self
    }

    pub(super) async fn run(mut self, session: &str) {
        let session: Value = serde_json::from_str(session).unwrap();
        for entry in session["entries"].as_array().unwrap() {
            let (request, recorded) = (&entry["request"], &entry["response"]);
            let method: Method = request["method"].as_str().unwrap().parse().unwrap();
            let uri = self.translated(request["uri"].as_str().unwrap());
            let body = self.translated(&request["body"].to_string());
            let body: Value = serde_json::from_str(&body).unwrap();
            let answer = self.service.send(method, &uri, &body).await;
            assert_eq!(
                recorded["status"],
                answer.status.as_u16(),
                "{uri}: {}",
                answer.text
            );
            check_headers(recorded, &answer, &uri);
            if let Some(file) = recorded["body_file"].as_str() {
                assert_same_events(
                    &answer.events(),
                    &events(&fixture(&format!("classic/{file}"))),
                );
            } else if !recorded["body"].is_null() {
                let found = differences(&recorded["body"], &answer.json(), self.ignored);
                assert_eq!(found, Vec::<String>::new(), "{uri}: {}", answer.text);
                self.learn(&recorded["body"], &answer.json());
            }
        }
    }

    /// `text` with the emulator's ids.
    fn translated(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (recorded, actual) in &self.ids {
            text = text.replace(recorded, actual);
        }
        text
    }

    /// Remembers what recorded ids are called here.
    fn learn(&mut self, recorded: &Value, actual: &Value) {
        match (recorded, actual) {
            (Value::Object(fields), Value::Object(_)) => {
                if recorded["object"] == "agent.version" {
                    let path = |version: &Value| {
                        format!("versions/{}?", version["version"].as_str().unwrap())
                    };
                    self.ids.insert(path(recorded), path(actual));
                }
                if recorded["object"] == "thread" {
                    let id = actual["id"].as_str().unwrap().to_owned();
                    // The recording of the thread's deletion has a placeholder.
                    self.ids.insert("{thread}".to_owned(), id);
                }
                for (key, value) in fields {
                    self.learn(value, &actual[key.as_str()]);
                }
            }
            (Value::Array(recorded), Value::Array(actual)) => {
                for (recorded, actual) in recorded.iter().zip(actual) {
                    self.learn(recorded, actual);
                }
            }
            (Value::String(recorded), Value::String(actual)) if is_id(recorded) => {
                self.ids.insert(recorded.clone(), actual.clone());
            }
            _ => {}
        }
    }
}

fn is_id(text: &str) -> bool {
    [
        "asst_", "call_", "conv_", "fc_", "msg_", "resp_", "run_", "step_", "thread_",
    ]
    .iter()
    .any(|prefix| text.starts_with(prefix))
}

fn check_headers(recorded: &Value, answer: &Answer, uri: &str) {
    let Some(recorded) = recorded["headers"].as_object() else {
        return;
    };
    for (name, value) in recorded {
        let name = name.to_lowercase();
        if HEADERS.contains(&name.as_str()) {
            assert!(answer.header(&name).is_some(), "{uri}: no header {name}");
        }
        if name == "content-type" {
            let essence = |value: &str| value.split(';').next().unwrap().to_owned();
            let actual = answer.header("content-type").unwrap();
            assert_eq!(essence(actual), essence(value.as_str().unwrap()), "{uri}");
        }
    }
}
