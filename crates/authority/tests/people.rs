//! People's own files: subjects, names and keys as they come, and what becomes of them. The files are those of
//! `crates/x509/tests/data/cases`.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_authority::issue::Refusal;
use chancery_authority::issue::RequestedNames;
use chancery_authority::profile::Profiles;
use chancery_contract::{TlsCertAnswer, TlsCertRequest};
use chancery_x509::certificate::{BasicConstraints, KeyUsage};
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use serde_json::{Value, json};

use chancery_testing::{Fixture, certificate, principal, request};

fn case(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../x509/tests/data/cases");
    std::fs::read(folder.join(name)).unwrap()
}

fn of(file: &str, profile: &str) -> TlsCertRequest {
    TlsCertRequest {
        profile: Some(profile.to_owned()),
        ..TlsCertRequest::for_csr(case(file))
    }
}

fn dns(name: &str) -> AltName {
    AltName::parse(AltNameType::Dns, name).unwrap()
}

/// `chancery issue --csr FILE --profile tls-client`: the subject, last RDN first, and the warnings.
async fn issued(fixture: &Fixture, request: &TlsCertRequest) -> (String, Vec<String>) {
    let issued = fixture.issue(request).await.unwrap();
    (certificate(&issued).subject().to_rfc4514(), issued.warnings)
}

#[tokio::test]
async fn subjects_keep_all_attributes_in_their_order() {
    let fixture = Fixture::new().await;
    for (file, subject) in [
        (
            "subject/directory.csr",
            "CN=device-4711,2.5.4.5=SN-000123,UID=u4711,OU=Team 7,OU=Pumps,O=Example Ltd,DC=corp,DC=example",
        ),
        (
            "subject/organizations.csr",
            "CN=jane,O=cluster:developers,O=cluster:admins",
        ),
        (
            "subject/order.csr",
            "CN=order.corp.example,O=Muster Werke,ST=Hessen,C=DE",
        ),
    ] {
        assert_eq!(
            issued(&fixture, &of(file, "tls-client")).await,
            (subject.to_owned(), vec![]),
            "{file}"
        );
    }
    let (subject, warnings) = issued(&fixture, &of("subject/router.csr", "tls-client")).await;
    assert_eq!(
        subject,
        "1.2.840.113549.1.9.2=router1.corp.example,CN=router1.corp.example,OU=routers"
    );
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("1.2.840.113549.1.9.8"),
        "unstructuredAddress: {warnings:?}"
    );

    // The drop-in profile has its own order and its seven attributes, and says what it leaves out.
    let mut again = of("subject/directory.csr", "tls");
    again.force_issue = true;
    let (subject, warnings) = issued(&fixture, &again).await;
    assert_eq!(subject, "OU=Pumps,O=Example Ltd,CN=device-4711");
    assert_eq!(warnings.len(), 5, "{warnings:?}");
}

#[tokio::test]
async fn an_option_replaces_all_values_and_so_does_a_profile() {
    let profiles = Profiles::built_in()
        .with(
            "groups",
            "extended_key_usages = ['TLS_WEB_CLIENT_AUTHENTICATION']\n[subject]\norganization = 'Fixed'",
        )
        .unwrap();
    let fixture = Fixture::with_profiles("", profiles).await;
    let mut asked = of("subject/organizations.csr", "tls-client");
    asked.subject.organization = Some("cluster:nobody".to_owned());
    assert_eq!(issued(&fixture, &asked).await.0, "CN=jane,O=cluster:nobody");
    let mut asked = of("subject/organizations.csr", "groups");
    asked.subject.organization = Some("cluster:nobody".to_owned());
    asked.force_issue = true;
    assert_eq!(
        issued(&fixture, &asked).await.0,
        "CN=jane,O=Fixed",
        "the profile comes first"
    );
}

#[tokio::test]
async fn text_that_cannot_be_read_is_refused_and_named_unless_it_is_replaced() {
    let fixture = Fixture::new().await;
    for (profile, file, named) in [
        ("tls-client", "text/organization-latin1.csr", "O (organization)"),
        ("tls", "text/organization-latin1.csr", "O (organization)"),
        ("tls-client", "text/common-name-utf8.csr", "CN (common_name)"),
    ] {
        let reported = fixture.refusal(&of(file, profile)).await.to_string();
        assert!(
            reported.contains(named) && reported.contains("cannot be read"),
            "{file}: {reported}"
        );
    }
    let mut rescued = of("text/organization-latin1.csr", "tls-client");
    rescued.subject.organization = Some("Müller".to_owned());
    assert_eq!(issued(&fixture, &rescued).await.0, "CN=latin1.corp.example,O=Müller");
    let mut rescued = of("text/common-name-utf8.csr", "tls-client");
    rescued.subject.common_name = Some("Prüfer".to_owned());
    assert_eq!(issued(&fixture, &rescued).await.0, "CN=Prüfer");
}

#[tokio::test]
async fn what_is_checked_in_a_common_name_is_checked_in_each() {
    use chancery_testing::Requester;
    use chancery_x509::name::Name;
    let fixture = Fixture::new().await;
    let requester = Requester::new();
    let two = Name::from_rfc4514("CN=chancery-root-ca,CN=harmless").unwrap();
    let refused = fixture
        .refusal(&TlsCertRequest {
            profile: Some("tls-client".to_owned()),
            ..TlsCertRequest::for_csr(requester.csr_of(&two))
        })
        .await;
    assert!(matches!(refused, Refusal::ReservedName { .. }), "{refused}");
    for hidden in ["a\u{202e}b", "a\u{200b}b", "a\u{ad}b"] {
        let mut bad = request("a");
        bad.profile = Some("tls-client".to_owned());
        bad.subject.organization = Some(hidden.to_owned());
        assert_eq!(fixture.refusal(&bad).await.code(), "bad_subject", "{hidden:?}");
    }
    for blank in [" a", "a ", "a\u{a0}"] {
        for profile in ["tls-client", "tls"] {
            let mut bad = request("a");
            bad.profile = Some(profile.to_owned());
            bad.subject.common_name = Some(blank.to_owned());
            assert_eq!(fixture.refusal(&bad).await.code(), "bad_subject", "{blank:?} {profile}");
        }
    }
}

#[tokio::test]
async fn names_of_a_csr_are_told_and_taken_only_where_that_is_said() {
    let profiles = Profiles::built_in()
        .with(
            "from-csr",
            "extended_key_usages = ['TLS_WEB_SERVER_AUTHENTICATION']\nsan_types = ['DNS_NAME']\nalt_names = 'csr'",
        )
        .unwrap();
    let fixture = Fixture::with_profiles("", profiles).await;
    let both = [dns("www.corp.example"), dns("corp.example")];
    let mut asked = of("names/two-names.csr", "tls-server");
    let unasked = fixture.issue(&asked).await.unwrap();
    assert_eq!(certificate(&unasked).alt_names(), &both[..1]);
    assert_eq!(unasked.warnings.len(), 1);
    assert!(unasked.warnings[0].contains("\"corp.example\"") && unasked.warnings[0].contains("--san-from-csr"));

    asked.force_issue = true;
    asked.sans_from_csr = true;
    let taken = fixture.issue(&asked).await.unwrap();
    assert_eq!(certificate(&taken).alt_names(), both);
    assert_eq!(taken.warnings, [""; 0]);
    let mut asked = of("names/two-names.csr", "from-csr");
    asked.force_issue = true;
    assert_eq!(certificate(&fixture.issue(&asked).await.unwrap()).alt_names(), both);

    let reported = fixture
        .refusal(&of("names/common-name-label.csr", "tls-server"))
        .await
        .to_string();
    assert!(reported.contains("--san,") || reported.contains("--san)"), "{reported}");
    assert!(reported.contains("--san-from-csr"), "{reported}");
}

#[tokio::test]
async fn without_a_common_name_alternative_names_are_critical() {
    let fixture = Fixture::new().await;
    let no_subject = of("names/no-subject.csr", "tls-client");
    let reported = fixture.refusal(&no_subject).await.to_string();
    assert!(
        reported.contains("--common-name") && reported.contains("--no-common-name"),
        "{reported}"
    );
    let mut nameless = no_subject.clone();
    nameless.no_common_name = true;
    let reported = fixture.refusal(&nameless).await.to_string();
    assert!(
        reported.contains("--san") && reported.contains("--san-from-csr"),
        "{reported}"
    );

    nameless.alt_names = RequestedNames::Listed(vec![dns("nosubject.corp.example")]);
    let issued = fixture.issue(&nameless).await.unwrap();
    let certificate = certificate(&issued);
    assert!(certificate.subject().is_empty());
    let critical = certificate
        .extensions()
        .find(|extension| extension.oid.to_string() == "2.5.29.17");
    assert!(critical.unwrap().critical, "RFC 5280 section 4.2.1.6");
    assert_eq!(issued.warnings, [""; 0]);
    // It is recorded under its first name, and so shown, listed and revoked.
    assert_eq!(issued.record.common_name, "nosubject.corp.example");
    let answer = serde_json::to_value(TlsCertAnswer::new(&fixture.authority, &issued, &nameless)).unwrap();
    assert_eq!(answer["Subject"], "");
    assert!(answer.get("Warnings").is_none(), "nothing to say: {answer}");

    let long = of("names/long.csr", "tls-client");
    let reported = fixture.refusal(&long).await.to_string();
    assert!(
        reported.contains("79 characters") && reported.contains("--no-common-name"),
        "{reported}"
    );
    let mut without = long;
    without.no_common_name = true;
    without.alt_names = RequestedNames::Listed(vec![dns("a.corp.example")]);
    assert!(fixture.issue(&without).await.is_ok());

    let empty_unit = fixture.issue(&of("names/empty-unit.csr", "tls-client")).await.unwrap();
    assert_eq!(
        self::certificate(&empty_unit).subject().to_rfc4514(),
        "CN=emptyunit.corp.example,O=Example Ltd"
    );
    assert!(
        empty_unit
            .warnings
            .iter()
            .any(|warning| warning.contains("OU") && warning.contains("empty"))
    );
}

#[tokio::test]
async fn what_was_not_granted_stands_in_the_answer() {
    let fixture = Fixture::new().await;
    let value: Value = serde_json::from_slice(&case("api/left-out.json")).unwrap();
    let left_out = TlsCertRequest::from_value(&value).unwrap();
    let issued = fixture.issue(&left_out).await.unwrap();
    let answer = serde_json::to_value(TlsCertAnswer::new(&fixture.authority, &issued, &left_out)).unwrap();
    let warnings = answer["Warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for (warning, of) in warnings
        .iter()
        .zip(["user1@corp.example", "jörg@corp.example", "my_host.corp.example"])
    {
        assert!(warning.as_str().unwrap().contains(of), "{warning}");
    }
    assert!(warnings[0].as_str().unwrap().contains("UPN"));
    assert_eq!(certificate(&issued).alt_names(), [dns("ok.corp.example")]);

    let asked = json!({
        "common_name": "jane", "lifetime": 900, "purposes": ["client_auth", "fly"],
        "base64_csr_data": BASE64_STANDARD.encode(case("subject/organizations.csr")),
    });
    let request = TlsCertRequest::from_value(&asked).unwrap();
    let issued = fixture.issue(&request).await.unwrap();
    let reported = issued.warnings.join("\n");
    assert!(
        reported.contains("fly")
            && reported.contains("900")
            && reported.contains("365")
            && reported.contains("subject attribute O"),
        "{reported}"
    );
}

#[tokio::test]
async fn renewal_keeps_the_subject() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue(&of("subject/directory.csr", "tls-client")).await.unwrap();
    fixture.memory.clock.advance(20 * 86_400);
    let renewed = fixture
        .authority
        .renew(
            issued.record.id.serial,
            Some(&case("subject/directory.csr")),
            &principal(),
            None,
        )
        .await
        .unwrap();
    assert_eq!(certificate(&renewed).subject(), certificate(&issued).subject());
}

/// Held against the constraints as OpenSSL, GnuTLS and Java would: what is issued, they accept.
#[tokio::test]
async fn common_names_stay_within_name_constraints() {
    let fixture = Fixture::with(&String::from_utf8(case("name-constraints/permitted.toml")).unwrap()).await;
    for (file, name) in [
        ("name-constraints/cn-address.csr", "10.1.2.3"),
        ("name-constraints/cn-label.csr", "worker-1"),
    ] {
        let refused = fixture.refusal(&of(file, "tls-client")).await;
        assert_eq!(refused.code(), "outside_name_constraints");
        let reported = refused.to_string();
        assert!(
            reported.contains(name) && reported.contains("example.com"),
            "{reported}"
        );
        // Beside a permitted name, or without it as a common name, it is issued.
        let mut beside = of(file, "tls-client");
        beside.alt_names = RequestedNames::Listed(vec![dns("a.example.com")]);
        assert!(fixture.issue(&beside).await.is_ok(), "{file}");
    }
    let mut nameless = request("10.1.2.3");
    nameless.profile = Some("tls-client".to_owned());
    nameless.no_common_name = true;
    nameless.alt_names = RequestedNames::Listed(vec![AltName::parse(AltNameType::Ip, "10.1.2.3").unwrap()]);
    assert!(
        fixture.issue(&nameless).await.is_ok(),
        "an address within, and no common name"
    );
    let mut person = request("Jane Doe");
    person.profile = Some("tls-client".to_owned());
    assert!(fixture.issue(&person).await.is_ok(), "no reader takes that for a host");

    let fixture = Fixture::with(&String::from_utf8(case("name-constraints/excluded.toml")).unwrap()).await;
    assert!(
        fixture
            .issue(&of("name-constraints/cn-label.csr", "tls-client"))
            .await
            .is_ok()
    );
    assert_eq!(
        fixture
            .refusal(&of("name-constraints/cn-address.csr", "tls-client"))
            .await
            .code(),
        "outside_name_constraints"
    );
    // An address mapped into IPv6 is nobody's name.
    let mapped = json!({
        "common_name": "order.corp.example", "base64_csr_data": BASE64_STANDARD.encode(case("subject/order.csr")),
        "sans": [{"type": "IP_ADDRESS", "value": "::ffff:10.1.1.1"}],
    });
    let issued = fixture
        .issue(&TlsCertRequest::from_value(&mapped).unwrap())
        .await
        .unwrap();
    assert!(certificate(&issued).alt_names().is_empty());
    assert!(
        issued.warnings.iter().any(|warning| warning.contains("mapped")),
        "{:?}",
        issued.warnings
    );
}

#[tokio::test]
async fn wildcards_under_a_public_suffix_are_left_out() {
    let fixture = Fixture::new().await;
    for wildcard in [
        "*.com",
        "*.COM",
        "*.example",
        "*.local",
        "*.co.uk",
        "*.Com.Au",
        "*.xn--55qx5d.cn",
        "*.公司.cn",
    ] {
        let asked = json!({
            "common_name": "order.corp.example", "force_issue": true, "sans": [wildcard, "a.example.com"],
            "base64_csr_data": BASE64_STANDARD.encode(case("subject/order.csr")),
        });
        let issued = fixture
            .issue(&TlsCertRequest::from_value(&asked).unwrap())
            .await
            .unwrap();
        assert_eq!(certificate(&issued).alt_names(), [dns("a.example.com")], "{wildcard}");
        assert!(
            issued.warnings.iter().any(|warning| warning.contains("public suffix")),
            "{:?}",
            issued.warnings
        );
    }
}

#[tokio::test]
async fn a_common_name_is_no_wildcard_under_a_public_suffix_either() {
    let fixture = Fixture::new().await;
    for name in [
        "*.com",
        "*.co.uk",
        "*.CO.UK",
        "f*.com",
        "**.com",
        "*.*.com",
        "\u{ff0a}.com",
        "*\u{ff0e}com",
        "*\u{3002}com",
    ] {
        let mut wide = request(name);
        wide.profile = Some("tls-client".to_owned());
        assert_eq!(fixture.refusal(&wide).await.code(), "wildcard_not_allowed", "{name}");
        // The drop-in contract asks nothing of a common name; it is no alternative name.
        let issued = fixture.issue(&request(name)).await.unwrap();
        assert_eq!(certificate(&issued).alt_names(), [], "{name}");
        assert!(
            issued.warnings.iter().any(|warning| warning.contains("many owners")),
            "{name}"
        );
    }
    for name in ["*.example.com", "f*.example.com", "*.example.co.uk", "*.github.io"] {
        assert!(fixture.issue(&request(name)).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_profile_can_spell_out_that_a_certificate_is_no_ca_s() {
    let own = "extended_key_usages = ['TLS_WEB_CLIENT_AUTHENTICATION']\nbasic_constraints = true";
    let fixture = Fixture::with_profiles("", Profiles::built_in().with("own", own).unwrap()).await;
    let mut spelt_out = request("a");
    spelt_out.profile = Some("own".to_owned());
    let issued = fixture.issue(&spelt_out).await.unwrap();
    let end_entity = BasicConstraints {
        ca: false,
        path_len: None,
    };
    assert_eq!(certificate(&issued).basic_constraints(), Some(end_entity));
    let usual = fixture.issue(&request("b")).await.unwrap();
    assert_eq!(certificate(&usual).basic_constraints(), None);
}

/// Against RFC 8813, and so against a lint that is an error otherwise: only by a profile's own choice.
#[tokio::test]
async fn key_encipherment_for_ec_keys_passes_the_lint_that_forbids_it_where_it_was_chosen() {
    let fixture = Fixture::with_profiles("", Profiles::built_in().with_ec_key_encipherment()).await;
    let issued = fixture.issue(&request("a.example.com")).await.unwrap();
    let both = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT;
    assert_eq!(certificate(&issued).key_usage(), Some(both));
    let by_bits = "extended_key_usages = ['TLS_WEB_CLIENT_AUTHENTICATION']\nkey_usages = ['digital_signature', 'key_encipherment']";
    let fixture = Fixture::with_profiles("", Profiles::built_in().with("bits", by_bits).unwrap()).await;
    let mut asked = request("a.example.com");
    asked.profile = Some("bits".to_owned());
    assert_eq!(fixture.refusal(&asked).await.code(), "lint");
}

#[tokio::test]
async fn reasons_for_refused_keys_are_the_real_ones() {
    let fixture = Fixture::new().await;
    for (file, said) in [
        ("keys/explicit-curve.csr", "explicit parameters"),
        ("keys/compressed-point.csr", "compressed point"),
        ("keys/rsa-pss.csr", "RSASSA-PSS"),
    ] {
        let refused = fixture.refusal(&of(file, "tls-client")).await;
        assert!(refused.to_string().contains(said), "{file}: {refused}");
        assert_eq!(refused.code(), "unsupported_key");
    }
    let secp256k1 = include_bytes!("data/secp256k1.csr");
    let refused = fixture
        .refusal(&TlsCertRequest::for_csr(secp256k1.to_vec()))
        .await
        .to_string();
    assert!(refused.contains("secp256k1"), "{refused}");
}

#[tokio::test]
async fn a_request_says_whether_it_has_a_common_name() {
    let mut value = json!({"common_name": "a", "no_common_name": true, "base64_csr_data": "AA=="});
    let both = TlsCertRequest::from_value(&value).unwrap_err();
    assert!(both.to_string().contains("no_common_name"));
    value["common_name"] = Value::Null;
    assert!(TlsCertRequest::from_value(&value).unwrap().no_common_name);
    value["no_common_name"] = json!(false);
    assert_eq!(TlsCertRequest::from_value(&value).unwrap_err().code(), "no_common_name");
    let taken = json!({"common_name": "a", "sans_from_csr": true, "base64_csr_data": "AA=="});
    assert!(TlsCertRequest::from_value(&taken).unwrap().sans_from_csr);
    assert_eq!(
        Subject::default(),
        TlsCertRequest::from_value(&json!({"no_common_name": true, "base64_csr_data": "AA=="}))
            .unwrap()
            .subject
    );
}
