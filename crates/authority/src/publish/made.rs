//! A CRL that was made, and one that was published.

use std::collections::HashSet;

use chancery_x509::crl::RevokedEntry;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::due::BACKDATE;
use super::spool::WholeCrl;
use crate::port::ledger::CrlRecord;

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

/// A CRL that was recorded.
pub(super) struct Made {
    pub(super) crl: WholeCrl,
    pub(super) record: CrlRecord,
    pub(super) damaged: Vec<String>,
    pub(super) seen: HashSet<Serial>,
    /// Entries that the published CRL has and the ledger lacks, with the known ends of their certificates.
    pub(super) kept: Vec<(RevokedEntry, Option<UnixTime>)>,
}

impl Made {
    pub(super) fn published(self, superseded_by: Option<u64>) -> (PublishedCrl, HashSet<Serial>) {
        let crl = PublishedCrl {
            number: self.record.number,
            this_update: self.record.this_update,
            next_update: self.record.next_update,
            entries: self.record.entries,
            damaged: self.damaged,
            superseded_by,
        };
        (crl, self.seen)
    }
}
