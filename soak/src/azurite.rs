//! Azurite's table service, which both gateways remember their conversations in.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

/// A running Azurite with one account; dropping it ends it. It keeps everything in memory.
#[derive(Debug)]
pub(crate) struct Azurite {
    address: SocketAddr,
    _folder: TempDir,
    _process: Child,
}

/// Azurite's own account and key, which are public.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// Somebody else may take the free port before Azurite does.
const ATTEMPTS: usize = 3;
const LONGEST_START: Duration = Duration::from_secs(30);

impl Azurite {
    /// Starts the program (`main.js` of the table service) with an empty store.
    pub(crate) async fn start(program: &Path) -> anyhow::Result<Self> {
        ensure!(
            program.is_file(),
            "Azurite is not installed ({} is missing): run `npm ci --prefix tests/azurite`",
            program.display()
        );
        for _ in 0..ATTEMPTS {
            let folder = tempfile::tempdir().context("no folder for Azurite")?;
            let address = free_address().await?;
            if let Some(process) = try_start(program, folder.path(), address).await? {
                return Ok(Self {
                    address,
                    _folder: folder,
                    _process: process,
                });
            }
        }
        bail!("Azurite does not start; is `node` there?")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What opens the account at `address`.
pub(crate) fn connection_string(address: SocketAddr) -> String {
    format!("AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint=http://{address}/{ACCOUNT};")
}

async fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    Ok(listener.context("no port for Azurite")?.local_addr()?)
}

/// Starts the program and waits until it says that it listens; `None` if it ends instead.
async fn try_start(
    program: &Path,
    folder: &Path,
    address: SocketAddr,
) -> anyhow::Result<Option<Child>> {
    let mut process = Command::new("node")
        .arg(program)
        .args(["--inMemoryPersistence", "--silent", "--skipApiVersionCheck"])
        .args(["--disableTelemetry", "--disableProductStyleUrl"])
        .args(["--tableHost", "127.0.0.1"])
        .args(["--tablePort", &address.port().to_string()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("`node` cannot be started")?;
    let output = process.stdout.take().context("the output of Azurite")?;
    let mut lines = BufReader::new(output).lines();
    let listens = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("successfully") {
                return true;
            }
        }
        false
    };
    let listens = tokio::time::timeout(LONGEST_START, listens).await;
    Ok(listens.unwrap_or(false).then_some(process))
}
