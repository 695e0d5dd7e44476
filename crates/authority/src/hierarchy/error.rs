//! What can go wrong when CAs are created.

use std::sync::Arc;

use chancery_x509::certificate::{CertificateError, TemplateError};
use chancery_x509::time::UnixTime;

use crate::belief::error::NotBelieved;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::port::{KeyName, KeyStoreError, LedgerError, Receipt};
use crate::signing::NotSignable;

/// Why a CA could not be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HierarchyError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The key store.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The configuration does not describe a valid certificate.
    #[error("CA {ca_name} cannot have the certificate that its configuration describes: {error}")]
    Template {
        /// Which CA.
        ca_name: CaName,
        /// The template's error.
        error: TemplateError,
    },
    /// The certificate would break a lint.
    #[error(
        "CA {ca_name}'s certificate would break the rule {rule} ({citation}): {message}; change the CA's configuration"
    )]
    Lint {
        /// Which CA.
        ca_name: CaName,
        /// The lint's rule.
        rule: &'static str,
        /// The standard that the rule follows.
        citation: &'static str,
        /// What the lint found.
        message: String,
    },
    /// A key of that name exists with another algorithm.
    #[error(
        "key {key} of CA {ca_name} is {actual}, the configuration wants {expected}; name another key, or change the algorithm"
    )]
    KeyAlgorithm {
        /// Which CA.
        ca_name: CaName,
        /// Its key's name.
        key: KeyName,
        /// The configuration's algorithm.
        expected: &'static str,
        /// The key's.
        actual: &'static str,
    },
    /// The key is certified already.
    #[error("key {key} of CA {ca_name} is already certified for {common_name:?}; name another key for this CA")]
    KeyInUse {
        /// Which CA.
        ca_name: CaName,
        /// Its key's name.
        key: KeyName,
        /// What it is certified for.
        common_name: String,
    },
    /// The configuration has no CA of that name.
    #[error("the configuration has no CA {0}")]
    NotConfigured(CaName),
    /// A CA's certificate is to be renewed, and its configuration has another subject.
    #[error(
        "the certificate of CA {ca_name} is renewed for the same subject, {present}, and its configuration has {configured}: a \
         CA of another name is another CA; put the subject back, or add a CA"
    )]
    OtherSubject {
        /// Which CA.
        ca_name: CaName,
        /// The subject of its certificate.
        present: String,
        /// The configured one.
        configured: String,
    },
    /// A CA is to be made with the subject of another one.
    #[error(
        "CA {ca_name} would have the subject {subject}, which {other} has: verifiers would take one for the other; give it another \
         common name"
    )]
    SameSubject {
        /// Which CA.
        ca_name: CaName,
        /// The CA that has the subject.
        other: CaName,
        /// The subject.
        subject: String,
    },
    /// A renewed certificate would not outlive the present one.
    #[error(
        "a renewed certificate of CA {ca_name} would end on {renewed}, and the present one ends on {present}: renew the CA above \
         it first, whose certificate it cannot outlive, or give it a longer lifetime"
    )]
    NoLaterEnd {
        /// Which CA.
        ca_name: CaName,
        /// The end of its certificate.
        present: UnixTime,
        /// The end of the renewed one.
        renewed: UnixTime,
    },
    /// The parent does not exist.
    #[error("the parent {parent} of CA {ca_name} does not exist")]
    MissingParent {
        /// Which CA.
        ca_name: CaName,
        /// Its parent.
        parent: CaName,
    },
    /// The key store made a signature that its own public key does not verify.
    #[error(
        "the key of {issuer} made a signature for CA {ca_name} that does not verify (receipt {receipt}); check the key store",
        receipt = receipt.0
    )]
    BadSignature {
        /// Which CA.
        ca_name: CaName,
        /// Whose key signed.
        issuer: CaName,
        /// The signature's receipt.
        receipt: Receipt,
    },
    /// The TBSCertificate to be signed differs from the recorded one, or may not be signed.
    #[error("the certificate of CA {ca_name} is not signed: {error}")]
    NotSignable {
        /// Which CA.
        ca_name: CaName,
        /// Why not.
        error: NotSignable,
    },
    /// The certificate that an interrupted run recorded is not this CA's.
    #[error("the recorded certificate of CA {ca_name} cannot be used: {error}")]
    Unusable {
        /// Which CA.
        ca_name: CaName,
        /// What is wrong.
        error: CertificateError,
    },
    /// The CA's key is not the one that an interrupted run recorded.
    #[error(
        "key {key} of CA {ca_name} is not the one that its creation was begun with; put that key back, or wait until the sweeper has given the begun creation up"
    )]
    KeyChanged {
        /// Which CA.
        ca_name: CaName,
        /// The key's name.
        key: KeyName,
    },
    /// A CA's recorded certificate is not believed.
    #[error(transparent)]
    NotBelieved(#[from] NotBelieved),
    /// The CAs exist, but some of their files could not be published.
    #[error("the CAs were created, but not everything was published: {}; fix that and publish again", failures.join("; "))]
    NotPublished {
        /// The CAs that were created.
        created: Vec<Arc<Ca>>,
        /// One line for each file, with the reason.
        failures: Vec<String>,
    },
}
