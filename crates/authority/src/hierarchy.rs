//! How CAs are created: key, then intent → sign → verify → complete, like every certificate.
//!
//! [`Authority::initialise`] may be interrupted anywhere and repeated. The next run uses a key that has no certificate
//! yet, finds an intent without a certificate through its token and signs it again, and publishes a certificate whose
//! files are missing.

pub(crate) mod build;
mod certify;
mod cross;
mod error;
mod placeholder;
mod renew;

use std::sync::Arc;

use chancery_x509::key::ca::CaPublicKey;

pub use cross::{CrossNames, CrossSignError, CrossSignRequest, CrossSigned};
pub use error::HierarchyError;
pub use placeholder::{PlaceholderError, placeholder_cas, placeholder_cas_from};

use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::config::{CaConfig, Config};
use crate::issue::same_name::is_same;
use crate::port::{KeyStoreError, LedgerError};
use crate::principal::Principal;
use build::CaCertificateRequest;

impl Authority {
    /// Creates every configured CA that does not exist yet, parents first, and publishes certificates, bundle and those
    /// CRLs that are due. Returns the CAs that it created. Safe to repeat, and to run concurrently.
    ///
    /// `progress` gets lines such as `Creating key chancery-root-ca (p384)`.
    ///
    /// Where CAs were created and publishing fails, this returns [`HierarchyError::NotPublished`]; the CAs exist then.
    /// Where nothing was created, a failure to publish is logged, and [`publish_due_crls`](Self::publish_due_crls)
    /// tries again.
    pub async fn initialise(&self, progress: &(dyn Fn(&str) + Sync)) -> Result<Vec<Arc<Ca>>, HierarchyError> {
        self.reload().await?;
        let mut created = Vec::new();
        for config in self.config().cas() {
            if let Some(ca) = self.ca(config.name()) {
                self.must_not_be_refuted(&ca).await?;
                continue;
            }
            created.push(self.create_missing(config, progress).await?);
        }
        if !created.is_empty() {
            progress("Publishing certificates and revocation lists");
        }
        let failures = self.publish_everything().await;
        if created.is_empty() || failures.is_empty() {
            Ok(created)
        } else {
            Err(HierarchyError::NotPublished { created, failures })
        }
    }

    /// Creates one configured CA, whose parent exists, and returns it; `None` if it exists already. Publishes nothing.
    /// Safe to repeat, and to run concurrently.
    pub async fn create_ca(
        &self,
        ca_name: &CaName,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Option<Arc<Ca>>, HierarchyError> {
        self.reload().await?;
        if let Some(ca) = self.ca(ca_name) {
            self.must_not_be_refuted(&ca).await?;
            return Ok(None);
        }
        let config = self
            .config()
            .ca(ca_name)
            .ok_or_else(|| HierarchyError::NotConfigured(ca_name.clone()))?;
        self.create_missing(config, progress).await.map(Some)
    }

    /// Only a certificate that is known to be wrong is an error; where the key is unavailable, it may be right.
    async fn must_not_be_refuted(&self, ca: &Ca) -> Result<(), HierarchyError> {
        match self.believe_to_publish(ca).await {
            Err(error) if error.is_refuted() => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn create_missing(
        &self,
        config: &CaConfig,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Arc<Ca>, HierarchyError> {
        self.create(config, progress).await?;
        self.reload().await?;
        let ca = self.ca(config.name()).ok_or_else(|| LedgerError::Damaged {
            detail: format!("CA {} was recorded and is not there", config.name()),
        })?;
        progress(&format!("Created {}", ca.name()));
        Ok(ca)
    }

    /// Publishes certificates, bundle, and CRLs that are due; returns what failed, as text.
    async fn publish_everything(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (name, outcome) in self.publish_certificates().await {
            if let Err(error) = outcome {
                failures.push(format!("{name}: {error}"));
            }
        }
        for (scope, outcome) in self.publish_due_crls().await {
            if let Err(error) = outcome {
                failures.push(format!("{}: {error}", Config::crl_name(&scope)));
            }
        }
        failures
    }

    async fn create(&self, config: &CaConfig, progress: &(dyn Fn(&str) + Sync)) -> Result<(), HierarchyError> {
        let parent = self.parent_of(config).await?;
        let cas = self.cas();
        let other = cas
            .iter()
            .find(|ca| is_same(ca.certificate().subject(), config.subject()));
        if let Some(other) = other.filter(|other| other.name() != config.name()) {
            return Err(HierarchyError::SameSubject {
                ca_name: config.name().clone(),
                other: other.name().clone(),
                subject: config.subject().to_rfc4514(),
            });
        }
        let key = self.key_for(config, progress).await?;
        progress(&format!("Signing the certificate of {}", config.name()));
        let request = CaCertificateRequest {
            config,
            parent: parent.as_deref(),
            key: &key,
            renews: None,
            principal: &Principal::AUTHORITY,
        };
        self.certify(&request).await
    }

    /// The CA above, which exists and is believed: its certificate signs this one and is published with it. `None` for a
    /// root.
    async fn parent_of(&self, config: &CaConfig) -> Result<Option<Arc<Ca>>, HierarchyError> {
        let Some(ca_name) = config.parent() else {
            return Ok(None);
        };
        let parent = self.ca(ca_name).ok_or_else(|| HierarchyError::MissingParent {
            ca_name: config.name().clone(),
            parent: ca_name.clone(),
        })?;
        self.believe(&parent).await?;
        Ok(Some(parent))
    }

    /// The key that the configuration names: the existing one if its algorithm matches, else a new one.
    async fn key_for(
        &self,
        config: &CaConfig,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<CaPublicKey, HierarchyError> {
        let keys = &self.ports().keys;
        let (name, algorithm) = (config.key(), config.algorithm());
        let key = match keys.public_key(name).await {
            Ok(key) => {
                progress(&format!("Using key {name} ({})", key.algorithm().name()));
                key
            }
            Err(KeyStoreError::NotFound(_)) => {
                progress(&format!("Creating key {name} ({})", algorithm.name()));
                match keys.create(name, algorithm).await {
                    // A concurrent run created the key first; use that.
                    Err(KeyStoreError::AlreadyExists(_)) => keys.public_key(name).await?,
                    outcome => outcome?,
                }
            }
            Err(error) => return Err(error.into()),
        };
        if key.algorithm() != algorithm {
            return Err(HierarchyError::KeyAlgorithm {
                ca_name: config.name().clone(),
                key: name.clone(),
                expected: algorithm.name(),
                actual: key.algorithm().name(),
            });
        }
        Ok(key)
    }
}
