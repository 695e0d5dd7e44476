//! Every call of every operation fails once before its effect and once after it, with the process alive and with the
//! process dead; and at every call whoever asked goes away, once before its effect and once after it. Afterwards the
//! operation is repeated, and the deployment must be as if nothing had happened.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::fixture;

use std::task::{Context, Poll};

use chancery_authority::port::Ledger;
use chancery_authority::port::ledger::{CertificateIntent, IdempotencyToken, IntentId, Reach};
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_testing::memory::Fault;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::DAY;
use fixture::{Fixture, QUICK, ca_name, principal};

const FAULTS: [Fault; 4] = [Fault::FailBefore, Fault::FailAfter, Fault::DieBefore, Fault::DieAfter];

/// Runs `operation` on a deployment made by `prepare` with each fault at each of its calls; `verify` says what must hold once it
/// was repeated.
async fn table<T>(
    name: &str,
    prepare: impl AsyncFn() -> (Fixture, T),
    operation: impl AsyncFn(&Fixture, &T),
    verify: impl AsyncFn(&Fixture, &T, &str),
) {
    let (fixture, facts) = prepare().await;
    let before = fixture.memory.faults.calls().len();
    operation(&fixture, &facts).await;
    let calls = fixture.memory.faults.calls()[before..].to_vec();
    assert!(!calls.is_empty(), "{name} makes calls");
    recover(&fixture).await;
    fixture.check_recovered(name).await;
    verify(&fixture, &facts, name).await;

    for (index, call) in calls.iter().enumerate() {
        for fault in FAULTS {
            let context = format!("{name}: {fault:?} at call {} ({call})", index + 1);
            let (mut fixture, facts) = prepare().await;
            fixture.memory.faults.at_call(index + 1, fault);
            operation(&fixture, &facts).await;
            fixture.check(&context).await;
            if matches!(fault, Fault::DieBefore | Fault::DieAfter) {
                fixture.restart().await;
            }
            fixture.memory.faults.clear();
            fixture.memory.clock.advance(60);
            recover(&fixture).await;
            operation(&fixture, &facts).await;
            fixture.check_recovered(&context).await;
            verify(&fixture, &facts, &context).await;
        }
    }

    let mut polls = 0;
    let mut ended = false;
    while !ended {
        let (fixture, facts) = prepare().await;
        fixture.memory.faults.pause_at_calls(true);
        ended = dropped_after(polls, operation(&fixture, &facts)).await;
        fixture.memory.faults.pause_at_calls(false);
        let context = format!("{name}: the caller went away after {polls} polls");
        fixture.check(&context).await;
        fixture.memory.clock.advance(60);
        recover(&fixture).await;
        operation(&fixture, &facts).await;
        fixture.check_recovered(&context).await;
        verify(&fixture, &facts, &context).await;
        polls += 1;
    }
    assert!(polls > calls.len(), "{name}: every call was a place to go away at");
}

/// Polls an operation so many times and drops it, unless it has ended before; whether it has.
async fn dropped_after(polls: usize, operation: impl Future<Output = ()>) -> bool {
    let mut operation = std::pin::pin!(operation);
    for _ in 0..polls {
        let poll = |context: &mut Context<'_>| Poll::Ready(operation.as_mut().poll(context).is_ready());
        if std::future::poll_fn(poll).await {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

/// What a process does when it starts and from then on.
async fn recover(fixture: &Fixture) {
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    let swept = fixture.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(swept.failed, []);
    fixture::all_good(&fixture.authority.publish_due_crls().await);
}

#[tokio::test]
async fn creating_the_hierarchy() {
    table(
        "initialise",
        async || (Fixture::empty(QUICK).await, ()),
        async |fixture: &Fixture, (): &()| {
            let _ = fixture.authority.initialise(&|_: &str| ()).await;
        },
        async |fixture: &Fixture, (): &(), context: &str| {
            let names: Vec<_> = fixture.authority.cas().iter().map(|ca| ca.name().to_string()).collect();
            assert_eq!(names, ["chancery-root-ca", "chancery-issuing-ca"], "{context}");
            let mut files = fixture.memory.publication.names();
            files.sort();
            let wanted = [
                "chancery-ca-bundle.pem",
                "chancery-issuing-ca.crl",
                "chancery-issuing-ca.crl.pem",
                "chancery-issuing-ca.crt",
                "chancery-root-ca.crl",
                "chancery-root-ca.crl.pem",
                "chancery-root-ca.crt",
            ];
            assert_eq!(files, wanted, "{context}");
        },
    )
    .await;
}

#[tokio::test]
async fn renewing_a_ca() {
    let present = |fixture: &Fixture| {
        let ca = fixture.authority.ca(&ca_name("chancery-issuing-ca")).unwrap();
        ca.certificate().clone()
    };
    table(
        "renew_ca",
        async || {
            let fixture = Fixture::with(QUICK).await;
            let former = present(&fixture);
            fixture.memory.clock.advance(DAY);
            (fixture, former)
        },
        async |fixture: &Fixture, _: &_| {
            let _ = fixture
                .authority
                .renew_ca(&ca_name("chancery-issuing-ca"), &principal())
                .await;
            let _ = fixture.authority.publish_certificates().await;
        },
        async |fixture: &Fixture, former: &chancery_x509::certificate::Certificate, context: &str| {
            fixture.authority.reload().await.unwrap();
            let renewed = present(fixture);
            assert!(renewed.not_after() > former.not_after(), "{context}");
            assert_eq!(renewed.spki_der(), former.spki_der(), "{context}");
            assert_eq!(fixture.authority.not_believed().await, [], "{context}");
            fixture.issue("after.example.com", None).await;
        },
    )
    .await;
}

#[tokio::test]
async fn making_a_cross_certificate() {
    use chancery_authority::hierarchy::{CrossNames, CrossSignRequest};
    let theirs = Fixture::with(&format!("project = 'theirs'\n{QUICK}")).await;
    let request = CrossSignRequest {
        certificate: theirs.authority.cas()[0].certificate().clone(),
        days: None,
        path_len: None,
        names: CrossNames::Any,
    };
    table(
        "cross_sign",
        async || (Fixture::with(QUICK).await, ()),
        async |fixture: &Fixture, (): &()| {
            let root = ca_name("chancery-root-ca");
            let _ = fixture.authority.cross_sign(&root, &request, &principal()).await;
        },
        async |fixture: &Fixture, (): &(), context: &str| {
            let made = fixture.memory.ledger.issued();
            let cross = |record: &&_| matches!(record, chancery_authority::port::ledger::CertificateRecord { kind, .. } if *kind == chancery_authority::port::ledger::Kind::CrossCertificate);
            assert!(made.iter().any(|record| cross(&record)), "{context}");
            assert_eq!(fixture.authority.cas().len(), 2, "{context}");
        },
    )
    .await;
}

#[tokio::test]
async fn creating_the_hierarchy_and_sweeping_before_it_is_taken_up() {
    // The sweeper gives a CA's intent up; the next run begins anew, with the same keys.
    for fault in FAULTS {
        for operation in ["keys.create", "intents.reserve", "keys.sign", "intents.complete"] {
            for nth in [1, 2] {
                let context = format!("{fault:?} at {operation} {nth}");
                let mut fixture = Fixture::empty(QUICK).await;
                fixture.memory.faults.at(operation, nth, fault);
                let _ = fixture.authority.initialise(&|_: &str| ()).await;
                fixture.restart().await;
                fixture.authority.sweep_older_than(0).await.unwrap();
                recover(&fixture).await;
                fixture.check_recovered(&context).await;
                assert_eq!(fixture.authority.cas().len(), 2, "{context}");
            }
        }
    }
}

#[tokio::test]
async fn publishing_crls() {
    table(
        "publish_crls",
        async || {
            let fixture = Fixture::new().await;
            let serial = fixture.issue("a.example", None).await.id.serial;
            fixture
                .memory
                .ledger
                .revocations()
                .revoke(&ca_name("chancery-issuing-ca"), serial, revocation(), Reach::Key)
                .await
                .unwrap();
            fixture.memory.clock.advance(DAY);
            (fixture, serial)
        },
        async |fixture: &Fixture, _: &Serial| {
            fixture.authority.publish_crls(None).await;
        },
        async |fixture: &Fixture, serial: &Serial, context: &str| {
            assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [*serial], "{context}");
            let status = fixture.authority.crl_status().await;
            assert!(
                status.iter().all(|status| !status.is_alarming()),
                "{context}: {status:?}"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn publishing_certificates() {
    table(
        "publish_certificates",
        async || {
            let fixture = Fixture::new().await;
            for name in [
                "chancery-root-ca.crt",
                "chancery-issuing-ca.crt",
                "chancery-ca-bundle.pem",
            ] {
                fixture.memory.publication.remove(name);
            }
            (fixture, ())
        },
        async |fixture: &Fixture, (): &()| {
            fixture.authority.publish_certificates().await;
        },
        async |fixture: &Fixture, (): &(), context: &str| {
            let text =
                |name: &str| String::from_utf8(fixture.memory.publication.content(name).unwrap().to_vec()).unwrap();
            let (root, issuing) = (text("chancery-root-ca.crt"), text("chancery-issuing-ca.crt"));
            assert_eq!(text("chancery-ca-bundle.pem"), format!("{root}{issuing}"), "{context}");
        },
    )
    .await;
}

#[tokio::test]
async fn revoking() {
    Box::pin(table(
        "revoke",
        async || {
            let fixture = Fixture::new().await;
            let serial = fixture.issue("a.example", None).await.id.serial;
            fixture.memory.clock.advance(60);
            (fixture, serial)
        },
        async |fixture: &Fixture, serial: &Serial| {
            let reason = RevocationReason::KeyCompromise;
            let _ = fixture.authority.revoke(*serial, reason, None, &principal()).await;
        },
        async |fixture: &Fixture, serial: &Serial, context: &str| {
            let record = fixture.authority.certificate(*serial).await.unwrap().unwrap();
            let reason = record.revocation.map(|revocation| revocation.reason);
            assert_eq!(reason, Some(RevocationReason::KeyCompromise), "{context}");
            assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [*serial], "{context}");
            let reported = chancery_testing::notices(&fixture.memory);
            assert!(
                reported
                    .iter()
                    .filter(|notice| notice.subject == "Certificate Revoked")
                    .count()
                    <= 1,
                "{context}"
            );
        },
    ))
    .await;
}

#[tokio::test]
async fn issuing() {
    Box::pin(table(
        "issue",
        async || (Fixture::new().await, fixture::request("a.example")),
        async |fixture: &Fixture, request: &TlsCertRequest| {
            let token = IdempotencyToken("a token".to_owned());
            let _ = fixture
                .authority
                .issue_tls_cert(request, &principal(), Some(token))
                .await;
        },
        async |fixture: &Fixture, _: &TlsCertRequest, context: &str| {
            let certificates = fixture.memory.ledger.issued();
            let leaves = certificates
                .iter()
                .filter(|record| record.common_name == "a.example")
                .count();
            assert_eq!(
                leaves, 1,
                "{context}: a request that is repeated with its token makes one certificate"
            );
        },
    ))
    .await;
}

#[tokio::test]
async fn sweeping() {
    table(
        "sweep",
        async || {
            let fixture = Fixture::new().await;
            // What three processes left that died before they signed, or before they heard of it.
            for (name, token, operation) in [
                ("a.example", Some("a token"), "keys.sign"),
                ("b.example", None, "keys.sign"),
                ("c.example", None, "intents.complete"),
            ] {
                fixture.memory.faults.at(operation, 1, Fault::FailBefore);
                let token = token.map(|token| IdempotencyToken(token.to_owned()));
                let outcome = fixture
                    .authority
                    .issue_tls_cert(&fixture::request(name), &principal(), token)
                    .await;
                assert!(outcome.is_err());
            }
            let open = fixture
                .memory
                .ledger
                .intents()
                .list_open(None, fixture::NOW.plus_days(1), 10)
                .await
                .unwrap()
                .intents;
            let of = |token: bool| -> Vec<IntentId> {
                let matching = open.iter().filter(|intent| intent.has_token() == token);
                matching.map(|intent| intent.id.clone()).collect()
            };
            let facts = (of(true), of(false));
            assert_eq!((facts.0.len(), facts.1.len()), (1, 2));
            fixture.memory.clock.advance(1000);
            (fixture, facts)
        },
        async |fixture: &Fixture, _: &(Vec<IntentId>, Vec<IntentId>)| {
            let _ = fixture.authority.sweep().await;
        },
        async |fixture: &Fixture, (kept, lost): &(Vec<IntentId>, Vec<IntentId>), context: &str| {
            let record = fixture.authority.certificate(kept[0].serial).await.unwrap().unwrap();
            assert_eq!(record.common_name, "a.example", "{context}");
            let mut given_up: Vec<_> = fixture
                .memory
                .ledger
                .lost_intents()
                .into_iter()
                .map(|intent| intent.id.serial)
                .collect();
            let mut wanted: Vec<_> = lost.iter().map(|id| id.serial).collect();
            given_up.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(given_up, wanted, "{context}");
            assert_eq!(fixture.listed("chancery-issuing-ca.crl"), wanted, "{context}");
        },
    )
    .await;
}

#[tokio::test]
async fn reminding() {
    table(
        "remind",
        async || {
            let fixture = Fixture::new().await;
            let record = fixture.issue("a.example", None).await;
            fixture.memory.clock.set(record.not_after.plus_days(-7));
            fixture::all_good(&fixture.authority.publish_crls(None).await);
            (fixture, record.id.serial)
        },
        async |fixture: &Fixture, _: &Serial| {
            let _ = fixture.authority.remind().await;
        },
        async |fixture: &Fixture, serial: &Serial, context: &str| {
            let reported = chancery_testing::notices(&fixture.memory);
            let warnings = reported
                .iter()
                .filter(|notice| notice.subject == "Certificate Expiry Warning")
                .count();
            assert!((1..=2).contains(&warnings), "{context}: {warnings} warnings");
            let record = fixture.authority.certificate(*serial).await.unwrap().unwrap();
            assert!(
                (1..=2).contains(&record.reminders.len()),
                "{context}: {:?}",
                record.reminders
            );
            let again = fixture.authority.remind().await.unwrap();
            assert_eq!(
                (again.sent, again.failed),
                (0, 0),
                "{context}: a recorded reminder is not sent again"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_creation_with_another_configuration_gives_the_begun_one_up() {
    let mut fixture = Fixture::empty(QUICK).await;
    fixture.memory.faults.at("keys.sign", 2, Fault::DieAfter);
    assert!(fixture.authority.initialise(&|_: &str| ()).await.is_err());
    fixture.config = chancery_authority::config::Config::from_toml(&format!("{QUICK}\n lifetime_days = 100")).unwrap();
    fixture.restart().await;
    recover(&fixture).await;
    fixture.check_recovered("after the change").await;
    let issuing = fixture.authority.issuing_ca().unwrap();
    assert_eq!(issuing.certificate().not_after(), fixture::NOW.plus_days(100));
    let lost: Vec<CertificateIntent> = fixture.memory.ledger.lost_intents();
    assert_eq!(lost.len(), 1);
    assert_eq!(fixture.listed("chancery-root-ca.crl"), [lost[0].id.serial]);
}

fn revocation() -> chancery_authority::port::ledger::Revocation {
    chancery_authority::port::ledger::Revocation {
        at: fixture::NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: "token:tests".to_owned(),
    }
}
