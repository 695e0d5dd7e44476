//! What is written: octet by octet, and as other readers see it.

use std::io::Read as _;

use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::{Certificate, Issuer};
use chancery_x509::crl::{
    Coverage, CrlHeader, CrlWriter, Framing, PEM_LABEL, PemReader, RevocationList, RevocationReason, RevokedEntry,
    pem_len,
};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use hex_literal::hex;
use x509_parser::prelude::{CertificateRevocationList, FromDer, ParsedExtension};

use super::{numbered, read_all, short_entry, stored_issuer};
use crate::authority::{Authority, Key, NOW};

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

/// An issuing CA's certificate names two keys and two names: its own, and those of the root above it.
#[test]
fn name_and_key_identifier_are_the_ca_s_own() {
    let certificate = Certificate::parse(include_bytes!("../data/chain/issuing.der")).unwrap();
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
