//! Arguments of `chancery guard`.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

use std::path::PathBuf;

use chancery_authority::CaName;
use chancery_x509::time::UnixTime;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GuardArguments {
    #[command(subcommand)]
    pub(crate) command: Option<GuardCommand>,

    /// CloudTrail's records, plain or gzip: files of a trail, answers of lookup-events, events of EventBridge; `-` for standard input
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) records: Vec<PathBuf>,

    /// Judge as of this time, e.g. 2026-11-28T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) now: Option<UnixTime>,

    /// The records are complete from this time on [default: from the oldest of them on]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<UnixTime>,

    /// The trail records invocations of the functions: report it if there are none
    #[arg(long)]
    pub(crate) invocations: bool,

    /// ARN of a role or user that changes the deployment as its task, `*` for anything; repeatable
    #[arg(long = "deployer", value_name = "ARN")]
    pub(crate) deployers: Vec<String>,

    /// ARN of a role or user that writes to the tables: the module's operator_role_arns; repeatable
    #[arg(long = "operator", value_name = "ARN")]
    pub(crate) operators: Vec<String>,

    /// Name of a bucket or topic to watch besides the deployment's own, as the trail's bucket; repeatable
    #[arg(long = "watch", value_name = "NAME")]
    pub(crate) watch: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GuardCommand {
    /// Look for certificates and serial numbers that others have seen, and the ledger does not know
    Seen(SeenArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SeenArguments {
    /// Certificates (PEM, DER), serial numbers (hexadecimal, one a line), or logs; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The CA that serial numbers without a certificate are of, e.g. chancery-issuing-ca
    #[arg(long, value_name = "CA", value_parser = clap::value_parser!(CaName))]
    pub(crate) issuer: Option<CaName>,
}

fn time(text: &str) -> Result<UnixTime, String> {
    UnixTime::from_rfc3339(text).ok_or_else(|| "a time is written as 2026-11-28T12:00:00Z".to_owned())
}
