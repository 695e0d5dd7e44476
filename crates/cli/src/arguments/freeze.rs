//! Arguments for stopping issuance.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct FreezeArguments {
    /// Why, for the record
    #[arg(long, value_name = "TEXT", required_unless_present = "state")]
    pub(crate) reason: Option<String>,

    /// Only say whether issuance is frozen, since when, by whom and why
    #[arg(long, conflicts_with = "reason")]
    pub(crate) state: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ThawArguments {
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,

    /// Decide alone. Without it, two people have to say so within a day
    #[arg(long)]
    pub(crate) alone: bool,
}
