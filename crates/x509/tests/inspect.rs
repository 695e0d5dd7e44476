//! What people and programs are told about objects of all kinds.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use chancery_x509::csr::{CertificationRequest, CsrBudget};
use chancery_x509::inspect::{InspectLimits, Inspection, NotInspectable, ObjectKind, Value, inspect};
use chancery_x509::pem;
use proptest::prelude::*;

fn one(input: &[u8]) -> Inspection {
    let mut all = inspect(input, &InspectLimits::default()).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn der(pem: &[u8]) -> Vec<u8> {
    pem::decode_all(pem).unwrap().remove(0).der
}

fn value<'a>(inspection: &'a Inspection, key: &str) -> &'a Value {
    let field = inspection.fields.iter().find(|field| field.key == key);
    &field.unwrap_or_else(|| panic!("no {key}")).value
}

const EVERY_EXTENSION: &[u8] = include_bytes!("data/every-extension.pem");
const REQUEST: &[u8] = include_bytes!("data/request.pem");
const CRL: &[u8] = include_bytes!("data/openssl.crl.pem");

#[test]
fn a_certificate_with_every_extension() {
    let inspection = one(EVERY_EXTENSION);
    assert_eq!(inspection.problems, Vec::<String>::new());
    insta::assert_snapshot!(inspection);
}

#[test]
fn a_request() {
    let inspection = one(REQUEST);
    assert_eq!(value(&inspection, "proofOfPossession"), &Value::Flag(true));
    insta::assert_snapshot!(inspection);
}

#[test]
fn a_request_whose_signature_does_not_verify_is_told_and_says_so() {
    let inspection = one(include_bytes!("data/request-bad-signature.pem"));
    assert_eq!(inspection.kind, ObjectKind::CertificationRequest);
    assert_eq!(value(&inspection, "proofOfPossession"), &Value::Flag(false));
    assert!(
        inspection.problems[0].contains("does not verify"),
        "{:?}",
        inspection.problems
    );
    assert!(inspection.to_string().contains("DNS:request.example"));
    assert!(!inspection.to_string().contains("very secret"));
}

#[test]
fn a_crl() {
    insta::assert_snapshot!(one(CRL));
}

#[test]
fn keys_that_are_not_certified_here_are_told() {
    let dsa = one(include_bytes!("data/dsa.pem")).to_string();
    assert!(dsa.contains("DSA") && dsa.contains("2048"), "{dsa}");
    let secp256k1 = one(include_bytes!("data/secp256k1.pem")).to_string();
    assert!(secp256k1.contains("secp256k1"), "{secp256k1}");
}

#[test]
fn der_and_pem_are_told_alike() {
    for pem in [EVERY_EXTENSION, REQUEST, CRL] {
        assert_eq!(one(pem), one(&der(pem)));
    }
}

#[test]
fn every_block_is_told_and_private_keys_only_by_their_label() {
    let private = pem::encode("PRIVATE KEY", b"very secret octets");
    let file = [EVERY_EXTENSION, private.as_bytes(), REQUEST, CRL].concat();
    let all = inspect(&file, &InspectLimits::default()).unwrap();
    let kinds: Vec<ObjectKind> = all.iter().map(|inspection| inspection.kind).collect();
    assert_eq!(
        kinds,
        [
            ObjectKind::Certificate,
            ObjectKind::Other,
            ObjectKind::CertificationRequest,
            ObjectKind::RevocationList,
        ]
    );
    assert!(all[1].to_string().contains("PRIVATE KEY"));
    assert!(all[1].der.is_empty());

    let alone = inspect(private.as_bytes(), &InspectLimits::default());
    assert!(matches!(alone, Err(NotInspectable::Foreign { .. })), "{alone:?}");
    let limits = InspectLimits {
        blocks: 3,
        ..InspectLimits::default()
    };
    assert_eq!(
        inspect(&file, &limits),
        Err(NotInspectable::TooManyBlocks { actual: 4, limit: 3 })
    );
}

#[test]
fn limits_bound_what_is_shown_and_the_rest_is_counted() {
    let limits = InspectLimits {
        crl_entries: 2,
        list_items: 1,
        octets: 3,
        ..InspectLimits::default()
    };
    let crl = &inspect(CRL, &limits).unwrap()[0];
    assert_eq!(value(crl, "revokedCount"), &Value::Number(3));
    let Value::List { items, omitted } = value(crl, "revoked") else {
        panic!("no list")
    };
    assert_eq!((items.len(), *omitted), (2, 1));
    let certificate = inspect(EVERY_EXTENSION, &limits).unwrap()[0].to_string();
    assert!(certificate.contains("more"), "{certificate}");
}

#[test]
fn what_is_malformed_is_told_as_far_as_it_goes() {
    let mut der = der(EVERY_EXTENSION);
    // notBefore's month, behind the first UTCTime's header.
    let at = der.windows(2).position(|two| two == [0x17, 0x0d]).unwrap() + 4;
    der[at] = b'X';
    let inspection = one(&der);
    assert!(!inspection.problems.is_empty());
    assert!(inspection.to_string().contains("Everything"), "{inspection}");
    let garbage = pem::encode("CERTIFICATE", b"garbage");
    assert!(!one(garbage.as_bytes()).problems.is_empty());
}

#[test]
fn what_is_nothing_known_is_an_error() {
    for input in [&b"hello"[..], &[0x30, 0], &[0x30, 3, 2, 1, 5], &[0xff; 100]] {
        let inspected = inspect(input, &InspectLimits::default());
        assert!(
            matches!(inspected, Err(NotInspectable::Unknown { .. })),
            "{inspected:?}"
        );
    }
}

#[test]
fn what_cannot_be_inspected_is_called_by_its_name() {
    let encrypted: &[u8] = include_bytes!("data/inspect/encrypted.key");
    let chain: &[u8] = include_bytes!("data/inspect/chain.p7b");
    let decoded = |pem: &[u8]| pem::decode_all(pem).unwrap().remove(0).der;
    let old_key = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let labelled = |label| pem::encode(label, &[0x30, 0]).into_bytes();
    // PrivateKeyInfo, RSAPrivateKey and ECPrivateKey as far as they are looked at.
    let pkcs8 = [0x30, 13, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 1, 0];
    let (pkcs1, sec1) = ([0x30, 6, 2, 1, 0, 2, 1, 5], [0x30, 6, 2, 1, 1, 4, 1, 5]);
    for (input, what) in [
        (&b""[..], "an empty file"),
        (b" \r\n", "an empty file"),
        (encrypted, "a private key, encrypted"),
        (&decoded(encrypted), "a private key, encrypted"),
        (old_key, "a private key, encrypted"),
        (&labelled("PRIVATE KEY"), "a private key, not encrypted"),
        (&labelled("EC PRIVATE KEY"), "a private key, not encrypted"),
        (&pkcs8, "a private key, not encrypted"),
        (&pkcs1, "a private key, not encrypted"),
        (&sec1, "a private key, not encrypted"),
        (chain, "PKCS #7"),
        (&labelled("PKCS7"), "PKCS #7"),
        (include_bytes!("data/inspect/identity.p12"), "PKCS #12"),
        (include_bytes!("data/inspect/ssh.pub"), "an OpenSSH public key"),
        (&labelled("OPENSSH PRIVATE KEY"), "an OpenSSH private key"),
        (&labelled("TRUSTED CERTIFICATE"), "a TRUSTED CERTIFICATE"),
        (&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2], "a Java key store"),
    ] {
        let inspected = inspect(input, &InspectLimits::default()).unwrap_err().to_string();
        assert!(inspected.starts_with(&format!("this is {what}")), "{what}: {inspected}");
        assert!(inspected.contains(": "), "what opens it: {inspected}");
    }
}

#[test]
fn a_request_that_is_certified_is_not_malformed() {
    let input: &[u8] = include_bytes!("data/inspect/attribute-without-value.csr");
    CertificationRequest::parse(input, &CsrBudget::default()).unwrap();
    let inspection = one(input);
    assert_eq!(inspection.problems, [""; 0]);
    assert!(inspection.to_string().contains("(no value)"), "{inspection}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn flipped_bits_never_panic(
        which in 0_usize..3,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6),
    ) {
        let mut der = der([EVERY_EXTENSION, REQUEST, CRL][which]);
        for (at, bit) in flips {
            let at = at.index(der.len());
            der[at] ^= 1 << bit;
        }
        let label = ["CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL"][which];
        let _ = inspect(&der, &InspectLimits::default());
        let inspected = one(pem::encode(label, &der).as_bytes()).to_string();
        prop_assert!(!inspected.chars().any(|character| character.is_control() && character != '\n'));
    }

    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..256)) {
        for label in ["CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL", "PUBLIC KEY"] {
            let _ = inspect(pem::encode(label, &octets).as_bytes(), &InspectLimits::default());
        }
    }
}
