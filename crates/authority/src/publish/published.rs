//! A CRL that was published.

use chancery_x509::time::UnixTime;

/// Seconds by which thisUpdate precedes the making of a CRL, like notBefore of certificates: a verifier whose clock is
/// slightly behind refuses a CRL from the future, and with it every certificate.
pub(super) const BACKDATE: i64 = 300;

/// A CRL that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedCrl {
    /// Its number.
    pub number: u64,
    /// thisUpdate, slightly before it was made.
    pub this_update: UnixTime,
    /// nextUpdate, by which the next one is published.
    pub next_update: UnixTime,
    /// Number of entries.
    pub entries: u64,
    /// Descriptions of what the ledger could not read (at most 100). Entries whose serial number could be read are
    /// listed.
    pub damaged: Vec<String>,
    /// The number of a CRL that another process published meanwhile, if any: it was reserved later than this one,
    /// covers the same revocations, and replaces it.
    pub superseded_by: Option<u64>,
}

impl PublishedCrl {
    /// When it was made.
    pub fn made_at(&self) -> UnixTime {
        self.this_update.plus_seconds(BACKDATE)
    }
}
