//! Tools that judge what is not compiled, where they are installed.

use std::{
    io::{self, Write},
    process::Command,
};

/// Says something that the test runner must not hide: what is printed by macros is not shown of a test that passes.
pub(super) fn say(text: &str) {
    let mut stderr = io::stderr();
    writeln!(stderr, "\n*** {text} ***").unwrap();
}

/// Bicep by `bicepcheck` and the compiler, workflows by actionlint, `az` commands by the Azure CLI's own help.
#[test]
fn the_tools_that_are_installed_find_nothing() {
    // Its standard error is that of the runner, so that a missing tool is seen.
    let status = Command::new("scripts/check-infra.sh").status().unwrap();
    assert!(
        status.success(),
        "scripts/check-infra.sh says what is wrong"
    );
}
