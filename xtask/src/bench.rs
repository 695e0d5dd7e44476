//! Measures, and writes `docs/benchmarks.md`.

mod aws;
mod cfssl;
mod functions;
mod guard;
mod openbao;
mod report;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::shell;
use server::Server;

/// Repetitions of a measurement over HTTP; the median is reported.
const ROUNDS: usize = 3;

/// A part of the page that can also be measured alone.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Section {
    /// The functions on AWS, in the sandbox.
    Functions,
    /// The guard over many records.
    Guard,
}

/// Runs every measurement, or those of one section.
pub(crate) fn run(section: Option<Section>, quick: bool, built: bool) -> Result<()> {
    match section {
        None => run_all(quick, built),
        Some(Section::Functions) => {
            let text = functions::section(quick, built)?.context("nothing was measured")?;
            write_section(quick, &text)
        }
        Some(Section::Guard) => {
            if !built {
                build(&["chancery-benches"])?;
            }
            write_section(quick, &guard::section(&shell::target().join("release"), quick)?)
        }
    }
}

/// Replaces one section of the page, or prints it.
fn write_section(quick: bool, text: &str) -> Result<()> {
    let page = shell::root().join("docs/benchmarks.md");
    let whole = report::with_section(&std::fs::read_to_string(page)?, text);
    write(quick, if quick { text } else { &whole })
}

fn build(packages: &[&str]) -> Result<()> {
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    shell::run(shell::cargo().args(["build", "--release"]).args(packages))
}

fn run_all(quick: bool, built: bool) -> Result<()> {
    if !built {
        build(&["chancery-cli", "chancery-benches"])?;
    }
    let binaries = shell::target().join("release");
    let certificates = if quick { "10000" } else { "60000" };
    let ledger = if quick { 100_000 } else { 1_000_000 };

    println!("\nIssuance in process");
    let single = measure(&binaries, &["single"])?;
    println!("\nIssuance over HTTP");
    let mut chancery = Vec::new();
    let mut cfssl = Vec::new();
    let mut openbao = Vec::new();
    let mut start = None;
    for _ in 0..ROUNDS {
        let server = Server::start(&binaries)?;
        chancery.push(server.load(&binaries, certificates)?);
        start = Some(server.restart_and_idle(&binaries)?);
        if let Some(other) = cfssl::Server::start()? {
            cfssl.push(other.load(&binaries, certificates)?);
        }
        if let Some(other) = openbao::Server::start(&binaries)? {
            openbao.push(other.load(&binaries, certificates)?);
        }
    }
    println!("\nCRLs");
    let revocations = |revoked: usize| {
        measure(
            &binaries,
            &[
                "revocations",
                "--issued",
                &ledger.to_string(),
                "--revoked",
                &revoked.to_string(),
            ],
        )
    };
    let crls = [revocations(ledger)?, revocations(100)?];
    println!("\nA long CRL on AWS");
    let long_crl = aws::long_crl()?;
    println!("\nThe guard");
    let guard = guard::section(&binaries, quick)?;
    println!("\nThe functions on AWS");
    let functions = functions::section(quick, built)?;
    let report = report::Report {
        machine: report::machine(),
        single,
        chancery: median(chancery).context("nothing was issued")?,
        cfssl: median(cfssl),
        openbao: median(openbao),
        start: start.context("nothing was started")?,
        crls,
        long_crl,
        guard,
        functions,
    };
    write(quick, &report.text())
}

/// Writes the page, or prints the result of a quick run.
fn write(quick: bool, text: &str) -> Result<()> {
    if quick {
        println!("\n{text}");
    } else {
        std::fs::write(shell::root().join("docs/benchmarks.md"), text)?;
        println!("\nWritten to docs/benchmarks.md");
    }
    Ok(())
}

/// Runs one measurement; the last line of its output is its result.
pub(crate) fn measure(binaries: &Path, arguments: &[&str]) -> Result<Value> {
    last_line(Command::new(binary(binaries, "chancery-benches")).args(arguments))
}

pub(crate) fn last_line(command: &mut Command) -> Result<Value> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(
        output.status.success(),
        "{} failed",
        command.get_program().to_string_lossy()
    );
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().last().context("a measurement said nothing")?;
    println!("  {line}");
    Ok(serde_json::from_str(line)?)
}

fn binary(binaries: &Path, name: &str) -> PathBuf {
    binaries.join(name)
}

/// The round with the median throughput; `None` where there was no round.
fn median(mut rounds: Vec<Value>) -> Option<Value> {
    rounds.sort_by(|one, other| number(one, "per_second").total_cmp(&number(other, "per_second")));
    let middle = rounds.len() / 2;
    rounds.into_iter().nth(middle)
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.context("no VmRSS")?.trim().trim_end_matches(" kB").parse()?)
}

/// A number in a result; 0 where it is missing.
pub(crate) fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_default()
}
