//! Arguments of `chancery ca`.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Show every CA, its state, and which one issues by default
    List,
    /// Make another CA beside those there are; it issues nothing before it is activated
    Add(CaAddArguments),
    /// Take a CA into use: from now on it issues, by default where a profile names no other
    Activate {
        /// The CA, by its short or whole name: issuing-ca-2 or chancery-issuing-ca-2
        #[arg(value_name = "CA")]
        name: String,

        /// Let it issue only where a profile names it
        #[arg(long)]
        not_default: bool,
    },
    /// Let a CA issue nothing more; its CRLs go on until its last certificate has ended
    Retire {
        /// The CA, by its short or whole name
        #[arg(value_name = "CA")]
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CaAddArguments {
    /// Its short name, e.g. issuing-ca-2
    pub(crate) name: String,

    /// The CA above, by its short name [default: the one above the CA that issues by default]
    #[arg(long)]
    pub(crate) parent: Option<String>,

    /// Its key's algorithm: p256, p384, p521, rsa2048, rsa3072, rsa4096, ml-dsa-44, ml-dsa-65, ml-dsa-87 [default: p256]
    #[arg(long)]
    pub(crate) algorithm: Option<String>,

    /// Days that its certificate is valid [default: 3650]
    #[arg(long)]
    pub(crate) days: Option<u32>,

    /// Its certificate's common name [default: made of project and name]
    #[arg(long, value_name = "CN")]
    pub(crate) common_name: Option<String>,
}
