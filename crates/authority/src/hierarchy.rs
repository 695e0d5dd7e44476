//! How CAs are created: key, then intent → sign → verify → complete, like every certificate.
//!
//! [`Authority::initialise`] may be interrupted anywhere and repeated. The next run uses a key that has no certificate
//! yet, finds an intent without a certificate through its token and signs it again, and publishes a certificate whose
//! files are missing.

pub(crate) mod build;
mod error;
mod stand_in;

use std::sync::Arc;

use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;

pub use error::HierarchyError;
pub use stand_in::{StandInError, stand_ins, stand_ins_from};

use crate::authority::{Authority, Ca};
use crate::ca_name::CaName;
use crate::config::{CaConfig, Config};
use crate::port::ledger::{Completion, CrlScope, IntentId, Kind, OpenIntent, Reservation};
use crate::port::{KeyStoreError, LedgerError};
use crate::signing::{NotSignable, Signable, SignedCertificate, Signer, SigningError};

/// Attempts to create one CA's certificate: for serials that are taken, and for intents that other runs left.
const TURNS: usize = 4;

/// Most open intents that are searched for those of a CA.
const OPEN_INTENTS: usize = 10_000;

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
        let parent = match config.parent() {
            None => None,
            Some(ca_name) => Some(self.ca(ca_name).ok_or_else(|| HierarchyError::MissingParent {
                ca_name: config.name().clone(),
                parent: ca_name.clone(),
            })?),
        };
        // The parent's certificate, which will sign this one and be published with it.
        if let Some(parent) = &parent {
            self.believe(parent).await?;
        }
        let key = self.key_for(config, progress).await?;
        progress(&format!("Signing the certificate of {}", config.name()));
        let mut last = None;
        for _ in 0..TURNS {
            let (intent, tbs) = build::intent(self, config, parent.as_deref(), &key)?;
            let intent = self.authenticator.seal(intent).await?;
            if let Some(parent) = &parent {
                let scope = CrlScope {
                    issuer: parent.name().clone(),
                    shard: None,
                };
                let url = self.config().crl_url(&scope);
                self.note_crl_use(scope, url.as_deref(), intent.not_after).await?;
            }
            match self.ports().ledger.intents().reserve(intent.clone()).await {
                Ok(Reservation::New) => {
                    let signable = Signable::prepared(tbs, &intent, signer(config, parent.as_deref(), &key));
                    let signable = signable.map_err(|error| HierarchyError::NotSignable {
                        ca_name: config.name().clone(),
                        error,
                    })?;
                    return self.sign_ca(config, &key, &intent.id, signable).await;
                }
                // An earlier run was interrupted, or a concurrent one is about to complete the same.
                Ok(Reservation::Open(open)) => match self.signable_ca(config, parent.as_deref(), &key, &open).await? {
                    Ok(signable) => return self.sign_ca(config, &key, &open.id, signable).await,
                    Err(reason) => {
                        self.refuse(&open.id, &reason).await?;
                        last = Some(LedgerError::NoOpenIntent(open.id));
                    }
                },
                Ok(Reservation::Completed(_)) => return Ok(()),
                Err(LedgerError::SerialTaken(serial)) => last = Some(LedgerError::SerialTaken(serial)),
                // An interrupted run reserved something else: the configuration has changed since.
                Err(error @ (LedgerError::TokenReused | LedgerError::AuthorityExists(_))) => {
                    if self.exists_meanwhile(config.name()).await? {
                        return Ok(());
                    }
                    self.give_up_intents_for(config.name()).await?;
                    last = Some(error);
                }
                Err(LedgerError::KeyInUse { common_name }) => {
                    return Err(HierarchyError::KeyInUse {
                        ca_name: config.name().clone(),
                        key: config.key().clone(),
                        common_name,
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(last
            .unwrap_or_else(|| LedgerError::AuthorityExists(config.name().clone()))
            .into())
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

    /// What an earlier run reserved, if it equals what this one would reserve apart from serial and time. If the key
    /// has changed, that certificate cannot be made any more.
    async fn signable_ca(
        &self,
        config: &CaConfig,
        parent: Option<&Ca>,
        key: &CaPublicKey,
        open: &OpenIntent,
    ) -> Result<Result<Signable, NotSignable>, HierarchyError> {
        if let Err(forged) = self.authenticator.verify(open).await? {
            return Ok(Err(forged));
        }
        tracing::info!(intent = %open.id, ca = %config.name(), "taking up the interrupted creation of a CA");
        let signer = signer(config, parent, key);
        Ok(Signable::resumed(open, signer, |_| {
            build::again(self.config(), config, parent, key, open)
                .map_err(|error| NotSignable::Forbidden(error.to_string()))
        }))
    }

    /// Signs an open intent and completes it, which creates the CA.
    async fn sign_ca(
        &self,
        config: &CaConfig,
        own_key: &CaPublicKey,
        id: &IntentId,
        signable: Signable,
    ) -> Result<(), HierarchyError> {
        let SignedCertificate { certificate, receipt } = match signable.sign(self.ports().keys.as_ref()).await {
            Ok(signed) => signed,
            Err(SigningError::KeyStore(error)) => return Err(error.into()),
            Err(SigningError::BadSignature { receipt, .. }) => {
                return Err(HierarchyError::BadSignature {
                    ca_name: config.name().clone(),
                    issuer: id.issuer.clone(),
                    receipt,
                });
            }
        };
        build::check(config, &certificate, own_key)?;
        let completion = Completion {
            id: id.clone(),
            certificate,
            receipt,
            at: self.ports().clock.now(),
        };
        match self.ports().ledger.intents().complete(completion).await {
            Ok(_) => Ok(()),
            Err(LedgerError::NoOpenIntent(id)) => {
                // Another run resumed it meanwhile: if that run completed it, its CA is the same as ours.
                if self.exists_meanwhile(config.name()).await? {
                    Ok(())
                } else {
                    Err(LedgerError::NoOpenIntent(id).into())
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn exists_meanwhile(&self, ca_name: &CaName) -> Result<bool, HierarchyError> {
        self.reload().await?;
        Ok(self.ca(ca_name).is_some())
    }

    /// Gives up every open intent for a CA's certificate; their serials are then listed on their issuer's CRL.
    async fn give_up_intents_for(&self, ca_name: &CaName) -> Result<(), HierarchyError> {
        let open = self
            .ports()
            .ledger
            .intents()
            .list_open(None, UnixTime(i64::MAX), OPEN_INTENTS)
            .await?
            .intents;
        for intent in open.into_iter().filter(|intent| is_for(&intent.kind, ca_name)) {
            tracing::warn!(intent = %intent.id, ca = %ca_name, "giving up an intent of an earlier configuration");
            match self
                .ports()
                .ledger
                .intents()
                .mark_lost(intent.id.clone(), self.ports().clock.now())
                .await
            {
                Ok(()) | Err(LedgerError::NoOpenIntent(_)) => self.slots.issuer_changed(&intent.id.issuer),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Who signs a CA's certificate: the CA above, or a root itself.
fn signer<'a>(config: &'a CaConfig, parent: Option<&'a Ca>, own_key: &'a CaPublicKey) -> Signer<'a> {
    match parent {
        Some(parent) => Signer::of(parent),
        None => Signer {
            key: config.key(),
            public: own_key,
            name: config.subject(),
        },
    }
}

fn is_for(kind: &Kind, ca_name: &CaName) -> bool {
    matches!(kind, Kind::Authority { ca_name: of, .. } if of == ca_name)
}
