//! A CRL that was made.

use std::collections::HashSet;

use chancery_x509::crl::RevokedEntry;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::published::PublishedCrl;
use super::spool::WholeCrl;
use crate::port::ledger::CrlRecord;

/// A CRL that was recorded.
pub(super) struct RecordedCrl {
    pub(super) crl: WholeCrl,
    pub(super) record: CrlRecord,
    pub(super) damaged: Vec<String>,
    pub(super) seen: HashSet<Serial>,
    /// Entries that the published CRL has and the ledger lacks, with the known ends of their certificates.
    pub(super) kept: Vec<(RevokedEntry, Option<UnixTime>)>,
}

impl RecordedCrl {
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
