//! No serial number is listed twice.
//!
//! Sorted lists of any length are checked in one pass. Others must be sorted, which takes memory: beyond 10,000 entries
//! only adjacent duplicates are found. Indirect CRLs are skipped: serial numbers of different issuers may be equal.

use crate::report::hex;
use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_duplicate_serial",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1.2.6",
    summary: "No serial number is there twice.",
    check: Check::CrlEntries(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    const SORTED: usize = 10_000;
    if crl.is_indirect() {
        return None;
    }
    let serials = || crl.entries().map_while(Result::ok).map(|entry| entry.serial);
    // Minimal positive INTEGERs are ordered by length, then by their octets.
    let ascends = |a: &[u8], b: &[u8]| (a.len(), a) < (b.len(), b);
    if serials().is_sorted_by(|a, b| ascends(a, b)) {
        return None;
    }
    let mut sorted: Vec<_> = serials().take(SORTED + 1).collect();
    if sorted.len() > SORTED {
        let adjacent = serials().zip(serials().skip(1)).find(|(a, b)| a == b)?;
        return Some(format!("the serial number {} is there twice", hex(adjacent.0)));
    }
    sorted.sort_unstable();
    let pair = sorted.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(format!("the serial number {} is there twice", hex(pair[0])))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, entry};

    use super::RULE;

    #[test]
    fn different_ones_pass() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn descending_ones_pass() {
        assert_passes(
            &RULE,
            &CrlParts {
                entries: vec![entry(&[2], "250301000000Z", &[]), entry(&[1], "250301000000Z", &[])],
                ..CrlParts::full()
            }
            .lint(),
        );
    }

    #[test]
    fn neighbours_are_found() {
        assert_found(
            &RULE,
            &CrlParts {
                entries: vec![entry(&[1], "250301000000Z", &[]), entry(&[1], "250301000000Z", &[])],
                ..CrlParts::full()
            }
            .lint(),
        );
    }

    #[test]
    fn others_are_found() {
        assert_found(
            &RULE,
            &CrlParts {
                entries: [1, 3, 2, 1]
                    .iter()
                    .map(|&serial| entry(&[serial], "250301000000Z", &[]))
                    .collect(),
                ..CrlParts::full()
            }
            .lint(),
        );
    }

    #[test]
    fn neighbours_are_found_in_long_unsorted_lists() {
        assert_found(
            &RULE,
            &CrlParts {
                entries: (0..10_002)
                    .map(|n: u16| {
                        entry(
                            &[&[1][..], &(20_000 - n / 2).to_be_bytes()].concat(),
                            "250301000000Z",
                            &[],
                        )
                    })
                    .collect(),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
