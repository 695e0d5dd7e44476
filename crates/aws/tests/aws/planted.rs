//! What somebody whose role may write an item put into it keeps no certificate from being revoked.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::Ledger as _;
use chancery_authority::revoke::RevokeError;
use chancery_aws::{CallBudget, Deployment};
use chancery_contract::IssueTlsCert as _;
use chancery_contract::listed::{ListedRevocation, decide_listed};
use chancery_testing::{Requester, principal};
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use serde_json::json;

use crate::fixture::Fixture;
use crate::pages::{text, write};
use crate::rows::{crl, issue, write_over};
use crate::sandbox::{Sandbox, patient};
use crate::written_over::{Key, delete, entry, intent, item, number, padded, row};

fn line(root: Serial, sort: &str) -> Key {
    [("Key", format!("line#{root}")), ("Sort", sort.to_owned())]
}

/// Leaves no room in an item.
async fn fill(sandbox: &Sandbox, table: &str, key: Key) {
    let mut attributes = 0;
    for size in [100_000, 10_000, 1_000, 100, 10, 1] {
        loop {
            attributes += 1;
            let [hash, range] = key.clone();
            let update = sandbox.dynamodb().update_item().table_name(table);
            let update = update.key(hash.0, text(hash.1)).key(range.0, text(range.1));
            let update = update.update_expression("SET #n = :v");
            let update = update.expression_attribute_names("#n", format!("J{attributes}"));
            let update = update.expression_attribute_values(":v", text("x".repeat(size)));
            if update.send().await.is_err() {
                break;
            }
        }
    }
}

/// Says of a certificate that it renewed another one.
async fn renews(sandbox: &Sandbox, deployment: &Deployment, serial: Serial, predecessor: Serial) {
    let said = [
        ("Predecessor", text(predecessor.to_string())),
        ("PredecessorIssuer", text(deployment.issuing_ca().as_str())),
        ("Line", text(predecessor.to_string())),
        ("Renewals", number(1)),
    ];
    // All at once: one of them alone cannot be read.
    let mut item = item(sandbox, deployment.journal_table(), intent(serial)).await.unwrap();
    item.extend(said.map(|(name, value)| (name.to_owned(), value)));
    write(sandbox, deployment.journal_table(), vec![item]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_said_of_a_renewal_keeps_a_certificate_from_being_revoked() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let journal = deployment.journal_table();
    let other = issue(&fixture, "other.example.com").await;
    let mut serials = Vec::new();
    for name in ["nowhere", "renewed", "version", "long", "row"] {
        let common_name = format!("{name}.example.com");
        let first = issue(&fixture, &common_name).await;
        let csr = Requester::new().csr(&common_name);
        let renewed = fixture
            .authority
            .renew(first, Some(&csr), &principal(), None)
            .await
            .unwrap();
        serials.push((name, first, renewed.record.id.serial));
    }
    let [nowhere, renewed, version, long, row_of] = serials[..] else {
        panic!()
    };
    // One that says it renewed what it did not; and one whose line somebody took away.
    renews(&sandbox, &deployment, nowhere.1, other).await;
    delete(&sandbox, journal, line(renewed.1, "-")).await;
    delete(&sandbox, journal, line(renewed.1, &padded(renewed.2))).await;
    // Lines that nobody can count in, or write to; and a row that nobody can write to.
    write_over(&sandbox, journal, line(version.1, "-"), "Version", text("x")).await;
    fill(&sandbox, journal, line(long.1, "-")).await;
    fill(&sandbox, journal, line(long.1, &padded(long.2))).await;
    let own = row("row.example.com", row_of.2);
    fill(&sandbox, deployment.table(), own).await;

    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let victims = [nowhere.1, renewed.2, version.2, long.2, row_of.2];
    for (index, serial) in victims.into_iter().enumerate() {
        let name = format!("{}.example.com", serials[index].0);
        let ledger = fixture.ports.ledger.as_ref();
        let (decided, damaged) = decide_listed(
            ledger.revocations(),
            std::slice::from_ref(deployment.issuing_ca()),
            &entry(&name, serial),
        )
        .await
        .unwrap();
        assert!(matches!(decided, ListedRevocation::Due(_)), "{name}: {decided:?}");
        assert_eq!(
            damaged.is_some(),
            index < 2,
            "a renewal that no line has is told: {name}: {damaged:?}"
        );
        for is_again in [false, true] {
            let reason = RevocationReason::Superseded;
            let revoked = fixture.authority.revoke(serial, reason, None, &principal()).await;
            // What nobody can read of a line is told once the certificate is revoked.
            match revoked {
                Ok(revoked) => assert_eq!(revoked.already, is_again, "{name}"),
                Err(RevokeError::Ledger(LedgerError::Damaged { .. })) => assert_eq!(index, 2, "{name}"),
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
    let mut wanted = victims.to_vec();
    wanted.sort_unstable();
    assert_eq!(crl(&fixture, &deployment).await.0, wanted);
    // What a line lost of a revoked one is there again, and nothing descends from it any more.
    let mark = item(&sandbox, journal, line(renewed.1, &padded(renewed.2)))
        .await
        .unwrap();
    assert_eq!(mark["Predecessor"], text(renewed.1.to_string()));
    assert_eq!(mark["Revoked"], AttributeValue::Bool(true));
    let marked = item(&sandbox, journal, line(version.1, &padded(version.2)))
        .await
        .unwrap();
    assert_eq!(marked["Revoked"], AttributeValue::Bool(true), "all but the version");
}

/// Of a key with more certificates than are looked at together, those are revoked that were come to, whatever ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_key_s_others_are_revoked_portion_by_portion() {
    let Some(sandbox) = Sandbox::start() else { return };
    let mut calls = 0;
    for is_cut in [false, true] {
        let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
        let journal = deployment.journal_table();
        let mut request = Requester::new().request("same.example.com");
        request.force_issue = true;
        let (mut serials, mut key) = (Vec::new(), String::new());
        for _ in 0..3 {
            let record = fixture
                .authority
                .issue_tls_cert(&request, &principal(), None)
                .await
                .unwrap()
                .record;
            serials.push(record.id.serial);
            key = record.key.to_string();
        }
        // So many others, which nothing is known of, come after them.
        let planted = (0..150_u8).map(|number| {
            let mut octets = [0x7f; 20];
            octets[19] = number;
            HashMap::from([
                ("Key".to_owned(), text(format!("key#{key}"))),
                ("Sort".to_owned(), text(padded(Serial::from_octets(&octets).unwrap()))),
            ])
        });
        write(&sandbox, journal, planted.collect()).await;
        // One of their lines has what nobody can read.
        write_over(&sandbox, journal, line(serials[1], "x"), "Junk", text("x")).await;
        let budget = CallBudget::new(Duration::from_secs(if is_cut { 3 } else { 60 }));
        let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &budget).await;
        let ledger = &fixture.aws.ledger;
        ledger.issuers().list().await.unwrap();
        sandbox.take_calls();
        if is_cut {
            // From the second portion on: it takes three such calls.
            sandbox.post_fault(&json!({
                "service": "dynamodb", "operation": "BatchGetItem", "kind": "failed", "times": 10_000, "skip": calls - 3,
            }));
        }
        let compromise = async || {
            let revocation = chancery_authority::port::ledger::Revocation {
                at: crate::fixture::NOW,
                reason: RevocationReason::KeyCompromise,
                invalidity_date: None,
                principal: String::new(),
            };
            let reach = chancery_authority::port::ledger::Reach::Key;
            let issuer = deployment.issuing_ca();
            ledger.revocations().revoke(issuer, serials[0], revocation, reach).await
        };
        let error = compromise().await.unwrap_err();
        if is_cut {
            assert!(matches!(error, LedgerError::Unavailable { .. }), "{error}");
            assert!(sandbox.clear_faults() > 0);
        } else {
            assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
            let made = sandbox.take_calls();
            calls = made.iter().filter(|call| *call == "dynamodb BatchGetItem").count();
        }
        serials.sort_unstable();
        let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
        assert_eq!(crl(&fixture, &deployment).await.0, serials, "cut: {is_cut}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rows_of_its_serial_number_hide_a_certificate_that_the_journal_does_not_know() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let mut serials = Vec::new();
    for name in ["hidden", "copied", "unknown"] {
        let serial = issue(&fixture, &format!("{name}.example.com")).await;
        delete(&sandbox, deployment.journal_table(), intent(serial)).await;
        serials.push(serial);
    }
    let [hidden, copied, unknown] = serials[..] else {
        panic!()
    };
    let rows = |serial: Serial, rows: u32, attribute: &'static str, value: AttributeValue| {
        (0..rows).map(move |number| {
            HashMap::from([
                ("CommonName".to_owned(), text(format!("a{number}"))),
                ("SerialNumber".to_owned(), text(serial.to_string())),
                (attribute.to_owned(), value.clone()),
            ])
        })
    };
    let none = AttributeValue::L(Vec::new());
    let garbage = AttributeValue::B(Blob::new(*b"garbage"));
    let planted = rows(hidden, 400, "ExpiryReminders", none);
    let planted = planted.chain(rows(copied, 150, "Certificate", garbage.clone()));
    let planted = planted.chain(rows(unknown, 150, "Certificate", garbage));
    write(&sandbox, deployment.table(), planted.collect()).await;
    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let revoke = async |serial| {
        let reason = RevocationReason::Superseded;
        fixture.authority.revoke(serial, reason, None, &principal()).await
    };
    assert!(!revoke(hidden).await.unwrap().already, "found among all of them");
    // By its name, where it is not to be found among them; and without it, nobody says that there is none.
    let listed = entry("copied.example.com", copied);
    let ledger = fixture.ports.ledger.as_ref();
    let (decided, _) = decide_listed(
        ledger.revocations(),
        std::slice::from_ref(deployment.issuing_ca()),
        &listed,
    )
    .await
    .unwrap();
    let ListedRevocation::Due(record) = decided else {
        panic!("{decided:?}")
    };
    let reason = RevocationReason::Superseded;
    let revoked = fixture
        .authority
        .revoke_record(*record, reason, None, &principal())
        .await;
    assert!(!revoked.unwrap().already);
    let error = revoke(unknown).await.unwrap_err();
    assert!(
        matches!(&error, RevokeError::Ledger(LedgerError::Damaged { detail }) if detail.contains("planted")),
        "{error}"
    );
    let listed = entry("other.example.com", unknown);
    decide_listed(
        ledger.revocations(),
        std::slice::from_ref(deployment.issuing_ca()),
        &listed,
    )
    .await
    .unwrap_err();
    let mut wanted = vec![hidden, copied];
    wanted.sort_unstable();
    assert_eq!(crl(&fixture, &deployment).await.0, wanted);
}

/// Whoever completes what another one began may say that it was revoked in the list alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_by_hand_is_listed_when_it_is_completed() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let (journal, name) = (deployment.journal_table(), "open.example.com");
    let serial = issue(&fixture, name).await;
    let certificate = fixture
        .authority
        .certificate(serial)
        .await
        .unwrap()
        .unwrap()
        .certificate;
    let certificate = chancery_x509::certificate::Certificate::parse(&certificate).unwrap();
    for (attribute, value) in [
        ("Stage", text("open")),
        ("Open", text("intent")),
        ("Since", number(crate::fixture::NOW.0)),
        ("Tbs", AttributeValue::B(Blob::new(certificate.tbs_der()))),
    ] {
        write_over(&sandbox, journal, intent(serial), attribute, value).await;
    }
    let own = || row(name, serial);
    write_over(
        &sandbox,
        deployment.table(),
        own(),
        "Revoked",
        text("2026-11-23 10:00:00"),
    )
    .await;
    let before = item(&sandbox, deployment.table(), own()).await;
    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let swept = fixture.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(swept.completed.len(), 1, "{swept:?}");
    assert_eq!(item(&sandbox, deployment.table(), own()).await, before);
    assert_eq!(crl(&fixture, &deployment).await.0, [serial]);
}
