//! Measures Chancery. Each measurement prints one line of JSON; `cargo xtask bench` runs them, together with the
//! programs they are compared with, and writes `docs/benchmarks.md`.
#![allow(clippy::print_stdout, clippy::print_stderr)]
// a program for people in a terminal
// Counts of nanoseconds and of requests are far below 2^52: converting them to floating point loses nothing.
#![allow(clippy::cast_precision_loss)]

mod csrs;
mod guard;
mod http;
mod load;
mod revocations;
mod single;
mod unseal;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Issuance over HTTP against a running server
    Load(load::Arguments),
    /// Issuance in process, on one core, without any store; and its cryptography alone
    Single {
        /// Seconds for each of the two
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// CRLs over a ledger with many certificates
    Revocations(revocations::Arguments),
    /// The guard over many records
    Guard(guard::Arguments),
    /// Opening a CA key
    Unseal(unseal::Arguments),
}

fn main() -> Result<()> {
    match Arguments::parse().measurement {
        Measurement::Load(arguments) => load::run(&arguments),
        Measurement::Single { seconds } => single::run(seconds),
        Measurement::Revocations(arguments) => revocations::run(&arguments),
        Measurement::Guard(arguments) => guard::run(&arguments),
        Measurement::Unseal(arguments) => unseal::run(&arguments),
    }
}
