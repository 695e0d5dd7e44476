//! `root_ca_crl` and `issuing_ca_crl`.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CrlScope, CrlUse, Kind, Search};
use chancery_authority::port::{Ledger, Precondition, Publication, PublishedName};
use chancery_deployment::failure::FailureKind;
use chancery_lambda::function::Function::{IssuingCaCrl, RootCaCrl, Sweep};
use chancery_lambda::state::Invocation;
use chancery_testing::memory::Fault;
use chancery_x509::crl::{RevocationList, RevocationReason};
use chancery_x509::time::UnixTime;
use serde_json::{Value, json};
use support::{Deployment, ED25519, ISSUING, P256, P384, ROOT, event, invocation, serial};

async fn published(deployment: &Deployment, ca_name: &str) -> (u64, Vec<(String, RevocationReason)>) {
    let name = PublishedName::new(format!("{ca_name}.crl")).unwrap();
    let (_, der) = deployment.memory.publication.read(&name).await.unwrap().unwrap();
    let crl = RevocationList::parse(&der).unwrap();
    let entries = crl.entries().map(|entry| entry.unwrap());
    let entries = entries.map(|entry| (entry.serial.to_string(), entry.reason)).collect();
    (crl.number().unwrap(), entries)
}

#[tokio::test]
async fn what_is_listed_is_revoked_told_and_published() {
    let deployment = Deployment::with_cas(&[]).await;
    let a = serial(&deployment.ask(&event("a", P256), "1").await.unwrap());
    let b = serial(&deployment.ask(&event("b", P384), "2").await.unwrap());
    assert_eq!(deployment.run(IssuingCaCrl).await, Ok(Value::Null));
    assert_eq!(published(&deployment, ISSUING).await, (1, Vec::new()));
    let list = json!([
        {"common_name": "a", "serial_number": a},
        {"common_name": "a", "serial_number": "1"},
        {"common_name": "not its name", "serial_number": b},
        {"serial_number": b},
        {"common_name": "b", "serial_number": "abc"},
        "b",
    ]);
    deployment.files.put("revoked.json", list.to_string());
    let failure = deployment.run(IssuingCaCrl).await.unwrap_err();
    assert_eq!(
        failure.kind,
        FailureKind::Incomplete,
        "three entries are none: {failure}"
    );
    assert!(deployment.measured().iter().any(|line| line["CrlDamaged"] == 3.0));
    assert_eq!(
        published(&deployment, ISSUING).await,
        (2, vec![(a.clone(), RevocationReason::Unspecified)])
    );
    assert_eq!(deployment.reported(), ["Certificate Revoked"]);
    let pem = deployment
        .memory
        .publication
        .content(&format!("{ISSUING}.crl.pem"))
        .unwrap();
    assert!(pem.starts_with(b"-----BEGIN X509 CRL-----"));
    // Once revoked, always revoked; and told of once.
    deployment.files.put(
        "revoked.json",
        json!([{"common_name": "b", "serial_number": b, "reason": "superseded"}]).to_string(),
    );
    deployment.run(IssuingCaCrl).await.unwrap();
    let (number, entries) = published(&deployment, ISSUING).await;
    assert_eq!((number, entries.len()), (3, 2));
    assert!(entries.contains(&(b.clone(), RevocationReason::Superseded)));
    // That a key was stolen may come out later.
    deployment.files.put(
        "revoked.json",
        json!([{"common_name": "b", "serial_number": b, "reason": "keyCompromise"}]).to_string(),
    );
    deployment.run(IssuingCaCrl).await.unwrap();
    assert!(
        published(&deployment, ISSUING)
            .await
            .1
            .contains(&(b, RevocationReason::KeyCompromise))
    );
    let measured = deployment.measured();
    let of_crl: Vec<_> = measured.iter().filter(|line| line.get("CrlSize").is_some()).collect();
    assert_eq!(of_crl.len(), 2, "one for each run since");
    assert!(
        of_crl
            .iter()
            .all(|line| line["CrlAge"] == 0.0 && line["CrlSize"].as_f64() > Some(100.0))
    );
}

#[tokio::test]
async fn the_root_revokes_the_issuing_ca_and_nothing_else() {
    let deployment = Deployment::with_cas(&[]).await;
    let leaf = serial(&deployment.ask(&event("a", P256), "1").await.unwrap());
    let all = deployment
        .memory
        .ledger
        .certificates()
        .search(&Search::default(), None, 10)
        .await
        .unwrap();
    let of = |parent: bool| {
        let is = |kind: &Kind| matches!(kind, Kind::Ca { parent: above, .. } if above.is_some() == parent);
        all.certificates
            .iter()
            .find(|record| is(&record.kind))
            .unwrap()
            .id
            .serial
            .to_string()
    };
    let (root, issuing) = (of(false), of(true));
    let list = json!([
        {"common_name": ROOT, "serial_number": root},
        {"common_name": "a", "serial_number": leaf},
        {"common_name": ISSUING, "serial_number": issuing},
    ]);
    deployment.files.put("revoked-root-ca.json", list.to_string());
    deployment.run(RootCaCrl).await.unwrap();
    assert_eq!(
        published(&deployment, ROOT).await.1,
        [(issuing, RevocationReason::Unspecified)]
    );
    assert_eq!(deployment.reported(), ["Certificate Revoked"]);
    deployment.run(IssuingCaCrl).await.unwrap();
    assert_eq!(published(&deployment, ISSUING).await.1, []);
}

#[tokio::test]
async fn one_entry_that_fails_stops_neither_the_others_nor_the_crl() {
    let deployment = Deployment::with_cas(&[]).await;
    let mut entries = Vec::new();
    for (name, csr) in [("a", P256), ("b", P384), ("c", ED25519)] {
        let serial = serial(&deployment.ask(&event(name, csr), name).await.unwrap());
        entries.push(json!({"common_name": name, "serial_number": serial}));
    }
    deployment.files.put("revoked.json", Value::Array(entries).to_string());
    deployment.memory.faults.at("revocations.revoke", 2, Fault::FailBefore);
    let failure = deployment.run(IssuingCaCrl).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable, "so that it is tried again");
    assert_eq!(published(&deployment, ISSUING).await.1.len(), 2);
    deployment.run(IssuingCaCrl).await.unwrap();
    assert_eq!(published(&deployment, ISSUING).await.1.len(), 3);
    assert_eq!(deployment.reported().len(), 3);
}

#[tokio::test]
async fn a_file_that_is_no_list_stops_no_crl() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.files.put("revoked.json", "{}");
    let failure = deployment.run(IssuingCaCrl).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert!(failure.message.contains("revoked.json"), "{failure}");
    assert_eq!(published(&deployment, ISSUING).await.0, 1);
    *deployment.files.down.lock().unwrap() = true;
    let failure = deployment.run(IssuingCaCrl).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert_eq!(published(&deployment, ISSUING).await.0, 2);
}

#[tokio::test]
async fn a_crl_that_is_not_published_ages() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.run(IssuingCaCrl).await.unwrap();
    deployment.measured();
    deployment.memory.clock.advance(3600);
    deployment.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    let failure = deployment.run(IssuingCaCrl).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    let measured = deployment.measured();
    assert!(measured.iter().any(|line| line["CrlAge"] == 3600.0), "{measured:?}");
    // Lifetimes are those of the environment, to the second.
    let crl = deployment
        .memory
        .publication
        .content(&format!("{ISSUING}.crl"))
        .unwrap();
    let crl = RevocationList::parse(&crl).unwrap();
    // thisUpdate lies back for clocks that are behind, nextUpdate does not.
    assert_eq!(crl.next_update().unwrap().0 - crl.this_update().0, 87_000 + 300);
}

#[tokio::test]
async fn without_a_ca_there_is_nothing_to_publish() {
    let deployment = Deployment::new(&[]).await;
    assert_eq!(deployment.run(RootCaCrl).await, Ok(Value::Null));
    assert_eq!(deployment.run(IssuingCaCrl).await, Ok(Value::Null));
    assert!(deployment.memory.publication.names().is_empty());
}

#[tokio::test]
async fn what_the_ledger_lost_stays_listed_and_the_run_is_not_whole() {
    let deployment = Deployment::with_cas(&[]).await;
    let a = serial(&deployment.ask(&event("a", P256), "1").await.unwrap());
    deployment.files.put(
        "revoked.json",
        json!([{"common_name": "a", "serial_number": a}]).to_string(),
    );
    deployment.run(IssuingCaCrl).await.unwrap();
    deployment.measured();
    let scope = CrlScope {
        issuer: CaName::new(ISSUING).unwrap(),
        shard: None,
    };
    deployment.memory.ledger.unlist(&scope, a.parse().unwrap());
    deployment.files.remove("revoked.json");
    let failure = deployment.run(IssuingCaCrl).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert_eq!(
        published(&deployment, ISSUING).await.1.len(),
        1,
        "it is published all the same"
    );
    assert!(deployment.measured().iter().any(|line| line["CrlDamaged"] == 1.0));
    deployment.run(IssuingCaCrl).await.unwrap();
    assert_eq!(published(&deployment, ISSUING).await.1.len(), 1);
}

#[tokio::test]
async fn what_stands_costs_one_look_for_all_and_publishing_has_its_share_of_the_time() {
    let deployment = Deployment::with_cas(&[]).await;
    let a = serial(&deployment.ask(&event("a", P256), "1").await.unwrap());
    let b = serial(&deployment.ask(&event("b", P384), "2").await.unwrap());
    let mut entries = vec![json!({"common_name": "a", "serial_number": a}); 400];
    deployment
        .files
        .put("revoked.json", Value::Array(entries.clone()).to_string());
    deployment.run(IssuingCaCrl).await.unwrap();
    let before = deployment.memory.faults.calls().len();
    deployment.run(IssuingCaCrl).await.unwrap();
    let calls = deployment.memory.faults.calls()[before..].to_vec();
    assert!(calls.len() < 40, "{calls:?}");
    assert!(!calls.contains(&"revocations.certificate_to_revoke"));

    // No time is left for entries: they wait, and the CRL is published.
    entries.push(json!({"common_name": "b", "serial_number": b}));
    deployment.files.put("revoked.json", Value::Array(entries).to_string());
    let number = published(&deployment, ISSUING).await.0;
    let hurried = Invocation {
        until: Some(std::time::Instant::now()),
        ..invocation("hurried")
    };
    let failure = deployment
        .function(IssuingCaCrl)
        .answer(b"{}", &hurried)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable, "so that it is tried again");
    assert!(failure.message.contains("no time for 401 entries"), "{failure}");
    assert_eq!(published(&deployment, ISSUING).await.0, number + 1);
}

#[tokio::test]
async fn the_age_is_that_of_what_stands_in_the_bucket() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.run(IssuingCaCrl).await.unwrap();
    let name = PublishedName::new(format!("{ISSUING}.crl")).unwrap();
    let (_, old) = deployment.memory.publication.read(&name).await.unwrap().unwrap();
    deployment.memory.clock.advance(7200);
    deployment.run(IssuingCaCrl).await.unwrap();
    let put = async |content: Vec<u8>| {
        let body = Box::new(std::io::Cursor::new(content));
        deployment
            .memory
            .publication
            .put(&name, body, Precondition::None)
            .await
            .unwrap();
    };
    // Somebody puts the old one back: the ledger knows of a newer one, and does not decide.
    put(old).await;
    deployment.measured();
    deployment.run(Sweep).await.unwrap();
    let measured = deployment.measured();
    assert!(measured.iter().any(|line| line["CrlAge"] == 7200.0), "{measured:?}");
    put(b"garbage".to_vec()).await;
    deployment.run(Sweep).await.unwrap_err();
    let failure = deployment.run(IssuingCaCrl).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete, "it is replaced, and told");
    deployment.run(Sweep).await.unwrap();
    deployment.memory.clock.advance(-86_400);
    deployment.measured();
    deployment.run(Sweep).await.unwrap();
    let measured = deployment.measured();
    assert!(
        measured.iter().any(|line| line["CrlAge"] == 86_400_000.0),
        "{measured:?}"
    );
}

#[tokio::test]
async fn a_use_of_a_shard_stops_no_crl_of_a_deployment_that_has_none() {
    let deployment = Deployment::with_cas(&[]).await;
    let a = serial(&deployment.ask(&event("a", P256), "1").await.unwrap());
    let list = json!([{"common_name": "a", "serial_number": a}]);
    deployment.files.put("revoked.json", list.to_string());
    for (ca_name, function) in [(ISSUING, IssuingCaCrl), (ROOT, RootCaCrl)] {
        let planted = CrlUse {
            scope: CrlScope {
                issuer: CaName::new(ca_name).unwrap(),
                shard: Some(1),
            },
            url: None,
            until: UnixTime(i64::MAX),
        };
        deployment.memory.ledger.crls().record_use(planted).await.unwrap();
        let failure = deployment.run(function).await.unwrap_err();
        assert_eq!(
            failure.kind,
            FailureKind::Incomplete,
            "it is published, and the use is told: {failure}"
        );
        let name = PublishedName::new(format!("{ca_name}.crl")).unwrap();
        let (_, der) = deployment.memory.publication.read(&name).await.unwrap().unwrap();
        let crl = RevocationList::parse(&der).unwrap();
        assert_eq!(crl.number(), Some(1), "{ca_name}");
        assert!(
            crl.issuing_distribution_point().is_none(),
            "it is complete, and says nothing of shards"
        );
        let shard = deployment.memory.publication.content(&format!("{ca_name}-1.crl"));
        assert!(shard.is_none(), "and no shard is published");
    }
    assert_eq!(
        published(&deployment, ISSUING).await.1,
        [(a, RevocationReason::Unspecified)]
    );
}

#[tokio::test]
async fn a_topic_that_hangs_keeps_no_crl_from_being_published() {
    let deployment = Deployment::with_cas(&[]).await;
    let mut entries = Vec::new();
    for (name, csr) in [("a", P256), ("b", P384)] {
        let serial = serial(&deployment.ask(&event(name, csr), name).await.unwrap());
        entries.push(json!({"common_name": name, "serial_number": serial}));
    }
    deployment.files.put("revoked.json", Value::Array(entries).to_string());
    let long = std::time::Duration::from_mins(1);
    deployment.memory.faults.at("notices.notify", 1, Fault::Delay(long));
    let begun = std::time::Instant::now();
    let pressed = Invocation {
        until: Some(begun + std::time::Duration::from_secs(4)),
        ..invocation("pressed")
    };
    let failure = deployment
        .function(IssuingCaCrl)
        .answer(b"{}", &pressed)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable, "another try goes on: {failure}");
    assert!(begun.elapsed() < long / 2);
    assert_eq!(
        published(&deployment, ISSUING).await.1.len(),
        2,
        "what was revoked is on it"
    );
    deployment.run(IssuingCaCrl).await.unwrap();
}
