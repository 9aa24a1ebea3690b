//! A service whose answers never end, those of new agents and those of classic ones, and that counts what it could
//! write of them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_util::task::TaskTracker;

/// The service; its answers end when it is dropped with its runtime.
#[derive(Debug)]
pub(crate) struct EndlessUpstream {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    answers: Mutex<Vec<Arc<Answer>>>,
    /// Method and path of everything else.
    others: Mutex<Vec<String>>,
}

/// One answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    written: AtomicUsize,
    closed: AtomicBool,
}

impl Answer {
    /// Bytes that the system took of it so far.
    pub(crate) fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether the other end has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

/// What the system may keep for the service, so that most of what is written has been read.
const SEND_BUFFER: u32 = 16 << 10;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

const NEW: &str = "event: response.created
data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"in_progress\"}}

";
const NEW_DELTA: &str = "event: response.output_text.delta
data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"TEXT\"}

";
const CLASSIC: &str = "event: thread.run.created
data: {\"id\":\"run_1\",\"object\":\"thread.run\",\"thread_id\":\"thread_1\",\"status\":\"queued\"}

event: thread.run.step.created
data: {\"id\":\"step_1\",\"type\":\"message_creation\"}

";
const CLASSIC_DELTA: &str = "event: thread.message.delta
data: {\"id\":\"msg_1\",\"object\":\"thread.message.delta\",\"delta\":{\"content\":[{\"index\":0,\"type\":\"text\",\"text\":{\"value\":\"TEXT\"}}]}}

";
const NOTHING: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

impl EndlessUpstream {
    pub(crate) fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Connections have it from their listener.
        socket.set_send_buffer_size(SEND_BUFFER).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let (tasks, journal) = (TaskTracker::new(), Arc::clone(&seen));
        tasks.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let journal = Arc::clone(&journal);
                tasks.spawn(async move { drop(answer(stream, &journal).await) });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn project_endpoint(&self) -> String {
        format!("http://{}{PROJECT}", self.address)
    }

    /// Every answer of an agent that was begun.
    pub(crate) fn answers(&self) -> Vec<Arc<Answer>> {
        self.seen.answers.lock().unwrap().clone()
    }

    /// Whether it was sent a request that is none to an agent: method and path below the project.
    pub(crate) fn was_sent(&self, request: &str) -> bool {
        let others = self.seen.others.lock().unwrap();
        others.iter().any(|other| other == request)
    }
}

const PROJECT: &str = "/api/projects/endless";

async fn answer(mut stream: TcpStream, seen: &Seen) -> std::io::Result<()> {
    // A request is small here, and arrives at once.
    let mut request = vec![0; 64 << 10];
    let length = stream.read(&mut request).await?;
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let mut words = request.split([' ', '?']);
    let (method, path) = (words.next().unwrap(), words.next().unwrap_or_default());
    let path = path.strip_prefix(PROJECT).unwrap_or(path);
    let (start, delta) = match (method, path) {
        ("POST", "/openai/v1/responses") => (NEW, NEW_DELTA),
        ("POST", "/threads/runs") => (CLASSIC, CLASSIC_DELTA),
        _ => {
            seen.others.lock().unwrap().push(format!("{method} {path}"));
            return stream.write_all(NOTHING.as_bytes()).await;
        }
    };
    let answer = Arc::<Answer>::default();
    seen.answers.lock().unwrap().push(Arc::clone(&answer));
    let delta = delta.replace("TEXT", &"0123456789".repeat(400));
    let written = write_on(stream, &format!("{HEAD}{start}"), &delta, &answer).await;
    answer.closed.store(true, Ordering::Relaxed);
    written
}

async fn write_on(
    mut stream: TcpStream,
    start: &str,
    delta: &str,
    answer: &Answer,
) -> std::io::Result<()> {
    stream.write_all(start.as_bytes()).await?;
    loop {
        let mut left = delta.as_bytes();
        while !left.is_empty() {
            let written = stream.write(left).await?;
            answer.written.fetch_add(written, Ordering::Relaxed);
            left = &left[written..];
        }
    }
}
