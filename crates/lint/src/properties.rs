//! Properties of linting as a whole, with real and damaged objects.

use proptest::prelude::*;

use super::testing::{CertificateParts, CrlParts};
use super::view::oid;
use super::{Finding, Severity, lint_certificate, lint_crl};

/// A chain made by OpenSSL: an RSA root, an EC issuing CA with name constraints, a leaf with every kind of name.
const ROOT: &[u8] = include_bytes!("../../x509/tests/data/chain/root.der");
const ISSUING: &[u8] = include_bytes!("../../x509/tests/data/chain/issuing.der");
const LEAF: &[u8] = include_bytes!("../../x509/tests/data/chain/leaf.der");
/// The issuing CA's CRL, made by OpenSSL: entries with reasons and with an invalidity date.
const CRL: &[u8] = include_bytes!("../../x509/tests/data/chain/issuing.crl.der");

fn errors(findings: &[Finding]) -> Vec<&Finding> {
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect()
}

fn rules(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule).collect()
}

/// Whatever is linted without panicking must also be reported with bounded messages.
fn assert_bounded(findings: &[Finding]) {
    for finding in findings {
        assert!(finding.message.len() < 4096, "{} says too much", finding.rule);
    }
}

fn lint_everything(der: &[u8]) {
    assert_bounded(&lint_certificate(der, Some(ISSUING)));
    assert_bounded(&lint_certificate(ISSUING, Some(der)));
    assert_bounded(&lint_crl(der, Some(ISSUING)));
    assert_bounded(&lint_crl(CRL, Some(der)));
}

#[test]
fn what_openssl_made_is_clean() {
    assert_eq!(lint_certificate(ROOT, Some(ROOT)), []);
    assert_eq!(lint_certificate(ISSUING, Some(ROOT)), []);
    assert_eq!(lint_certificate(LEAF, Some(ISSUING)), []);
    assert_eq!(lint_crl(CRL, Some(ISSUING)), []);
}

#[test]
fn what_belongs_to_another_ca_is_found() {
    let leaf = lint_certificate(LEAF, Some(ROOT));
    for rule in [
        "issuer_unlike_ca_subject",
        "aki_unlike_ca_ski",
        "signature_algorithm_unlike_ca_key",
    ] {
        assert!(rules(&leaf).contains(&rule), "{rule}");
    }
    let list = lint_crl(CRL, Some(ROOT));
    for rule in [
        "crl_issuer_unlike_ca_subject",
        "crl_aki_unlike_ca_ski",
        "crl_signature_algorithm_unlike_ca_key",
    ] {
        assert!(rules(&list).contains(&rule), "{rule}");
    }
}

#[test]
fn every_truncation_and_every_flipped_bit_is_survived() {
    for object in [ISSUING, LEAF, CRL] {
        for length in 0..object.len() {
            assert_eq!(errors(&lint_certificate(&object[..length], None)).len(), 1);
            assert_eq!(errors(&lint_crl(&object[..length], None)).len(), 1);
        }
        for bit in 0..object.len() * 8 {
            let mut flipped = object.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_bounded(&lint_certificate(&flipped, Some(ISSUING)));
            assert_bounded(&lint_crl(&flipped, Some(ISSUING)));
        }
    }
}

/// If a certificate with a flipped bit passes without errors, another parser accepts it too.
#[test]
fn what_passes_can_be_read_by_others() {
    let mut passed = 0;
    for bit in 0..LEAF.len() * 8 {
        let mut flipped = LEAF.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if errors(&lint_certificate(&flipped, None)).is_empty() {
            passed += 1;
            let (rest, _) =
                x509_parser::parse_x509_certificate(&flipped).unwrap_or_else(|error| panic!("bit {bit}: {error}"));
            assert_eq!(rest, []);
        }
    }
    // Serial, keys and the signature may have any value.
    assert!(passed > 1000, "{passed}");
}

proptest! {
    #[test]
    fn random_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        lint_everything(&octets);
    }

    #[test]
    fn overwritten_octets_never_panic(
        which in 0_usize..3,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut der = [ISSUING, LEAF, CRL][which].to_vec();
        for (place, octet) in changes {
            let place = place.index(der.len());
            der[place] = octet;
        }
        lint_everything(&der);
    }

    /// Random octets in an otherwise valid object: in a subject, a key, an extension, an entry.
    #[test]
    fn random_parts_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..60), place in 0_usize..16) {
        const EXTENSIONS: [oid::Oid<'static>; 11] = [
            oid::AUTHORITY_KEY_IDENTIFIER,
            oid::SUBJECT_KEY_IDENTIFIER,
            oid::KEY_USAGE,
            oid::CERTIFICATE_POLICIES,
            oid::SUBJECT_ALT_NAME,
            oid::BASIC_CONSTRAINTS,
            oid::NAME_CONSTRAINTS,
            oid::EXTENDED_KEY_USAGE,
            oid::CRL_DISTRIBUTION_POINTS,
            oid::AUTHORITY_INFO_ACCESS,
            oid::ISSUING_DISTRIBUTION_POINT,
        ];
        let leaf = CertificateParts::leaf();
        let list = CrlParts::full();
        let der = match place {
            0 => leaf.subject(octets).encode(),
            1 => leaf.key(octets).encode(),
            2 => leaf.with_names(&[octets]).encode(),
            3 => CrlParts { entries: vec![octets], ..list }.encode(),
            4 => list.with(oid::ISSUING_DISTRIBUTION_POINT, true, &octets).encode(),
            other => leaf.with(EXTENSIONS[other - 5], false, &octets).encode(),
        };
        lint_everything(&der);
    }
}
