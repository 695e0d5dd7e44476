//! Every chore of the repository, one entry point: `cargo xtask <chore>`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command for people in a terminal

mod bench;
mod check;
mod docs;
mod lambda;
mod layout;
mod sandbox;
mod setup;
mod shell;
mod terraform;
mod test;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Chores of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the tests use: packages, Python judges. Says what it could not install.
    Setup,
    /// Set up, then run every test.
    Test {
        /// Arguments for the test runner, e.g. a name to filter by.
        #[arg(trailing_var_arg = true)]
        filter: Vec<String>,
    },
    /// Formatting, lints, documentation, dependency rules: everything but the tests.
    Check,
    /// Check, then test: what a change must pass.
    Ci,
    /// Measure, and write docs/benchmarks.md.
    Bench {
        /// Measure this alone; its section takes the place of its former one.
        section: Option<bench::Section>,
        /// A tenth of everything, printed and not written.
        #[arg(long)]
        quick: bool,
        /// Measure what was built before.
        #[arg(long)]
        built: bool,
    },
    /// Build the functions of the AWS deployment: dist/chancery-lambda.zip, for this machine's architecture.
    Lambda {
        /// Build once more elsewhere, and compare: the zip must come out the same, octet for octet.
        #[arg(long)]
        verify: bool,
    },
    /// Deploy the functions on this machine, with Terraform and without an AWS account, to try them out.
    Sandbox {
        /// Take dist/chancery-lambda.zip as it is.
        #[arg(long)]
        built: bool,
    },
    /// Check and test the Terraform module, without an AWS account.
    Terraform,
    /// Check the documentation: links, examples, scripts.
    Docs,
    /// Write docs/openapi.json anew from the code.
    Openapi,
}

fn main() -> Result<()> {
    match Arguments::parse().chore {
        Chore::Setup => {
            setup::judges().report();
            Ok(())
        }
        Chore::Test { filter } => test::run(&filter),
        Chore::Check => check::run(),
        Chore::Bench { section, quick, built } => bench::run(section, quick, built),
        Chore::Lambda { verify } => lambda::run(verify).map(|_| ()),
        Chore::Sandbox { built } => sandbox::run(built),
        Chore::Terraform => terraform::run(),
        Chore::Docs => docs::run(),
        Chore::Openapi => {
            let output = shell::cargo()
                .args(["run", "--quiet", "--package", "chancery-cli", "--", "openapi"])
                .output()?;
            anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            std::fs::write(shell::root().join("docs/openapi.json"), output.stdout)?;
            Ok(())
        }
        Chore::Ci => {
            check::run()?;
            test::run(&[])
        }
    }
}
