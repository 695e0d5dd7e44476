//! The `chancery` command: a certificate authority on one machine, and a client of one.
//!
//! - [`arguments`]: the command line;
//! - [`local_authority`]: an authority in a data folder, put together from its parts;
//! - [`backend`]: the same operations on a data folder, against a server, or against a deployment on AWS;
//! - `deployment`: such a deployment (feature `aws`);
//! - [`command`]: the commands, one file each;
//! - [`interrupt`]: Ctrl-C during a change;
//! - [`show`]: tables, progress, times, for people, and [`visible`]: escaping of text from others;
//! - [`secrecy`]: no core dumps; [`file_limit`]: reaching the limit on the length of files is an error, not a kill.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command for people in a terminal

mod arguments;
mod backend;
mod bounded;
mod command;
#[cfg(feature = "aws")]
mod deployment;
mod file_limit;
mod interrupt;
mod local_authority;
mod secrecy;
mod show;
mod visible;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;

fn main() -> ExitCode {
    // Before any secret is read.
    secrecy::leave_no_copy_of_memory();
    file_limit::catch_file_size_signal();
    show::leave_quietly_when_nobody_reads();
    let arguments = Arguments::parse();
    show::logging(arguments.verbose);
    match command::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            show::error(&error, arguments.json);
            ExitCode::FAILURE
        }
    }
}
