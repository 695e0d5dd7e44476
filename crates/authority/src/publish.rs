//! Publication: CRLs, CA certificates, the bundle.
//!
//! A CRL takes the same steps as a certificate: its number is reserved and its frame linted before anything is signed,
//! and it is recorded before it is published. The published file is replaced only if it is the expected version or a
//! CRL with a lower number. A CRL that fails never stops the others.

mod crl;
mod due;
mod ended;
mod error;
mod files;
mod frame;
mod listing;
mod made;
mod numbers;
mod published;
pub(crate) mod scope_states;
mod spool;
mod status;
#[cfg(test)]
pub(crate) mod testing;
mod uses;

use std::io::Cursor;
use std::sync::Arc;

pub(crate) use due::LOOK_BACK;
pub use due::is_past;
pub use error::PublishError;
pub use published::PublishedCrl;
pub use status::{CrlStatus, Staleness};
pub use uses::Transition;

use crate::authority::Authority;
use crate::belief::error::NotBelieved;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::config::Config;
use crate::port::ledger::CrlScope;
use crate::port::{Precondition, PublicationError, PublishedName};

/// The result for each CA certificate, and for the bundle.
pub type CertificateOutcomes = Vec<(PublishedName, Result<(), PublishError>)>;

/// The result for each CRL.
pub type CrlOutcomes = Vec<(CrlScope, Result<PublishedCrl, PublishError>)>;

impl Authority {
    /// Makes and publishes CRLs now, those of one CA or of all, one after the other; a failure does not stop the rest.
    pub async fn publish_crls(&self, which: Option<&CaName>) -> CrlOutcomes {
        self.cache_crl_uses().await;
        let mut outcomes = Vec::new();
        for scope in self.crl_scopes() {
            if which.is_none_or(|ca_name| *ca_name == scope.issuer) {
                let outcome = self.publish_crl(&scope).await;
                outcomes.push((scope, outcome));
            }
        }
        outcomes
    }

    /// The same for due CRLs only: those whose interval has passed, that lack revocations made since, whose thisUpdate
    /// is in the future, or whose file is missing or replaced. The ledger decides, whichever process revoked and
    /// published last.
    pub async fn publish_due_crls(&self) -> CrlOutcomes {
        let mut outcomes = Vec::new();
        for scope in self.crl_scopes_now().await {
            if let Some(outcome) = self.publish_due_crl(&scope).await {
                outcomes.push((scope, outcome));
            }
        }
        outcomes
    }

    /// The same for one CRL; `None` where it is not due. A server can stop between two calls.
    pub async fn publish_due_crl(&self, scope: &CrlScope) -> Option<Result<PublishedCrl, PublishError>> {
        match self.is_due(scope).await {
            Ok(false) => None,
            Ok(true) => Some(self.publish_crl(scope).await),
            Err(error) => Some(Err(error)),
        }
    }

    /// The scope of every CRL that must be published, read from the ledger now.
    pub async fn crl_scopes_now(&self) -> Vec<CrlScope> {
        self.cache_crl_uses().await;
        self.crl_scopes()
    }

    /// After an error, the uses read before and those of the configuration remain known; making a CRL reports the
    /// error.
    pub(super) async fn cache_crl_uses(&self) {
        if let Err(error) = self.refresh_crl_uses().await {
            tracing::warn!(%error, "it could not be read which CRLs are in use");
        }
    }

    /// Publishes every CA certificate (`NAME.crt`, PEM) and the bundle (PEM, roots first). Each file is compared in
    /// full and replaced only if it differs. Of a CA whose certificate is known to be wrong nothing is published, nor
    /// is the bundle. A CA that cannot be checked now is neither added to nor removed from the bundle, and one that has
    /// [ended](Self::has_ended) is left out of everything.
    pub async fn publish_certificates(&self) -> CertificateOutcomes {
        self.publish_certificates_of(|_| true).await
    }

    /// The same for one CA's certificate and the bundle only.
    pub async fn publish_certificate(&self, ca_name: &CaName) -> CertificateOutcomes {
        self.publish_certificates_of(|ca| ca.name() == ca_name).await
    }

    /// Whether a CA's certificate expired so long ago that nothing is checked or published for it any more: whatever it
    /// issued has expired too, and its key may be destroyed. The margin tolerates a clock that is some days ahead.
    pub fn has_ended(&self, ca: &Ca) -> bool {
        is_past(ca.certificate().not_after(), self.ports().clock.now())
    }

    async fn publish_certificates_of(&self, wanted: impl Fn(&Ca) -> bool) -> CertificateOutcomes {
        // Another process may have renewed a CA's certificate: the former one must not take the place of the new one.
        if let Err(error) = self.reload().await {
            tracing::warn!(%error, "the CAs could not be read again: their certificates are published as they were read before");
        }
        let cas = self.cas();
        let mut outcomes = Vec::new();
        let mut of_bundle = Vec::new();
        for ca in cas.iter().filter(|ca| !self.has_ended(ca)) {
            let believed = self.believe_to_publish(ca).await;
            if wanted(ca) {
                let text = believed.clone().map(|()| ca.certificate().to_pem());
                let text = text.map_err(PublishError::from);
                outcomes.push(self.publish_text(Config::crt_name(ca.name()), text).await);
            }
            of_bundle.push((ca, believed));
        }
        if !of_bundle.is_empty() {
            let bundle = self.bundle(&of_bundle).await;
            outcomes.push(self.publish_text(self.config().bundle_name(), bundle).await);
        }
        outcomes
    }

    async fn bundle(&self, cas: &[(&Arc<Ca>, Result<(), NotBelieved>)]) -> Result<String, PublishError> {
        let refuted = cas.iter().find_map(|(_, believed)| {
            let error = believed.as_ref().err()?;
            error.is_refuted().then_some(error)
        });
        if let Some(error) = refuted {
            return Err(error.clone().into());
        }
        let mut published = None;
        let mut bundle = String::new();
        for (ca, believed) in cas {
            let pem = ca.certificate().to_pem();
            if let Err(error) = believed {
                let before = match &published {
                    Some(before) => before,
                    None => published.insert(self.published_bundle().await?),
                };
                let is_in = before.contains(&pem);
                tracing::error!(
                    %error,
                    ca = %ca.name(),
                    stays = is_in,
                    "a CA certificate cannot be checked now: its entry in the bundle is left unchanged"
                );
                if !is_in {
                    continue;
                }
            }
            bundle.push_str(&pem);
        }
        if bundle.is_empty()
            && let Some(error) = cas.iter().find_map(|(_, believed)| believed.as_ref().err())
        {
            return Err(error.clone().into());
        }
        Ok(bundle)
    }

    /// The published bundle; empty where it is longer than all existing CA certificates together.
    async fn published_bundle(&self) -> Result<String, PublicationError> {
        let longest: usize = self.cas().iter().map(|ca| ca.certificate().to_pem().len()).sum();
        let name = self.config().bundle_name();
        let found = self.ports().publication.read_within(&name, longest as u64).await?;
        let content = found.and_then(|(_, content)| content);
        Ok(content
            .map(|content| String::from_utf8_lossy(&content).into_owned())
            .unwrap_or_default())
    }

    async fn publish_text(
        &self,
        name: PublishedName,
        text: Result<String, PublishError>,
    ) -> (PublishedName, Result<(), PublishError>) {
        let outcome = match text {
            Ok(text) => self.publish_file(&name, text).await.map_err(PublishError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = &outcome {
            tracing::error!(%error, file = %name, "a certificate was not published");
        }
        (name, outcome)
    }

    async fn publish_file(&self, name: &PublishedName, text: String) -> Result<(), PublicationError> {
        let publication = &self.ports().publication;
        let current = publication.read_within(name, text.len() as u64).await?;
        if current.is_some_and(|(_, content)| content.as_deref() == Some(text.as_bytes())) {
            return Ok(());
        }
        let body = Box::new(Cursor::new(text.into_bytes()));
        publication.put(name, body, Precondition::None).await?;
        Ok(())
    }
}
