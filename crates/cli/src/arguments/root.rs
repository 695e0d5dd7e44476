//! Arguments of `chancery root`.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum RootCommand {
    /// Enable the root's key, for one run
    Wake,
    /// Disable the root's key, and list what it was asked to sign, for two people to confirm
    Sleep {
        /// List what was signed in so many hours
        #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8760))]
        hours: u32,
    },
}
