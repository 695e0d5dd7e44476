//! The entries of one CRL, made from the ledger's: times are adjusted to what a CRL allows, and the
//! serial numbers that callers wait for are recorded when they occur.
//!
//! What the published CRL lists stays listed until the end of its certificate is verified and long past. Entries that
//! the ledger lost, for whatever reason, are taken from that CRL, whose signature the CA's own key verifies.
//!
//! The CRL's length is computed from totals over the entries as they are written, so there is one pass over the entries
//! before the first is written.

use std::collections::HashSet;
use std::io;

use chancery_x509::crl::{RevocationList, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::port::ledger::RevokedEntries;

/// Most descriptions of damage.
const DESCRIBED: usize = 100;

/// The years 1 to 9999, which times in a CRL can express (RFC 5280 section 4.1.2.5.2).
const FIRST: UnixTime = UnixTime(-62_135_596_800);
const LAST: UnixTime = UnixTime(253_402_300_799);

/// The entries of one CRL.
pub(super) struct Listing {
    inner: Box<dyn RevokedEntries>,
    this_update: UnixTime,
    entries: u64,
    octets: u64,
    seen: HashSet<Serial>,
    /// Entries that the published CRL has and the ledger lacks, by serial number.
    missing: Vec<RevokedEntry>,
    damaged: Vec<String>,
}

impl Listing {
    /// Makes one pass over the entries: counts them, looks for the awaited ones, and compares with those of the
    /// published CRL.
    pub(super) fn new(
        mut inner: Box<dyn RevokedEntries>,
        this_update: UnixTime,
        awaited: &HashSet<Serial>,
        published: Option<&RevocationList>,
    ) -> io::Result<Self> {
        let mut published = published.into_iter().flat_map(in_order).peekable();
        let (mut entries, mut octets, mut seen, mut missing) = (0, 0, HashSet::new(), Vec::new());
        inner.for_each(&mut |entry| {
            entries += 1;
            octets += fit(entry, this_update).encoded_len() as u64;
            if awaited.contains(&entry.serial) {
                seen.insert(entry.serial);
            }
            while let Some(before) = published.next_if(|before| before.serial <= entry.serial) {
                if before.serial < entry.serial {
                    missing.push(before);
                }
            }
            Ok(())
        })?;
        missing.extend(published);
        let damaged = inner.damaged().to_vec();
        Ok(Self {
            inner,
            this_update,
            entries,
            octets,
            seen,
            missing,
            damaged,
        })
    }

    /// Adds a description of other damage.
    pub(super) fn note(&mut self, wrong: String) {
        self.damaged.push(wrong);
    }

    /// Serial numbers that the published CRL lists and the ledger lacks.
    pub(super) fn missing(&self) -> Vec<Serial> {
        self.missing.iter().map(|entry| entry.serial).collect()
    }

    /// Keeps the missing entries that `stays` selects, reports those that `is_damage` selects, and returns what is
    /// kept.
    pub(super) fn keep(
        &mut self,
        mut stays: impl FnMut(Serial) -> bool,
        is_damage: impl Fn(Serial) -> bool,
    ) -> Vec<RevokedEntry> {
        self.missing.retain(|entry| stays(entry.serial));
        for entry in &self.missing {
            self.entries += 1;
            self.octets += fit(entry, self.this_update).encoded_len() as u64;
            if self.damaged.len() < DESCRIBED && is_damage(entry.serial) {
                self.damaged.push(format!(
                    "serial number {} is on the published CRL, and the ledger does not list it",
                    entry.serial
                ));
            }
        }
        self.missing.clone()
    }

    /// Those of the awaited serial numbers that are listed.
    pub(super) fn seen(&self) -> &HashSet<Serial> {
        &self.seen
    }
}

/// The entries up to the first unreadable one, by serial number and without duplicates: streamed from the CRL if it is
/// in that order, as this authority's are; a CRL that other software made with the CA's key is sorted in memory.
fn in_order(list: &RevocationList) -> Box<dyn Iterator<Item = RevokedEntry> + '_> {
    let entries = || list.entries().map_while(Result::ok);
    if entries().is_sorted_by(|entry, next| entry.serial < next.serial) {
        return Box::new(entries());
    }
    let mut sorted: Vec<_> = entries().collect();
    sorted.sort_unstable_by_key(|entry| entry.serial);
    sorted.dedup_by_key(|entry| entry.serial);
    Box::new(sorted.into_iter())
}

/// Limits an entry's dates to thisUpdate and to what a CRL can express, so that one bad time stops no CRL.
fn fit(entry: &RevokedEntry, this_update: UnixTime) -> RevokedEntry {
    RevokedEntry {
        revoked_at: entry.revoked_at.clamp(FIRST, this_update),
        invalidity_date: entry.invalidity_date.filter(|date| (FIRST..=LAST).contains(date)),
        ..*entry
    }
}

impl RevokedEntries for Listing {
    fn entries(&self) -> u64 {
        self.entries
    }

    fn octets(&self) -> u64 {
        self.octets
    }

    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
        let this_update = self.this_update;
        let mut kept = self.missing.iter().peekable();
        self.inner.for_each(&mut |entry| {
            while let Some(before) = kept.next_if(|before| before.serial < entry.serial) {
                each(&fit(before, this_update))?;
            }
            each(&fit(entry, this_update))
        })?;
        kept.try_for_each(|before| each(&fit(before, this_update)))
    }

    fn damaged(&self) -> &[String] {
        &self.damaged
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use chancery_x509::crl::RevocationReason;

    use super::*;
    use crate::publish::spool::WholeCrl;
    use crate::publish::testing::{Many, NOW, Root, entry, on_disk, process_memory, whole};

    #[test]
    fn times_are_made_fit_and_nothing_is_left_out() {
        let dated = |revoked_at, invalidity_date| RevokedEntry {
            serial: Serial::from_octets(&[1]).unwrap(),
            revoked_at: UnixTime(revoked_at),
            reason: RevocationReason::Superseded,
            invalidity_date,
        };
        let now = UnixTime(1_795_464_000);
        for (revoked_at, expected) in [
            (now.0 - 1, now.0 - 1),
            (now.0 + 1, now.0),
            (300_000_000_000, now.0),
            (i64::MAX, now.0),
            (i64::MIN, FIRST.0),
        ] {
            let fitted = fit(&dated(revoked_at, None), now);
            assert_eq!(fitted.revoked_at.0, expected, "{revoked_at}");
        }
        for (date, stays) in [
            (0, true),
            (LAST.0, true),
            (99_999_999_999_999, false),
            (i64::MIN, false),
        ] {
            let fitted = fit(&dated(0, Some(UnixTime(date))), now);
            assert_eq!(fitted.invalidity_date.is_some(), stays, "{date}");
        }
    }

    /// The serial numbers in a CRL with these entries that an empty ledger lacks.
    fn missing(entries: &[u64]) -> Vec<Serial> {
        struct Given(Vec<u64>);
        impl RevokedEntries for Given {
            fn entries(&self) -> u64 {
                self.0.len() as u64
            }
            fn octets(&self) -> u64 {
                self.entries() * entry(0).encoded_len() as u64
            }
            fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
                self.0.iter().try_for_each(|number| each(&entry(*number)))
            }
            fn damaged(&self) -> &[String] {
                &[]
            }
        }
        let scratch = Box::new(Cursor::new(Vec::new()));
        let crl = whole(&Root::new(), &mut Given(entries.to_vec()), scratch);
        let list = RevocationList::from_file(der(&crl)).unwrap();
        let listing = Listing::new(Box::new(Many(0)), NOW, &HashSet::new(), Some(&list)).unwrap();
        listing.missing()
    }

    fn der(crl: &WholeCrl) -> Vec<u8> {
        let mut der = Vec::new();
        crl.der().unwrap().read_to_end(&mut der).unwrap();
        der
    }

    #[test]
    fn a_published_crl_in_any_order_is_compared_by_serial_number() {
        let serials = [1, 5, 300].map(|number| entry(number).serial);
        for entries in [&[1, 5, 300][..], &[300, 1, 5], &[5, 5, 300, 1, 300]] {
            assert_eq!(missing(entries), serials, "{entries:?}");
        }
        assert_eq!(missing(&[]), []);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_long_published_crl_is_compared_in_no_more_memory_than_it_takes() {
        let root = Root::new();
        let compare = |entries| {
            let crl = whole(&root, &mut Many(entries), on_disk());
            let file = der(&crl);
            let before = process_memory("VmRSS:");
            // Resets VmHWM to the current value (proc(5)).
            std::fs::write("/proc/self/clear_refs", "5").unwrap();
            let list = RevocationList::from_file(file).unwrap();
            assert!(list.is_signed_by(root.ca.issuer.public_key()));
            let listing = Listing::new(Box::new(Many(entries)), NOW, &HashSet::new(), Some(&list)).unwrap();
            assert_eq!(listing.missing(), []);
            process_memory("VmHWM:").saturating_sub(before)
        };
        // A warm-up pass, so that code is loaded already.
        compare(3_000);
        let grown = compare(300_000);
        assert!(grown < 2048, "{grown} KiB beside the file");
    }
}
