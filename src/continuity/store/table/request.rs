//! The requests to Table Storage, as values.
//!
//! Source: the REST reference of the Table service; every one of them is answered by Azurite in the tests.

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::entity;
use crate::continuity::store::{Continuation, Key, Row, Upstream, Version};

/// One request, without what the client adds to all.
#[derive(Debug)]
pub(super) struct TableRequest {
    pub(super) method: Method,
    /// Path below the endpoint, encoded; it is signed as it stands.
    pub(super) path: String,
    /// Query without `?`, encoded; empty where there is none.
    pub(super) query: String,
    pub(super) body: Option<String>,
    /// The version that the row must still have.
    pub(super) if_match: Option<String>,
    /// Whether it is sent once only, also where no answer is heard.
    pub(super) once: bool,
    /// How much the answer says about types and versions.
    pub(super) accept: &'static str,
    /// Most bytes of the answer.
    pub(super) max_answer_bytes: usize,
}

const WITHOUT_METADATA: &str = "application/json;odata=nometadata";
/// The one form in which a listing is documented to hold the version of each row.
const WITH_METADATA: &str = "application/json;odata=fullmetadata";

/// An answer about one row or none: the row has seven short columns, an error one message.
const MAX_ROW_BYTES: usize = 64 << 10;
/// A page of 1000 rows of about 2 KiB, metadata included.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// Everything but unreserved characters (RFC 3986).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl TableRequest {
    fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: String::new(),
            body: None,
            if_match: None,
            once: false,
            accept: WITHOUT_METADATA,
            max_answer_bytes: MAX_ROW_BYTES,
        }
    }

    /// Makes the table: 204, or 409 `TableAlreadyExists`.
    pub(super) fn create_table(table: &str) -> Self {
        Self {
            body: Some(json!({"TableName": table}).to_string()),
            ..Self::new(Method::POST, "/Tables".to_owned())
        }
    }

    /// Reads a row: 200 with an `ETag`, or 404.
    pub(super) fn get(table: &str, key: &Key) -> Self {
        Self::new(Method::GET, path_of(table, key))
    }

    /// Creates a row: 204, or 409 `EntityAlreadyExists`. The only "create if absent" there is.
    ///
    /// Once where it names a thread: of two such requests the one that was given up may be carried out last, after
    /// somebody took the row that the other had made, and would name a thread that has gone on.
    pub(super) fn insert(table: &str, key: &Key, row: &Row) -> Self {
        Self {
            once: matches!(row.upstream, Upstream::Thread { .. } | Upstream::Run { .. }),
            body: Some(entity::write_with_key(key, row)),
            ..Self::new(Method::POST, format!("/{table}"))
        }
    }

    /// Replaces a row in a known state: 204, 404 or 412.
    pub(super) fn replace(table: &str, key: &Key, row: &Row, version: &Version) -> Self {
        Self {
            if_match: Some(version.0.clone()),
            body: Some(entity::write(row)),
            ..Self::new(Method::PUT, path_of(table, key))
        }
    }

    /// Removes a row in a known state: 204, 404 or 412.
    pub(super) fn take(table: &str, key: &Key, version: &Version) -> Self {
        Self {
            if_match: Some(version.0.clone()),
            ..Self::new(Method::DELETE, path_of(table, key))
        }
    }

    /// Lists rows that have expired: 200, with continuation headers unless it is the last page.
    pub(super) fn expired(
        table: &str,
        now: u64,
        from: Option<&Continuation>,
        limit: usize,
    ) -> Self {
        // Times beyond the column's 64 signed bits are later than every row.
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let mut query = format!(
            "$filter={}&$top={limit}",
            encode(&format!("ExpiresAt le {now}L"))
        );
        if let Some(from) = from {
            query += "&NextPartitionKey=";
            query += &encode(&from.partition);
            if let Some(row) = &from.row {
                query += "&NextRowKey=";
                query += &encode(row);
            }
        }
        Self {
            query,
            accept: WITH_METADATA,
            max_answer_bytes: MAX_PAGE_BYTES,
            ..Self::new(Method::GET, format!("/{table}()"))
        }
    }
}

fn path_of(table: &str, key: &Key) -> String {
    format!(
        "/{table}(PartitionKey='{}',RowKey='{}')",
        quoted(&key.partition),
        quoted(&key.row)
    )
}

/// The inside of an `OData` string literal: a quote is doubled.
fn quoted(text: &str) -> String {
    encode(&text.replace('\'', "''"))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn path(partition: &str, row: &str) -> String {
        let key = Key {
            partition: partition.to_owned(),
            row: row.to_owned(),
        };
        TableRequest::get("threads", &key).path
    }

    #[test]
    fn keys_are_quoted_and_encoded() {
        assert_eq!(
            path("ab12", "cd34"),
            "/threads(PartitionKey='ab12',RowKey='cd34')"
        );
        assert_eq!(
            path("it's a+b", "ü/?#%"),
            "/threads(PartitionKey='it%27%27s%20a%2Bb',RowKey='%C3%BC%2F%3F%23%25')"
        );
    }

    #[test]
    fn what_is_signed_is_what_is_sent() {
        let path = path("it's a+b", "~ü/");
        let url = Url::parse(&format!("http://127.0.0.1:10002/devstoreaccount1{path}")).unwrap();
        assert_eq!(url.path(), format!("/devstoreaccount1{path}"));
    }

    #[test]
    fn pages_continue_where_the_service_said() {
        let from = Continuation {
            partition: "1!8!YQ==".to_owned(),
            row: Some("1!8!Yw==".to_owned()),
        };
        let request = TableRequest::expired("threads", 7, Some(&from), 50);
        assert_eq!(request.path, "/threads()");
        assert_eq!(
            request.query,
            "$filter=ExpiresAt%20le%207L&$top=50&NextPartitionKey=1%218%21YQ%3D%3D&NextRowKey=1%218%21Yw%3D%3D"
        );
        let from = Continuation {
            partition: "a".to_owned(),
            row: None,
        };
        let request = TableRequest::expired("threads", u64::MAX, Some(&from), 1);
        assert_eq!(
            request.query,
            "$filter=ExpiresAt%20le%209223372036854775807L&$top=1&NextPartitionKey=a"
        );
    }
}
