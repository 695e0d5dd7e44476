//! The authority itself: its ports, its CAs, its rules.

use chancery_x509::certificate::{Certificate, Issuer};
use chancery_x509::serial::Serial;

use crate::config::Config;
use crate::port::ledger::{AuthorityRecord, CertificateRecord, Cursor, LedgerError, Page, Revoked, Search};
use crate::port::{Ports, PublicationError};
use crate::principal::Principal;
use crate::profile::Profiles;
use crate::slug::Slug;

/// A hierarchy of CAs over four ports. Cheap to share behind an `Arc`; every method may run concurrently.
pub struct Authority {
    pub(crate) ports: Ports,
    pub(crate) config: Config,
    pub(crate) profiles: Profiles,
}

impl Authority {
    /// Opens an authority: reads the CAs that exist from the ledger. Creates nothing.
    pub async fn open(_ports: Ports, _config: Config, _profiles: Profiles) -> Result<Self, LedgerError> {
        todo!("HB")
    }

    /// The ports it stands on.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its profiles.
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// The CAs that exist, parents first.
    pub fn cas(&self) -> Vec<std::sync::Arc<Ca>> {
        todo!("HB")
    }

    /// One CA.
    pub fn ca(&self, _slug: &Slug) -> Option<std::sync::Arc<Ca>> {
        todo!("HB")
    }

    /// The CA that issues leaves where a profile names no other: the configuration's, by default the last one of the hierarchy.
    pub fn issuing_ca(&self) -> Option<std::sync::Arc<Ca>> {
        todo!("HB")
    }

    /// The chain of a CA: itself first, root last.
    pub fn chain(&self, _slug: &Slug) -> Vec<std::sync::Arc<Ca>> {
        todo!("HB")
    }

    /// One certificate.
    pub async fn certificate(&self, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        self.ports.ledger.certificate(None, serial).await
    }

    /// A page of certificates.
    pub async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.ports.ledger.search(query, after, limit).await
    }
}

/// A CA that exists: its record, with everything parsed once.
#[derive(Debug)]
pub struct Ca {
    /// As the ledger has it.
    pub record: AuthorityRecord,
    /// Its certificate and key, ready to issue.
    pub issuer: Issuer,
}

impl Ca {
    /// Its name.
    pub fn slug(&self) -> &Slug {
        &self.record.slug
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        self.issuer.certificate()
    }
}

// The operations, each in its own module as `impl Authority` (signatures are the agreed interface):
//
// hierarchy.rs  pub async fn initialise(&self, progress: &dyn Fn(&str)) -> Result<Vec<Arc<Ca>>, HierarchyError>
//                 creates every configured CA that does not exist yet, parents first (intent → sign → verify → complete), publishes
//                 certificates, bundle, and first CRLs. Safe to repeat. progress gets lines such as "Creating key chancery-root-ca (p384)".
// issue.rs      pub async fn issue(&self, request: &wire::TlsCertRequest, principal: &Principal, token: Option<IdempotencyToken>) -> Result<Issued, IssueError>
//                 Issued { record: CertificateRecord, replayed: bool, notices_failed: bool … }
// wire.rs       TlsCertRequest::from_json(&[u8]) / from_value(serde_json::Value) -> Result<_, Malformed>; TlsCertAnswer (serde::Serialize, contract JSON)
//                 impl Authority { pub fn answer(&self, issued: &Issued, request: &TlsCertRequest) -> TlsCertAnswer; pub fn chain_answer(&self) -> … }
// issue.rs      pub async fn renew(&self, serial, csr (new key or none = the same key), principal, token) -> Result<Issued, IssueError>
// revoke.rs     pub async fn revoke(&self, serial, reason, invalidity_date, principal) -> Result<Revoked, RevokeError>  (then publishes the CRL where config says so)
// publish.rs    pub async fn publish_crls(&self, which: Option<&Slug>) -> Vec<(CrlScope, Result<PublishedCrl, PublishError>)>
//               pub async fn publish_due_crls(&self) -> same, only those whose interval has passed or that have new revocations
//               pub async fn publish_certificates(&self)
//               pub async fn crl_status(&self) -> Vec<CrlStatus> (age, staleness alarm, entries, number)
// sweep.rs      pub async fn sweep(&self) -> Result<Swept { completed, lost }, SweepError>
// remind.rs     pub async fn remind(&self) -> Result<usize, RemindError>

#[allow(unused)]
fn interface_only(_: Principal, _: Revoked, _: PublicationError) {}
