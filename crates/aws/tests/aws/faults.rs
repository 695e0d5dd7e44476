//! Every call of the ledger meets every fault: throttled, failed, failed but done, answer lost, unreachable, slow.
//!
//! A life of a certificate, from reservation to CRL, is lived once for each call that it makes and each fault: it must come
//! to the same end, with nothing done twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CertificateIntent, Completion, CrlIntent, CrlPlan, CrlRecord, CrlScope, IdempotencyToken, IntentId, Ledger,
    LedgerError, Reach, Rejection, Reservation, Revocation, Revoked, Search, latest_crl,
};
use chancery_authority::port::{ETag, KeyStore as _, KeyStoreError, Receipt};
use chancery_aws::ledger::AdoptionMode;
use chancery_aws::{CallBudget, DynamoLedger, KmsKeyStore};
use chancery_testing::SignUnchecked as _;
use chancery_testing::suite;
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;

use crate::fixture::NOW;
use crate::sandbox::{Sandbox, patient};

const KINDS: [&str; 5] = ["throttled", "failed", "failed-done", "lost", "unreachable"];

/// The ones of that number; every life has its own CA, so that lives do not meet.
fn intents(life: u32) -> [CertificateIntent; 2] {
    [2 * life, 2 * life + 1].map(|number| {
        let intent = suite::intent(number);
        CertificateIntent {
            id: IntentId {
                issuer: CaName::new(format!("ca-{life}")).unwrap(),
                ..intent.id
            },
            token: Some(IdempotencyToken(format!("token {number}"))),
            notify_expiry: true,
            not_after: NOW.plus_seconds(i64::from(1_000 * life)),
            common_name: format!("host{number}"),
            ..intent
        }
    })
}

/// Everything that becomes of two intents, each step with what it must come to.
#[expect(clippy::too_many_lines, reason = "one life, from its beginning to its end")]
async fn live(ledger: &DynamoLedger, life: u32) {
    let [kept, lost] = intents(life);
    let issuer = kept.id.issuer.clone();
    for intent in [&kept, &lost] {
        let reservation = ledger.intents().reserve(intent.clone()).await.unwrap();
        assert!(matches!(reservation, Reservation::New), "{reservation:?}");
    }
    let again = ledger.intents().reserve(kept.clone()).await.unwrap();
    assert!(matches!(again, Reservation::Open(_)), "{again:?}");
    let open = ledger
        .intents()
        .list_open(None, UnixTime(i64::MAX), 10)
        .await
        .unwrap()
        .intents;
    assert_eq!(open.len(), 2);
    let completion = Completion {
        id: kept.id.clone(),
        certificate: vec![1, 2, 3],
        attempt: None,
        receipt: Receipt("a receipt".to_owned()),
        at: NOW.plus_seconds(i64::from(life)),
    };
    let mut record = ledger.intents().complete(completion.clone()).await.unwrap();
    assert_eq!(
        ledger.intents().complete(completion).await.err(),
        Some(LedgerError::NoOpenIntent(kept.id.clone()))
    );
    ledger.intents().mark_lost(lost.id.clone(), NOW).await.unwrap();
    assert_eq!(
        ledger
            .intents()
            .list_open(None, UnixTime(i64::MAX), 10)
            .await
            .unwrap()
            .intents
            .len(),
        0
    );

    ledger.reminders().record(&issuer, kept.id.serial, NOW).await.unwrap();
    record.reminders = vec![NOW];
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: "token:tests".to_owned(),
    };
    let revoked = ledger
        .revocations()
        .revoke(&issuer, kept.id.serial, revocation.clone(), Reach::Key)
        .await
        .unwrap()
        .certificate;
    record.revocation = Some(revocation);
    assert!(matches!(revoked, Revoked::Now(reported) if *reported == record));
    assert_eq!(
        ledger.certificates().get(None, kept.id.serial).await.unwrap().as_ref(),
        Some(&record)
    );

    let scope = CrlScope { issuer, shard: None };
    let reserved = {
        let plan = CrlPlan {
            at: NOW,
            expired_before: None,
            above: 0,
            at_most: u64::MAX,
        };
        ledger.crls().reserve(&scope, plan).await.unwrap()
    };
    assert!(
        (1..10).contains(&reserved.number),
        "a fault skips a number or two: {}",
        reserved.number
    );
    assert_eq!(reserved.revocations.entries(), 2);
    let crl = CrlRecord {
        scope: scope.clone(),
        number: reserved.number,
        made_at: NOW,
        this_update: NOW.plus_seconds(-300),
        next_update: NOW.plus_days(1),
        entries: 2,
        digest: [3; 32],
        receipt: Receipt("another".to_owned()),
        mark: Some(reserved.mark.clone()),
        published: Some(ETag("etag".to_owned())),
    };
    let unpublished = CrlRecord {
        published: None,
        ..crl.clone()
    };
    let intent = CrlIntent {
        scope: scope.clone(),
        number: reserved.number,
        signing_input: vec![4; 32],
        at: NOW,
    };
    ledger.crls().intend(intent, suite::attempt_origin(1)).await.unwrap();
    assert_eq!(ledger.crls().open_intents(&scope, 10).await.unwrap().len(), 1);
    ledger
        .crls()
        .complete(unpublished, suite::attempt_position(1, UnixTime(1)))
        .await
        .unwrap();
    ledger
        .crls()
        .mark_published(&scope, reserved.number, ETag("etag".to_owned()))
        .await
        .unwrap();
    assert_eq!(latest_crl(ledger.crls(), &scope).await.unwrap(), Some(crl));

    let (from, to) = (kept.not_after, kept.not_after.plus_seconds(1));
    let expiring = ledger.reminders().expiring(from, to, None, 10).await.unwrap();
    assert_eq!(expiring.certificates, [record.clone()]);
    let query = Search {
        issuer: Some(scope.issuer),
        ..Search::default()
    };
    assert_eq!(
        ledger
            .certificates()
            .search(&query, None, 10)
            .await
            .unwrap()
            .certificates,
        [record]
    );
    let rejection = Rejection {
        at: NOW.plus_seconds(i64::from(life)),
        principal: "token:tests".to_owned(),
        common_name: None,
        code: "weak_key".to_owned(),
        reason: format!("rejection {life}"),
    };
    ledger.rejections().record(rejection.clone()).await.unwrap();
    let newest = ledger.rejections().latest(2).await.unwrap();
    assert_eq!(newest[0], rejection);
    assert_ne!(newest.get(1), Some(&rejection), "a rejection is recorded once");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_call_meets_whatever_fault_a_life_comes_to_the_same_end() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deployment().await;
    let mut life = 1;
    let open = async || {
        // A new process for each life: nothing is known from before.
        let ledger = DynamoLedger::new(&sandbox.config, &deployment, patient());
        ledger
            .adopt(AdoptionMode::Resume, Some(Instant::now()), &|_| {})
            .await
            .unwrap();
        ledger
    };
    let first = DynamoLedger::new(&sandbox.config, &deployment, patient());
    first.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
    sandbox.take_calls();
    live(&open().await, life).await;
    let mut calls: BTreeMap<String, u32> = BTreeMap::new();
    for call in sandbox.take_calls() {
        *calls.entry(call).or_default() += 1;
    }
    assert_eq!(calls.len(), 6, "a life makes every kind of call but a scan: {calls:?}");
    // The n-th calls of all operations meet their faults in one life.
    for skip in 0..*calls.values().max().unwrap() {
        for kind in KINDS {
            for (call, _) in calls.iter().filter(|(_, times)| **times > skip) {
                let (service, operation) = call.split_once(' ').unwrap();
                sandbox.fault_after(service, operation, kind, skip);
            }
            life += 1;
            live(&open().await, life).await;
            assert_eq!(sandbox.clear_faults(), 0, "{kind} struck call {skip} of each operation");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_asked_again() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deployment().await;
    // A request is given up after two seconds, and done all the same after three: behind the one that was asked instead.
    let ledger = DynamoLedger::new(&sandbox.config, &deployment, CallBudget::new(Duration::from_secs(6)));
    ledger.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
    for (life, operation) in (1..).zip(["TransactWriteItems", "UpdateItem", "PutItem", "Query", "GetItem"]) {
        sandbox.fault_slow("dynamodb", operation, 3);
        live(&ledger, life).await;
        assert_eq!(sandbox.clear_faults(), 0, "a {operation} was slow");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_away_is_unavailable_in_time_and_can_be_repeated() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deployment().await;
    let ledger = DynamoLedger::new(&sandbox.config, &deployment, CallBudget::new(Duration::from_secs(3)));
    ledger.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
    let [intent, _] = intents(1);
    for kind in KINDS {
        sandbox.fault("dynamodb", "TransactWriteItems", kind, 1000);
        let began = Instant::now();
        let outcome = ledger.intents().reserve(intent.clone()).await;
        assert!(
            matches!(outcome, Err(LedgerError::Unavailable { .. })),
            "{kind}: {outcome:?}"
        );
        assert!(began.elapsed() < Duration::from_secs(10), "{kind}: it ends in time");
        sandbox.clear_faults();
    }
    // Some of those were done without an answer: whoever has the token is told so, and nothing is reserved twice.
    match ledger.intents().reserve(intent.clone()).await.unwrap() {
        Reservation::Open(open) => assert_eq!(open.id, intent.id),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        ledger
            .intents()
            .list_open(None, UnixTime(i64::MAX), 10)
            .await
            .unwrap()
            .intents
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_journal_is_said_to_be_missing() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deployment().await.with_journal_table("NoSuchTable");
    let ledger = DynamoLedger::new(&sandbox.config, &deployment, patient());
    let [intent, _] = intents(1);
    match ledger.intents().reserve(intent).await {
        Err(LedgerError::NotCreated { detail }) => {
            assert!(
                detail.contains("NoSuchTable") && detail.contains("does not exist"),
                "{detail}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_is_asked_again_and_refused_in_words() {
    let Some(sandbox) = Sandbox::start() else { return };
    let keys = KmsKeyStore::new(&sandbox.config, patient());
    let name = chancery_authority::port::KeyName("a-ca".to_owned());
    let public = keys.create(&name, CaKeyAlgorithm::P256).await.unwrap();
    let input = SigningInput::Sha256([7; 32]);
    for kind in KINDS {
        sandbox.fault("kms", "GetPublicKey", kind, 1);
        let fresh = KmsKeyStore::new(&sandbox.config, patient());
        let signed = fresh.sign_unchecked(&name, &input).await.unwrap();
        assert!(public.verify(&input, &signed.signature).is_ok());
        assert_eq!(sandbox.clear_faults(), 0, "{kind} struck GetPublicKey");

        // A signature is asked for once: every further attempt is the caller's, who records it before.
        sandbox.fault("kms", "Sign", kind, 1);
        let failed = fresh.sign_unchecked(&name, &input).await;
        assert!(
            matches!(failed, Err(KeyStoreError::Unavailable { .. })),
            "{kind}: {failed:?}"
        );
        assert_eq!(sandbox.clear_faults(), 0, "{kind} struck Sign");
        assert!(fresh.wait_to_retry(1, Duration::ZERO).await, "{kind} passes");
        fresh.sign_unchecked(&name, &input).await.unwrap();
    }
    let budget = CallBudget::new(Duration::from_secs(1));
    let slow = KmsKeyStore::new(&sandbox.config, budget);
    assert!(!slow.wait_to_retry(1, Duration::from_secs(1)).await, "its time is over");
    let impatient = KmsKeyStore::new(&sandbox.config, CallBudget::new(Duration::from_secs(2)));
    impatient.public_key(&name).await.unwrap();
    for kind in KINDS {
        sandbox.fault("kms", "Sign", kind, 1000);
        let outcome = impatient.sign_unchecked(&name, &input).await;
        assert!(
            matches!(outcome, Err(KeyStoreError::Unavailable { .. })),
            "{kind}: {outcome:?}"
        );
        sandbox.clear_faults();
    }

    let client = aws_sdk_kms::Client::new(&sandbox.config);
    let id = client.describe_key().key_id("alias/a-ca").send().await.unwrap();
    let id = id.key_metadata.unwrap().key_id;
    client.disable_key().key_id(&id).send().await.unwrap();
    match keys.sign_unchecked(&name, &input).await {
        Err(KeyStoreError::Denied { detail }) => assert!(detail.contains("enable the key"), "{detail}"),
        other => panic!("{other:?}"),
    }
    // What is not noted of a disabled key is not taken from whoever expects it.
    let asleep = KmsKeyStore::new(&sandbox.config, patient());
    asleep.expect(&name, &public);
    let denied = |outcome: Result<CaPublicKey, KeyStoreError>| matches!(outcome, Err(KeyStoreError::Denied { .. }));
    assert!(denied(asleep.public_key(&name).await));
    asleep.note(&name, [7; 32]);
    assert!(denied(asleep.public_key(&name).await));
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, public.as_der());
    asleep.note(&name, sha256.as_ref().try_into().unwrap());
    assert_eq!(asleep.public_key(&name).await.unwrap(), public);
    assert!(matches!(
        asleep.sign_unchecked(&name, &input).await,
        Err(KeyStoreError::Denied { .. })
    ));
    client.enable_key().key_id(&id).send().await.unwrap();
    asleep.sign_unchecked(&name, &input).await.unwrap();
    keys.sign_unchecked(&name, &input).await.unwrap();

    // An alias that was pointed to another key signs nothing for this CA.
    let other = chancery_authority::port::KeyName("another".to_owned());
    let other_public = keys.create(&other, CaKeyAlgorithm::P256).await.unwrap();
    keys.expect(&name, &other_public);
    let outcome = keys.sign_unchecked(&name, &input).await;
    assert!(matches!(outcome, Err(KeyStoreError::Damaged { .. })), "{outcome:?}");
}
