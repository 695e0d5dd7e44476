//! What others paid for: lessons about names and constraints, each with a test that fails without its remedy.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::issue::{Refusal, RequestedNames};
use chancery_authority::profile::Profiles;
use chancery_contract::TlsCertAnswer;
use chancery_testing::{Fixture, certificate, request, request_with_names};
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use proptest::test_runner::{Config as ProptestConfig, TestRunner};

use crate::lessons::extension;

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
