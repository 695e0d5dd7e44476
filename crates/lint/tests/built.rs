//! What `chancery-x509` builds and writes is what the rules demand.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use chancery_lint::{Finding, Severity, lint_certificate, lint_crl};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::{BasicConstraints, Certificate, CertificateTemplate, Issuer, KeyUsage};
use chancery_x509::crl::{Coverage, CrlHeader, RevocationReason, RevokedEntry};
use chancery_x509::extension::{CLIENT_AUTH, SERVER_AUTH};
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use chancery_x509::serial::Serial;

use crate::authority::{Authority, Key, NOW};

fn errors(findings: Vec<Finding>) -> Vec<Finding> {
    findings
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect()
}

fn template(subject: &Subject, key: &Key) -> CertificateTemplate {
    CertificateTemplate {
        serial: Serial::from_random([0x5a; 20]).unwrap(),
        subject: subject.to_name().unwrap(),
        public_key: SubjectPublicKey::from_der(&key.spki()).unwrap(),
        not_before: NOW.plus_seconds(-300),
        not_after: NOW.plus_days(30),
        basic_constraints: None,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        subject_key_identifier: None,
        extended_key_usages: Vec::new(),
        alt_names: Vec::new(),
        policies: Vec::new(),
        name_constraints: None,
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        custom_extensions: Vec::new(),
    }
}

fn issuing_ca(key: &Key) -> CertificateTemplate {
    let subject = Subject {
        common_name: Some("Example Issuing CA".to_owned()),
        ..Subject::default()
    };
    CertificateTemplate {
        basic_constraints: Some(BasicConstraints {
            ca: true,
            path_len: Some(0),
        }),
        key_usage: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
        not_after: NOW.plus_days(3650),
        ..template(&subject, key)
    }
}

/// Every field set but extensions of the requester's own.
fn full_leaf() -> CertificateTemplate {
    let subject = Subject {
        common_name: Some("www.example.com".to_owned()),
        country: Some("GB".to_owned()),
        email_address: Some("admin@example.com".to_owned()),
        locality: Some("London".to_owned()),
        organization: Some("Acme, Inc.".to_owned()),
        organizational_unit: Some("Zoë's Unit".to_owned()),
        state: Some("London".to_owned()),
    };
    let alt_names = [
        (AltNameType::Dns, "www.example.com"),
        (AltNameType::Dns, "bücher.example"),
        (AltNameType::Ip, "192.0.2.1"),
        (AltNameType::Ip, "2001:db8::1"),
        (AltNameType::Email, "admin@example.com"),
        (AltNameType::Uri, "https://www.example.com/a?b"),
        (AltNameType::Directory, "CN=a+O=b,C=GB"),
    ];
    CertificateTemplate {
        extended_key_usages: vec![SERVER_AUTH, CLIENT_AUTH],
        alt_names: alt_names
            .into_iter()
            .map(|(kind, text)| AltName::parse(kind, text).unwrap())
            .collect(),
        policies: vec!["1.3.6.1.4.1.99999.1".parse().unwrap()],
        crl_distribution_points: vec![
            "http://pki.example.com/ca.crl".to_owned(),
            "http://pki2.example.com/ca.crl".to_owned(),
        ],
        ca_issuers: vec!["http://pki.example.com/ca.crt".to_owned()],
        ocsp: vec!["http://ocsp.example.com/".to_owned()],
        ..template(&subject, &Key::p256())
    }
}

#[test]
fn a_chain_under_every_algorithm_is_without_errors() {
    for algorithm in CaKeyAlgorithm::ALL {
        let usage = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
        let root = Authority::new(Key::generate(algorithm), usage, "Example Root CA");
        let key = Key::generate(algorithm);
        let tbs = issuing_ca(&key).issued_by(&root.issuer).unwrap();
        let ca = Certificate::parse(&tbs.assemble(&root.sign(tbs.as_der()))).unwrap();
        let ca = Issuer::new(ca).unwrap();
        let tbs = full_leaf().issued_by(&ca).unwrap();
        let leaf = tbs.assemble(&key.sign(tbs.as_der()));

        let (root, ca) = (root.issuer.certificate().as_der(), ca.certificate().as_der());
        for (certificate, issuer) in [(root, root), (ca, root), (&leaf, ca)] {
            assert_eq!(errors(lint_certificate(certificate, Some(issuer))), [], "{algorithm:?}");
        }
    }
}

#[test]
fn a_leaf_with_little_in_it_is_without_errors() {
    let authority = Authority::usual();
    let root = authority.issuer.certificate().as_der();
    assert_eq!(errors(lint_certificate(&authority.leaf(7), Some(root))), []);
}

#[test]
fn a_crl_by_every_kind_of_key_is_clean() {
    for key in [Key::p256(), Key::rsa2048(), Key::ml_dsa65()] {
        let authority = Authority::with(key);
        let ca = authority.issuer.certificate().as_der();
        let name = authority.issuer.public_key().algorithm().name();
        let shard = CrlHeader {
            scope: Coverage::Shard {
                distribution_points: vec!["http://crl.example.com/shard-3.crl".to_owned()],
            },
            ..authority.header()
        };
        let entry = RevokedEntry {
            serial: Serial::from_octets(&[5]).unwrap(),
            revoked_at: NOW.plus_seconds(-60),
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
        };
        for (header, entries) in [
            (authority.header(), &[][..]),
            (authority.header(), &[entry]),
            (shard, &[entry]),
        ] {
            let der = authority.crl(&header, entries).unwrap();
            assert_eq!(lint_crl(&der, Some(ca)), [], "{name}, {} entries", entries.len());
        }
    }
}
