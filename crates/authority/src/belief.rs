//! Which recorded CA certificates are believed.
//!
//! A CA's certificate in the ledger is unverified: an attacker who can write there could replace it with their own, and
//! have that published, or answered as the root to trust. A CA's certificate is believed only if its key is the one
//! that the key store has under the configured name, its signature is that of the CA above, or for a root its own, and
//! its record names that CA as its parent: the record decides whose name constraints and revocation apply to it. The same must hold for every CA above it. Each certificate that was read is checked once, before anything is issued
//! under it or published for it.

pub(crate) mod error;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;

pub use error::NotBelieved;

use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::config::CaConfig;
use crate::port::ledger::Kind;
use crate::port::{KeyStoreError, LedgerError};

impl Authority {
    /// Checks a CA's certificate and those above it. A certificate that passed once is not checked again.
    pub async fn believe(&self, ca: &Ca) -> Result<(), NotBelieved> {
        if ca.is_believed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut chain = self.chain(ca.name());
        // The CA was read before a reload: check this certificate, not the one that replaced it.
        if chain.first().is_none_or(|first| first.record != ca.record) {
            return self.believe_replaced(ca).await;
        }
        // In a cycle of parents, which only a forged record makes, no CA is the root that the others depend on.
        let top = chain.last().filter(|top| top.record.parent.is_some()).cloned();
        chain.retain(|ca| !ca.is_believed.load(Ordering::Acquire));
        // All keys are fetched concurrently; of several errors, the one nearest to the root is returned.
        let keys = join_all(chain.iter().map(|ca| self.has_its_key(ca))).await;
        for (ca, has_its_key) in chain.iter().zip(keys).rev() {
            has_its_key?;
            self.is_signed_from_above(ca)?;
            ca.is_believed.store(top.is_none(), Ordering::Release);
        }
        match top {
            None => Ok(()),
            Some(top) => Err(NotBelieved::OtherParent {
                ca_name: top.name().clone(),
                recorded: top.record.parent.clone(),
                signer: "no root".to_owned(),
            }),
        }
    }

    /// Every CA that is not believed, and why, except those that have [ended](Self::has_ended).
    pub async fn not_believed(&self) -> Vec<(CaName, NotBelieved)> {
        let mut found = Vec::new();
        for ca in self.cas().iter().filter(|ca| !self.has_ended(ca)) {
            if let Err(error) = self.believe(ca).await {
                found.push((ca.name().clone(), error));
            }
        }
        found
    }

    /// Like [`believe`](Self::believe), before a CA's certificate is published: its two copies in the ledger must be
    /// equal as well.
    pub(crate) async fn believe_to_publish(&self, ca: &Ca) -> Result<(), NotBelieved> {
        self.believe(ca).await?;
        if ca.is_same_twice.load(Ordering::Acquire) {
            return Ok(());
        }
        let row = self
            .ports()
            .ledger
            .certificates()
            .get(Some(ca.signer()), ca.certificate().serial())
            .await;
        let row = match row {
            // Part of the row exists, but not the certificate.
            Err(LedgerError::Damaged { .. }) => None,
            row => row?,
        };
        // A CA that was created before the journal existed has a row as well: its record comes from there.
        let ca_name = || ca.name().clone();
        let row = row.ok_or_else(|| NotBelieved::NoRow { ca_name: ca_name() })?;
        let is_ours = matches!(&row.kind, Kind::Ca { ca_name, .. } if ca_name == ca.name());
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
        // The configuration decides which key a CA has: a forged record could name any CA's key.
        let configured = self.config().ca(ca.name()).map(CaConfig::key);
        let mut key = configured.unwrap_or(&ca.record.key);
        let mut found = self.ports().keys.public_key(key).await;
        if matches!(found, Err(KeyStoreError::NotFound(_))) && *key != ca.record.key {
            // The key was renamed in the configuration since. The recorded name cannot be misused to borrow another
            // CA's key.
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

    /// Whether a CA's certificate was signed by the CA above it. The recorded parent decides which name constraints and
    /// revocations apply, so it must be the configured one; for a CA that the configuration does not have any more, the
    /// one that the certificate names.
    fn is_signed_from_above(&self, ca: &Ca) -> Result<(), NotBelieved> {
        let certificate = ca.certificate();
        let recorded = ca.record.parent.as_ref();
        let configured = self.config().ca(ca.name());
        let parent = configured.map_or(recorded, CaConfig::parent);
        let above: Option<Arc<Ca>> = match parent {
            None => None,
            Some(parent) => Some(self.ca(parent).ok_or_else(|| NotBelieved::NoParent {
                ca_name: ca.name().clone(),
                parent: parent.clone(),
            })?),
        };
        let other_parent = |signer: String| NotBelieved::OtherParent {
            ca_name: ca.name().clone(),
            recorded: recorded.cloned(),
            signer,
        };
        let signer = above.as_deref().unwrap_or(ca);
        let is_signed = certificate.issuer() == signer.certificate().subject()
            && certificate.is_signed_by(signer.issuer.public_key());
        if is_signed && recorded == parent {
            return Ok(());
        }
        if is_signed {
            return Err(other_parent(signer.name().to_string()));
        }
        // Of a CA that the configuration does not have, nothing but the record says that it is a root.
        if parent.is_none() && certificate.issuer() != certificate.subject() {
            return Err(other_parent(certificate.issuer().to_rfc4514()));
        }
        Err(NotBelieved::NotSigned {
            ca_name: ca.name().clone(),
            signer: signer.name().clone(),
        })
    }
}
