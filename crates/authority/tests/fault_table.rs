//! Every call of every operation fails once before its effect and once after it, with the process alive and with the
//! process dead; and at every call whoever asked goes away, once before its effect and once after it. Afterwards the
//! operation is repeated, and the house must be as if nothing had happened.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::office;

use std::task::{Context, Poll};

use chancery_authority::memory::Fault;
use chancery_authority::port::Ledger;
use chancery_authority::port::ledger::{CertificateIntent, IdempotencyToken, IntentId};
use chancery_authority::wire::TlsCertRequest;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::DAY;
use office::{Office, QUICK, principal, slug};

const FAULTS: [Fault; 4] = [Fault::FailBefore, Fault::FailAfter, Fault::DieBefore, Fault::DieAfter];

/// Runs `operation` on a house made by `prepare` with each fault at each of its calls; `verify` says what must hold once it
/// was repeated.
async fn table<T>(
    name: &str,
    prepare: impl AsyncFn() -> (Office, T),
    operation: impl AsyncFn(&Office, &T),
    verify: impl AsyncFn(&Office, &T, &str),
) {
    let (office, facts) = prepare().await;
    let before = office.house.faults.calls().len();
    operation(&office, &facts).await;
    let calls = office.house.faults.calls()[before..].to_vec();
    assert!(!calls.is_empty(), "{name} makes calls");
    recover(&office).await;
    office.check_recovered(name).await;
    verify(&office, &facts, name).await;

    for (index, call) in calls.iter().enumerate() {
        for fault in FAULTS {
            let context = format!("{name}: {fault:?} at call {} ({call})", index + 1);
            let (mut office, facts) = prepare().await;
            office.house.faults.at_call(index + 1, fault);
            operation(&office, &facts).await;
            office.check(&context).await;
            if matches!(fault, Fault::DieBefore | Fault::DieAfter) {
                office.restart().await;
            }
            office.house.faults.clear();
            office.house.clock.advance(60);
            recover(&office).await;
            operation(&office, &facts).await;
            office.check_recovered(&context).await;
            verify(&office, &facts, &context).await;
        }
    }

    let mut polls = 0;
    let mut ended = false;
    while !ended {
        let (office, facts) = prepare().await;
        office.house.faults.pause_at_calls(true);
        ended = dropped_after(polls, operation(&office, &facts)).await;
        office.house.faults.pause_at_calls(false);
        let context = format!("{name}: the caller went away after {polls} polls");
        office.check(&context).await;
        office.house.clock.advance(60);
        recover(&office).await;
        operation(&office, &facts).await;
        office.check_recovered(&context).await;
        verify(&office, &facts, &context).await;
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
async fn recover(office: &Office) {
    office.authority.initialise(&|_: &str| ()).await.unwrap();
    let swept = office.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(swept.failed, []);
    office::all_good(&office.authority.publish_due_crls().await);
}

#[tokio::test]
async fn creating_the_hierarchy() {
    table(
        "initialise",
        async || (Office::empty(QUICK).await, ()),
        async |office: &Office, (): &()| {
            let _ = office.authority.initialise(&|_: &str| ()).await;
        },
        async |office: &Office, (): &(), context: &str| {
            let names: Vec<_> = office.authority.cas().iter().map(|ca| ca.slug().to_string()).collect();
            assert_eq!(names, ["chancery-root-ca", "chancery-issuing-ca"], "{context}");
            let mut files = office.house.publication.names();
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
async fn creating_the_hierarchy_and_sweeping_before_it_is_taken_up() {
    // The sweeper gives a CA's intent up; the next run begins anew, with the same keys.
    for fault in FAULTS {
        for operation in ["keys.create", "ledger.reserve", "keys.sign", "ledger.complete"] {
            for nth in [1, 2] {
                let context = format!("{fault:?} at {operation} {nth}");
                let mut office = Office::empty(QUICK).await;
                office.house.faults.at(operation, nth, fault);
                let _ = office.authority.initialise(&|_: &str| ()).await;
                office.restart().await;
                office.authority.sweep_older_than(0).await.unwrap();
                recover(&office).await;
                office.check_recovered(&context).await;
                assert_eq!(office.authority.cas().len(), 2, "{context}");
            }
        }
    }
}

#[tokio::test]
async fn publishing_crls() {
    table(
        "publish_crls",
        async || {
            let office = Office::new().await;
            let serial = office.issue("a.example", None).await.id.serial;
            office
                .house
                .ledger
                .revoke(&slug("chancery-issuing-ca"), serial, revocation())
                .await
                .unwrap();
            office.house.clock.advance(DAY);
            (office, serial)
        },
        async |office: &Office, _: &Serial| {
            office.authority.publish_crls(None).await;
        },
        async |office: &Office, serial: &Serial, context: &str| {
            assert_eq!(office.listed("chancery-issuing-ca.crl"), [*serial], "{context}");
            let status = office.authority.crl_status().await;
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
            let office = Office::new().await;
            for name in [
                "chancery-root-ca.crt",
                "chancery-issuing-ca.crt",
                "chancery-ca-bundle.pem",
            ] {
                office.house.publication.remove(name);
            }
            (office, ())
        },
        async |office: &Office, (): &()| {
            office.authority.publish_certificates().await;
        },
        async |office: &Office, (): &(), context: &str| {
            let text =
                |name: &str| String::from_utf8(office.house.publication.content(name).unwrap().to_vec()).unwrap();
            let (root, issuing) = (text("chancery-root-ca.crt"), text("chancery-issuing-ca.crt"));
            assert_eq!(text("chancery-ca-bundle.pem"), format!("{root}{issuing}"), "{context}");
        },
    )
    .await;
}

#[tokio::test]
async fn revoking() {
    table(
        "revoke",
        async || {
            let office = Office::new().await;
            let serial = office.issue("a.example", None).await.id.serial;
            office.house.clock.advance(60);
            (office, serial)
        },
        async |office: &Office, serial: &Serial| {
            let reason = RevocationReason::KeyCompromise;
            let _ = office.authority.revoke(*serial, reason, None, &principal()).await;
        },
        async |office: &Office, serial: &Serial, context: &str| {
            let record = office.authority.certificate(*serial).await.unwrap().unwrap();
            let reason = record.revocation.map(|revocation| revocation.reason);
            assert_eq!(reason, Some(RevocationReason::KeyCompromise), "{context}");
            assert_eq!(office.listed("chancery-issuing-ca.crl"), [*serial], "{context}");
            let told = office.house.notices.received();
            assert!(
                told.iter()
                    .filter(|notice| notice.subject == "Certificate Revoked")
                    .count()
                    <= 1,
                "{context}"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn issuing() {
    Box::pin(table(
        "issue",
        async || (Office::new().await, office::request("a.example")),
        async |office: &Office, request: &TlsCertRequest| {
            let token = IdempotencyToken("a token".to_owned());
            let _ = office.authority.issue(request, &principal(), Some(token)).await;
        },
        async |office: &Office, _: &TlsCertRequest, context: &str| {
            let certificates = office.house.ledger.certificates();
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
            let office = Office::new().await;
            // What three processes left that died before they signed, or before they heard of it.
            for (name, token, operation) in [
                ("a.example", Some("a token"), "keys.sign"),
                ("b.example", None, "keys.sign"),
                ("c.example", None, "ledger.complete"),
            ] {
                office.house.faults.at(operation, 1, Fault::FailBefore);
                let token = token.map(|token| IdempotencyToken(token.to_owned()));
                let outcome = office
                    .authority
                    .issue(&office::request(name), &principal(), token)
                    .await;
                assert!(outcome.is_err());
            }
            let open = office
                .house
                .ledger
                .open_intents(office::NOW.plus_days(1), 10)
                .await
                .unwrap();
            let of = |token: bool| -> Vec<IntentId> {
                let matching = open.iter().filter(|intent| intent.has_token() == token);
                matching.map(|intent| intent.id.clone()).collect()
            };
            let facts = (of(true), of(false));
            assert_eq!((facts.0.len(), facts.1.len()), (1, 2));
            office.house.clock.advance(1000);
            (office, facts)
        },
        async |office: &Office, _: &(Vec<IntentId>, Vec<IntentId>)| {
            let _ = office.authority.sweep().await;
        },
        async |office: &Office, (kept, lost): &(Vec<IntentId>, Vec<IntentId>), context: &str| {
            let record = office.authority.certificate(kept[0].serial).await.unwrap().unwrap();
            assert_eq!(record.common_name, "a.example", "{context}");
            let mut given_up: Vec<_> = office
                .house
                .ledger
                .lost_intents()
                .into_iter()
                .map(|intent| intent.id.serial)
                .collect();
            let mut wanted: Vec<_> = lost.iter().map(|id| id.serial).collect();
            given_up.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(given_up, wanted, "{context}");
            assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted, "{context}");
        },
    )
    .await;
}

#[tokio::test]
async fn reminding() {
    table(
        "remind",
        async || {
            let office = Office::new().await;
            let record = office.issue("a.example", None).await;
            office.house.clock.set(record.not_after.plus_days(-7));
            office::all_good(&office.authority.publish_crls(None).await);
            (office, record.id.serial)
        },
        async |office: &Office, _: &Serial| {
            let _ = office.authority.remind().await;
        },
        async |office: &Office, serial: &Serial, context: &str| {
            let told = office.house.notices.received();
            let warnings = told
                .iter()
                .filter(|notice| notice.subject == "Certificate Expiry Warning")
                .count();
            assert!((1..=2).contains(&warnings), "{context}: {warnings} warnings");
            let record = office.authority.certificate(*serial).await.unwrap().unwrap();
            assert!(
                (1..=2).contains(&record.reminders.len()),
                "{context}: {:?}",
                record.reminders
            );
            let again = office.authority.remind().await.unwrap();
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
    let mut office = Office::empty(QUICK).await;
    office.house.faults.at("keys.sign", 2, Fault::DieAfter);
    assert!(office.authority.initialise(&|_: &str| ()).await.is_err());
    office.config = chancery_authority::config::Config::from_toml(&format!("{QUICK}\n lifetime_days = 100")).unwrap();
    office.restart().await;
    recover(&office).await;
    office.check_recovered("after the change").await;
    let issuing = office.authority.issuing_ca().unwrap();
    assert_eq!(issuing.certificate().not_after(), office::NOW.plus_days(100));
    let lost: Vec<CertificateIntent> = office.house.ledger.lost_intents();
    assert_eq!(lost.len(), 1);
    assert_eq!(office.listed("chancery-root-ca.crl"), [lost[0].id.serial]);
}

fn revocation() -> chancery_authority::port::ledger::Revocation {
    chancery_authority::port::ledger::Revocation {
        at: office::NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: "token:tests".to_owned(),
    }
}
