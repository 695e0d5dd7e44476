//! What the ledger keeps.

use std::fmt;

use aws_lc_rs::digest;
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::ca_name::CaName;
use crate::port::intent_keys::IntentNonce;
use crate::port::keystore::{KeyName, Receipt};
use crate::principal::Principal;

/// Names an intent: the issuer's name and the serial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IntentId {
    /// Who signs.
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

/// SHA-256 over a principal and a token of theirs: names the token without telling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

/// What shows that an intent was made by somebody who may prepare certificates: HMAC-SHA-256 over everything that decides it,
/// under the key of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntentCode {
    /// Which key.
    pub nonce: IntentNonce,
    /// The code.
    pub code: [u8; 32],
}

/// Who made a token, and so whether anybody can come back with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenOrigin {
    /// The caller, who knows it and can repeat the request with it.
    #[default]
    Caller,
    /// The runtime, for one invocation: it repeats that by itself, if at all, and nobody else can.
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
    /// Who asked.
    pub principal: Principal,
    /// Their token, if any.
    pub token: Option<IdempotencyToken>,
    /// Who made the token; of no meaning without one.
    pub token_origin: TokenOrigin,
    /// SHA-256 of the request, so that a token is not reused for another one.
    pub request_digest: [u8; 32],
    /// Whether its expiry is to be told.
    pub notify_expiry: bool,
    /// When it was reserved.
    pub at: UnixTime,
    /// Its authentication code, kept as it is while the intent is open.
    pub authentication: Option<IntentCode>,
}

/// Answer to [`reserve`](super::Ledger::reserve).
#[derive(Clone, Debug)]
pub enum Reservation {
    /// Reserved: sign.
    New,
    /// This token's request is already complete: answer with that.
    Completed(Box<CertificateRecord>),
    /// This token's request is reserved and not complete: somebody is at it, or a crash left it for the sweeper.
    Open(Box<OpenIntent>),
}

/// An intent that is neither complete nor lost, as the ledger has it: a claim, until its code and its TBSCertificate were
/// looked at.
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
    /// Who asked, as text.
    pub principal: String,
    /// Their token, if any.
    pub token: Option<TokenDigest>,
    /// Who made the token.
    pub token_origin: TokenOrigin,
    /// Whether its expiry is to be told.
    pub notify_expiry: bool,
    /// When it was reserved.
    pub reserved_at: UnixTime,
    /// Its authentication code; intents of former versions have none.
    pub authentication: Option<IntentCode>,
}

impl OpenIntent {
    /// Where it stands among the open ones.
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
    /// What those are called that cannot, and what is wrong with them; at most [`UNREADABLE_TOLD`]. One may be told with the
    /// step before and the step after.
    pub unreadable: Vec<String>,
}

/// Intents that cannot be read and are told of at most: whoever can write to a ledger must not be able to fill its reader's
/// memory.
pub const UNREADABLE_TOLD: usize = 1_000;

impl OpenIntents {
    /// Tells of one that cannot be read.
    pub fn add_unreadable(&mut self, what: impl Into<String>) {
        if self.unreadable.len() < UNREADABLE_TOLD {
            self.unreadable.push(what.into());
        }
    }
}

/// Where an intent stands among the open ones: they are listed by time, and those of one second by serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenPosition {
    /// When it was reserved.
    pub reserved_at: UnixTime,
    /// Its serial number.
    pub serial: Serial,
}

impl OpenPosition {
    /// Behind everything that was reserved until then, that second included.
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
    /// When.
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
    /// The certificate that it renewed. Those that were issued before this was recorded have none.
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
    /// Who asked, as text.
    pub principal: String,
    /// The key store's receipt.
    pub receipt: Receipt,
    /// When it was issued.
    pub issued_at: UnixTime,
    /// Whether and why it was revoked.
    pub revocation: Option<Revocation>,
    /// Whether its expiry is to be told.
    pub notify_expiry: bool,
    /// When reminders were sent, oldest first.
    pub reminders: Vec<UnixTime>,
}

/// A CA that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRecord {
    /// Its name.
    pub ca_name: CaName,
    /// The CA above; `None` for a root.
    pub parent: Option<CaName>,
    /// Its key.
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
    /// When the key is known or thought to have become invalid.
    pub invalidity_date: Option<UnixTime>,
    /// Who asked, as text.
    pub principal: String,
}

/// Answer to [`revoke`](super::Ledger::revoke).
#[derive(Clone, Debug)]
pub enum Revoked {
    /// Now.
    Now(Box<CertificateRecord>),
    /// Earlier: the record says when and why.
    Already(Box<CertificateRecord>),
}

/// What a ledger has to show of a serial number. It is a claim: whoever goes by it checks it with the CA's key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What is said to be its certificate, DER; one for each place that has some.
    pub certificates: Vec<Vec<u8>>,
    /// Whether it is said to be of an intent that was given up: there is no certificate then.
    pub given_up: bool,
}

/// What a list has of a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The reason.
    pub reason: RevocationReason,
    /// The end of its certificate, as the list says: CRLs leave out what ended long ago.
    pub not_after: UnixTime,
}

/// What one look at the ledger's own records came to, for revocations that no list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// Certificates of which a record says that they are revoked and the issuer's list does not, or not for that reason.
    pub certificates: Vec<CertificateRecord>,
    /// Records that say so of nothing that can be revoked, in words (at most 100).
    pub damaged: Vec<String>,
    /// Where the next look begins; `None`: this one came to the end, and the next begins anew.
    pub next: Option<Cursor>,
}

/// A certificate that is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToRevoke {
    /// Its record. Its own octets may be missing, where they cannot be read.
    pub record: CertificateRecord,
    /// What the ledger has of it that does not fit, in words: it can be revoked all the same, and somebody has to look.
    pub damaged: Option<String>,
}

/// A certificate that shares another one's fate, should that one's key be compromised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The certificate.
    pub record: CertificateRecord,
    /// Whether it has the same key; otherwise it descends from one that has, by renewal.
    pub same_key: bool,
}

/// Who has a key, as far as a reservation is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// Nobody.
    Free,
    /// Certificates or open intents of that common name, of which this was the first.
    Held(String),
    /// A certificate of it was revoked because the key is compromised: it is certified for nobody.
    Blocked,
}

/// Why a certificate cannot be renewed, as only the ledger knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRenewable {
    /// It, or a certificate that it descends from by renewal, is revoked: that one.
    Revoked(Serial),
    /// It has a successor that is neither expired nor revoked.
    Renewed {
        /// The successor.
        successor: Serial,
        /// The successor's end.
        until: UnixTime,
    },
    /// It stands at the end of [`RENEWALS`] renewals.
    TooOften,
    /// Its key is blocked, and proves nothing any more.
    KeyBlocked,
}

/// Rejections that are kept at least: the newest so many. Older ones may be forgotten, since whoever may ask can have as many
/// recorded as they like; the log has them too.
pub const REJECTIONS_KEPT: usize = 100_000;

/// CRLs of one scope that are kept at least, with what was recorded before each was signed: the newest so many, and the newest
/// that was published. Older ones decide nothing any more; that their numbers were given out is never forgotten.
pub const CRLS_KEPT: usize = 128;

/// Days for which rejections are kept at least, by a ledger that forgets them by their age.
pub const REJECTION_DAYS: i64 = 90;

/// Characters of a rejection's reason that are kept: it quotes the request, which may be long.
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
    /// A stable code: `bad_signature`, `weak_key`, …
    pub code: String,
    /// The message that was answered.
    pub reason: String,
}

/// What to search for: all given conditions hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Issuer.
    pub issuer: Option<CaName>,
    /// Common name: exactly, or with `*` at its end a beginning. Letter case counts.
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
    /// Certificates revoked (lost intents included).
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

    /// The same read back; `None` where that is not their length.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let (nonce, code) = octets.split_at_checked(32)?;
        Some(Self {
            nonce: IntentNonce(nonce.try_into().ok()?),
            code: code.try_into().ok()?,
        })
    }
}

impl CertificateIntent {
    /// Its token, if it has one.
    pub fn token_digest(&self) -> Option<TokenDigest> {
        let principal = self.principal.to_string();
        self.token.as_ref().map(|token| TokenDigest::of(&principal, token))
    }

    /// It as it is while it is open.
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
    /// Whether its caller can come back for the certificate: it has a token, and that is the caller's own.
    pub fn has_token(&self) -> bool {
        self.token.is_some() && self.token_origin == TokenOrigin::Caller
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.issuer, self.serial)
    }
}
