//! The authority: its ports, its CAs, its configuration.
//!
//! Each operation is an `impl Authority` in its own module: [`hierarchy`](crate::hierarchy), [`issue`](crate::issue),
//! [`revoke`](crate::revoke), [`publish`](crate::publish), [`sweep`](crate::sweep), [`remind`](crate::remind).

pub(crate) mod crl_uses;
mod server_names;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chancery_x509::serial::Serial;

use crl_uses::CrlUses;
pub use server_names::ServerNameSet;

pub use crate::ca::Ca;
use crate::ca::{chain_among, default_issuer};
use crate::ca_name::CaName;
use crate::config::Config;
use crate::port::ledger::{CertificateRecord, Cursor, LedgerError, Page, Search};
use crate::port::{KeyStoreError, Ports};
use crate::profile::Profiles;
use crate::publish::scope_states::ScopeStates;
use crate::signing::authentication::Authenticator;

/// A hierarchy of CAs over its ports. Cheap to share behind an `Arc`; every method may run concurrently.
pub struct Authority {
    ports: Ports,
    config: Config,
    profiles: Profiles,
    /// Parents first. Replaced as a whole when a CA is created, so that a reader holds the lock for one clone only.
    pub(crate) cas: RwLock<Arc<[Arc<Ca>]>>,
    /// When the CAs were read last, in Unix seconds.
    pub(crate) issuers_read_at: AtomicI64,
    /// This process's knowledge of each CRL.
    pub(crate) scope_states: ScopeStates,
    /// Authenticates intents.
    pub(crate) authenticator: Authenticator,
    /// Intents in the ledger that this process refused to sign.
    pub(crate) refused_intents: AtomicU64,
    /// Open intents that could not be read in this process's last sweep.
    pub(crate) unreadable_intents: AtomicU64,
    /// The recorded CRL uses that this process knows.
    pub(crate) crl_uses: CrlUses,
    /// Names by which clients reach the authority's own server.
    pub(crate) server_names: RwLock<ServerNameSet>,
}

impl Authority {
    /// Opens an authority: reads the existing CAs from the ledger. Creates nothing.
    pub async fn open(ports: Ports, config: Config, profiles: Profiles) -> Result<Self, LedgerError> {
        let cas = read_cas(&ports).await?;
        let now = ports.clock.now();
        let authenticator = authenticator(&ports);
        let authority = Self {
            ports,
            config,
            profiles,
            cas: RwLock::new(cas.into()),
            issuers_read_at: AtomicI64::new(now.0),
            scope_states: ScopeStates::default(),
            authenticator,
            refused_intents: AtomicU64::new(0),
            unreadable_intents: AtomicU64::new(0),
            crl_uses: CrlUses::default(),
            server_names: RwLock::default(),
        };
        let names = authority
            .ports
            .ledger
            .server_names()
            .list(authority.ports.clock.now())
            .await?;
        authority.cache_server_names(names);
        Ok(authority)
    }

    /// Reads the CAs from the ledger again, after this or another process made one or changed its state. A CA that is as it
    /// was stays in memory, and what was checked of it stays checked.
    pub async fn reload(&self) -> Result<(), LedgerError> {
        let known = self.cas();
        let records = self.ports.ledger.issuers().list().await?.into_iter();
        let cas: Result<Vec<_>, _> = records
            .map(|record| match known.iter().find(|ca| ca.name() == &record.ca_name) {
                Some(ca) if ca.record == record => Ok(Arc::clone(ca)),
                Some(ca) if ca.is_same_but_for_status(&record) => Ok(Arc::new(ca.with_status(record)?)),
                Some(_) | None => Ca::try_from(record).map(Arc::new),
            })
            .collect();
        *self.cas.write().unwrap_or_else(PoisonError::into_inner) = cas?.into();
        self.issuers_read_at.store(self.ports.clock.now().0, Ordering::Relaxed);
        Ok(())
    }

    /// Fetches concurrently what the first issuance would otherwise wait for: the key of intents' codes, and the public
    /// keys of the issuing CA and of those above it. For callers that issue next: an error recurs there, and a CA
    /// certificate that is not believed is reported only there.
    pub async fn make_ready_to_issue(&self) -> Result<(), KeyStoreError> {
        let believing = async {
            if let Some(ca) = self.issuing_ca()
                && let Err(error) = self.believe(&ca).await
            {
                tracing::error!(%error, "nothing can be issued until the issuing CA is believed");
            }
        };
        let (ready, ()) = futures_util::future::join(self.authenticator.make_ready(), believing).await;
        ready
    }

    /// Intents in the ledger that this process refused to sign, because no authorised process had prepared them: raise
    /// an alarm.
    pub fn refused_intents(&self) -> u64 {
        self.refused_intents.load(Ordering::Relaxed)
    }

    /// Open intents that could not be read in this process's last sweep: the operator has to repair or remove them.
    pub fn unreadable_intents(&self) -> u64 {
        self.unreadable_intents.load(Ordering::Relaxed)
    }

    /// The ports that it was opened with.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The validated configuration that it was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The profiles that it was opened with.
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// The CAs that exist, parents first.
    pub fn cas(&self) -> Arc<[Arc<Ca>]> {
        self.cas.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One CA.
    pub fn ca(&self, ca_name: &CaName) -> Option<Arc<Ca>> {
        self.cas().iter().find(|ca| ca.name() == ca_name).cloned()
    }

    /// The CA that issues leaves where a profile names no other: the one that was made the default issuer, or if none was,
    /// the configured one, by default the last one of the hierarchy. `None` until it is created.
    pub fn issuing_ca(&self) -> Option<Arc<Ca>> {
        default_issuer(&self.cas(), &self.config).cloned()
    }

    /// The CA of a profile; without a profile, or where it names no CA, the default issuing CA. `None` if that CA does
    /// not exist yet.
    pub fn issuer_of(&self, profile: Option<&str>) -> Option<Arc<Ca>> {
        let named = profile
            .and_then(|name| self.profiles().named(name))
            .and_then(|profile| profile.issuing_ca());
        match named {
            Some(name) => self.ca(&self.config().ca_name(name).ok()?),
            None => self.issuing_ca(),
        }
    }

    /// The chain of a CA: itself first, root last. Empty where there is no such CA.
    pub fn chain(&self, ca_name: &CaName) -> Vec<Arc<Ca>> {
        chain_among(&self.cas(), ca_name).cloned().collect()
    }

    /// One certificate.
    pub async fn certificate(&self, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        self.ports.ledger.certificates().get(None, serial).await
    }

    /// A page of certificates.
    pub async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.ports.ledger.certificates().search(query, after, limit).await
    }
}

fn authenticator(ports: &Ports) -> Authenticator {
    Authenticator::new(ports.intent_keys.clone(), ports.entropy.clone(), ports.clock.clone())
}

async fn read_cas(ports: &Ports) -> Result<Vec<Arc<Ca>>, LedgerError> {
    let records = ports.ledger.issuers().list().await?.into_iter();
    records.map(|record| Ca::try_from(record).map(Arc::new)).collect()
}
