//! Reminders, rejections, counts.

use chancery_x509::crl::RevocationReason;

use super::ok;
use super::reserve::{NOW, ca_name, intent, issue, reserve, serial};
use super::revoke::revocation;
use crate::port::ledger::{Counts, Ledger, LedgerError, Reach, Rejection};

pub(super) async fn reminders_are_kept(ledger: &dyn Ledger) {
    issue(ledger, &intent(1)).await;
    let times = [NOW.plus_days(1), NOW.plus_days(15), NOW.plus_days(29)];
    for at in times {
        ok(ledger.reminders().record(&ca_name("a-ca"), serial(1), at).await);
    }
    let record = ok(ledger.certificates().get(None, serial(1)).await);
    let reminders = record.map(|record| record.reminders);
    assert_eq!(
        reminders.as_deref(),
        Some(&times[..]),
        "reminders are kept, oldest first"
    );
    let missing = ledger.reminders().record(&ca_name("a-ca"), serial(2), NOW).await.err();
    assert_eq!(
        missing,
        Some(LedgerError::NotFound(serial(2))),
        "a reminder is for a certificate"
    );
}

pub(super) async fn rejections_are_kept(ledger: &dyn Ledger) {
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

pub(super) async fn counts_count(ledger: &dyn Ledger) {
    assert_eq!(
        ok(ledger.monitoring().counts().await),
        Counts::default(),
        "an empty ledger counts nothing"
    );
    for number in 1..=3 {
        issue(ledger, &intent(number)).await;
    }
    ok(ledger
        .revocations()
        .revoke(
            &ca_name("a-ca"),
            serial(1),
            revocation(NOW, RevocationReason::Superseded),
            Reach::Key,
        )
        .await);
    for number in 4..=6 {
        reserve(ledger, &intent(number)).await;
    }
    ok(ledger.intents().mark_lost(intent(4).id, NOW).await);
    let wanted = Counts {
        issued: 3,
        revoked: 2,
        open_intents: 2,
        rejected: 0,
    };
    assert_eq!(
        ok(ledger.monitoring().counts().await),
        wanted,
        "certificates issued; revoked, lost intents included; open intents"
    );
}
