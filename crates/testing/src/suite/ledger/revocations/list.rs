//! The issuer's list: what a published CRL has and the list lacks is put back.

use chancery_authority::port::ledger::{Evidence, Ledger, Listed, crl_state};
use chancery_x509::crl::{RevocationReason, RevokedEntry};

use super::super::crls::{full, listed};
use super::super::fixture::{NOW, ca_name, intent, issue, reserve, serial};
use super::super::ok;

pub(super) async fn what_was_lost_is_put_back(ledger: &dyn Ledger) {
    let (kept, lost) = (intent(1), intent(2));
    issue(ledger, &kept).await;
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id.clone(), NOW).await);
    let serials = [
        serial(1),
        serial(2),
        serial(3),
        serial(1),
        serial(3),
        serial(2),
        serial(1),
    ];
    let record = ok(ledger.certificates().get(None, serial(1)).await);
    let shown = ok(ledger.certificates().evidence(&ca_name("a-ca"), &serials).await);
    let certificates = record.map(|record| vec![record.certificate]);
    assert_eq!(
        shown.get(&serial(1)).map(|shown| shown.certificates.clone()),
        certificates,
        "a certificate is shown, once, however often it is asked for"
    );
    let given_up = Evidence {
        certificates: Vec::new(),
        given_up: true,
    };
    assert_eq!(
        shown.get(&serial(2)),
        Some(&given_up),
        "of an intent that was given up, that it was"
    );
    assert_eq!(shown.get(&serial(3)), None, "nothing is shown of what nobody knows");

    let entry = RevokedEntry {
        serial: serial(1),
        revoked_at: NOW.plus_days(-1),
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    };
    let before = ok(crl_state(ledger.crls(), &full()).await).mark;
    ok(ledger.revocations().relist(&full(), &entry, kept.not_after).await);
    assert!(
        listed(ledger, &full()).await.contains(&entry),
        "what is put back is listed"
    );
    assert_ne!(
        ok(crl_state(ledger.crls(), &full()).await).mark,
        before,
        "and that is a change"
    );
    let record = ok(ledger.certificates().get(None, serial(1)).await);
    assert!(
        record.is_some_and(|record| record.revocation.is_some()),
        "its certificate is revoked"
    );
    let among = ok(ledger.revocations().listed(&ca_name("a-ca"), &serials).await);
    let wanted = Listed {
        reason: RevocationReason::Superseded,
        not_after: kept.not_after,
    };
    assert_eq!(
        among.get(&serial(1)),
        Some(&wanted),
        "who is listed is found among many, however often it is asked for"
    );
    assert_eq!(among.get(&serial(3)), None);
}
