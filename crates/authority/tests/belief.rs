//! CA certificates that somebody put into the ledger in the place of ours: nothing is published of them, nor issued under them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Cursor;

use chancery_authority::Authority;
use chancery_authority::belief::NotBelieved;
use chancery_authority::config::Config;
use chancery_authority::hierarchy::HierarchyError;
use chancery_authority::port::{KeyName, KeyStore, LedgerError, Precondition, Publication, PublishedName};
use chancery_authority::publish::PublishError;
use chancery_contract::IssueTlsCert as _;
use chancery_testing::SignUnchecked as _;
use chancery_testing::memory::MemoryPorts;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::{BasicConstraints, Certificate, CertificateTemplate, Issuer, KeyUsage};
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::name::Name;

use crate::fixture::{Fixture, another, ca_name, principal, request};

const ROOT: &str = "chancery-root-ca";
const ISSUING: &str = "chancery-issuing-ca";

/// Somebody with a key of their own.
struct Somebody<'a> {
    memory: &'a MemoryPorts,
    key: KeyName,
}

impl<'a> Somebody<'a> {
    async fn new(memory: &'a MemoryPorts) -> Self {
        let key = KeyName("somebody".to_owned());
        memory.keys.create(&key, CaKeyAlgorithm::P256).await.unwrap();
        Self { memory, key }
    }

    /// A root of theirs with our root's name.
    async fn root(&self, like: &Certificate) -> Certificate {
        let own = self.memory.keys.public_key(&self.key).await.unwrap();
        let template = template(like.subject().clone(), own.as_subject().clone(), like);
        let tbs = template.self_signed(&own).unwrap();
        let signed = self
            .memory
            .keys
            .sign_unchecked(&self.key, &tbs.signing_input(&own))
            .await
            .unwrap();
        Certificate::parse(&tbs.assemble(&signed.signature)).unwrap()
    }

    /// A CA's certificate for our key, signed by them.
    async fn below(&self, root: &Certificate, like: &Certificate) -> Certificate {
        let own = self.memory.keys.public_key(&self.key).await.unwrap();
        let template = template(like.subject().clone(), like.public_key().unwrap(), like);
        let tbs = template.issued_by(&Issuer::new(root.clone()).unwrap()).unwrap();
        let signed = self
            .memory
            .keys
            .sign_unchecked(&self.key, &tbs.signing_input(&own))
            .await
            .unwrap();
        Certificate::parse(&tbs.assemble(&signed.signature)).unwrap()
    }
}

fn template(subject: Name, public_key: SubjectPublicKey, like: &Certificate) -> CertificateTemplate {
    CertificateTemplate {
        serial: like.serial(),
        subject,
        public_key,
        not_before: like.not_before(),
        not_after: like.not_after(),
        basic_constraints: Some(BasicConstraints {
            ca: true,
            path_len: None,
        }),
        key_usage: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
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

fn certificate(fixture: &Fixture, name: &str) -> Certificate {
    fixture.authority.ca(&ca_name(name)).unwrap().certificate().clone()
}

/// A process that comes to the deployment as it is now finds one of its CAs replaced.
async fn is_refused(fixture: &Fixture, is_right: impl Fn(&NotBelieved) -> bool) {
    let before: Vec<_> = fixture.memory.publication.story();
    let authority = another(&fixture.memory, &fixture.config).await;
    let signatures = fixture.memory.keys.log().len();

    match authority.initialise(&|_: &str| ()).await {
        Err(HierarchyError::NotBelieved(error)) if is_right(&error) => {}
        other => panic!("{other:?}"),
    }
    let outcomes = authority.publish_certificates().await;
    let refused = |outcome: &Result<(), PublishError>| matches!(outcome, Err(PublishError::NotBelieved(_)));
    assert!(outcomes.iter().any(|(_, outcome)| refused(outcome)), "{outcomes:?}");
    let (name, bundle) = outcomes.last().unwrap();
    assert_eq!(name.to_string(), "chancery-ca-bundle.pem");
    assert!(refused(bundle), "a bundle without that CA is none: {bundle:?}");
    assert_eq!(
        fixture.memory.publication.story().len(),
        before.len(),
        "nothing is published"
    );

    let error = authority
        .issue_tls_cert(&request("a.example"), &principal(), None)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("ca_not_believed", false));
    assert_eq!(fixture.memory.keys.log().len(), signatures, "nothing is signed");
}

#[tokio::test]
async fn somebody_else_s_root_is_not_believed() {
    for row in [false, true] {
        let fixture = Fixture::new().await;
        let theirs = Somebody::new(&fixture.memory)
            .await
            .root(&certificate(&fixture, ROOT))
            .await;
        fixture.memory.ledger.replace_ca(&ca_name(ROOT), theirs.as_der(), row);
        is_refused(
            &fixture,
            |error| matches!(error, NotBelieved::OtherKey { ca_name, .. } if ca_name.as_str() == ROOT),
        )
        .await;
    }
}

#[tokio::test]
async fn nor_a_whole_hierarchy_of_theirs_over_our_key() {
    let fixture = Fixture::new().await;
    let somebody = Somebody::new(&fixture.memory).await;
    let root = somebody.root(&certificate(&fixture, ROOT)).await;
    let issuing = somebody.below(&root, &certificate(&fixture, ISSUING)).await;
    fixture.memory.ledger.replace_ca(&ca_name(ROOT), root.as_der(), true);
    fixture
        .memory
        .ledger
        .replace_ca(&ca_name(ISSUING), issuing.as_der(), true);
    is_refused(
        &fixture,
        |error| matches!(error, NotBelieved::OtherKey { ca_name, .. } if ca_name.as_str() == ROOT),
    )
    .await;
}

#[tokio::test]
async fn nor_our_key_certified_by_them() {
    let fixture = Fixture::new().await;
    let somebody = Somebody::new(&fixture.memory).await;
    let root = somebody.root(&certificate(&fixture, ROOT)).await;
    let issuing = somebody.below(&root, &certificate(&fixture, ISSUING)).await;
    fixture
        .memory
        .ledger
        .replace_ca(&ca_name(ISSUING), issuing.as_der(), true);
    is_refused(
        &fixture,
        |error| matches!(error, NotBelieved::NotSigned { ca_name, .. } if ca_name.as_str() == ISSUING),
    )
    .await;
}

/// Without the CA above, its name constraints and its revocation would not count; with a cycle, no walk would end.
#[tokio::test]
async fn a_ca_whose_record_has_another_ca_above_it_is_not_believed() {
    for (ca, parent) in [
        (ISSUING, None),
        (ISSUING, Some(ISSUING)),
        (ROOT, Some(ISSUING)),
        (ROOT, Some(ROOT)),
    ] {
        let fixture = Fixture::new().await;
        let parent = parent.map(ca_name);
        fixture.memory.ledger.replace_parent(&ca_name(ca), parent.as_ref());
        is_refused(
            &fixture,
            |error| matches!(error, NotBelieved::OtherParent { ca_name, .. } if ca_name.as_str() == ca),
        )
        .await;
    }
}

/// A CA that the configuration does not have any more still needs the CA above it.
#[tokio::test]
async fn nor_is_one_that_was_taken_out_of_the_configuration() {
    let fixture = Fixture::new().await;
    let old = Config::from_toml("[[ca]]\nname = 'new-ca'\nalgorithm = 'p256'").unwrap();
    let believed = another(&fixture.memory, &old).await;
    assert_eq!(believed.not_believed().await, []);
    fixture.memory.ledger.replace_parent(&ca_name(ISSUING), None);
    let found = another(&fixture.memory, &old).await.not_believed().await;
    match found.as_slice() {
        [(of, NotBelieved::OtherParent { signer, .. })] if of.as_str() == ISSUING => {
            assert_eq!(*signer, certificate(&fixture, ROOT).subject().to_rfc4514());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_records_of_a_ca_that_differ_are_not_published() {
    let fixture = Fixture::new().await;
    let (root, issuing) = (certificate(&fixture, ROOT), certificate(&fixture, ISSUING));
    // The record is ours, the row is not.
    fixture.memory.ledger.replace_ca(&ca_name(ROOT), issuing.as_der(), true);
    fixture.memory.ledger.replace_ca(&ca_name(ROOT), root.as_der(), false);
    let authority: Authority = another(&fixture.memory, &fixture.config).await;
    match authority.initialise(&|_: &str| ()).await {
        Err(HierarchyError::NotBelieved(NotBelieved::RecordsDiffer { ca_name })) => assert_eq!(ca_name.as_str(), ROOT),
        other => panic!("{other:?}"),
    }
    // What is ours by key and signature goes on working.
    authority
        .issue_tls_cert(&request("a.example"), &principal(), None)
        .await
        .unwrap();
}

/// Whoever can take records away takes a revocation with them: what no record says is not taken for good.
#[tokio::test]
async fn a_ca_whose_record_is_gone_does_not_stand() {
    for (ca, signer) in [(ISSUING, ROOT), (ROOT, ROOT)] {
        let fixture = Fixture::new().await;
        let issued = fixture.issue("before.example", None).await;
        let serial = certificate(&fixture, ca).serial();
        assert_eq!(fixture.authority.revoked_in_chain(&ca_name(ISSUING)).await, Ok(None));
        fixture.memory.ledger.remove_row(&ca_name(signer), serial);

        let found = fixture.authority.revoked_in_chain(&ca_name(ISSUING)).await;
        assert_eq!(found, Err(LedgerError::no_record_of_ca(&ca_name(ca))));
        let signatures = fixture.memory.keys.log().len();
        let outcome = fixture
            .authority
            .issue_tls_cert(&request("a.example"), &principal(), None)
            .await;
        let error = outcome.unwrap_err();
        assert!(
            error.detail().unwrap_or_default().contains(ca) && !error.is_retryable(),
            "{error:?}"
        );
        assert_eq!(fixture.memory.keys.log().len(), signatures, "nothing is signed");

        let authority = another(&fixture.memory, &fixture.config).await;
        match authority.initialise(&|_: &str| ()).await {
            Err(HierarchyError::NotBelieved(NotBelieved::NoRow { ca_name })) => assert_eq!(ca_name.as_str(), ca),
            other => panic!("{other:?}"),
        }
        let outcomes = authority.publish_certificates().await;
        let of = |name: &str| &outcomes.iter().find(|(of, _)| of.to_string() == name).unwrap().1;
        for name in [format!("{ca}.crt"), "chancery-ca-bundle.pem".to_owned()] {
            let outcome = of(&name);
            assert!(
                matches!(outcome, Err(PublishError::NotBelieved(NotBelieved::NoRow { .. }))),
                "{name}: {outcome:?}"
            );
        }
        // What it issued is revoked all the same.
        fixture.revoke(issued.id.serial).await;
        assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [issued.id.serial]);
    }
}

#[tokio::test]
async fn published_certificates_are_compared_whole_and_repaired() {
    let fixture = Fixture::new().await;
    let (root, issuing) = (certificate(&fixture, ROOT), certificate(&fixture, ISSUING));
    let theirs = Somebody::new(&fixture.memory).await.root(&root).await;
    let ours = root.to_pem() + &issuing.to_pem();
    let put = async |name: &str, text: String| {
        let (name, body) = (
            PublishedName::new(name).unwrap(),
            Box::new(Cursor::new(text.into_bytes())),
        );
        fixture
            .memory
            .publication
            .put(&name, body, Precondition::None)
            .await
            .unwrap();
    };
    for wrong in [
        theirs.to_pem() + &ours,
        ours.clone() + &theirs.to_pem(),
        theirs.to_pem() + &issuing.to_pem(),
        issuing.to_pem(),
        String::new(),
    ] {
        put("chancery-ca-bundle.pem", wrong).await;
        put("chancery-root-ca.crt", theirs.to_pem() + &root.to_pem()).await;
        for (name, outcome) in fixture.authority.publish_certificates().await {
            outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let content = |name: &str| fixture.memory.publication.content(name).unwrap();
        assert_eq!(&*content("chancery-ca-bundle.pem"), ours.as_bytes());
        assert_eq!(&*content("chancery-root-ca.crt"), root.to_pem().as_bytes());
    }
}

/// A root whose private half is away is known by its public one; of one that is away wholly nothing is known, and that is
/// said.
#[tokio::test]
async fn without_the_key_nothing_is_known() {
    let fixture = Fixture::new().await;
    fixture.memory.keys.forget(&KeyName(ROOT.to_owned()));
    let authority = another(&fixture.memory, &fixture.config).await;
    let found = authority.not_believed().await;
    assert_eq!(found.len(), 2, "nor is what hangs on it: {found:?}");
    assert!(found.iter().all(|(_, error)| !error.is_refuted()), "{found:?}");
    let error = authority
        .issue_tls_cert(&request("a.example"), &principal(), None)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "key_store");
}
