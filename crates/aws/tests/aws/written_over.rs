//! What somebody with a hand on the tables wrote over, or what a restored one is behind with: neither takes a revocation back,
//! nor keeps a certificate from being revoked, nor has anything signed or answered that is not ours.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::belief::NotBelieved;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::Reach;
use chancery_authority::publish::PublishError;
use chancery_aws::Deployment;
use chancery_contract::listed::{ListedRevocation, decide_listed};
use chancery_contract::{IssueTlsCert as _, RevokedEntry};
use chancery_testing::{Requester, principal, request, token};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;

use crate::fixture::{Fixture, NOW};
use crate::pages::{text, write};
use crate::rows::{crl, issue, revoke, write_over};
use crate::sandbox::{Sandbox, patient};

pub(crate) type Key = [(&'static str, String); 2];

pub(crate) fn padded(serial: Serial) -> String {
    data_encoding::HEXLOWER.encode(serial.as_padded())
}

pub(crate) fn listed(deployment: &Deployment, serial: Serial) -> Key {
    [
        ("Key", format!("revoked#{}#full", deployment.issuing_ca())),
        ("Sort", padded(serial)),
    ]
}

pub(crate) fn intent(serial: Serial) -> Key {
    [("Key", format!("intent#{serial}")), ("Sort", "-".to_owned())]
}

pub(crate) fn row(name: &str, serial: Serial) -> Key {
    [("CommonName", name.to_owned()), ("SerialNumber", serial.to_string())]
}

pub(crate) fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) async fn item(sandbox: &Sandbox, table: &str, key: Key) -> Option<HashMap<String, AttributeValue>> {
    let [hash, range] = key;
    let get = sandbox.dynamodb().get_item().table_name(table);
    let get = get.key(hash.0, text(hash.1)).key(range.0, text(range.1));
    get.send().await.unwrap().item
}

pub(crate) async fn delete(sandbox: &Sandbox, table: &str, key: Key) {
    let [hash, range] = key;
    let delete = sandbox.dynamodb().delete_item().table_name(table);
    let delete = delete.key(hash.0, text(hash.1)).key(range.0, text(range.1));
    delete.send().await.unwrap();
}

pub(crate) fn entry(common_name: &str, serial: Serial) -> RevokedEntry {
    let list = serde_json::json!([{"common_name": common_name, "serial_number": serial.to_string()}]);
    let (mut entries, damaged) = RevokedEntry::parse_list("revoked.json", list.to_string().as_bytes()).unwrap();
    assert!(damaged.is_empty());
    entries.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_end_that_somebody_wrote_takes_a_revocation_back() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let journal = deployment.journal_table();
    let mut serials = Vec::new();
    for name in ["list", "both", "lost", "really"] {
        serials.push(issue(&fixture, &format!("{name}.example.com")).await);
        revoke(&fixture, serials[serials.len() - 1]).await;
    }
    for serial in &serials[..3] {
        write_over(&sandbox, journal, listed(&deployment, *serial), "NotAfter", number(1)).await;
    }
    for serial in &serials[1..3] {
        write_over(&sandbox, journal, intent(*serial), "NotAfter", number(1)).await;
        write_over(&sandbox, journal, intent(*serial), "CommonName", text("x")).await;
    }
    write_over(&sandbox, journal, intent(serials[2]), "Stage", text("lost")).await;
    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let mut wanted = serials.clone();
    wanted.sort_unstable();
    let (now, damaged) = crl(&fixture, &deployment).await;
    assert_eq!(now, wanted);
    assert!(damaged.len() >= 2, "{damaged:?}");
    // Put back, with the ends that their certificates say.
    assert_eq!(crl(&fixture, &deployment).await, (wanted, vec![]));
    let end = fixture
        .authority
        .certificate(serials[0])
        .await
        .unwrap()
        .unwrap()
        .not_after;
    fixture.clock.set(end.plus_days(9));
    assert_eq!(
        crl(&fixture, &deployment).await.0.len(),
        4,
        "on one CRL after their end"
    );
    fixture.clock.set(end.plus_days(20));
    let (left, damaged) = crl(&fixture, &deployment).await;
    assert_eq!(damaged, [""; 0]);
    assert!(!left.contains(&serials[0]) && !left.contains(&serials[3]), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_revoked_by_what_it_says_itself() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let journal = deployment.journal_table();
    let changes = [
        ("lost", Some(("Stage", text("lost")))),
        ("named", Some(("CommonName", text("other.example.com")))),
        ("issued", Some(("Issuer", text(deployment.root_ca().as_str())))),
        ("unreadable", Some(("Stage", text("???")))),
        ("rowless", None),
    ];
    let mut serials = Vec::new();
    for (name, change) in &changes {
        let name = format!("{name}.example.com");
        let serial = issue(&fixture, &name).await;
        match change {
            Some((attribute, value)) => write_over(&sandbox, journal, intent(serial), attribute, value.clone()).await,
            None => delete(&sandbox, deployment.table(), row(&name, serial)).await,
        }
        serials.push((name, serial));
    }
    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    for (name, serial) in &serials {
        let ledger = fixture.ports.ledger.as_ref();
        let decided = decide_listed(
            ledger.revocations(),
            std::slice::from_ref(deployment.issuing_ca()),
            &entry(name, *serial),
        )
        .await;
        let (decided, damaged) = decided.unwrap();
        assert!(damaged.is_some(), "{name}");
        let ListedRevocation::Due(record) = decided else {
            panic!("{name}: {decided:?}")
        };
        let reason = RevocationReason::Superseded;
        let revoked = fixture
            .authority
            .revoke_record(*record, reason, None, &principal())
            .await;
        assert!(!revoked.unwrap().already, "{name}");
    }
    let mut wanted: Vec<_> = serials.iter().map(|(_, serial)| *serial).collect();
    wanted.sort_unstable();
    assert_eq!(crl(&fixture, &deployment).await.0, wanted);
    // Once is enough, also for the one whose row does not say so.
    for (_, serial) in &serials {
        let again = fixture
            .authority
            .revoke(*serial, RevocationReason::Superseded, None, &principal())
            .await;
        assert!(again.unwrap().already);
    }
    // What says of itself that it is revoked, and is listed as ended, is listed anew.
    let serial = serials[0].1;
    write_over(&sandbox, journal, listed(&deployment, serial), "NotAfter", number(1)).await;
    revoke(&fixture, serial).await;
    let item = item(&sandbox, journal, listed(&deployment, serial)).await.unwrap();
    assert_ne!(item["NotAfter"], number(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_whose_certificate_there_is_is_completed_with_it() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let (one, other) = (
        issue(&fixture, "one.example.com").await,
        issue(&fixture, "other.example.com").await,
    );
    let before = fixture.authority.certificate(one).await.unwrap().unwrap();
    // The journal of a moment before it was complete; and an intent that somebody opened again with another content.
    let tbs = Certificate::parse(&before.certificate).unwrap().tbs_der().to_vec();
    for (serial, tbs) in [(one, tbs.clone()), (other, tbs)] {
        let journal = deployment.journal_table();
        for (name, value) in [
            ("Stage", text("open")),
            ("Open", text("intent")),
            ("Since", number(NOW.0)),
            ("Tbs", AttributeValue::B(Blob::new(tbs))),
        ] {
            write_over(&sandbox, journal, intent(serial), name, value).await;
        }
    }
    let signatures = sandbox.signatures().len();
    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let swept = fixture.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(
        swept.completed.iter().map(|id| id.serial).collect::<Vec<_>>(),
        [one],
        "{swept:?}"
    );
    assert_eq!((swept.lost.len(), swept.failed.len()), (0, 1), "{swept:?}");
    assert_eq!(sandbox.signatures().len(), signatures, "nothing is signed for either");
    let after = fixture.authority.certificate(one).await.unwrap().unwrap();
    assert_eq!(after.certificate, before.certificate);
    assert_eq!(crl(&fixture, &deployment).await.0, [], "nor is either revoked");
}

/// The same before a sweep comes: its caller asks again.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_to_an_intent_whose_certificate_there_is_gets_that() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let request = Requester::new().request("mine.example.com");
    let ask = async || {
        fixture
            .authority
            .issue_tls_cert(&request, &principal(), Some(token("mine")))
            .await
    };
    let before = ask().await.unwrap().record;
    let tbs = Certificate::parse(&before.certificate).unwrap().tbs_der().to_vec();
    for (name, value) in [
        ("Stage", text("open")),
        ("Open", text("intent")),
        ("Since", number(NOW.0)),
        ("Tbs", AttributeValue::B(Blob::new(tbs))),
    ] {
        write_over(
            &sandbox,
            deployment.journal_table(),
            intent(before.id.serial),
            name,
            value,
        )
        .await;
    }
    let signatures = sandbox.signatures().len();
    let again = ask().await.unwrap().record;
    assert_eq!(again.certificate, before.certificate);
    assert_eq!(
        sandbox.signatures().len(),
        signatures,
        "nothing is signed a second time"
    );
    assert_eq!(crl(&fixture, &deployment).await.0, [], "nor is it revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_somebody_replaced_is_not_answered() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let request = Requester::new().request("mine.example.com");
    let ask = async || {
        fixture
            .authority
            .issue_tls_cert(&request, &principal(), Some(token("mine")))
            .await
    };
    let mine = ask().await.unwrap().record.id.serial;
    assert!(ask().await.unwrap().replayed);
    let theirs = issue(&fixture, "theirs.example.com").await;
    let theirs = item(&sandbox, deployment.table(), row("theirs.example.com", theirs))
        .await
        .unwrap();
    let own = row("mine.example.com", mine);
    write_over(
        &sandbox,
        deployment.table(),
        own,
        "Certificate",
        theirs["Certificate"].clone(),
    )
    .await;
    let error = ask().await.unwrap_err();
    assert!(
        error.detail().is_some_and(|detail| detail.contains("replaced")),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ca_is_made_over_a_row_that_nobody_can_read() {
    let Some(sandbox) = Sandbox::start() else { return };
    for adopted in [false, true] {
        let (deployment, bucket) = (sandbox.deployment().await, sandbox.bucket().await);
        let garbage = HashMap::from([
            ("CommonName".to_owned(), text(deployment.root_ca().as_str())),
            ("SerialNumber".to_owned(), text("77")),
            ("Certificate".to_owned(), AttributeValue::B(Blob::new(*b"garbage"))),
            ("CRLNumber".to_owned(), number(7)),
        ]);
        write(&sandbox, deployment.table(), vec![garbage]).await;
        if adopted {
            let state = HashMap::from([
                ("Key".to_owned(), text("adoption")),
                ("Sort".to_owned(), text("state")),
                ("Complete".to_owned(), AttributeValue::Bool(true)),
            ]);
            write(&sandbox, deployment.journal_table(), vec![state]).await;
        }
        let fixture = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
        let signatures = sandbox.signatures().len();
        let error = fixture.authority.initialise(&|_: &str| ()).await.unwrap_err();
        assert!(error.to_string().contains("no CA is made"), "{error}");
        assert_eq!(sandbox.signatures().len(), signatures);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_has_another_ca_s_key_and_certificate_is_not_believed() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let journal = deployment.journal_table();
    let authority = |ca_name: &str| [("Key", "authorities".to_owned()), ("Sort", ca_name.to_owned())];
    let mut root = item(&sandbox, journal, authority(deployment.root_ca().as_str()))
        .await
        .unwrap();
    root.insert("Sort".to_owned(), text(deployment.issuing_ca().as_str()));
    write(&sandbox, journal, vec![root]).await;
    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let refused = fixture.authority.not_believed().await;
    assert!(
        matches!(&refused[..], [(ca_name, NotBelieved::OtherKey { .. })] if ca_name == deployment.issuing_ca()),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_keys_that_are_written_here_count_in_a_list() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let mut serials = Vec::new();
    for name in ["a", "b", "c"] {
        serials.push(issue(&fixture, &format!("{name}.example.com")).await);
        revoke(&fixture, serials[serials.len() - 1]).await;
    }
    serials.sort_unstable();
    let own = item(&sandbox, deployment.journal_table(), listed(&deployment, serials[0]))
        .await
        .unwrap();
    let planted = [
        format!("#7f{}", "ff".repeat(19)),
        padded(serials[0]).to_uppercase(),
        "!".to_owned(),
    ];
    let planted = planted.map(|sort| {
        let mut item = own.clone();
        item.insert("Sort".to_owned(), text(sort));
        item
    });
    write(&sandbox, deployment.journal_table(), planted.to_vec()).await;
    for _ in 0..2 {
        let (now, damaged) = crl(&fixture, &deployment).await;
        assert_eq!(now, serials, "each once, and nothing else");
        let planted = damaged.iter().filter(|line| line.contains("no serial number")).count();
        assert_eq!((planted, damaged.len()), (3, 3), "{damaged:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromise_whose_others_are_left_is_not_finished() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let journal = deployment.journal_table();
    let requester = Requester::new();
    let mut request = requester.request("same.example.com");
    request.force_issue = true;
    let mut serials = Vec::new();
    for _ in 0..2 {
        let issued = fixture
            .authority
            .issue_tls_cert(&request, &principal(), None)
            .await
            .unwrap();
        serials.push(issued.record.id.serial);
    }
    let compromise = async || {
        let reason = RevocationReason::KeyCompromise;
        fixture.authority.revoke(serials[0], reason, None, &principal()).await
    };
    // The line of the key is not answered for: all that can be found are on the list all the same.
    let line = [("Key", format!("line#{}", serials[0])), ("Sort", "x".to_owned())];
    write_over(&sandbox, journal, line.clone(), "Junk", text("x")).await;
    compromise().await.unwrap_err();
    let mut wanted = serials.clone();
    wanted.sort_unstable();
    assert_eq!(crl(&fixture, &deployment).await.0, wanted);
    let among = async || {
        fixture
            .ports
            .ledger
            .revocations()
            .listed(deployment.issuing_ca(), &serials)
            .await
            .unwrap()
    };
    assert!(
        !among().await.contains_key(&serials[0]),
        "who looks for what stands goes on with it"
    );
    delete(&sandbox, journal, line).await;
    compromise().await.unwrap();
    assert_eq!(among().await.len(), 2);
}

/// A run that was killed after the first of a compromised key's family; the entry that asked for it is gone since.
#[tokio::test(flavor = "multi_thread")]
async fn a_family_that_was_left_half_revoked_is_finished_by_the_next_run() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let issuing = deployment.issuing_ca();
    let mut request = request("stolen.example.com");
    let first = fixture
        .authority
        .issue_tls_cert(&request, &principal(), None)
        .await
        .unwrap();
    request.force_issue = true;
    let second = fixture
        .authority
        .issue_tls_cert(&request, &principal(), None)
        .await
        .unwrap();
    let (first, second) = (first.record.id.serial, second.record.id.serial);
    let other = issue(&fixture, "other.example.com").await;
    revoke(&fixture, other).await;
    let reason = RevocationReason::KeyCompromise;
    let (asking, reach) = (principal(), Reach::Certificate);
    let revoking = fixture.authority.revoke_reaching(first, reason, None, &asking, reach);
    revoking.await.unwrap();
    // As the killed run leaves it; and one that says it without a compromised key.
    let journal = deployment.journal_table();
    for serial in [first, other] {
        let key = || listed(&deployment, serial);
        write_over(&sandbox, journal, key(), "Unfinished", AttributeValue::Bool(true)).await;
        write_over(&sandbox, journal, key(), "Since", number(NOW.0)).await;
        write_over(&sandbox, journal, key(), "Open", text("family")).await;
    }
    let unfinished = fixture
        .ports
        .ledger
        .revocations()
        .unfinished_families(None, 10)
        .await
        .unwrap()
        .families;
    let unfinished: Vec<_> = unfinished.iter().map(|family| family.id.serial).collect();
    assert_eq!(unfinished, [first]);

    assert_eq!(fixture.authority.finish_revocations(None).await.unwrap(), []);
    fixture.clock.advance(600);
    let of_root = fixture.authority.finish_revocations(Some(deployment.root_ca())).await;
    assert_eq!(of_root.unwrap(), []);
    let finished = fixture.authority.finish_revocations(Some(issuing)).await.unwrap();
    assert_eq!(finished.len(), 1);
    assert_eq!(finished[0].id.serial, second);
    let (serials, _) = crl(&fixture, &deployment).await;
    assert!(serials.contains(&first) && serials.contains(&second), "{serials:?}");
    assert_eq!(
        fixture
            .ports
            .ledger
            .revocations()
            .unfinished_families(None, 10)
            .await
            .unwrap()
            .families,
        []
    );
    let item = item(&sandbox, journal, listed(&deployment, first)).await.unwrap();
    assert!(
        ["Unfinished", "Open", "Since"]
            .iter()
            .all(|name| !item.contains_key(*name))
    );
}

/// Whoever takes a CA's row away, or what it says of its revocation, takes nothing back.
#[tokio::test(flavor = "multi_thread")]
async fn a_ca_whose_row_somebody_changed_does_not_stand() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let issuing = deployment.issuing_ca();
    let ca = fixture.authority.ca(issuing).unwrap();
    let serial = ca.certificate().serial();
    let row = row(issuing.as_str(), serial);
    let table = deployment.table();
    let found = fixture.authority.revoked_in_chain(issuing).await;
    assert_eq!(found, Ok(None));

    let kept = item(&sandbox, table, row.clone()).await.unwrap();
    delete(&sandbox, table, row.clone()).await;
    let found = fixture.authority.revoked_in_chain(issuing).await;
    assert!(matches!(found, Err(LedgerError::Damaged { .. })), "{found:?}");
    // A process that has not found both the same before.
    let another = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let outcomes = another.authority.publish_certificates().await;
    let refused = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Err(PublishError::NotBelieved(NotBelieved::NoRow { .. }))));
    assert_eq!(refused.count(), 2, "its certificate and the bundle: {outcomes:?}");

    // Revoked, and the row put back as it was before: the root's list has it.
    let put = sandbox.dynamodb().put_item().table_name(table);
    put.set_item(Some(kept.clone())).send().await.unwrap();
    let reason = RevocationReason::CessationOfOperation;
    let revoked = fixture.authority.revoke(serial, reason, None, &principal()).await;
    revoked.unwrap();
    let put = sandbox.dynamodb().put_item().table_name(table);
    put.set_item(Some(kept)).send().await.unwrap();
    let found = fixture.authority.revoked_in_chain(issuing).await;
    assert_eq!(found, Ok(Some(issuing.clone())));
}

/// Whoever takes the CA above out of a CA's record takes its name constraints and its revocation with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_ca_without_the_one_above_it_in_its_record_issues_nothing() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    issue(&fixture, "before.example.com").await;
    let journal = deployment.journal_table();
    let key = [
        ("Key", "authorities".to_owned()),
        ("Sort", deployment.issuing_ca().to_string()),
    ];
    let mut record = item(&sandbox, journal, key).await.unwrap();
    assert!(record.remove("AuthorityParent").is_some());
    write(&sandbox, journal, vec![record]).await;

    let another = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let found = another.authority.not_believed().await;
    assert!(
        matches!(found.as_slice(), [(_, NotBelieved::OtherParent { recorded: None, .. })]),
        "{found:?}"
    );
    let (request, principal) = (request("a.example.com"), principal());
    let refused = another.authority.issue_tls_cert(&request, &principal, None).await;
    assert_eq!(refused.unwrap_err().code(), "ca_not_believed");
}
