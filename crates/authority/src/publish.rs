//! Publication: CRLs, CA certificates, the bundle.
//!
//! A CRL walks the same way as a certificate: its number is reserved and its frame linted before anything is signed, and it
//! is recorded before it is published; the file is replaced only where it is the one that was there before, or one with a lower number. One
//! CRL that fails never stops the others.

mod crl;
mod error;
mod frame;
mod slots;
mod spool;
mod status;

use std::io::Cursor;

pub use crl::PublishedCrl;
pub use error::PublishError;
pub(crate) use slots::Slots;
pub use status::{CrlStatus, Staleness};

use crate::authority::{Authority, Ca};
use crate::belief::NotBelieved;
use crate::config::Config;
use crate::port::ledger::CrlScope;
use crate::port::{Precondition, PublicationError, PublishedName};
use crate::slug::Slug;

/// What came of each CA certificate, and of the bundle.
pub type CertificateOutcomes = Vec<(PublishedName, Result<(), PublishError>)>;

/// What came of each CRL.
pub type CrlOutcomes = Vec<(CrlScope, Result<PublishedCrl, PublishError>)>;

impl Authority {
    /// Makes and publishes CRLs now: those of one CA, or of all. One after the other, whatever becomes of each.
    pub async fn publish_crls(&self, which: Option<&Slug>) -> CrlOutcomes {
        let mut outcomes = Vec::new();
        for scope in self.crl_scopes() {
            if which.is_none_or(|slug| *slug == scope.issuer) {
                let outcome = self.publish_crl(&scope).await;
                outcomes.push((scope, outcome));
            }
        }
        outcomes
    }

    /// The same for those CRLs whose interval has passed, that have new revocations, or that are not published. The first
    /// time in a process that is all of them: revocations that it has not heard of may have been recorded.
    pub async fn publish_due_crls(&self) -> CrlOutcomes {
        let mut outcomes = Vec::new();
        for scope in self.crl_scopes() {
            let outcome = match self.is_due(&scope).await {
                Ok(false) => continue,
                Ok(true) => self.publish_crl(&scope).await,
                Err(error) => Err(error.into()),
            };
            outcomes.push((scope, outcome));
        }
        outcomes
    }

    /// Publishes every CA certificate (`SLUG.crt`, PEM) and the bundle (PEM, roots first), each compared whole: files that are
    /// as they should be are left alone, and others are replaced. Nothing is published of a CA that is not believed, nor a
    /// bundle without it.
    pub async fn publish_certificates(&self) -> CertificateOutcomes {
        self.publish_certificates_of(|_| true).await
    }

    /// The same for one CA's certificate and the bundle, and nothing else.
    pub async fn publish_certificate(&self, slug: &Slug) -> CertificateOutcomes {
        self.publish_certificates_of(|ca| ca.slug() == slug).await
    }

    async fn publish_certificates_of(&self, wanted: impl Fn(&Ca) -> bool) -> CertificateOutcomes {
        let cas = self.cas();
        let mut outcomes = Vec::new();
        let mut bundle = Ok(String::new());
        for ca in cas.iter() {
            let believed = self.believe_to_publish(ca).await;
            match &believed {
                Ok(()) => bundle = bundle.map(|text| text + &ca.certificate().to_pem()),
                Err(error) => bundle = Err(error.clone()),
            }
            if wanted(ca) {
                let text = believed.map(|()| ca.certificate().to_pem());
                outcomes.push(self.publish_text(Config::crt_name(ca.slug()), text).await);
            }
        }
        if !cas.is_empty() {
            outcomes.push(self.publish_text(self.config().bundle_name(), bundle).await);
        }
        outcomes
    }

    async fn publish_text(
        &self,
        name: PublishedName,
        text: Result<String, NotBelieved>,
    ) -> (PublishedName, Result<(), PublishError>) {
        let outcome = match text {
            Ok(text) => self.publish_file(&name, text).await.map_err(PublishError::from),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &outcome {
            tracing::error!(%error, file = %name, "a certificate was not published");
        }
        (name, outcome)
    }

    async fn publish_file(&self, name: &PublishedName, text: String) -> Result<(), PublicationError> {
        let publication = &self.ports().publication;
        let current = publication.read(name).await?;
        if current.is_some_and(|(_, content)| content == text.as_bytes()) {
            return Ok(());
        }
        let body = Box::new(Cursor::new(text.into_bytes()));
        publication.put(name, body, Precondition::None).await?;
        Ok(())
    }

    /// Every CRL of every CA that exists. A CA that left the configuration still answers for what it issued.
    pub fn crl_scopes(&self) -> Vec<CrlScope> {
        let cas = self.cas();
        let of = |ca: &Ca| match self.config().ca(ca.slug()) {
            Some(config) => config.crl_scopes(),
            None => vec![CrlScope {
                issuer: ca.slug().clone(),
                shard: None,
            }],
        };
        cas.iter().flat_map(|ca| of(ca)).collect()
    }
}
