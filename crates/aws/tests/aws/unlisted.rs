//! `Revoked` written into rows by hand, as was usual with the Python CA: it comes on the next CRLs all the same.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::config::Config;
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::port::ledger::{CertificateRecord, KeyStatus, Listed, Unlisted};
use chancery_authority::profile::Profiles;
use chancery_authority::{Authority, CaName};
use chancery_aws::Deployment;
use chancery_contract::IssueTlsCert as _;
use chancery_testing::{Requester, principal, request};
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;

use crate::fixture::{Fixture, NOW};
use crate::pages::{text, write};
use crate::rows::{crl, issue, revoke, write_over};
use crate::sandbox::{Sandbox, patient};
use crate::written_over::item;

fn row(name: &str, serial: Serial) -> [(&'static str, String); 2] {
    [("CommonName", name.to_owned()), ("SerialNumber", serial.to_string())]
}

async fn by_hand(sandbox: &Sandbox, deployment: &Deployment, name: &str, serial: Serial, attributes: &[(&str, &str)]) {
    for (attribute, value) in attributes {
        write_over(sandbox, deployment.table(), row(name, serial), attribute, text(*value)).await;
    }
}

const REVOKED: (&str, &str) = ("Revoked", "2026-11-20 10:00:00");
const COMPROMISED: (&str, &str) = ("RevocationReason", "keyCompromise");

/// One look, as a CRL function has it, and what it found revoked.
async fn look(fixture: &Fixture, issuer: &CaName) -> Unlisted {
    let ledger = &fixture.ports.ledger;
    let unlisted = ledger.revocations().unlisted(issuer, NOW).await.unwrap();
    for record in &unlisted.certificates {
        revoke_as_it_says(fixture, record.clone()).await;
    }
    ledger
        .revocations()
        .unlisted_handled(issuer, unlisted.next.clone())
        .await
        .unwrap();
    unlisted
}

async fn revoke_as_it_says(fixture: &Fixture, record: CertificateRecord) {
    let reason = record.revocation.as_ref().unwrap().reason;
    let revoked = fixture
        .authority
        .revoke_record(record, reason, None, &principal())
        .await;
    assert!(revoked.unwrap().already, "it stands as it was written");
}

fn serials(unlisted: &Unlisted) -> Vec<Serial> {
    let mut serials: Vec<_> = unlisted.certificates.iter().map(|record| record.id.serial).collect();
    serials.sort_unstable();
    serials
}

async fn reason_listed(fixture: &Fixture, issuer: &CaName, serial: Serial) -> Option<RevocationReason> {
    let listed = fixture
        .ports
        .ledger
        .revocations()
        .listed(issuer, &[serial])
        .await
        .unwrap();
    listed.get(&serial).map(|Listed { reason, .. }| *reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_by_hand_is_found_and_listed() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let issuing = deployment.issuing_ca();
    let requester = Requester::new();
    let stolen = requester.request("stolen.example.com");
    let stolen = fixture
        .authority
        .issue_tls_cert(&stolen, &principal(), None)
        .await
        .unwrap()
        .record;
    let mut found = vec![issue(&fixture, "hand.example.com").await, stolen.id.serial];
    let listed = issue(&fixture, "listed.example.com").await;
    let other = issue(&fixture, "other.example.com").await;
    revoke(&fixture, listed).await;
    by_hand(&sandbox, &deployment, "hand.example.com", found[0], &[REVOKED]).await;
    by_hand(
        &sandbox,
        &deployment,
        "stolen.example.com",
        found[1],
        &[REVOKED, COMPROMISED],
    )
    .await;
    // Under another's name, and of no certificate at all: neither revokes anybody.
    by_hand(&sandbox, &deployment, "not-its-name.example.com", other, &[REVOKED]).await;
    by_hand(&sandbox, &deployment, "nobody", "4711".parse().unwrap(), &[REVOKED]).await;
    let nobody = HashMap::from([("CommonName", "nobody"), ("SerialNumber", "x"), REVOKED]);
    let nobody = nobody.into_iter().map(|(name, value)| (name.to_owned(), text(value)));
    write(&sandbox, deployment.table(), vec![nobody.collect()]).await;
    assert_eq!(crl(&fixture, &deployment).await.0, [listed], "no list leads to a row");

    found.sort_unstable();
    let looked = look(&fixture, issuing).await;
    assert_eq!(serials(&looked), found);
    assert_eq!(looked.damaged.len(), 3, "{:?}", looked.damaged);
    let mut wanted = [&found[..], &[listed]].concat();
    wanted.sort_unstable();
    assert_eq!(crl(&fixture, &deployment).await, (wanted, vec![]));
    assert_eq!(
        reason_listed(&fixture, issuing, stolen.id.serial).await,
        Some(RevocationReason::KeyCompromise)
    );
    let standing = fixture
        .ports
        .ledger
        .certificates()
        .key_status(stolen.key, "another")
        .await
        .unwrap();
    assert_eq!(standing, KeyStatus::Blocked);
    let again = look(&fixture, issuing).await;
    assert_eq!(
        (serials(&again), again.damaged.len()),
        (vec![], 3),
        "what is not mended is told again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worse_reason_written_by_hand_comes_on_the_list() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let issuing = deployment.issuing_ca();
    let serial = issue(&fixture, "a.example.com").await;
    revoke(&fixture, serial).await;
    by_hand(&sandbox, &deployment, "a.example.com", serial, &[COMPROMISED]).await;
    assert_eq!(serials(&look(&fixture, issuing).await), [serial]);
    assert_eq!(
        reason_listed(&fixture, issuing, serial).await,
        Some(RevocationReason::KeyCompromise)
    );
    assert_eq!(look(&fixture, issuing).await, Unlisted::default());
    // One that ended long ago is left out, and a CA's own row is its parent's to look at.
    let ended = issue(&fixture, "ended.example.com").await;
    by_hand(
        &sandbox,
        &deployment,
        "ended.example.com",
        ended,
        &[REVOKED, ("Expires", "2026-11-01 00:00:00")],
    )
    .await;
    let ca = fixture.authority.issuing_ca().unwrap().certificate().serial();
    by_hand(&sandbox, &deployment, issuing.as_str(), ca, &[REVOKED]).await;
    assert_eq!(look(&fixture, issuing).await, Unlisted::default());
    assert_eq!(serials(&look(&fixture, deployment.root_ca()).await), [ca]);
    assert!(reason_listed(&fixture, deployment.root_ca(), ca).await.is_some());
    assert_eq!(look(&fixture, deployment.root_ca()).await, Unlisted::default());
    let refused = fixture
        .authority
        .issue_tls_cert(&request("late.example.com"), &principal(), None)
        .await;
    assert!(
        matches!(refused, Err(IssueError::Refused(Refusal::IssuerRevoked { .. }))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_go_on_where_the_last_one_ended() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let issuing = deployment.issuing_ca();
    let rows = (0..1_200_u32).map(|number| {
        let item = [
            ("CommonName", format!("host{number}")),
            ("SerialNumber", (number + 100_000).to_string()),
        ];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), text(value)));
        item.collect::<HashMap<String, AttributeValue>>()
    });
    write(&sandbox, deployment.table(), rows.collect()).await;
    let mut wanted = Vec::new();
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        let serial = issue(&fixture, name).await;
        by_hand(&sandbox, &deployment, name, serial, &[REVOKED]).await;
        wanted.push(serial);
    }
    let (mut found, mut looks) = (Vec::new(), 0);
    loop {
        // Each by a process of its own: where it goes on stands in the journal.
        let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
        sandbox.take_calls();
        let looked = look(&fixture, issuing).await;
        let (calls, items) = sandbox.take_calls_and_items();
        let scans = calls.iter().filter(|call| *call == "dynamodb Scan").count();
        assert_eq!(scans, 1, "a look is one page");
        assert!(items < 600, "{items} items");
        found.extend(serials(&looked));
        looks += 1;
        assert!(looks < 10, "it comes to the end");
        if looked.next.is_none() {
            break;
        }
    }
    assert!(looks >= 3, "{looks}");
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    // A position that nobody can read begins anew.
    let position = [("Key", format!("row-scan#{issuing}")), ("Sort", "-".to_owned())];
    write_over(&sandbox, deployment.journal_table(), position, "After", text("[\"\"]")).await;
    assert!(look(&fixture, issuing).await.next.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_in_another_row_is_known_by_a_ca_that_came_to_be_since() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (deployment, bucket) = (sandbox.deployment().await, sandbox.bucket().await);
    // It read the CAs when there were none.
    let early = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    early
        .ports
        .ledger
        .revocations()
        .certificate_to_revoke("1".parse().unwrap(), None)
        .await
        .unwrap();
    let fixture = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    let serial = issue(&fixture, "a.example.com").await;
    let key = row("a.example.com", serial);
    let rows = sandbox.rows(&deployment).await;
    let mut moved: HashMap<_, _> = rows[&(key[0].1.clone(), key[1].1.clone())]
        .clone()
        .into_iter()
        .collect();
    moved.insert("CommonName".to_owned(), text("elsewhere"));
    write(&sandbox, deployment.table(), vec![moved]).await;
    let delete = sandbox.dynamodb().delete_item().table_name(deployment.table());
    let delete = key
        .into_iter()
        .fold(delete, |delete, (name, value)| delete.key(name, text(value)));
    delete.send().await.unwrap();
    let found = early
        .ports
        .ledger
        .revocations()
        .certificate_to_revoke(serial, None)
        .await
        .unwrap()
        .unwrap();
    let damaged = found.damaged.unwrap();
    assert!(damaged.contains("stands in row"), "{damaged}");
    assert!(!found.record.certificate.is_empty());
}

/// The same authority with an issuing CA beside the contract's, which issues from now on.
async fn with_second(fixture: &mut Fixture, deployment: &Deployment) -> CaName {
    let config = format!(
        "project = {:?}\nenvironment = {:?}\nissuing_ca = \"issuing-ca\"\n[[ca]]\nname = \"root-ca\"\n\
         [[ca]]\nname = \"issuing-ca\"\nparent = \"root-ca\"\n[[ca]]\nname = \"issuing-ca-2\"\nparent = \"root-ca\"\n",
        deployment.project(),
        deployment.environment()
    );
    let config = Config::from_toml(&config).unwrap();
    let second = config.ca_name("issuing-ca-2").unwrap();
    let authority = Authority::open(fixture.ports.clone(), config, Profiles::built_in())
        .await
        .unwrap();
    authority.announce_issuer(&second, &principal()).await.unwrap();
    authority.create_ca(&second, &|_: &str| ()).await.unwrap();
    authority.activate_issuer(&second, true, &principal()).await.unwrap();
    fixture.authority = Arc::new(authority);
    second
}

#[tokio::test(flavor = "multi_thread")]
async fn each_issuing_ca_finds_what_it_issued_and_damage_is_told_once() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (mut fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let first = issue(&fixture, "first.example.com").await;
    let second_ca = with_second(&mut fixture, &deployment).await;
    let second = issue(&fixture, "second.example.com").await;
    for (name, serial) in [("first.example.com", first), ("second.example.com", second)] {
        by_hand(&sandbox, &deployment, name, serial, &[REVOKED]).await;
    }
    by_hand(&sandbox, &deployment, "nobody", "4711".parse().unwrap(), &[REVOKED]).await;
    let of_first = look(&fixture, deployment.issuing_ca()).await;
    assert_eq!((serials(&of_first), of_first.damaged.len()), (vec![first], 1));
    let of_second = look(&fixture, &second_ca).await;
    assert_eq!((serials(&of_second), of_second.damaged.len()), (vec![second], 0));
    assert_eq!(
        reason_listed(&fixture, &second_ca, second).await,
        Some(RevocationReason::Unspecified)
    );
    assert_eq!(reason_listed(&fixture, &second_ca, first).await, None);
    // Each has its place in the table, and the partition that its certificates' CRL is recorded in.
    for issuer in [deployment.issuing_ca(), &second_ca] {
        for (partition, sort) in [
            (format!("row-scan#{issuer}"), "-".to_owned()),
            (format!("crl-uses#{issuer}"), format!("{issuer}#full#")),
        ] {
            let key = [("Key", partition.clone()), ("Sort", sort)];
            let found = item(&sandbox, deployment.journal_table(), key).await;
            assert!(found.is_some(), "{partition}");
        }
    }
}
