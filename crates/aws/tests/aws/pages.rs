//! More than a page: DynamoDB answers 1 MB at a time.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use chancery_authority::CaName;
use chancery_authority::port::ledger::{CrlPlan, CrlScope, Ledger, Search};
use chancery_aws::ledger::AdoptionMode;
use chancery_testing::suite;
use chancery_x509::serial::Serial;
use futures_util::future::join_all;

use crate::sandbox::Sandbox;

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// Items written past the ledger, as many as it takes to fill pages.
pub(crate) async fn write(sandbox: &Sandbox, table: &str, items: Vec<HashMap<String, AttributeValue>>) {
    let client = sandbox.dynamodb();
    let batches = items.chunks(25).map(|chunk| {
        let requests = chunk.iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        client
            .batch_write_item()
            .request_items(table, requests.collect())
            .send()
    });
    for batch in join_all(batches).await {
        assert!(batch.unwrap().unprocessed_items().is_none_or(HashMap::is_empty));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crl_of_several_pages_lists_everything() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (ledger, deployment) = sandbox.ledger().await;
    ledger.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
    let serials: BTreeSet<Serial> = (1..=12_000_u32)
        .map(|number| Serial::from_octets(&number.to_be_bytes()).unwrap())
        .collect();
    let items = serials.iter().map(|serial| {
        let digits = data_encoding::HEXLOWER.encode(serial.as_padded());
        HashMap::from([
            ("Key".to_owned(), text("revoked#a-ca#full")),
            ("Sort".to_owned(), text(digits)),
            ("RevokedAt".to_owned(), AttributeValue::N("1795464000".to_owned())),
            ("NotAfter".to_owned(), AttributeValue::N("1895464000".to_owned())),
            ("Attempt".to_owned(), text("0123456789abcdef0123456789abcdef")),
        ])
    });
    write(&sandbox, deployment.journal_table(), items.collect()).await;
    sandbox.take_calls();
    let scope = CrlScope {
        issuer: CaName::new("a-ca").unwrap(),
        shard: None,
    };
    let now = chancery_x509::time::UnixTime(1_795_464_000);
    let mut reserved = {
        let plan = CrlPlan {
            at: now,
            expired_before: Some(now),
            above: 0,
            at_most: u64::MAX,
        };
        ledger.crls().reserve(&scope, plan).await.unwrap()
    };
    let pages = sandbox
        .take_calls()
        .iter()
        .filter(|call| *call == "dynamodb Query")
        .count();
    assert!(pages >= 3, "the CAs, and two pages at least: {pages}");
    let mut listed = BTreeSet::new();
    reserved
        .revocations
        .for_each(&mut |entry| {
            listed.insert(entry.serial);
            Ok(())
        })
        .unwrap();
    assert!(listed == serials, "{} of {}", listed.len(), serials.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_searches_and_adoption_go_on_after_the_first_page() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (ledger, deployment) = sandbox.ledger().await;
    // Rows that nobody can read, before and after those that are looked for: three pages of them.
    let filler = (0..40_u32).map(|number| {
        HashMap::from([
            ("CommonName".to_owned(), text("host7.example.com")),
            (
                "SerialNumber".to_owned(),
                text(format!("{}{number}", if number % 2 == 0 { "0 " } else { "z " })),
            ),
            (
                "Certificate".to_owned(),
                AttributeValue::B(Blob::new(vec![b'x'; 70_000])),
            ),
        ])
    });
    write(&sandbox, deployment.table(), filler.collect()).await;
    let intent = suite::intent(7);
    ledger.intents().reserve(intent.clone()).await.unwrap();
    let completion = chancery_authority::port::ledger::Completion {
        id: intent.id.clone(),
        certificate: vec![1],
        attempt: None,
        receipt: chancery_authority::port::Receipt("receipt".to_owned()),
        at: intent.at,
    };
    let record = ledger.intents().complete(completion).await.unwrap();
    for adopted in [false, true] {
        if adopted {
            let stopped = ledger
                .adopt(AdoptionMode::Resume, Some(Instant::now()), &|_| {})
                .await
                .unwrap();
            assert!(!stopped.complete);
            let adoption = ledger.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
            assert_eq!((adoption.rows, adoption.known, adoption.complete), (41, 1, true));
            assert_eq!(adoption.malformed.len(), 40);
        }
        for name in [Some("host7.example.com".to_owned()), Some("host*".to_owned()), None] {
            let query = Search {
                common_name: name,
                ..Search::default()
            };
            let found = ledger.certificates().search(&query, None, 10).await.unwrap();
            assert_eq!(
                found.certificates,
                std::slice::from_ref(&record),
                "{query:?}, adopted: {adopted}"
            );
        }
    }
}

/// Rows of one name that nobody can read.
async fn fill(sandbox: &Sandbox, table: &str, name: &str, rows: u32) {
    let filler = (0..rows).map(|number| {
        HashMap::from([
            ("CommonName".to_owned(), text(name)),
            ("SerialNumber".to_owned(), text(format!("x{number}"))),
        ])
    });
    write(sandbox, table, filler.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_very_many_rows_costs_no_more_than_they_are() {
    const ROWS: u32 = 2_500;
    let Some(sandbox) = Sandbox::start() else { return };
    let (ledger, deployment) = sandbox.ledger().await;
    ledger.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
    let intent = suite::intent(7);
    let name = intent.common_name.clone();
    ledger.intents().reserve(intent.clone()).await.unwrap();
    let completion = chancery_authority::port::ledger::Completion {
        id: intent.id.clone(),
        certificate: vec![1],
        attempt: None,
        receipt: chancery_authority::port::Receipt("receipt".to_owned()),
        at: intent.at,
    };
    let record = ledger.intents().complete(completion).await.unwrap();
    fill(&sandbox, deployment.table(), &name, ROWS).await;
    let query = Search {
        common_name: Some(name.clone()),
        ..Search::default()
    };
    let page = ledger.certificates().search(&query, None, 10).await.unwrap();
    assert_eq!(
        (page.certificates.as_slice(), page.next),
        (std::slice::from_ref(&record), None)
    );
    sandbox.take_calls();
    let mut found = Vec::new();
    chancery_authority::port::ledger::for_each_named(&ledger, &name, &mut |record| found.push(record))
        .await
        .unwrap();
    assert_eq!(found, [record]);
    let (_, read) = sandbox.take_calls_and_items();
    assert!(read < u64::from(ROWS) + 100, "{read} items were read for {ROWS} rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_over_too_many_rows_that_no_list_has_is_refused_with_what_to_do() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (ledger, deployment) = sandbox.ledger().await;
    let name = "host7.example.com";
    fill(&sandbox, deployment.table(), name, 10_050).await;
    for common_name in [Some(name.to_owned()), None] {
        let query = Search {
            common_name,
            ..Search::default()
        };
        let refused = ledger.certificates().search(&query, None, 10).await.unwrap_err();
        assert!(refused.to_string().contains("chancery adopt"), "{refused}");
    }
}
