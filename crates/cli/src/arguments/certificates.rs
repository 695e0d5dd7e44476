//! Arguments of the commands that request, find, revoke and verify certificates.
#![allow(clippy::doc_markdown)] // these are help texts, shown as written

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What a certificate is to hold.
#[derive(Debug, Args)]
pub(crate) struct CertificateArguments {
    /// Profile [default of `request`: tls-server for a domain or an address, else tls-client; else tls, by --purpose]
    #[arg(long, short)]
    pub(crate) profile: Option<String>,

    /// Lifetime in days [default: the profile's]
    #[arg(long, short, value_parser = clap::value_parser!(u32).range(1..))]
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

    /// Remind before the certificate expires, by webhooks and the log [default: as the authority decides, else false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) notify_expiry: Option<bool>,

    /// Send a notice of its issuance [default: likewise]
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
    pub(crate) certificate: CertificateArguments,
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
    pub(crate) certificate: CertificateArguments,
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
    /// Serial number, decimal or hexadecimal; or a file or folder with the certificate
    pub(crate) serial: String,

    /// Revoke only this certificate although its key is compromised; others of the key, or renewed from them, are
    /// listed
    #[arg(long)]
    pub(crate) only: bool,

    /// Reason: keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, aACompromise, unspecified
    #[arg(long, default_value = "unspecified")]
    pub(crate) reason: String,

    /// When the key is known or thought to have become invalid (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) invalidity_date: Option<String>,
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

    /// Expiring within so many days, and not expired yet
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
pub(crate) struct VerifyArguments {
    /// Root to trust, PEM or DER; repeatable [default: the root of the authority at hand, else a self-signed CA of --chain]
    #[arg(long, value_name = "FILE")]
    pub(crate) root: Vec<PathBuf>,

    /// Chain: CA certificates in PEM; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) chain: Vec<PathBuf>,

    /// CRL, PEM or DER; repeatable. A current one must then cover the certificate; CAs above it are checked if theirs
    /// is given
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

/// Purposes that `verify` can require.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PurposeChoice {
    Server,
    Client,
}
