//! Requirements on every [`Freezes`](chancery_authority::port::ledger::Freezes).

use std::sync::Arc;

use chancery_authority::port::ledger::{
    Attempt, CertificateIntent, Frozen, IdempotencyToken, Ledger, LedgerError, Reservation, Statement, Thaw, Thawing,
};
use chancery_x509::time::UnixTime;

use super::fixture::{MORE_THAN_PARTITIONS, NOW, attempt_origin, authority, completion, intent, reserve};
use super::ok;

/// Tests every requirement of [`Freezes`](chancery_authority::port::ledger::Freezes).
///
/// # Panics
/// If a requirement is violated.
pub async fn freezes(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    nothing_is_reserved_while_frozen(&*make().await).await;
    two_people_thaw(&*make().await).await;
}

fn by(principal: &str, seconds: i64) -> Statement {
    Statement {
        at: NOW.plus_seconds(seconds),
        principal: principal.to_owned(),
        reason: format!("{principal} has a reason"),
    }
}

async fn nothing_is_reserved_while_frozen(ledger: &dyn Ledger) {
    let token = |number| CertificateIntent {
        token: Some(IdempotencyToken(format!("token {number}"))),
        ..intent(number)
    };
    let (complete, open) = (token(1), token(2));
    reserve(ledger, &complete).await;
    ok(ledger.intents().complete(completion(&complete)).await);
    reserve(ledger, &open).await;
    assert_eq!(ok(ledger.freezes().frozen().await), None);

    let freeze = by("local:a", 1);
    ok(ledger.freezes().freeze(freeze.clone()).await);
    let frozen = Frozen {
        by: freeze.clone(),
        thaw_asked: None,
    };
    assert_eq!(ok(ledger.freezes().frozen().await), Some(frozen.clone()));
    let again = ledger.freezes().freeze(by("local:b", 2)).await;
    assert_eq!(again, Err(LedgerError::Frozen(freeze.clone())), "the first one stays");
    assert_eq!(ok(ledger.freezes().frozen().await), Some(frozen));

    let refused = Some(LedgerError::Frozen(freeze));
    for number in 10..10 + MORE_THAN_PARTITIONS {
        assert_eq!(
            ledger.intents().reserve(intent(number)).await.err(),
            refused,
            "{number}"
        );
    }
    let root = authority(90, "another-root", None);
    assert_eq!(ledger.intents().reserve(root).await.err(), refused, "no CA either");
    let further = Attempt {
        origin: attempt_origin(91),
        number: 2,
        ..open.first_attempt()
    };
    assert_eq!(
        ledger.attempts().record(further.clone()).await.err(),
        refused,
        "nor a further attempt"
    );
    let replayed = ok(ledger.intents().reserve(complete).await);
    assert!(
        matches!(replayed, Reservation::Completed(_)),
        "what was issued is answered: {replayed:?}"
    );
    ok(ledger.intents().complete(completion(&open)).await);

    let thaw = Thaw {
        by: by("local:a", 3),
        alone: true,
    };
    assert_eq!(ok(ledger.freezes().thaw(thaw.clone()).await), Thawing::Thawed);
    assert_eq!(ok(ledger.freezes().frozen().await), None);
    assert_eq!(ledger.freezes().thaw(thaw).await, Err(LedgerError::NotFrozen));
    for number in 10..10 + MORE_THAN_PARTITIONS {
        reserve(ledger, &intent(number)).await;
    }
}

async fn two_people_thaw(ledger: &dyn Ledger) {
    let asks = |principal, seconds| Thaw {
        by: by(principal, seconds),
        alone: false,
    };
    ok(ledger.freezes().freeze(by("local:a", 1)).await);
    assert_eq!(ok(ledger.freezes().thaw(asks("local:a", 2)).await), Thawing::Asked);
    assert_eq!(
        ok(ledger.freezes().thaw(asks("local:a", 3)).await),
        Thawing::Asked,
        "the same person"
    );
    let frozen = ok(ledger.freezes().frozen().await);
    assert_eq!(frozen.and_then(|frozen| frozen.thaw_asked), Some(by("local:a", 3)));
    let refused = ledger.intents().reserve(intent(1)).await;
    assert!(
        matches!(refused, Err(LedgerError::Frozen(_))),
        "one person's word opens nothing"
    );
    assert_eq!(ok(ledger.freezes().thaw(asks("local:b", 4)).await), Thawing::Thawed);
    reserve(ledger, &intent(1)).await;

    ok(ledger.freezes().freeze(by("local:b", 5)).await);
    let frozen = ok(ledger.freezes().frozen().await);
    let asked = frozen.map(|frozen| frozen.thaw_asked);
    assert_eq!(asked, Some(None), "words of an earlier freeze are forgotten");
    let late = UnixTime(NOW.0 + 5);
    assert_eq!(
        ok(ledger.freezes().frozen().await).map(|frozen| frozen.by.at),
        Some(late)
    );
}
