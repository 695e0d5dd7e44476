//! CRL numbers, views of what is revoked, and what stays on a CRL.

use std::sync::Arc;

use chancery_x509::crl::{RevocationReason, RevokedEntry};
use futures_util::future::join_all;

use super::ok;
use super::reserve::{NOW, intent, issue, reserve, serial, slug};
use super::revoke::revocation;
use crate::port::ledger::{
    CertificateIntent, CrlRecord, CrlReservation, CrlScope, IntentId, Ledger, Revocation, Revocations,
};
use crate::port::{ETag, Receipt};

fn full() -> CrlScope {
    CrlScope {
        issuer: slug("a-ca"),
        shard: None,
    }
}

async fn revoke(ledger: &dyn Ledger, intent: &CertificateIntent, reason: RevocationReason) {
    ok(ledger
        .revoke(&intent.id.issuer, intent.id.serial, revocation(NOW, reason))
        .await);
}

/// The entries of a view; its totals must be theirs, and a second walk must be as the first.
fn entries(view: &mut dyn Revocations) -> Vec<RevokedEntry> {
    let mut walks = [Vec::new(), Vec::new()];
    for walk in &mut walks {
        let outcome = view.for_each(&mut |entry| {
            walk.push(*entry);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("a view can be walked: {error}"));
    }
    let [walked, again] = walks;
    assert_eq!(walked, again, "a view can be walked again and is the same");
    assert_eq!(
        view.entries(),
        walked.len() as u64,
        "a view's number of entries is that of its entries"
    );
    let octets: usize = walked.iter().map(RevokedEntry::encoded_len).sum();
    assert_eq!(
        view.octets(),
        octets as u64,
        "a view's octets are the sum of its entries'"
    );
    assert!(
        walked.is_sorted_by(|one, next| one.serial < next.serial),
        "entries are ordered by serial, each once"
    );
    walked
}

async fn view(ledger: &dyn Ledger, scope: &CrlScope) -> CrlReservation {
    ok(ledger.reserve_crl(scope, NOW, None).await)
}

async fn listed(ledger: &dyn Ledger, scope: &CrlScope) -> Vec<RevokedEntry> {
    entries(&mut *view(ledger, scope).await.revocations)
}

pub(super) async fn numbers_rise(ledger: Arc<dyn Ledger>) {
    let mut last = 0;
    for _ in 0..3 {
        let number = view(&*ledger, &full()).await.number;
        assert!(
            number > last,
            "a CRL number is greater than every one reserved before, used or not"
        );
        last = number;
    }
    let tasks = (0..16).map(|_| {
        let ledger = ledger.clone();
        tokio::spawn(async move { view(&*ledger, &full()).await.number })
    });
    let outcomes = join_all(tasks).await.into_iter();
    let mut numbers: Vec<_> = outcomes
        .map(|outcome| outcome.unwrap_or_else(|error| panic!("a reserving task panicked: {error}")))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 16, "CRL numbers reserved concurrently are all different");
    assert!(
        numbers[0] > last,
        "CRL numbers reserved concurrently are greater than those before"
    );
}

pub(super) async fn scopes_are_kept_apart(ledger: &dyn Ledger) {
    let scope = |issuer: &str, shard| CrlScope {
        issuer: slug(issuer),
        shard,
    };
    let scopes = [
        scope("a-ca", None),
        scope("a-ca", Some(0)),
        scope("a-ca", Some(1)),
        scope("b-ca", None),
    ];
    for (number, scope) in (1..).zip(&scopes) {
        let id = IntentId {
            issuer: scope.issuer.clone(),
            serial: serial(number),
        };
        let certificate = CertificateIntent {
            id,
            shard: scope.shard,
            ..intent(number)
        };
        issue(ledger, &certificate).await;
        revoke(ledger, &certificate, RevocationReason::Superseded).await;
    }
    for (number, scope) in (1..).zip(&scopes) {
        let serials: Vec<_> = listed(ledger, scope).await.iter().map(|entry| entry.serial).collect();
        assert_eq!(
            serials,
            [serial(number)],
            "a CRL lists its own issuer's and shard's certificates alone"
        );
    }
    let (first, second) = (
        view(ledger, &scopes[0]).await.number,
        view(ledger, &scopes[1]).await.number,
    );
    let again = view(ledger, &scopes[0]).await.number;
    assert!(
        first > 0 && second > 0 && again > first,
        "every scope counts its own numbers"
    );
}

pub(super) async fn a_view_does_not_move(ledger: Arc<dyn Ledger>) {
    // Reserved in no order, to see that entries are ordered.
    let numbers: Vec<u32> = (1..=40).map(|i| i * 17 % 41).collect();
    for number in &numbers {
        issue(&*ledger, &intent(*number)).await;
    }
    for number in &numbers[..20] {
        revoke(&*ledger, &intent(*number), RevocationReason::Superseded).await;
    }
    let mut early = view(&*ledger, &full()).await;
    let before = entries(&mut *early.revocations);
    assert_eq!(before.len(), 20, "a view lists what is revoked");

    let tasks = numbers[20..].iter().copied().map(|number| {
        let ledger = ledger.clone();
        tokio::spawn(async move { revoke(&*ledger, &intent(number), RevocationReason::Superseded).await })
    });
    // Views taken while revocations go on: each agrees with itself, and none forgets what an earlier one listed.
    let views = async {
        let mut seen = 20;
        for _ in 0..5 {
            let now = listed(&*ledger, &full()).await.len();
            assert!(now >= seen, "what is revoked stays revoked");
            seen = now;
            tokio::task::yield_now().await;
        }
    };
    let (outcomes, ()) = futures_util::future::join(join_all(tasks), views).await;
    assert!(
        outcomes.iter().all(Result::is_ok),
        "revocations go on while views are read: {outcomes:?}"
    );

    assert_eq!(
        entries(&mut *early.revocations),
        before,
        "a view is that of the moment of its reservation"
    );
    assert_eq!(
        listed(&*ledger, &full()).await.len(),
        40,
        "a later view lists what was revoked meanwhile"
    );

    let stopped = early
        .revocations
        .for_each(&mut |_| Err(std::io::Error::other("enough")));
    assert!(
        stopped.is_err_and(|error| error.to_string().contains("enough")),
        "an error of the walker ends the walk"
    );
    assert!(early.revocations.damaged().is_empty(), "nothing is damaged here");
}

pub(super) async fn lost_intents_are_listed(ledger: &dyn Ledger) {
    let whole = intent(1);
    issue(ledger, &whole).await;
    let details = Revocation {
        invalidity_date: Some(NOW.plus_days(-2)),
        ..revocation(NOW.plus_seconds(5), RevocationReason::KeyCompromise)
    };
    ok(ledger.revoke(&whole.id.issuer, whole.id.serial, details).await);
    let lost = intent(2);
    reserve(ledger, &lost).await;
    ok(ledger.mark_lost(lost.id, NOW.plus_seconds(9)).await);
    reserve(ledger, &intent(3)).await;
    let wanted = [
        RevokedEntry {
            serial: serial(1),
            revoked_at: NOW.plus_seconds(5),
            reason: RevocationReason::KeyCompromise,
            invalidity_date: Some(NOW.plus_days(-2)),
        },
        RevokedEntry {
            serial: serial(2),
            revoked_at: NOW.plus_seconds(9),
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
        },
    ];
    let message = "a CRL lists revoked certificates with all their details, and lost intents with time and no reason";
    assert_eq!(listed(ledger, &full()).await, wanted, "{message}");

    // The whole entry is replaced, not added to: the totals are checked along with the entries.
    let superseded = intent(4);
    issue(ledger, &superseded).await;
    revoke(ledger, &superseded, RevocationReason::Superseded).await;
    revoke(ledger, &superseded, RevocationReason::KeyCompromise).await;
    let entry = listed(ledger, &full()).await.pop();
    let reason = entry.map(|entry| (entry.serial, entry.reason));
    assert_eq!(
        reason,
        Some((serial(4), RevocationReason::KeyCompromise)),
        "a replaced reason is on the CRL"
    );
}

pub(super) async fn pruning_looks_at_not_after_alone(ledger: &dyn Ledger) {
    let ends = [
        NOW.plus_days(-1),
        NOW.plus_seconds(-1),
        NOW,
        NOW.plus_seconds(1),
        NOW.plus_days(30),
    ];
    for (number, not_after) in (1..).zip(ends) {
        let certificate = CertificateIntent {
            not_before: NOW.plus_days(-400),
            not_after,
            ..intent(number)
        };
        issue(ledger, &certificate).await;
        // Long before, long after, with whatever reason: none of that decides.
        let at = NOW.plus_days(if number % 2 == 0 { -300 } else { 3 });
        let reason = RevocationReason::ALL[number as usize];
        ok(ledger
            .revoke(&slug("a-ca"), serial(number), revocation(at, reason))
            .await);
    }
    let lost = CertificateIntent {
        not_after: NOW.plus_seconds(-1),
        ..intent(6)
    };
    reserve(ledger, &lost).await;
    ok(ledger.mark_lost(lost.id, NOW).await);

    let mut pruned = ok(ledger.reserve_crl(&full(), NOW, Some(NOW)).await);
    let serials: Vec<_> = entries(&mut *pruned.revocations)
        .iter()
        .map(|entry| entry.serial)
        .collect();
    let wanted = [serial(3), serial(4), serial(5)];
    assert_eq!(
        serials, wanted,
        "exactly those whose notAfter is before the time are left out"
    );
    assert_eq!(
        listed(ledger, &full()).await.len(),
        6,
        "pruning leaves entries out of one CRL and forgets none"
    );
    assert_eq!(ok(ledger.counts().await).revoked, 6, "pruning changes no count");
    let record = ok(ledger.certificate(None, serial(1)).await);
    assert!(
        record.is_some_and(|record| record.revocation.is_some()),
        "an expired certificate stays revoked"
    );
}

pub(super) async fn the_latest_crl_is_the_highest(ledger: &dyn Ledger) {
    assert_eq!(
        ok(ledger.latest_crl(&full()).await),
        None,
        "before the first CRL there is no latest one"
    );
    let first = view(ledger, &full()).await.number;
    let second = view(ledger, &full()).await.number;
    let crl = |number: u64| CrlRecord {
        scope: full(),
        number,
        this_update: NOW.plus_seconds(number.cast_signed()),
        next_update: NOW.plus_days(1),
        entries: 12,
        digest: [5; 32],
        receipt: Receipt(format!("receipt {number}")),
        published: None,
    };
    assert_eq!(
        ok(ledger.latest_crl(&full()).await),
        None,
        "a reserved number is no CRL"
    );
    ok(ledger.complete_crl(crl(second)).await);
    assert_eq!(
        ok(ledger.latest_crl(&full()).await),
        Some(crl(second)),
        "a completed CRL is the latest"
    );
    ok(ledger.complete_crl(crl(first)).await);
    assert_eq!(
        ok(ledger.latest_crl(&full()).await),
        Some(crl(second)),
        "the latest CRL is the one of the highest number"
    );

    ok(ledger.crl_published(&full(), first, ETag("older".to_owned())).await);
    assert_eq!(
        ok(ledger.latest_crl(&full()).await),
        Some(crl(second)),
        "another number's publication is another's"
    );
    ok(ledger.crl_published(&full(), second, ETag("newer".to_owned())).await);
    let published = CrlRecord {
        published: Some(ETag("newer".to_owned())),
        ..crl(second)
    };
    assert_eq!(
        ok(ledger.latest_crl(&full()).await),
        Some(published),
        "a publication is recorded with its version"
    );
    let shard = CrlScope {
        shard: Some(1),
        ..full()
    };
    assert_eq!(
        ok(ledger.latest_crl(&shard).await),
        None,
        "every scope has its own latest CRL"
    );
    assert!(view(ledger, &full()).await.number > second, "numbers go on rising");
}
