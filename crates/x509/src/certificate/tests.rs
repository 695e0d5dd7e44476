//! Parsing: unusual but legal certificates of other software, and input that is not a certificate.

use hex_literal::hex;
use proptest::prelude::*;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use super::testing::*;
use super::*;
use crate::pem;
use crate::tlv::Reader;

/// Written by Python's `cryptography`: T.61 and BMP names, a multi-valued RDN, years that UTCTime cannot hold, a path
/// length over 255, an SKI of 32 octets, SHA-384, names of unknown types.
const ODD_CA: &[u8] = include_bytes!("../../tests/data/certificate/odd-ca.pem");
/// Written by Python's `cryptography`: no names at all, Ed25519, an extension that is not DER, nine key usage bits.
const ED25519_NAMELESS: &[u8] = include_bytes!("../../tests/data/certificate/ed25519-nameless.pem");
/// Written by OpenSSL: no version, no extensions.
const VERSION_1: &[u8] = include_bytes!("../../tests/data/certificate/version-1.pem");
/// Written by OpenSSL: basicConstraints with an explicit FALSE, and text before the block.
const EXPLICIT_FALSE: &[u8] = include_bytes!("../../tests/data/certificate/explicit-false.pem");

fn malformed(detail: &'static str) -> CertificateError {
    CertificateError::Malformed { detail }
}

/// Encodes a certificate's TBSCertificate again with changed fields, followed by an empty signature.
fn rewritten(certificate: &Certificate, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut reader = Reader::only(certificate.tbs_der(), tag::SEQUENCE).unwrap();
    let mut fields = Vec::new();
    while !reader.is_empty() {
        fields.push(reader.read().unwrap().raw.to_vec());
    }
    change(&mut fields);
    let mut tbs = Writer::default();
    tbs.value(tag::SEQUENCE, &fields.concat());
    TbsCertificate::from_der(tbs.finish(), CaKeyAlgorithm::P256).assemble(&[])
}

fn leaf() -> Certificate {
    TestCa::root(CaKeyAlgorithm::P256).issue(&leaf_template("leaf.example", &alt_names(&["dns:leaf.example"])))
}

#[test]
fn an_odd_but_legal_ca_is_read_in_full() {
    let certificate = Certificate::parse(ODD_CA).unwrap();
    assert_eq!(
        certificate.subject().to_rfc4514(),
        r"UID=7+CN=Odd\, but legal,O=Müller & Söhne,C=DE"
    );
    assert_eq!(certificate.issuer(), certificate.subject());
    assert_eq!(certificate.serial().to_hex(), "FF00FF00FF");
    assert_eq!(certificate.not_before().to_string(), "1961-02-03T04:05:06Z");
    assert_eq!(certificate.not_after(), UnixTime(253_402_300_799));
    assert_eq!(
        certificate.basic_constraints(),
        Some(BasicConstraints {
            ca: true,
            path_len: Some(255)
        })
    );
    let identifier: Vec<u8> = (0..32).collect();
    assert_eq!(certificate.subject_key_identifier(), Some(&identifier[..]));
    assert_eq!(certificate.authority_key_identifier(), Some(&identifier[..]));
    assert_eq!(certificate.key_usage(), None);
    assert_eq!(certificate.extended_key_usages(), []);
    assert_eq!(
        certificate.alt_names(),
        [
            AltName::Dns("_under.score".to_owned()),
            AltName::Ip([10, 1, 2, 3].into())
        ]
    );
    assert_eq!(
        certificate.name_constraints().unwrap().unwrap(),
        NameConstraints {
            permitted: vec![
                Subtree::Dns("example.com".to_owned()),
                Subtree::Ip {
                    address: [10, 0, 0, 0].into(),
                    prefix: 9
                },
            ],
            excluded: vec![Subtree::Email(".example.org".to_owned())],
        }
    );
    assert_eq!(
        certificate.policies().unwrap(),
        [ObjectIdentifier::new_unwrap("1.2.3.4")]
    );
    assert_eq!(
        certificate.crl_distribution_points().unwrap(),
        [
            "http://example.com/a.crl",
            "ldap://example.com/b",
            "http://example.com/c.crl"
        ]
    );
    assert_eq!(certificate.ca_issuers().unwrap(), ["http://example.com/ca.crt"]);
    assert_eq!(certificate.ocsp().unwrap(), ["http://example.com/ocsp"]);
    assert_eq!(certificate.signature_algorithm().to_string(), "1.2.840.113549.1.1.12");
    assert_eq!(certificate.signature().len(), 256);

    // A 20-octet identifier is computed from the key, but what it signs carries its SKI unchanged.
    let issuer = Issuer::new(certificate.clone()).unwrap();
    assert_eq!(certificate.key_identifier(), issuer.public_key().identifier());
    let key = leaf_template("leaf", &[]);
    let tbs = CertificateTemplate {
        subject: certificate.subject().clone(),
        extended_key_usages: vec![ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2")],
        ..key
    }
    .issued_by(&issuer)
    .unwrap();
    let below = Certificate::parse(&tbs.assemble(&[])).unwrap();
    assert_eq!(below.authority_key_identifier(), Some(&identifier[..]));
    assert_eq!(below.issuer(), certificate.subject());
    // RSA keys sign with SHA-256 here: a signature with another algorithm is not verified.
    assert!(!certificate.is_signed_by(issuer.public_key()));
}

#[test]
fn a_certificate_without_names_is_read() {
    let certificate = Certificate::parse(ED25519_NAMELESS).unwrap();
    assert!(certificate.subject().is_empty() && certificate.issuer().is_empty());
    assert_eq!(
        certificate.key_usage(),
        Some(KeyUsage::KEY_AGREEMENT | KeyUsage::DECIPHER_ONLY)
    );
    assert_eq!(certificate.extended_key_usages(), [crate::extension::CLIENT_AUTH]);
    assert_eq!(certificate.not_after().to_string(), "2050-01-01T00:00:00Z");
    let custom = certificate.custom_extensions();
    assert_eq!(custom.len(), 1);
    assert_eq!(
        (custom[0].oid().to_string().as_str(), custom[0].value()),
        ("1.2.3.4.5", &b"not DER"[..])
    );
    assert!(matches!(Issuer::new(certificate), Err(CertificateError::NotACa { .. })));
}

#[test]
fn version_1_and_an_explicit_false_are_read() {
    let certificate = Certificate::parse(VERSION_1).unwrap();
    assert_eq!(certificate.extensions().count(), 0);
    assert_eq!(certificate.basic_constraints(), None);
    assert!(certificate.is_signed_by(&CaPublicKey::from_der(certificate.spki_der()).unwrap()));
    assert!(matches!(Issuer::new(certificate), Err(CertificateError::NotACa { .. })));

    let certificate = Certificate::parse(EXPLICIT_FALSE).unwrap();
    assert_eq!(
        certificate.basic_constraints(),
        Some(BasicConstraints {
            ca: false,
            path_len: None
        })
    );
    assert!(matches!(Issuer::new(certificate), Err(CertificateError::NotACa { .. })));
}

#[test]
fn another_parser_reads_the_same() {
    for input in [
        ODD_CA,
        ED25519_NAMELESS,
        VERSION_1,
        EXPLICIT_FALSE,
        leaf().to_pem().as_bytes(),
    ] {
        let certificate = Certificate::parse(input).unwrap();
        let (rest, other) = X509Certificate::from_der(certificate.as_der()).unwrap();
        assert!(rest.is_empty());
        assert_eq!(other.tbs_certificate.as_ref(), certificate.tbs_der());
        assert_eq!(other.serial.to_string(), certificate.serial().to_string());
        assert_eq!(other.subject().as_raw(), certificate.subject().as_der());
        assert_eq!(other.issuer().as_raw(), certificate.issuer().as_der());
        assert_eq!(other.public_key().raw, certificate.spki_der());
        assert_eq!(other.validity().not_before.timestamp(), certificate.not_before().0);
        assert_eq!(other.validity().not_after.timestamp(), certificate.not_after().0);
        assert_eq!(other.signature_value.as_ref(), certificate.signature());
        assert_eq!(
            other.signature_algorithm.algorithm.to_id_string(),
            certificate.signature_algorithm().to_string()
        );
        assert_eq!(other.extensions().len(), certificate.extensions().count());
        for (theirs, ours) in other.extensions().iter().zip(certificate.extensions()) {
            assert_eq!(theirs.oid.to_id_string(), ours.oid.to_string());
            assert_eq!((theirs.critical, theirs.value), (ours.critical, ours.value));
            if let ParsedExtension::SubjectAlternativeName(names) = theirs.parsed_extension() {
                let dns = names
                    .general_names
                    .iter()
                    .filter(|name| matches!(name, GeneralName::DNSName(_)));
                let ours = certificate
                    .alt_names()
                    .iter()
                    .filter(|name| matches!(name, AltName::Dns(_)));
                assert_eq!(dns.count(), ours.count());
            }
        }
    }
}

#[test]
fn pem_and_der_are_the_same_and_other_blocks_are_passed_over() {
    let leaf = leaf();
    let pem = leaf.to_pem();
    assert_eq!(Certificate::parse(pem.as_bytes()).unwrap().as_der(), leaf.as_der());
    assert_eq!(Certificate::parse(leaf.as_der()).unwrap().to_pem(), pem);
    let behind_a_key = format!("{}{pem}", pem::encode("PRIVATE KEY", &[5, 0]));
    assert_eq!(
        Certificate::parse(behind_a_key.as_bytes()).unwrap().as_der(),
        leaf.as_der()
    );
}

#[test]
fn every_certificate_of_a_file_is_read_whatever_stands_beside() {
    let leaf = leaf();
    let key = "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: DES-EDE3-CBC,00\r\n\r\nAAAA\r\n-----END RSA \
               PRIVATE KEY-----\r\n";
    let pem = leaf.to_pem();
    let file = format!(
        "\u{feff}{key}{}{key}{}",
        pem.replace('\n', "\r"),
        pem.replace("CERTIFICATE", "X509 CERTIFICATE")
    );
    let all = Certificate::parse_all(file.as_bytes()).unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|one| one.as_der() == leaf.as_der()));
    assert_eq!(Certificate::parse_all(leaf.as_der()).unwrap().len(), 1);
    assert!(Certificate::parse_all(key.as_bytes()).is_err());
    let beside_a_key = include_bytes!("../../tests/data/cases/inspect/key-and-certificate.pem");
    assert_eq!(Certificate::parse_all(beside_a_key).unwrap().len(), 1);
}

#[test]
fn what_is_no_certificate_is_told_so() {
    let leaf = leaf();
    let inputs: [&[u8]; 6] = [
        b"",
        b"hello",
        &leaf.as_der()[..leaf.as_der().len() - 1],
        &[leaf.as_der(), &[0]].concat(),
        pem::encode("CERTIFICATE REQUEST", leaf.as_der()).leak().as_bytes(),
        b"-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----\n",
    ];
    for input in inputs {
        let error = Certificate::parse(input).err();
        assert!(
            matches!(error, Some(CertificateError::NotACertificate { .. })),
            "{input:02x?}: {error:?}"
        );
    }
}

#[test]
fn fields_that_are_wrong_are_named() {
    const VERSION: usize = 0;
    const SERIAL: usize = 1;
    const ALGORITHM: usize = 2;
    const VALIDITY: usize = 4;
    let leaf = leaf();
    let parsed = |change: &dyn Fn(&mut Vec<Vec<u8>>)| Certificate::parse(&rewritten(&leaf, change)).err();
    let with = |at: usize, der: &[u8]| parsed(&|fields| fields[at] = der.to_vec());

    assert_eq!(parsed(&|_| {}), None);
    assert_eq!(
        with(VERSION, &hex!("a003020100")),
        Some(malformed("its version is none of RFC 5280's"))
    );
    assert_eq!(
        with(VERSION, &hex!("a003020103")),
        Some(malformed("its version is none of RFC 5280's"))
    );
    assert_eq!(
        with(VERSION, &hex!("a003020101")),
        Some(malformed("it has extensions but is not of version 3"))
    );
    for serial in [&hex!("020100")[..], &[&hex!("0215")[..], &[1; 21]].concat()] {
        assert_eq!(
            with(SERIAL, serial),
            Some(malformed("its serial number is zero or longer than 20 octets"))
        );
    }
    for serial in [&hex!("0201ff")[..], &hex!("02020001"), &hex!("0200"), &hex!("040101")] {
        assert_eq!(
            with(SERIAL, serial),
            Some(malformed("its serial number is negative or not well-formed"))
        );
    }
    let sha384 = hex!("300a06082a8648ce3d040303");
    assert_eq!(
        with(ALGORITHM, &sha384),
        Some(malformed("its two signature algorithms differ"))
    );
    for times in [
        &b"\x30\x1e\x17\x0d261301000000Z\x17\x0d270101000000Z"[..],
        b"\x30\x1a\x17\x0b2601010000Z\x17\x0b2701010000Z",
        b"\x30\x0f\x17\x0d260101000000Z",
    ] {
        assert_eq!(
            with(VALIDITY, times),
            Some(malformed("its validity is not well-formed"))
        );
    }
    assert_eq!(
        with(7, &hex!("a3023000")),
        Some(malformed("its extensions are not well-formed"))
    );
    assert_eq!(
        parsed(&|fields| fields.push(vec![5, 0])),
        Some(malformed("its extensions are not well-formed"))
    );
}

#[test]
fn an_extension_that_is_there_twice_is_refused_among_few_and_among_many() {
    let leaf = leaf();
    let with_extensions = |oids: &[ObjectIdentifier]| {
        let mut writer = Writer::default();
        writer.nested(tag::context_constructed(3), |explicit| {
            explicit.nested(tag::SEQUENCE, |list| {
                for oid in oids {
                    list.nested(tag::SEQUENCE, |extension| {
                        extension.oid(oid);
                        extension.value(tag::OCTET_STRING, &[5, 0]);
                    });
                }
            });
        });
        let extensions = writer.finish();
        Certificate::parse(&rewritten(&leaf, |fields| fields[7] = extensions)).err()
    };
    let many: Vec<_> = (0..20_000)
        .map(|number| ObjectIdentifier::from_arcs([1, 2, 3, number]).unwrap())
        .collect();
    assert_eq!(with_extensions(&many[..3]), None);
    assert_eq!(
        with_extensions(&[many[0], many[1], many[0]]),
        Some(malformed("it has an extension twice"))
    );
    assert_eq!(with_extensions(&many), None);
    let last_is_first = [&many[..], &many[..1]].concat();
    assert_eq!(
        with_extensions(&last_is_first),
        Some(malformed("it has an extension twice"))
    );
}

#[test]
fn extensions_that_are_not_what_their_oid_says_are_refused() {
    for oid in [
        "2.5.29.14",
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.35",
        "2.5.29.37",
    ] {
        let custom = CustomExtension::read_back(oid.parse().unwrap(), false, vec![5, 0]);
        let mut writer = Writer::default();
        writer.nested(tag::context_constructed(3), |explicit| {
            explicit.nested(tag::SEQUENCE, |list| {
                list.nested(tag::SEQUENCE, |extension| {
                    extension.oid(&custom.oid());
                    extension.value(tag::OCTET_STRING, custom.value());
                });
            });
        });
        let extensions = writer.finish();
        let certificate = Certificate::parse(&rewritten(&leaf(), |fields| fields[7] = extensions));
        assert!(matches!(certificate, Err(CertificateError::Malformed { .. })), "{oid}");
    }
}

#[test]
fn over_a_mebibyte_nothing_is_read() {
    let mut large = Writer::default();
    large.value(tag::SEQUENCE, &vec![0; Certificate::MAX_OCTETS]);
    let large = large.finish();
    let too_large = Some(malformed("it is longer than 1 MiB"));
    assert_eq!(Certificate::parse(&large).err(), too_large);
    assert_eq!(
        Certificate::parse(pem::encode("CERTIFICATE", &large).as_bytes()).err(),
        too_large
    );
}

#[test]
fn a_ca_needs_its_extensions_and_a_key_that_signs() {
    let key = crate::key::test_keys::TestKey::ed25519();
    let root = TestCa::root(CaKeyAlgorithm::P256);
    let template = ca_template("CA", SubjectPublicKey::from_der(&key.spki()).unwrap());
    assert!(matches!(
        Issuer::new(root.issue(&template)),
        Err(CertificateError::CaKey(_))
    ));

    let ca = root.issuer.certificate();
    let without_usage = CertificateTemplate {
        key_usage: KeyUsage::default(),
        ..ca_template("CA", ca.public_key().unwrap())
    };
    assert!(Issuer::new(root.issue(&without_usage)).is_ok());
    assert!(matches!(Issuer::new(leaf()), Err(CertificateError::NotACa { .. })));
}

#[test]
fn signatures_are_verified_over_the_very_octets() {
    for algorithm in [CaKeyAlgorithm::P256, CaKeyAlgorithm::Rsa2048, CaKeyAlgorithm::MlDsa44] {
        let root = TestCa::root(algorithm);
        let leaf = root.issue(&leaf_template("leaf", &[]));
        assert!(leaf.is_signed_by(root.issuer.public_key()));
        assert!(!leaf.is_signed_by(TestCa::root(algorithm).issuer.public_key()));
        let mut bent = leaf.as_der().to_vec();
        let at = bent.windows(4).position(|window| window == b"leaf").unwrap();
        bent[at] = b'L';
        assert!(
            !Certificate::parse(&bent)
                .unwrap()
                .is_signed_by(root.issuer.public_key())
        );
    }
}

proptest! {
    #[test]
    fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Certificate::parse(&octets);
    }

    #[test]
    fn no_bent_certificate_panics(
        which in 0_usize..3,
        bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let original = Certificate::parse([ODD_CA, ED25519_NAMELESS, EXPLICIT_FALSE][which]).unwrap();
        let mut der = original.as_der().to_vec();
        for (at, octet) in bends {
            let at = at.index(der.len());
            der[at] = octet;
        }
        if let Ok(certificate) = Certificate::parse(&der) {
            let _ = (certificate.name_constraints(), certificate.policies(), certificate.crl_distribution_points());
            let _ = (certificate.ca_issuers(), certificate.ocsp(), certificate.key_identifier());
            let _ = (certificate.custom_extensions(), certificate.subject().to_rfc4514());
            let _ = Issuer::new(certificate);
        }
    }
}
