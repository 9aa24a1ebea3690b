//! Azurite's table service as a process of its own, on a free port of 127.0.0.1.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::SOON;

/// A running Azurite with one account; dropping it ends it. It keeps everything in memory.
#[derive(Debug)]
pub(crate) struct Azurite {
    port: u16,
    folder: TempDir,
    scheme: &'static str,
    /// Ends with the process of the tests.
    _process: Child,
}

/// Azurite's own account and key, which are public.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// Somebody else may take the free port before Azurite does.
const ATTEMPTS: usize = 3;

impl Azurite {
    /// Over HTTP; signatures are checked.
    pub(crate) async fn with_shared_key() -> Self {
        Self::start("http").await
    }

    /// Over HTTPS with a certificate of its own; claims of bearer tokens are checked, their signatures are not.
    pub(crate) async fn with_bearer_tokens() -> Self {
        Self::start("https").await
    }

    /// Where its tables are.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}/{ACCOUNT}", self.scheme, self.port)
    }

    /// What opens the account over HTTP.
    pub(crate) fn connection_string(&self) -> String {
        let endpoint = self.endpoint();
        format!("AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={endpoint};")
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// What opens the account through a proxy at `origin`.
    pub(crate) fn connection_string_through(origin: &str) -> String {
        format!("AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={origin}/{ACCOUNT};")
    }

    /// The certificate to trust, over HTTPS.
    pub(crate) fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    async fn start(scheme: &'static str) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/azurite/node_modules/azurite/dist/src/table/main.js");
        assert!(
            program.is_file(),
            "Azurite is not installed: run `npm ci --prefix tests/azurite`, or scripts/test.sh, which does"
        );
        let folder = tempfile::tempdir().unwrap();
        if scheme == "https" {
            write_certificate(folder.path());
        }
        for _ in 0..ATTEMPTS {
            let port = free_port();
            if let Some(process) = try_start(&program, folder.path(), port, scheme).await {
                return Self {
                    port,
                    folder,
                    scheme,
                    _process: process,
                };
            }
        }
        panic!("Azurite does not start; is `node` there?");
    }
}

/// A token that Azurite takes: the claims are those of the storage resource, the signature is none.
pub(crate) fn bearer_token() -> String {
    let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = encode(json!({"alg": "RS256", "typ": "JWT"}));
    let claims = encode(json!({
        "iss": "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
        "aud": "https://storage.azure.com",
        "nbf": 1_700_000_000,
        "iat": 1_700_000_000,
        "exp": 4_000_000_000_u64,
    }));
    format!("{header}.{claims}.c2lnbmF0dXJl")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn write_certificate(folder: &Path) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("certificate.pem"), certificate.cert.pem()).unwrap();
    fs::write(
        folder.join("key.pem"),
        certificate.signing_key.serialize_pem(),
    )
    .unwrap();
}

/// Starts the program and waits until it says that it listens; `None` if it ends instead.
async fn try_start(program: &Path, folder: &Path, port: u16, scheme: &str) -> Option<Child> {
    let mut command = Command::new("node");
    command
        .arg(program)
        .args(["--inMemoryPersistence", "--silent", "--skipApiVersionCheck"])
        .args(["--disableTelemetry", "--disableProductStyleUrl"])
        .args(["--tableHost", "127.0.0.1", "--tablePort", &port.to_string()]);
    if scheme == "https" {
        command.args(["--cert", "certificate.pem", "--key", "key.pem"]);
        command.args(["--oauth", "basic"]);
    }
    let mut process = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let listens = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("successfully") {
                return true;
            }
        }
        false
    };
    let listens = tokio::time::timeout(SOON * 3, listens).await;
    listens.unwrap_or(false).then_some(process)
}
