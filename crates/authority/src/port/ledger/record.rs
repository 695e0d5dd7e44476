//! The ledger's records of certificates, intents and rejections.

use std::fmt;

use aws_lc_rs::digest;
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::crl::CrlScope;
use crate::ca_name::CaName;
use crate::port::intent_keys::IntentNonce;
use crate::port::keystore::{KeyName, Receipt};
use crate::principal::Principal;

/// Identifies an intent: the issuer's name and the serial number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IntentId {
    /// The CA that signs.
    pub issuer: CaName,
    /// The serial number.
    pub serial: Serial,
}

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An end entity's.
    Leaf,
    /// A CA's own.
    Authority {
        /// The CA's name.
        ca_name: CaName,
        /// The CA above; `None` for a root.
        parent: Option<CaName>,
        /// Its key.
        key: KeyName,
    },
}

/// A token with which a caller may repeat a request safely, unique for its principal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyToken(pub String);

/// SHA-256 over a principal and its token: identifies the token without revealing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

/// Proves that an intent was made by a process that may prepare certificates: HMAC-SHA-256 over everything that decides
/// it, under the key of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntentCode {
    /// The nonce of the key.
    pub nonce: IntentNonce,
    /// The code.
    pub code: [u8; 32],
}

/// Who made a token, and so whether a caller can repeat the request with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenOrigin {
    /// The caller, who knows it and can repeat the request with it.
    #[default]
    Caller,
    /// The runtime, for one invocation: only the runtime repeats that, and no caller can.
    Invocation,
}

/// The intent to sign one certificate.
#[derive(Clone, Debug)]
pub struct CertificateIntent {
    /// Issuer (for a root: itself) and serial.
    pub id: IntentId,
    /// Leaf or CA.
    pub kind: Kind,
    /// The common name; empty where the subject has none.
    pub common_name: String,
    /// Profile's name.
    pub profile: String,
    /// The certificate that it renews: its predecessor.
    pub renews: Option<IntentId>,
    /// The key to be certified.
    pub key: KeyFingerprint,
    /// Whether the key may already be certified for the same common name.
    pub allow_key_reuse: bool,
    /// DER TBSCertificate: all that is needed to sign again, or to know what was signed.
    pub tbs: Vec<u8>,
    /// Valid from.
    pub not_before: UnixTime,
    /// Valid to.
    pub not_after: UnixTime,
    /// CRL shard that the certificate's distribution point names; `None`: the full CRL.
    pub shard: Option<u16>,
    /// Who requested it.
    pub principal: Principal,
    /// The principal's token, if any.
    pub token: Option<IdempotencyToken>,
    /// Who made the token; without a token it has no meaning.
    pub token_origin: TokenOrigin,
    /// SHA-256 of the request, so that a token is not reused for another one.
    pub request_digest: [u8; 32],
    /// Whether to send reminders before it expires.
    pub notify_expiry: bool,
    /// When it was reserved.
    pub at: UnixTime,
    /// Its authentication code, kept as it is while the intent is open.
    pub authentication: Option<IntentCode>,
}

/// Answer to [`reserve`](super::Ledger::reserve).
#[derive(Clone, Debug)]
pub enum Reservation {
    /// The intent is recorded: sign.
    New,
    /// The token's request is already complete: answer with its certificate.
    Completed(Box<CertificateRecord>),
    /// The token's request is reserved and not complete: another process is working on it, or a crash left it for the
    /// sweeper.
    Open(Box<OpenIntent>),
}

/// An intent that is neither complete nor given up, as the ledger has it: untrusted, until its code and its
/// TBSCertificate are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// Issuer and serial.
    pub id: IntentId,
    /// Leaf or CA.
    pub kind: Kind,
    /// The common name; empty where the subject has none.
    pub common_name: String,
    /// Profile's name.
    pub profile: String,
    /// The certificate that it renews: its predecessor.
    pub renews: Option<IntentId>,
    /// The key to be certified.
    pub key: KeyFingerprint,
    /// DER TBSCertificate.
    pub tbs: Vec<u8>,
    /// Valid from.
    pub not_before: UnixTime,
    /// Valid to.
    pub not_after: UnixTime,
    /// CRL shard.
    pub shard: Option<u16>,
    /// Who requested it, as text.
    pub principal: String,
    /// Digest of the principal's token, if any.
    pub token: Option<TokenDigest>,
    /// Who made the token.
    pub token_origin: TokenOrigin,
    /// Whether to send reminders before it expires.
    pub notify_expiry: bool,
    /// When it was reserved.
    pub reserved_at: UnixTime,
    /// Its authentication code; intents of former versions have none.
    pub authentication: Option<IntentCode>,
}

impl OpenIntent {
    /// Its position in the order of listing.
    pub fn position(&self) -> OpenPosition {
        OpenPosition {
            reserved_at: self.reserved_at,
            serial: self.id.serial,
        }
    }
}

/// Some of the open intents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenIntents {
    /// Those that can be read.
    pub intents: Vec<OpenIntent>,
    /// Names of those that cannot be read, and what is wrong with them; at most [`UNREADABLE_TOLD`]. One may be
    /// reported by two consecutive pages.
    pub unreadable: Vec<String>,
}

/// Most unreadable intents that are reported: an attacker who can write to a ledger must not be able to fill its
/// reader's memory.
pub const UNREADABLE_TOLD: usize = 1_000;

impl OpenIntents {
    /// Adds one that cannot be read.
    pub fn add_unreadable(&mut self, what: impl Into<String>) {
        if self.unreadable.len() < UNREADABLE_TOLD {
            self.unreadable.push(what.into());
        }
    }
}

/// The position of an open intent in their order: by time, and within one second by serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenPosition {
    /// When it was reserved.
    pub reserved_at: UnixTime,
    /// Its serial number.
    pub serial: Serial,
}

impl OpenPosition {
    /// The position after everything that was reserved up to and including that second.
    pub fn behind(time: UnixTime) -> Self {
        Self {
            reserved_at: time,
            serial: Serial::HIGHEST,
        }
    }
}

/// What completes an intent.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Which intent.
    pub id: IntentId,
    /// The final DER certificate.
    pub certificate: Vec<u8>,
    /// The key store's receipt.
    pub receipt: Receipt,
    /// When it was signed.
    pub at: UnixTime,
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
    /// Who requested it, as text.
    pub principal: String,
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
    /// The CRL that answers for it.
    pub fn scope(&self) -> CrlScope {
        CrlScope {
            issuer: self.id.issuer.clone(),
            shard: self.shard,
        }
    }
}

/// A CA that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRecord {
    /// Its name.
    pub ca_name: CaName,
    /// The name of the CA above; `None` for a root.
    pub parent: Option<CaName>,
    /// Its key's name.
    pub key: KeyName,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
}

/// One revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: UnixTime,
    /// Why.
    pub reason: RevocationReason,
    /// invalidityDate (RFC 5280 section 5.3.2): when the key is known or suspected to have become invalid.
    pub invalidity_date: Option<UnixTime>,
    /// Who requested it, as text.
    pub principal: String,
}

/// Answer to [`revoke`](super::Ledger::revoke).
#[derive(Clone, Debug)]
pub enum Revoked {
    /// Revoked by this call.
    Now(Box<CertificateRecord>),
    /// Revoked before: the record contains when and why.
    Already(Box<CertificateRecord>),
}

/// What a ledger has about a serial number. Untrusted: callers verify it with the CA's key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What is recorded as its certificate, DER; one for each place that has some.
    pub certificates: Vec<Vec<u8>>,
    /// Whether it is recorded as that of an intent that was given up, which has no certificate.
    pub given_up: bool,
}

/// A list's entry for a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The reason.
    pub reason: RevocationReason,
    /// The notAfter of its certificate, according to the list: CRLs leave out what ended long ago.
    pub not_after: UnixTime,
}

/// One step of the search for revocations that a record has and no list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// Certificates whose record says that they are revoked while the issuer's list lacks them, or has another reason.
    pub certificates: Vec<CertificateRecord>,
    /// Descriptions of records that claim a revocation of nothing that can be revoked (at most 100).
    pub damaged: Vec<String>,
    /// Where the next step begins; `None`: this one reached the end, and the next starts again.
    pub next: Option<Cursor>,
}

/// A certificate that is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToRevoke {
    /// Its record. The certificate's octets may be missing, where they cannot be read.
    pub record: CertificateRecord,
    /// A description of the ledger's rows that are inconsistent: it can be revoked all the same, but the operator has
    /// to check it.
    pub damaged: Option<String>,
}

/// A certificate that is affected if another's key is compromised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The certificate.
    pub record: CertificateRecord,
    /// Whether it has the same key; otherwise it descends from one that has, by renewal.
    pub same_key: bool,
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

/// Why a certificate cannot be renewed, where only the ledger can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRenewable {
    /// This certificate is revoked: the one to be renewed, or one that it descends from by renewal.
    Revoked(Serial),
    /// It has a successor that is neither expired nor revoked.
    Renewed {
        /// The successor.
        successor: Serial,
        /// The successor's notAfter.
        until: UnixTime,
    },
    /// It is the result of [`RENEWALS`](super::RENEWALS) renewals in a row.
    TooOften,
    /// Its key is blocked, and proves nothing any longer.
    KeyBlocked,
}

/// The newest rejections that a ledger keeps at least. It may forget older ones, since any requester can cause as many
/// as they like; the log has them too.
pub const REJECTIONS_KEPT: usize = 100_000;

/// The newest CRLs of one scope, with their intents, that a ledger keeps at least, in addition to the newest published
/// one. Older ones influence no decision any more; that their numbers were assigned is never forgotten.
pub const CRLS_KEPT: usize = 128;

/// Days for which a ledger that forgets rejections by age keeps them at least.
pub const REJECTION_DAYS: i64 = 90;

/// Characters that are kept of a rejection's reason, which quotes the request and may be long.
pub const REASON_KEPT: usize = 1_000;

/// A request that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// When.
    pub at: UnixTime,
    /// Who asked, as text.
    pub principal: String,
    /// The common name asked for, shortened to 255 characters.
    pub common_name: Option<String>,
    /// A stable error code: `bad_signature`, `weak_key`, …
    pub code: String,
    /// The message in the answer.
    pub reason: String,
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

/// Counts for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Certificates issued.
    pub issued: u64,
    /// Certificates revoked (given-up intents included).
    pub revoked: u64,
    /// Intents open.
    pub open_intents: u64,
    /// Requests rejected.
    pub rejected: u64,
}

impl TokenDigest {
    /// The digest of a principal's token.
    pub fn of(principal: &str, token: &IdempotencyToken) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&(principal.len() as u64).to_be_bytes());
        context.update(principal.as_bytes());
        context.update(token.0.as_bytes());
        let mut octets = [0; 32];
        octets.copy_from_slice(context.finish().as_ref());
        Self(octets)
    }
}

impl IntentCode {
    /// Octets of [`to_octets`](Self::to_octets).
    pub const LENGTH: usize = 64;

    /// Nonce and code, one after the other.
    pub fn to_octets(&self) -> [u8; Self::LENGTH] {
        let mut octets = [0; Self::LENGTH];
        octets[..32].copy_from_slice(&self.nonce.0);
        octets[32..].copy_from_slice(&self.code);
        octets
    }

    /// Parses [`to_octets`](Self::to_octets); `None` where the length is another.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let (nonce, code) = octets.split_at_checked(32)?;
        Some(Self {
            nonce: IntentNonce(nonce.try_into().ok()?),
            code: code.try_into().ok()?,
        })
    }
}

impl CertificateIntent {
    /// The digest of its token, if it has one.
    pub fn token_digest(&self) -> Option<TokenDigest> {
        let principal = self.principal.to_string();
        self.token.as_ref().map(|token| TokenDigest::of(&principal, token))
    }

    /// The same as an open intent.
    pub fn as_open(&self) -> OpenIntent {
        OpenIntent {
            id: self.id.clone(),
            kind: self.kind.clone(),
            common_name: self.common_name.clone(),
            profile: self.profile.clone(),
            renews: self.renews.clone(),
            key: self.key,
            tbs: self.tbs.clone(),
            not_before: self.not_before,
            not_after: self.not_after,
            shard: self.shard,
            principal: self.principal.to_string(),
            token: self.token_digest(),
            token_origin: self.token_origin,
            notify_expiry: self.notify_expiry,
            reserved_at: self.at,
            authentication: self.authentication,
        }
    }
}

impl OpenIntent {
    /// Whether its caller can repeat the request: it has a token, made by the caller.
    pub fn has_token(&self) -> bool {
        self.token.is_some() && self.token_origin == TokenOrigin::Caller
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.issuer, self.serial)
    }
}
