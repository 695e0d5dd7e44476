//! Nothing is reserved under a revoked CA.

use std::sync::Arc;

use chancery_authority::port::ledger::{
    CertificateIntent, IdempotencyToken, KeyStatus, Ledger, LedgerError, Reach, Reservation, Revocation,
};
use chancery_x509::crl::RevocationReason;

use super::super::fixture::{
    MORE_THAN_PARTITIONS, NOW, authority, ca_name, completion, intent_under, issue, reserve, serial,
};
use super::super::ok;

async fn revoke(ledger: &dyn Ledger, issuer: &str, number: u32) {
    let revocation = Revocation {
        at: NOW.plus_days(1),
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: "contract".to_owned(),
    };
    ok(ledger
        .revocations()
        .revoke(&ca_name(issuer), serial(number), revocation, Reach::Key)
        .await);
}

fn with_token(number: u32) -> CertificateIntent {
    CertificateIntent {
        token: Some(IdempotencyToken(format!("token {number}"))),
        ..intent_under("a-ca", number)
    }
}

async fn refused(ledger: &dyn Ledger, intent: CertificateIntent, ca: &str, what: &str) {
    let outcome = ledger.intents().reserve(intent).await;
    let wanted = LedgerError::IssuerRevoked { ca: ca_name(ca) };
    assert_eq!(outcome.err(), Some(wanted), "{what}");
}

pub(super) async fn nothing_is_reserved_under_a_revoked_ca(ledger: &dyn Ledger) {
    issue(ledger, &authority(1, "root-ca", None)).await;
    issue(ledger, &authority(2, "a-ca", Some("root-ca"))).await;
    issue(ledger, &authority(3, "b-ca", Some("root-ca"))).await;
    let (issued, open, prepared) = (with_token(4), with_token(5), with_token(6));
    issue(ledger, &issued).await;
    reserve(ledger, &open).await;
    // Prepared before the CA was revoked, and reserved afterwards.
    revoke(ledger, "root-ca", 2).await;
    refused(ledger, prepared.clone(), "a-ca", "what was prepared before").await;
    for number in 100..100 + MORE_THAN_PARTITIONS {
        refused(
            ledger,
            intent_under("a-ca", number),
            "a-ca",
            "whatever its serial number",
        )
        .await;
    }
    let renewal = CertificateIntent {
        renews: Some(issued.id.clone()),
        ..intent_under("a-ca", 7)
    };
    refused(ledger, renewal, "a-ca", "a renewal").await;
    refused(ledger, authority(8, "c-ca", Some("a-ca")), "a-ca", "a CA below it").await;
    assert_eq!(
        ok(ledger
            .certificates()
            .key_status(prepared.key, &prepared.common_name)
            .await),
        KeyStatus::Free,
        "a refused reservation leaves nothing"
    );
    assert_eq!(
        ok(ledger.intents().list_open(None, NOW.plus_days(1), 100).await)
            .intents
            .len(),
        1
    );
    let replay = ok(ledger.intents().reserve(issued).await);
    assert!(
        matches!(replay, Reservation::Completed(_)),
        "what a token got comes first"
    );
    let replay = ok(ledger.intents().reserve(open).await);
    assert!(matches!(replay, Reservation::Open(_)), "what a token got comes first");

    reserve(ledger, &intent_under("b-ca", 9)).await;
    revoke(ledger, "root-ca", 1).await;
    for number in 200..200 + MORE_THAN_PARTITIONS {
        refused(ledger, intent_under("b-ca", number), "root-ca", "the CA above").await;
    }
    refused(ledger, intent_under("a-ca", 10), "a-ca", "of several the nearest").await;
    // Another hierarchy is not affected.
    issue(ledger, &authority(11, "another-root", None)).await;
    reserve(ledger, &intent_under("another-root", 12)).await;
}

/// Once the revocation of a CA has returned, nothing is reserved, whatever was in progress.
pub(super) async fn no_reservation_escapes_a_ca_s_revocation(ledger: Arc<dyn Ledger>) {
    issue(&*ledger, &authority(1, "a-ca", None)).await;
    let reserving = (10..10 + MORE_THAN_PARTITIONS).map(|number| {
        let ledger = ledger.clone();
        async move { (number, ledger.intents().reserve(intent_under("a-ca", number)).await) }
    });
    let revoking = revoke(&*ledger, "a-ca", 1);
    let (outcomes, ()) = futures_util::future::join(futures_util::future::join_all(reserving), revoking).await;
    for (number, outcome) in outcomes {
        match outcome {
            Ok(Reservation::New) => drop(ok(ledger
                .intents()
                .complete(completion(&intent_under("a-ca", number)))
                .await)),
            Err(LedgerError::IssuerRevoked { .. }) => {}
            other => panic!("reserved or refused: {other:?}"),
        }
    }
    for number in 300..300 + MORE_THAN_PARTITIONS {
        refused(&*ledger, intent_under("a-ca", number), "a-ca", "afterwards").await;
    }
}
