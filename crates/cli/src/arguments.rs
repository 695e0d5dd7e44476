//! The command line.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

mod ca;
mod certificates;
mod freeze;
mod guard;
mod root;
mod start;
mod upkeep;

use std::path::PathBuf;

use chancery_local::keys::passphrase::InheritedDescriptor;
use clap::{Args, Parser, Subcommand};

pub(crate) use ca::{CaAddArguments, CaCommand, CrossSignArguments};
pub(crate) use certificates::{
    CertificateArguments, IssueArguments, KeyChoice, ListArguments, PurposeChoice, RenewArguments, RequestArguments,
    RevokeArguments, VerifyArguments,
};
pub(crate) use freeze::{FreezeArguments, ThawArguments};
pub(crate) use guard::{GuardArguments, GuardCommand, SeenArguments};
pub(crate) use root::RootCommand;
pub(crate) use start::{InitArguments, StartArguments};
#[cfg(feature = "aws")]
pub(crate) use upkeep::AdoptArguments;
pub(crate) use upkeep::{CrlCommand, PlanArguments, RestoreArguments, TokenCommand};

/// The heading of options that every command has, so that a command's own stand out in its help.
const GLOBAL: &str = "Global options";

/// A certificate authority that anyone can run.
#[derive(Debug, Parser)]
#[command(name = "chancery", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Arguments {
    /// Data folder of the authority [default: $XDG_DATA_HOME/chancery or ~/.local/share/chancery]
    #[arg(
        long,
        global = true, help_heading = GLOBAL,
        env = "CHANCERY_DIR",
        value_name = "DIR",
        conflicts_with = "url"
    )]
    pub(crate) dir: Option<PathBuf>,

    /// Work against a server instead of a data folder, e.g. https://localhost:8443
    #[arg(long, global = true, help_heading = GLOBAL, env = "CHANCERY_URL", value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Root certificate (PEM) that the server's certificate must chain to [default: the system's]
    #[arg(long, global = true, help_heading = GLOBAL, env = "CHANCERY_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// File with the API token for --url; `-` for standard input [default: $CHANCERY_TOKEN]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArguments,

    /// Answer in JSON, for programs
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,

    /// Log more (twice: much more) to standard error; CHANCERY_LOG takes finer filters
    #[arg(long, short, global = true, help_heading = GLOBAL, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which deployment on AWS. Region and credentials come from the environment and the shared files, as for the AWS CLI.
#[derive(Debug, Args)]
pub(crate) struct AwsArguments {
    /// Work against a deployment on AWS, with the region and credentials of the AWS CLI
    #[arg(long, global = true, help_heading = GLOBAL, conflicts_with_all = ["dir", "url"], hide = !cfg!(feature = "aws"))]
    pub(crate) aws: bool,

    /// The deployment's project
    #[arg(
        long,
        global = true, help_heading = GLOBAL,
        env = "CHANCERY_PROJECT",
        default_value = "serverless",
        value_name = "P",
        hide = !cfg!(feature = "aws")
    )]
    pub(crate) project: String,

    /// The deployment's environment
    #[arg(
        long,
        global = true, help_heading = GLOBAL,
        env = "CHANCERY_ENV",
        default_value = "dev",
        value_name = "E",
        hide = !cfg!(feature = "aws")
    )]
    pub(crate) env: String,

    /// An environment that CA names leave out: the deployment's prod_envs; repeatable
    #[arg(
        long = "prod-env",
        global = true, help_heading = GLOBAL,
        default_values = ["prd", "prod"],
        value_name = "E",
        hide = !cfg!(feature = "aws")
    )]
    pub(crate) production: Vec<String>,
}

/// Where the passphrase of sealed keys, or the PIN of a token, comes from. Without any of these: $CHANCERY_PASSPHRASE,
/// the generated one in the data folder, a prompt.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArguments {
    /// Read the passphrase from this file descriptor
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FD", value_parser = inherited_descriptor)]
    pub(crate) passphrase_fd: Option<InheritedDescriptor>,

    /// Read the passphrase from this file
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", conflicts_with = "passphrase_fd")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Taken while the arguments are parsed, before the process opens anything under that number.
fn inherited_descriptor(number: &str) -> Result<InheritedDescriptor, Box<dyn std::error::Error + Send + Sync>> {
    Ok(InheritedDescriptor::take(number.parse()?)?)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the authority: create it on first run, serve HTTPS and HTTP
    Start(StartArguments),
    /// Create the authority in the data folder, without serving it
    Init(InitArguments),
    /// Make a key and have a certificate issued for it
    Request(RequestArguments),
    /// Issue a certificate for a CSR
    Issue(IssueArguments),
    /// Renew a certificate
    Renew(RenewArguments),
    /// Revoke a certificate
    Revoke(RevokeArguments),
    /// CAs: add one beside those there are, activate it, retire another
    #[command(subcommand)]
    Ca(CaCommand),
    /// A root on AWS whose key is disabled between its uses: enable it for a run, disable it again
    #[command(subcommand)]
    Root(RootCommand),
    /// Stop every issuance at once; CRLs go on
    Freeze(FreezeArguments),
    /// End a freeze: two people, or one who expressly decides alone
    Thaw(ThawArguments),
    /// Certificate revocation lists
    #[command(subcommand)]
    Crl(CrlCommand),
    /// List and search certificates
    List(ListArguments),
    /// Show one certificate
    Show {
        /// Serial number, decimal or hexadecimal; or a file or folder with the certificate
        serial: String,
    },
    /// Show what is in a file: certificates, CSRs, CRLs, with the findings of the lints
    Inspect {
        /// The file, PEM or DER; `-` for standard input; with --aws, one in the deployment's buckets
        file: PathBuf,
    },
    /// Verify a certificate against its chain and CRL
    Verify(VerifyArguments),
    /// Copy the whole authority, while it runs, to a new folder, signed by the CA that issues
    Backup {
        /// The folder to be made
        folder: PathBuf,

        /// Do not sign it, e.g. where that CA's key cannot be used: whoever can write it can change it unnoticed
        #[arg(long)]
        unsigned: bool,
    },
    /// Put a backup into an empty data folder
    Restore(RestoreArguments),
    /// API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Check the data folder: the ledger's integrity, open intents, CRLs
    Check,
    /// Hold every signature of the CAs' keys against the journal and the key store's log, and watch the account
    Guard(GuardArguments),
    /// Show what would become of tls.json, its CSRs and the revocation lists if they were merged
    Plan(PlanArguments),
    /// Check a deployment that the Python CA made, and take its certificates into the journal
    #[cfg(feature = "aws")]
    Adopt(AdoptArguments),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
    /// Print the API's OpenAPI document
    #[command(hide = true)]
    Openapi,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    /// Help shows a command's own options apart from those that every command has.
    #[test]
    fn global_options_have_a_heading_of_their_own() {
        use clap::CommandFactory as _;
        let mut command = Arguments::command();
        for argument in command.get_arguments().filter(|argument| argument.is_global_set()) {
            assert_eq!(argument.get_help_heading(), Some(GLOBAL), "{}", argument.get_id());
        }
        command.build();
        let help = command
            .find_subcommand_mut("revoke")
            .unwrap()
            .render_long_help()
            .to_string();
        let (own, global) = help.split_once("\nGlobal options:\n").unwrap();
        assert!(own.contains("--reason") && !own.contains("--dir"), "{help}");
        assert!(
            global.contains("--dir") && global.contains("--json") && !global.contains("--reason"),
            "{help}"
        );
    }

    #[test]
    fn options_of_commands_do_not_meet_global_ones() {
        // `--authority` is the option's former name.
        for option in ["--issuer", "--authority"] {
            let line = [
                "chancery",
                "--ca",
                "root.crt",
                "crl",
                "publish",
                option,
                "chancery-issuing-ca",
            ];
            let arguments = Arguments::parse_from(line);
            assert_eq!(arguments.ca.as_deref(), Some(std::path::Path::new("root.crt")));
            let Command::Crl(CrlCommand::Publish { issuer }) = arguments.command else {
                panic!("another command");
            };
            assert_eq!(issuer.as_deref(), Some("chancery-issuing-ca"));
        }
    }
}
