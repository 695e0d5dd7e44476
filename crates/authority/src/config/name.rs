//! The names that follow from project and environment.

use super::Config;
use crate::ca_name::{CaName, CaNameError};
use crate::port::PublishedName;
use crate::port::ledger::CrlScope;

impl Config {
    /// The CA name of a short name: `issuing-ca` → `chancery-issuing-ca`, outside production `chancery-issuing-ca-dev`.
    pub fn ca_name(&self, short_name: &str) -> Result<CaName, CaNameError> {
        ca_name(&self.project, short_name, &self.suffix)
    }

    /// The CA certificate's file: `NAME.crt`.
    pub fn crt_name(ca_name: &CaName) -> PublishedName {
        published(format!("{ca_name}.crt"))
    }

    /// The CRL's file, DER: `NAME.crl`, of a shard `NAME-3.crl`.
    pub fn crl_name(scope: &CrlScope) -> PublishedName {
        published(crl_file(scope))
    }

    /// The CRL of that CA that a distribution point names, by its file: wherever CRLs are published, it has the same name.
    /// `None` for a file that is no CRL of this CA.
    pub fn crl_at(issuer: &CaName, url: &str) -> Option<CrlScope> {
        let file = url.rsplit('/').next()?;
        let rest = file.strip_prefix(issuer.as_str())?.strip_suffix(".crl")?;
        let shard = match rest {
            "" => None,
            // A number has one spelling.
            _ => Some(rest.strip_prefix('-')?.parse().ok()?),
        };
        let scope = CrlScope {
            issuer: issuer.clone(),
            shard,
        };
        (crl_file(&scope) == file).then_some(scope)
    }

    /// The CRL's file, PEM: `NAME.crl.pem`, of a shard `NAME-3.crl.pem`.
    pub fn crl_pem_name(scope: &CrlScope) -> PublishedName {
        published(format!("{}.pem", crl_file(scope)))
    }

    /// The file with every CA certificate, roots first: `chancery-ca-bundle.pem`.
    pub fn bundle_name(&self) -> PublishedName {
        published(format!("{}-ca-bundle{}.pem", self.project, self.suffix))
    }

    /// URL of a CA's certificate; `None` without a public URL.
    pub fn crt_url(&self, ca_name: &CaName) -> Option<String> {
        Some(format!("{}/{ca_name}.crt", self.public_url()?))
    }

    /// URL of a CRL; `None` without a public URL.
    pub fn crl_url(&self, scope: &CrlScope) -> Option<String> {
        Some(format!("{}/{}", self.public_url()?, crl_file(scope)))
    }
}

pub(super) fn ca_name(project: &str, name: &str, suffix: &str) -> Result<CaName, CaNameError> {
    CaName::new(format!("{project}-{name}{suffix}"))
}

fn crl_file(scope: &CrlScope) -> String {
    match scope.shard {
        None => format!("{}.crl", scope.issuer),
        Some(shard) => format!("{}-{shard}.crl", scope.issuer),
    }
}

/// CA names (at most 63 characters of `[a-z0-9-]`) with short suffixes are always valid names of published files.
fn published(text: String) -> PublishedName {
    PublishedName::new(text).expect("a CA name with an ending is a published name")
}
