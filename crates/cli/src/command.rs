//! The commands, one file each.

#[cfg(feature = "aws")]
mod adopt;
mod backup;
mod ca;
mod check;
mod crl;
mod freeze;
mod guard;
mod init;
mod input;
mod inspect;
mod issue;
pub(crate) mod issue_answer;
pub(crate) mod issue_request;
mod list;
pub(crate) mod output_file;
mod pkcs12;
mod plan;
mod renew;
mod request;
mod restore;
mod revoke;
#[cfg(feature = "aws")]
mod root;
mod show;
mod start;
mod token;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;

use crate::arguments::{Arguments, Command};

/// Runs the command. `Ok` with a failing exit code is an answer ("no, this does not verify"); an error is not.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::Start(start) => start::run(arguments, start),
        Command::Init(init) => init::run(arguments, init),
        Command::Request(request) => request::run(arguments, request),
        Command::Issue(issue) => issue::run(arguments, issue),
        Command::Renew(renew) => renew::run(arguments, renew),
        Command::Revoke(revoke) => revoke::run(arguments, revoke),
        Command::Ca(ca) => ca::run(arguments, ca),
        Command::Root(root) => on_root(arguments, root),
        Command::Freeze(freeze) => freeze::freeze(arguments, freeze),
        Command::Thaw(thaw) => freeze::thaw(arguments, thaw),
        Command::Crl(crl) => crl::run(arguments, crl),
        Command::List(list) => list::run(arguments, list),
        Command::Show { serial } => show::run(arguments, &input::serial(serial)?),
        Command::Inspect { file } => inspect::run(arguments, file),
        Command::Verify(verify) => verify::run(arguments, verify),
        Command::Backup { folder, unsigned } => backup::run(arguments, folder, *unsigned),
        Command::Restore(restore) if restore.check => restore::check(arguments, restore),
        Command::Restore(restore) => restore::run(arguments, restore),
        Command::Token(token) => token::run(arguments, token),
        Command::Check => check::run(arguments),
        Command::Guard(guard) => guard::run(arguments, guard),
        Command::Plan(plan) => plan::run(arguments, plan),
        #[cfg(feature = "aws")]
        Command::Adopt(adopt) => adopt::run(arguments, adopt),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "chancery", &mut script);
            print!("{}", String::from_utf8_lossy(&script));
            Ok(ExitCode::SUCCESS)
        }
        Command::Openapi => {
            print!("{}", chancery_api::openapi::json());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            print!("{}", String::from_utf8_lossy(&page));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Writes a file of the data folder, accessible to its owner only, completely or not at all.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    output_file::write(path, content, true, true)
}

/// On one machine a root sleeps where its key is taken away: an offline root.
#[cfg(feature = "aws")]
fn on_root(arguments: &Arguments, command: &crate::arguments::RootCommand) -> Result<ExitCode> {
    if !arguments.aws.aws {
        anyhow::bail!(
            "`chancery root` works on a deployment: give --aws. In a data folder a root's key is taken away instead (docs/guide.md)"
        );
    }
    root::run(arguments, command)
}

#[cfg(not(feature = "aws"))]
fn on_root(_arguments: &Arguments, _command: &crate::arguments::RootCommand) -> Result<ExitCode> {
    Err(crate::backend::without_aws())
}
