//! LiteLLM's proxy, one version of it, in a virtual environment below `target/`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::bail;
use tokio::process::Command;

/// The version that is compared with. 1.107.0 was a compromised release: never install that one.
pub(crate) const VERSION: &str = "1.106.2";

/// The program, where it is installed below `folder`.
pub(crate) fn installed(folder: &Path) -> Option<PathBuf> {
    let program = folder.join("bin/litellm");
    program.is_file().then_some(program)
}

/// Installs it below `folder`.
pub(crate) async fn install(folder: &Path) -> anyhow::Result<PathBuf> {
    let requirement = format!("litellm[proxy]=={VERSION}");
    let pip = folder.join("bin/pip");
    let commands: [(&Path, Vec<&str>); 2] = [
        (
            Path::new("python3"),
            vec!["-m", "venv", folder.to_str().unwrap_or_default()],
        ),
        (&pip, vec!["install", "--quiet", &requirement]),
    ];
    for (program, arguments) in commands {
        let status = Command::new(program).args(&arguments).status().await?;
        if !status.success() {
            bail!(
                "{} {} ended with {status}",
                program.display(),
                arguments.join(" ")
            );
        }
    }
    match installed(folder) {
        Some(program) => Ok(program),
        None => bail!("{requirement} brought no program `litellm`"),
    }
}

/// One worker, no database; it must not look for prices on the internet.
pub(crate) fn command(program: &Path, configuration: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .arg("--config")
        .arg(configuration)
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
    command
}

/// The agents by the names that the benchmark gives them.
pub(crate) fn configuration(upstream: SocketAddr, key: &str) -> String {
    let models = ["instant", "paced"].map(|agent| {
        format!(
            "  - model_name: {agent}
    litellm_params:
      model: azure_ai/agents/asst_{agent}
      api_base: http://{upstream}/api/projects/p
      api_key: static-token
"
        )
    });
    let models = models.concat();
    format!("model_list:\n{models}general_settings:\n  master_key: {key}\n")
}
