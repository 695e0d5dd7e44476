//! Requirements on every [`Revocations`](chancery_authority::port::ledger::Revocations).

mod family;
mod list;

use std::sync::Arc;

use chancery_authority::port::ledger::{CertificateRecord, Ledger, LedgerError, Reach, Revocation, Revoked};
use chancery_x509::crl::RevocationReason;
use futures_util::future::join_all;

use super::fixture::{NOW, ca_name, intent, issue, reserve, revocation, serial};
use super::ok;

/// Tests every requirement of [`Revocations`](chancery_authority::port::ledger::Revocations).
///
/// # Panics
/// If a requirement is violated.
pub async fn revocations(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    the_first_revocation_stands(&*make().await).await;
    key_compromise_replaces_other_reasons(&*make().await).await;
    one_of_many_revocations_is_the_first(make().await).await;
    family::a_compromised_key_takes_all_of_its_family_with_it(&*make().await).await;
    family::a_compromised_key_is_blocked(&*make().await).await;
    family::one_certificate_alone_can_be_revoked(&*make().await).await;
    family::what_was_reserved_before_a_revocation_is_given_up_with_it(&*make().await).await;
    family::other_reasons_reach_one_certificate(&*make().await).await;
    family::the_compromise_of_a_successor_s_key_leaves_its_ancestors(&*make().await).await;
    family::nothing_is_renewed_that_was_revoked(&*make().await).await;
    family::a_certificate_has_one_good_successor(&*make().await).await;
    family::of_many_renewals_at_once_one_is_the_successor(make().await).await;
    family::no_renewal_escapes_a_revocation(make().await).await;
    list::what_was_lost_is_put_back(&*make().await).await;
}

fn now(revoked: Revoked) -> CertificateRecord {
    match revoked {
        Revoked::Now(record) => *record,
        Revoked::Already(record) => panic!("this is the first revocation: {record:?}"),
    }
}

fn already(revoked: Revoked) -> CertificateRecord {
    match revoked {
        Revoked::Already(record) => *record,
        Revoked::Now(record) => panic!("this was revoked before: {record:?}"),
    }
}

async fn the_first_revocation_stands(ledger: &dyn Ledger) {
    let issuer = ca_name("a-ca");
    let first = Revocation {
        invalidity_date: Some(NOW.plus_days(-1)),
        ..revocation(NOW, RevocationReason::Superseded)
    };
    let missing = ledger
        .revocations()
        .revoke(&issuer, serial(1), first.clone(), Reach::Key)
        .await
        .err();
    assert_eq!(
        missing,
        Some(LedgerError::NotFound(serial(1))),
        "what was never issued cannot be revoked"
    );
    reserve(ledger, &intent(1)).await;
    let open = ledger
        .revocations()
        .revoke(&issuer, serial(1), first.clone(), Reach::Key)
        .await
        .err();
    assert_eq!(
        open,
        Some(LedgerError::NotFound(serial(1))),
        "an open intent is no certificate to revoke"
    );

    let record = issue(ledger, &intent(2)).await;
    let elsewhere = ledger
        .revocations()
        .revoke(&ca_name("b-ca"), serial(2), first.clone(), Reach::Key)
        .await
        .err();
    assert_eq!(
        elsewhere,
        Some(LedgerError::NotFound(serial(2))),
        "another issuer has no such certificate"
    );
    let wanted = CertificateRecord {
        revocation: Some(first.clone()),
        ..record
    };
    assert_eq!(
        now(ok(ledger.revocations().revoke(&issuer, serial(2), first, Reach::Key).await).certificate),
        wanted,
        "revoke answers the revoked record"
    );
    assert_eq!(
        ok(ledger.certificates().get(None, serial(2)).await),
        Some(wanted.clone()),
        "a revocation is kept"
    );

    for reason in [
        RevocationReason::Superseded,
        RevocationReason::CessationOfOperation,
        RevocationReason::Unspecified,
    ] {
        let later = revocation(NOW.plus_days(1), reason);
        let reported =
            already(ok(ledger.revocations().revoke(&issuer, serial(2), later, Reach::Key).await).certificate);
        assert_eq!(
            reported, wanted,
            "a later revocation changes nothing and is told the first"
        );
    }
    assert_eq!(
        ok(ledger.monitoring().counts().await).revoked,
        1,
        "a certificate is revoked once"
    );
}

async fn key_compromise_replaces_other_reasons(ledger: &dyn Ledger) {
    let issuer = ca_name("a-ca");
    issue(ledger, &intent(1)).await;
    now(ok(ledger
        .revocations()
        .revoke(
            &issuer,
            serial(1),
            revocation(NOW, RevocationReason::Superseded),
            Reach::Key,
        )
        .await)
    .certificate);
    let compromise = Revocation {
        invalidity_date: Some(NOW.plus_days(-3)),
        ..revocation(NOW.plus_days(1), RevocationReason::KeyCompromise)
    };
    let record = now(ok(ledger
        .revocations()
        .revoke(&issuer, serial(1), compromise, Reach::Key)
        .await)
    .certificate);
    let Some(replaced) = record.revocation else {
        panic!("a certificate stays revoked");
    };
    assert_eq!(
        replaced.reason,
        RevocationReason::KeyCompromise,
        "keyCompromise replaces another reason"
    );
    assert_eq!(replaced.at, NOW, "the time of the revocation stays");
    assert_eq!(
        replaced.invalidity_date,
        Some(NOW.plus_days(-3)),
        "the invalidity date is that of the compromise"
    );

    for reason in [RevocationReason::Superseded, RevocationReason::KeyCompromise] {
        let reported = already(
            ok(ledger
                .revocations()
                .revoke(&issuer, serial(1), revocation(NOW.plus_days(2), reason), Reach::Key)
                .await)
            .certificate,
        );
        assert_eq!(
            reported.revocation.as_ref(),
            Some(&replaced),
            "nothing replaces keyCompromise"
        );
    }
    assert_eq!(
        ok(ledger.monitoring().counts().await).revoked,
        1,
        "a certificate is revoked once"
    );
}

async fn one_of_many_revocations_is_the_first(ledger: Arc<dyn Ledger>) {
    issue(&*ledger, &intent(1)).await;
    let tasks = (0..16i64).map(|round| {
        let ledger = ledger.clone();
        let later = revocation(NOW.plus_seconds(round), RevocationReason::Superseded);
        tokio::spawn(async move {
            ledger
                .revocations()
                .revoke(&ca_name("a-ca"), serial(1), later, Reach::Key)
                .await
        })
    });
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for outcome in join_all(tasks).await {
        match outcome.unwrap_or_else(|error| panic!("a revoking task panicked: {error}")) {
            Ok(revoked) => match revoked.certificate {
                Revoked::Now(record) => first.push(*record),
                Revoked::Already(record) => later.push(*record),
            },
            Err(error) => panic!("revoking again is no error: {error}"),
        }
    }
    assert_eq!(first.len(), 1, "of many revocations exactly one is the first");
    assert!(
        later.iter().all(|record| *record == first[0]),
        "everybody is told the first revocation"
    );
}
