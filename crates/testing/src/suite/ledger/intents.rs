//! Requirements on every [`Intents`](chancery_authority::port::ledger::Intents).

mod chain;
mod race;

use std::sync::Arc;

use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, IdempotencyToken, IntentId, KeyStatus, Kind, Ledger, LedgerError, OpenIntent,
    Reservation, TokenOrigin,
};
use chancery_authority::principal::Principal;
use chancery_x509::time::UnixTime;

use super::fixture::{NOW, ca_name, completion, intent, issue, reserve, serial};
use super::ok;

/// Tests every requirement of [`Intents`](chancery_authority::port::ledger::Intents).
///
/// # Panics
/// If a requirement is violated.
pub async fn intents(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    reserves_and_completes(&*make().await).await;
    serials_are_unique(&*make().await).await;
    keys_are_claimed_once(&*make().await).await;
    tokens_replay(&*make().await).await;
    lost_intents_free_what_they_held(&*make().await).await;
    refused_reservations_leave_nothing(&*make().await).await;
    open_intents_are_listed_oldest_first(&*make().await).await;
    open_intents_are_listed_step_by_step(&*make().await).await;
    only_a_caller_s_token_can_come_back(&*make().await).await;
    chain::nothing_is_reserved_under_a_revoked_ca(&*make().await).await;
    chain::no_reservation_escapes_a_ca_s_revocation(make().await).await;
    race::one_of_many_reserves_wins(make().await).await;
    race::one_of_many_completes_wins(make().await).await;
}

async fn reserves_and_completes(ledger: &dyn Ledger) {
    let mut intent = intent(1);
    intent.shard = Some(3);
    intent.notify_expiry = true;
    reserve(ledger, &intent).await;
    let early = ok(ledger.certificates().get(None, intent.id.serial).await);
    assert_eq!(early, None, "an open intent is no certificate");
    assert_eq!(
        ok(ledger.intents().list_open(None, UnixTime(i64::MAX), 10).await)
            .intents
            .len(),
        1,
        "a reserved intent is open"
    );

    let completion = completion(&intent);
    let record = ok(ledger.intents().complete(completion.clone()).await);
    let wanted = CertificateRecord {
        id: intent.id.clone(),
        kind: Kind::Leaf,
        common_name: intent.common_name.clone(),
        profile: intent.profile.clone(),
        renews: None,
        certificate: completion.certificate.clone(),
        key: intent.key,
        not_before: intent.not_before,
        not_after: intent.not_after,
        shard: Some(3),
        principal: intent.principal.clone(),
        receipt: completion.receipt.clone(),
        issued_at: completion.at,
        revocation: None,
        notify_expiry: true,
        reminders: Vec::new(),
    };
    assert_eq!(record, wanted, "complete answers the whole record");
    let alone = ok(ledger.certificates().get(None, intent.id.serial).await);
    assert_eq!(
        alone.as_ref(),
        Some(&wanted),
        "a certificate is found by its serial alone"
    );
    let of_issuer = ok(ledger
        .certificates()
        .get(Some(&intent.id.issuer), intent.id.serial)
        .await);
    assert_eq!(of_issuer, Some(wanted), "a certificate is found by issuer and serial");
    let elsewhere = ok(ledger
        .certificates()
        .get(Some(&ca_name("b-ca")), intent.id.serial)
        .await);
    assert_eq!(elsewhere, None, "another issuer has no such certificate");
    assert!(
        ok(ledger.intents().list_open(None, UnixTime(i64::MAX), 10).await)
            .intents
            .is_empty(),
        "a complete intent is not open"
    );

    let no_intent = Err(LedgerError::NoOpenIntent(intent.id.clone()));
    assert_eq!(
        ledger.intents().complete(completion).await,
        no_intent,
        "an intent is completed once"
    );
    let lost = ledger.intents().mark_lost(intent.id.clone(), NOW).await;
    assert_eq!(lost.err(), no_intent.err(), "a complete intent cannot be given up");
    let unknown = self::intent(2);
    let outcome = ledger.intents().complete(self::completion(&unknown)).await;
    assert_eq!(
        outcome.err(),
        Some(LedgerError::NoOpenIntent(unknown.id)),
        "what was never reserved is not completed"
    );
}

async fn serials_are_unique(ledger: &dyn Ledger) {
    let open = intent(1);
    reserve(ledger, &open).await;
    let complete = intent(2);
    issue(ledger, &complete).await;
    let lost = intent(3);
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id.clone(), NOW).await);
    for (taken, other) in [(open, 11), (complete, 12), (lost, 13)] {
        let same_serial = CertificateIntent {
            id: taken.id.clone(),
            ..intent(other)
        };
        let outcome = ledger.intents().reserve(same_serial).await.err();
        let wanted = Some(LedgerError::SerialTaken(taken.id.serial));
        assert_eq!(
            outcome, wanted,
            "a serial is used once, whatever became of its first use"
        );
        reserve(ledger, &intent(other)).await;
    }
}

/// Checks that [`Ledger::key_holder`] returns what a reservation would find.
pub(super) async fn held_by(ledger: &dyn Ledger, intent: &CertificateIntent, holder: Option<&str>) {
    let standing = holder.map_or(KeyStatus::Free, |holder| KeyStatus::Held(holder.to_owned()));
    for asking in [intent.common_name.as_str(), "somebody else"] {
        let found = ok(ledger.certificates().key_status(intent.key, asking).await);
        assert_eq!(found, standing, "a key's holder is told as reserve finds it");
    }
}

async fn keys_are_claimed_once(ledger: &dyn Ledger) {
    let open = intent(1);
    held_by(ledger, &open, None).await;
    reserve(ledger, &open).await;
    held_by(ledger, &open, Some(&open.common_name)).await;
    let with_same_key = |number: u32| CertificateIntent {
        key: open.key,
        common_name: format!("other{number}"),
        ..intent(number)
    };
    let in_use = Some(LedgerError::KeyInUse {
        common_name: open.common_name.clone(),
    });
    let outcome = ledger.intents().reserve(with_same_key(2)).await.err();
    assert_eq!(outcome, in_use, "an open intent claims its key");
    ok(ledger.intents().complete(completion(&open)).await);
    assert_eq!(
        ledger.intents().reserve(with_same_key(3)).await.err(),
        in_use,
        "a certificate claims its key"
    );
    let elsewhere = CertificateIntent {
        id: IntentId {
            issuer: ca_name("b-ca"),
            serial: serial(4),
        },
        ..with_same_key(4)
    };
    assert_eq!(
        ledger.intents().reserve(elsewhere).await.err(),
        in_use,
        "a key is claimed across all issuers"
    );

    let same_name = CertificateIntent {
        common_name: open.common_name.clone(),
        ..with_same_key(5)
    };
    assert_eq!(
        ledger.intents().reserve(same_name.clone()).await.err(),
        in_use,
        "even the same name needs allow_key_reuse"
    );
    issue(
        ledger,
        &CertificateIntent {
            allow_key_reuse: true,
            ..same_name
        },
    )
    .await;
    let other_name = CertificateIntent {
        allow_key_reuse: true,
        ..with_same_key(6)
    };
    assert_eq!(
        ledger.intents().reserve(other_name).await.err(),
        in_use,
        "allow_key_reuse is for the same common name alone"
    );
    held_by(ledger, &open, Some(&open.common_name)).await;
}

async fn tokens_replay(ledger: &dyn Ledger) {
    let token = IdempotencyToken("a token".to_owned());
    let first = CertificateIntent {
        token: Some(token.clone()),
        ..intent(1)
    };
    reserve(ledger, &first).await;
    // A retry draws another serial; everything else is the same.
    let retry = CertificateIntent {
        id: intent(2).id,
        ..first.clone()
    };
    match ok(ledger.intents().reserve(retry.clone()).await) {
        Reservation::Open(open) => {
            assert_eq!(
                (&open.id, &open.tbs),
                (&first.id, &first.tbs),
                "a replay gets the first intent"
            );
            assert_eq!(
                (open.reserved_at, open.has_token()),
                (first.at, true),
                "a replay gets the first intent"
            );
        }
        other => panic!("a token whose request is not complete answers Open: {other:?}"),
    }
    let record = ok(ledger.intents().complete(completion(&first)).await);
    match ok(ledger.intents().reserve(retry.clone()).await) {
        Reservation::Completed(replayed) => assert_eq!(*replayed, record, "a replay gets the certificate"),
        other => panic!("a token whose request is complete answers Completed: {other:?}"),
    }
    let counts = ok(ledger.monitoring().counts().await);
    assert_eq!(
        (counts.issued, counts.open_intents),
        (1, 0),
        "a replay reserves nothing"
    );

    let different = CertificateIntent {
        request_digest: [8; 32],
        ..intent(3)
    };
    let different = CertificateIntent {
        token: Some(token.clone()),
        ..different
    };
    let outcome = ledger.intents().reserve(different.clone()).await.err();
    assert_eq!(outcome, Some(LedgerError::TokenReused), "a token is for one request");
    let somebody_else = CertificateIntent {
        principal: Principal::token("somebody else"),
        ..different
    };
    reserve(ledger, &somebody_else).await;
    reserve(
        ledger,
        &CertificateIntent {
            token: Some(IdempotencyToken("another".to_owned())),
            ..intent(4)
        },
    )
    .await;
}

async fn lost_intents_free_what_they_held(ledger: &dyn Ledger) {
    let token = Some(IdempotencyToken("a token".to_owned()));
    let lost = CertificateIntent {
        token: token.clone(),
        ..intent(1)
    };
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id.clone(), NOW).await);
    let no_intent = Some(LedgerError::NoOpenIntent(lost.id.clone()));
    assert_eq!(
        ledger.intents().complete(completion(&lost)).await.err(),
        no_intent,
        "a lost intent cannot be completed"
    );
    assert_eq!(
        ledger.intents().mark_lost(lost.id.clone(), NOW).await.err(),
        no_intent,
        "an intent is given up once"
    );
    assert!(
        ok(ledger.intents().list_open(None, UnixTime(i64::MAX), 10).await)
            .intents
            .is_empty(),
        "a lost intent is not open"
    );
    assert_eq!(
        ok(ledger.certificates().get(None, lost.id.serial).await),
        None,
        "a lost intent is no certificate"
    );

    // The same key, token and request again, even with another digest: the given-up intent holds nothing.
    let again = CertificateIntent {
        id: intent(2).id,
        request_digest: [9; 32],
        common_name: "new".to_owned(),
        ..lost
    };
    issue(ledger, &again).await;

    // A key with two holders stays claimed by the remaining one.
    let holder = intent(3);
    issue(ledger, &holder).await;
    let second = CertificateIntent {
        id: intent(4).id,
        allow_key_reuse: true,
        ..holder.clone()
    };
    reserve(ledger, &second).await;
    ok(ledger.intents().mark_lost(second.id, NOW).await);
    let third = CertificateIntent {
        id: intent(5).id,
        common_name: "other".to_owned(),
        ..holder
    };
    let outcome = ledger.intents().reserve(third).await.err();
    assert!(
        matches!(outcome, Some(LedgerError::KeyInUse { .. })),
        "a certificate's key stays claimed: {outcome:?}"
    );
    held_by(ledger, &intent(3), Some(&intent(3).common_name)).await;
    let free = intent(6);
    reserve(ledger, &free).await;
    ok(ledger.intents().mark_lost(free.id.clone(), NOW).await);
    held_by(ledger, &free, None).await;
}

async fn refused_reservations_leave_nothing(ledger: &dyn Ledger) {
    let first = intent(1);
    issue(ledger, &first).await;
    // Refused because of its key: neither its serial nor its token may be taken.
    let token = Some(IdempotencyToken("a token".to_owned()));
    let refused = CertificateIntent {
        key: first.key,
        token: token.clone(),
        ..intent(2)
    };
    assert!(
        ledger.intents().reserve(refused).await.is_err(),
        "a key is claimed once"
    );
    reserve(
        ledger,
        &CertificateIntent {
            token,
            request_digest: [9; 32],
            ..intent(2)
        },
    )
    .await;
    // Refused because of its serial: its key may not be taken.
    let refused = CertificateIntent {
        id: first.id,
        ..intent(3)
    };
    assert!(
        ledger.intents().reserve(refused).await.is_err(),
        "a serial is used once"
    );
    reserve(ledger, &intent(3)).await;
    assert_eq!(
        ok(ledger.monitoring().counts().await).open_intents,
        2,
        "a refused reservation leaves no intent"
    );
}

async fn open_intents_are_listed_oldest_first(ledger: &dyn Ledger) {
    for (number, age) in [(1, 10), (2, 30), (3, 20)] {
        let token = (number == 3).then(|| IdempotencyToken("a token".to_owned()));
        reserve(
            ledger,
            &CertificateIntent {
                at: NOW.plus_seconds(-age),
                token,
                ..intent(number)
            },
        )
        .await;
    }
    let open = ok(ledger.intents().list_open(None, NOW, 10).await).intents;
    let serials: Vec<_> = open.iter().map(|intent| intent.id.serial).collect();
    assert_eq!(
        serials,
        [serial(2), serial(3), serial(1)],
        "open intents come oldest first"
    );
    assert_eq!(open[0].tbs, intent(2).tbs, "an open intent has what is to be signed");
    assert_eq!(
        (open[0].has_token(), open[1].has_token()),
        (false, true),
        "an open intent tells whether it has a token"
    );
    let older = ok(ledger.intents().list_open(None, NOW.plus_seconds(-20), 10).await).intents;
    assert_eq!(
        older.len(),
        1,
        "open_intents lists those reserved before the time alone"
    );
    assert_eq!(
        ok(ledger.intents().list_open(None, NOW, 2).await).intents.len(),
        2,
        "open_intents lists no more than the limit"
    );
}

async fn open_intents_are_listed_step_by_step(ledger: &dyn Ledger) {
    // Several within one second, and pages that end within it.
    for (number, age) in [(5, 30), (3, 20), (9, 20), (1, 20), (7, 20), (2, 10)] {
        reserve(
            ledger,
            &CertificateIntent {
                at: NOW.plus_seconds(-age),
                ..intent(number)
            },
        )
        .await;
    }
    for step in 1..=7 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let found = ok(ledger.intents().list_open(after, NOW, step).await);
            assert_eq!(found.unreadable, [""; 0]);
            let open = found.intents;
            seen.extend(open.iter().map(|intent| intent.id.serial));
            match open.last() {
                Some(last) if open.len() == step => after = Some(OpenIntent::position(last)),
                _ => break,
            }
        }
        let wanted = [5, 1, 3, 7, 9, 2].map(serial);
        assert_eq!(seen, wanted, "open intents are listed once each, {step} at a time");
    }
}

async fn only_a_caller_s_token_can_come_back(ledger: &dyn Ledger) {
    let token = |text: &str| Some(IdempotencyToken(text.to_owned()));
    let of_caller = CertificateIntent {
        token: token("of the caller"),
        ..intent(1)
    };
    let of_invocation = CertificateIntent {
        token: token("of an invocation"),
        token_origin: TokenOrigin::Invocation,
        ..intent(2)
    };
    let without = CertificateIntent {
        token_origin: TokenOrigin::Invocation,
        ..intent(3)
    };
    for intent in [&of_caller, &of_invocation, &without] {
        reserve(ledger, intent).await;
    }
    let open = ok(ledger.intents().list_open(None, NOW.plus_seconds(1), 10).await).intents;
    let can_come_back: Vec<_> = open.iter().map(OpenIntent::has_token).collect();
    assert_eq!(
        can_come_back,
        [true, false, false],
        "only a caller's token says that somebody can come back"
    );
    // A repeated invocation is recognised by its token all the same.
    let retry = CertificateIntent {
        id: intent(4).id,
        ..of_invocation.clone()
    };
    let replay = ok(ledger.intents().reserve(retry).await);
    assert!(
        matches!(&replay, Reservation::Open(open) if open.id == of_invocation.id),
        "a repeated invocation gets its intent: {replay:?}"
    );
}
