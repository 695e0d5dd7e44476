//! Requirements on every [`Reminders`](chancery_authority::port::ledger::Reminders).

use std::sync::Arc;

use chancery_authority::port::ledger::{CertificateIntent, Ledger, LedgerError};

use super::certificates::{numbered, serials};
use super::fixture::{NOW, ca_name, intent, issue, serial};
use super::ok;

/// Tests every requirement of [`Reminders`](chancery_authority::port::ledger::Reminders).
///
/// # Panics
/// If a requirement is violated.
pub async fn reminders(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    expiring_certificates_are_found(&*make().await).await;
    reminders_are_kept(&*make().await).await;
}

async fn expiring_certificates_are_found(ledger: &dyn Ledger) {
    for number in 1..=9 {
        let notify_expiry = number != 4;
        // Two of them end in the same second.
        let not_after = NOW.plus_days(if number == 7 { 6 } else { number.into() });
        issue(
            ledger,
            &CertificateIntent {
                not_after,
                notify_expiry,
                ..intent(number)
            },
        )
        .await;
    }
    let (from, to) = (NOW.plus_days(2).plus_seconds(-1), NOW.plus_days(8).plus_seconds(1));
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = ok(ledger.reminders().expiring(from, to, after.as_ref(), 2).await);
        found.extend(serials(&page));
        assert!(
            page.certificates.len() <= 2 && found.len() < 20,
            "pages hold the limit and come to an end"
        );
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    found.sort_unstable();
    let wanted = numbered([2, 3, 5, 6, 7, 8]);
    assert_eq!(
        found, wanted,
        "expiring finds those with notify_expiry whose notAfter lies in the window, each once"
    );
}

async fn reminders_are_kept(ledger: &dyn Ledger) {
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
