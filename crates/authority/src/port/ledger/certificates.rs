//! Certificates that were issued, and what the ledger has about a serial number or a key.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{CrlScope, IntentId, Kind, LedgerError, Revocation};
use crate::ca_name::CaName;
use crate::port::keystore::Receipt;
use crate::principal::Principal;

/// Reads certificates. Nothing here changes the ledger.
#[async_trait]
pub trait Certificates: Send + Sync {
    /// One certificate. `issuer` may be omitted where only the serial is known: serials of 159 random bits do not
    /// collide.
    async fn get(&self, issuer: Option<&CaName>, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError>;

    /// A page of certificates, in the query's order. It may hold fewer than `limit`, or none, and still have a next
    /// page: a ledger bounds the work for one page. Pages are stable: a certificate issued meanwhile causes no
    /// repetition or gap among those that existed at the first page.
    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError>;

    /// A page of the certificates of exactly that name, which does not end in `*`, in an order of the ledger's own: for
    /// callers that want all of them. Reads about `limit` certificates.
    async fn named(&self, common_name: &str, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError>;

    /// Which certificate or open intent holds a key, as [`reserve`](super::Intents::reserve) would find it for a leaf
    /// of `common_name` and refuse it as [`LedgerError::KeyInUse`] or [`LedgerError::KeyBlocked`]. Reserves nothing.
    async fn key_status(&self, key: KeyFingerprint, common_name: &str) -> Result<KeyStatus, LedgerError>;

    /// The evidence for these serial numbers, duplicates allowed. Those without any are left out, and so is whatever
    /// cannot be read: one of them never stops the others.
    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError>;
}

/// Certificates of one name that are read per page.
const PAGE: usize = 1000;

/// Calls `each` for every certificate of exactly that name, page by page, in no order.
pub async fn for_each_named(
    certificates: &dyn Certificates,
    common_name: &str,
    each: &mut (dyn FnMut(CertificateRecord) + Send),
) -> Result<(), LedgerError> {
    // `search` treats a final `*` as a prefix search.
    if common_name.ends_with('*') {
        return Ok(());
    }
    let mut after = None;
    loop {
        let page = certificates.named(common_name, after.as_ref(), PAGE).await?;
        page.certificates.into_iter().for_each(&mut *each);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Issuer and serial.
    pub id: IntentId,
    /// Leaf or CA.
    pub kind: Kind,
    /// The common name; empty where the subject has none.
    pub common_name: String,
    /// Profile's name.
    pub profile: String,
    /// The certificate that it renewed. Not known for those issued before this was recorded.
    pub renews: Option<IntentId>,
    /// DER.
    pub certificate: Vec<u8>,
    /// The certified key.
    pub key: KeyFingerprint,
    /// Valid from.
    pub not_before: UnixTime,
    /// Valid to.
    pub not_after: UnixTime,
    /// CRL shard.
    pub shard: Option<u16>,
    /// Who requested it.
    pub principal: Principal,
    /// The key store's receipt.
    pub receipt: Receipt,
    /// When it was issued.
    pub issued_at: UnixTime,
    /// Whether and why it was revoked.
    pub revocation: Option<Revocation>,
    /// Whether to send reminders before it expires.
    pub notify_expiry: bool,
    /// When reminders were sent, oldest first.
    pub reminders: Vec<UnixTime>,
}

impl CertificateRecord {
    /// Whether it is a CA's, by its recorded kind or by what the certificate itself says.
    pub fn is_ca(&self) -> bool {
        let says_so = || {
            let constraints = Certificate::parse(&self.certificate).ok()?.basic_constraints()?;
            Some(constraints.ca)
        };
        self.kind.is_ca() || says_so().unwrap_or(false)
    }

    /// The CRL that answers for it.
    pub fn scope(&self) -> CrlScope {
        CrlScope {
            issuer: self.id.issuer.clone(),
            shard: self.shard,
        }
    }
}

/// Who holds a key, as seen by a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// No certificate or open intent has it.
    Free,
    /// Certificates or open intents hold it, the first of them with this common name.
    Held(String),
    /// A certificate of it was revoked because the key is compromised: it is never certified again.
    Blocked,
}

/// What a ledger has about a serial number. Untrusted: callers verify it with the CA's key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What is recorded as its certificate, DER; one for each place that has some.
    pub certificates: Vec<Vec<u8>>,
    /// Whether it is recorded as that of an intent that was given up, which has no certificate.
    pub given_up: bool,
}

/// A query: every given condition must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Issuer.
    pub issuer: Option<CaName>,
    /// Common name: exact, or a prefix if it ends in `*`. Case-sensitive.
    pub common_name: Option<String>,
    /// Key.
    pub key: Option<KeyFingerprint>,
    /// notAfter at or after.
    pub expires_from: Option<UnixTime>,
    /// notAfter before.
    pub expires_before: Option<UnixTime>,
    /// Revoked ones only (`true`), or unrevoked ones only (`false`).
    pub revoked: Option<bool>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
}

/// Where a page ended: opaque, made by the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A page of certificates.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The certificates.
    pub certificates: Vec<CertificateRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}
