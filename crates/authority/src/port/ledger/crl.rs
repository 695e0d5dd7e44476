//! What the ledger keeps of CRLs.

use chancery_x509::time::UnixTime;

use super::Revocations;
use crate::ca_name::CaName;
use crate::port::keystore::Receipt;
use crate::port::publication::ETag;

/// Which CRL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrlScope {
    /// The CA.
    pub issuer: CaName,
    /// `None`: certificates without a shard; else that shard.
    pub shard: Option<u16>,
}

/// A mark of what is revoked in one scope: another one after every revocation, whoever recorded it. Opaque, made by the
/// ledger; two are compared for equality and nothing else, so that no clock has a say in what a CRL covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeMark(pub String);

/// What a CRL is to be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlPlan {
    /// When it is made. It stands for the time of a revocation whose own cannot be read.
    pub at: UnixTime,
    /// Revocations of certificates whose notAfter is before this are left out; `None`: none is.
    pub expired_before: Option<UnixTime>,
    /// A number that its own must exceed, beside all that the ledger gave out: it was seen in a published CRL, or in a record.
    pub above: u64,
    /// The highest number that a counter is believed to have come to. One that says more was set by somebody: it counts for
    /// nothing, and goes on above [`above`](Self::above).
    pub at_most: u64,
}

/// A CRL number and what goes into that CRL.
pub struct CrlReservation {
    /// Greater than every number reserved for this scope before, and than [`CrlPlan::above`]; but for what is told next.
    pub number: u64,
    /// What the counter said, where that was more than [`CrlPlan::at_most`].
    pub not_believed: Option<u64>,
    /// Of a moment that is not after the view's: what was revoked up to it is in the view.
    pub mark: ChangeMark,
    /// The entries.
    pub revocations: Box<dyn Revocations>,
}

/// The intent to sign one CRL. Until the CRL is recorded, a signature may exist that nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlIntent {
    /// Which.
    pub scope: CrlScope,
    /// cRLNumber.
    pub number: u64,
    /// What is signed: the digest of the TBSCertList, or µ where the algorithm wants that.
    pub signing_input: Vec<u8>,
    /// When.
    pub at: UnixTime,
}

/// A CRL that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlRecord {
    /// Which.
    pub scope: CrlScope,
    /// cRLNumber.
    pub number: u64,
    /// When it was made.
    pub made_at: UnixTime,
    /// thisUpdate: a little before that, for verifiers whose clocks are behind.
    pub this_update: UnixTime,
    /// When the next is due.
    pub next_update: UnixTime,
    /// Entries in it.
    pub entries: u64,
    /// SHA-256 of the DER.
    pub digest: [u8; 32],
    /// The key store's receipt.
    pub receipt: Receipt,
    /// What it covers; `None`: it was recorded by a version that did not note that.
    pub mark: Option<ChangeMark>,
    /// Version under which it was published; `None`: not yet, or it could not be noted.
    pub published: Option<ETag>,
}

/// How it is with the CRLs of one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrlState {
    /// The mark of what is revoked now.
    pub mark: ChangeMark,
    /// The highest number of an intent or a CRL that is recorded; zero: there is none.
    pub number: u64,
    /// The newest CRL that was signed.
    pub latest: Option<CrlRecord>,
    /// The newest one that is known to have been published.
    pub published: Option<CrlRecord>,
    /// When the oldest change was made that the newest published one does not cover, or a time before; `None`: there is no such
    /// change, or the ledger does not know when. One of which CRLs are made by the clock, and not by what was revoked, need not
    /// know.
    pub changed_at: Option<UnixTime>,
}

impl CrlState {
    /// Whether something was revoked, or given up, that the newest published CRL does not cover, or there is none.
    pub fn has_changes(&self) -> bool {
        let covered = self.published.as_ref().and_then(|crl| crl.mark.as_ref());
        covered != Some(&self.mark)
    }
}

/// That certificates name a CRL. Recorded before the first of them is signed, so that the CRL is published as long as one of
/// them lives, whatever the configuration has become.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrlUse {
    /// The CRL that their revocation stands on.
    pub scope: CrlScope,
    /// The URL of the distribution point in them; `None`: they have none.
    pub url: Option<String>,
    /// None of them ends after this.
    pub until: UnixTime,
}
