//! What a scenario costs: the difference between two loads, divided by what the one has more than the other.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use crate::{
    answers::{self, Answer},
    gateway::{Gateway, Tool, Totals},
    http::Connection,
    requests::{self, KEY},
    scenario::{Client, Load, Scenario},
    service::Service,
};

/// How often and how long it is looked whether spans have come: a minute.
const LOOKS: u32 = 1200;
const PAUSE: Duration = Duration::from_millis(50);

/// Allocations that one run may have more at its end than another whatever it did: a timer, a buffer in use.
const STRAY: u64 = 8;

/// What one unit of a scenario costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// Instructions of the whole process; `None` where they are not counted.
    pub(crate) instructions: Option<f64>,
    /// Allocations.
    pub(crate) allocations: f64,
    /// Bytes that were allocated.
    pub(crate) bytes: f64,
    /// Allocations that were still there at the end.
    pub(crate) left: f64,
    /// Calls of the project, of any kind.
    pub(crate) upstream_calls: f64,
}

/// What happened under one load.
#[derive(Debug, Clone, Copy)]
struct Run {
    totals: Totals,
    upstream_calls: u64,
    connections: u64,
}

/// Measures one scenario.
pub(crate) fn cost(program: &Path, scenario: &Scenario) -> anyhow::Result<Cost> {
    let memory =
        [scenario.few, scenario.many].map(|load| run(program, scenario, load, Tool::Memcheck));
    let [few, many] = memory;
    let (few, many) = (few?, many?);
    // A connection that was opened in one run only is a cost of its own.
    ensure!(
        few.connections == many.connections,
        "the gateway opened {} connections to the project under the smaller load and {} under the larger",
        few.connections,
        many.connections
    );
    let each = |of: fn(&Run) -> u64| difference(of(&few), of(&many), scenario.units());
    let grown = few.totals.left.abs_diff(many.totals.left);
    let instructions = if scenario.instructions {
        let tool = || Tool::Callgrind { profile: None };
        let few = run(program, scenario, scenario.few, tool())?;
        let many = run(program, scenario, scenario.many, tool())?;
        Some(difference(
            few.totals.instructions,
            many.totals.instructions,
            scenario.units(),
        ))
    } else {
        None
    };
    Ok(Cost {
        instructions,
        allocations: each(|run| run.totals.allocations),
        bytes: each(|run| run.totals.bytes),
        left: if grown <= STRAY {
            0.0
        } else {
            each(|run| run.totals.left)
        },
        upstream_calls: each(|run| run.upstream_calls),
    })
}

/// Runs the larger load of a scenario, and leaves the profile of it in a file.
pub(crate) fn profile(program: &Path, scenario: &Scenario, file: PathBuf) -> anyhow::Result<()> {
    let tool = Tool::Callgrind {
        profile: Some(file),
    };
    run(program, scenario, scenario.many, tool).map(|_| ())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn difference(few: u64, many: u64, units: u64) -> f64 {
    (many as f64 - few as f64) / units as f64
}

fn run(program: &Path, scenario: &Scenario, load: Load, tool: Tool) -> anyhow::Result<Run> {
    let answer = Answer::recorded(scenario.dialect, load.deltas);
    let project = Service::project(answer, scenario.pace)?;
    let telemetry = Service::telemetry()?;
    let folder = tempfile::tempdir()?;
    let settings = settings(scenario, &project, &telemetry);
    let gateway = Gateway::start(program, tool, &settings, folder.path())?;
    let served = begin(scenario, &gateway, &telemetry)
        .and_then(|()| drive(scenario, load, &gateway, &project))
        .and_then(|()| end(scenario, &gateway, &telemetry));
    let totals = gateway.stop();
    // What the services could not do tells more than what the client did not get.
    for service in [&project, &telemetry] {
        if let Some(problem) = service.counts.problem() {
            bail!("{problem}");
        }
    }
    served?;
    Ok(Run {
        totals: totals?,
        upstream_calls: project.counts.agent_calls() + project.counts.other_calls(),
        connections: project.counts.connections(),
    })
}

fn settings(scenario: &Scenario, project: &Service, telemetry: &Service) -> Vec<(String, String)> {
    let project = format!("http://{}/api/projects/budgets", project.address);
    let telemetry = format!("http://{}", telemetry.address);
    let keys = format!("budgets={KEY}");
    let mut settings = vec![
        ("PORT", "0"),
        ("FOUNDRY_PROJECT_ENDPOINT", &project),
        ("FOUNDRY_ACCESS_TOKEN", "budgets-token"),
        ("GATEWAY_API_KEYS", &keys),
    ];
    if scenario.complete {
        settings.extend([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", telemetry.as_str()),
            // What a clock sends would be in one run and not in another.
            ("OTEL_METRIC_EXPORT_INTERVAL", "3600000"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ]);
    } else {
        settings.push(("GATEWAY_CONTINUITY", "off"));
    }
    settings.extend_from_slice(scenario.settings);
    settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Makes the receiver of telemetry hold the first batch, so that all others wait for the end.
fn begin(scenario: &Scenario, gateway: &Gateway, telemetry: &Service) -> anyhow::Result<()> {
    if !scenario.complete {
        return Ok(());
    }
    refused(gateway)?;
    wait_for_batch(telemetry, 1)
}

/// Lets the spans go, and waits until they have left.
fn end(scenario: &Scenario, gateway: &Gateway, telemetry: &Service) -> anyhow::Result<()> {
    if !scenario.complete {
        return Ok(());
    }
    refused(gateway)?;
    telemetry.next.send(())?;
    wait_for_batch(telemetry, 2)?;
    // When a batch comes, the one before is done with.
    refused(gateway)?;
    wait_for_batch(telemetry, 3)
}

/// A request that makes one span and nothing else.
fn refused(gateway: &Gateway) -> anyhow::Result<()> {
    let mut client = Connection::new(TcpStream::connect(gateway.address)?)?;
    exchange(&mut client, &requests::refused(), 401).map(drop)
}

fn wait_for_batch(telemetry: &Service, number: u64) -> anyhow::Result<()> {
    let came = (0..LOOKS).any(|_| {
        thread::sleep(PAUSE);
        telemetry.counts.batches() >= number
    });
    ensure!(came, "no spans came from the gateway");
    Ok(())
}

fn drive(
    scenario: &Scenario,
    load: Load,
    gateway: &Gateway,
    project: &Service,
) -> anyhow::Result<()> {
    let connect = || Connection::new(TcpStream::connect(gateway.address)?);
    let mut client = connect()?;
    match &scenario.client {
        Client::Requests { requests, status } => {
            for request in requests
                .iter()
                .cycle()
                .take(usize::try_from(load.requests)?)
            {
                let body = exchange(&mut client, request, *status)?;
                if *status == 200 && request.starts_with("POST ") {
                    check_answer(&body, project, load.deltas)?;
                }
            }
        }
        Client::WordByWord(request) => {
            for _ in 0..load.requests {
                word_by_word(&mut client, request, project, load.deltas)?;
            }
        }
        Client::Conversation { earlier, turn } => {
            exchange(&mut client, earlier, 200)?;
            for _ in 0..load.requests {
                let body = exchange(&mut client, turn, 200)?;
                check_answer(&body, project, load.deltas)?;
            }
            ensure!(
                project.counts.continued() == load.requests,
                "{} of {} turns were recognised as a conversation's next",
                project.counts.continued(),
                load.requests
            );
        }
        Client::Overload(request) => {
            let mut open_stream = connect()?;
            open_stream.send(request.as_bytes())?;
            let head = open_stream
                .head()?
                .context("the held stream does not begin")?;
            for _ in 0..load.requests {
                exchange(&mut client, request, 503)?;
            }
            for _ in 0..=load.deltas {
                project.next.send(())?;
            }
            let body = open_stream.body(&head)?;
            check_answer(&body, project, load.deltas)?;
        }
    }
    Ok(())
}

/// Sends a request and reads the whole response, which must have this status.
fn exchange(client: &mut Connection, request: &str, status: u16) -> anyhow::Result<Vec<u8>> {
    client.send(request.as_bytes())?;
    let response = client
        .message()?
        .context("the gateway closed the connection")?;
    ensure!(
        response.head.starts_with(&format!("HTTP/1.1 {status} ")),
        "expected status {status}, got {}{}",
        response.head,
        String::from_utf8_lossy(&response.body)
    );
    Ok(response.body)
}

/// Lets each word leave when the one before has come, so that none travels with another.
fn word_by_word(
    client: &mut Connection,
    request: &str,
    project: &Service,
    deltas: usize,
) -> anyhow::Result<()> {
    client.send(request.as_bytes())?;
    let head = client.head()?.context("the stream does not begin")?;
    for index in 0..deltas {
        project.next.send(())?;
        let word = match index {
            0 => format!("{:07}", project.counts.agent_calls()),
            _ => answers::word(index),
        };
        client.until(word.trim_start().as_bytes())?;
    }
    project.next.send(())?;
    let body = client.body(&head)?;
    check_answer(&body, project, deltas)
}

/// The answer must be the one that the project gave last, and whole.
fn check_answer(body: &[u8], project: &Service, deltas: usize) -> anyhow::Result<()> {
    let body = String::from_utf8_lossy(body);
    let said = answers::text(project.counts.agent_calls(), deltas);
    let shown = if body.starts_with('{') {
        let answer: serde_json::Value = serde_json::from_str(&body)?;
        let content = answer.pointer("/choices/0/message/content");
        content
            .and_then(|content| content.as_str())
            .unwrap_or_default()
            .to_owned()
    } else {
        ensure!(
            body.ends_with("data: [DONE]\n\n"),
            "a stream does not end: {body}"
        );
        streamed_text(&body)?
    };
    ensure!(
        shown == said,
        "the agent said {said:?}, the client saw {shown:?}"
    );
    Ok(())
}

fn streamed_text(body: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    for data in body.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: serde_json::Value = serde_json::from_str(&format!("{{{data}"))?;
        let content = chunk.pointer("/choices/0/delta/content");
        text.push_str(
            content
                .and_then(|content| content.as_str())
                .unwrap_or_default(),
        );
    }
    Ok(text)
}
