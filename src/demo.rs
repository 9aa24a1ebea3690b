//! `foundry-gateway demo`: the whole path offline, for a first look.

use anyhow::{Context, bail};
use foundry_emulator::{Emulator, Options};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::{
    app::App,
    config::{Config, Environment, limits::LimitsConfig, log::LogConfig},
    foundry::http_client,
    random_id::random_id,
    server, telemetry,
};

const QUESTION: &str = "Which way does a question travel through this gateway?";

/// Starts an emulator and the gateway in front of it, asks one question over TCP, prints how to ask more, and
/// serves until interrupted.
pub async fn run(environment: &Environment, port: u16) -> anyhow::Result<()> {
    let quiet = LogConfig::with_default_level(environment, "warn")?;
    telemetry::log::start(&quiet, None);
    let emulator = Emulator::start(Options::default())
        .await
        .context("the embedded emulator could not be started")?;
    let key = random_id("demo-");
    let config = Config::from_environment(&Environment::from_iter([
        ("PORT".to_owned(), port.to_string()),
        (
            "FOUNDRY_PROJECT_ENDPOINT".to_owned(),
            emulator.project_endpoint(),
        ),
        ("FOUNDRY_ACCESS_TOKEN".to_owned(), random_id("emulated-")),
        ("GATEWAY_API_KEYS".to_owned(), format!("demo={key}")),
        (
            "GATEWAY_AGENTS".to_owned(),
            r#"{"aliases":{"gpt-4o":"assistant"}}"#.to_owned(),
        ),
    ]))?;
    let listener = listen(port)?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    let app = App::build(config)?;
    let serving = server::serve(listener, app, server::stop_signal()?);
    let showing = async {
        let answer = ask(&base_url, &key).await?;
        let agents = list_agents(&base_url, &key).await?;
        print(&introduction(&base_url, &key, &answer, &agents));
        std::future::pending().await
    };
    tokio::select! {
        () = serving => Ok(()),
        failed = showing => failed,
    }
}

fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let address = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port));
    server::bind(address).with_context(|| {
        format!("cannot listen on {address}; try another port: foundry-gateway demo --port 0")
    })
}

/// One real chat completion through the whole path.
async fn ask(base_url: &str, key: &str) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Completion {
        choices: Vec<Choice>,
    }
    #[derive(Deserialize)]
    struct Choice {
        message: Message,
    }
    #[derive(Deserialize)]
    struct Message {
        content: String,
    }
    let body = serde_json::json!({"model": "assistant", "messages": [{"role": "user", "content": QUESTION}]});
    let completion: Completion =
        send(base_url, key, "/chat/completions", Some(body.to_string())).await?;
    let choice = completion
        .choices
        .into_iter()
        .next()
        .context("the answer has no choice")?;
    Ok(choice.message.content)
}

async fn list_agents(base_url: &str, key: &str) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Models {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: String,
    }
    let models: Models = send(base_url, key, "/models", None).await?;
    Ok(models.data.into_iter().map(|model| model.id).collect())
}

async fn send<T: serde::de::DeserializeOwned>(
    base_url: &str,
    key: &str,
    path: &str,
    body: Option<String>,
) -> anyhow::Result<T> {
    let limits = LimitsConfig::from_environment(&Environment::default())?;
    let http = http_client::build(limits.connect, None)?;
    let url = format!("{base_url}{path}");
    let request = match body {
        Some(body) => http
            .post(url)
            .header("content-type", "application/json")
            .body(body),
        None => http.get(url),
    };
    let response = request.bearer_auth(key).send().await?;
    let status = response.status();
    let text = response.text().await?;
    if !status.is_success() {
        bail!("the gateway answered {status}: {text}");
    }
    Ok(serde_json::from_str(&text)?)
}

fn introduction(base_url: &str, key: &str, answer: &str, agents: &[String]) -> String {
    let (failing, working): (Vec<_>, Vec<_>) = agents
        .iter()
        .map(String::as_str)
        .partition(|agent| fails_on_purpose(agent));
    let (failing, agents) = (failing.len(), working.join(", "));
    format!(
        r#"
Foundry Gateway is serving an emulated Foundry project. Nothing leaves this machine.

  asked     {QUESTION}
  answered  {answer}

  base URL  {base_url}
  API key   {key}
  agents    {agents}
            and {failing} that fail on purpose; GET /v1/models lists them

Stream with curl:

  curl -N {base_url}/chat/completions \
    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
    -d '{{"model":"assistant","stream":true,"messages":[{{"role":"user","content":"Hello!"}}]}}'

Or with the OpenAI client for Python (pip install openai):

  from openai import OpenAI

  client = OpenAI(base_url="{base_url}", api_key="{key}")
  answer = client.chat.completions.create(
      model="assistant",
      messages=[{{"role": "user", "content": "Hello!"}}],
  )
  print(answer.choices[0].message.content)

Press Ctrl+C to stop.
"#
    )
}

/// The emulator's agents for trying out failures.
fn fails_on_purpose(agent: &str) -> bool {
    let name = agent.strip_prefix("asst_").unwrap_or(agent);
    name.starts_with("fail") || name.starts_with("stall")
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn print(text: &str) {
    println!("{text}");
}
