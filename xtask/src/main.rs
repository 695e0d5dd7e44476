//! Maintenance tasks of the repository: `cargo xtask <chore>`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command for people in a terminal

mod arrows;
mod bench;
mod cache;
mod check;
mod circles;
mod dependencies;
mod docs;
mod lambda;
mod layout;
mod rustdoc;
mod sandbox;
mod sandboxes;
mod setup;
mod shell;
mod steps;
mod terraform;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use test::Extent;

/// Maintenance tasks of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the tests use: packages, Python judges. Reports what it could not install.
    Setup,
    /// Set up, then run every test.
    Test {
        /// Repeat in the sandbox what is tested in Rust, kill the server 200 times instead of 40, build and check the
        /// real zip of the functions.
        #[arg(long)]
        thorough: bool,
        /// Arguments for the test runner, e.g. a name to filter by.
        #[arg(trailing_var_arg = true)]
        filter: Vec<String>,
    },
    /// Formatting, lints, documentation, dependency rules: everything but the tests.
    Check,
    /// Check and test: what a change must pass.
    Ci {
        /// Test as `test --thorough` does.
        #[arg(long)]
        thorough: bool,
    },
    /// Measure, and write docs/benchmarks.md.
    Bench {
        /// Measure only this section, and replace it in the page.
        section: Option<bench::Section>,
        /// Measure a tenth of everything; print it instead of writing the page.
        #[arg(long)]
        quick: bool,
        /// Measure the existing build.
        #[arg(long)]
        built: bool,
    },
    /// Build the functions of the AWS deployment: dist/chancery-lambda.zip, for this machine's architecture.
    Lambda {
        /// Build once more elsewhere, and compare: the zips must be identical.
        #[arg(long)]
        verify: bool,
    },
    /// Deploy the functions on this machine, with Terraform and without an AWS account, to try them out.
    Sandbox {
        /// Use the existing dist/chancery-lambda.zip.
        #[arg(long)]
        built: bool,
    },
    /// Check and test the Terraform module, without an AWS account.
    Terraform {
        /// Validate each example as a root module of its own.
        #[arg(long)]
        thorough: bool,
    },
    /// Check the documentation: links, examples, scripts.
    Docs,
    /// Write docs/openapi.json anew from the code.
    Openapi,
}

fn main() -> ExitCode {
    if let Some(code) = rustdoc::in_place() {
        return code;
    }
    match run(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<()> {
    match chore {
        Chore::Setup => {
            setup::judges().report();
            Ok(())
        }
        Chore::Test { thorough, filter } if filter.is_empty() => test::all(Extent {
            checks: false,
            thorough,
        }),
        Chore::Test { thorough, filter } => test::some(&filter, thorough),
        Chore::Check => check::run(),
        Chore::Bench { section, quick, built } => bench::run(section, quick, built),
        Chore::Lambda { verify } => lambda::run(verify).map(|_| ()),
        Chore::Sandbox { built } => sandbox::run(built),
        Chore::Terraform { thorough } => terraform::run(thorough),
        Chore::Docs => docs::run(),
        Chore::Openapi => {
            let output = shell::cargo()
                .args(["run", "--quiet", "--package", "chancery-cli", "--", "openapi"])
                .output()?;
            anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            std::fs::write(shell::root().join("docs/openapi.json"), output.stdout)?;
            Ok(())
        }
        Chore::Ci { thorough } => test::all(Extent { checks: true, thorough }),
    }
}
