//! An emulator and a client for it.

use std::sync::Once;
use std::time::Duration;

use foundry_emulator::{Behaviour, Emulator, Options};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Long enough for anything that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An emulator with a client that speaks to its default project.
pub(crate) struct Service {
    pub(crate) emulator: Emulator,
    pub(crate) http: reqwest::Client,
}

/// An answer, read completely.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

/// A server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
}

pub(crate) fn http_client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
    });
    reqwest::Client::builder().build().unwrap()
}

impl Service {
    pub(crate) async fn start() -> Service {
        Service::with(Behaviour::default()).await
    }

    pub(crate) async fn with(behaviour: Behaviour) -> Service {
        let options = Options {
            behaviour,
            ..Options::default()
        };
        Service {
            emulator: Emulator::start(options).await.unwrap(),
            http: http_client(),
        }
    }

    /// A request to a path below the project, such as `/agents?api-version=v1`.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.emulator.project_endpoint());
        let request = self.http.request(method, url).bearer_auth("token");
        if body.is_null() {
            return request;
        }
        request
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        read(self.request(method, path, body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &Value::Null).await
    }

    /// A new agent's answer to a text.
    pub(crate) async fn ask(&self, agent: &str, input: &Value) -> Answer {
        self.post("/openai/v1/responses", &ask_body(agent, input, false))
            .await
    }

    /// The events of a new agent's answer to a text.
    pub(crate) async fn ask_streaming(&self, agent: &str, input: &Value) -> Vec<Event> {
        let body = ask_body(agent, input, true);
        self.post("/openai/v1/responses", &body).await.ok().events()
    }

    /// The events of a classic agent's answer to a text, in a thread of its own.
    pub(crate) async fn run_streaming(&self, assistant: &str, text: &str) -> Vec<Event> {
        self.post(
            "/threads/runs?api-version=v1",
            &run_body(assistant, text, true),
        )
        .await
        .ok()
        .events()
    }

    /// Sends a request with `connection: close` and reads until the connection ends: the bytes, and how it ended.
    pub(crate) async fn raw_post(&self, path: &str, body: &Value) -> (String, std::io::Result<()>) {
        let body = body.to_string();
        let request = format!(
            "POST /api/projects/emulated{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer token\r\n\
             content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.emulator.address()).await.unwrap();
        let mut read = Vec::new();
        let ended = async {
            stream.write_all(request.as_bytes()).await?;
            stream.read_to_end(&mut read).await?;
            Ok(())
        };
        let ended = tokio::time::timeout(PATIENCE, ended).await.unwrap();
        (String::from_utf8_lossy(&read).into_owned(), ended)
    }
}

pub(crate) fn ask_body(agent: &str, input: &Value, stream: bool) -> Value {
    json!({
        "agent_reference": {"type": "agent_reference", "name": agent},
        "input": input,
        "stream": stream,
    })
}

pub(crate) fn run_body(assistant: &str, text: &str, stream: bool) -> Value {
    json!({
        "assistant_id": assistant,
        "thread": {"messages": [{"role": "user", "content": text}]},
        "stream": stream,
    })
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = tokio::time::timeout(PATIENCE, request.send())
        .await
        .unwrap()
        .unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = tokio::time::timeout(PATIENCE, response.text())
        .await
        .unwrap()
        .unwrap();
    Answer {
        status,
        headers,
        text,
    }
}

impl Answer {
    /// The answer, which must be a success.
    pub(crate) fn ok(self) -> Answer {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        events(&self.text)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and `error` object of a refusal.
    pub(crate) fn refusal(&self) -> (u16, Value) {
        (self.status.as_u16(), self.json()["error"].clone())
    }
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}

/// The events in a stream, each exactly `event:`, `data:` and a blank line.
pub(crate) fn events(text: &str) -> Vec<Event> {
    let text = text.strip_suffix("\n\n").unwrap_or(text);
    text.split("\n\n")
        .map(|frame| {
            let (name, data) = frame
                .split_once('\n')
                .unwrap_or_else(|| panic!("one line: {frame}"));
            Event {
                name: name.strip_prefix("event: ").unwrap().to_owned(),
                data: data.strip_prefix("data: ").unwrap().to_owned(),
            }
        })
        .collect()
}

/// The names of the events, a run of equal names once.
pub(crate) fn names(events: &[Event]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    names.dedup();
    names
}

/// The data of the first event of this name.
pub(crate) fn find(events: &[Event], name: &str) -> Value {
    events
        .iter()
        .find(|event| event.name == name)
        .unwrap_or_else(|| panic!("no {name} in {:?}", names(events)))
        .json()
}

/// The text in the deltas of either dialect.
pub(crate) fn text_of(events: &[Event]) -> String {
    events
        .iter()
        .filter_map(|event| match event.name.as_str() {
            "response.output_text.delta" => Some(event.json()["delta"].clone()),
            "thread.message.delta" => {
                Some(event.json()["delta"]["content"][0]["text"]["value"].clone())
            }
            _ => None,
        })
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}
