//! What an issuance costs, and many at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::port::ledger::Search;
use chancery_contract::{IssueTlsCert as _, contract_time};
use chancery_testing::{Requester, principal, request, token};
use futures_util::future::join_all;

use crate::fixture::{Fixture, NOW};
use crate::sandbox::{Sandbox, patient};

fn counted(calls: Vec<String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for call in calls {
        *counted.entry(call).or_default() += 1;
    }
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_issuance_makes_one_call_to_kms_and_two_to_dynamodb() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let authority = &fixture.authority;
    authority
        .issue_tls_cert(&request("first"), &principal(), None)
        .await
        .unwrap();
    let wanted = BTreeMap::from([
        ("dynamodb TransactWriteItems".to_owned(), 2),
        ("kms Sign".to_owned(), 1),
    ]);
    for token in [None, Some(token("a token"))] {
        sandbox.take_calls();
        authority
            .issue_tls_cert(&request("second"), &principal(), token)
            .await
            .unwrap();
        assert_eq!(counted(sandbox.take_calls()), wanted);
    }

    // Another process, cold: the CAs, whether there are rows to adopt, the keys of both CAs and the key of intents, once; and
    // which CRL certificates name. That neither CA is revoked is a condition of the transaction that reserves.
    let bucket = sandbox.bucket().await;
    sandbox.take_calls();
    let cold = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    cold.authority
        .issue_tls_cert(&request("third"), &principal(), None)
        .await
        .unwrap();
    let wanted = BTreeMap::from([
        ("dynamodb GetItem".to_owned(), 1),
        ("dynamodb Query".to_owned(), 1),
        ("dynamodb TransactWriteItems".to_owned(), 2),
        ("dynamodb UpdateItem".to_owned(), 1),
        ("kms GenerateMac".to_owned(), 1),
        ("kms GetPublicKey".to_owned(), 2),
        ("kms Sign".to_owned(), 1),
    ]);
    assert_eq!(counted(sandbox.take_calls()), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_the_contract_s_and_nothing_more() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let issued = fixture
        .authority
        .issue_tls_cert(&request("server.example.com"), &principal(), None)
        .await
        .unwrap();
    let rows = sandbox
        .dynamodb()
        .scan()
        .table_name(deployment.table())
        .send()
        .await
        .unwrap();
    assert_eq!(rows.count(), 3, "two CAs and a leaf");

    let serial = issued.record.id.serial.to_string();
    let leaf = rows
        .items()
        .iter()
        .find(|row| row["SerialNumber"].as_s().unwrap() == &serial)
        .unwrap();
    let pem = chancery_x509::pem::encode("CERTIFICATE", &issued.record.certificate);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut wanted = BTreeMap::from([
        ("CommonName", text("server.example.com")),
        ("SerialNumber", text(&serial)),
        ("Issued", text(&contract_time(issued.record.not_before))),
        ("Expires", text(&contract_time(NOW.plus_days(30)))),
        (
            "Certificate",
            AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(STANDARD.encode(pem))),
        ),
        ("NotifyExpiry", AttributeValue::Bool(false)),
    ]);
    let row = |row: &std::collections::HashMap<String, AttributeValue>| -> BTreeMap<String, AttributeValue> {
        row.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let owned = |wanted: &BTreeMap<&str, AttributeValue>| -> BTreeMap<String, AttributeValue> {
        wanted
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    };
    assert_eq!(row(leaf), owned(&wanted));

    let ca = fixture.authority.issuing_ca().unwrap();
    let ca_name = deployment.issuing_ca().as_str();
    let of_ca = rows
        .items()
        .iter()
        .find(|row| row["CommonName"].as_s().unwrap() == ca_name)
        .unwrap();
    assert_eq!(of_ca["SerialNumber"], text(&ca.certificate().serial().to_string()));
    // The first CRL was published with the CA.
    assert_eq!(of_ca["CRLNumber"], AttributeValue::N("1".to_owned()));
    let mut names: Vec<_> = of_ca.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "CRLNumber",
            "Certificate",
            "CommonName",
            "Expires",
            "Issued",
            "SerialNumber"
        ]
    );

    let reason = chancery_x509::crl::RevocationReason::Unspecified;
    fixture
        .authority
        .revoke(issued.record.id.serial, reason, None, &principal())
        .await
        .unwrap();
    let rows = sandbox
        .dynamodb()
        .scan()
        .table_name(deployment.table())
        .send()
        .await
        .unwrap();
    let leaf = rows
        .items()
        .iter()
        .find(|row| row["SerialNumber"].as_s().unwrap() == &serial)
        .unwrap();
    wanted.insert("Revoked", text(&contract_time(NOW)));
    wanted.insert("RevokedBy", text("token:tests"));
    assert_eq!(row(leaf), owned(&wanted));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_with_one_key_one_gets_a_certificate() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let requester = Requester::new();
    // Half of them in another process.
    let other = Fixture::open(&sandbox, &deployment, &sandbox.bucket().await, &patient()).await;
    let tasks = (0..64).map(|number| {
        let authority = [&fixture, &other][number % 2].authority.clone();
        let request = requester.request(&format!("host{}.example.com", number % 3));
        tokio::spawn(async move { authority.issue_tls_cert(&request, &principal(), None).await })
    });
    let mut issued = 0;
    for outcome in join_all(tasks).await {
        match outcome.unwrap() {
            Ok(_) => issued += 1,
            Err(IssueError::Refused(Refusal::KeyInUse)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((issued, leaves(&fixture).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_with_one_token_all_get_one_certificate_or_are_told_to_wait() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let other = Fixture::open(&sandbox, &deployment, &sandbox.bucket().await, &patient()).await;
    let request = Arc::new(request("host.example.com"));
    let mut serials = Vec::new();
    // Those who are told that it is in progress come again.
    while serials.len() < 64 {
        let tasks = (serials.len()..64).map(|number| {
            let (authority, request) = ([&fixture, &other][number % 2].authority.clone(), request.clone());
            tokio::spawn(async move {
                authority
                    .issue_tls_cert(&request, &principal(), Some(token("a token")))
                    .await
            })
        });
        for outcome in join_all(tasks).await {
            match outcome.unwrap() {
                Ok(issued) => serials.push(issued.record.id.serial),
                Err(IssueError::InProgress) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    serials.dedup();
    assert_eq!((serials.len(), leaves(&fixture).await), (1, 1));
}

async fn leaves(fixture: &Fixture) -> usize {
    let all = fixture.authority.search(&Search::default(), None, 100).await.unwrap();
    all.certificates.len() - 2
}
