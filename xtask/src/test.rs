//! Runs every test, and in `ci` everything else that a change must pass, in the order that takes least time.
//!
//! Cargo's work is one lane; work that does not need cargo, or only its results, runs beside it. Two processors are
//! then busy from the first second to the last. At the end the time of each step is printed, then how many tests ran.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::check::{self, EVERYTHING};
use crate::sandboxes::Sandboxes;
use crate::setup::Judges;
use crate::steps::Steps;
use crate::{docs, rustdoc, sandbox, setup, shell, terraform};

/// How often the server is killed in a thorough run.
const KILLS: &str = "200";

/// Extent of a run.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Formatting, lints and dependency rules as well.
    pub(crate) checks: bool,
    /// Everything, with the real zip of the functions, including what is tested twice.
    pub(crate) thorough: bool,
}

/// Runs tests whose names contain one of these, as the runner interprets it.
pub(crate) fn some(filter: &[String], thorough: bool) -> Result<()> {
    let judges = setup::judges();
    judges.report();
    let extent = Extent {
        checks: false,
        thorough,
    };
    let sandboxes = Sandboxes::start(judges.python.as_deref());
    tests(extent, &judges, sandboxes.as_ref(), filter).0
}

/// Runs everything.
pub(crate) fn all(extent: Extent) -> Result<()> {
    let steps = Steps::new();
    let (outcomes, endings) = thread::scope(|scope| {
        let (ready, judges) = channel();
        let steps = &steps;
        let beside = scope.spawn(move || shell::beside(|| Ok(aside(extent, steps, &ready))));
        let (mut outcomes, endings) = in_line(extent, steps, &judges);
        match beside.join() {
            Ok((further, output)) => {
                println!("{output}");
                outcomes.extend(further.unwrap_or_else(|error| vec![Err(error)]));
            }
            Err(_) => outcomes.push(Err(anyhow!("what was done beside the tests panicked"))),
        }
        (outcomes, endings)
    });
    let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    println!("{}", steps.table());
    for error in &failed {
        println!("FAILED: {error:#}");
    }
    for ending in endings {
        println!("{}", ending.trim_end());
    }
    failed.into_iter().next().map_or(Ok(()), Err)
}

/// Cargo's work, and the tests. A compilation error ends it at once; a failing test does not keep the others from
/// running.
fn in_line(extent: Extent, steps: &Steps, judges: &Receiver<Judges>) -> (Vec<Result<()>>, Vec<String>) {
    let compiled = compile(extent, steps);
    if compiled.is_err() {
        return (vec![compiled], Vec::new());
    }
    let judges = steps.time("waiting for the Python judges", || judges.recv());
    let Ok(judges) = judges else {
        return (vec![Err(anyhow!("nothing was set up"))], Vec::new());
    };
    judges.report();
    thread::scope(|scope| {
        let python = judges.python.as_deref();
        let deployed = scope.spawn(move || {
            shell::beside(|| {
                steps.time("sandbox: the functions deployed, and its own tests", || {
                    sandbox::test(python, extent.thorough)
                })
            })
        });
        let sandboxes = Sandboxes::start(python);
        let (tested, heard) = steps.time("tests", || tests(extent, &judges, sandboxes.as_ref(), &[]));
        let mut outcomes = vec![tested];
        let mut endings = Vec::new();
        match deployed.join() {
            Ok((outcome, output)) => {
                println!("{output}");
                let last = output
                    .lines()
                    .rev()
                    .find(|line| line.contains(" passed") || line.contains(" failed"));
                endings.extend(last.map(|line| format!("pytest of the sandbox: {}", line.trim_matches(['=', ' ']))));
                outcomes.push(outcome);
            }
            Err(_) => outcomes.push(Err(anyhow!("the sandbox's tests panicked"))),
        }
        endings.push(summary(&heard));
        (outcomes, endings)
    })
}

fn compile(extent: Extent, steps: &Steps) -> Result<()> {
    if extent.checks {
        steps.time("formatting, layout, pages", check::at_a_glance)?;
    }
    let settings = lints(extent)?;
    if extent.checks {
        // As most users build it; but with the same features of all dependencies, those for tests included, so that
        // only the command itself is compiled again.
        let mut build = shell::cargo();
        build.args([
            "test",
            "--no-run",
            "--workspace",
            "--features",
            "chancery-aws/interactive",
            "--bin",
            "chancery",
        ]);
        build.envs(settings.iter().map(|(name, value)| (name, value)));
        steps.time("compiling the command without AWS, with lints", || {
            shell::run(&mut build)
        })?;
    }
    let name = if extent.checks {
        "compiling everything, with lints"
    } else {
        "compiling everything"
    };
    steps.time(name, || shell::run(runner(has_nextest(), &settings).arg("--no-run")))?;
    steps.time("Rust's documentation and its examples", || {
        rustdoc::run(&EVERYTHING, &settings)
    })?;
    if extent.checks && extent.thorough {
        steps.time("clippy and rustdoc of each program", check::in_full)?;
    }
    Ok(())
}

/// Settings that make cargo compile with clippy in place of the compiler: lints then cost only their own time, and
/// nothing is compiled twice.
fn lints(extent: Extent) -> Result<Vec<(&'static str, OsString)>> {
    if !extent.checks {
        return Ok(Vec::new());
    }
    let sysroot = shell::program("rustc")
        .args(["--print", "sysroot"])
        .output()
        .context("cannot start rustc")?;
    let clippy = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim()).join("bin/clippy-driver");
    ensure!(clippy.is_file(), "there is no clippy (rustup component add clippy)");
    // The separator is clippy's own, as `cargo clippy -- --deny warnings` sets it.
    let deny = "--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";
    Ok(vec![
        ("RUSTC_WORKSPACE_WRAPPER", clippy.into_os_string()),
        ("CLIPPY_ARGS", deny.into()),
    ])
}

/// Work that needs nothing that cargo compiles.
fn aside(extent: Extent, steps: &Steps, ready: &std::sync::mpsc::Sender<Judges>) -> Vec<Result<()>> {
    let judges = steps.time("packages and Python judges", setup::judges);
    shell::stand_back();
    // If the receiver is gone, the other lane has ended.
    let _ = ready.send(judges);
    let mut outcomes = vec![steps.time("Terraform module", || terraform::run(extent.thorough))];
    if extent.checks {
        outcomes.push(steps.time("scripts in the documentation", docs::scripts));
        outcomes.push(steps.time("lints of the sandbox", sandbox::check));
        outcomes.push(steps.time("dependency rules", check::dependencies));
    }
    outcomes
}

/// Runs the Rust tests; returns also the runner's standard error.
fn tests(extent: Extent, judges: &Judges, sandboxes: Option<&Sandboxes>, filter: &[String]) -> (Result<()>, String) {
    let settings = match lints(extent) {
        Ok(settings) => settings,
        Err(error) => return (Err(error), String::new()),
    };
    let mut command = runner(has_nextest(), &settings);
    command.arg("--no-fail-fast");
    if let Some(folder) = &judges.python {
        command.env("CHANCERY_JUDGES", folder);
    }
    if let Some(sandboxes) = sandboxes {
        command.env(crate::sandboxes::SOCKET, sandboxes.socket());
    }
    if extent.thorough {
        command.env(shell::THOROUGH, "1").env("CHANCERY_KILLS", KILLS);
    }
    shell::run_and_hear(command.args(filter))
}

fn has_nextest() -> bool {
    shell::succeeds(shell::cargo().args(["nextest", "--version"]))
}

fn runner(has_nextest: bool, settings: &[(&str, OsString)]) -> std::process::Command {
    let mut command = shell::cargo();
    if has_nextest {
        command.args(["nextest", "run", "--workspace"]);
    } else {
        command.args(["test", "--workspace", "--all-targets"]);
    }
    command.args(EVERYTHING);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

/// The runner's summary: nextest's, from its summary line on; empty for other runners.
fn summary(heard: &str) -> String {
    match heard.rfind("     Summary [") {
        Some(place) => heard[place..].to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn the_runners_summary_is_what_it_ends_with() {
        let heard = "        PASS [   0.1s] a\n────────────\n     Summary [  23.238s] 44 tests run: 43 passed, 1 failed\n        FAIL b\n";
        assert!(summary(heard).starts_with("     Summary [  23.238s] 44 tests"));
        assert!(summary(heard).ends_with("FAIL b\n"));
        assert_eq!(summary("error: nothing compiles"), "");
    }
}
