//! Views of revoked certificates, and which entries stay on a CRL.

use std::sync::Arc;

use chancery_authority::port::ledger::{
    CertificateIntent, CrlPlan, CrlScope, IntentId, Ledger, Reach, Revocation, crl_state,
};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use futures_util::future::join_all;

use super::super::crls::{ALL, entries, full, listed, revoke, view};
use super::super::fixture::{NOW, ca_name, intent, issue, reserve, revocation, serial};
use super::super::ok;

pub(super) async fn scopes_are_kept_apart(ledger: &dyn Ledger) {
    let scope = |issuer: &str, shard| CrlScope {
        issuer: ca_name(issuer),
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
    // Reserved in random order, to test that entries are sorted.
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
    // Views during concurrent revocations: each is consistent, and none lacks what an earlier one listed.
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

pub(super) async fn a_view_lists_every_change_that_it_covers(ledger: Arc<dyn Ledger>) {
    const ROUNDS: u32 = 4;
    const MANY: u32 = 12;
    for round in 0..ROUNDS {
        let numbers = 1 + round * MANY..1 + (round + 1) * MANY;
        for number in numbers.clone() {
            issue(&*ledger, &intent(number)).await;
        }
        let revoking = numbers.map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(async move { revoke(&*ledger, &intent(number), RevocationReason::Superseded).await })
        });
        let making = (0..4).map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move { view(&*ledger, &full()).await })
        });
        let (revoked, made) = tokio::join!(join_all(revoking), join_all(making));
        for outcome in revoked {
            outcome.unwrap_or_else(|error| panic!("a revoking task panicked: {error}"));
        }
        let last = view(&*ledger, &full()).await;
        for outcome in made {
            let made = outcome.unwrap_or_else(|error| panic!("a reserving task panicked: {error}"));
            if made.mark == last.mark {
                assert_eq!(
                    made.revocations.entries(),
                    last.revocations.entries(),
                    "a CRL that covers all changes lists all of them"
                );
            }
        }
    }
}

pub(super) async fn lost_intents_are_listed(ledger: &dyn Ledger) {
    let whole = intent(1);
    issue(ledger, &whole).await;
    let details = Revocation {
        invalidity_date: Some(NOW.plus_days(-2)),
        ..revocation(NOW.plus_seconds(5), RevocationReason::KeyCompromise)
    };
    ok(ledger
        .revocations()
        .revoke(&whole.id.issuer, whole.id.serial, details, Reach::Key)
        .await);
    let lost = intent(2);
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id, NOW.plus_seconds(9)).await);
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

    // The whole entry is replaced, not added: the totals are checked along with the entries.
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
        // Long before, long after, with any reason: none of that matters.
        let at = NOW.plus_days(if number % 2 == 0 { -300 } else { 3 });
        let reason = RevocationReason::ALL[number as usize];
        ok(ledger
            .revocations()
            .revoke(&ca_name("a-ca"), serial(number), revocation(at, reason), Reach::Key)
            .await);
    }
    let lost = CertificateIntent {
        not_after: NOW.plus_seconds(-1),
        ..intent(6)
    };
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id, NOW).await);

    let plan = CrlPlan {
        expired_before: Some(NOW),
        ..ALL
    };
    let mut pruned = ok(ledger.crls().reserve(&full(), plan).await);
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
    assert_eq!(
        ok(ledger.monitoring().counts().await).revoked,
        6,
        "pruning changes no count"
    );
    let record = ok(ledger.certificates().get(None, serial(1)).await);
    assert!(
        record.is_some_and(|record| record.revocation.is_some()),
        "an expired certificate stays revoked"
    );
}

pub(super) async fn every_change_is_marked(ledger: &dyn Ledger) {
    let mark = async || ok(crl_state(ledger.crls(), &full()).await).mark;
    let shard = CrlScope {
        shard: Some(3),
        ..full()
    };
    let elsewhere = ok(crl_state(ledger.crls(), &shard).await).mark;
    let mut marks = vec![mark().await];
    let mut changed = async |what: &str, changes: bool| {
        let now = mark().await;
        let is_new = marks.last() != Some(&now);
        assert_eq!(is_new, changes, "{what}");
        if is_new {
            assert!(!marks.contains(&now), "{what}: no mark comes back");
            marks.push(now);
        }
    };
    issue(ledger, &intent(1)).await;
    reserve(ledger, &intent(2)).await;
    changed("issuing and reserving change nothing that a CRL lists", false).await;
    revoke(ledger, &intent(1), RevocationReason::Superseded).await;
    changed("a revocation does", true).await;
    revoke(ledger, &intent(1), RevocationReason::CessationOfOperation).await;
    changed("a later one does not", false).await;
    revoke(ledger, &intent(1), RevocationReason::KeyCompromise).await;
    changed("but for a compromised key", true).await;
    let serial = intent(1).id.serial;
    let looked_for = [serial, serial, intent(2).id.serial];
    let listed = ok(ledger.revocations().listed(&full().issuer, &looked_for).await);
    assert_eq!(
        listed
            .into_iter()
            .map(|(serial, listed)| (serial, listed.reason))
            .collect::<Vec<_>>(),
        [(serial, RevocationReason::KeyCompromise)],
        "a list may name a certificate twice"
    );
    ok(ledger.intents().mark_lost(intent(2).id, NOW).await);
    changed("an intent that is given up does", true).await;
    let reserved = view(ledger, &full()).await;
    changed("a CRL does not", false).await;
    assert_eq!(reserved.mark, mark().await, "a reservation tells what it covers");
    let other = ok(crl_state(ledger.crls(), &shard).await).mark;
    assert_eq!(other, elsewhere, "every scope has its own changes");
}
