//! Concurrent calls: one wins, and all get a consistent answer.

use std::sync::Arc;

use chancery_authority::port::ledger::{CertificateIntent, IdempotencyToken, Ledger, LedgerError, Reservation};
use futures_util::future::join_all;

use super::super::fixture::{NOW, authority, completion, intent, reserve};
use super::super::ok;

pub(super) async fn one_of_many_reserves_wins(ledger: Arc<dyn Ledger>) {
    let key = intent(1).key;
    let intents = (1..=64).map(|number| CertificateIntent { key, ..intent(number) });
    let outcomes = reserve_all(&ledger, intents).await;
    let new = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Reservation::New)))
        .count();
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(LedgerError::KeyInUse { .. })))
        .count();
    assert_eq!(
        (new, refused),
        (1, 63),
        "of 64 reserves for one key exactly one is New, the others get KeyInUse"
    );

    let id = intent(100).id;
    let intents = (101..=132).map(|number| CertificateIntent {
        id: id.clone(),
        ..intent(number)
    });
    let outcomes = reserve_all(&ledger, intents).await;
    let new = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Reservation::New)))
        .count();
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(LedgerError::SerialTaken(_))))
        .count();
    assert_eq!(
        (new, refused),
        (1, 31),
        "of 32 reserves for one serial exactly one is New, the others get SerialTaken"
    );

    let token = Some(IdempotencyToken("a token".to_owned()));
    let request = CertificateIntent { token, ..intent(200) };
    let intents = (201..=232).map(|number| CertificateIntent {
        id: intent(number).id,
        ..request.clone()
    });
    let outcomes = reserve_all(&ledger, intents).await;
    let new = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Reservation::New)))
        .count();
    let open = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Reservation::Open(_))))
        .count();
    assert_eq!(
        (new, open),
        (1, 31),
        "of 32 reserves with one token exactly one is New, the others are told Open"
    );

    let intents = (301..=316).map(|number| authority(number, "root", None));
    let outcomes = reserve_all(&ledger, intents).await;
    let new = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Reservation::New)))
        .count();
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(LedgerError::CaExists(_))))
        .count();
    assert_eq!(
        (new, refused),
        (1, 15),
        "of 16 reserves for one CA exactly one is New, the others get CaExists"
    );

    let intents = (401..=464).map(intent);
    let outcomes = reserve_all(&ledger, intents).await;
    let new = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Reservation::New)))
        .count();
    assert_eq!(new, 64, "reserves that share nothing all succeed");
}

async fn reserve_all(
    ledger: &Arc<dyn Ledger>,
    intents: impl Iterator<Item = CertificateIntent>,
) -> Vec<Result<Reservation, LedgerError>> {
    let tasks = intents.map(|intent| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.intents().reserve(intent).await })
    });
    let outcomes = join_all(tasks).await.into_iter();
    outcomes
        .map(|outcome| outcome.unwrap_or_else(|error| panic!("a reserving task panicked: {error}")))
        .collect()
}

pub(super) async fn one_of_many_completes_wins(ledger: Arc<dyn Ledger>) {
    let contended = intent(1);
    reserve(&*ledger, &contended).await;
    let tasks = (0..16u8).map(|round| {
        let (ledger, mut completion) = (ledger.clone(), completion(&contended));
        completion.certificate.push(round);
        tokio::spawn(async move {
            // Half of the calls give up what the others complete.
            match round % 2 {
                0 => ledger.intents().complete(completion).await.map(Some),
                _ => ledger.intents().mark_lost(completion.id, NOW).await.map(|()| None),
            }
        })
    });
    let mut winners = Vec::new();
    for outcome in join_all(tasks).await {
        match outcome {
            Ok(Ok(record)) => winners.push(record),
            Ok(Err(LedgerError::NoOpenIntent(_))) => {}
            other => panic!("an intent ends once, whoever else tries gets NoOpenIntent: {other:?}"),
        }
    }
    assert_eq!(
        winners.len(),
        1,
        "of many that complete or give up one intent exactly one succeeds"
    );
    let kept = ok(ledger.certificates().get(None, contended.id.serial).await);
    assert_eq!(kept, winners.remove(0), "the intent ended as its winner was told");
}
