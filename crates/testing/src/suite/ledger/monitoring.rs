//! Requirements on every [`Monitoring`](chancery_authority::port::ledger::Monitoring).

use std::sync::Arc;

use chancery_authority::port::ledger::{Counts, Ledger, Reach};
use chancery_x509::crl::RevocationReason;

use super::fixture::{NOW, ca_name, intent, issue, reserve, revocation, serial};
use super::ok;

/// Tests every requirement of [`Monitoring`](chancery_authority::port::ledger::Monitoring).
///
/// # Panics
/// If a requirement is violated.
pub async fn monitoring(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    counts_count(&*make().await).await;
}

async fn counts_count(ledger: &dyn Ledger) {
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
