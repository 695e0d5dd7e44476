//! Intents: what is about to be signed is recorded first, and becomes a certificate, or is given up.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::digest;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{Attempt, AttemptOrigin, AttemptPosition, AttemptSubject, CertificateRecord, LedgerError};
use crate::ca_name::CaName;
use crate::port::intent_keys::IntentNonce;
use crate::port::keystore::{KeyName, Receipt};
use crate::principal::Principal;

/// Intents to sign certificates. An intent is reserved and later completed or given up, each in one transaction.
#[async_trait]
pub trait Intents: Send + Sync {
    /// Records the intent to sign a certificate, with its serial, key claim, idempotency token and
    /// [first attempt](CertificateIntent::first_attempt), in one transaction.
    /// When this returns [`Reservation::New`], the intent survives a crash and no other intent can take the serial, the
    /// key (unless that intent allows reuse), the token, or, for a CA's certificate, its name.
    ///
    /// The transaction itself checks whether the issuer's certificate, or that of a CA above it, is revoked, and then
    /// refuses with [`LedgerError::IssuerRevoked`]; what was read earlier does not count. Where the record that would
    /// show this is missing, it refuses with [`LedgerError::no_record_of_ca`].
    ///
    /// An issuer whose recorded state is not active is refused with [`LedgerError::IssuerNotActive`]; a root signs its own
    /// first certificate whatever its state.
    ///
    /// While issuance is [frozen](super::Freezes), every intent is refused with [`LedgerError::Frozen`].
    ///
    /// A blocked key is refused with [`LedgerError::KeyBlocked`], whatever the intent allows and whatever its name. An
    /// intent that renews is refused with [`LedgerError::NotRenewable`] where its predecessor or an ancestor of that is
    /// revoked, or where the predecessor has a successor that is neither expired at the intent's time nor revoked (an
    /// open intent counts), and with [`LedgerError::NotFound`] where the predecessor was never issued. The result of
    /// the token's earlier request takes precedence over all of these.
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError>;

    /// Turns an open intent into a certificate, and records its receipt as the attempt's outcome. When this returns `Ok`, the certificate survives a crash, and
    /// [`Certificates`](super::Certificates) find it. A second call for one intent, or one after
    /// [`mark_lost`](Self::mark_lost), gets [`LedgerError::NoOpenIntent`].
    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError>;

    /// Gives up an open intent: its serial is listed as revoked at that time without a reason (a signature may exist),
    /// and its key and token are free again. For a CA's certificate the name is free again too.
    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError>;

    /// Open intents for certificates reserved before `before`, in the order of their [positions](OpenIntent::position),
    /// starting after `after`, at most `limit`. A result of fewer is complete. An intent that cannot be read is
    /// reported beside the others and does not stop the listing.
    async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError>;
}

impl CertificateIntent {
    /// Whether it is that of a root's own first certificate, which the root signs.
    pub fn signs_itself(&self) -> bool {
        self.renews.is_none() && matches!(&self.kind, Kind::Ca { ca_name, .. } if *ca_name == self.id.issuer)
    }
}

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
    /// A CA's own: the first one, whose completion makes the CA, or one that renews the CA's present certificate
    /// ([`CertificateIntent::renews`]) for the same key, and takes its place when it is completed.
    Ca {
        /// The CA's name.
        ca_name: CaName,
        /// The CA above; `None` for a root.
        parent: Option<CaName>,
        /// Its key.
        key: KeyName,
    },
    /// A cross-certificate: for a CA that has a certificate of another issuer, of this authority or of another one.
    /// Completing it makes no CA.
    CrossCertificate,
}

impl Kind {
    /// Whether such a certificate has the powers of a CA.
    pub fn is_ca(&self) -> bool {
        match self {
            Self::Leaf => false,
            Self::Ca { .. } | Self::CrossCertificate => true,
        }
    }
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
    /// What is signed: the digest of the TBSCertificate, or µ where the algorithm requires that.
    pub signing_input: Vec<u8>,
    /// The first attempt to sign it.
    pub attempt: AttemptOrigin,
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

/// Answer to [`reserve`](Intents::reserve).
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
    /// Who requested it.
    pub principal: Principal,
    /// Digest of the principal's token, if any.
    pub token: Option<TokenDigest>,
    /// Who made the token.
    pub token_origin: TokenOrigin,
    /// Whether to send reminders before it expires.
    pub notify_expiry: bool,
    /// When it was reserved.
    pub reserved_at: UnixTime,
    /// How many attempts to sign it are recorded; zero: a former version reserved it, which may have made some.
    pub attempts: u32,
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
    /// Names of those that cannot be read, and what is wrong with them; at most [`UNREADABLE_REPORTED`]. One may be
    /// reported by two consecutive pages.
    pub unreadable: Vec<String>,
}

/// Most unreadable intents that are reported: an attacker who can write to a ledger must not be able to fill its
/// reader's memory.
pub const UNREADABLE_REPORTED: usize = 1_000;

impl OpenIntents {
    /// Adds one that cannot be read.
    pub fn add_unreadable(&mut self, what: impl Into<String>) {
        if self.unreadable.len() < UNREADABLE_REPORTED {
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
    /// The attempt that made the signature; `None`: the certificate was found, and was not signed now.
    pub attempt: Option<AttemptPosition>,
    /// When it was signed.
    pub at: UnixTime,
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
    /// It is the result of [`RENEWALS`] renewals in a row.
    TooOften,
    /// Its key is blocked, and proves nothing any longer.
    KeyBlocked,
    /// It is a CA's, and not the CA's present one.
    Replaced,
}

impl fmt::Display for NotRenewable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked(serial) => write!(
                f,
                "{serial} is revoked, and what descends from it by renewal is not renewed"
            ),
            Self::Renewed { successor, until } => {
                write!(
                    f,
                    "it was renewed, by {successor}, which is valid until {until}, or is being renewed"
                )
            }
            Self::TooOften => f.write_str("it is the result of too many renewals in a row"),
            Self::KeyBlocked => f.write_str("its key is compromised"),
            Self::Replaced => f.write_str("it is not the present certificate of its CA"),
        }
    }
}

/// Most renewals in a row: bounds the walk over a certificate's ancestors and descendants. A certificate of one day's
/// lifetime that is renewed at two thirds of it reaches this after 18 years.
pub const RENEWALS: u32 = 10_000;

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
            principal: self.principal.clone(),
            token: self.token_digest(),
            token_origin: self.token_origin,
            notify_expiry: self.notify_expiry,
            reserved_at: self.at,
            attempts: 1,
            authentication: self.authentication,
        }
    }

    /// The first attempt to sign it, as the reservation records it.
    pub fn first_attempt(&self) -> Attempt {
        Attempt {
            origin: self.attempt.clone(),
            subject: AttemptSubject::of_certificate(self.id.clone(), &self.kind),
            number: 1,
            signing_input: self.signing_input.clone(),
            principal: Some(self.principal.to_string()),
            at: self.at,
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
