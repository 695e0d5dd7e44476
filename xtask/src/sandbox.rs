//! The sandbox: AWS on one machine, with the authority deployed in it, to try it out; and its tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{lambda, setup, shell};

/// The function benchmarks, relative to the sandbox's folder.
const BENCHES: &str = "../benches/functions";

/// Deploys the functions in the sandbox and runs until interrupted.
pub(crate) fn run(built: bool) -> Result<()> {
    let zip = if built { found()? } else { lambda::run(false)? };
    let python = setup::python("judges", setup::JUDGES)
        .context("the sandbox needs python3 with venv, and packages of PyPI (sandbox/requirements.txt)")?;
    let mut command = shell::program(python.join("python"));
    command.current_dir(folder()).args(["-m", "chancery_sandbox"]).arg(zip);
    become_it(command)
}

/// Lints, formatting and types of the sandbox.
pub(crate) fn check() -> Result<()> {
    let Some(python) = setup::python("judges", setup::JUDGES) else {
        shell::say("SKIPPED: lints of the sandbox (no virtual environment with its packages could be made)");
        return Ok(());
    };
    for arguments in [
        &["ruff", "check", "--config", "pyproject.toml", ".", BENCHES][..],
        &["ruff", "format", "--check", "--config", "pyproject.toml", ".", BENCHES],
        &["mypy"],
    ] {
        let mut command = shell::program(python.join(arguments[0]));
        shell::run(command.current_dir(folder()).args(&arguments[1..]))?;
    }
    Ok(())
}

/// Runs the sandbox's tests, with the functions and the command as built for tests, deployed by Terraform where it is
/// installed; if thorough, with the real zip, which is built and checked first, and including what other tests cover as
/// well. Reports what it skips.
pub(crate) fn test(python: Option<&Path>, thorough: bool) -> Result<()> {
    let Some(python) = python else {
        shell::say(
            "SKIPPED: the functions, deployed (no virtual environment with the sandbox's packages could be made)",
        );
        return Ok(());
    };
    let zip = if thorough {
        lambda::run(true)?
    } else {
        lambda::for_tests()?
    };
    let mut command = shell::program(python.join("python"));
    command
        .current_dir(folder())
        // pytest prints a reason for each skipped test.
        .args(["-m", "pytest", "-rs", "-p", "no:cacheprovider"])
        .env("CHANCERY_LAMBDA_ZIP", zip)
        .env("CHANCERY_COMMAND", shell::target().join("debug/chancery"));
    if thorough {
        command.env(shell::THOROUGH, "1");
    }
    shell::run(&mut command)
}

fn folder() -> PathBuf {
    shell::root().join("sandbox")
}

fn found() -> Result<PathBuf> {
    let zip = lambda::path();
    ensure!(
        zip.is_file(),
        "there is no {}: leave --built out, and it is built",
        zip.display()
    );
    Ok(zip)
}

/// Replaces this process, so that only the sandbox gets Ctrl-C, and the terminal waits until it has cleaned up.
#[cfg(unix)]
fn become_it(mut command: std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec()).context("cannot start the sandbox")
}

#[cfg(not(unix))]
fn become_it(mut command: std::process::Command) -> Result<()> {
    shell::run(&mut command)
}
