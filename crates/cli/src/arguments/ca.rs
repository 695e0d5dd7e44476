//! Arguments of `chancery ca`.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

use std::path::PathBuf;

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
    /// Renew a CA's certificate for the same key: what it issued verifies with either
    Renew {
        /// The CA, by its short or whole name
        #[arg(value_name = "CA")]
        name: String,
    },
    /// Make a cross-certificate: for a CA of another hierarchy, so that those who trust this one verify what it issues
    CrossSign(CrossSignArguments),
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

#[derive(Debug, Args)]
pub(crate) struct CrossSignArguments {
    /// A certificate of the other CA, PEM or DER: subject, key, usages and constraints are taken from it
    #[arg(value_name = "FILE")]
    pub(crate) certificate: PathBuf,

    /// The CA of this authority that signs, by its short or whole name
    #[arg(long, value_name = "CA")]
    pub(crate) issuer: String,

    /// A name that the other CA may certify: dns:example.com, email:example.com, ip:10.0.0.0/8, uri:.example.com, dn:O=Example
    #[arg(long, value_name = "NAME", conflicts_with = "any_name")]
    pub(crate) permit: Vec<String>,

    /// A name that it may not certify
    #[arg(long, value_name = "NAME", conflicts_with = "any_name")]
    pub(crate) exclude: Vec<String>,

    /// Let it certify any name: whoever trusts the signing CA trusts it as much
    #[arg(long)]
    pub(crate) any_name: bool,

    /// Most days that it is valid [default: as long as the other CA's certificate and the signing CA]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) days: Option<u32>,

    /// Most CAs below it [default: as the other CA's certificate says]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) path_len: Option<u8>,

    /// Where to write it, PEM [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
