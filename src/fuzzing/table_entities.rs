//! What Table Storage answers: entities, pages of them, and errors.

use http::{HeaderMap, HeaderValue, StatusCode};

use crate::continuity::store::{Key, Row, table::fuzzing};

/// Statuses that are told apart.
const STATUSES: [u16; 8] = [200, 204, 400, 403, 404, 409, 412, 503];

/// Input: the body of an answer.
///
/// - A row that is read is the same after it was written and read again, with and without its key.
/// - What cannot be read keeps its key in a listing, and is said without its content.
/// - Errors are one line of bounded length, whatever the service says.
///
/// # Panics
///
/// Where one of these does not hold.
pub fn table_entities(body: &[u8]) {
    if let Ok(Ok(row)) = fuzzing::read(body) {
        check_round_trip(&row);
    }
    if let Ok((rows, unreadable)) = fuzzing::read_listing(body) {
        let not_understood: Vec<_> = rows
            .iter()
            .filter(|row| row.row.is_none())
            .map(|row| row.key.clone())
            .collect();
        assert_eq!(not_understood, unreadable);
        for row in rows.iter().filter_map(|row| row.row.as_ref()) {
            check_round_trip(row);
        }
    }
    for status in STATUSES {
        check_answer(status, body, None);
    }
    if let Ok(code) = HeaderValue::from_bytes(body) {
        check_answer(409, body, Some(code));
    }
}

/// A row that is written and read is the same row.
fn check_round_trip(row: &Row) {
    let key = Key {
        partition: "ab".to_owned(),
        row: "cd".to_owned(),
    };
    for written in fuzzing::write(&key, row) {
        let read = fuzzing::read(written.as_bytes());
        assert_eq!(read, Ok(Ok(row.clone())), "{written}");
    }
}

fn check_answer(status: u16, body: &[u8], code: Option<HeaderValue>) {
    let mut headers = HeaderMap::new();
    headers.extend(code.map(|code| (http::HeaderName::from_static("x-ms-error-code"), code)));
    let Ok(status) = StatusCode::from_u16(status) else {
        return;
    };
    match fuzzing::answer(status, &headers, body) {
        Ok(Some(passed_on)) => assert_eq!(passed_on, body),
        Ok(None) => {}
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains(['\n', '\r']), "more than one line: {text:?}");
            assert!(text.chars().count() < 1000, "a long text: {text}");
        }
    }
}
