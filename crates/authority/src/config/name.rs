//! The names that follow from project and environment.

use super::Config;
use crate::port::PublishedName;
use crate::port::ledger::CrlScope;
use crate::slug::{Slug, SlugError};

impl Config {
    /// The slug of a short name: `issuing-ca` → `chancery-issuing-ca`, outside production `chancery-issuing-ca-dev`.
    pub fn slug(&self, name: &str) -> Result<Slug, SlugError> {
        slug(&self.project, name, &self.suffix)
    }

    /// The CA certificate's file: `SLUG.crt`.
    pub fn crt_name(slug: &Slug) -> PublishedName {
        published(format!("{slug}.crt"))
    }

    /// The CRL's file, DER: `SLUG.crl`, of a shard `SLUG-3.crl`.
    pub fn crl_name(scope: &CrlScope) -> PublishedName {
        published(crl_file(scope))
    }

    /// The CRL's file, PEM: `SLUG.crl.pem`, of a shard `SLUG-3.crl.pem`.
    pub fn crl_pem_name(scope: &CrlScope) -> PublishedName {
        published(format!("{}.pem", crl_file(scope)))
    }

    /// The file with every CA certificate, roots first: `chancery-ca-bundle.pem`.
    pub fn bundle_name(&self) -> PublishedName {
        published(format!("{}-ca-bundle{}.pem", self.project, self.suffix))
    }

    /// URL of a CA's certificate; `None` without a public URL.
    pub fn crt_url(&self, slug: &Slug) -> Option<String> {
        Some(format!("{}/{slug}.crt", self.public_url()?))
    }

    /// URL of a CRL; `None` without a public URL.
    pub fn crl_url(&self, scope: &CrlScope) -> Option<String> {
        Some(format!("{}/{}", self.public_url()?, crl_file(scope)))
    }
}

pub(super) fn slug(project: &str, name: &str, suffix: &str) -> Result<Slug, SlugError> {
    Slug::new(format!("{project}-{name}{suffix}"))
}

fn crl_file(scope: &CrlScope) -> String {
    match scope.shard {
        None => format!("{}.crl", scope.issuer),
        Some(shard) => format!("{}-{shard}.crl", scope.issuer),
    }
}

/// Names made of slugs (at most 63 characters of `[a-z0-9-]`) and short endings are always publishable.
fn published(text: String) -> PublishedName {
    PublishedName::new(text).expect("a slug with an ending is a published name")
}
