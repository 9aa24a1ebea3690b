//! A row as the columns of a table entity.
//!
//! 64-bit numbers travel as text with a type beside them (`Edm.Int64`), as the Table service's JSON has it.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    agent::turn::WaitingRun,
    continuity::store::{ExpiredRow, Key, Row, StoreError, Upstream, Version},
};

/// Version of the columns below. Rows of another one count as not there.
const SCHEMA: u64 = 1;
/// The type of columns of 64 bits.
const INT64: &str = "Edm.Int64";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Columns {
    schema: u64,
    upstream_kind: UpstreamKind,
    upstream_id: String,
    agent: String,
    scope: String,
    instructions_digest: String,
    thread_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history_row: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_session: Option<String>,
    /// Older rows have none.
    #[serde(default)]
    turn_began_at: String,
    #[serde(rename = "TurnBeganAt@odata.type", skip_deserializing)]
    turn_began_at_type: &'static str,
    expires_at: String,
    #[serde(rename = "ExpiresAt@odata.type", skip_deserializing)]
    expires_at_type: &'static str,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UpstreamKind {
    Response,
    Thread,
    Run,
    Row,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyedColumns<'a> {
    partition_key: &'a str,
    row_key: &'a str,
    #[serde(flatten)]
    columns: Columns,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Value>,
}

/// What every entity of a listing has.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    partition_key: String,
    row_key: String,
    #[serde(rename = "odata.etag")]
    etag: String,
}

/// An entity as far as it was understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Row(Box<Row>),
    /// What is wrong with it, without its content.
    Unreadable(&'static str),
}

/// The entities of a page.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) rows: Vec<ExpiredRow>,
    /// Those of them that were not understood, and why.
    pub(super) unreadable: Vec<(Key, &'static str)>,
}

/// The columns as JSON.
pub(super) fn write(row: &Row) -> String {
    to_json(&columns_of(row))
}

/// The columns with the key, as JSON.
pub(super) fn write_with_key(key: &Key, row: &Row) -> String {
    to_json(&KeyedColumns {
        partition_key: &key.partition,
        row_key: &key.row,
        columns: columns_of(row),
    })
}

/// Reads one entity; an error only where it is no entity at all.
pub(super) fn read(body: &[u8]) -> Result<Reading, StoreError> {
    let entity: Value = serde_json::from_slice(body)
        .map_err(|_| StoreError::unreadable("a row that is not JSON"))?;
    Ok(reading_of(&entity))
}

/// Reads a page of entities.
pub(super) fn read_listing(body: &[u8]) -> Result<Listing, StoreError> {
    let page: Page = serde_json::from_slice(body)
        .map_err(|_| StoreError::unreadable("a listing that is not one of entities"))?;
    let mut listing = Listing {
        rows: Vec::with_capacity(page.value.len()),
        unreadable: Vec::new(),
    };
    for entity in page.value {
        let listed = Listed::deserialize(&entity)
            .map_err(|_| StoreError::unreadable("a listed row without key or version"))?;
        let key = Key {
            partition: listed.partition_key,
            row: listed.row_key,
        };
        let row = match reading_of(&entity) {
            Reading::Row(row) => Some(*row),
            Reading::Unreadable(reason) => {
                listing.unreadable.push((key.clone(), reason));
                None
            }
        };
        listing.rows.push(ExpiredRow {
            key,
            row,
            version: Version(listed.etag),
        });
    }
    Ok(listing)
}

fn columns_of(row: &Row) -> Columns {
    let (upstream_kind, upstream_id) = match &row.upstream {
        Upstream::Response { id } => (UpstreamKind::Response, id.clone()),
        Upstream::Thread { id } => (UpstreamKind::Thread, id.clone()),
        Upstream::Run { run, calls } => {
            let WaitingRun { thread_id, run_id } = run;
            let calls: Vec<_> = calls.iter().map(|call| part(call)).collect();
            let id = format!("{}/{}/{}", part(thread_id), part(run_id), calls.join(","));
            (UpstreamKind::Run, id)
        }
        Upstream::Row { key } => (UpstreamKind::Row, path_of(key)),
    };
    // The columns have 63 bits, which is longer than anything lasts.
    let expires_at = i64::try_from(row.expires_at).unwrap_or(i64::MAX);
    let began_at = i64::try_from(row.began_at).unwrap_or(i64::MAX);
    Columns {
        schema: SCHEMA,
        upstream_kind,
        upstream_id,
        agent: row.agent.clone(),
        scope: row.scope.clone(),
        instructions_digest: row.instructions_digest.clone(),
        thread_id: row.thread_id.clone(),
        history_row: row.history.as_ref().map(path_of),
        agent_session: row.session.clone(),
        turn_began_at: began_at.to_string(),
        turn_began_at_type: INT64,
        expires_at: expires_at.to_string(),
        expires_at_type: INT64,
    }
}

fn reading_of(entity: &Value) -> Reading {
    if entity.get("Schema").and_then(Value::as_u64) != Some(SCHEMA) {
        return Reading::Unreadable("its schema is not that of this version");
    }
    let Ok(columns) = Columns::deserialize(entity) else {
        return Reading::Unreadable("a column is missing or has another type");
    };
    // As many bits as the column has.
    let expires_at = columns.expires_at.parse::<i64>().ok();
    let Some(expires_at) = expires_at.and_then(|seconds| u64::try_from(seconds).ok()) else {
        return Reading::Unreadable("its expiry is no time");
    };
    let id = columns.upstream_id;
    let upstream = match columns.upstream_kind {
        UpstreamKind::Response => Upstream::Response { id },
        UpstreamKind::Thread => Upstream::Thread { id },
        UpstreamKind::Run => match id.split('/').collect::<Vec<_>>()[..] {
            [thread_id, run_id, calls] => Upstream::Run {
                run: WaitingRun {
                    thread_id: text_of(thread_id),
                    run_id: text_of(run_id),
                },
                calls: calls.split(',').map(text_of).collect(),
            },
            _ => return Reading::Unreadable("the run that it names is not named whole"),
        },
        UpstreamKind::Row => match key_of(&id) {
            Some(key) => Upstream::Row { key },
            None => return Reading::Unreadable("the row that it points to has no key"),
        },
    };
    Reading::Row(Box::new(Row {
        upstream,
        agent: columns.agent,
        scope: columns.scope,
        instructions_digest: columns.instructions_digest,
        thread_id: columns.thread_id,
        history: columns.history_row.as_deref().and_then(key_of),
        session: columns.agent_session,
        // It only breaks ties between turns at a time: without it, the row counts as the older one.
        began_at: columns.turn_began_at.parse().unwrap_or_default(),
        expires_at,
    }))
}

/// What separates the ids of a run, and what escapes that. The service's ids hold none of it so far.
const SEPARATORS: &AsciiSet = &CONTROLS.add(b'/').add(b',').add(b'%');

/// An id as a part of a list of them.
fn part(id: &str) -> String {
    utf8_percent_encode(id, SEPARATORS).to_string()
}

fn text_of(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Both parts of a key are hexadecimal, so that the slash is where it was put.
fn path_of(key: &Key) -> String {
    format!("{}/{}", key.partition, key.row)
}

fn key_of(path: &str) -> Option<Key> {
    let (partition, row) = path.split_once('/')?;
    Some(Key {
        partition: partition.to_owned(),
        row: row.to_owned(),
    })
}

fn to_json(columns: &impl Serialize) -> String {
    // Structs of text and numbers always serialise.
    serde_json::to_string(columns).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(upstream: Upstream) -> Row {
        Row {
            upstream,
            agent: "helper:3".to_owned(),
            scope: "ab12".to_owned(),
            instructions_digest: String::new(),
            thread_id: "thread_x".to_owned(),
            history: None,
            session: None,
            began_at: 1_796_000_000_123,
            expires_at: 4_102_444_800,
        }
    }

    fn response() -> Row {
        row(Upstream::Response {
            id: "resp_1".to_owned(),
        })
    }

    #[test]
    fn columns_are_named_and_typed_as_the_service_wants_them() {
        let key = Key {
            partition: "aa".to_owned(),
            row: "bb".to_owned(),
        };
        let written: Value = serde_json::from_str(&write_with_key(&key, &response())).unwrap();
        assert_eq!(
            written,
            json!({
                "PartitionKey": "aa",
                "RowKey": "bb",
                "Schema": 1,
                "UpstreamKind": "response",
                "UpstreamId": "resp_1",
                "Agent": "helper:3",
                "Scope": "ab12",
                "InstructionsDigest": "",
                "ThreadId": "thread_x",
                "TurnBeganAt": "1796000000123",
                "TurnBeganAt@odata.type": "Edm.Int64",
                "ExpiresAt": "4102444800",
                "ExpiresAt@odata.type": "Edm.Int64"
            })
        );
    }

    #[test]
    fn what_was_written_is_read() {
        let thread = row(Upstream::Thread {
            id: "thread_1".to_owned(),
        });
        let key = Key {
            partition: "ab".to_owned(),
            row: "12".to_owned(),
        };
        let run = row(Upstream::Run {
            run: WaitingRun {
                thread_id: "thread_1".to_owned(),
                run_id: "run_1".to_owned(),
            },
            calls: vec!["call_a".to_owned(), "call_b".to_owned()],
        });
        let with_history = Row {
            history: Some(key.clone()),
            session: Some("s-1".to_owned()),
            ..response()
        };
        for row in [
            response(),
            thread,
            run,
            with_history,
            row(Upstream::Row { key }),
        ] {
            assert_eq!(
                read(write(&row).as_bytes()).unwrap(),
                Reading::Row(Box::new(row))
            );
        }
        let endless = Row {
            expires_at: u64::MAX,
            ..response()
        };
        let Reading::Row(read) = read(write(&endless).as_bytes()).unwrap() else {
            panic!("unreadable");
        };
        assert_eq!(read.expires_at, u64::MAX >> 1);
    }

    #[test]
    fn ids_with_separators_do_not_become_other_ids() {
        let strange = row(Upstream::Run {
            run: WaitingRun {
                thread_id: "thread/1".to_owned(),
                run_id: "run%2F,1".to_owned(),
            },
            calls: vec!["call,a".to_owned(), "call/\u{e9}\n".to_owned()],
        });
        let written = write(&strange);
        assert_eq!(
            read(written.as_bytes()).unwrap(),
            Reading::Row(Box::new(strange)),
            "{written}"
        );
    }

    #[test]
    fn rows_of_another_version_or_shape_are_unreadable_but_no_error() {
        let good: Value = serde_json::from_str(&write(&response())).unwrap();
        let changes = [
            ("Schema", json!(2)),
            ("Schema", json!("1")),
            ("UpstreamKind", json!("conversation")),
            ("UpstreamKind", json!("row")),
            ("UpstreamKind", json!("run")),
            ("Agent", Value::Null),
            ("ThreadId", json!(7)),
            ("ExpiresAt", json!("soon")),
            ("ExpiresAt", json!("-1")),
            ("ExpiresAt", json!("18446744073709551615")),
        ];
        for (column, value) in changes {
            let mut entity = good.clone();
            entity[column] = value;
            let reading = read(entity.to_string().as_bytes()).unwrap();
            assert!(matches!(reading, Reading::Unreadable(_)), "{entity}");
        }
        assert!(matches!(read(b"{}").unwrap(), Reading::Unreadable(_)));
        assert!(read(b"<html>").is_err());
    }

    #[test]
    fn an_unreadable_row_of_a_listing_keeps_its_key_and_version() {
        let page = json!({"value": [
            {"PartitionKey": "a", "RowKey": "b", "odata.etag": "W/\"1\"", "Schema": 2}
        ]});
        let listing = read_listing(page.to_string().as_bytes()).unwrap();
        assert_eq!(listing.unreadable.len(), 1);
        assert_eq!(listing.rows[0].row, None);
        assert_eq!(listing.rows[0].version, Version("W/\"1\"".to_owned()));
        assert!(read_listing(br#"{"value":[{"PartitionKey":"a","RowKey":"b"}]}"#).is_err());
    }
}
