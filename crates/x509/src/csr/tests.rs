mod crafted;
mod properties;

use std::path::Path;
use std::time::{Duration, Instant};

use const_oid::db::rfc5912;

use self::crafted::{Extension, Info, assemble};
use super::*;
use crate::algorithm::CaKeyAlgorithm;
use crate::key::KeyKind;
use crate::key::policy::{KeyPolicy, WeakKey};
use crate::key::test_keys::TestKey;
use crate::tlv::Writer;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/csr");
    std::fs::read(folder.join(name)).unwrap()
}

fn fixture_der(name: &str) -> Vec<u8> {
    pem::decode_all(&fixture(name)).unwrap().swap_remove(0).der
}

fn parse(input: &[u8]) -> Result<CertificationRequest, CsrError> {
    CertificationRequest::parse(input, &CsrBudget::default())
}

fn parse_fixture(name: &str) -> Result<CertificationRequest, CsrError> {
    parse(&fixture(name))
}

fn not_a_csr(input: &[u8]) -> PemError {
    match parse(input) {
        Err(CsrError::NotACsr { why }) => why,
        other => panic!("{other:?}"),
    }
}

fn case(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    std::fs::read(folder.join(name)).unwrap()
}

/// Files as they occur in practice: PEM as changed by editors, mail programs and web forms.
#[test]
fn requests_in_pem_as_people_have_it_are_taken_or_their_fault_is_named() {
    for (file, name) in [
        ("pem/bom.csr", "bom.corp.example"),
        ("pem/cr.csr", "cr.corp.example"),
        ("pem/spaces.csr", "spaces.corp.example"),
        ("pem/one-line.csr", "oneline.corp.example"),
        ("pem/key-and-csr.pem", "beside.corp.example"),
    ] {
        let request = parse(&case(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(
            request.subject().attributes().common_name.as_deref(),
            Some(name),
            "{file}"
        );
    }
    assert_eq!(not_a_csr(&case("pem/utf16le.csr")), PemError::Utf16);
    assert_eq!(not_a_csr(&case("pem/bare.b64")), PemError::NoBoundaries);
    let good = fixture("openssl-p256.pem");
    let error = not_a_csr(
        &String::from_utf8(good.clone())
            .unwrap()
            .replace('\n', r"\n")
            .into_bytes(),
    );
    assert_eq!(error, PemError::SpeltOutLineEnds);
    let mut der = fixture_der("openssl-p256.pem");
    der.push(b'\n');
    assert_eq!(not_a_csr(&der), PemError::LineEndBehindDer);
}

/// Why a key is refused: the stated reason is the real one.
#[test]
fn keys_of_people_are_refused_for_what_they_are() {
    for (file, why) in [
        ("keys/explicit-curve.csr", KeyError::ExplicitCurve),
        ("keys/compressed-point.csr", KeyError::CompressedPoint),
        ("keys/rsa-pss.csr", KeyError::RsaPss),
    ] {
        assert_eq!(parse(&case(file)).map(|_| ()), Err(CsrError::Key(why)), "{file}");
    }
}

/// Names that no certificate here can have are reported with their kind, all of them.
#[test]
fn every_name_that_a_csr_asks_for_is_told() {
    let key = TestKey::generate(CaKeyAlgorithm::P256);
    let mut names = Writer::default();
    names.nested(tag::SEQUENCE, |names| {
        names.value(tag::context(2), b"a.example");
        names.nested(tag::context_constructed(0), |other| {
            other.oid(&ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3"));
            other.nested(tag::context_constructed(0), |value| {
                value.value(tag::UTF8_STRING, b"a@b");
            });
        });
        names.value(tag::context(7), &[1, 2, 3]);
        names.value(tag::context(1), b"\xff@example.com");
        names.value(tag::context(8), &[0x2a, 3]);
    });
    let extension = Extension {
        value: names.finish(),
        ..Extension::default()
    };
    let info = Info {
        extensions: vec![extension],
        ..Info::default()
    }
    .encode(&key.spki());
    let request = parse(&assemble(&info, &key.sign(&info))).unwrap();
    let names = request.requested_names().unwrap();
    let other = |kind: &str| RequestedName::Other { kind: kind.to_owned() };
    assert_eq!(names[0], RequestedName::Known(AltName::Dns("a.example".to_owned())));
    assert_eq!(names[1], other("otherName 1.3.6.1.4.1.311.20.2.3"));
    assert_eq!(names[4], other("registeredID"));
    assert_eq!(names.len(), 5);
}

fn malformed(input: &[u8]) -> &'static str {
    match parse(input) {
        Err(CsrError::Malformed { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_of_every_generator_are_read() {
    let rsa = |bits| KeyKind::Rsa { bits };
    let expected = [
        (
            "openssl-rsa2048.pem",
            rsa(2048),
            "CN=rsa2048.example.com,O=Example Ltd,C=GB",
        ),
        ("openssl-rsa4096-sha512.pem", rsa(4096), "CN=rsa4096.example.com"),
        ("openssl-rsa3072-pss-sha256.pem", rsa(3072), "CN=pss.example.com"),
        ("openssl-rsa2048-pss-sha384.pem", rsa(2048), "CN=pss.example.com"),
        ("openssl-rsa2048-pss-long-salt.pem", rsa(2048), "CN=pss.example.com"),
        ("openssl-p256.pem", KeyKind::P256, "CN=p256.example.com"),
        ("openssl-p256.der", KeyKind::P256, "CN=p256.example.com"),
        ("openssl-p256-sha512.pem", KeyKind::P256, "CN=p256.example.com"),
        ("openssl-p384.pem", KeyKind::P384, "CN=p384.example.com"),
        ("openssl-p521.pem", KeyKind::P521, "CN=p521.example.com"),
        ("openssl-ed25519.pem", KeyKind::Ed25519, "CN=ed25519.example.com"),
        ("openssl-san.pem", KeyKind::P256, "CN=san.example.com"),
        (
            "openssl-comma.pem",
            KeyKind::P256,
            r#"CN=comma.example.com,OU=R/D \+ \"Ops\",O=Acme\, Inc.,C=US"#,
        ),
        (
            "openssl-utf8.pem",
            KeyKind::P256,
            "CN=例え.example.com,O=株式会社例,ST=東京都,C=JP",
        ),
        ("openssl-no-subject.pem", KeyKind::P256, ""),
        ("openssl-text.pem", KeyKind::P256, "CN=text.example.com"),
        (
            "gnutls-p256.pem",
            KeyKind::P256,
            r"CN=certtool.example.com,O=Acme\, Inc.",
        ),
        (
            "gnutls-rsa3072.pem",
            rsa(3072),
            r"CN=certtool.example.com,O=Acme\, Inc.",
        ),
        (
            "gnutls-ed25519.pem",
            KeyKind::Ed25519,
            r"CN=certtool.example.com,O=Acme\, Inc.",
        ),
        (
            "keytool-rsa2048.pem",
            rsa(2048),
            r"CN=keytool.example.com,O=Acme\, Inc.,C=US",
        ),
        (
            "keytool-ec256.pem",
            KeyKind::P256,
            r"CN=keytool.example.com,O=Acme\, Inc.,C=US",
        ),
        (
            "keytool-ec384.pem",
            KeyKind::P384,
            r"CN=keytool.example.com,O=Acme\, Inc.,C=US",
        ),
        ("python-p256.pem", KeyKind::P256, "CN=p256.example.com"),
        ("python-p521.pem", KeyKind::P521, "CN=p521.example.com"),
        ("python-ed25519.pem", KeyKind::Ed25519, "CN=ed25519.example.com"),
        (
            "python-rsa2048-pss-sha512.pem",
            rsa(2048),
            "CN=rsa2048-pss-sha512.example.com",
        ),
        ("python-ml-dsa-44.pem", KeyKind::MlDsa44, "CN=ml-dsa-44.example.com"),
        ("python-ml-dsa-65.pem", KeyKind::MlDsa65, "CN=ml-dsa-65.example.com"),
        ("python-ml-dsa-87.pem", KeyKind::MlDsa87, "CN=ml-dsa-87.example.com"),
    ];
    for (name, kind, subject) in expected {
        let request = parse_fixture(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(request.public_key().kind(), kind, "{name}");
        assert_eq!(request.subject().to_rfc4514(), subject, "{name}");
        assert_eq!(KeyPolicy::default().check(request.public_key()), Ok(()), "{name}");
        assert_eq!(parse(request.as_der()).unwrap().as_der(), request.as_der(), "{name}");
    }
}

#[test]
fn a_multi_valued_rdn_keeps_all_its_attributes() {
    let request = parse_fixture("openssl-multi-valued.pem").unwrap();
    let attributes = request.subject().attributes();
    assert_eq!(attributes.common_name.as_deref(), Some("Ada"));
    assert_eq!(attributes.organization.as_deref(), Some("Example"));
    assert_eq!(attributes.organizational_unit.as_deref(), Some("People"));
}

#[test]
fn requested_extensions_come_as_they_are() {
    let request = parse_fixture("openssl-san.pem").unwrap();
    assert_eq!(request.signature_algorithm_oid(), rfc5912::ECDSA_WITH_SHA_256);
    let extensions: Vec<(String, bool)> = request
        .requested_extensions()
        .iter()
        .map(|extension| (extension.oid.to_string(), extension.critical))
        .collect();
    let expected = [("2.5.29.17", false), ("2.5.29.15", true), ("2.5.29.37", false)];
    assert_eq!(extensions, expected.map(|(oid, critical)| (oid.to_owned(), critical)));
    // digitalSignature
    assert_eq!(request.requested_extensions()[1].value, [3, 2, 7, 0x80]);
    let alt_names = request.requested_alt_names().unwrap();
    assert_eq!(alt_names.len(), 6);
    assert_eq!(alt_names[0], AltName::Dns("san.example.com".to_owned()));
    let without = parse_fixture("openssl-p256.pem").unwrap();
    assert_eq!(without.requested_alt_names(), Ok(Vec::new()));
    assert_eq!(without.requested_extensions(), []);
}

#[test]
fn weak_keys_are_read_and_then_refused_by_the_policy() {
    let judge = |name| KeyPolicy::default().check(parse_fixture(name).unwrap().public_key());
    assert_eq!(judge("openssl-weak-rsa1024.pem"), Err(WeakKey::RsaSize { bits: 1024 }));
    assert_eq!(judge("openssl-weak-rsa-e3.pem"), Err(WeakKey::RsaExponent));
}

#[test]
fn signatures_that_prove_nothing_are_refused_by_name() {
    let oid = |name| match parse_fixture(name) {
        Err(CsrError::SignatureAlgorithm { oid }) => oid,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(oid("openssl-weak-md5.pem"), "1.2.840.113549.1.1.4");
    assert_eq!(oid("openssl-weak-sha1.pem"), "1.2.840.113549.1.1.5");
    assert_eq!(oid("openssl-weak-ecdsa-sha1.pem"), "1.2.840.10045.4.1");
}

#[test]
fn unsupported_keys_are_refused_by_name() {
    let unsupported = |oid: &str| Err(CsrError::Key(KeyError::UnsupportedAlgorithm { oid: oid.to_owned() }));
    let read = |name| parse_fixture(name).map(|request| request.public_key().kind());
    assert_eq!(read("openssl-unsupported-secp256k1.pem"), unsupported("1.3.132.0.10"));
    assert_eq!(read("openssl-unsupported-dsa.pem"), unsupported("1.2.840.10040.4.1"));
    assert_eq!(read("openssl-unsupported-ed448.pem"), unsupported("1.3.101.113"));
    assert_eq!(
        read("openssl-unsupported-explicit-curve.pem"),
        Err(CsrError::Key(KeyError::ExplicitCurve))
    );
}

#[test]
fn pem_may_have_text_and_other_blocks_around_it_but_one_request() {
    let request = String::from_utf8(fixture("openssl-p256.pem")).unwrap();
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(parse(format!("{key}{request}").as_bytes()).is_ok());
    assert!(parse(format!("0 is how a SEQUENCE begins\r\n{}", request.replace('\n', "\r\n")).as_bytes()).is_ok());
    assert_eq!(
        malformed(format!("{request}{request}").as_bytes()),
        "there is more than one in the file"
    );
    for other in [key.to_owned(), request.replace("REQUEST", "REQUESTS")] {
        let error = not_a_csr(other.as_bytes());
        assert!(matches!(error, PemError::OtherLabel { .. }), "{error}");
    }
}

#[test]
fn what_is_no_request_is_told_so() {
    for input in [
        &b""[..],
        b"hello",
        b"\x02\x01\x00",
        b"-----BEGIN CERTIFICATE REQUEST-----",
        &[0xff; 500],
    ] {
        not_a_csr(input);
    }
    for input in [&b"\x30"[..], b"\x30\x80\x00\x00", b"\x30\x00", b"0 this is text"] {
        malformed(input);
    }
}

#[test]
fn truncated_requests_are_malformed_wherever_they_end() {
    let der = fixture("openssl-p256.der");
    for length in 1..der.len() {
        malformed(&der[..length]);
    }
}

#[test]
fn nothing_may_follow_a_request() {
    let der = fixture("openssl-p256.der");
    assert_eq!(malformed(&[&der[..], &[0]].concat()), "something follows its end");
    assert_eq!(malformed(&[&der[..], &der].concat()), "something follows its end");
}

#[test]
fn a_signature_by_another_key_does_not_verify() {
    let (victim, thief) = (
        TestKey::generate(CaKeyAlgorithm::P256),
        TestKey::generate(CaKeyAlgorithm::P256),
    );
    let info = Info::default().encode(&victim.spki());
    assert!(parse(&assemble(&info, &victim.sign(&info))).is_ok());
    let stolen = assemble(&info, &thief.sign(&info));
    assert_eq!(parse(&stolen).map(|_| ()), Err(CsrError::BadSignature));
}

#[test]
fn the_budget_is_kept() {
    let over = |budget: &CsrBudget, input: &[u8]| match CertificationRequest::parse(input, budget) {
        Err(CsrError::OverBudget { what, actual, limit }) => (what, actual, limit),
        other => panic!("{other:?}"),
    };
    let der = fixture_der("openssl-san.pem");
    let budget = CsrBudget::default();
    let exact = CsrBudget {
        octets: der.len(),
        subject_attributes: 1,
        extensions: 3,
        alt_names: 6,
    };
    assert!(CertificationRequest::parse(&der, &exact).is_ok());
    assert!(CertificationRequest::parse(&fixture("openssl-san.pem"), &exact).is_ok());

    let short = CsrBudget {
        octets: der.len() - 1,
        ..exact
    };
    assert_eq!(over(&short, &der), ("octets", der.len(), der.len() - 1));
    assert_eq!(
        over(&short, &fixture("openssl-san.pem")),
        ("octets", der.len(), der.len() - 1)
    );
    let nameless = CsrBudget {
        subject_attributes: 0,
        ..budget
    };
    assert_eq!(over(&nameless, &der), ("subject attributes", 1, 0));
    let two_attributes_in_one_rdn = CsrBudget {
        subject_attributes: 5,
        ..budget
    };
    assert_eq!(
        over(&two_attributes_in_one_rdn, &fixture("openssl-multi-valued.pem")),
        ("subject attributes", 6, 5)
    );
    assert_eq!(
        over(
            &CsrBudget {
                extensions: 2,
                ..budget
            },
            &der
        ),
        ("extensions", 3, 2)
    );
    assert_eq!(
        over(&CsrBudget { alt_names: 5, ..budget }, &der),
        ("alternative names", 6, 5)
    );
}

/// Any number of names: refused for their octets or, if these are within the limit, for their number, before a single
/// one is parsed.
#[test]
fn a_million_alternative_names_are_refused_at_once() {
    let key = TestKey::generate(CaKeyAlgorithm::P256);
    let mut names = Writer::default();
    names.nested(tag::SEQUENCE, |names| {
        for number in 0..1_000_000 {
            names.value(tag::context(2), format!("{number}.example.com").as_bytes());
        }
    });
    let extension = Extension {
        value: names.finish(),
        ..Extension::default()
    };
    let info = Info {
        extensions: vec![extension],
        ..Info::default()
    }
    .encode(&key.spki());
    let der = assemble(&info, &key.sign(&info));
    let pem = pem::encode("CERTIFICATE REQUEST", &der);

    for input in [&der, pem.as_bytes()] {
        let start = Instant::now();
        let refused = parse(input).map(|_| ());
        assert!(start.elapsed() < Duration::from_millis(10));
        assert!(
            matches!(refused, Err(CsrError::OverBudget { what: "octets", .. })),
            "{refused:?}"
        );
    }
    let roomy = CsrBudget {
        octets: 1 << 26,
        ..CsrBudget::default()
    };
    let refused = CertificationRequest::parse(&der, &roomy).map(|_| ());
    assert_eq!(
        refused,
        Err(CsrError::OverBudget {
            what: "alternative names",
            actual: 1_000_000,
            limit: 256
        })
    );
}

#[test]
fn extensions_asked_for_twice_are_refused() {
    let key = TestKey::generate(CaKeyAlgorithm::P256);
    let parse_info = |info: &Info| {
        let info = info.encode(&key.spki());
        parse(&assemble(&info, &key.sign(&info))).map(|_| ())
    };
    let basic = || Extension {
        oid: "2.5.29.19",
        value: vec![0x30, 0],
        ..Extension::default()
    };
    let mut info = Info {
        extensions: vec![basic(), Extension::default()],
        ..Info::default()
    };
    assert_eq!(parse_info(&info), Ok(()));
    info.extensions.push(basic());
    let oid = "2.5.29.19".to_owned();
    assert_eq!(parse_info(&info), Err(CsrError::DuplicateExtension { oid }));
}

#[test]
fn odd_structures_are_malformed_with_a_reason() {
    let key = TestKey::generate(CaKeyAlgorithm::P256);
    let detail = |info: &Info| {
        let info = info.encode(&key.spki());
        malformed(&assemble(&info, &key.sign(&info)))
    };
    let with_extension = |extension| Info {
        extensions: vec![extension],
        ..Info::default()
    };

    assert_eq!(
        detail(&Info {
            version: vec![1],
            ..Info::default()
        }),
        "its version is not 1 (encoded as 0)"
    );
    assert_eq!(
        detail(&Info {
            version: vec![0, 0],
            ..Info::default()
        }),
        "its version is not 1 (encoded as 0)"
    );
    assert_eq!(
        detail(&Info {
            subject: vec![0x30, 2, 0x30, 0],
            ..Info::default()
        }),
        structure::BAD_SUBJECT
    );
    assert_eq!(
        detail(&Info {
            subject: vec![0x31, 0],
            ..Info::default()
        }),
        structure::BAD_SUBJECT
    );
    let twice = Info {
        extension_requests: 2,
        ..with_extension(Extension::default())
    };
    assert_eq!(detail(&twice), "it has two extensionRequests");
    let boolean = Extension {
        critical: Some(1),
        ..Extension::default()
    };
    assert_eq!(detail(&with_extension(boolean)), structure::BAD_EXTENSION);
    let no_list = Extension {
        value: vec![4, 0],
        ..Extension::default()
    };
    assert_eq!(detail(&with_extension(no_list)), structure::BAD_ALT_NAME);
    let trailing = Extension {
        value: vec![0x30, 0, 0],
        ..Extension::default()
    };
    assert_eq!(detail(&with_extension(trailing)), structure::BAD_ALT_NAME);
}

#[test]
fn missing_attributes_and_a_false_spelt_out_are_taken() {
    let key = TestKey::generate(CaKeyAlgorithm::P256);
    let parse_info = |info: &Info| {
        let info = info.encode(&key.spki());
        parse(&assemble(&info, &key.sign(&info))).unwrap()
    };
    let bare = Info {
        attributes: false,
        ..Info::default()
    };
    assert_eq!(parse_info(&bare).requested_extensions(), []);
    for (octet, critical) in [(0, false), (0xff, true)] {
        let extension = Extension {
            critical: Some(octet),
            ..Extension::default()
        };
        let request = parse_info(&Info {
            extensions: vec![extension],
            ..Info::default()
        });
        assert_eq!(request.requested_extensions()[0].critical, critical);
    }
}

#[test]
fn signatures_with_unused_bits_are_malformed() {
    let mut der = fixture("openssl-p256.der");
    let bits = der.len() - SIGNATURE_OF_P256_DER;
    assert_eq!(der[bits], 0);
    der[bits] = 1;
    malformed(&der);
}

/// Octets of the content of the signature's BIT STRING in `openssl-p256.der`.
const SIGNATURE_OF_P256_DER: usize = 73;
