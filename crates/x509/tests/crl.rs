//! CRLs written in one pass, read back by our own reader and by others'.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use crate::authority;

use std::io::{Cursor, Read};

use authority::{Authority, Key, NOW};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::{Certificate, Issuer, KeyUsage};
use chancery_x509::crl::{
    Coverage, CrlError, CrlHeader, CrlWriteError, CrlWriter, Framing, LongCrl, PEM_LABEL, PemReader, RevocationList,
    RevocationReason, RevokedEntry, facts_of_tbs, pem_len,
};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use hex_literal::hex;
use proptest::prelude::*;
use x509_parser::prelude::{CertificateRevocationList, FromDer, ParsedExtension};

/// An entry of 20 octets: a serial number of one octet and a UTCTime.
fn short_entry(serial: u8) -> RevokedEntry {
    RevokedEntry {
        serial: Serial::from_octets(&[serial]).unwrap(),
        revoked_at: NOW.plus_seconds(-60),
        reason: RevocationReason::Unspecified,
        invalidity_date: None,
    }
}

fn numbered(number: u64) -> RevokedEntry {
    RevokedEntry {
        serial: Serial::from_octets(&number.to_be_bytes()).unwrap(),
        ..short_entry(1)
    }
}

fn read_all(crl: &RevocationList) -> Vec<RevokedEntry> {
    crl.entries().collect::<Result<_, _>>().unwrap()
}

/// The TBSCertList of the CA in `data/issuing-ca.pem`, byte for byte.
#[test]
fn a_full_crl_is_these_octets() {
    let issuer = stored_issuer();
    let header = CrlHeader {
        issuer: &issuer,
        number: 128,
        this_update: UnixTime(2_524_607_999),
        next_update: UnixTime(2_524_608_000),
        scope: Coverage::Full,
    };
    let entry = RevokedEntry {
        reason: RevocationReason::Superseded,
        ..short_entry(0x80)
    };
    let mut writer = CrlWriter::new(&header, entry.encoded_len() as u64, Vec::new()).unwrap();
    writer.entry(&entry).unwrap();
    let (tbs, _, length) = writer.finish_tbs().unwrap();
    let expected = hex!(
        "3081ca 020101 300a 0608 2a8648ce3d040302
         3042 310b 3009 0603 550406 1302 4742
              3116 3014 0603 55040a 0c0d 4578616d706c65205472757374
              311b 3019 0603 550403 0c12 4578616d706c652049737375696e67204341
         170d 3439313233313233353935395a
         180f 32303530303130313030303030305a
         3023 3021 0202 0080 170d 3236313132333139353930305a
              300c 300a 0603 551d15 0403 0a0104
         a030 302e 301f 0603 551d23 0418 3016 8014 e2b20f9aaa870a516db8cf0bedf1a6f726f079f6
                   300b 0603 551d14 0404 0202 0080"
    );
    assert_eq!(
        data_encoding::HEXLOWER.encode(&tbs),
        data_encoding::HEXLOWER.encode(&expected)
    );
    assert_eq!(length.octets(), expected.len() as u64);
}

fn stored_issuer() -> Issuer {
    Issuer::new(Certificate::parse(include_bytes!("data/issuing-ca.pem")).unwrap()).unwrap()
}

/// An issuing CA's certificate names two keys and two names: its own, and those of the root above it.
#[test]
fn name_and_key_identifier_are_the_ca_s_own() {
    let certificate = Certificate::parse(include_bytes!("data/chain/issuing.der")).unwrap();
    let issuer = Issuer::new(certificate.clone()).unwrap();
    let header = CrlHeader {
        issuer: &issuer,
        number: 0,
        this_update: NOW,
        next_update: NOW.plus_days(1),
        scope: Coverage::Full,
    };
    let (tbs, _, length) = CrlWriter::new(&header, 0, Vec::new()).unwrap().finish_tbs().unwrap();
    let der = Framing::new(CaKeyAlgorithm::P256, length, b"no signature").assemble(&tbs);
    let crl = RevocationList::parse(&der).unwrap();

    assert_ne!(
        certificate.subject_key_identifier(),
        certificate.authority_key_identifier()
    );
    assert_eq!(crl.authority_key_identifier(), certificate.subject_key_identifier());
    assert_ne!(certificate.subject(), certificate.issuer());
    assert_eq!(crl.issuer(), certificate.subject());
    assert!(!crl.is_signed_by(issuer.public_key()));
}

#[test]
fn what_is_written_is_read_back_by_every_reader() {
    let authority = Authority::usual();
    let entries = [
        short_entry(1),
        RevokedEntry {
            serial: Serial::from_octets(&[0xff; 20]).unwrap(),
            revoked_at: UnixTime(4_000_000_000),
            reason: RevocationReason::KeyCompromise,
            invalidity_date: Some(UnixTime(1_000_000_000)),
        },
        RevokedEntry {
            reason: RevocationReason::AaCompromise,
            ..short_entry(3)
        },
    ];
    let der = authority.crl(&authority.header(), &entries).unwrap();

    let ours = RevocationList::parse(&der).unwrap();
    assert_eq!(read_all(&ours), entries);
    let certificate = authority.issuer.certificate();
    assert_eq!(ours.issuer(), certificate.subject());
    assert_eq!(ours.number(), Some(7));
    assert_eq!((ours.this_update(), ours.next_update()), (NOW, Some(NOW.plus_days(7))));
    assert_eq!(ours.authority_key_identifier(), certificate.subject_key_identifier());
    assert_eq!(ours.distribution_point(), None);
    assert_eq!(ours.signature_algorithm().to_string(), "1.2.840.10045.4.3.2");
    assert!(!ours.is_delta());
    assert!(ours.unknown_critical_extensions().is_empty());
    assert!(ours.is_signed_by(authority.issuer.public_key()));
    assert!(!ours.is_signed_by(Authority::usual().issuer.public_key()));
    assert_eq!(ours.find(&entries[1].serial), Ok(Some(entries[1])));
    assert_eq!(ours.find(&Serial::from_octets(&[9]).unwrap()), Ok(None));

    let (rest, theirs) = CertificateRevocationList::from_der(&der).unwrap();
    assert!(rest.is_empty());
    assert_eq!(theirs.version().unwrap().0, 1);
    assert_eq!(theirs.crl_number().unwrap().to_string(), "7");
    assert_eq!(theirs.last_update().timestamp(), NOW.0);
    let revoked: Vec<_> = theirs.iter_revoked_certificates().collect();
    assert_eq!(revoked.len(), 3);
    for (theirs, ours) in revoked.iter().zip(&entries) {
        assert_eq!(theirs.serial().to_bytes_be(), ours.serial.significant());
        assert_eq!(theirs.revocation_date.timestamp(), ours.revoked_at.0);
        let code = theirs.reason_code().map_or(0, |(_, reason)| reason.0);
        assert_eq!(code, ours.reason.code());
        let invalidity = theirs.invalidity_date().map(|(_, date)| date.timestamp());
        assert_eq!(invalidity, ours.invalidity_date.map(|date| date.0));
    }

    assert!(webpki::OwnedCertRevocationList::from_der(&der).is_ok());
}

/// Around the lengths where an end stops fitting into what is read at first, and where lengths take another octet.
#[test]
fn a_long_crl_is_read_through_as_it_is_read_whole() {
    for key in [Key::p256(), Key::rsa2048(), Key::ml_dsa65()] {
        let authority = Authority::with(key);
        let issuer = authority.issuer.public_key();
        for count in [0, 1, 5, 600, 700, 720, 740, 760, 2_500, 9_000] {
            let entries: Vec<_> = (1..=count).map(numbered).collect();
            let der = authority.crl(&authority.header(), &entries).unwrap();
            let whole = RevocationList::parse(&der).unwrap();
            let long = LongCrl::read(der.as_slice(), issuer).unwrap().unwrap();
            let facts = long.facts();
            assert_eq!(
                (facts.number(), facts.this_update()),
                (whole.number(), whole.this_update())
            );
            assert_eq!(
                (facts.issuer(), facts.next_update()),
                (whole.issuer(), whole.next_update())
            );
            assert_eq!(facts.entries().count(), 0);
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
            assert_eq!(long.sha256(), digest.as_ref());

            // Before it is signed, its ends say the same.
            let unsigned = facts_of_tbs(&mut Cursor::new(whole.tbs_der())).unwrap().unwrap();
            assert_eq!(
                (unsigned.issuer(), unsigned.number(), unsigned.next_update()),
                (whole.issuer(), whole.number(), whole.next_update())
            );
            assert_eq!(unsigned.entries().count(), 0);
            for other in [&whole.tbs_der()[1..], &der, &[whole.tbs_der(), &[0]].concat()] {
                let facts = facts_of_tbs(&mut Cursor::new(other)).unwrap();
                assert!(facts.is_none(), "{count} entries: something else is no TBSCertList");
            }
        }
    }
}

#[test]
fn nothing_is_read_through_but_what_the_key_signed() {
    let authority = Authority::usual();
    let issuer = authority.issuer.public_key();
    let entries: Vec<_> = (1..=2_000).map(numbered).collect();
    let der = authority.crl(&authority.header(), &entries).unwrap();
    let is_read = |octets: &[u8]| LongCrl::read(octets, issuer).unwrap().is_some();
    assert!(is_read(&der));
    assert!(
        LongCrl::read(der.as_slice(), Authority::usual().issuer.public_key())
            .unwrap()
            .is_none()
    );
    for at in (0..der.len())
        .step_by(97)
        .chain(der.len() - 200..der.len())
        .chain(0..300)
    {
        let mut changed = der.clone();
        changed[at] ^= 1;
        assert!(!is_read(&changed), "octet {at} of {}", der.len());
    }
    for len in [0, 1, 2, 3, 10, 400, der.len() - 1] {
        assert!(!is_read(&der[..len]), "{len}");
    }
    assert!(!is_read(&[&der[..], &[0]].concat()), "something follows");
    let mut endless = vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff];
    endless.extend_from_slice(&[0x30, 0x84, 0xff, 0xff, 0x00, 0x00]);
    assert!(!is_read(&endless), "an announced length reserves nothing");
    assert!(!is_read(&[0x30, 0x80, 0x30, 0x80]));
    assert!(!is_read(&[0x30, 0xff, 0x30]));
}

/// Signatures of fixed and of varying length, and parameters that are NULL or absent.
#[test]
fn every_kind_of_key_signs_crls() {
    for key in [Key::p256(), Key::rsa2048(), Key::ml_dsa65()] {
        let authority = Authority::with(key);
        let public_key = authority.issuer.public_key();
        let der = authority.crl(&authority.header(), &[short_entry(5)]).unwrap();
        let ours = RevocationList::parse(&der).unwrap();
        assert!(ours.is_signed_by(public_key), "{}", public_key.algorithm().name());
        assert!(!ours.is_signed_by(Authority::usual().issuer.public_key()));
        assert!(CertificateRevocationList::from_der(&der).is_ok());
    }
}

#[test]
fn a_verifier_refuses_the_revoked_and_takes_the_others() {
    let authority = Authority::usual();
    let der = authority
        .crl(&authority.header(), &[numbered(40), numbered(41)])
        .unwrap();
    assert_eq!(verify(&authority, &der, 42), Ok(()));
    assert_eq!(verify(&authority, &der, 41), Err(webpki::Error::CertRevoked));
    let empty = authority.crl(&authority.header(), &[]).unwrap();
    assert_eq!(verify(&authority, &empty, 41), Ok(()));
}

/// Path validation by webpki, with revocation checked and unknown status refused.
fn verify(authority: &Authority, crl: &[u8], serial: u64) -> Result<(), webpki::Error> {
    let crl = webpki::OwnedCertRevocationList::from_der(crl)?.into();
    let crls: [&webpki::CertRevocationList<'_>; 1] = [&crl];
    let revocation = webpki::RevocationOptionsBuilder::new(&crls).unwrap().build();
    let root = authority.issuer.certificate().as_der().to_vec().into();
    let anchor = webpki::anchor_from_trusted_cert(&root)?;
    let leaf = authority.leaf(serial).into();
    let leaf = webpki::EndEntityCert::try_from(&leaf)?;
    let seconds = u64::try_from(NOW.0).unwrap();
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &[anchor],
        &[],
        rustls_pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
        webpki::KeyUsage::server_auth(),
        Some(revocation),
        None,
    )
    .map(|_| ())
}

#[test]
fn without_entries_the_field_is_absent() {
    let authority = Authority::usual();
    let der = authority.crl(&authority.header(), &[]).unwrap();
    let ours = RevocationList::parse(&der).unwrap();
    assert_eq!(ours.entries().count(), 0);
    // Directly after nextUpdate, which ends in `Z`, stands [0].
    let next_update = der.windows(2).rposition(|two| two == [b'Z', 0xa0]);
    assert!(next_update.is_some());
}

#[test]
fn a_shard_names_its_distribution_point_critically() {
    let authority = Authority::usual();
    let url = "http://crl.example.com/shard-3.crl";
    let header = CrlHeader {
        scope: Coverage::Shard {
            distribution_points: vec![url.to_owned()],
        },
        ..authority.header()
    };
    let der = authority.crl(&header, &[short_entry(5)]).unwrap();
    let ours = RevocationList::parse(&der).unwrap();
    assert_eq!(ours.distribution_point(), Some(url));
    assert!(ours.unknown_critical_extensions().is_empty());

    let (_, theirs) = CertificateRevocationList::from_der(&der).unwrap();
    let point = theirs
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::IssuingDistributionPoint(point) => Some((extension.critical, point)),
            _ => None,
        });
    let (critical, point) = point.unwrap();
    assert!(critical);
    assert!(format!("{:?}", point.distribution_point).contains(url));
    assert!(!point.only_contains_user_certs && !point.indirect_crl);
    assert!(webpki::BorrowedCertRevocationList::from_der(&der).is_ok());
}

#[test]
fn a_crl_that_should_not_be_is_not_written() {
    let authority = Authority::usual();
    let write = |header: &CrlHeader<'_>| authority.crl(header, &[]).unwrap_err();
    let stale = CrlHeader {
        next_update: NOW,
        ..authority.header()
    };
    assert!(matches!(write(&stale), CrlWriteError::Validity { .. }));
    let endless = CrlHeader {
        next_update: UnixTime(i64::MAX),
        ..authority.header()
    };
    assert!(matches!(write(&endless), CrlWriteError::Time { .. }));
    for url in [
        "",
        "crl.example.com",
        "http://exämple.com/",
        "http://a b",
        ":x",
        "http:",
    ] {
        let shard = CrlHeader {
            scope: Coverage::Shard {
                distribution_points: vec![url.to_owned()],
            },
            ..authority.header()
        };
        assert!(
            matches!(write(&shard), CrlWriteError::DistributionPoint { .. }),
            "{url}"
        );
    }
    let certificates_only = Authority::new(Key::p256(), KeyUsage::KEY_CERT_SIGN, "Certificates only");
    let error = certificates_only.crl(&certificates_only.header(), &[]).unwrap_err();
    assert!(matches!(error, CrlWriteError::NotForCrls));
    let too_long = CrlWriter::new(&authority.header(), 0x8000_0000, Vec::new()).err();
    assert!(matches!(too_long, Some(CrlWriteError::TooLong { .. })));
    let out_of_calendar = RevokedEntry {
        revoked_at: UnixTime(i64::MIN),
        ..short_entry(1)
    };
    let error = authority.crl(&authority.header(), &[out_of_calendar]).unwrap_err();
    assert!(matches!(error, CrlWriteError::Time { .. }));
}

#[test]
fn entries_other_than_announced_are_an_error() {
    let authority = Authority::usual();
    let header = authority.header();
    let entry = short_entry(1);
    let announced = entry.encoded_len() as u64;

    let writer = CrlWriter::new(&header, announced, Vec::new()).unwrap();
    assert!(matches!(
        writer.finish_tbs(),
        Err(CrlWriteError::Length { actual: 0, .. })
    ));
    let mut writer = CrlWriter::new(&header, announced, Vec::new()).unwrap();
    writer.entry(&entry).unwrap();
    assert!(matches!(writer.entry(&entry), Err(CrlWriteError::Length { .. })));
    let mut writer = CrlWriter::new(&header, 0, Vec::new()).unwrap();
    assert!(matches!(writer.entry(&entry), Err(CrlWriteError::Length { .. })));
}

#[test]
fn an_output_that_fails_is_told() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let authority = Authority::usual();
    let writer = CrlWriter::new(&authority.header(), 0, Full).unwrap();
    assert!(matches!(writer.finish_tbs(), Err(CrlWriteError::Io(_))));
}

/// Lengths of the entries on both sides of where DER's length of the length changes, and of the internal buffer.
#[test]
fn lengths_of_lengths_are_right_on_both_sides() {
    let authority = Authority::usual();
    for octets in [
        127, 128, 129, 255, 256, 257, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073,
    ] {
        let entries = entries_of(octets);
        let total: usize = entries.iter().map(RevokedEntry::encoded_len).sum();
        assert_eq!(total, octets);
        let der = authority.crl(&authority.header(), &entries).unwrap();
        let ours = RevocationList::parse(&der).unwrap();
        assert_eq!(read_all(&ours), entries, "{octets}");
        assert!(ours.is_signed_by(authority.issuer.public_key()));
        let (_, theirs) = CertificateRevocationList::from_der(&der).unwrap();
        assert_eq!(theirs.iter_revoked_certificates().count(), entries.len());
        assert!(webpki::BorrowedCertRevocationList::from_der(&der).is_ok());
    }
}

/// Entries of so many octets in all: 20 octets each, the last ones longer serials.
fn entries_of(octets: usize) -> Vec<RevokedEntry> {
    let count = octets / 20;
    let mut surplus = octets - count * 20;
    let mut entries = vec![short_entry(1); count];
    for entry in &mut entries {
        let more = surplus.min(19);
        surplus -= more;
        entry.serial = Serial::from_octets(&vec![1; 1 + more]).unwrap();
    }
    entries
}

#[test]
fn the_stream_of_the_framing_and_its_pem_are_the_crl() {
    let authority = Authority::usual();
    let entries: Vec<_> = (1..=100).map(short_entry).collect();
    let announced = entries.iter().map(|entry| entry.encoded_len() as u64).sum();
    let mut writer = CrlWriter::new(&authority.header(), announced, Vec::new()).unwrap();
    for entry in &entries {
        writer.entry(entry).unwrap();
    }
    let (tbs, _, length) = writer.finish_tbs().unwrap();
    let framing = Framing::new(CaKeyAlgorithm::P256, length, &authority.sign(&tbs));

    let mut copied = Vec::new();
    framing.copy(&mut &tbs[..], &mut copied).unwrap();
    assert_eq!(copied, framing.assemble(&tbs));
    assert!(framing.copy(&mut &tbs[1..], &mut Vec::new()).is_err());

    let mut text = String::new();
    PemReader::new(PEM_LABEL, framing.reader(&tbs[..]))
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, chancery_x509::pem::encode(PEM_LABEL, &copied));
    assert_eq!(text.len() as u64, pem_len(PEM_LABEL, framing.crl_len()));
    let read = RevocationList::parse(text.as_bytes()).unwrap();
    assert_eq!(read.as_der(), copied);
    assert!(read.is_signed_by(authority.issuer.public_key()));
}

#[test]
fn a_crl_by_openssl_is_understood() {
    let crl = RevocationList::parse(include_bytes!("data/openssl.crl.pem")).unwrap();
    let issuer = stored_issuer();
    assert!(crl.is_signed_by(issuer.public_key()));
    assert_eq!(crl.issuer(), issuer.certificate().subject());
    assert_eq!(crl.number(), Some(7));
    let point = crl.issuing_distribution_point().unwrap();
    assert_eq!(point.urls, ["http://crl.example.com/shard-3.crl"]);
    assert!(point.only_user_certificates && !point.only_ca_certificates && !point.indirect);
    let found = crl.find(&Serial::from_octets(&[0xff, 0x80]).unwrap()).unwrap().unwrap();
    assert_eq!(found.reason, RevocationReason::CaCompromise);
    assert_eq!(found.invalidity_date.unwrap().to_string(), "2022-12-31T00:00:00Z");
    assert_eq!(crl.entries().count(), 3);
}

#[test]
fn what_is_no_crl_is_refused() {
    let not_a_crl = |input: &[u8]| {
        let told = RevocationList::parse(input).err();
        assert!(matches!(told, Some(CrlError::NotACrl { .. })), "{told:?}");
    };
    not_a_crl(b"");
    not_a_crl(b"not PEM");
    not_a_crl(&[0x30, 0]);
    not_a_crl(include_bytes!("data/issuing-ca.pem"));
    let pem = include_bytes!("data/openssl.crl.pem");
    let twice = RevocationList::parse(&[&pem[..], &pem[..]].concat()).err();
    assert!(matches!(twice, Some(CrlError::Malformed { .. })), "{twice:?}");
    let mut trailing = RevocationList::parse(pem).unwrap().as_der().to_vec();
    trailing.push(0);
    not_a_crl(&trailing);
}

/// A changed octet is at the least a signature that does not verify.
#[test]
fn no_octet_of_a_crl_can_be_changed_unnoticed() {
    let authority = Authority::usual();
    let der = authority.crl(&authority.header(), &[short_entry(5)]).unwrap();
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 0x10;
        if let Ok(crl) = RevocationList::parse(&changed) {
            assert!(!crl.is_signed_by(authority.issuer.public_key()), "octet {at}");
        }
    }
}

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
        let mut der = RevocationList::parse(include_bytes!("data/openssl.crl.pem")).unwrap().as_der().to_vec();
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
        let whole = RevocationList::parse(include_bytes!("data/openssl.crl.pem")).unwrap();
        let length = length.min(whole.as_der().len() - 1);
        prop_assert!(RevocationList::parse(&whole.as_der()[..length]).is_err());
    }
}
