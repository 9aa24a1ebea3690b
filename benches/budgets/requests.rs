//! The bytes that clients send, with the header fields of OpenAI's Python library.

use crate::answers::{self, Dialect};

/// The key that the gateway knows.
pub(crate) const KEY: &str = "budgets-key-0123456789abcdef";

/// A probe.
pub(crate) const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

const HEAD: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\naccept-encoding: gzip, deflate\r\n\
                    connection: keep-alive\r\naccept: application/json\r\ncontent-type: application/json\r\n\
                    user-agent: OpenAI/Python 2.8.1\r\nx-stainless-lang: python\r\n\
                    x-stainless-package-version: 2.8.1\r\nx-stainless-os: Linux\r\nx-stainless-arch: x64\r\n\
                    x-stainless-runtime: CPython\r\nx-stainless-runtime-version: 3.11.7\r\nx-stainless-async: false\r\n\
                    x-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\n";

/// One question to an agent of this dialect.
pub(crate) fn chat(dialect: Dialect, stream: bool) -> String {
    let model = match dialect {
        Dialect::New => "assistant",
        Dialect::Classic => "asst_bcVAUsaklngwUFYlgCHt6YXZ",
    };
    let messages = message("user", "What is the capital of France, and since when?");
    post(&format!(
        "{{\"model\":\"{model}\",\"messages\":[{messages}],\"stream\":{stream}}}"
    ))
}

/// A question with a key that nobody has.
pub(crate) fn refused() -> String {
    chat(Dialect::New, true).replace(KEY, "budgets-key-that-nobody-has-")
}

/// A turn of a conversation, streamed, with all that was said before; `last_answer` is what the turn before gave.
pub(crate) fn turn(number: u64, last_answer: &str) -> String {
    let mut messages = Vec::new();
    for earlier in 1..number {
        messages.push(message(
            "user",
            &format!("Question {earlier}: what is said of it in the documents?"),
        ));
        let answer = answers::text(1_000_000 + earlier, 50);
        let answer = if earlier + 1 == number && !last_answer.is_empty() {
            last_answer
        } else {
            &answer
        };
        messages.push(message("assistant", answer));
    }
    messages.push(message(
        "user",
        &format!("Question {number}: what is said of it in the documents?"),
    ));
    post(&format!(
        "{{\"model\":\"assistant\",\"messages\":[{}],\"stream\":true}}",
        messages.join(",")
    ))
}

fn message(role: &str, content: &str) -> String {
    format!("{{\"role\":\"{role}\",\"content\":\"{content}\"}}")
}

fn post(body: &str) -> String {
    format!(
        "{HEAD}authorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
