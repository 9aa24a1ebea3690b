//! Which call gets which answer.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{Request, Response, body::Incoming};

use super::{
    Service,
    counts::Operation,
    pace::Pace,
    request::{self, Asked},
    script::Script,
    stream,
    template::{Fillings, Template},
};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Numbers for ids, from one on.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

pub(super) async fn answer(
    service: Arc<Service>,
    request: Request<Incoming>,
) -> hyper::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = head.uri.path();
    if let Some(control) = path.strip_prefix("/control/") {
        return Ok(self::control(&service, control));
    }
    // Whatever the project is called.
    let path = path.splitn(5, '/').nth(4).unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    Ok(call(&service, &head.method, &segments, &body))
}

fn control(service: &Service, what: &str) -> Response<Body> {
    match what {
        "counts" => match serde_json::to_vec(&service.counts.take()) {
            Ok(counts) => json(StatusCode::OK, counts.into()),
            Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        },
        "reset" => {
            service.counts.reset();
            empty(StatusCode::OK)
        }
        "release" => {
            service.releases.send_modify(|releases| *releases += 1);
            empty(StatusCode::OK)
        }
        _ => empty(StatusCode::NOT_FOUND),
    }
}

fn call(
    service: &Arc<Service>,
    method: &Method,
    segments: &[&str],
    body: &Bytes,
) -> Response<Body> {
    let asked: Asked<'_> = serde_json::from_slice(body).unwrap_or_default();
    let number = NEXT_NUMBER.fetch_add(1, Relaxed);
    let classic = &service.classic_agents;
    let fillings = |thread: u64| Fillings {
        number,
        thread,
        mark: request::mark(body),
    };
    let of_thread = |thread: &str| fillings(number_of(thread));
    let whole =
        |template: &Template, fillings: Fillings| json(StatusCode::OK, template.fill(&fillings));
    let streamed = |script: &Arc<Script>, fillings: Fillings| {
        let body = stream::body(service, script, fillings, Pace::of(asked.agent()));
        respond(StatusCode::OK, "text/event-stream; charset=utf-8", body)
    };
    let count = |operation| service.counts.call(operation);
    match (method, segments) {
        (&Method::POST, ["openai", "v1", "responses"]) => {
            count(Operation::CreateResponse);
            if asked.previous_response_id.is_some() {
                service.counts.continued();
            }
            if asked.stream {
                streamed(&service.new_agents.script, fillings(number))
            } else {
                whole(&service.new_agents.whole, fillings(number))
            }
        }
        (&Method::DELETE, ["openai", "v1", "responses", _]) => {
            count(Operation::DeleteResponse);
            json(StatusCode::OK, Bytes::from_static(b"{\"deleted\":true}"))
        }
        (&Method::POST, ["threads"]) => {
            count(Operation::CreateThread);
            whole(&classic.thread, fillings(number))
        }
        (&Method::DELETE, ["threads", thread]) => {
            count(Operation::DeleteThread);
            whole(&classic.thread_deleted, of_thread(thread))
        }
        (&Method::POST, ["threads", "runs"]) => {
            count(Operation::CreateThreadAndRun);
            if asked.stream {
                streamed(&classic.thread_and_run, fillings(number))
            } else {
                whole(&classic.queued_run, fillings(number))
            }
        }
        (&Method::POST, ["threads", thread, "runs"]) => {
            count(Operation::CreateRun);
            if asked.stream {
                service.counts.continued();
                streamed(&classic.run, of_thread(thread))
            } else {
                whole(&classic.queued_run, of_thread(thread))
            }
        }
        (&Method::GET, ["threads", thread, "runs", _]) => {
            count(Operation::GetRun);
            whole(&classic.completed_run, of_thread(thread))
        }
        (&Method::POST, ["threads", thread, "messages"]) => {
            count(Operation::CreateMessage);
            service.remember_mark(number_of(thread), request::mark(body));
            whole(&classic.message, of_thread(thread))
        }
        (&Method::GET, ["threads", thread, "messages"]) => {
            count(Operation::ListMessages);
            let thread = number_of(thread);
            let mark = service.mark_of(thread);
            let fillings = Fillings {
                number,
                thread,
                mark,
            };
            whole(&classic.messages, fillings)
        }
        _ => {
            count(Operation::Other);
            let told = br#"{"error":{"code":"not_found","message":"the benchmark's upstream has no such call"}}"#;
            json(StatusCode::NOT_FOUND, Bytes::from_static(told))
        }
    }
}

/// The number in `thread_000000000042`.
fn number_of(id: &str) -> u64 {
    let digits = id.rsplit('_').next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}

fn json(status: StatusCode, text: Bytes) -> Response<Body> {
    respond(status, "application/json", Full::new(text).boxed_unsync())
}

fn empty(status: StatusCode) -> Response<Body> {
    respond(status, "text/plain", Full::default().boxed_unsync())
}

fn respond(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
