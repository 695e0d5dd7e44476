//! Arguments for operating an authority: CRLs, backups, plans, tokens.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum CrlCommand {
    /// Make and publish CRLs now
    Publish {
        /// This CA's alone, e.g. chancery-issuing-ca
        // Not `--ca`, which is the file of a server's root everywhere; `--authority` is what it was called before.
        #[arg(long, value_name = "CA", alias = "authority")]
        issuer: Option<String>,
    },
    /// Show number, age and size of every CRL
    Status,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct RestoreArguments {
    /// The backup's folder
    pub(crate) folder: PathBuf,

    /// Only check that it could be restored: every file, the signature, and the ledger; needs no data folder
    #[arg(long, conflicts_with_all = ["crl", "without_crl", "keep_tokens"])]
    pub(crate) check: bool,

    /// The authority's root certificate, from where it was published or installed and not from the backup; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) root: Vec<PathBuf>,

    /// The newest published CRL, PEM or DER, one for every CA and shard; repeatable. What it lists stays revoked
    #[arg(long, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,

    /// Restore without CRLs: what was revoked after the backup was taken is valid again
    #[arg(long, conflicts_with = "crl")]
    pub(crate) without_crl: bool,

    /// Let API tokens go on; those that were revoked after the backup was taken are valid again
    #[arg(long)]
    pub(crate) keep_tokens: bool,

    /// Take a backup that nobody signed: whoever could write it may have changed anything in it
    #[arg(long, conflicts_with = "keep_tokens")]
    pub(crate) unsigned: bool,

    /// The PKCS #11 module that the backup's local.toml names, where there is no terminal to confirm it at
    #[arg(long, value_name = "FILE")]
    pub(crate) pkcs11_module: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// Folder with tls.json, csrs/, revoked.json and revoked-root-ca.json, each where there is one
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,

    /// Report only entries that this folder does not have: a checkout of the target branch
    #[arg(long, value_name = "FOLDER")]
    pub(crate) base: Option<PathBuf>,

    /// Report in Markdown, for a pull request
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,

    /// Without --aws: configuration to decide by [default: that of the Terraform module]
    #[arg(long, value_name = "FILE", conflicts_with = "aws")]
    pub(crate) config: Option<PathBuf>,

    /// Without --aws: the CAs' certificates (PEM) [default: ones that are made up]
    #[arg(long, value_name = "FILE", conflicts_with = "aws")]
    pub(crate) ca_bundle: Option<PathBuf>,

    /// Without --aws and --config: days that a certificate lives at most, the module's max_cert_lifetime [default: 365]
    #[arg(long, value_name = "DAYS", conflicts_with_all = ["aws", "config"])]
    pub(crate) max_cert_lifetime: Option<u32>,

    /// Without --aws and --config: OID that requests may set an extension of, the module's custom_extension_allowlist;
    /// repeatable
    #[arg(long = "allow-extension", value_name = "OID", conflicts_with_all = ["aws", "config"])]
    pub(crate) allow_extensions: Vec<String>,
}

impl PlanArguments {
    /// Whether an option is given for which a deployment has settings of its own.
    pub(crate) fn has_settings(&self) -> bool {
        self.config.is_some()
            || self.ca_bundle.is_some()
            || self.max_cert_lifetime.is_some()
            || !self.allow_extensions.is_empty()
    }
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct AdoptArguments {
    /// Write the changes; else only report what would be done. Continues where an earlier run stopped
    #[arg(long)]
    pub(crate) apply: bool,

    /// Go through all rows from the beginning: finds those that were written or changed by hand since
    #[arg(long, requires = "apply")]
    pub(crate) again: bool,

    /// Also check that this Terraform state (`terraform state pull`) holds what cannot be made again
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; it is shown once
    Create {
        /// What it allows: read, issue, revoke, admin; repeatable
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<chancery_authority::TokenScope>,

        /// A name to know it by
        #[arg(long, default_value = "token")]
        name: String,

        /// Days until it ends
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..))]
        days: u32,
    },
    /// List tokens, never their secrets
    List,
    /// End a token at once
    Revoke {
        /// Its id, as `token list` shows it
        id: String,
    },
}
