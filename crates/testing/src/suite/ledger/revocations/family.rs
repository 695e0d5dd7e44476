//! Families of certificates: those of a key, and those that descend from them by renewal.

use std::collections::BTreeSet;
use std::sync::Arc;

use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, IdempotencyToken, KeyStatus, Ledger, LedgerError, NotRenewable, Reach,
    Related, Reservation, Revoked, RevokedTogether,
};
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::future::join_all;

use super::super::fixture::{NOW, ca_name, completion, intent, issue, reserve, revocation, serial};
use super::super::ok;

const COMPROMISE: RevocationReason = RevocationReason::KeyCompromise;

/// A renewal of that certificate for a key of its own.
fn renewal(number: u32, of: u32) -> CertificateIntent {
    CertificateIntent {
        renews: Some(intent(of).id),
        ..intent(number)
    }
}

/// The same key under the same name again.
fn again(number: u32, of: u32) -> CertificateIntent {
    CertificateIntent {
        id: intent(number).id,
        allow_key_reuse: true,
        ..intent(of)
    }
}

async fn revoke(ledger: &dyn Ledger, number: u32, reason: RevocationReason, reach: Reach) -> RevokedTogether {
    let issuer = ca_name("a-ca");
    let revoking = ledger
        .revocations()
        .revoke(&issuer, serial(number), revocation(NOW, reason), reach);
    ok(revoking.await)
}

fn numbers<'a>(records: impl IntoIterator<Item = &'a CertificateRecord>) -> BTreeSet<Serial> {
    records.into_iter().map(|record| record.id.serial).collect()
}

fn serials<const N: usize>(numbers: [u32; N]) -> BTreeSet<Serial> {
    numbers.map(serial).into()
}

async fn related(ledger: &dyn Ledger, number: u32) -> Vec<Related> {
    ok(ledger.revocations().related(&intent(number).id, NOW, 100).await)
}

async fn reason(ledger: &dyn Ledger, number: u32) -> Option<RevocationReason> {
    let record = ok(ledger.certificates().get(None, serial(number)).await);
    record
        .and_then(|record| record.revocation)
        .map(|revocation| revocation.reason)
}

async fn refused(ledger: &dyn Ledger, intent: CertificateIntent, wanted: LedgerError, why: &str) {
    assert_eq!(ledger.intents().reserve(intent).await.err(), Some(wanted), "{why}");
}

fn not_renewable(of: u32, why: NotRenewable) -> LedgerError {
    LedgerError::NotRenewable {
        serial: serial(of),
        why,
    }
}

/// 1, another certificate of its key (2), an expired successor (3) and a chain of successors (4, 5); open intents of
/// the key (6) and of the chain (7); an unrelated certificate (8).
async fn family(ledger: &dyn Ledger) {
    let first = issue(ledger, &intent(1)).await;
    assert_eq!(first.renews, None, "what renews nothing has no predecessor");
    issue(ledger, &again(2, 1)).await;
    let expired = CertificateIntent {
        not_before: NOW.plus_days(-9),
        not_after: NOW.plus_seconds(-1),
        ..renewal(3, 1)
    };
    issue(ledger, &expired).await;
    let renewed = issue(ledger, &renewal(4, 1)).await;
    assert_eq!(renewed.renews, Some(intent(1).id), "a renewal knows its predecessor");
    let read = ok(ledger.certificates().get(None, serial(4)).await);
    assert_eq!(read, Some(renewed), "a predecessor is kept");
    issue(ledger, &renewal(5, 4)).await;
    reserve(ledger, &again(6, 1)).await;
    reserve(ledger, &renewal(7, 5)).await;
    issue(ledger, &intent(8)).await;
}

pub(super) async fn a_compromised_key_takes_all_of_its_family_with_it(ledger: &dyn Ledger) {
    family(ledger).await;
    let together = revoke(ledger, 1, COMPROMISE, Reach::Key).await;
    assert!(
        matches!(&together.certificate, Revoked::Now(record) if record.id.serial == serial(1)),
        "the certificate that was asked for is revoked: {together:?}"
    );
    assert_eq!(
        numbers(&together.others),
        serials([2, 3, 4, 5]),
        "every certificate of the key and every descendant is revoked, and told, whatever the clock says of its end"
    );
    assert!(!together.has_more);
    assert_eq!(
        ok(ledger.revocations().unfinished_families(None, 10).await).families,
        [],
        "and nobody has to go on with it"
    );
    for other in &together.others {
        assert_eq!(
            other.revocation,
            Some(revocation(NOW, COMPROMISE)),
            "with the same time and reason"
        );
        assert_eq!(
            ok(ledger.certificates().get(None, other.id.serial).await).as_ref(),
            Some(other),
            "what is told is kept"
        );
    }
    assert_eq!(reason(ledger, 8).await, None, "everybody else's is left alone");
    for open in [again(6, 1), renewal(7, 5)] {
        assert_eq!(
            ledger.intents().complete(completion(&open)).await.err(),
            Some(LedgerError::NoOpenIntent(open.id)),
            "an open intent of that fate never becomes a certificate"
        );
    }
    assert_eq!(
        ok(ledger.monitoring().counts().await).revoked,
        7,
        "five certificates and two intents"
    );
    assert_eq!(related(ledger, 1).await, [], "nothing of its fate is left");

    let repeated = revoke(ledger, 1, COMPROMISE, Reach::Key).await;
    assert!(matches!(repeated.certificate, Revoked::Already(_)) && repeated.others.is_empty());
}

pub(super) async fn a_compromised_key_is_blocked(ledger: &dyn Ledger) {
    for (number, reach) in [(1, Reach::Key), (2, Reach::Certificate)] {
        issue(ledger, &intent(number)).await;
        // Giving up an open intent must not unblock the key.
        reserve(ledger, &again(number + 10, number)).await;
        revoke(ledger, number, COMPROMISE, reach).await;
        let _ = ledger.intents().mark_lost(intent(number + 10).id, NOW).await;
        let why = "a key that is compromised is certified for nobody, whatever is forced";
        refused(ledger, again(20, number), LedgerError::KeyBlocked, why).await;
        let other_name = CertificateIntent {
            common_name: "other.example.com".to_owned(),
            ..again(20, number)
        };
        refused(ledger, other_name.clone(), LedgerError::KeyBlocked, why).await;
        let elsewhere = CertificateIntent {
            id: chancery_authority::port::ledger::IntentId {
                issuer: ca_name("b-ca"),
                serial: serial(20),
            },
            allow_key_reuse: false,
            ..other_name
        };
        refused(ledger, elsewhere, LedgerError::KeyBlocked, why).await;
        for asking in ["other.example.com", intent(number).common_name.as_str()] {
            let standing = ok(ledger.certificates().key_status(intent(number).key, asking).await);
            assert_eq!(standing, KeyStatus::Blocked, "that a key is blocked is told");
        }
    }
    // A renewal for a new key certifies that key, too.
    issue(ledger, &intent(3)).await;
    let taking = CertificateIntent {
        key: intent(1).key,
        ..renewal(20, 3)
    };
    refused(ledger, taking, LedgerError::KeyBlocked, "a renewal for a blocked key").await;
    // A certificate that was deliberately left valid proves nothing if another party has its key.
    issue(ledger, &intent(5)).await;
    issue(ledger, &again(6, 5)).await;
    revoke(ledger, 5, COMPROMISE, Reach::Certificate).await;
    let blocked = not_renewable(6, NotRenewable::KeyBlocked);
    refused(ledger, renewal(20, 6), blocked, "a renewal by a blocked key").await;
    issue(ledger, &intent(20)).await;
}

pub(super) async fn one_certificate_alone_can_be_revoked(ledger: &dyn Ledger) {
    family(ledger).await;
    let alone = revoke(ledger, 1, COMPROMISE, Reach::Certificate).await;
    assert!(matches!(alone.certificate, Revoked::Now(_)) && alone.others.is_empty());
    let left = related(ledger, 1).await;
    assert_eq!(numbers(left.iter().map(|related| &related.record)), serials([2, 4, 5]));
    let of_key = left.iter().filter(|related| related.same_key);
    assert_eq!(
        numbers(of_key.map(|related| &related.record)),
        serials([2]),
        "what has the same key, and what descends from it, are told apart"
    );
    assert_eq!(
        related(ledger, 8).await,
        [],
        "nothing shares a fate with what stands alone"
    );
    assert_eq!(
        ok(ledger.revocations().related(&intent(1).id, NOW, 2).await).len(),
        2,
        "no more are told than were asked for"
    );
    assert_eq!(
        ledger.revocations().related(&intent(99).id, NOW, 2).await.err(),
        Some(LedgerError::NotFound(serial(99)))
    );
    let revoked = not_renewable(5, NotRenewable::Revoked(serial(1)));
    refused(
        ledger,
        renewal(9, 5),
        revoked,
        "an ancestor that was revoked alone ends the line",
    )
    .await;
    // A later call may extend the revocation to the whole family.
    let rest = revoke(ledger, 1, COMPROMISE, Reach::Key).await;
    assert!(matches!(rest.certificate, Revoked::Already(_)));
    assert_eq!(
        numbers(&rest.others),
        serials([2, 3, 4, 5]),
        "the others are revoked then"
    );
}

pub(super) async fn what_was_reserved_before_a_revocation_is_given_up_with_it(ledger: &dyn Ledger) {
    let never = async |intent: CertificateIntent, why: &str| {
        let refused = ledger.intents().complete(completion(&intent)).await.err();
        assert_eq!(refused, Some(LedgerError::NoOpenIntent(intent.id)), "{why}");
    };
    // The intents of the key (6) and of the chain (7), if only the one certificate is revoked for its key.
    family(ledger).await;
    revoke(ledger, 1, COMPROMISE, Reach::Certificate).await;
    never(again(6, 1), "an intent of a blocked key never becomes a certificate").await;
    never(
        renewal(7, 5),
        "neither does one that renews what descends from a revoked one",
    )
    .await;
    ok(ledger
        .intents()
        .complete(completion(&open_for_others(ledger, 9).await))
        .await);

    // A renewal in progress, while its predecessor is revoked for any reason.
    for (number, reason) in (20..).step_by(4).zip([RevocationReason::Superseded, COMPROMISE]) {
        issue(ledger, &intent(number)).await;
        let sole = renewal(number + 1, number);
        reserve(ledger, &sole).await;
        revoke(ledger, number, reason, Reach::Certificate).await;
        never(sole, "a renewal under way ends with what it renews").await;
    }
    let open = ok(ledger.intents().list_open(None, UnixTime(i64::MAX), 10).await).intents;
    assert!(open.is_empty(), "and nothing waits for a sweep: {open:?}");
}

async fn open_for_others(ledger: &dyn Ledger, number: u32) -> CertificateIntent {
    reserve(ledger, &intent(number)).await;
    revoke(ledger, 8, RevocationReason::Superseded, Reach::Key).await;
    intent(number)
}

pub(super) async fn other_reasons_reach_one_certificate(ledger: &dyn Ledger) {
    family(ledger).await;
    for reason in RevocationReason::ALL {
        if chancery_authority::port::ledger::compromises_key(reason) {
            continue;
        }
        let alone = revoke(ledger, 1, reason, Reach::Key).await;
        assert!(
            alone.others.is_empty() && !alone.has_more,
            "{} reaches nothing else",
            reason.name()
        );
    }
    assert_eq!(related(ledger, 1).await.len(), 3, "what is left is told");
    let standing = ok(ledger.certificates().key_status(intent(1).key, "a").await);
    assert_eq!(
        standing,
        KeyStatus::Held(intent(1).common_name),
        "and the key is not blocked"
    );

    // Certificates revoked for another reason: for those of the key it becomes keyCompromise, a descendant's stays.
    revoke(ledger, 2, RevocationReason::Superseded, Reach::Key).await;
    revoke(ledger, 4, RevocationReason::Superseded, Reach::Key).await;
    let together = revoke(ledger, 1, COMPROMISE, Reach::Key).await;
    assert_eq!(numbers(&together.others), serials([2, 3, 5]));
    assert_eq!(reason(ledger, 2).await, Some(COMPROMISE));
    assert_eq!(reason(ledger, 4).await, Some(RevocationReason::Superseded));
}

pub(super) async fn the_compromise_of_a_successor_s_key_leaves_its_ancestors(ledger: &dyn Ledger) {
    family(ledger).await;
    let together = revoke(ledger, 4, COMPROMISE, Reach::Key).await;
    assert_eq!(numbers(&together.others), serials([5]), "descendants, not ancestors");
    assert_eq!(reason(ledger, 1).await, None);
    // The certificate that it renewed belongs to its owner, and can be renewed again for another key.
    issue(ledger, &renewal(9, 1)).await;
}

pub(super) async fn nothing_is_renewed_that_was_revoked(ledger: &dyn Ledger) {
    refused(
        ledger,
        renewal(2, 1),
        LedgerError::NotFound(serial(1)),
        "what does not exist",
    )
    .await;
    reserve(ledger, &intent(1)).await;
    refused(
        ledger,
        renewal(2, 1),
        LedgerError::NotFound(serial(1)),
        "an open intent",
    )
    .await;
    ok(ledger.intents().complete(completion(&intent(1))).await);
    for (number, of) in [(2, 1), (3, 2), (4, 3)] {
        issue(ledger, &renewal(number, of)).await;
    }
    revoke(ledger, 2, RevocationReason::Superseded, Reach::Key).await;
    for of in [2, 3, 4] {
        let revoked = not_renewable(of, NotRenewable::Revoked(serial(2)));
        refused(ledger, renewal(9, of), revoked, "what is revoked, or descends from it").await;
    }
    issue(ledger, &renewal(5, 1)).await;
    revoke(ledger, 1, RevocationReason::Superseded, Reach::Key).await;
    let revoked = not_renewable(5, NotRenewable::Revoked(serial(1)));
    refused(ledger, renewal(9, 5), revoked, "the beginning of the line counts, too").await;
    issue(ledger, &intent(9)).await;
}

pub(super) async fn a_certificate_has_one_good_successor(ledger: &dyn Ledger) {
    issue(ledger, &intent(1)).await;
    let token = Some(IdempotencyToken("a token".to_owned()));
    let first = CertificateIntent {
        token: token.clone(),
        ..renewal(2, 1)
    };
    reserve(ledger, &first).await;
    let renewed = |successor: &CertificateIntent| {
        not_renewable(
            1,
            NotRenewable::Renewed {
                successor: successor.id.serial,
                until: successor.not_after,
            },
        )
    };
    refused(ledger, renewal(3, 1), renewed(&first), "an open intent is a successor").await;
    let repeated = CertificateIntent {
        id: intent(4).id,
        ..first.clone()
    };
    let answer = ok(ledger.intents().reserve(repeated.clone()).await);
    assert!(
        matches!(answer, Reservation::Open(_)),
        "the same request again is no second renewal"
    );
    let record = ok(ledger.intents().complete(completion(&first)).await);
    refused(ledger, renewal(3, 1), renewed(&first), "a second renewal is refused").await;
    match ok(ledger.intents().reserve(repeated).await) {
        Reservation::Completed(replayed) => assert_eq!(*replayed, record, "the same request again gets its answer"),
        other => panic!("a repeated renewal answers Completed: {other:?}"),
    }
    // Once it has expired, is revoked, or was given up, there may be another.
    let later = CertificateIntent {
        at: first.not_after,
        not_after: first.not_after.plus_days(30),
        ..renewal(5, 1)
    };
    issue(ledger, &later).await;
    let after = |number| CertificateIntent {
        at: later.at,
        not_after: later.not_after,
        ..renewal(number, 1)
    };
    refused(ledger, after(6), renewed(&later), "each in its time").await;
    revoke(ledger, 5, RevocationReason::Superseded, Reach::Key).await;
    reserve(ledger, &after(6)).await;
    ok(ledger.intents().mark_lost(intent(6).id, NOW).await);
    issue(ledger, &after(7)).await;
}

pub(super) async fn of_many_renewals_at_once_one_is_the_successor(ledger: Arc<dyn Ledger>) {
    issue(&*ledger, &intent(1)).await;
    let tasks = (2..18).map(|number| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.intents().reserve(renewal(number, 1)).await })
    });
    let mut reserved = 0;
    for outcome in join_all(tasks).await {
        match outcome.unwrap_or_else(|error| panic!("a renewing task panicked: {error}")) {
            Ok(_) => reserved += 1,
            Err(LedgerError::NotRenewable {
                why: NotRenewable::Renewed { .. },
                ..
            }) => {}
            Err(error) => panic!("a renewal that comes too late gets the successor: {error}"),
        }
    }
    assert_eq!(reserved, 1, "of many renewals exactly one is reserved");
}

pub(super) async fn no_renewal_escapes_a_revocation(ledger: Arc<dyn Ledger>) {
    const LENGTH: u32 = 4;
    for round in 0..6 {
        // 1 was renewed once; its successor is renewed repeatedly during the revocation.
        let base = 100 * (round + 1);
        issue(&*ledger, &intent(base)).await;
        issue(&*ledger, &renewal(base + 1, base)).await;
        let renewing = {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                for number in base + 1..=base + LENGTH {
                    let next = renewal(number + 1, number);
                    match ledger.intents().reserve(next.clone()).await {
                        Ok(_) => drop(ledger.intents().complete(completion(&next)).await),
                        Err(_) => return,
                    }
                }
            })
        };
        let revoking = {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                let revocation = revocation(NOW, COMPROMISE);
                ledger
                    .revocations()
                    .revoke(&ca_name("a-ca"), serial(base), revocation, Reach::Key)
                    .await
            })
        };
        renewing
            .await
            .unwrap_or_else(|error| panic!("the renewing task panicked: {error}"));
        let revoked = revoking
            .await
            .unwrap_or_else(|error| panic!("the revoking task panicked: {error}"));
        ok(revoked);
        for number in base..=base + LENGTH + 1 {
            if let Some(record) = ok(ledger.certificates().get(None, serial(number)).await) {
                assert!(record.revocation.is_some(), "a renewal escaped: {number} of {base}");
            }
        }
        let open = ok(ledger.intents().list_open(None, UnixTime(i64::MAX), 10).await).intents;
        assert!(open.is_empty(), "an intent escaped: {open:?}");
    }
}
