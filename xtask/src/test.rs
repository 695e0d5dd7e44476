//! Every test: documentation examples, the Terraform module and the functions as it deploys them first, then everything else, so that its
//! summary is the last thing printed.

use anyhow::Result;

use crate::check::EVERYTHING;
use crate::{sandbox, setup, shell, terraform};

/// Sets up and runs the tests.
pub(crate) fn run(filter: &[String]) -> Result<()> {
    let judges = setup::judges();
    if filter.is_empty() {
        // With the features of the other tests: what these build, those find built.
        shell::run(
            shell::cargo()
                .args(["test", "--workspace", "--doc", "--quiet"])
                .args(EVERYTHING),
        )?;
        terraform::run()?;
    }
    // What fails there says nothing about the rest, which is run all the same.
    let deployed = if filter.is_empty() {
        sandbox::test(judges.python.as_deref())
    } else {
        Ok(())
    };
    judges.report();

    let nextest = shell::succeeds(shell::cargo().args(["nextest", "--version"]));
    let mut command = shell::cargo();
    if nextest {
        command
            .args(["nextest", "run", "--workspace", "--no-fail-fast"])
            .args(EVERYTHING);
    } else {
        println!("cargo-nextest is not installed: using cargo test");
        command
            .args(["test", "--workspace", "--all-targets", "--no-fail-fast"])
            .args(EVERYTHING);
    }
    if let Some(folder) = &judges.python {
        command.env("CHANCERY_JUDGES", folder);
    }
    shell::run(command.args(filter)).and(deployed)
}
