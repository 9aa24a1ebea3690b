//! Faults of the stage before the response headers.

use std::io;

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::behaviour::{Fault, Stage};
use crate::body::Exchange;
use crate::request::Reply;
use crate::server::connection::CloseMode;

/// Commits the faults of the stage before the headers: the answer that replaces the real one, or an error that closes
/// the connection.
pub(super) async fn commit(
    faults: &mut Vec<(Stage, Fault)>,
    close_mode: &CloseMode,
    exchange: &Exchange,
) -> io::Result<Option<Reply>> {
    for (stage, fault) in faults.iter() {
        if *stage != Stage::Headers {
            continue;
        }
        match fault {
            Fault::Reset | Fault::Close | Fault::Eof => {
                if *fault == Fault::Reset {
                    close_mode.reset();
                }
                exchange.end_by_fault();
                return Err(io::Error::other("fault: no answer"));
            }
            Fault::Stall => std::future::pending().await,
            Fault::Status {
                status,
                headers,
                body,
            } => {
                let mut reply = match body {
                    Value::String(text) => Reply::file(Bytes::from(text.clone())),
                    body => Reply::json(body.clone()),
                };
                reply.status =
                    StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                for (name, value) in headers {
                    if let (Ok(name), Ok(value)) =
                        (HeaderName::try_from(name), HeaderValue::try_from(value))
                    {
                        reply.headers.insert(name, value);
                    }
                }
                faults.clear();
                return Ok(Some(reply));
            }
            // These need a body; the pump commits them before its first byte.
            Fault::Slow
            | Fault::Malformed
            | Fault::UnknownEvent
            | Fault::Oversized { .. }
            | Fault::ErrorEvent => {}
        }
    }
    Ok(None)
}
