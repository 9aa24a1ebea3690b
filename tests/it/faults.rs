//! The fault table: what a client gets when the service breaks, by the stage at which it breaks and by how.
//!
//! Whatever happens, the answer comes within a bound, a broken answer never looks like a finished one, the agent is
//! asked as often as the table says and no oftener, and the next request is answered.

use std::{collections::BTreeMap, time::Duration};

use foundry_emulator::{Behaviour, Emulator, Fault};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::support::{Gateway, always, emulator, error_of, events_of};

/// One row a fault. `answer` and `stream` are what a request without and with `stream` gets, from new and from
/// classic agents alike: an HTTP status and the code of the error, where 200 means that the error comes as the last
/// event; or `200 stop`, the whole answer. `asked` counts the requests that the service read. `again` is whether an
/// SDK may repeat a request that got an error status: `no` where it is told not to, because the agent may have run.
///
/// At stage `created` the service has taken the request but no agent has shown a sign of work, so that the status
/// of a streamed answer is still open.
const TABLE: &str = "
stage    fault               asked  again  answer                    stream
accept   reset               0      no     502 upstream_broken_off   502 upstream_broken_off
accept   close               0      no     502 upstream_broken_off   502 upstream_broken_off
accept   stall               0      no     504 upstream_timeout      504 upstream_timeout

headers  reset               1      no     502 upstream_broken_off   502 upstream_broken_off
headers  close               1      no     502 upstream_broken_off   502 upstream_broken_off
headers  stall               1      no     504 upstream_timeout      504 upstream_timeout
headers  slow                1      no     504 upstream_timeout      504 upstream_timeout
headers  malformed           1      no     502 upstream_unreadable   502 upstream_unreadable
headers  unknown_event       1      -      200 stop                  200 stop
headers  error_event         1      no     502 agent_failed          502 agent_failed
headers  oversized:100000    1      -      200 stop                  200 stop
headers  oversized:17000000  1      no     502 upstream_unreadable   502 upstream_unreadable
headers  status:500          1      yes    502 upstream_failed       502 upstream_failed
headers  status:503          3      yes    503 upstream_unavailable  503 upstream_unavailable

created  reset               1      no     502 upstream_broken_off   502 upstream_broken_off
created  close               1      no     502 upstream_broken_off   502 upstream_broken_off
created  eof                 1      no     502 upstream_broken_off   502 upstream_broken_off
created  stall               1      no     504 upstream_timeout      504 upstream_timeout
created  slow                1      no     504 upstream_timeout      504 upstream_timeout
created  malformed           1      no     502 upstream_unreadable   502 upstream_unreadable
created  unknown_event       1      -      200 stop                  200 stop
created  error_event         1      no     502 agent_failed          502 agent_failed
created  oversized:100000    1      -      200 stop                  200 stop
created  oversized:17000000  1      no     502 upstream_unreadable   502 upstream_unreadable

middle   reset               1      no     502 upstream_broken_off   200 upstream_broken_off
middle   close               1      no     502 upstream_broken_off   200 upstream_broken_off
middle   eof                 1      no     502 upstream_broken_off   200 upstream_broken_off
middle   stall               1      no     504 upstream_timeout      200 upstream_timeout
middle   slow                1      no     504 upstream_timeout      200 upstream_timeout
middle   malformed           1      no     502 upstream_unreadable   200 upstream_unreadable
middle   unknown_event       1      -      200 stop                  200 stop
middle   error_event         1      no     502 agent_failed          200 agent_failed
middle   oversized:100000    1      -      200 stop                  200 stop
middle   oversized:17000000  1      no     502 upstream_unreadable   200 upstream_unreadable

end      reset               1      no     502 upstream_broken_off   200 upstream_broken_off
end      close               1      no     502 upstream_broken_off   200 upstream_broken_off
end      eof                 1      no     502 upstream_broken_off   200 upstream_broken_off
end      stall               1      no     504 upstream_timeout      200 upstream_timeout
end      slow                1      no     504 upstream_timeout      200 upstream_timeout
end      malformed           1      no     502 upstream_unreadable   200 upstream_unreadable
end      unknown_event       1      -      200 stop                  200 stop
end      error_event         1      no     502 agent_failed          200 agent_failed
end      oversized:100000    1      -      200 stop                  200 stop
end      oversized:17000000  1      no     502 upstream_unreadable   200 upstream_unreadable
";

/// Far longer than any deadline below: only an answer that never comes reaches it.
const BOUND: Duration = Duration::from_secs(30);
/// The deadlines of the gateway where the service hangs; elsewhere none may be what ends the request.
const SHORT_DEADLINES: [(&str, &str); 4] = [
    ("GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS", "1"),
    ("GATEWAY_IDLE_TIMEOUT_SECONDS", "1"),
    ("GATEWAY_RESPONSE_TIMEOUT_SECONDS", "2"),
    ("GATEWAY_STREAM_TIMEOUT_SECONDS", "2"),
];
/// How many cells are tried at the same time.
const AT_A_TIME: usize = 16;

/// A kind of agent, and the request that asks it.
struct Dialect {
    agent: &'static str,
    operation: &'static str,
}

const DIALECTS: [Dialect; 2] = [
    Dialect {
        agent: "echo",
        operation: "create_response",
    },
    Dialect {
        agent: "asst_echo",
        operation: "create_thread_and_run",
    },
];

#[derive(Clone, Copy, Debug)]
enum Mode {
    Answer,
    Stream,
}

/// What a client and the service saw, in the words of the table.
#[derive(Debug, PartialEq)]
struct Outcome {
    told: String,
    asked: usize,
    /// Nothing is said about repeating an answer that has begun.
    again: Option<&'static str>,
}

#[tokio::test]
async fn every_fault_is_told_in_time_and_survived() {
    let rows = TABLE.lines().filter(|line| !line.is_empty()).skip(1);
    // What hangs is tried last, where nothing keeps the machine busy while a deadline runs.
    let (hanging, others): (Vec<&str>, Vec<&str>) = rows.partition(|row| hangs(row));
    let cells = others.into_iter().chain(hanging).flat_map(|row| {
        let modes = [Mode::Answer, Mode::Stream];
        let both = move |mode| DIALECTS.iter().map(move |dialect| (row, mode, dialect));
        modes.into_iter().flat_map(both)
    });
    let wrong: Vec<String> = stream::iter(cells)
        .map(|(row, mode, dialect)| check(row, mode, dialect))
        .buffer_unordered(AT_A_TIME)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn hangs(row: &str) -> bool {
    row.contains(" stall ") || row.contains(" slow ")
}

/// Tries one cell of the table; says what is wrong with it.
async fn check(row: &str, mode: Mode, dialect: &Dialect) -> Option<String> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let [
        stage,
        fault,
        asked,
        again,
        status,
        code,
        stream_status,
        stream_code,
    ] = words[..]
    else {
        panic!("not a row: {row}");
    };
    let told = match mode {
        Mode::Answer => format!("{status} {code}"),
        Mode::Stream => format!("{stream_status} {stream_code}"),
    };
    let expected = Outcome {
        again: (!told.starts_with("200 ")).then_some(if again == "no" { "no" } else { "yes" }),
        told,
        asked: asked.parse().unwrap(),
    };
    let stage = serde_json::from_value(Value::from(stage)).unwrap();
    let behaviour = always(dialect.operation, stage, fault_of(fault));
    let deadlines: &[_] = if hangs(row) { &SHORT_DEADLINES } else { &[] };
    let tried = try_fault(behaviour, deadlines, mode, dialect);
    let Ok(outcome) = tokio::time::timeout(BOUND, tried).await else {
        return Some(format!(
            "{row}\n  {}, {mode:?}: nothing within {BOUND:?}",
            dialect.agent
        ));
    };
    (outcome != expected).then(|| format!("{row}\n  {}, {mode:?}: {outcome:?}", dialect.agent))
}

/// `oversized:N` has N bytes, `status:N` is that status; the others are spelled as the emulator spells them.
fn fault_of(word: &str) -> Fault {
    match word.split_once(':') {
        Some(("oversized", bytes)) => Fault::Oversized {
            bytes: bytes.parse().unwrap(),
        },
        Some(("status", status)) => Fault::Status {
            status: status.parse().unwrap(),
            headers: BTreeMap::new(),
            body: Value::Null,
        },
        _ => serde_json::from_value(Value::from(word)).unwrap(),
    }
}

async fn try_fault(
    behaviour: Behaviour,
    deadlines: &[(&str, &str)],
    mode: Mode,
    dialect: &Dialect,
) -> Outcome {
    let emulator = emulator(behaviour).await;
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), deadlines).await;
    let outcome = ask(&emulator, &gateway, mode, dialect).await;
    emulator.behaviour().reset();
    let next = gateway.ask(dialect.agent, "still there?").await;
    let next = next.text().await.unwrap();
    assert!(next.contains("still there?"), "after {outcome:?}: {next}");
    outcome
}

const TEXT: &str = "a text that is long enough to break in the middle";

async fn ask(emulator: &Emulator, gateway: &Gateway, mode: Mode, dialect: &Dialect) -> Outcome {
    let response = match mode {
        Mode::Answer => gateway.ask(dialect.agent, TEXT).await,
        Mode::Stream => gateway.ask_streamed(dialect.agent, TEXT).await,
    };
    let again = match response.headers().get("x-should-retry") {
        Some(_) => "no",
        None => "yes",
    };
    let (told, again) = match (response.status().as_u16(), mode) {
        (200, Mode::Answer) => {
            let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            let choice = &body["choices"][0];
            assert_eq!(choice["message"]["content"], TEXT);
            (
                format!("200 {}", choice["finish_reason"].as_str().unwrap()),
                None,
            )
        }
        (200, Mode::Stream) => (end_of_stream(&response.text().await.unwrap()), None),
        _ => {
            let (status, error) = error_of(response).await;
            (
                format!("{status} {}", error["code"].as_str().unwrap()),
                Some(again),
            )
        }
    };
    Outcome {
        told,
        asked: emulator.journal().count(dialect.operation),
        again,
    }
}

/// How a stream ended: with its whole text and `[DONE]`, or with one error and nothing after it.
fn end_of_stream(stream: &str) -> String {
    let events = events_of(stream);
    let is_error = |event: &&String| event.starts_with("{\"error\"");
    let errors = events.iter().filter(is_error).count();
    let Some(error) = events.last().filter(is_error) else {
        assert_eq!(errors, 0, "{stream}");
        assert_eq!(crate::support::text_of(stream), TEXT);
        assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
        assert!(stream.contains(r#""finish_reason":"stop""#), "{stream}");
        return "200 stop".to_owned();
    };
    assert_eq!(errors, 1, "{stream}");
    assert!(!stream.contains("[DONE]"), "{stream}");
    assert!(!stream.contains(r#""finish_reason":"stop""#), "{stream}");
    let error: Value = serde_json::from_str(error).unwrap();
    format!("200 {}", error["error"]["code"].as_str().unwrap())
}
