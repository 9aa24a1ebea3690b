//! The parts, and the load generator as the process that a run starts.

use std::{net::SocketAddr, process::Stdio};

use benchmarks::{
    load::{Plan, Schedule, Target, answer::Dialect, summary::Summary},
    upstream::{self, Settings, counts::CountsTaken},
};
use foundry_gateway::{
    app::App,
    config::{Config, Environment},
    server,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
    task::JoinSet,
};

const KEY: &str = "test-key-0123456789";
/// Few, so that debug builds are quick.
pub(crate) const DELTAS: usize = 8;

/// What serves in this process; dropping it ends it.
#[derive(Debug, Default)]
pub(crate) struct Servers(JoinSet<()>);

impl Servers {
    /// The service, at a pace that tests can wait for.
    pub(crate) async fn upstream(&mut self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = Settings {
            deltas: DELTAS,
            first_delta_ms: 20,
            delta_ms: 2,
        };
        self.0.spawn(async move {
            upstream::serve(listener, settings).await.unwrap();
        });
        address
    }

    /// The gateway in front of it, with these settings on top of the few that are needed.
    pub(crate) fn gateway(
        &mut self,
        upstream: SocketAddr,
        settings: &[(&str, &str)],
    ) -> SocketAddr {
        let needed = [
            (
                "FOUNDRY_PROJECT_ENDPOINT",
                format!("http://{upstream}/api/projects/p"),
            ),
            ("FOUNDRY_ACCESS_TOKEN", "static-token".to_owned()),
            ("GATEWAY_API_KEYS", format!("test={KEY}")),
            ("PORT", "0".to_owned()),
        ];
        let given = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let environment: Environment = needed.into_iter().chain(given).collect();
        let app = App::build(Config::from_environment(&environment).unwrap()).unwrap();
        let listener = server::bind(app.config.listen.address).unwrap();
        let address = listener.local_addr().unwrap();
        self.0
            .spawn(server::serve(listener, app, std::future::pending()));
        address
    }

    /// Anything else that serves.
    pub(crate) async fn other<Serving>(
        &mut self,
        serve: impl FnOnce(TcpListener) -> Serving,
    ) -> SocketAddr
    where
        Serving: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        self.0.spawn(serve(listener));
        address
    }
}

/// A plan for one client.
pub(crate) fn plan(address: SocketAddr, dialect: Dialect, agent: &str, stream: bool) -> Plan {
    let path = match dialect {
        Dialect::Responses => "/api/projects/p/openai/v1/responses",
        Dialect::Chat => "/v1/chat/completions",
    };
    Plan {
        target: Target {
            address,
            path: path.to_owned(),
            key: KEY.to_owned(),
            dialect,
        },
        agent: agent.to_owned(),
        stream,
        turns: 1,
        deltas: DELTAS,
        schedule: Schedule::Closed {
            connections: 2,
            seconds: 0.1,
        },
    }
}

/// The load generator.
#[derive(Debug)]
pub(crate) struct Generator {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Generator {
    pub(crate) fn start(plan: &Plan) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_benchmarks"))
            .arg("load")
            .arg(serde_json::to_string(plan).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    pub(crate) async fn line(&mut self) -> String {
        self.lines.next_line().await.unwrap().unwrap()
    }

    pub(crate) async fn go(&mut self) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(b"go\n").await.unwrap();
    }

    /// Lets it measure at once.
    pub(crate) async fn run(plan: &Plan) -> Summary {
        let mut generator = Self::start(plan);
        assert_eq!(generator.line().await, "ready");
        generator.go().await;
        serde_json::from_str(&generator.line().await).unwrap()
    }
}

/// Lets the service do something, and gives what it says.
async fn control(upstream: SocketAddr, method: &str, what: &str) -> String {
    let mut socket = TcpStream::connect(upstream).await.unwrap();
    let request = format!(
        "{method} /control/{what} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.to_owned()
}

pub(crate) async fn counts(upstream: SocketAddr) -> CountsTaken {
    serde_json::from_str(&control(upstream, "GET", "counts").await).unwrap()
}

pub(crate) async fn reset(upstream: SocketAddr) {
    control(upstream, "POST", "reset").await;
}

pub(crate) async fn release(upstream: SocketAddr) {
    control(upstream, "POST", "release").await;
}

/// Right answers and nothing else.
pub(crate) fn assert_right(summary: &Summary) {
    assert_eq!(summary.wrong.len(), 0, "{summary:?}");
    assert!(0 < summary.right, "{summary:?}");
}
