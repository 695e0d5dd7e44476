//! Requirements on every [`Rejections`](chancery_authority::port::ledger::Rejections).

use std::sync::Arc;

use chancery_authority::port::ledger::{Counts, Ledger, Rejection};

use super::fixture::NOW;
use super::ok;

/// Tests every requirement of [`Rejections`](chancery_authority::port::ledger::Rejections).
///
/// # Panics
/// If a requirement is violated.
pub async fn rejections(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    rejections_are_kept(&*make().await).await;
}

async fn rejections_are_kept(ledger: &dyn Ledger) {
    assert!(
        ok(ledger.rejections().latest(10).await).is_empty(),
        "at first nothing was rejected"
    );
    let rejection = |number: i64| Rejection {
        at: NOW.plus_seconds(number),
        principal: "token:contract".to_owned(),
        common_name: (number != 2).then(|| format!("näme {number}")),
        code: "weak_key".to_owned(),
        reason: format!("reason {number}"),
    };
    for number in 1..=3 {
        ok(ledger.rejections().record(rejection(number)).await);
    }
    let kept = ok(ledger.rejections().latest(10).await);
    assert_eq!(
        kept,
        [rejection(3), rejection(2), rejection(1)],
        "rejections are kept whole, and told newest first"
    );
    assert_eq!(
        ok(ledger.rejections().latest(2).await),
        kept[..2],
        "rejections tells no more than the limit"
    );
    assert_eq!(
        ok(ledger.monitoring().counts().await),
        Counts {
            rejected: 3,
            ..Counts::default()
        },
        "a rejection is a rejection alone"
    );
}
