//! Requirements on every [`Attempts`](chancery_authority::port::ledger::Attempts).

use std::sync::Arc;

use chancery_authority::port::Receipt;
use chancery_authority::port::ledger::{
    Attempt, AttemptPage, AttemptPosition, AttemptSubject, CertificateIntent, CrlIntent, CrlPlan, Ledger, LedgerError,
    Outcome,
};
use chancery_authority::principal::Principal;
use chancery_x509::time::UnixTime;

use super::crls::{full, signed};
use super::fixture::{NOW, attempt_origin, authority, ca_name, completion, intent, reserve};
use super::ok;

/// Tests every requirement of [`Attempts`](chancery_authority::port::ledger::Attempts).
///
/// # Panics
/// If a requirement is violated.
pub async fn attempts(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    an_intent_and_its_completion_are_recorded(&*make().await).await;
    a_crl_and_its_completion_are_recorded(&*make().await).await;
    further_attempts_are_recorded_one_after_the_other(&*make().await).await;
    an_outcome_is_recorded_once(&*make().await).await;
    what_is_not_reserved_leaves_no_attempt(&*make().await).await;
    pages_are_in_order(&*make().await).await;
}

async fn all(ledger: &dyn Ledger) -> AttemptPage {
    let page = ok(ledger.attempts().list(None, UnixTime(i64::MAX), 1000).await);
    assert_eq!(page.next, None, "it is the last page");
    assert_eq!(page.unreadable, [] as [String; 0]);
    page
}

/// The attempt of that number for an intent, some seconds later.
fn further(intent: &CertificateIntent, number: u32) -> Attempt {
    Attempt {
        origin: attempt_origin(1000 + number),
        number,
        at: intent.at.plus_seconds(number.into()),
        ..intent.first_attempt()
    }
}

async fn an_intent_and_its_completion_are_recorded(ledger: &dyn Ledger) {
    let (leaf, ca) = (intent(1), authority(2, "a-root", None));
    reserve(ledger, &leaf).await;
    reserve(ledger, &ca).await;
    let open = all(ledger).await.attempts;
    assert_eq!(open.len(), 2, "one for each intent");
    for (record, intent) in open.iter().zip([&leaf, &ca]) {
        assert_eq!(
            record.attempt,
            intent.first_attempt(),
            "everything is as it was recorded"
        );
        assert_eq!(record.outcome, None, "it is under way");
    }
    assert_eq!(open[0].attempt.subject, AttemptSubject::Certificate(leaf.id.clone()));
    assert_eq!(open[1].attempt.subject, AttemptSubject::CaCertificate(ca.id.clone()));
    assert_eq!(open[1].attempt.principal, Some(Principal::AUTHORITY.to_string()));

    let completion = completion(&leaf);
    let (receipt, at) = (completion.receipt.clone(), completion.at);
    ok(ledger.intents().complete(completion).await);
    let ended = all(ledger).await.attempts;
    assert_eq!(ended[0].outcome, Some((Outcome::Signed(receipt), at)));
    assert_eq!(ended[1].outcome, None, "the other one is not touched");
    ok(ledger.intents().mark_lost(ca.id.clone(), NOW).await);
    assert_eq!(
        all(ledger).await.attempts,
        ended,
        "giving up an intent decides nothing about a signature"
    );
}

async fn a_crl_and_its_completion_are_recorded(ledger: &dyn Ledger) {
    let plan = CrlPlan {
        at: NOW,
        expired_before: None,
        above: 0,
        at_most: u64::MAX,
    };
    let number = ok(ledger.crls().reserve(&full(), plan).await).number;
    let intent = CrlIntent {
        scope: full(),
        number,
        signing_input: vec![6; 32],
        at: NOW,
    };
    let origin = attempt_origin(7);
    let attempt = intent.first_attempt(origin.clone());
    ok(ledger.crls().intend(intent.clone(), origin.clone()).await);
    // The answer was lost, and the call is made again.
    ok(ledger.crls().intend(intent.clone(), origin).await);
    let open = all(ledger).await.attempts;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].attempt, attempt);
    assert_eq!(open[0].attempt.principal, None, "nobody asked for it");
    let crl = signed(number, None);
    ok(ledger.crls().complete(crl.clone(), attempt.position()).await);
    let ended = all(ledger).await.attempts;
    assert_eq!(ended[0].outcome, Some((Outcome::Signed(crl.receipt), crl.made_at)));

    let other = CrlIntent {
        signing_input: vec![7; 32],
        ..intent
    };
    let refused = ledger.crls().intend(other, attempt_origin(8)).await;
    assert!(
        matches!(refused, Err(LedgerError::CrlNumberTaken { .. })),
        "{refused:?}"
    );
    assert_eq!(all(ledger).await.attempts.len(), 1, "what is refused is not signed");
}

async fn further_attempts_are_recorded_one_after_the_other(ledger: &dyn Ledger) {
    let reserved = intent(1);
    reserve(ledger, &reserved).await;
    let second = further(&reserved, 2);
    ok(ledger.attempts().record(second.clone()).await);
    // Another process had the same idea: it must not sign as well.
    let late = Attempt {
        origin: attempt_origin(77),
        ..second.clone()
    };
    let skipping = further(&reserved, 4);
    let unknown = further(&intent(9), 2);
    for attempt in [late, skipping, unknown] {
        let refused = ledger.attempts().record(attempt.clone()).await;
        let taken = LedgerError::AttemptTaken {
            subject: Box::new(attempt.subject),
            number: attempt.number,
        };
        assert_eq!(refused, Err(taken));
    }
    let open = ok(ledger.intents().list_open(None, UnixTime(i64::MAX), 10).await).intents;
    assert_eq!(open[0].attempts, 2, "an intent knows how often it was tried");
    ok(ledger.attempts().record(further(&reserved, 3)).await);
    ok(ledger.intents().complete(completion(&reserved)).await);
    let refused = ledger.attempts().record(further(&reserved, 4)).await;
    assert!(
        matches!(refused, Err(LedgerError::AttemptTaken { .. })),
        "a complete intent is not signed: {refused:?}"
    );
    let numbers: Vec<_> = all(ledger)
        .await
        .attempts
        .iter()
        .map(|record| record.attempt.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);

    let manifest = Attempt {
        subject: AttemptSubject::BackupManifest(ca_name("a-ca")),
        origin: attempt_origin(500),
        number: 1,
        principal: None,
        at: NOW.plus_seconds(100),
        ..reserved.first_attempt()
    };
    ok(ledger.attempts().record(manifest.clone()).await);
    let last = all(ledger).await.attempts.pop();
    assert_eq!(
        last.map(|record| record.attempt),
        Some(manifest),
        "a backup needs no intent"
    );
}

async fn an_outcome_is_recorded_once(ledger: &dyn Ledger) {
    let mut attempts = Vec::new();
    for number in 1..=3 {
        let reserved = intent(number);
        reserve(ledger, &reserved).await;
        attempts.push(reserved.first_attempt());
    }
    let outcomes = [
        Outcome::Refused {
            detail: "no permission".to_owned(),
        },
        Outcome::Unknown {
            detail: "no answer".to_owned(),
        },
        Outcome::Signed(Receipt("a receipt".to_owned())),
    ];
    let ended = NOW.plus_seconds(5);
    for (attempt, outcome) in attempts.iter().zip(&outcomes) {
        ok(ledger
            .attempts()
            .conclude(attempt.position(), outcome.clone(), ended)
            .await);
        let later = Outcome::Unknown {
            detail: "something else".to_owned(),
        };
        ok(ledger
            .attempts()
            .conclude(attempt.position(), later, ended.plus_seconds(1))
            .await);
    }
    let found: Vec<_> = all(ledger)
        .await
        .attempts
        .into_iter()
        .map(|record| record.outcome)
        .collect();
    let wanted: Vec<_> = outcomes.into_iter().map(|outcome| Some((outcome, ended))).collect();
    assert_eq!(found, wanted);

    let nowhere = AttemptPosition {
        at: NOW,
        ..further(&intent(1), 9).position()
    };
    let refused = ledger
        .attempts()
        .conclude(nowhere, Outcome::Signed(Receipt("x".to_owned())), NOW)
        .await;
    assert_eq!(refused, Err(LedgerError::UnknownAttempt(nowhere)));
    assert_eq!(all(ledger).await.attempts.len(), 3, "an outcome makes no attempt");
}

async fn what_is_not_reserved_leaves_no_attempt(ledger: &dyn Ledger) {
    let first = intent(1);
    reserve(ledger, &first).await;
    let same_key = CertificateIntent {
        key: first.key,
        ..intent(2)
    };
    let refused = ledger.intents().reserve(same_key).await;
    assert!(matches!(refused, Err(LedgerError::KeyInUse { .. })), "{refused:?}");
    assert_eq!(all(ledger).await.attempts.len(), 1);
}

async fn pages_are_in_order(ledger: &dyn Ledger) {
    for number in 1..=9_u32 {
        let reserved = CertificateIntent {
            // Three in each second, the later ones first.
            at: NOW.plus_seconds(i64::from(9 - number) / 3),
            ..intent(number)
        };
        reserve(ledger, &reserved).await;
    }
    let whole: Vec<_> = all(ledger)
        .await
        .attempts
        .iter()
        .map(|record| record.attempt.position())
        .collect();
    assert_eq!(whole.len(), 9);
    assert!(whole.is_sorted(), "by time, then by id");
    for limit in [1, 2, 4, 9] {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = ok(ledger.attempts().list(after, UnixTime(i64::MAX), limit).await);
            assert!(page.attempts.len() <= limit);
            paged.extend(page.attempts.iter().map(|record| record.attempt.position()));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(paged, whole, "pages of {limit}");
    }
    let before = ok(ledger.attempts().list(None, NOW.plus_seconds(1), 10).await);
    assert_eq!(before.attempts.len(), 3, "those made before that time");
    assert_eq!(before.next, None);
    let none = ok(ledger.attempts().list(None, NOW, 10).await);
    assert_eq!(none, AttemptPage::default());
}
