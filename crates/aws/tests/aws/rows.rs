//! What a CRL reads, rows that nobody can read, and two deployments in one account.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::config::Config;
use chancery_authority::port::ledger::{CrlScope, Ledger as _, Rejection, Search};
use chancery_authority::revoke::RevokeError;
use chancery_aws::Deployment;
use chancery_contract::IssueTlsCert as _;
use chancery_testing::{Requester, principal, request, token};
use chancery_x509::crl::{RevocationList, RevocationReason};
use chancery_x509::serial::Serial;

use crate::fixture::{Fixture, NOW};
use crate::pages::{text, write};
use crate::sandbox::{Sandbox, patient};

fn scope(deployment: &Deployment) -> CrlScope {
    CrlScope {
        issuer: deployment.issuing_ca().clone(),
        shard: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_by_the_name_of_a_ca_s_rows_is_answered() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let found = async |name: &str| {
        let query = Search {
            common_name: Some(name.to_owned()),
            ..Search::default()
        };
        let page = fixture
            .aws
            .ledger
            .certificates()
            .search(&query, None, 10)
            .await
            .unwrap();
        let serials = page.certificates.iter().map(|record| record.id.serial);
        serials.collect::<Vec<_>>()
    };
    let cas = fixture.authority.cas();
    for (ca, ca_name) in cas.iter().zip([deployment.root_ca(), deployment.issuing_ca()]) {
        let serial = ca.certificate().serial();
        let record = fixture
            .aws
            .ledger
            .certificates()
            .get(None, serial)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found(&record.common_name).await, [serial]);
        // Where its row is; no certificate has that common name, unless it is the CA's own.
        let expected = if record.common_name == ca_name.as_str() {
            vec![serial]
        } else {
            vec![]
        };
        assert_eq!(found(ca_name.as_str()).await, expected);
    }
}

/// Publishes the issuing CA's CRL: what it lists, and what could not be read.
pub(crate) async fn crl(fixture: &Fixture, deployment: &Deployment) -> (Vec<Serial>, Vec<String>) {
    let scope = scope(deployment);
    let published = fixture.authority.publish_crl(&scope).await.unwrap();
    let file = fixture.ports.publication.read(&Config::crl_name(&scope)).await.unwrap();
    let list = RevocationList::parse(&file.unwrap().1).unwrap();
    let serials = list.entries().map(|entry| entry.unwrap().serial).collect();
    (serials, published.damaged)
}

pub(crate) async fn issue(fixture: &Fixture, name: &str) -> Serial {
    let mut request = request(name);
    request.notify_expiry = Some(true);
    let issued = fixture
        .authority
        .issue_tls_cert(&request, &principal(), None)
        .await
        .unwrap();
    issued.record.id.serial
}

/// What the CRL that follows says of damage.
pub(crate) async fn revoke(fixture: &Fixture, serial: Serial) -> Vec<String> {
    let reason = RevocationReason::Superseded;
    let revoked = fixture
        .authority
        .revoke(serial, reason, None, &principal())
        .await
        .unwrap();
    revoked.crl.unwrap().unwrap().damaged
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crl_run_reads_what_is_revoked_however_many_were_issued() {
    const REVOKED: u64 = 10;
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let model = issue(&fixture, "model.example.com").await;
    for number in 0..REVOKED {
        revoke(&fixture, issue(&fixture, &format!("host{number}.example.com")).await).await;
    }
    let mut costs = Vec::new();
    for more in [0_u32, 2_000] {
        // As many as that, in every list and table that an issuance writes to.
        for table in [deployment.table(), deployment.journal_table()] {
            let items = sandbox.items(table).await;
            let padded = data_encoding::HEXLOWER.encode(model.as_padded());
            let models = items.into_iter().filter(|item| {
                item.values().any(|value| {
                    value
                        .as_s()
                        .is_ok_and(|text| text.contains(&model.to_string()) || text.contains(&padded))
                })
            });
            let models: Vec<HashMap<String, AttributeValue>> = models.map(|item| item.into_iter().collect()).collect();
            assert!(!models.is_empty());
            let copies = (0..more).flat_map(|number| {
                let serial = Serial::from_octets(&(number + 1_000_000).to_be_bytes()).unwrap();
                let digits = data_encoding::HEXLOWER.encode(serial.as_padded());
                let (old, new) = ((model.to_string(), padded.clone()), (serial.to_string(), digits));
                models.clone().into_iter().map(move |item| renamed(item, &old, &new))
            });
            write(&sandbox, table, copies.collect()).await;
        }
        let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
        sandbox.take_calls();
        let (listed, damaged) = crl(&fixture, &deployment).await;
        assert_eq!((listed.len() as u64, damaged.len()), (REVOKED, 0));
        let (mut calls, items) = sandbox.take_calls_and_items();
        calls.sort_unstable();
        assert!(
            items < 2 * REVOKED + 25,
            "{items} items for {REVOKED} revoked: {calls:?}"
        );
        costs.push((calls, items));
    }
    assert!(sandbox.count(deployment.table()).await > 2_000);
    assert_eq!(costs[0], costs[1], "what was issued costs a CRL nothing");
}

/// A copy of an item under another serial.
fn renamed(
    item: HashMap<String, AttributeValue>,
    old: &(String, String),
    new: &(String, String),
) -> HashMap<String, AttributeValue> {
    let renamed = |value: AttributeValue| match value {
        AttributeValue::S(text) => AttributeValue::S(text.replace(&old.0, &new.0).replace(&old.1, &new.1)),
        other => other,
    };
    item.into_iter().map(|(name, value)| (name, renamed(value))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_items_with_malformed_dates_stop_nothing() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let serials = [
        issue(&fixture, "revoked.example.com").await,
        issue(&fixture, "damaged.example.com").await,
        issue(&fixture, "by-hand.example.com").await,
    ];
    revoke(&fixture, serials[0]).await;
    revoke(&fixture, serials[1]).await;
    let change = async |table: &str, key: [(&str, String); 2], name: &str, value: &str| {
        let [hash, range] = key;
        let update = sandbox.dynamodb().update_item().table_name(table);
        let update = update.key(hash.0, text(hash.1)).key(range.0, text(range.1));
        let update = update
            .update_expression("SET #n = :v")
            .expression_attribute_names("#n", name);
        update
            .expression_attribute_values(":v", text(value))
            .send()
            .await
            .unwrap();
    };
    let row = |name: &str, serial: Serial| [("CommonName", name.to_owned()), ("SerialNumber", serial.to_string())];
    for (name, value) in [
        ("Issued", "gestern"),
        ("Expires", "31.12.2026"),
        ("ExpiryReminders", "soon"),
    ] {
        change(deployment.table(), row("by-hand.example.com", serials[2]), name, value).await;
    }
    change(
        deployment.table(),
        row("damaged.example.com", serials[1]),
        "Revoked",
        "last Tuesday",
    )
    .await;
    let listed = [
        ("Key", format!("revoked#{}#full", deployment.issuing_ca())),
        ("Sort", data_encoding::HEXLOWER.encode(serials[1].as_padded())),
    ];
    change(deployment.journal_table(), listed, "RevokedAt", "last Tuesday").await;

    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let (listed, damaged) = crl(&fixture, &deployment).await;
    let mut wanted = serials[..2].to_vec();
    wanted.sort_unstable();
    assert_eq!(
        listed, wanted,
        "a revocation is a revocation, whatever became of its time"
    );
    assert!(damaged.len() == 1 && damaged[0].contains("RevokedAt"), "{damaged:?}");
    let found = fixture.authority.search(&Search::default(), None, 100).await.unwrap();
    assert_eq!(found.certificates.len(), 5, "two CAs and three leaves");
    let ledger = &fixture.ports.ledger;
    let due = ledger
        .reminders()
        .expiring(NOW, NOW.plus_days(31), None, 10)
        .await
        .unwrap()
        .certificates;
    assert_eq!(due.len(), 3, "ends are the certificates' own");
    revoke(&fixture, serials[2]).await;
    issue(&fixture, "by-hand.example.com").await;
    let mut wanted = serials.to_vec();
    wanted.sort_unstable();
    assert_eq!(crl(&fixture, &deployment).await.0, wanted);
}

/// Writes one attribute of an item, as somebody with a hand on the table can.
pub(crate) async fn write_over(
    sandbox: &Sandbox,
    table: &str,
    key: [(&str, String); 2],
    name: &str,
    value: AttributeValue,
) {
    let [hash, range] = key;
    let update = sandbox.dynamodb().update_item().table_name(table);
    let update = update.key(hash.0, text(hash.1)).key(range.0, text(range.1));
    let update = update
        .update_expression("SET #n = :v")
        .expression_attribute_names("#n", name);
    update.expression_attribute_values(":v", value).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_wrote_over_un_revokes_nothing() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let mut serials = Vec::new();
    for name in ["gone", "ended", "by-hand", "garbage"] {
        serials.push(issue(&fixture, &format!("{name}.example.com")).await);
    }
    let [gone, ended, by_hand, garbage] = serials[..] else {
        unreachable!()
    };
    let listed = |serial: Serial| {
        [
            ("Key", format!("revoked#{}#full", deployment.issuing_ca())),
            ("Sort", data_encoding::HEXLOWER.encode(serial.as_padded())),
        ]
    };
    let row = |name: &str, serial: Serial| {
        [
            ("CommonName", format!("{name}.example.com")),
            ("SerialNumber", serial.to_string()),
        ]
    };
    revoke(&fixture, gone).await;
    revoke(&fixture, ended).await;
    let (_, damaged) = crl(&fixture, &deployment).await;
    assert_eq!(damaged, [""; 0]);
    let number = fixture
        .aws
        .ledger
        .crl_number(deployment.issuing_ca())
        .await
        .unwrap()
        .unwrap();

    let [hash, range] = listed(gone);
    let delete = sandbox.dynamodb().delete_item().table_name(deployment.journal_table());
    delete
        .key(hash.0, text(hash.1))
        .key(range.0, text(range.1))
        .send()
        .await
        .unwrap();
    let zero = AttributeValue::N("0".to_owned());
    write_over(&sandbox, deployment.journal_table(), listed(ended), "NotAfter", zero).await;
    let reason = AttributeValue::N("77".to_owned());
    write_over(&sandbox, deployment.journal_table(), listed(ended), "Reason", reason).await;
    let by_row = text("2026-11-01 00:00:00".to_owned());
    write_over(&sandbox, deployment.table(), row("by-hand", by_hand), "Revoked", by_row).await;
    let octets = AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(*b"garbage"));
    write_over(
        &sandbox,
        deployment.table(),
        row("garbage", garbage),
        "Certificate",
        octets,
    )
    .await;
    let ca = fixture.authority.issuing_ca().unwrap();
    let counter = [
        ("CommonName", deployment.issuing_ca().to_string()),
        ("SerialNumber", ca.certificate().serial().to_string()),
    ];
    write_over(
        &sandbox,
        deployment.table(),
        counter,
        "CRLNumber",
        text("many".to_owned()),
    )
    .await;

    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    // Told by the first CRL, which puts back what was lost.
    let damaged = revoke(&fixture, by_hand).await;
    assert_eq!(damaged.len(), 2, "{damaged:?}");
    assert_eq!(revoke(&fixture, garbage).await, [""; 0]);
    let (now, damaged) = crl(&fixture, &deployment).await;
    let mut wanted = serials.clone();
    wanted.sort_unstable();
    assert_eq!((now, damaged), (wanted, vec![]));
    assert!(fixture.aws.ledger.crl_number(deployment.issuing_ca()).await.unwrap() > Some(number));
}

#[tokio::test(flavor = "multi_thread")]
async fn open_intents_that_cannot_be_read_are_counted_and_hide_no_others() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let garbled = |number: u32| {
        HashMap::from([
            ("Key".to_owned(), text(format!("intent#{number}"))),
            ("Sort".to_owned(), text("-")),
            ("Open".to_owned(), text("intent")),
            ("Since".to_owned(), AttributeValue::N("1795464000".to_owned())),
            ("Stage".to_owned(), text("open")),
            ("Tbs".to_owned(), text("not even octets")),
        ])
    };
    write(&sandbox, deployment.journal_table(), (1..=3).map(garbled).collect()).await;
    let swept = fixture.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(swept.unreadable.len(), 3, "{swept:?}");
    assert!(
        swept.unreadable.iter().all(|what| what.contains("intent#")),
        "{swept:?}"
    );
    assert_eq!(fixture.authority.unreadable_intents(), 3);
    assert_eq!((swept.lost.len(), swept.failed.len()), (0, 0));
    assert_eq!(
        fixture.authority.find_unreadable_intents().await.unwrap(),
        swept.unreadable
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rejections_stand_in_several_partitions_and_are_forgotten_some_time() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (ledger, deployment) = sandbox.ledger().await;
    let rejection = |number: i64| Rejection {
        at: NOW.plus_seconds(number * 1_000),
        principal: "token:tests".to_owned(),
        common_name: None,
        code: "weak_key".to_owned(),
        reason: format!("rejection {number}"),
    };
    // Four days.
    let all: Vec<Rejection> = (0..200).map(rejection).collect();
    for rejection in &all {
        ledger.rejections().record(rejection.clone()).await.unwrap();
    }
    for limit in [1, 30, 120, 500] {
        let newest: Vec<Rejection> = all.iter().rev().take(limit).cloned().collect();
        assert_eq!(ledger.rejections().latest(limit).await.unwrap(), newest, "{limit}");
    }
    assert_eq!(ledger.monitoring().counts().await.unwrap().rejected, 200);
    let items = sandbox.items(deployment.journal_table()).await;
    let forgotten = |item: &std::collections::BTreeMap<String, AttributeValue>| -> i64 {
        item["ForgetAfter"].as_n().unwrap().parse().unwrap()
    };
    let end = |days: i64| NOW.plus_seconds(199_000).plus_days(days).0;
    assert!(
        items
            .iter()
            .all(|item| (NOW.plus_days(90).0..=end(91)).contains(&forgotten(item)))
    );
    let mut partitions: Vec<&str> = items.iter().map(|item| item["Key"].as_s().unwrap().as_str()).collect();
    partitions.sort_unstable();
    partitions.dedup();
    // Four days, each in four parts at most, and the list of days.
    assert!((10..=17).contains(&partitions.len()), "{partitions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_in_one_account_and_one_bucket_do_not_meet() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (one, first) = Fixture::new(&sandbox, &patient()).await;
    let second = sandbox.deployment().await;
    let other = Fixture::open(&sandbox, &second, one.bucket(), &patient()).await;
    other.authority.initialise(&|_: &str| ()).await.unwrap();

    // The same key, name and token: each is a request of its own.
    let request = Requester::new().request("host.example.com");
    let mut serials = Vec::new();
    for fixture in [&one, &other] {
        let issued = fixture
            .authority
            .issue_tls_cert(&request, &principal(), Some(token("a token")))
            .await
            .unwrap();
        assert!(!issued.replayed);
        serials.push(issued.record.id.serial);
    }
    assert_ne!(serials[0], serials[1]);
    assert!(one.authority.certificate(serials[1]).await.unwrap().is_none());
    let reason = RevocationReason::Superseded;
    let outcome = one.authority.revoke(serials[1], reason, None, &principal()).await;
    assert!(matches!(outcome, Err(RevokeError::NotFound(_))), "{outcome:?}");
    revoke(&other, serials[1]).await;
    assert_eq!(crl(&one, &first).await.0, []);
    assert_eq!(crl(&other, &second).await.0, [serials[1]]);
    let keys = [&one, &other].map(|fixture| {
        fixture
            .authority
            .issuing_ca()
            .unwrap()
            .certificate()
            .spki_der()
            .to_vec()
    });
    assert_ne!(keys[0], keys[1]);
}
