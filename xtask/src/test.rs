//! Every test: documentation examples, the Terraform module and the functions as it deploys them first, then everything else, so that its
//! summary is the last thing printed.

use std::process::Command;

use anyhow::Result;

use crate::check::EVERYTHING;
use crate::{sandbox, setup, shell, terraform};

/// Sets up and runs the tests.
pub(crate) fn run(filter: &[String]) -> Result<()> {
    let judges = setup::judges();
    let has_nextest = shell::succeeds(shell::cargo().args(["nextest", "--version"]));
    if !has_nextest {
        println!("cargo-nextest is not installed: using cargo test");
    }
    let mut deployed = Ok(());
    if filter.is_empty() {
        // What does not compile is told at once; and the sandbox's tests use the command that is built for the others.
        shell::run(runner(has_nextest).arg("--no-run"))?;
        // With the features of the other tests: what these build, those find built.
        shell::run(
            shell::cargo()
                .args(["test", "--workspace", "--doc", "--quiet"])
                .args(EVERYTHING),
        )?;
        terraform::run()?;
        // What fails there says nothing about the rest, which is run all the same.
        deployed = sandbox::test(judges.python.as_deref());
    }
    judges.report();

    let mut command = runner(has_nextest);
    command.arg("--no-fail-fast");
    if let Some(folder) = &judges.python {
        command.env("CHANCERY_JUDGES", folder);
    }
    shell::run(command.args(filter)).and(deployed)
}

fn runner(has_nextest: bool) -> Command {
    let mut command = shell::cargo();
    if has_nextest {
        command.args(["nextest", "run", "--workspace"]);
    } else {
        command.args(["test", "--workspace", "--all-targets"]);
    }
    command.args(EVERYTHING);
    command
}
