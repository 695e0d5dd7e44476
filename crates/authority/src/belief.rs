//! Which CAs are believed.
//!
//! What the ledger has of a CA is a claim: whoever can write to it could put a certificate of theirs in the place of ours, and
//! have it published, or answered as the root to trust. A CA's certificate is believed only if its key is the one that the
//! key store has under the name that the configuration says, and its signature that of the CA above, or a root's own; so on
//! up to the root. It is looked at once for each certificate that was read, before anything is issued under it or published
//! of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use crate::authority::{Authority, Ca};
use crate::ca_name::CaName;
use crate::config::CaConfig;
use crate::port::ledger::Kind;
use crate::port::{KeyName, KeyStoreError, LedgerError};

/// Why a CA's certificate is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotBelieved {
    /// The key store has another key under the name.
    #[error(
        "the certificate recorded for CA {ca_name} is not believed: its key is not {key} in the key store; if that key is the \
         right one, somebody has replaced the certificate in the ledger: restore it"
    )]
    OtherKey {
        /// Which CA.
        ca_name: CaName,
        /// Its key's name.
        key: KeyName,
    },
    /// Not signed by the CA above, or for a root by itself.
    #[error(
        "the certificate recorded for CA {ca_name} is not believed: it was not signed by {signer}; somebody has replaced it in \
         the ledger: restore it"
    )]
    NotSigned {
        /// Which CA.
        ca_name: CaName,
        /// Who should have signed.
        signer: CaName,
    },
    /// The CA above is not recorded.
    #[error("the certificate recorded for CA {ca_name} is not believed: the CA above it, {parent}, is not recorded")]
    NoParent {
        /// Which CA.
        ca_name: CaName,
        /// The CA above.
        parent: CaName,
    },
    /// The ledger has the CA's certificate twice, and not the same.
    #[error(
        "the certificate recorded for CA {ca_name} is not the one in its row of the certificates; somebody has replaced one of \
         them: restore it"
    )]
    RecordsDiffer {
        /// Which CA.
        ca_name: CaName,
    },
    /// The ledger has the CA, and no row of its certificate.
    #[error(
        "the certificate recorded for CA {ca_name} is not believed: its row of the certificates is gone, or cannot be read, which \
         would say whether it is revoked; somebody has removed or changed it: restore it"
    )]
    NoRow {
        /// Which CA.
        ca_name: CaName,
    },
    /// The key store does not tell the key, so that nothing is known.
    #[error("the certificate recorded for CA {ca_name} cannot be compared with its key: {error}")]
    KeyStore {
        /// Which CA.
        ca_name: CaName,
        /// What it said.
        error: KeyStoreError,
    },
    /// The ledger did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl NotBelieved {
    /// Whether the certificate was found to be wrong, where otherwise nothing could be found out.
    pub fn is_refuted(&self) -> bool {
        match self {
            Self::OtherKey { .. }
            | Self::NotSigned { .. }
            | Self::NoParent { .. }
            | Self::RecordsDiffer { .. }
            | Self::NoRow { .. } => true,
            // A key store that was told of the certificate says so itself.
            Self::KeyStore { error, .. } => matches!(error, KeyStoreError::Damaged { .. }),
            Self::Ledger(_) => false,
        }
    }
}

impl Authority {
    /// Whether a CA's certificate and those above it are what they should be. What was found good once is not asked again.
    pub async fn believe(&self, ca: &Ca) -> Result<(), NotBelieved> {
        if ca.is_believed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut chain = self.chain(ca.name());
        // A CA that was read before a reload: it is looked at itself, not its successor.
        if chain.first().is_none_or(|first| first.record != ca.record) {
            return self.believe_replaced(ca).await;
        }
        chain.retain(|ca| !ca.is_believed.load(Ordering::Acquire));
        // All keys are asked for at one time; the first that is wrong is told, from the root on.
        let keys = join_all(chain.iter().map(|ca| self.has_its_key(ca))).await;
        for (ca, has_its_key) in chain.iter().zip(keys).rev() {
            has_its_key?;
            self.is_signed_from_above(ca)?;
            ca.is_believed.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Every CA that is not believed, and why; but for those that have [ended](Self::has_ended).
    pub async fn not_believed(&self) -> Vec<(CaName, NotBelieved)> {
        let mut found = Vec::new();
        for ca in self.cas().iter().filter(|ca| !self.has_ended(ca)) {
            if let Err(error) = self.believe(ca).await {
                found.push((ca.name().clone(), error));
            }
        }
        found
    }

    /// The same before a CA's certificate is published: where the ledger has it twice, both have to be the same.
    pub(crate) async fn believe_to_publish(&self, ca: &Ca) -> Result<(), NotBelieved> {
        self.believe(ca).await?;
        if ca.is_same_twice.load(Ordering::Acquire) {
            return Ok(());
        }
        let row = self
            .ports()
            .ledger
            .certificate(Some(ca.signer()), ca.certificate().serial())
            .await;
        let row = match row {
            // Some of it is there, and not what would say it.
            Err(LedgerError::Damaged { .. }) => None,
            row => row?,
        };
        // A CA of before the journal has its row, too: that is where its record comes from.
        let ca_name = || ca.name().clone();
        let row = row.ok_or_else(|| NotBelieved::NoRow { ca_name: ca_name() })?;
        let is_ours = matches!(&row.kind, Kind::Authority { ca_name, .. } if ca_name == ca.name());
        if !is_ours || row.certificate != ca.certificate().as_der() {
            return Err(NotBelieved::RecordsDiffer { ca_name: ca_name() });
        }
        ca.is_same_twice.store(true, Ordering::Release);
        Ok(())
    }

    async fn believe_replaced(&self, ca: &Ca) -> Result<(), NotBelieved> {
        self.has_its_key(ca).await?;
        if let Some(parent) = ca.record.parent.as_ref().and_then(|ca_name| self.ca(ca_name)) {
            Box::pin(self.believe(&parent)).await?;
        }
        self.is_signed_from_above(ca)
    }

    async fn has_its_key(&self, ca: &Ca) -> Result<(), NotBelieved> {
        let ca_name = || ca.name().clone();
        // Which key a CA has is configured: what a record says of itself it may say of any CA's key.
        let configured = self.config().ca(ca.name()).map(CaConfig::key);
        let mut key = configured.unwrap_or(&ca.record.key);
        let mut found = self.ports().keys.public_key(key).await;
        if matches!(found, Err(KeyStoreError::NotFound(_))) && *key != ca.record.key {
            // Renamed in the configuration since; it can have no other one's key.
            key = &ca.record.key;
            found = self.ports().keys.public_key(key).await;
        }
        let found = found.map_err(|error| NotBelieved::KeyStore {
            ca_name: ca_name(),
            error,
        })?;
        if found.as_der() == ca.issuer.public_key().as_der() {
            Ok(())
        } else {
            let key = key.clone();
            Err(NotBelieved::OtherKey {
                ca_name: ca_name(),
                key,
            })
        }
    }

    fn is_signed_from_above(&self, ca: &Ca) -> Result<(), NotBelieved> {
        let certificate = ca.certificate();
        let configured = self.config().ca(ca.name());
        let parent = configured.map_or(ca.record.parent.as_ref(), CaConfig::parent);
        let above: Option<Arc<Ca>> = match parent {
            None => None,
            Some(parent) => Some(self.ca(parent).ok_or_else(|| NotBelieved::NoParent {
                ca_name: ca.name().clone(),
                parent: parent.clone(),
            })?),
        };
        let signer = above.as_deref().unwrap_or(ca);
        let is_signed = certificate.issuer() == signer.certificate().subject()
            && certificate.is_signed_by(signer.issuer.public_key());
        if is_signed {
            return Ok(());
        }
        Err(NotBelieved::NotSigned {
            ca_name: ca.name().clone(),
            signer: signer.name().clone(),
        })
    }
}
