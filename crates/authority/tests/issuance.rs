//! From request to certificate: what is in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::issue::{FoundCsr, ListedNames, TlsPurpose};
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::profile::Profiles;
use chancery_contract::{CsrSource, IssueTlsCert as _, TlsCertRequest};
use chancery_lint::lint_certificate;
use chancery_testing::{Fixture, NOW, Requester, certificate, principal, request, request_with_names};
use chancery_x509::certificate::KeyUsage;
use chancery_x509::crl::RevocationReason;
use chancery_x509::extension::extended_key_usage;
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use serde_json::json;

fn usages(names: &[&str]) -> Vec<const_oid::ObjectIdentifier> {
    names.iter().map(|name| extended_key_usage(name).unwrap()).collect()
}

const SERVER: &str = "TLS_WEB_SERVER_AUTHENTICATION";

const CLIENT: &str = "TLS_WEB_CLIENT_AUTHENTICATION";

#[tokio::test]
async fn a_request_without_wishes_gets_the_contract_s_profile() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue(&request("server.example.com")).await.unwrap();
    let certificate = certificate(&issued);
    let ca = fixture.authority.issuing_ca().unwrap();
    assert_eq!(
        certificate.not_before(),
        NOW.plus_seconds(-300).max(ca.certificate().not_before())
    );
    assert_eq!(certificate.not_after(), NOW.plus_days(30));
    assert_eq!(certificate.key_usage(), Some(KeyUsage::DIGITAL_SIGNATURE));
    assert_eq!(certificate.extended_key_usages(), usages(&[CLIENT]));
    assert_eq!(certificate.alt_names(), [AltName::Dns("server.example.com".into())]);
    assert_eq!(certificate.issuer().as_der(), ca.certificate().subject().as_der());
    assert_eq!(
        certificate.authority_key_identifier(),
        ca.certificate().subject_key_identifier()
    );
    assert!(certificate.is_signed_by(ca.issuer.public_key()));
    assert_eq!(
        lint_certificate(certificate.as_der(), Some(ca.certificate().as_der())),
        []
    );

    let record = fixture
        .authority
        .certificate(certificate.serial())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record, issued.record);
    assert_eq!(
        (record.profile.as_str(), record.principal.to_string().as_str()),
        ("tls", "token:tests")
    );
    assert_eq!(record.not_after, certificate.not_after());
    assert_eq!(record.receipt, fixture.memory.keys.log().last().unwrap().receipt);
    assert!(!record.notify_expiry && !issued.replayed && !issued.notice_failed);
    assert_eq!(
        chancery_testing::notices(&fixture.memory),
        [],
        "nobody asked to be told"
    );
}

#[tokio::test]
async fn rsa_keys_get_key_encipherment_and_others_do_not() {
    let fixture = Fixture::new().await;
    let rsa = fixture
        .issue(&TlsCertRequest::for_csr(include_bytes!("data/rsa2048.csr")))
        .await
        .unwrap();
    let both = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT;
    assert_eq!(certificate(&rsa).key_usage(), Some(both));
    let subject = certificate(&rsa).subject().attributes();
    assert_eq!(
        subject.organization.as_deref(),
        Some("Acme, Inc."),
        "the CSR's own value stays"
    );
    assert_eq!(
        certificate(&rsa).subject().to_rfc4514(),
        "O=Acme\\, Inc.,C=GB,CN=rsa.example.com"
    );
}

#[tokio::test]
async fn request_over_csr_field_by_field() {
    let fixture = Fixture::with_profiles("", Profiles::built_in().with_replaced_common_names()).await;
    let csr_subject = Subject {
        common_name: Some("csr.example.com".into()),
        country: Some("GB".into()),
        organization: Some("Csr".into()),
        locality: Some("London".into()),
        ..Subject::default()
    };
    let mut request = TlsCertRequest::for_csr(Requester::new().csr_of(&csr_subject.to_name().unwrap()));
    request.subject = Subject {
        common_name: Some("request.example.com".into()),
        organization: Some("Request".into()),
        state: Some("Kent".into()),
        organizational_unit: Some("Unit".into()),
        email_address: Some("a@example.com".into()),
        ..Subject::default()
    };
    let issued = fixture.issue(&request).await.unwrap();
    // CN, C, emailAddress, L, O, OU, ST in the certificate; RFC 4514 tells them from the last one on.
    let reported = certificate(&issued).subject().to_rfc4514();
    let order: Vec<&str> = reported
        .split(',')
        .map(|part| part.split('=').nth(1).unwrap())
        .collect();
    assert_eq!(
        order,
        [
            "Kent",
            "Unit",
            "Request",
            "London",
            "a@example.com",
            "GB",
            "request.example.com"
        ],
        "{reported}"
    );
    assert_eq!(issued.record.common_name, "request.example.com");
    assert_eq!(
        certificate(&issued).alt_names(),
        [AltName::Dns("request.example.com".into())]
    );
}

#[tokio::test]
async fn purposes_and_usages_add_up_once_each() {
    let fixture = Fixture::new().await;
    let cases: [(&[TlsPurpose], &[&str], &[&str]); 5] = [
        (&[], &[], &[CLIENT]),
        (&[TlsPurpose::ServerAuth], &[], &[SERVER]),
        (
            &[TlsPurpose::ServerAuth, TlsPurpose::ClientAuth],
            &[SERVER],
            &[SERVER, CLIENT],
        ),
        (&[], &["CODE_SIGNING", CLIENT], &[CLIENT, "CODE_SIGNING"]),
        (
            &[TlsPurpose::ClientAuth],
            &["EMAIL_PROTECTION", "1.3.6.1.4.1.311.10.3.12"],
            &[CLIENT, "EMAIL_PROTECTION", "1.3.6.1.4.1.311.10.3.12"],
        ),
    ];
    for (purposes, extended, expected) in cases {
        let mut request = request("a.example.com");
        request.purposes = purposes.to_vec();
        request.extended_key_usages = usages(extended);
        let issued = fixture.issue(&request).await.unwrap();
        assert_eq!(
            certificate(&issued).extended_key_usages(),
            usages(expected),
            "{purposes:?} {extended:?}"
        );
    }
}

#[tokio::test]
async fn the_common_name_stands_in_for_names_only_if_it_is_a_domain() {
    let fixture = Fixture::new().await;
    for (common_name, is_domain) in [
        ("server.example.com", true),
        ("localhost", false),
        ("10.0.0.1", false),
        ("Jane Doe", false),
        ("*.example.com", false),
        ("a@example.com", false),
        ("a..example.com", false),
        ("example.", false),
    ] {
        let issued = fixture.issue(&request(common_name)).await.unwrap();
        assert_eq!(
            certificate(&issued).alt_names().len(),
            usize::from(is_domain),
            "{common_name}"
        );
    }
    let mut server = request("localhost");
    server.profile = Some("tls-server".into());
    assert_eq!(fixture.refusal(&server).await.code(), "no_alt_name");
}

#[tokio::test]
async fn all_five_types_of_names_arrive() {
    let fixture = Fixture::new().await;
    let names = [
        (AltNameType::Dns, "a.example.com"),
        (AltNameType::Dns, "*.b.example.com"),
        (AltNameType::Ip, "10.1.2.3"),
        (AltNameType::Ip, "fd00::1"),
        (AltNameType::Email, "a@example.com"),
        (AltNameType::Uri, "spiffe://example.com/a"),
        (AltNameType::Directory, "CN=a,O=Example"),
    ];
    let request = request_with_names("a.example.com", &names);
    let issued = fixture.issue(&request).await.unwrap();
    let expected: Vec<AltName> = names
        .iter()
        .map(|(kind, value)| AltName::parse(*kind, value).unwrap())
        .collect();
    assert_eq!(certificate(&issued).alt_names(), expected);
}

#[tokio::test]
async fn lifetimes_are_reduced_to_every_limit() {
    let profiles = Profiles::built_in()
        .with("short", "extended_key_usages = ['CODE_SIGNING']\ndefault_lifetime_days = 2\nmax_lifetime_days = 7\nbackdate_seconds = 0")
        .unwrap();
    let fixture = Fixture::with_profiles("max_cert_lifetime = 90", profiles).await;
    for (profile, asked, days) in [
        (None, None, 30),
        (None, Some(90), 90),
        (None, Some(91), 90),
        (Some("short"), None, 2),
        (Some("short"), Some(30), 7),
        (Some("device"), None, 90),
    ] {
        let mut request = request("a.example.com");
        request.profile = profile.map(str::to_owned);
        request.lifetime_days = asked;
        let issued = fixture.issue(&request).await.unwrap();
        assert_eq!(
            certificate(&issued).not_after(),
            NOW.plus_days(days),
            "{profile:?} {asked:?}"
        );
    }
}

#[tokio::test]
async fn certificates_say_where_to_look_only_if_that_is_public() {
    let silent = Fixture::new().await;
    let issued = silent.issue(&request("a.example.com")).await.unwrap();
    for absent in [&b"http://"[..], &b"\x55\x1d\x1f"[..]] {
        assert!(!contains(&issued.record.certificate, absent));
    }
    let fixture = Fixture::with("project='serverless'\nenvironment='dev'\npublic_url='http://pki.example.com'").await;
    let issued = fixture.issue(&request("a.example.com")).await.unwrap();
    assert!(contains(
        &issued.record.certificate,
        b"http://pki.example.com/serverless-issuing-ca-dev.crl"
    ));
    assert!(contains(
        &issued.record.certificate,
        b"http://pki.example.com/serverless-issuing-ca-dev.crt"
    ));
    let ca = fixture.authority.issuing_ca().unwrap();
    assert!(contains(
        ca.certificate().as_der(),
        b"http://pki.example.com/serverless-root-ca-dev.crl"
    ));
    assert!(contains(
        ca.certificate().as_der(),
        b"http://pki.example.com/serverless-root-ca-dev.crt"
    ));
}

#[tokio::test]
async fn a_shard_is_fixed_at_issuance_and_named_in_the_certificate() {
    let fixture = Fixture::with(
        "public_url='http://pki.example.com'\n[[ca]]\nname='root-ca'\n[[ca]]\nname='issuing-ca'\nparent='root-ca'\n[ca.crl]\nshards=4\n",
    )
    .await;
    for index in 0..12 {
        let issued = fixture.issue(&request(&format!("h{index}.example.com"))).await.unwrap();
        let shard = issued.record.shard.unwrap();
        assert!(shard < 4);
        let url = format!("http://pki.example.com/chancery-issuing-ca-{shard}.crl");
        assert!(contains(&issued.record.certificate, url.as_bytes()), "{url}");
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn an_unchanged_csr_file_is_no_news() {
    let fixture = Fixture::new().await;
    let mut request = TlsCertRequest::default();
    request.subject.common_name = Some("a.example.com".into());
    let value = json!({ "common_name": "a.example.com", "csr_file": "a.csr" });
    let mut from_file = TlsCertRequest::from_value(&value).unwrap();
    assert_eq!(
        fixture.refusal(&from_file).await.code(),
        "csr_file_not_found",
        "nobody read the file"
    );

    let (octets, place) = (Requester::new().csr("a.example.com"), "csrs".to_owned());
    from_file.resolve_csr(FoundCsr::Content { octets, place }, Vec::new());
    fixture.issue(&from_file).await.unwrap();
    let notices = chancery_testing::notices(&fixture.memory).len();
    assert_eq!(
        fixture.refusal(&from_file).await.to_string(),
        "Certificate already issued"
    );
    assert_eq!(
        chancery_testing::notices(&fixture.memory).len(),
        notices,
        "nobody is told"
    );

    let mut renamed = from_file.clone();
    renamed.subject.common_name = Some("b.example.com".into());
    if let Some(CsrSource::File(file)) = &mut renamed.csr {
        file.listed = vec![ListedNames {
            subject: renamed.subject.clone(),
            ..ListedNames::default()
        }];
    }
    assert_eq!(
        fixture.refusal(&renamed).await,
        Refusal::KeyInUse,
        "under another name it is news"
    );
    assert_eq!(chancery_testing::notices(&fixture.memory).len(), notices + 1);
}

#[tokio::test]
async fn a_serial_that_is_taken_is_drawn_again() {
    let fixture = Fixture::new().await;
    let first = fixture.issue(&request("a.example.com")).await.unwrap();
    fixture.memory.entropy.next_octets(first.record.id.serial.as_padded());
    // The id of the attempt to sign is drawn after the first serial.
    fixture.memory.entropy.next_octets(&[9; 16]);
    // And 159 zero bits are no serial at all.
    fixture.memory.entropy.next_octets(&[0; 20]);
    let second = fixture.issue(&request("b.example.com")).await.unwrap();
    assert_ne!(second.record.id.serial, first.record.id.serial);
    assert_eq!(certificate(&second).serial(), second.record.id.serial);

    fixture.memory.entropy.next_octets(first.record.id.serial.as_padded());
    fixture.memory.entropy.next_octets(&[9; 16]);
    for _ in 0..8 {
        fixture.memory.entropy.next_octets(first.record.id.serial.as_padded());
    }
    let error = fixture.issue(&request("c.example.com")).await.unwrap_err();
    assert_eq!(error.code(), "ledger", "a generator that repeats itself is broken");
}

#[tokio::test]
async fn profiles_choose_keys_subjects_policies_and_the_ca() {
    let profiles = Profiles::built_in()
        .with(
            "radius",
            "extended_key_usages = ['TLS_WEB_SERVER_AUTHENTICATION']\nkey_types = ['p384']\nissuing_ca = 'radius-ca'",
        )
        .unwrap()
        .with(
            "office",
            "extended_key_usages = ['TLS_WEB_CLIENT_AUTHENTICATION']\nissuing_ca = 'radius-ca'\npolicies = ['1.3.6.1.4.1.55555.9']\n\
             required_subject_fields = ['organizational_unit']\nsubject = { organization = 'Example' }",
        )
        .unwrap();
    let fixture = Fixture::with_profiles(
        "issuing_ca='issuing-ca'\n[[ca]]\nname='root-ca'\n[[ca]]\nname='issuing-ca'\nparent='root-ca'\n[[ca]]\nname='radius-ca'\nparent='root-ca'\n",
        profiles,
    )
    .await;
    let mut radius = request("radius.example.com");
    radius.profile = Some("radius".into());
    assert_eq!(fixture.refusal(&radius).await.code(), "key_not_allowed");

    let mut person = request("Jane Doe");
    person.profile = Some("office".into());
    assert_eq!(fixture.refusal(&person).await.code(), "subject_field_missing");
    person.subject.organizational_unit = Some("Radio".into());
    person.subject.organization = Some("Somebody else".into());
    let issued = fixture.issue(&person).await.unwrap();
    assert_eq!(issued.record.id.issuer.as_str(), "chancery-radius-ca");
    let certificate = certificate(&issued);
    assert_eq!(
        certificate.subject().attributes().organization.as_deref(),
        Some("Example")
    );
    assert!(contains(
        &issued.record.certificate,
        &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xb2, 0x03, 0x09]
    ));
    assert_eq!(fixture.authority.chain(&issued.record.id.issuer).len(), 2);
}

#[tokio::test]
async fn preparing_touches_no_port() {
    let fixture = Fixture::new().await;
    let calls = fixture.memory.faults.calls().len();
    let prepared = fixture
        .authority
        .prepare_tls_cert(&request("a.example.com"), &principal(), None)
        .unwrap();
    assert_eq!(fixture.memory.faults.calls().len(), calls);
    assert_eq!(prepared.profile(), "tls");
    assert_eq!(prepared.template().alt_names, [AltName::Dns("a.example.com".into())]);
    assert_eq!(prepared.ca().name().as_str(), "chancery-issuing-ca");
    let tbs = prepared.tbs().as_der().to_vec();
    let issued = fixture.authority.issue_prepared(prepared).await.unwrap();
    assert_eq!(
        certificate(&issued).tbs_der(),
        tbs,
        "what was decided on is what was signed"
    );
}

#[tokio::test]
async fn what_was_prepared_before_its_ca_was_revoked_is_refused() {
    let mut fixture = Fixture::new().await;
    let one = fixture.authority.clone();
    let prepare = |name: &str| one.prepare_tls_cert(&request(name), &principal(), None).unwrap();
    one.issue_prepared(prepare("a.example.com")).await.unwrap();
    let prepared = prepare("b.example.com");
    // Another process; the first has nothing but what it read before.
    fixture.restart().await;
    let issuing = one.issuing_ca().unwrap().certificate().serial();
    let reason = RevocationReason::Superseded;
    fixture
        .authority
        .revoke(issuing, reason, None, &principal())
        .await
        .unwrap();
    let signatures = fixture.memory.keys.log().len();
    let refused = one.issue_prepared(prepared).await.unwrap_err();
    assert!(
        matches!(&refused, IssueError::Refused(Refusal::IssuerRevoked { ca }) if ca.as_str() == "chancery-issuing-ca"),
        "{refused:?}"
    );
    assert_eq!(fixture.memory.keys.log().len(), signatures, "nothing was signed");
    let open = one
        .ports()
        .ledger
        .intents()
        .list_open(None, NOW.plus_days(1), 10)
        .await
        .unwrap()
        .intents;
    assert!(open.is_empty(), "nor reserved");
}
