//! Further certificates of CAs: renewed for the same key, and cross-certificates.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::config::NameConstraintsFile;
use chancery_authority::hierarchy::{CrossNames, CrossSignError, CrossSignRequest, HierarchyError};
use chancery_authority::port::ledger::{Kind, LedgerError};
use chancery_contract::IssueTlsCert as _;
use chancery_x509::certificate::Certificate;
use chancery_x509::certificate::template::{NameConstraints, Subtree};
use chancery_x509::crl::RevocationReason;
use rustls_pki_types::{CertificateDer, UnixTime as PkiTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use chancery_testing::memory::Fault;

use crate::fixture::{self, Fixture, all_good, ca_name, principal};

const CONFIG: &str = "
public_url = 'http://pki.example.com'
[[ca]]
name = 'root-ca'
algorithm = 'p256'
lifetime_days = 7000
[[ca]]
name = 'issuing-ca'
parent = 'root-ca'
lifetime_days = 3000
";

/// Another organisation's CAs.
async fn theirs() -> Fixture {
    Fixture::with(&format!("project = 'others'\n{CONFIG}")).await
}

fn root(fixture: &Fixture) -> Certificate {
    fixture.authority.cas()[0].certificate().clone()
}

fn issuing(fixture: &Fixture) -> Certificate {
    fixture.authority.cas()[1].certificate().clone()
}

fn published(fixture: &Fixture, name: &str) -> Certificate {
    Certificate::parse(&fixture.memory.publication.content(name).unwrap()).unwrap()
}

/// Whether rustls-webpki finds a path from the leaf through those certificates to the trusted one.
fn has_path(fixture: &Fixture, leaf: &[u8], through: &[&Certificate], trusted: &Certificate) -> bool {
    use chancery_authority::port::Clock as _;
    let leaf = CertificateDer::from(leaf);
    let through: Vec<_> = through.iter().map(|ca| CertificateDer::from(ca.as_der())).collect();
    let trusted = CertificateDer::from(trusted.as_der());
    let anchors = [anchor_from_trusted_cert(&trusted).unwrap()];
    let now = u64::try_from(fixture.memory.clock.now().0).unwrap();
    let now = PkiTime::since_unix_epoch(std::time::Duration::from_secs(now));
    let leaf = EndEntityCert::try_from(&leaf).unwrap();
    let verified = leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &through,
        now,
        KeyUsage::client_auth(),
        None,
        None,
    );
    verified.is_ok()
}

fn request(certificate: &Certificate, names: CrossNames) -> CrossSignRequest {
    CrossSignRequest {
        certificate: certificate.clone(),
        days: None,
        path_len: None,
        names,
    }
}

#[tokio::test]
async fn a_renewed_ca_is_the_same_ca() {
    let fixture = Fixture::with(CONFIG).await;
    let other = fixture::another(&fixture.memory, &fixture.config).await;
    let before = fixture.issue("before.example.com", None).await;
    let (root, former) = (root(&fixture), issuing(&fixture));
    fixture.memory.clock.advance(1000 * 86_400);
    let renewed = fixture
        .authority
        .renew_ca(&ca_name("chancery-issuing-ca"), &principal())
        .await
        .unwrap();
    let renewed = renewed.certificate();
    assert_ne!(renewed.serial(), former.serial());
    assert_eq!(renewed.subject(), former.subject());
    assert_eq!(renewed.spki_der(), former.spki_der());
    assert_eq!(renewed.subject_key_identifier(), former.subject_key_identifier());
    assert!(renewed.not_after() > former.not_after());
    assert_eq!(renewed.not_before(), former.not_before());
    assert_eq!(renewed.basic_constraints(), former.basic_constraints());

    // Everyone goes on, with either certificate.
    let after = fixture.issue("after.example.com", None).await;
    for through in [&former, renewed] {
        assert!(has_path(&fixture, &after.certificate, &[through], &root));
    }
    assert!(
        Certificate::parse(&before.certificate).unwrap().is_signed_by(
            fixture
                .authority
                .ca(&ca_name("chancery-issuing-ca"))
                .unwrap()
                .issuer
                .public_key()
        )
    );
    // The process that opened the CAs before does not put the former certificate back.
    for authority in [&fixture.authority, &other] {
        let outcomes = authority.publish_certificates().await;
        assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
        assert_eq!(
            published(&fixture, "chancery-issuing-ca.crt").as_der(),
            renewed.as_der()
        );
    }
    assert_eq!(other.not_believed().await, []);
    all_good(&fixture.authority.publish_crls(None).await);
    let record = fixture.authority.certificate(renewed.serial()).await.unwrap().unwrap();
    assert_eq!(record.principal, principal());
    assert_eq!(record.renews.unwrap().serial, former.serial());
}

#[tokio::test]
async fn a_root_is_renewed_too_and_both_verify() {
    let fixture = Fixture::with(CONFIG).await;
    let former = root(&fixture);
    fixture.memory.clock.advance(5000 * 86_400);
    // The issuing CA's certificate cannot outlive the root's.
    let issuing_ca = ca_name("chancery-issuing-ca");
    let ends = async || {
        let renewed = fixture.authority.renew_ca(&issuing_ca, &principal()).await?;
        Ok::<_, HierarchyError>(renewed.certificate().not_after())
    };
    assert_eq!(ends().await.unwrap(), former.not_after());
    let again = ends().await;
    assert!(matches!(again, Err(HierarchyError::NoLaterEnd { .. })), "{again:?}");
    let renewed = fixture
        .authority
        .renew_ca(&ca_name("chancery-root-ca"), &principal())
        .await
        .unwrap();
    let renewed = renewed.certificate().clone();
    assert!(renewed.not_after() > former.not_after());
    assert!(renewed.is_signed_by(fixture.authority.cas()[0].issuer.public_key()));
    assert!(ends().await.unwrap() > former.not_after());
    let leaf = fixture.issue("a.example.com", None).await;
    for trusted in [&former, &renewed] {
        assert!(has_path(&fixture, &leaf.certificate, &[&issuing(&fixture)], trusted));
    }
}

#[tokio::test]
async fn what_must_not_be_renewed_is_not() {
    let mut fixture = Fixture::with(CONFIG).await;
    let issuing_ca = ca_name("chancery-issuing-ca");
    let at_once = fixture.authority.renew_ca(&issuing_ca, &principal()).await;
    assert!(matches!(at_once, Err(HierarchyError::NoLaterEnd { .. })), "{at_once:?}");
    fixture.memory.clock.advance(86_400);
    let unknown = fixture.authority.renew_ca(&ca_name("no-ca"), &principal()).await;
    assert!(matches!(
        unknown,
        Err(HierarchyError::Ledger(LedgerError::NoSuchIssuer(_)))
    ));
    let renamed = CONFIG.replace(
        "lifetime_days = 3000",
        "lifetime_days = 3000\nsubject.common_name = 'Another'",
    );
    fixture.config = chancery_authority::config::Config::from_toml(&renamed).unwrap();
    fixture.restart().await;
    let other = fixture.authority.renew_ca(&issuing_ca, &principal()).await;
    assert!(matches!(other, Err(HierarchyError::OtherSubject { .. })), "{other:?}");

    let fixture = Fixture::with(CONFIG).await;
    fixture.memory.clock.advance(86_400);
    let serial = issuing(&fixture).serial();
    fixture
        .authority
        .revoke(serial, RevocationReason::CessationOfOperation, None, &principal())
        .await
        .unwrap();
    let revoked = fixture.authority.renew_ca(&issuing_ca, &principal()).await;
    assert!(
        matches!(revoked, Err(HierarchyError::Ledger(LedgerError::IssuerRevoked { .. }))),
        "{revoked:?}"
    );
}

#[tokio::test]
async fn those_who_trust_either_root_find_a_path() {
    let (ours, theirs) = (Fixture::with(CONFIG).await, theirs().await);
    let (our_root, their_root, their_ca) = (root(&ours), root(&theirs), issuing(&theirs));
    let leaf = theirs.issue("www.example.com", None).await;
    let elsewhere = theirs.issue("www.example.org", None).await;
    let names = CrossNames::Constrained(
        NameConstraintsFile {
            permitted: vec!["dns:example.com".to_owned()],
            excluded: Vec::new(),
        }
        .parse()
        .unwrap(),
    );
    for (certificate, below) in [(&their_root, vec![&their_ca]), (&their_ca, vec![])] {
        let made = ours
            .authority
            .cross_sign(
                &ca_name("chancery-root-ca"),
                &request(certificate, names.clone()),
                &principal(),
            )
            .await
            .unwrap();
        assert_eq!(made.left_out, Vec::<String>::new());
        assert_eq!(made.record.kind, Kind::CrossCertificate);
        let cross = Certificate::parse(&made.record.certificate).unwrap();
        assert_eq!(cross.subject(), certificate.subject());
        assert_eq!(cross.subject_key_identifier(), certificate.subject_key_identifier());
        assert_eq!(cross.issuer(), our_root.subject());
        assert_eq!(
            cross.crl_distribution_points().unwrap(),
            ["http://pki.example.com/chancery-root-ca.crl"]
        );
        let constraints = cross.name_constraints().unwrap().unwrap();
        assert_eq!(constraints.permitted[0], Subtree::Dns("example.com".to_owned()));
        // No e-mail address, no URI, no IP address of either version.
        assert_eq!(
            (constraints.permitted.len(), constraints.excluded.len()),
            (3, 2),
            "{constraints:?}"
        );

        let mut through = below.clone();
        through.push(&cross);
        assert!(has_path(&theirs, &leaf.certificate, &through, &our_root));
        assert!(!has_path(&theirs, &leaf.certificate, &below, &our_root));
        assert!(
            !has_path(&theirs, &elsewhere.certificate, &through, &our_root),
            "not permitted"
        );
        assert!(has_path(&theirs, &leaf.certificate, &[&their_ca], &their_root));

        // It is revoked like any other, and no CA of this authority with it.
        let serial = made.record.id.serial;
        let ended = RevocationReason::CessationOfOperation;
        ours.authority.revoke(serial, ended, None, &principal()).await.unwrap();
        all_good(&ours.authority.publish_crls(None).await);
        assert!(ours.listed("chancery-root-ca.crl").contains(&serial));
        ours.issue(&format!("after-{}.example.com", below.len()), None).await;
    }
    assert_eq!(ours.authority.cas().len(), 2);
}

#[tokio::test]
async fn a_cross_certificate_gives_no_more_than_was_asked_for() {
    let (ours, theirs) = (Fixture::with(CONFIG).await, theirs().await);
    let by = ca_name("chancery-root-ca");
    let their_root = root(&theirs);
    let refused = async |issuer: &str, request: CrossSignRequest| {
        ours.authority
            .cross_sign(&ca_name(issuer), &request, &principal())
            .await
            .unwrap_err()
    };
    let unlimited = refused("chancery-root-ca", request(&their_root, CrossNames::Own)).await;
    assert_eq!(unlimited, CrossSignError::Unconstrained);
    let leaf = theirs.issue("www.example.com", None).await;
    let leaf = Certificate::parse(&leaf.certificate).unwrap();
    let no_ca = refused("chancery-root-ca", request(&leaf, CrossNames::Any)).await;
    assert!(matches!(no_ca, CrossSignError::NotACa(_)), "{no_ca:?}");
    let itself = refused("chancery-root-ca", request(&root(&ours), CrossNames::Any)).await;
    assert_eq!(itself, CrossSignError::Itself(by.clone()));
    let excluded = NameConstraintsFile {
        permitted: Vec::new(),
        excluded: vec!["dns:example.com".to_owned()],
    };
    let all_but_some = CrossNames::Constrained(excluded.parse().unwrap());
    let all_but_some = refused("chancery-root-ca", request(&their_root, all_but_some)).await;
    assert_eq!(all_but_some, CrossSignError::NothingPermitted);
    // The issuing CA's path length is 0.
    let too_deep = refused("chancery-issuing-ca", request(&their_root, CrossNames::Any)).await;
    assert!(matches!(too_deep, CrossSignError::Template { .. }), "{too_deep:?}");
    let mut bent = their_root.as_der().to_vec();
    *bent.last_mut().unwrap() ^= 1;
    let bent = Certificate::parse(&bent).unwrap();
    let forged = refused("chancery-root-ca", request(&bent, CrossNames::Any)).await;
    assert_eq!(forged, CrossSignError::BadSignature);

    let asked = CrossSignRequest {
        days: Some(30),
        path_len: Some(1),
        ..request(&their_root, CrossNames::Any)
    };
    let made = ours.authority.cross_sign(&by, &asked, &principal()).await.unwrap();
    let cross = Certificate::parse(&made.record.certificate).unwrap();
    assert_eq!(cross.basic_constraints().unwrap().path_len, Some(1));
    assert_eq!(cross.not_after().0 - cross.not_before().0, 30 * 86_400 + 300);
    // One that has constraints keeps them.
    let limited = CrossNames::Constrained(NameConstraints {
        permitted: vec![Subtree::Dns("example.net".to_owned())],
        excluded: Vec::new(),
    });
    let made = ours
        .authority
        .cross_sign(&by, &request(&their_root, limited.clone()), &principal())
        .await
        .unwrap();
    let constrained = Certificate::parse(&made.record.certificate).unwrap();
    let third = Fixture::with(&format!("project = 'third'\n{CONFIG}")).await;
    let by = ca_name("third-root-ca");
    let again = third
        .authority
        .cross_sign(&by, &request(&constrained, CrossNames::Own), &principal())
        .await
        .unwrap();
    let again = Certificate::parse(&again.record.certificate).unwrap();
    assert_eq!(
        again.name_constraints().unwrap(),
        constrained.name_constraints().unwrap()
    );
    let wider = third
        .authority
        .cross_sign(&by, &request(&constrained, limited.clone()), &principal())
        .await;
    assert_eq!(wider.unwrap_err(), CrossSignError::OtherConstraints);
    ours.memory.clock.advance(7001 * 86_400);
    let over = refused("chancery-root-ca", request(&their_root, CrossNames::Any)).await;
    assert!(matches!(over, CrossSignError::NotValid { .. }), "{over:?}");
}

#[tokio::test]
async fn what_was_asked_for_before_a_renewal_is_issued_after_it() {
    let fixture = Fixture::with(CONFIG).await;
    fixture.memory.clock.advance(86_400);
    fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    let token = || Some(chancery_authority::port::ledger::IdempotencyToken("again".to_owned()));
    let asked = fixture::request("a.example.com");
    let first = fixture.authority.issue_tls_cert(&asked, &principal(), token()).await;
    assert!(first.is_err());
    fixture.memory.faults.clear();
    fixture
        .authority
        .renew_ca(&ca_name("chancery-issuing-ca"), &principal())
        .await
        .unwrap();
    let swept = fixture.authority.sweep_older_than(0).await.unwrap();
    assert_eq!((swept.completed.len(), swept.lost, swept.refused), (1, vec![], vec![]));
}

#[tokio::test]
async fn a_ca_is_revoked_as_a_whole() {
    for revoke_former in [false, true] {
        let fixture = Fixture::with(CONFIG).await;
        let root = ca_name("chancery-root-ca");
        let former = issuing(&fixture);
        fixture.memory.clock.advance(86_400);
        let issuing_ca = ca_name("chancery-issuing-ca");
        fixture.authority.renew_ca(&issuing_ca, &principal()).await.unwrap();
        let present = issuing(&fixture);
        // Nothing but a compromise is wrong with one that was replaced.
        let serial = if revoke_former {
            former.serial()
        } else {
            present.serial()
        };
        if revoke_former {
            let superseded = Fixture::with(CONFIG).await;
            let replaced = issuing(&superseded).serial();
            superseded.memory.clock.advance(86_400);
            superseded.authority.renew_ca(&issuing_ca, &principal()).await.unwrap();
            let revoked = superseded
                .authority
                .revoke(replaced, RevocationReason::Superseded, None, &principal())
                .await
                .unwrap();
            assert_eq!(revoked.others, []);
            superseded.issue("after.example.com", None).await;
        }
        let revoked = fixture
            .authority
            .revoke(serial, RevocationReason::CessationOfOperation, None, &principal())
            .await
            .unwrap();
        assert_eq!(revoked.others.len(), 1);
        all_good(&fixture.authority.publish_crls(Some(&root)).await);
        let listed = fixture.listed("chancery-root-ca.crl");
        for certificate in [&former, &present] {
            assert!(listed.contains(&certificate.serial()), "{listed:?}");
        }
        let refused = fixture
            .authority
            .issue_tls_cert(&fixture::request("after.example.com"), &principal(), None)
            .await;
        assert!(refused.is_err());
    }
}

#[tokio::test]
async fn a_ca_of_this_authority_is_cross_certified_as_it_is_now() {
    let two_roots = format!("issuing_ca = 'issuing-ca'\n{CONFIG}[[ca]]\nname = 'root-2'\nalgorithm = 'p256'\n");
    let fixture = Fixture::with(&two_roots).await;
    let by = ca_name("chancery-root-ca");
    let new_root = fixture
        .authority
        .ca(&ca_name("chancery-root-2"))
        .unwrap()
        .certificate()
        .clone();
    // No names need be said: it is the same authority.
    let made = fixture
        .authority
        .cross_sign(&by, &request(&new_root, CrossNames::Own), &principal())
        .await
        .unwrap();
    assert_eq!(made.record.common_name, "Chancery Root 2");
    let former = issuing(&fixture);
    fixture.memory.clock.advance(86_400);
    let issuing_ca = ca_name("chancery-issuing-ca");
    fixture.authority.renew_ca(&issuing_ca, &principal()).await.unwrap();
    let new = ca_name("chancery-root-2");
    let cross = async |certificate: &Certificate| {
        let asked = request(certificate, CrossNames::Own);
        fixture.authority.cross_sign(&new, &asked, &principal()).await
    };
    assert_eq!(
        cross(&former).await.unwrap_err(),
        CrossSignError::NotPresent(issuing_ca.clone())
    );
    let present = issuing(&fixture);
    let made = cross(&present).await.unwrap().record;
    // It goes with the CA.
    let ended = RevocationReason::CessationOfOperation;
    let revoked = fixture
        .authority
        .revoke(present.serial(), ended, None, &principal())
        .await
        .unwrap();
    let others: Vec<_> = revoked.others.iter().map(|other| other.id.serial).collect();
    assert!(
        others.contains(&made.id.serial) && others.contains(&former.serial()),
        "{others:?}"
    );
    assert!(matches!(
        cross(&present).await,
        Err(CrossSignError::Ledger(LedgerError::IssuerRevoked { .. }))
    ));

    // Another CA with the name of one of ours.
    let same_name = Fixture::with(CONFIG).await;
    let asked = request(&root(&same_name), CrossNames::Any);
    let refused = fixture
        .authority
        .cross_sign(&by, &asked, &principal())
        .await
        .unwrap_err();
    assert_eq!(refused, CrossSignError::SubjectOf(by));
}

#[tokio::test]
async fn a_revocation_of_a_ca_that_was_interrupted_is_finished() {
    for revoke_former in [false, true] {
        let fixture = Fixture::with(CONFIG).await;
        let root = ca_name("chancery-root-ca");
        let former = issuing(&fixture);
        fixture.memory.clock.advance(86_400);
        let issuing_ca = ca_name("chancery-issuing-ca");
        fixture.authority.renew_ca(&issuing_ca, &principal()).await.unwrap();
        let present = issuing(&fixture);
        let (first, second) = if revoke_former {
            (&former, &present)
        } else {
            (&present, &former)
        };
        // The process ends between the first certificate and the second.
        fixture.memory.faults.at("revocations.revoke", 2, Fault::FailBefore);
        let ended = RevocationReason::CessationOfOperation;
        let interrupted = fixture
            .authority
            .revoke(first.serial(), ended, None, &principal())
            .await;
        assert!(interrupted.is_err());
        fixture.memory.faults.clear();
        assert_eq!(
            fixture.authority.revoked_in_chain(&issuing_ca).await.unwrap(),
            Some(issuing_ca.clone())
        );
        let finished = fixture.authority.finish_revocations(None).await.unwrap();
        let finished: Vec<_> = finished.iter().map(|other| other.id.serial).collect();
        assert_eq!(finished, [second.serial()]);
        assert_eq!(fixture.authority.finish_revocations(None).await.unwrap(), []);
        let record = fixture.authority.certificate(second.serial()).await.unwrap().unwrap();
        assert_eq!(record.revocation.unwrap().reason, ended);
        all_good(&fixture.authority.publish_crls(Some(&root)).await);
    }
}

/// A certificate of another authority's root that has these name constraints of its own.
async fn constrained(names: NameConstraints) -> Certificate {
    let middle = Fixture::with(&format!("project = 'middle'\n{CONFIG}")).await;
    let asked = request(&root(&theirs().await), CrossNames::Constrained(names));
    let by = ca_name("middle-root-ca");
    let made = middle.authority.cross_sign(&by, &asked, &principal()).await.unwrap();
    Certificate::parse(&made.record.certificate).unwrap()
}

#[tokio::test]
async fn a_certificate_s_own_constraints_have_to_limit_something() {
    let ours = Fixture::with(CONFIG).await;
    let by = ca_name("chancery-root-ca");
    let dns = |name: &str| Subtree::Dns(name.to_owned());
    let limited = constrained(NameConstraints {
        permitted: vec![dns("example.com")],
        excluded: Vec::new(),
    })
    .await;
    let made = ours
        .authority
        .cross_sign(&by, &request(&limited, CrossNames::Own), &principal())
        .await
        .unwrap();
    let made = Certificate::parse(&made.record.certificate).unwrap();
    assert_eq!(made.name_constraints().unwrap(), limited.name_constraints().unwrap());
    // All of a kind, or a kind that others know nothing of.
    let all = constrained(NameConstraints {
        permitted: vec![Subtree::Ip {
            address: "0.0.0.0".parse().unwrap(),
            prefix: 0,
        }],
        excluded: Vec::new(),
    })
    .await;
    let refused = ours
        .authority
        .cross_sign(&by, &request(&all, CrossNames::Own), &principal())
        .await;
    assert_eq!(refused.unwrap_err(), CrossSignError::Unconstrained);
    let made = ours
        .authority
        .cross_sign(&by, &request(&all, CrossNames::Any), &principal())
        .await
        .unwrap();
    let made = Certificate::parse(&made.record.certificate).unwrap();
    assert_eq!(
        made.name_constraints().unwrap(),
        all.name_constraints().unwrap(),
        "as they are"
    );
}

/// The certificate with some octets replaced. Its signature is not looked at: it is not self-signed.
fn bent(certificate: &Certificate, from: &[u8], to: &[u8]) -> Certificate {
    let mut der = certificate.as_der().to_vec();
    let at = der.windows(from.len()).position(|octets| octets == from).unwrap();
    der[at..at + to.len()].copy_from_slice(to);
    Certificate::parse(&der).unwrap()
}

#[tokio::test]
async fn what_limits_a_ca_is_carried_over_or_refused() {
    let ours = Fixture::with(CONFIG).await;
    let by = ca_name("chancery-root-ca");
    let certificate = constrained(NameConstraints {
        permitted: vec![Subtree::Dns("example.com".to_owned())],
        excluded: Vec::new(),
    })
    .await;
    // A registeredID, of which this authority knows nothing, in the place of a dNSName.
    let unknown = bent(&certificate, b"\x82\x0bexample.com", b"\x88\x0bexample.com");
    for names in [CrossNames::Own, CrossNames::Any] {
        let refused = ours
            .authority
            .cross_sign(&by, &request(&unknown, names), &principal())
            .await;
        let wanted = CrossSignError::CriticalExtension("2.5.29.30".to_owned());
        assert_eq!(refused.unwrap_err(), wanted);
    }
    // keyUsage without cRLSign.
    let no_crls = bent(&certificate, b"\x03\x02\x01\x86", b"\x03\x02\x02\x84");
    let made = ours
        .authority
        .cross_sign(&by, &request(&no_crls, CrossNames::Own), &principal())
        .await
        .unwrap();
    assert_eq!(made.left_out, Vec::<String>::new());
    let made = Certificate::parse(&made.record.certificate).unwrap();
    assert_eq!(made.key_usage(), no_crls.key_usage());
}
