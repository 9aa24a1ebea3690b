//! What is told of a panic: where it happened. Its message is not, because it may hold what a client sent.

use std::panic;

/// Has every panic of the process logged by its place alone, in place of the message that Rust writes to standard
/// error.
pub fn tell_the_place_only() {
    panic::set_hook(Box::new(|panic| {
        let (file, line) = panic
            .location()
            .map_or(("?", 0), |place| (place.file(), place.line()));
        tracing::error!("a panic at {file}:{line}; this is a bug of the gateway");
    }));
}

#[cfg(test)]
mod tests {
    use std::{env, panic::catch_unwind, process::Command};

    const IN_CHILD: &str = "PANICS_IN_A_PROCESS_OF_ITS_OWN";
    const CANARY: &str = "canary-of-the-prompt";

    /// The hook is the process's, so that the test is run again in one of its own.
    #[test]
    fn a_panic_tells_its_place_and_not_its_message() {
        if env::var_os(IN_CHILD).is_some() {
            tracing_subscriber::fmt().with_ansi(false).init();
            super::tell_the_place_only();
            let prompt = format!("é{CANARY}");
            let cut_within_a_character = || prompt.split_at(1).0.len();
            assert!(catch_unwind(cut_within_a_character).is_err());
            return;
        }
        let output = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "panics::tests::a_panic_tells_its_place_and_not_its_message",
            ])
            .arg("--nocapture")
            .env(IN_CHILD, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(
            output.status.success() && told.contains("1 passed"),
            "{told}"
        );
        assert!(
            told.contains("a panic at ") && told.contains(".rs:"),
            "{told}"
        );
        assert!(!told.contains(CANARY), "{told}");
    }
}
