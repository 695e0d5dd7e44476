//! The command line.
#![allow(clippy::doc_markdown)] // these are the help's texts, shown as they stand

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::PathBuf;

use chancery_local::keys::passphrase::InheritedDescriptor;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// A certificate authority that anyone can run.
#[derive(Debug, Parser)]
#[command(name = "chancery", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Arguments {
    /// Data folder of the authority [default: $XDG_DATA_HOME/chancery or ~/.local/share/chancery]
    #[arg(
        long,
        global = true,
        env = "CHANCERY_DIR",
        value_name = "DIR",
        conflicts_with = "url"
    )]
    pub(crate) dir: Option<PathBuf>,

    /// Work against a server instead of a data folder, e.g. https://localhost:8443
    #[arg(long, global = true, env = "CHANCERY_URL", value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Root certificate (PEM) that the server's certificate must chain to [default: the system's]
    #[arg(long, global = true, env = "CHANCERY_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// File with the API token for --url; `-` for standard input [default: $CHANCERY_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArguments,

    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Log more (twice: much more) to standard error; CHANCERY_LOG takes finer filters
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which deployment on AWS. Region and credentials come from the environment and the shared files, as for the AWS CLI.
#[derive(Debug, Args)]
pub(crate) struct AwsArguments {
    /// Work against a deployment on AWS, with the region and credentials of the AWS CLI
    #[arg(long, global = true, conflicts_with_all = ["dir", "url"], hide = !cfg!(feature = "aws"))]
    pub(crate) aws: bool,

    /// The deployment's project
    #[arg(
        long,
        global = true,
        env = "CHANCERY_PROJECT",
        default_value = "serverless",
        value_name = "P",
        hide = !cfg!(feature = "aws")
    )]
    pub(crate) project: String,

    /// The deployment's environment
    #[arg(
        long,
        global = true,
        env = "CHANCERY_ENV",
        default_value = "dev",
        value_name = "E",
        hide = !cfg!(feature = "aws")
    )]
    pub(crate) env: String,

    /// An environment that CA names leave out: the deployment's prod_envs; repeatable
    #[arg(
        long = "prod-env",
        global = true,
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
    #[arg(long, global = true, value_name = "FD", value_parser = inherited_descriptor)]
    pub(crate) passphrase_fd: Option<InheritedDescriptor>,

    /// Read the passphrase from this file
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "passphrase_fd")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Taken while the arguments are read, before the process opens anything under that number.
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
    /// Certificate revocation lists
    #[command(subcommand)]
    Crl(CrlCommand),
    /// List and search certificates
    List(ListArguments),
    /// Show one certificate
    Show {
        /// Serial number, decimal or hexadecimal
        serial: String,
    },
    /// Tell what is in a file: certificates, CSRs, CRLs, with what the lints find
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
    /// Tell what would become of tls.json, its CSRs and the lists of revocations, before they are merged
    Plan(PlanArguments),
    /// Look over a deployment that the Python CA made, and take its certificates into the journal
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

/// An address to listen on: `127.0.0.1:8443`, `[::1]:8443`, a host of this machine's, or `:8443` for every address.
fn listening(text: &str) -> Result<SocketAddr, String> {
    const FORM: &str =
        "write ADDRESS:PORT, e.g. 127.0.0.1:8443, [::1]:8443, localhost:8443, or :8443 for every address";
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
    let port: u16 = port.parse().map_err(|_| FORM)?;
    if host.is_empty() {
        return Ok(every_address(port));
    }
    if host.contains([':', '/', '[']) {
        return Err(FORM.to_owned());
    }
    let found = (host, port)
        .to_socket_addrs()
        .map_err(|error| format!("{host}: {error}; {FORM}"))?;
    let addresses: Vec<SocketAddr> = found.collect();
    // Where a name has both, the older kind is what most clients try.
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| format!("{host} has no address; {FORM}"))
}

/// Both kinds of addresses at once where this machine has both.
fn every_address(port: u16) -> SocketAddr {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let has_both = UdpSocket::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).is_ok();
    if has_both {
        both
    } else {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
    }
}

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// Address of the API and files over HTTPS: ADDR:PORT, HOST:PORT, or :PORT for every address; port 0 picks one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8443", value_parser = listening)]
    pub(crate) https: SocketAddr,

    /// Address of the files over plain HTTP; port 0 picks one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", value_parser = listening)]
    pub(crate) http: SocketAddr,

    /// Name or address in the server's own certificate; may be given several times
    #[arg(long = "name", value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
    pub(crate) names: Vec<String>,

    #[command(flatten)]
    pub(crate) init: InitArguments,
}

/// How an authority is created; of no account once it exists.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Configuration to start from [default: a P-384 root and a P-256 issuing CA]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Protect the CA keys with a passphrase of yours, asked for at every start, instead of a generated one in the data folder
    #[arg(long)]
    pub(crate) ask_passphrase: bool,

    /// Keep the CA keys in the PKCS #11 token behind this module
    #[arg(long, value_name = "FILE", requires = "pkcs11_token")]
    pub(crate) pkcs11_module: Option<PathBuf>,

    /// The token's label
    #[arg(long, value_name = "LABEL", requires = "pkcs11_module")]
    pub(crate) pkcs11_token: Option<String>,
}

/// What a certificate is to hold.
#[derive(Debug, Args)]
pub(crate) struct WantedArguments {
    /// Profile [default of `request`: tls-server for a domain or an address, else tls-client; else tls, by --purpose]
    #[arg(long, short)]
    pub(crate) profile: Option<String>,

    /// Lifetime in days [default: the profile's]
    #[arg(long, short)]
    pub(crate) days: Option<u32>,

    /// Alternative name, e.g. dns:www.example.com, ip:192.0.2.1, email:a@example.com, uri:spiffe://…, dn:CN=…; repeatable
    #[arg(long = "san", value_name = "TYPE:VALUE")]
    pub(crate) sans: Vec<String>,

    /// Purpose: server_auth, client_auth; repeatable
    #[arg(long = "purpose", value_name = "PURPOSE")]
    pub(crate) purposes: Vec<String>,

    /// Further extended key usage, by name or OID; repeatable
    #[arg(long = "eku", value_name = "EKU")]
    pub(crate) extended_key_usages: Vec<String>,

    /// Organization
    #[arg(long, value_name = "O")]
    pub(crate) organization: Option<String>,

    /// Organizational unit
    #[arg(long, value_name = "OU")]
    pub(crate) organizational_unit: Option<String>,

    /// Country, two letters
    #[arg(long, value_name = "C")]
    pub(crate) country: Option<String>,

    /// State or province
    #[arg(long, value_name = "ST")]
    pub(crate) state: Option<String>,

    /// Locality
    #[arg(long, value_name = "L")]
    pub(crate) locality: Option<String>,

    /// E-mail address in the subject
    #[arg(long, value_name = "EMAIL")]
    pub(crate) email: Option<String>,

    /// Have the certificate's expiry told ahead, by webhooks and the log [default: as the authority decides, else false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) notify_expiry: Option<bool>,

    /// Have its issuance told [default: likewise]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) notify_issued: Option<bool>,

    /// Accept a key that is already certified for the same common name
    #[arg(long)]
    pub(crate) force: bool,

    /// Token with which this request can be repeated safely
    #[arg(long, value_name = "TOKEN")]
    pub(crate) idempotency_token: Option<String>,
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // flags of a command line, each on its own
pub(crate) struct RequestArguments {
    /// Common name, and further names: domains, addresses, e-mail addresses and URLs all become alternative names
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// Leave the common name out: the names are alternative names alone
    #[arg(long)]
    pub(crate) no_common_name: bool,

    /// Folder for key.pem, cert.pem and chain.pem
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) out: PathBuf,

    /// Kind of the new key
    #[arg(long, default_value = "p256")]
    pub(crate) key: KeyChoice,

    /// Seal the new key with a passphrase, which is asked for
    #[arg(long)]
    pub(crate) seal_key: bool,

    /// Write identity.p12 (PKCS #12) too, protected by the content of this file; `-` asks
    #[arg(long, value_name = "PASSWORD-FILE")]
    pub(crate) pkcs12: Option<PathBuf>,

    /// Write it with 3DES and SHA-1, for macOS before 15, iOS before 18 and Android before 14: docs/pkcs12.md
    #[arg(long, requires = "pkcs12")]
    pub(crate) pkcs12_legacy: bool,

    /// Make the key in the PKCS #11 token behind this module; no key.pem is written
    #[arg(long, value_name = "FILE", requires = "key_token")]
    pub(crate) key_module: Option<PathBuf>,

    /// Label of that token
    #[arg(long, value_name = "LABEL", requires = "key_module")]
    pub(crate) key_token: Option<String>,

    /// File with that token's PIN; `-` asks
    #[arg(long, value_name = "FILE", requires = "key_module")]
    pub(crate) key_pin: Option<PathBuf>,

    /// Have KMS generate the key pair, under this key [default: the deployment's tls-keygen key]
    #[arg(
        long,
        value_name = "KEY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with = "key_module",
        hide = !cfg!(feature = "aws")
    )]
    pub(crate) key_kms: Option<String>,

    /// Write key.kms, the key as KMS sealed it, instead of key.pem: `aws kms decrypt --encryption-context common_name=NAME` opens it
    #[arg(long, requires = "key_kms", conflicts_with_all = ["seal_key", "pkcs12"], hide = !cfg!(feature = "aws"))]
    pub(crate) kms_sealed: bool,

    /// Replace what is in the folder
    #[arg(long)]
    pub(crate) overwrite: bool,

    #[command(flatten)]
    pub(crate) wanted: WantedArguments,
}

/// Kinds of keys that `request` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyChoice {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    #[value(name = "ml-dsa-87")]
    MlDsa87,
}

#[derive(Debug, Args)]
pub(crate) struct IssueArguments {
    /// The CSR, PEM or DER; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) csr: PathBuf,

    /// Common name [default: the CSR's]
    #[arg(long, value_name = "CN")]
    pub(crate) common_name: Option<String>,

    /// Issue without a common name, whatever the CSR has: alternative names say for whom it is
    #[arg(long, conflicts_with = "common_name")]
    pub(crate) no_common_name: bool,

    /// Take the alternative names that the CSR asks for, too
    #[arg(long)]
    pub(crate) san_from_csr: bool,

    /// File for the certificate [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Write the chain behind the certificate
    #[arg(long)]
    pub(crate) bundle: bool,

    #[command(flatten)]
    pub(crate) wanted: WantedArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RenewArguments {
    /// Folder that `request` wrote: cert.pem and key.pem
    pub(crate) folder: PathBuf,

    /// Make a new key instead of keeping the old one
    #[arg(long)]
    pub(crate) new_key: bool,

    /// Renew only when less than a third of its life is left
    #[arg(long)]
    pub(crate) if_due: bool,

    /// Write identity.p12 anew, protected by the content of this file; `-` asks. Needed where the folder has one
    #[arg(long, value_name = "PASSWORD-FILE")]
    pub(crate) pkcs12: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArguments {
    /// Serial number, decimal or hexadecimal
    pub(crate) serial: String,

    /// That certificate alone, though its key is compromised; what else has the key, or descends from it by renewal, is named
    #[arg(long)]
    pub(crate) only: bool,

    /// Reason: keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, aACompromise, unspecified
    #[arg(long, default_value = "unspecified")]
    pub(crate) reason: String,

    /// When the key is known or thought to have become invalid (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) invalidity_date: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CrlCommand {
    /// Make and publish CRLs now
    Publish {
        /// This CA's alone, e.g. chancery-issuing-ca
        #[arg(long = "authority", value_name = "CA")]
        authority: Option<String>,
    },
    /// Show number, age and size of every CRL
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Common name; `*` at its end finds all that begin so
    pub(crate) name: Option<String>,

    /// Issued by this CA
    #[arg(long)]
    pub(crate) issuer: Option<String>,

    /// SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal
    #[arg(long, value_name = "SHA256")]
    pub(crate) key: Option<String>,

    /// Ending within so many days, and not over yet
    #[arg(long, value_name = "DAYS")]
    pub(crate) expires_within: Option<u32>,

    /// Revoked ones only
    #[arg(long, conflicts_with = "unrevoked")]
    pub(crate) revoked: bool,

    /// Unrevoked ones only
    #[arg(long)]
    pub(crate) unrevoked: bool,

    /// At most so many; 0 for all
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
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

    /// The PKCS #11 module that the backup's house.toml names, where there is no terminal to confirm it at
    #[arg(long, value_name = "FILE")]
    pub(crate) pkcs11_module: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Root to trust, PEM or DER; repeatable [default: the root of the authority at hand, else a self-signed CA of --chain]
    #[arg(long, value_name = "FILE")]
    pub(crate) root: Vec<PathBuf>,

    /// Chain: CA certificates in PEM; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) chain: Vec<PathBuf>,

    /// CRL, PEM or DER; repeatable. One that is current must then cover the certificate; CAs above are checked where theirs is among them
    #[arg(long, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,

    /// Name that the certificate must be valid for
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Purpose that it must be valid for
    #[arg(long, value_enum)]
    pub(crate) purpose: Option<PurposeChoice>,

    /// The certificate, PEM or DER
    pub(crate) certificate: PathBuf,
}

/// Purposes that `verify` can demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PurposeChoice {
    Server,
    Client,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// Folder with tls.json, csrs/, revoked.json and revoked-root-ca.json, each where there is one
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,

    /// Tell only of what this folder does not have: a checkout of the target branch
    #[arg(long, value_name = "FOLDER")]
    pub(crate) base: Option<PathBuf>,

    /// Tell it in Markdown, for a pull request
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
    /// Whether anything is given that a deployment says itself.
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
    /// Do it; else it is only said what would be done. Goes on where an earlier run stopped
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
        scopes: Vec<chancery_authority::Scope>,

        /// A name to know it by
        #[arg(long, default_value = "token")]
        name: String,

        /// Days until it ends
        #[arg(long, default_value_t = 90)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn addresses_to_listen_on_are_as_people_write_them() {
        assert_eq!(listening("127.0.0.1:8443"), Ok("127.0.0.1:8443".parse().unwrap()));
        assert_eq!(listening("[::1]:0"), Ok("[::1]:0".parse().unwrap()));
        let every = listening(":8443").unwrap();
        assert!(every.ip().is_unspecified() && every.port() == 8443, "{every}");
        let local = listening("localhost:8443").unwrap();
        assert!(local.ip().is_loopback() && local.port() == 8443, "{local}");
        for wrong in [
            "8443",
            "",
            "https://localhost:8443",
            "::1:x",
            "localhost",
            "127.0.0.1:99999",
            "::1:8443x",
        ] {
            let told = listening(wrong).unwrap_err();
            assert!(told.contains("127.0.0.1:8443"), "{wrong:?}: {told}");
        }
    }

    #[test]
    fn options_of_commands_do_not_meet_global_ones() {
        let line = [
            "chancery",
            "--ca",
            "root.crt",
            "crl",
            "publish",
            "--authority",
            "chancery-issuing-ca",
        ];
        let arguments = Arguments::parse_from(line);
        let Command::Crl(CrlCommand::Publish { authority }) = arguments.command else {
            panic!("another command");
        };
        assert_eq!(authority.as_deref(), Some("chancery-issuing-ca"));
    }
}
