//! CAs and how they come to be.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::fixture;

use chancery_authority::hierarchy::HierarchyError;
use chancery_authority::port::ledger::{Counts, Kind, Ledger};
use chancery_authority::port::{KeyName, KeyStore};
use chancery_lint::{Severity, lint_certificate};
use chancery_testing::memory::Fault;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::{BasicConstraints, Certificate, KeyUsage};
use chancery_x509::time::DAY;
use fixture::{Fixture, NOW, ca_name};
use std::sync::Mutex;

#[tokio::test]
async fn the_default_hierarchy_has_the_contracts_profile() {
    let fixture = Fixture::with(r#"public_url = "http://pki.example.com""#).await;
    let cas = fixture.authority.cas();
    let [root, issuing] = &cas[..] else {
        panic!("a root and an issuing CA: {cas:?}");
    };
    assert_eq!(
        (root.name().as_str(), issuing.name().as_str()),
        ("chancery-root-ca", "chancery-issuing-ca")
    );
    assert_eq!(root.issuer.public_key().algorithm(), CaKeyAlgorithm::P384);
    assert_eq!(issuing.issuer.public_key().algorithm(), CaKeyAlgorithm::P256);
    let (top, below) = (root.certificate(), issuing.certificate());
    for certificate in [top, below] {
        let usage = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
        assert_eq!(certificate.key_usage(), Some(usage));
        assert_eq!(certificate.not_before(), NOW.plus_seconds(-300));
        assert_eq!(certificate.issuer(), top.subject());
        assert_eq!(certificate.authority_key_identifier(), top.subject_key_identifier());
        assert!(certificate.is_signed_by(root.issuer.public_key()));
        let findings = lint_certificate(certificate.as_der(), Some(top.as_der()));
        assert!(
            findings.iter().all(|finding| finding.severity < Severity::Warning),
            "{findings:?}"
        );
    }
    assert_eq!(
        top.basic_constraints(),
        Some(BasicConstraints {
            ca: true,
            path_len: None
        })
    );
    assert_eq!(
        below.basic_constraints(),
        Some(BasicConstraints {
            ca: true,
            path_len: Some(0)
        })
    );
    assert_eq!(top.not_after(), NOW.plus_seconds(7300 * DAY));
    assert_eq!(below.not_after(), NOW.plus_seconds(3650 * DAY));
    let contains = |certificate: &Certificate, url: &str| {
        certificate
            .as_der()
            .windows(url.len())
            .any(|octets| octets == url.as_bytes())
    };
    assert!(contains(below, "http://pki.example.com/chancery-root-ca.crl"));
    assert!(contains(below, "http://pki.example.com/chancery-root-ca.crt"));
    assert!(!contains(top, "http://"), "a root has no distribution point");

    assert_eq!(fixture.authority.issuing_ca().unwrap().name(), issuing.name());
    let chain: Vec<_> = fixture
        .authority
        .chain(issuing.name())
        .iter()
        .map(|ca| ca.name().clone())
        .collect();
    assert_eq!(chain, [issuing.name().clone(), root.name().clone()]);
    assert!(fixture.authority.chain(&ca_name("nobody")).is_empty());

    let record = fixture.authority.certificate(below.serial()).await.unwrap().unwrap();
    assert_eq!(record.common_name, "Chancery Issuing CA");
    assert_eq!(
        (record.profile.as_str(), record.principal.to_string().as_str()),
        ("issuing-ca", "authority")
    );
    assert!(matches!(record.kind, Kind::Ca { parent: Some(_), .. }));
    fixture.check_recovered("after initialising").await;
}

#[tokio::test]
async fn initialising_again_changes_nothing() {
    let fixture = Fixture::new().await;
    let signatures = fixture.memory.keys.log().len();
    let files = fixture.memory.publication.story().len();
    let lines = Mutex::new(Vec::new());
    let created = fixture
        .authority
        .initialise(&|line: &str| lines.lock().unwrap().push(line.to_owned()))
        .await
        .unwrap();
    assert!(created.is_empty());
    assert!(
        lines.into_inner().unwrap().is_empty(),
        "nothing is done, nothing is said"
    );
    assert_eq!(fixture.memory.keys.log().len(), signatures);
    assert_eq!(fixture.memory.publication.story().len(), files);
}

#[tokio::test]
async fn progress_says_what_is_made() {
    let fixture = Fixture::empty(fixture::QUICK).await;
    let lines = Mutex::new(Vec::new());
    let created = fixture
        .authority
        .initialise(&|line: &str| lines.lock().unwrap().push(line.to_owned()))
        .await
        .unwrap();
    assert_eq!(created.len(), 2);
    assert_eq!(
        lines.into_inner().unwrap(),
        [
            "Creating key chancery-root-ca (p256)",
            "Signing the certificate of chancery-root-ca",
            "Created chancery-root-ca",
            "Creating key chancery-issuing-ca (p256)",
            "Signing the certificate of chancery-issuing-ca",
            "Created chancery-issuing-ca",
            "Publishing certificates and revocation lists",
        ]
    );
}

#[tokio::test]
async fn a_hierarchy_may_be_deep_and_of_any_algorithm() {
    let config = r#"
        [[ca]]
        name = "root-ca"
        algorithm = "ml-dsa-65"
        [[ca]]
        name = "middle-ca"
        parent = "root-ca"
        algorithm = "p521"
        lifetime_days = 50
        [[ca]]
        name = "low-ca"
        parent = "middle-ca"
        algorithm = "rsa2048"
        lifetime_days = 50
        [[ca]]
        name = "issuing-ca"
        parent = "low-ca"
        algorithm = "ml-dsa-44"
        lifetime_days = 50
    "#;
    let fixture = Fixture::empty(config).await;
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    let chain = fixture.authority.chain(&ca_name("chancery-issuing-ca"));
    assert_eq!(chain.len(), 4);
    for pair in chain.windows(2) {
        assert!(pair[0].certificate().is_signed_by(pair[1].issuer.public_key()));
        assert!(pair[0].certificate().not_after() <= pair[1].certificate().not_after());
        let crl = fixture.crl(&format!("{}.crl", pair[0].name()));
        assert!(crl.is_signed_by(pair[0].issuer.public_key()));
    }
    fixture.issue("a.example", None).await;
    fixture.check_recovered("a deep hierarchy").await;
}

#[tokio::test]
async fn no_ca_outlives_the_one_above() {
    let config = r#"
        [[ca]]
        name = "root-ca"
        algorithm = "p256"
        lifetime_days = 365
        [[ca]]
        name = "issuing-ca"
        parent = "root-ca"
        lifetime_days = 365
    "#;
    let fixture = Fixture::empty(config).await;
    // The second CA is made half a year later: its own lifetime would end half a year after the root's.
    fixture.memory.faults.at("keys.sign", 2, Fault::DieBefore);
    assert!(fixture.authority.initialise(&|_: &str| ()).await.is_err());
    fixture.memory.faults.clear();
    fixture.authority.sweep_older_than(0).await.unwrap();
    fixture.memory.clock.advance(182 * DAY);
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    let cas = fixture.authority.cas();
    assert_eq!(cas[1].certificate().not_after(), cas[0].certificate().not_after());
}

#[tokio::test]
async fn an_existing_key_is_used_if_it_fits() {
    let fixture = Fixture::empty(fixture::QUICK).await;
    let name = KeyName("chancery-root-ca".to_owned());
    let made = fixture.memory.keys.create(&name, CaKeyAlgorithm::P256).await.unwrap();
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    assert_eq!(fixture.authority.cas()[0].issuer.public_key().as_der(), made.as_der());

    let fixture = Fixture::empty(fixture::QUICK).await;
    fixture.memory.keys.create(&name, CaKeyAlgorithm::P384).await.unwrap();
    match fixture.authority.initialise(&|_: &str| ()).await {
        Err(HierarchyError::KeyAlgorithm {
            expected: "p256",
            actual: "p384",
            key,
            ..
        }) => assert_eq!(key, name),
        other => panic!("a key of another algorithm is refused: {other:?}"),
    }
    assert_eq!(
        fixture.memory.ledger.monitoring().counts().await.unwrap(),
        Counts::default(),
        "nothing was begun"
    );
}

#[tokio::test]
async fn two_cas_cannot_share_a_key() {
    let config = r#"
        [[ca]]
        name = "root-ca"
        algorithm = "p256"
        key = "one-key"
        [[ca]]
        name = "issuing-ca"
        parent = "root-ca"
        key = "other-key"
    "#;
    let fixture = Fixture::empty(config).await;
    fixture.memory.keys.alias(
        &KeyName("one-key".to_owned()),
        &KeyName("other-key".to_owned()),
        CaKeyAlgorithm::P256,
    );
    match fixture.authority.initialise(&|_: &str| ()).await {
        Err(HierarchyError::KeyInUse { ca_name, key, .. }) => {
            assert_eq!((ca_name.as_str(), key.0.as_str()), ("chancery-issuing-ca", "other-key"));
        }
        other => panic!("one key is certified once: {other:?}"),
    }
}

#[tokio::test]
async fn a_taken_serial_is_drawn_again() {
    let fixture = Fixture::empty(fixture::QUICK).await;
    let octets = [0x11; 20];
    // Between the two serials the id of the attempt to sign is drawn.
    let script = [&octets[..], &[9; 16], &octets].concat();
    fixture.memory.entropy.next_octets(&script);
    // Both CAs would have that serial, under one issuer.
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    let cas = fixture.authority.cas();
    assert_eq!(cas[0].certificate().serial().as_padded(), &octets);
    assert_ne!(cas[1].certificate().serial(), cas[0].certificate().serial());
}

#[tokio::test]
async fn failing_publication_is_told_and_leaves_the_cas() {
    let fixture = Fixture::empty(fixture::QUICK).await;
    for nth in 1..=20 {
        fixture.memory.faults.at("publication.put", nth, Fault::FailBefore);
    }
    match fixture.authority.initialise(&|_: &str| ()).await {
        Err(HierarchyError::NotPublished { created, failures }) => {
            assert_eq!(created.len(), 2);
            assert_eq!(
                failures.len(),
                5,
                "three certificates' files and two CRLs: {failures:?}"
            );
        }
        other => panic!("a failure is told: {other:?}"),
    }
    assert_eq!(fixture.authority.cas().len(), 2);
    fixture.memory.faults.clear();
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    fixture.check_recovered("after a second run").await;
}

#[tokio::test]
async fn two_that_initialise_at_once_make_one_hierarchy() {
    let fixture = Fixture::empty(fixture::QUICK).await;
    let other = fixture::another(&fixture.memory, &fixture.config).await;
    for operation in ["intents.reserve", "keys.sign", "intents.complete", "keys.create"] {
        for nth in 1..=2 {
            fixture
                .memory
                .faults
                .at(operation, nth, Fault::Delay(std::time::Duration::from_millis(5)));
        }
    }
    let quiet = |_: &str| ();
    let (one, two) = futures_util::future::join(fixture.authority.initialise(&quiet), other.initialise(&quiet)).await;
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert_eq!(fixture.authority.cas().len(), 2);
    fixture.check_recovered("after two at once").await;
}

#[tokio::test]
async fn a_signature_that_does_not_verify_makes_no_ca() {
    let fixture = Fixture::empty(fixture::QUICK).await;
    let forged = fixture::forged(&fixture.memory, &fixture.config).await;
    let outcome = forged.initialise(&|_: &str| ()).await;
    assert!(
        matches!(outcome, Err(HierarchyError::BadSignature { .. })),
        "{outcome:?}"
    );
    assert!(fixture.memory.ledger.issuers().list().await.unwrap().is_empty());
    // The intent is open, and is taken up where the key store works.
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    fixture.check_recovered("after forged signatures").await;
}
