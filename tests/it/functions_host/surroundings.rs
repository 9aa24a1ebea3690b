//! What surrounds the handler: its files, its environment, and the host's other way of handing requests over.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use functions_host::Host;

use super::{App, start};
use crate::support::{Client, text_of};

async fn serves_everything(host: &Host, client: &Client) {
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    let stream = client.ask_streamed("asst_echo", "as ever").await;
    assert_eq!(text_of(&stream.text().await.unwrap()), "as ever");
    assert_eq!(client.get("/v1/models").await.status(), 200);
    assert_eq!(client.get("/readyz").await.status(), 200);
    assert_eq!(host.errors(), []);
}

/// Every folder below `root`, itself included.
fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = entries
        .filter(|path| path.is_dir())
        .flat_map(|path| folders(&path));
    std::iter::once(root.to_owned()).chain(below).collect()
}

fn set_mode(folders: &[PathBuf], mode: u32) {
    for folder in folders {
        fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
    }
}

#[tokio::test]
async fn a_read_only_app_is_enough() {
    let app = App::new().await;
    let folders = folders(app.folder.path());
    set_mode(&folders, 0o555);
    let (host, client) = app.start().await;
    serves_everything(&host, &client).await;
    // Whoever runs the tests as root could write all the same: nothing was.
    assert_eq!(host.app_root_changes(), Vec::<PathBuf>::new());
    // Or the folder could not be removed.
    set_mode(&folders, 0o755);
}

#[tokio::test]
async fn variables_of_the_platform_change_nothing() {
    let app = App::new().await;
    let nobody = "http://127.0.0.1:9";
    let options = app
        .options()
        .setting("HTTP_PROXY", nobody)
        .setting("HTTPS_PROXY", nobody)
        .setting("http_proxy", nobody)
        .setting("ALL_PROXY", nobody)
        .setting("NO_PROXY", "127.0.0.1,localhost")
        .setting("OTEL_EXPORTER_OTLP_ENDPOINT", nobody)
        .setting("OTEL_SERVICE_NAME", "host")
        .setting("OTEL_TRACES_SAMPLER", "always_on")
        .setting("OTEL_LOG_LEVEL", "debug")
        .setting("RUST_LOG", "trace")
        .setting(
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            format!("InstrumentationKey=0;IngestionEndpoint={nobody}/"),
        )
        .setting("AzureWebJobsStorage", "UseDevelopmentStorage=true")
        .setting("WEBSITE_HOSTNAME", "app.azurewebsites.net")
        .setting("PORT", "80");
    let (host, client) = start(options).await;
    serves_everything(&host, &client).await;
    let told = host.log_lines();
    let at_info = told
        .iter()
        .filter(|line| line.stream == functions_host::LogStream::Stdout);
    assert!(at_info.clone().count() > 0);
    for line in at_info {
        let detailed = [" DEBUG ", " TRACE "]
            .iter()
            .any(|level| line.text.contains(level));
        assert!(!detailed, "RUST_LOG is not ours: {line:?}");
    }
}

/// What an app loses without `enableProxyingHttpRequest`, and what it keeps.
#[tokio::test]
async fn in_forwarding_mode_answers_come_whole() {
    let app = App::new().await;
    let section = "AzureFunctionsJobHost__customHandler__";
    let options = app
        .options()
        .setting(format!("{section}enableProxyingHttpRequest"), "false")
        .setting(format!("{section}enableForwardingHttpRequest"), "true");
    let (host, client) = start(options).await;
    serves_everything(&host, &client).await;
    assert_eq!(client.ask("nobody", "hi").await.status(), 404);
    let whole = client.ask_streamed("echo", "in one block").await;
    assert!(
        whole.headers().contains_key("content-length"),
        "the host collects it"
    );
    let whole = whole.text().await.unwrap();
    assert_eq!(text_of(&whole), "in one block");
    assert!(whole.ends_with("data: [DONE]\n\n"), "{whole}");
}
