//! Lists, page by page, as the service pages them.
//!
//! A page after the last object is `{"data":[],"first_id":null,"last_id":null,"has_more":false}`: the official Python
//! SDKs ignore `has_more` and ask until they get it.

use serde_json::{Value, json};

use crate::error::ServiceError;
use crate::request::ServiceRequest;

/// What a list request asks for.
#[derive(Debug)]
pub(crate) struct PageQuery {
    limit: usize,
    newest_first: bool,
    after: Option<String>,
    before: Option<String>,
}

impl PageQuery {
    /// Reads `limit` (1 to 100, default 20), `order` (default `desc`), `after` and `before`; `page_size_max` caps the
    /// limit.
    pub(crate) fn read(
        request: &ServiceRequest,
        page_size_max: Option<usize>,
    ) -> Result<PageQuery, ServiceError> {
        let limit = match request.query("limit") {
            None => 20,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=100).contains(limit))
                .ok_or_else(|| {
                    ServiceError::invalid_request(
                        Some("invalid_value"),
                        Some("limit"),
                        format!("Invalid 'limit': '{text}' is not an integer from 1 to 100."),
                    )
                })?,
        };
        let newest_first = match request.query("order") {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(other) => {
                return Err(ServiceError::invalid_request(
                    Some("invalid_value"),
                    Some("order"),
                    format!("Invalid value: '{other}'. Supported values are: 'asc' and 'desc'."),
                ));
            }
        };
        Ok(PageQuery {
            limit: page_size_max.map_or(limit, |most| limit.min(most.max(1))),
            newest_first,
            after: request.query("after").map(str::to_owned),
            before: request.query("before").map(str::to_owned),
        })
    }

    /// One page of `objects`, which come oldest first and have an `id`.
    pub(crate) fn page(&self, objects: Vec<Value>) -> Value {
        let mut objects = objects;
        if self.newest_first {
            objects.reverse();
        }
        let place = |cursor: &Option<String>| {
            let cursor = cursor.as_deref()?;
            objects
                .iter()
                .position(|object| id_of(object) == Some(cursor))
        };
        // A cursor that names nothing (any more) ends the list: starting over would make clients loop.
        let start = match (&self.after, place(&self.after)) {
            (None, _) => 0,
            (Some(_), Some(place)) => place + 1,
            (Some(_), None) => objects.len(),
        };
        let end = place(&self.before).unwrap_or(objects.len());
        let candidates: Vec<Value> = objects.into_iter().take(end).skip(start).collect();
        let has_more = candidates.len() > self.limit;
        let data: Vec<Value> = candidates.into_iter().take(self.limit).collect();
        json!({
            "object": "list",
            "data": data,
            "first_id": data.first().and_then(id_of),
            "last_id": data.last().and_then(id_of),
            "has_more": has_more,
        })
    }
}

fn id_of(object: &Value) -> Option<&str> {
    object.get("id").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(after: Option<&str>, before: Option<&str>, newest_first: bool) -> PageQuery {
        PageQuery {
            limit: 2,
            newest_first,
            after: after.map(str::to_owned),
            before: before.map(str::to_owned),
        }
    }

    fn ids(page: &Value) -> Vec<&str> {
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(id_of)
            .collect()
    }

    fn objects() -> Vec<Value> {
        ["a", "b", "c"].iter().map(|id| json!({"id": id})).collect()
    }

    #[test]
    fn pages_follow_the_cursor_to_the_empty_end() {
        let first = query(None, None, true).page(objects());
        assert_eq!(
            (ids(&first), &first["has_more"]),
            (vec!["c", "b"], &json!(true))
        );
        let second = query(Some("b"), None, true).page(objects());
        assert_eq!(
            (ids(&second), &second["has_more"]),
            (vec!["a"], &json!(false))
        );
        let end = query(Some("a"), None, true).page(objects());
        assert_eq!(
            end,
            json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false})
        );
    }

    #[test]
    fn before_and_order_are_honoured() {
        let page = query(None, Some("c"), false).page(objects());
        assert_eq!(ids(&page), ["a", "b"]);
    }

    #[test]
    fn a_cursor_of_a_deleted_object_ends_the_list() {
        assert!(ids(&query(Some("gone"), None, true).page(objects())).is_empty());
    }
}
