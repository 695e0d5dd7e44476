//! Any entries, and any octets.

use chancery_x509::crl::{Coverage, CrlHeader, CrlWriter, RevocationList, RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use proptest::prelude::*;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use super::{read_all, stored_issuer};
use crate::authority::{Authority, NOW};

fn any_entry() -> impl Strategy<Value = RevokedEntry> {
    (
        prop::collection::vec(any::<u8>(), 1..=20),
        -62_167_219_200_i64..253_402_300_800,
        prop::sample::select(&RevocationReason::ALL[..]),
        prop::option::of(-62_167_219_200_i64..253_402_300_800),
    )
        .prop_filter_map(
            "a serial is positive",
            |(serial, revoked_at, reason, invalidity_date)| {
                Some(RevokedEntry {
                    serial: Serial::from_octets(&serial).ok()?,
                    revoked_at: UnixTime(revoked_at),
                    reason,
                    invalidity_date: invalidity_date.map(UnixTime),
                })
            },
        )
}

/// Reads everything that can be read.
fn read_through(input: &[u8]) {
    let Ok(crl) = RevocationList::parse(input) else { return };
    let _ = crl.find(&Serial::from_octets(&[1]).unwrap());
    let _ = (crl.number(), crl.distribution_point(), crl.is_delta());
    let entries = crl.entries().count();
    assert!(entries <= input.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_entries_survive_the_round_trip(entries in prop::collection::vec(any_entry(), 0..60), number: u64) {
        let authority = Authority::usual();
        let header = CrlHeader { number, ..authority.header() };
        let der = authority.crl(&header, &entries).unwrap();
        let crl = RevocationList::parse(&der).unwrap();
        prop_assert_eq!(read_all(&crl), entries);
        prop_assert_eq!(crl.number(), Some(number));
        prop_assert!(CertificateRevocationList::from_der(&der).is_ok());
    }

    #[test]
    fn announced_lengths_are_actual_lengths(entry in any_entry()) {
        let issuer = stored_issuer();
        let header = CrlHeader {
            issuer: &issuer,
            number: 0,
            this_update: NOW,
            next_update: NOW.plus_days(1),
            scope: Coverage::Full,
        };
        let mut writer = CrlWriter::new(&header, entry.encoded_len() as u64, Vec::new()).unwrap();
        writer.entry(&entry).unwrap();
        prop_assert!(writer.finish_tbs().is_ok());
    }

    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6)) {
        let mut der = RevocationList::parse(include_bytes!("../data/openssl.crl.pem")).unwrap().as_der().to_vec();
        for (at, bit) in flips {
            let at = at.index(der.len());
            der[at] ^= 1 << bit;
        }
        read_through(&der);
    }

    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..512)) {
        read_through(&octets);
        read_through(&[&[0x30, 0x82, 0x02, 0x00][..], &octets].concat());
    }

    #[test]
    fn truncated_crls_are_refused(length in 0_usize..400) {
        let whole = RevocationList::parse(include_bytes!("../data/openssl.crl.pem")).unwrap();
        let length = length.min(whole.as_der().len() - 1);
        prop_assert!(RevocationList::parse(&whole.as_der()[..length]).is_err());
    }
}
