//! What others paid for: a test for each lesson that concerns issuance, failing without its remedy.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::sync::Arc;

use chancery_authority::Principal;
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::issue::{RequestedNames, TlsPurpose};
use chancery_authority::port::ledger::{Kind, Search};
use chancery_authority::profile::Profiles;
use chancery_contract::{IssueTlsCert as _, RequestedExtension, TlsCertAnswer, TlsCertRequest};
use chancery_testing::SignUnchecked as _;
use chancery_testing::memory::Fault;
use chancery_testing::{Fixture, NOW, Requester, certificate, named, principal, request, request_with_names};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::csr::CsrError;
use chancery_x509::extension::extended_key_usage;
use chancery_x509::key::ca::SigningHasher;
use chancery_x509::key::policy::WeakKey;
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use chancery_x509::time::DAY;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};

/// 1. A leaf named like a CA lands among the CA's own rows and is taken for the CA.
#[tokio::test]
async fn lesson_01_a_ca_s_name_is_no_common_name() {
    let fixture = Fixture::new().await;
    for name in [
        "chancery-issuing-ca",
        "chancery-root-ca",
        "Chancery-Issuing-CA",
        "(none)",
    ] {
        let by_csr = fixture.refusal(&request(name)).await;
        assert!(matches!(by_csr, Refusal::ReservedName { .. }), "{name:?}: {by_csr}");

        let mut by_request = request("harmless.example.com");
        by_request.subject.common_name = Some(name.into());
        assert_eq!(fixture.refusal(&by_request).await.code(), "reserved_name");
    }
    let blanks = fixture.refusal(&request(" chancery-root-ca ")).await;
    assert_eq!(
        blanks.code(),
        "bad_subject",
        "no subject begins or ends with a blank: {blanks}"
    );
    // And CAs are known by their kind, whatever leaves are called.
    fixture.issue(&request("Chancery Issuing CA of old")).await.unwrap();
    let mut fixture = fixture;
    fixture.restart().await;
    let cas: Vec<_> = fixture.authority.cas().iter().map(|ca| ca.name().to_string()).collect();
    assert_eq!(cas, ["chancery-root-ca", "chancery-issuing-ca"]);
}

/// 2. CSR signatures were not verified, and the CA's own key was certified.
#[tokio::test]
async fn lesson_02_whoever_asks_holds_the_key() {
    let fixture = Fixture::new().await;
    let mut tampered = Requester::new().csr("a.example.com");
    let middle_of_name = tampered.windows(9).position(|window| window == b"a.example").unwrap();
    tampered[middle_of_name] = b'b';
    let refusal = fixture.refusal(&TlsCertRequest::for_csr(tampered)).await;
    assert_eq!(refusal, Refusal::Csr(CsrError::BadSignature));

    // Somebody else's key, signed with one's own.
    let info = chancery_testing::requester::csr_info(&named("a.example.com"), &Requester::new().spki());
    let (_, stranger) = split(&Requester::new().csr("a.example.com"));
    let refusal = fixture
        .refusal(&TlsCertRequest::for_csr(chancery_testing::requester::csr(
            &info, &stranger,
        )))
        .await;
    assert_eq!(refusal.code(), "bad_signature");
}

#[tokio::test]
async fn lesson_02_a_ca_s_own_key_is_not_certified_even_with_its_signature() {
    let fixture = Fixture::new().await;
    let issuing = fixture.authority.issuing_ca().unwrap();
    let key = issuing.issuer.public_key();
    let info = chancery_testing::requester::csr_info(&named("a.example.com"), key.as_der());
    let mut hasher = SigningHasher::new(key);
    hasher.update(&info);
    let signed = fixture
        .authority
        .ports()
        .keys
        .sign_unchecked(&issuing.record.key, &hasher.finish())
        .await
        .unwrap();
    let csr = chancery_testing::requester::csr(&info, &signed.signature);

    let refusal = fixture.refusal(&TlsCertRequest::for_csr(csr)).await;
    assert_eq!(
        refusal,
        Refusal::OwnKey {
            ca: issuing.name().clone()
        }
    );
}

/// The signature's octets at the end of a CSR.
fn split(csr: &[u8]) -> (&[u8], Vec<u8>) {
    let unused_bits = csr
        .windows(3)
        .rposition(|window| window[0] == 0x03 && window[2] == 0)
        .unwrap();
    (&csr[..unused_bits], csr[unused_bits + 3..].to_vec())
}

/// 3. RSA-1024, DSA, secp256k1 and odd keys were certified.
#[tokio::test]
async fn lesson_03_weak_and_odd_keys_are_refused() {
    let fixture = Fixture::new().await;
    let cases: [(&[u8], &str); 4] = [
        (include_bytes!("data/rsa1024.csr"), "weak_key"),
        (include_bytes!("data/rsa-e3.csr"), "weak_key"),
        (include_bytes!("data/dsa.csr"), "unsupported_key"),
        (include_bytes!("data/secp256k1.csr"), "unsupported_key"),
    ];
    for (csr, code) in cases {
        let refusal = fixture.refusal(&TlsCertRequest::for_csr(csr)).await;
        assert_eq!(refusal.code(), code, "{refusal}");
    }
    fixture
        .issue(&TlsCertRequest::for_csr(include_bytes!("data/rsa2048.csr")))
        .await
        .unwrap();
}

#[tokio::test]
async fn lesson_03_compromised_keys_are_refused() {
    let compromised = Requester::new();
    let fingerprint = chancery_x509::key::SubjectPublicKey::from_der(&compromised.spki())
        .unwrap()
        .fingerprint();
    let fixture = Fixture::with(&format!(
        "blocked_keys = ['{}']",
        data_encoding::HEXLOWER.encode(&fingerprint.0)
    ))
    .await;
    let refusal = fixture.refusal(&compromised.request("a.example.com")).await;
    assert_eq!(refusal, Refusal::WeakKey(WeakKey::Blocked));
    fixture.issue(&request("a.example.com")).await.unwrap();
}

/// A leaf that is called like a CA is taken for the CA by whoever goes by names.
#[tokio::test]
async fn no_subject_and_no_common_name_is_a_ca_s() {
    let config = "
[[ca]]
name = 'root-ca'
[ca.subject]
common_name = 'Example Root'
organization = 'Example'
[[ca]]
name = 'issuing-ca'
parent = 'root-ca'
[ca.subject]
common_name = 'Example Issuing'
";
    let fixture = Fixture::with(config).await;
    for (name, organization) in [
        ("Example Root", None),
        ("EXAMPLE  root", Some("Other")),
        ("example issuing", None),
        ("Example Root", Some("example")),
    ] {
        let mut request = request(name);
        request.subject.organization = organization.map(str::to_owned);
        assert_eq!(fixture.refusal(&request).await.code(), "reserved_name", "{name}");
        let mut by_request = chancery_testing::request("a.example.com");
        by_request.subject.common_name = Some(name.to_owned());
        assert_eq!(fixture.refusal(&by_request).await.code(), "reserved_name", "{name}");
    }
    fixture.issue(&request("Example Root 2")).await.unwrap();
    // Nor that of its files and rows, in any form of its letters.
    for name in [
        "chancery-issuing-ca",
        "Chancery-Issuing-CA",
        "\u{ff23}HANCERY-issuing-ca",
        "chancery\u{ff0d}issuing\u{ff0d}ca",
        "\u{24d2}hancery-root-ca",
        "\u{ff08}NONE\u{ff09}",
    ] {
        assert_eq!(fixture.refusal(&request(name)).await.code(), "reserved_name", "{name}");
    }
}

/// 4. Whoever could ask got any usage, even to answer for the CA.
#[tokio::test]
async fn lesson_04_powerful_usages_need_a_profile_that_names_them() {
    let fixture = Fixture::new().await;
    for usage in [
        "OCSP_SIGNING",
        "ANY",
        "1.3.6.1.5.5.7.3.9",
        "2.5.29.37.0",
        // Believed elsewhere: by domains, Kerberos, logs.
        "1.3.6.1.4.1.311.20.2.1",
        "1.3.6.1.4.1.311.20.2.2",
        "1.3.6.1.5.2.3.4",
        "1.3.6.1.5.2.3.5",
        "1.3.6.1.4.1.311.10.3.11",
        "1.3.6.1.4.1.311.21.6",
        "1.3.6.1.4.1.311.21.5",
        "1.3.6.1.4.1.11129.2.4.4",
        "1.3.6.1.5.5.7.3.29",
        "1.3.6.1.5.5.7.3.32",
        "1.3.6.1.4.1.311.67.1.2",
        "1.3.6.1.4.1.311.10.3.4.1",
        "1.3.6.1.4.1.311.10.3.5",
        "1.3.6.1.4.1.311.10.3.5.1",
    ] {
        let mut request = request("a.example.com");
        request.extended_key_usages = vec![extended_key_usage(usage).unwrap()];
        assert_eq!(fixture.refusal(&request).await.code(), "usage_not_allowed", "{usage}");
    }
    let mut server = request_with_names("a.example.com", &[(AltNameType::Dns, "a.example.com")]);
    server.profile = Some("tls-server".into());
    server.extended_key_usages = vec![extended_key_usage("CODE_SIGNING").unwrap()];
    assert_eq!(fixture.refusal(&server).await.code(), "usage_not_allowed");

    let profiles = Profiles::built_in()
        .with(
            "responder",
            "extended_key_usages = ['OCSP_SIGNING']\nsan_from_common_name = false",
        )
        .unwrap();
    let fixture = Fixture::with_profiles("", profiles).await;
    let mut responder = request("responder");
    responder.profile = Some("responder".into());
    let issued = fixture.issue(&responder).await.unwrap();
    assert_eq!(
        certificate(&issued).extended_key_usages(),
        [extended_key_usage("OCSP_SIGNING").unwrap()]
    );
}

/// 5. "Acme, Inc." was signed, and then crashed what should have recorded it.
#[tokio::test]
async fn lesson_05_a_comma_in_an_organization_is_a_comma() {
    let fixture = Fixture::new().await;
    let mut request = request("a.example.com");
    request.subject = Subject {
        organization: Some("Acme, Inc.".into()),
        organizational_unit: Some("R&D + \"Ops\" \\ <x>; #1 = 0".into()),
        locality: Some("São  Paulo".into()),
        ..Subject::default()
    };
    let issued = fixture.issue(&request).await.unwrap();
    let stored = fixture
        .authority
        .certificate(issued.record.id.serial)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored, issued.record);
    let subject = certificate(&issued).subject().attributes();
    assert_eq!(subject.organization.as_deref(), Some("Acme, Inc."));
    assert_eq!(subject.organizational_unit, request.subject.organizational_unit);
    let answer = TlsCertAnswer::new(&fixture.authority, &issued, &request);
    assert!(answer.subject.contains("O=Acme\\, Inc."), "{}", answer.subject);
    assert_eq!(answer.subject, certificate(&issued).subject().to_rfc4514());
}

/// 5, the other half: whatever is signed, its intent was recorded before.
#[tokio::test]
async fn lesson_05_intent_comes_before_signature() {
    let fixture = Fixture::new().await;
    let before = fixture.memory.faults.calls().len();
    fixture.issue(&request("a.example.com")).await.unwrap();
    let calls = ["crls.record_use", "intents.reserve", "keys.sign", "intents.complete"];
    assert_eq!(fixture.memory.faults.calls()[before..], calls);
    // Which CRL certificates name is recorded once, and costs no call afterwards.
    let before = fixture.memory.faults.calls().len();
    fixture.issue(&request("b.example.com")).await.unwrap();
    assert_eq!(fixture.memory.faults.calls()[before..], calls[1..]);
}

/// 6. A notice that failed turned a certificate into an error, and the retry into "key already used".
#[tokio::test]
async fn lesson_06_notices_never_fail_an_issuance() {
    for fault in [Fault::FailBefore, Fault::FailAfter] {
        let fixture = Fixture::new().await;
        let mut request = request("a.example.com");
        request.notify_issued = Some(true);
        fixture.memory.faults.at("notices.notify", 1, fault);
        let issued = fixture.issue_with(&request, "once").await.unwrap();
        assert!(issued.notice_failed);
        assert!(
            fixture
                .authority
                .certificate(issued.record.id.serial)
                .await
                .unwrap()
                .is_some()
        );

        let again = fixture.issue_with(&request, "once").await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.record, issued.record);
    }
}

/// 6, for rejections: neither a ledger nor a notice that fails hides why a request was refused.
#[tokio::test]
async fn lesson_06_a_rejection_survives_what_should_record_it() {
    let fixture = Fixture::new().await;
    fixture.memory.faults.at("rejections.record", 1, Fault::FailBefore);
    fixture.memory.faults.at("notices.notify", 1, Fault::FailBefore);
    let error = fixture.issue(&request("chancery-root-ca")).await.unwrap_err();
    assert_eq!(error.code(), "reserved_name");
}

/// 10. The key-reuse check saw one page of one name's rows, and raced.
#[tokio::test]
async fn lesson_10_a_key_is_certified_once_across_all_names() {
    let fixture = Fixture::new().await;
    let requester = Requester::new();
    let first = fixture.issue(&requester.request("a.example.com")).await.unwrap();
    assert_eq!(
        fixture.refusal(&requester.request("a.example.com")).await,
        Refusal::KeyInUse
    );
    assert_eq!(
        fixture.refusal(&requester.request("b.example.com")).await,
        Refusal::KeyInUse
    );

    let mut forced = requester.request("a.example.com");
    forced.force_issue = true;
    let second = fixture.issue(&forced).await.unwrap();
    assert_ne!(second.record.id.serial, first.record.id.serial);
    let mut elsewhere = requester.request("b.example.com");
    elsewhere.force_issue = true;
    assert_eq!(
        fixture.refusal(&elsewhere).await,
        Refusal::KeyInUse,
        "force_issue is for the same name"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lesson_10_of_many_at_once_one_gets_the_key() {
    let fixture = Fixture::new().await;
    let requester = Arc::new(Requester::new());
    let attempts: Vec<_> = (0..32)
        .map(|index| {
            let (authority, requester) = (Arc::clone(&fixture.authority), Arc::clone(&requester));
            tokio::spawn(async move {
                let request = requester.request(&format!("h{index}.example.com"));
                authority.issue_tls_cert(&request, &principal(), None).await
            })
        })
        .collect();
    let mut issued = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => issued += 1,
            Err(error) => assert_eq!(error, IssueError::Rejected(Refusal::KeyInUse)),
        }
    }
    assert_eq!(issued, 1);
}

/// 11. Leaves outlived their CA.
#[tokio::test]
async fn lesson_11_a_leaf_never_outlives_its_ca() {
    let fixture = Fixture::with(
        "[[ca]]\nname='root-ca'\nlifetime_days=20\n[[ca]]\nname='issuing-ca'\nparent='root-ca'\nlifetime_days=10\n",
    )
    .await;
    let end = fixture.authority.issuing_ca().unwrap().certificate().not_after();
    for days in [9, 10, 11, 365, 100_000, u64::MAX] {
        let mut request = request("a.example.com");
        request.lifetime_days = Some(days);
        let issued = fixture.issue(&request).await.unwrap();
        assert!(certificate(&issued).not_after() <= end, "{days}");
    }
    fixture.memory.clock.set(end);
    assert_eq!(fixture.refusal(&request("a.example.com")).await.code(), "ca_expired");
}

/// 12. Invalid OIDs, no lifetime, no name: crashes instead of rejections.
#[tokio::test]
async fn lesson_12_what_is_missing_or_invalid_is_refused_in_words() {
    let fixture = Fixture::new().await;
    let mut nameless = request("x");
    nameless.csr = Some(chancery_contract::CsrSource::Inline(
        Requester::new().csr_of(
            &Subject {
                country: Some("GB".into()),
                ..Subject::default()
            }
            .to_name()
            .unwrap(),
        ),
    ));
    let told = fixture.refusal(&nameless).await.to_string();
    assert!(told.starts_with("CSR must include a Common Name"), "{told}");

    assert_eq!(fixture.refusal(&TlsCertRequest::default()).await.code(), "bad_csr");
    assert_eq!(
        fixture.refusal(&TlsCertRequest::for_csr(b"nonsense")).await.code(),
        "bad_csr"
    );
    assert_eq!(fixture.refusal(&TlsCertRequest::for_csr(b"")).await.code(), "bad_csr");

    for oid in ["not-an-oid", "1.2.", "9.9.9", ""] {
        let mut extended = request("a.example.com");
        extended.extensions = vec![extension(oid, "BAA=")];
        assert_eq!(fixture.refusal(&extended).await.code(), "bad_extension", "{oid:?}");
    }
    let mut unknown = request("a.example.com");
    unknown.profile = Some("no-such-profile".into());
    let refusal = fixture.refusal(&unknown).await.to_string();
    assert!(refusal.contains("tls-server"), "it says which there are: {refusal}");
    for (subject, told) in [
        (
            Subject {
                country: Some("England".into()),
                ..Subject::default()
            },
            "country",
        ),
        (
            Subject {
                common_name: Some("x".repeat(65)),
                ..Subject::default()
            },
            "common_name",
        ),
        (
            Subject {
                organization: Some("a\0b".into()),
                ..Subject::default()
            },
            "organization",
        ),
    ] {
        let mut invalid = request("a.example.com");
        invalid.subject = subject;
        let refusal = fixture.refusal(&invalid).await;
        assert_eq!(refusal.code(), "bad_subject");
        assert!(refusal.to_string().contains(told), "{refusal}");
    }
}

fn extension(oid: &str, value_b64: &str) -> RequestedExtension {
    RequestedExtension {
        oid: oid.into(),
        value_b64: value_b64.into(),
        critical: false,
    }
}

const OID: &str = "1.3.6.1.4.1.55555.1";

/// 13. Custom extensions that are no DER, reserved, repeated, not allowed.
#[tokio::test]
async fn lesson_13_custom_extensions_are_der_and_allowed() {
    let fixture = Fixture::with("custom_extension_allowlist = ['1.3.6.1.4.1.55555.1', '1.3.6.1.4.1.55555.2']").await;
    let cases = [
        (
            vec![extension("1.2.3.4", "eA==")],
            "Custom extension OID 1.2.3.4 is not in the configured allowlist",
        ),
        (
            vec![extension("2.5.29.17", "eA==")],
            "Custom extension OID 2.5.29.17 is reserved and cannot be set by callers",
        ),
        (
            vec![extension(OID, "BAA="), extension(OID, "BAA=")],
            "Custom extension OID 1.3.6.1.4.1.55555.1 is specified more than once",
        ),
        (
            vec![extension(OID, "no base64!")],
            "Custom extension OID 1.3.6.1.4.1.55555.1 has an invalid base64 value",
        ),
        // "x" is no DER; an OCTET STRING that promises more than there is; one with something behind it.
        (
            vec![extension(OID, "eA==")],
            "Custom extension OID 1.3.6.1.4.1.55555.1 has a value that is not DER",
        ),
        (
            vec![extension(OID, "BAU=")],
            "Custom extension OID 1.3.6.1.4.1.55555.1 has a value that is not DER",
        ),
        (
            vec![extension(OID, "BAAA")],
            "Custom extension OID 1.3.6.1.4.1.55555.1 has a value that is not DER",
        ),
    ];
    for (extensions, told) in cases {
        let mut request = request("a.example.com");
        request.extensions = extensions;
        assert_eq!(fixture.refusal(&request).await.to_string(), told);
    }
    let mut allowed = request("a.example.com");
    allowed.extensions = vec![extension(OID, "BAF4"), extension("1.3.6.1.4.1.55555.2", "BQA=")];
    allowed.extensions[1].critical = true;
    let issued = fixture.issue(&allowed).await.unwrap();
    let found: Vec<_> = certificate(&issued)
        .custom_extensions()
        .iter()
        .map(|extension| {
            (
                extension.oid().to_string(),
                extension.critical(),
                extension.value().to_vec(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (OID.to_owned(), false, vec![4, 1, b'x']),
            ("1.3.6.1.4.1.55555.2".to_owned(), true, vec![5, 0])
        ]
    );

    // A profile that takes none, of an authority that would.
    let mut server = request_with_names("a.example.com", &[(AltNameType::Dns, "a.example.com")]);
    server.profile = Some("tls-server".into());
    server.extensions = vec![extension(OID, "BAF4")];
    assert_eq!(fixture.refusal(&server).await.code(), "extension_not_allowed");
}

const CONSTRAINED: &str = "[[ca]]\nname='root-ca'\n[[ca]]\nname='issuing-ca'\nparent='root-ca'\n[ca.name_constraints]\n\
     permitted = ['dns:example.com', 'ip:10.0.0.0/8']\nexcluded = ['dns:secret.example.com']\n";

/// 13, what no list of OIDs tells: an extension that is allowed and would make the certificate break a rule.
#[tokio::test]
async fn lesson_13_final_bytes_are_linted() {
    // subjectInfoAccess must not be critical (RFC 5280 section 4.2.2.2).
    let fixture = Fixture::with("custom_extension_allowlist = ['1.3.6.1.5.5.7.1.11']").await;
    let mut request = request("a.example.com");
    let access = [
        &[
            0x30, 0x16, 0x30, 0x14, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 0x30, 5, 0x86, 8,
        ][..],
        b"http://a",
    ]
    .concat();
    request.extensions = vec![extension("1.3.6.1.5.5.7.1.11", &data_encoding::BASE64.encode(&access))];
    request.extensions[0].critical = true;
    let refusal = fixture.refusal(&request).await;
    assert!(
        matches!(
            refusal,
            Refusal::Lint {
                rule: "extension_critical_forbidden",
                ..
            }
        ),
        "{refusal}"
    );
}

/// 16. The constraints of a CA further up bind too, whether or not the CA between repeats them.
#[tokio::test]
async fn lesson_16_constraints_of_every_ca_above_hold() {
    let fixture = Fixture::with(
        "[[ca]]\nname='root-ca'\n[[ca]]\nname='region-ca'\nparent='root-ca'\n[ca.name_constraints]\npermitted = \
         ['dns:example.com']\n[[ca]]\nname='issuing-ca'\nparent='region-ca'\n",
    )
    .await;
    let refusal = fixture.refusal(&request("www.example.org")).await;
    assert_eq!(refusal.code(), "outside_name_constraints");
    fixture.issue(&request("www.example.com")).await.unwrap();
}

/// 16. Names that came in by another door escaped the rules. Here the final names are decided on, all of them.
#[tokio::test]
async fn lesson_16_rules_hold_for_the_final_names_wherever_they_came_from() {
    let fixture = Fixture::with(CONSTRAINED).await;
    let outside = [
        request_with_names("a.example.com", &[(AltNameType::Ip, "192.168.0.1")]),
        request_with_names(
            "a.example.com",
            &[(AltNameType::Dns, "a.example.com"), (AltNameType::Ip, "11.0.0.1")],
        ),
        request_with_names("a.example.com", &[(AltNameType::Dns, "x.secret.example.com")]),
        // The common name becomes an alternative name, and is one then.
        request("www.example.org"),
    ];
    for request in outside {
        assert_eq!(fixture.refusal(&request).await.code(), "outside_name_constraints");
    }
    fixture
        .issue(&request_with_names(
            "a.example.com",
            &[(AltNameType::Dns, "b.example.com"), (AltNameType::Ip, "10.9.8.7")],
        ))
        .await
        .unwrap();
}

/// 16, the wildcard: allowed where the profile allows it, wherever it stands.
#[tokio::test]
async fn lesson_16_wildcards_are_the_profile_s_to_allow() {
    let profiles = Profiles::built_in()
        .with(
            "strict",
            "extended_key_usages = ['TLS_WEB_SERVER_AUTHENTICATION']\nsan_types = ['DNS_NAME', 'IP_ADDRESS']",
        )
        .unwrap();
    let fixture = Fixture::with_profiles("", profiles).await;
    let names = [(AltNameType::Dns, "a.example.com"), (AltNameType::Dns, "*.example.com")];
    let mut wild = request_with_names("a.example.com", &names);
    fixture.issue(&wild).await.unwrap();
    wild = request_with_names("a.example.com", &names);
    wild.profile = Some("strict".into());
    assert_eq!(fixture.refusal(&wild).await.code(), "wildcard_not_allowed");
    let mut email = request_with_names("a.example.com", &[(AltNameType::Email, "a@example.com")]);
    email.profile = Some("strict".into());
    assert_eq!(fixture.refusal(&email).await.code(), "alt_name_not_allowed");
}

/// 19. Serials with 63 random bits.
#[tokio::test]
async fn lesson_19_serials_have_159_random_bits() {
    let fixture = Fixture::new().await;
    let mut serials = BTreeSet::new();
    let (mut ones, mut zeros) = ([0u8; 20], [0u8; 20]);
    for index in 0..64 {
        let issued = fixture.issue(&request(&format!("h{index}.example.com"))).await.unwrap();
        let octets = *issued.record.id.serial.as_padded();
        assert_eq!(octets[0] & 0x80, 0, "positive within 20 octets");
        for (at, octet) in octets.iter().enumerate() {
            ones[at] |= octet;
            zeros[at] |= !octet;
        }
        serials.insert(octets);
    }
    assert_eq!(serials.len(), 64);
    // Each of the 159 bits was one once and zero once: among 64 draws one that never changes has odds of 2^-63.
    assert_eq!((ones[0], zeros[0]), (0x7f, 0xff));
    assert!(ones[1..].iter().chain(&zeros[1..]).all(|&octet| octet == 0xff));
}

/// 20. Of N names one was checked N times.
#[test]
fn lesson_20_every_name_is_checked() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fixture = runtime.block_on(Fixture::with(CONSTRAINED));
    let inside = proptest::collection::vec(0u16..200, 1..12);
    let strategy = (inside, proptest::option::of((0usize..12, 0u8..3)));
    let config = ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&strategy, |(hosts, intruder)| {
            let mut names: Vec<AltName> = hosts
                .iter()
                .map(|host| AltName::Dns(format!("h{host}.example.com")))
                .collect();
            if let Some((position, kind)) = intruder {
                let name = match kind {
                    0 => AltName::Dns("www.example.org".into()),
                    1 => AltName::Ip("192.168.0.1".parse().unwrap()),
                    _ => AltName::Dns("a.secret.example.com".into()),
                };
                names.insert(position.min(names.len()), name);
            }
            let mut request = request("h0.example.com");
            request.alt_names = RequestedNames::Listed(names.clone());
            let outcome = runtime.block_on(fixture.issue(&request));
            if intruder.is_some() {
                proptest::prop_assert_eq!(outcome.unwrap_err().code(), "outside_name_constraints");
            } else {
                proptest::prop_assert_eq!(certificate(&outcome.unwrap()).alt_names().to_vec(), names);
            }
            Ok(())
        })
        .unwrap();
}

/// 21. Messages over 4,096 octets cannot be signed as they are: keys sign a digest, or µ, however long the certificate.
#[tokio::test]
async fn lesson_21_keys_sign_digests_alone() {
    for (algorithm, len) in [
        (CaKeyAlgorithm::P256, 32),
        (CaKeyAlgorithm::P384, 48),
        (CaKeyAlgorithm::MlDsa44, 64),
    ] {
        let fixture = Fixture::with(&format!("[[ca]]\nname='root-ca'\nalgorithm='{}'", algorithm.name())).await;
        let names: Vec<String> = (0..250)
            .map(|index| format!("a-rather-long-name-{index}.example.com"))
            .collect();
        let names: Vec<_> = names.iter().map(|name| (AltNameType::Dns, name.as_str())).collect();
        let issued = fixture
            .issue(&request_with_names("a.example.com", &names))
            .await
            .unwrap();
        assert!(issued.record.certificate.len() > 4096);
        let signed = fixture.memory.keys.log().pop().unwrap();
        assert_eq!(signed.input.as_bytes().len(), len);
        assert_eq!(
            matches!(signed.input, SigningInput::Mu(_)),
            algorithm == CaKeyAlgorithm::MlDsa44
        );
        assert!(certificate(&issued).is_signed_by(fixture.authority.issuing_ca().unwrap().issuer.public_key()));
    }
}

/// 22. Retries multiplied certificates.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lesson_22_a_storm_of_retries_makes_one_certificate() {
    let fixture = Fixture::new().await;
    let signatures = fixture.memory.keys.log().len();
    let request = Arc::new(request("a.example.com"));
    let storm: Vec<_> = (0..32)
        .map(|_| {
            let (authority, request) = (Arc::clone(&fixture.authority), Arc::clone(&request));
            tokio::spawn(async move {
                authority
                    .issue_tls_cert(&request, &principal(), Some(chancery_testing::token("storm")))
                    .await
            })
        })
        .collect();
    for attempt in storm {
        match attempt.await.unwrap() {
            Ok(_) | Err(IssueError::InProgress) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(fixture.memory.keys.log().len(), signatures + 1, "signed once");
    let issued = fixture.issue_with(&request, "storm").await.unwrap();
    assert!(issued.replayed);
    let leaves = fixture
        .authority
        .search(&Search::default(), None, 100)
        .await
        .unwrap()
        .certificates;
    assert_eq!(leaves.iter().filter(|record| record.kind == Kind::Leaf).count(), 1);
}

#[tokio::test]
async fn lesson_22_a_token_is_for_one_request_of_one_principal() {
    let fixture = Fixture::new().await;
    let requester = Requester::new();
    let request = requester.request("a.example.com");
    fixture.issue_with(&request, "t").await.unwrap();
    let mut changed = request.clone();
    changed.purposes = vec![TlsPurpose::ServerAuth];
    let error = fixture.issue_with(&changed, "t").await.unwrap_err();
    assert_eq!(error, IssueError::Rejected(Refusal::TokenReused));

    let other = Principal::token("somebody-else");
    let error = fixture
        .authority
        .issue_tls_cert(&request, &other, Some(chancery_testing::token("t")))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        IssueError::Rejected(Refusal::KeyInUse),
        "others' tokens do not open others' answers"
    );
}

#[test]
fn the_fixture_s_time_is_what_tests_think() {
    assert_eq!(chancery_contract::contract_time(NOW), "2026-11-23 20:00:00");
    assert_eq!(DAY, 86_400);
}
