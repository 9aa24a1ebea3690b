//! Foundry through an HTTP proxy, which the usual variables name.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use foundry_emulator::{Emulator, Options};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::Program;

/// A proxy that makes tunnels, and keeps what it was told before each.
struct Proxy {
    address: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&told);
        #[expect(clippy::disallowed_methods, reason = "aborted with the proxy")]
        let serving = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let kept = Arc::clone(&kept);
                #[expect(clippy::disallowed_methods, reason = "ends with its connection")]
                tokio::spawn(async move { tunnel(client, &kept).await });
            }
        });
        Self {
            address,
            told,
            serving,
        }
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn tunnel(client: TcpStream, told: &Mutex<Vec<String>>) {
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(0 < client.read_line(&mut head).await.unwrap());
    }
    let host = head.split(' ').nth(1).unwrap().to_owned();
    told.lock().unwrap().push(head);
    let mut server = TcpStream::connect(host).await.unwrap();
    let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
    client.write_all(established).await.unwrap();
    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
}

#[tokio::test]
async fn a_project_is_reached_through_the_proxy_that_the_environment_names() {
    let proxy = Proxy::start().await;
    let options = Options {
        tls: true,
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, emulator.ca_certificate_pem().unwrap()).unwrap();
    let trusted = trusted.to_str().unwrap();
    let by_proxy = format!("http://user:secret@{}", proxy.address);

    let rows = [("", 1), ("127.0.0.1", 0)];
    for (no_proxy, tunnels) in rows {
        proxy.told.lock().unwrap().clear();
        let settings = [
            ("SSL_CERT_FILE", trusted),
            ("HTTPS_PROXY", by_proxy.as_str()),
            ("NO_PROXY", no_proxy),
        ];
        let (program, client) = Program::serve(&emulator.project_endpoint(), &settings).await;
        assert_eq!(client.ask("echo", "hi").await.status(), 200);
        let told = proxy.told();
        assert_eq!(told.len(), tunnels, "{told:?}");
        for head in told {
            assert!(head.starts_with("CONNECT 127.0.0.1:"), "{head}");
            // user:secret
            assert!(head.contains("Basic dXNlcjpzZWNyZXQ="), "{head}");
        }
        program.terminate().await;
    }
}
