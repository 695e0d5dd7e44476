//! What others paid for: a test for each lesson that concerns issuance, failing without its remedy.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::sync::Arc;

use chancery_authority::Principal;
use chancery_authority::issue::TlsPurpose;
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::port::ledger::{Kind, Search};
use chancery_authority::profile::Profiles;
use chancery_contract::{IssueTlsCert as _, RequestedExtension, TlsCertRequest};
use chancery_testing::memory::Fault;
use chancery_testing::{Fixture, NOW, Requester, certificate, principal, request, request_with_names};
use chancery_x509::extension::extended_key_usage;
use chancery_x509::name::Subject;
use chancery_x509::san::AltNameType;
use chancery_x509::time::DAY;

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
    let reported = fixture.refusal(&nameless).await.to_string();
    assert!(reported.starts_with("CSR must include a Common Name"), "{reported}");

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
    for (subject, reported) in [
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
        assert!(refusal.to_string().contains(reported), "{refusal}");
    }
}

pub(crate) fn extension(oid: &str, value_b64: &str) -> RequestedExtension {
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
    for (extensions, reported) in cases {
        let mut request = request("a.example.com");
        request.extensions = extensions;
        assert_eq!(fixture.refusal(&request).await.to_string(), reported);
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
    assert_eq!(error, IssueError::Refused(Refusal::TokenReused));

    let other = Principal::token("somebody-else");
    let error = fixture
        .authority
        .issue_tls_cert(&request, &other, Some(chancery_testing::token("t")))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        IssueError::Refused(Refusal::KeyInUse),
        "others' tokens do not open others' answers"
    );
}

#[test]
fn the_fixture_s_time_is_what_tests_think() {
    assert_eq!(chancery_contract::contract_time(NOW), "2026-11-23 20:00:00");
    assert_eq!(DAY, 86_400);
}
