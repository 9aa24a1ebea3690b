//! An OTLP/HTTP receiver: it decodes what it gets, and answers as a test wants it.

mod decoded;

use std::{
    io::Read,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;
use http::{HeaderMap, StatusCode, Uri};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(crate) use self::decoded::{LogLine, Point, Span};
use super::SOON;

/// A running receiver; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Collector {
    address: std::net::SocketAddr,
    state: Arc<Shared>,
    received: watch::Receiver<Received>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// What is answered next; the last one stays.
    answers: Mutex<Vec<Answer>>,
    received: watch::Sender<Received>,
}

/// How the receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This status; what came counts as received only if it is a success.
    Status(u16),
    /// This status, and how many seconds to wait.
    Throttle(u16, u32),
    /// Nothing, ever.
    Hang,
}

/// Everything that has arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    /// Spans that were taken, in the order of their arrival.
    pub(crate) spans: Vec<Span>,
    /// Points of metrics that were taken.
    pub(crate) points: Vec<Point>,
    /// Log records that were taken.
    pub(crate) logs: Vec<LogLine>,
    /// Path and headers of every request, taken or not.
    pub(crate) requests: Vec<(String, HeaderMap)>,
}

impl Collector {
    /// One that takes everything with 204, as Azure Monitor does.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = watch::channel(Received::default());
        let state = Arc::new(Shared {
            answers: Mutex::new(vec![Answer::Status(204)]),
            received: sender,
        });
        let router = Router::new()
            .fallback(answer)
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&state));
        let serving = async { axum::serve(listener, router).await.unwrap() };
        Self {
            address,
            state,
            received,
            _serving: AbortOnDropHandle::new(TaskTracker::new().spawn(serving)),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on these answers, in this order; the last one stays.
    pub(crate) fn then(&self, answers: &[Answer]) {
        *self.state.answers.lock().unwrap() = answers.iter().rev().copied().collect();
    }

    /// What has arrived so far.
    pub(crate) fn received(&self) -> Received {
        self.received.borrow().clone()
    }

    /// Waits until what has arrived is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&Received) -> bool) -> Received {
        let mut received = self.received.clone();
        match tokio::time::timeout(SOON, received.wait_for(|all| wanted(all))).await {
            Ok(Ok(all)) => all.clone(),
            _ => panic!("waited in vain; arrived: {:#?}", self.received()),
        }
    }

    /// Waits for the spans of `traces` whole traces: those that have their SERVER span.
    pub(crate) async fn traces(&self, traces: usize) -> Vec<Span> {
        let servers = |received: &Received| {
            let spans = received.spans.iter();
            spans.filter(|span| span.kind == "server").count()
        };
        self.until(|received| traces <= servers(received))
            .await
            .spans
    }
}

async fn answer(
    State(state): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = {
        let mut answers = state.answers.lock().unwrap();
        let next = *answers.last().unwrap();
        if 1 < answers.len() {
            answers.pop();
        }
        next
    };
    let taken = matches!(answer, Answer::Status(status) if status < 300);
    let body = decompressed(&headers, &body);
    state.received.send_modify(|received| {
        received.requests.push((uri.path().to_owned(), headers));
        if taken {
            received.take(uri.path(), &body);
        }
    });
    match answer {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Throttle(status, seconds) => {
            let wait = [("retry-after", seconds.to_string())];
            (StatusCode::from_u16(status).unwrap(), wait).into_response()
        }
        Answer::Hang => std::future::pending().await,
    }
}

fn decompressed(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    if headers.get("content-encoding").is_none() {
        return body.to_vec();
    }
    let mut plain = Vec::new();
    GzDecoder::new(body).read_to_end(&mut plain).unwrap();
    plain
}

impl Received {
    fn take(&mut self, path: &str, body: &[u8]) {
        if path.ends_with("/v1/traces") {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            self.spans.extend(decoded::spans(request));
        } else if path.ends_with("/v1/metrics") {
            let request = ExportMetricsServiceRequest::decode(body).unwrap();
            self.points.extend(decoded::points(request));
        } else if path.ends_with("/v1/logs") {
            let request = ExportLogsServiceRequest::decode(body).unwrap();
            self.logs.extend(decoded::logs(request));
        } else {
            panic!("no signal is sent to {path}");
        }
    }
}
