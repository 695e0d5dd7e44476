//! A deployment that the Python CA made: taken over as it is, and then adopted.

use std::process::Command;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{CrlScope, Kind, Ledger as _, Search};
use chancery_aws::Deployment;
use chancery_aws::ledger::AdoptionMode;
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_testing::{judges, principal, request};
use chancery_x509::crl::{RevocationList, RevocationReason};
use chancery_x509::serial::Serial;
use serde_json::Value;

use crate::fixture::{Fixture, NOW};
use crate::pages::{text, write};
use crate::sandbox::{Sandbox, patient};

/// Serials and requests of what the script made.
struct Made(Value);

impl Made {
    fn new(sandbox: &Sandbox, deployment: &Deployment) -> Self {
        Self::with(sandbox, deployment, &[])
    }

    fn with(sandbox: &Sandbox, deployment: &Deployment, environment: &[(&str, &str)]) -> Self {
        let output = Command::new(judges::folder().join("python"))
            .envs(environment.iter().copied())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws/python_ca.py"))
            .args([sandbox.endpoint(), deployment.project(), deployment.environment()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn serial(&self, name: &str) -> Serial {
        self.0[name].as_str().unwrap().parse().unwrap()
    }

    fn request(&self, name: &str) -> TlsCertRequest {
        TlsCertRequest::for_csr(STANDARD.decode(self.0[name].as_str().unwrap()).unwrap())
    }
}

async fn crl(fixture: &Fixture, deployment: &Deployment) -> (u64, Vec<Serial>, Vec<String>) {
    let scope = CrlScope {
        issuer: deployment.issuing_ca().clone(),
        shard: None,
    };
    let published = fixture.authority.publish_crl(&scope).await.unwrap();
    let name = chancery_authority::config::Config::crl_name(&scope);
    let (_, der) = fixture.ports.publication.read(&name).await.unwrap().unwrap();
    let list = RevocationList::parse(&der).unwrap();
    let ca = fixture.authority.issuing_ca().unwrap();
    assert!(list.is_signed_by(ca.issuer.public_key()));
    assert_eq!(list.number(), Some(published.number));
    let serials = list.entries().map(|entry| entry.unwrap().serial).collect();
    (published.number, serials, published.damaged)
}

/// Of a CA that was not adopted its row alone says whether it is revoked.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_issued_under_an_old_ca_whose_row_is_gone() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (deployment, bucket) = (sandbox.deployment().await, sandbox.bucket().await);
    let made = Made::new(&sandbox, &deployment);
    let fixture = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    let issue = async |name: &str| {
        fixture
            .authority
            .issue_tls_cert(&request(name), &principal(), None)
            .await
    };
    issue("before").await.unwrap();
    let issuing = deployment.issuing_ca();
    let delete = sandbox.dynamodb().delete_item().table_name(deployment.table());
    let delete = delete
        .key("CommonName", text(issuing.as_str()))
        .key("SerialNumber", text(made.serial("issuing").to_string()));
    delete.send().await.unwrap();
    let error = issue("after").await.unwrap_err();
    assert!(
        error
            .detail()
            .unwrap_or_default()
            .contains("own certificate is missing or holds another certificate"),
        "{error:?}"
    );
    let found = fixture.authority.revoked_in_chain(issuing).await;
    assert_eq!(found, Err(LedgerError::no_record_of_ca(issuing)));
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::too_many_lines, reason = "one story, from takeover to adoption")]
async fn a_deployment_of_the_python_ca_is_taken_over_and_adopted() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (deployment, bucket) = (sandbox.deployment().await, sandbox.bucket().await);
    let made = Made::new(&sandbox, &deployment);
    let before = sandbox.rows(&deployment).await;
    let fixture = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    let ledger = &fixture.aws.ledger;

    // The CAs are those of the rows that are theirs, wherever they stand, and no others are made.
    let cas = fixture.authority.cas();
    let serials: Vec<_> = cas.iter().map(|ca| ca.certificate().serial()).collect();
    assert_eq!(serials, [made.serial("root"), made.serial("issuing")]);
    assert_eq!(cas[1].record.parent.as_ref(), Some(deployment.root_ca()));
    let created = fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    assert_eq!(created.len(), 0);
    assert!(!ledger.is_adopted().await.unwrap());

    // CRL numbers go on from 41, and whatever was revoked is listed, even where the row is not what it should be.
    let by_then = [&b"revoked"[..], b"revoked_by_hand"].map(|name| made.serial(std::str::from_utf8(name).unwrap()));
    let mut wanted = vec!["4711".parse().unwrap(), by_then[0], by_then[1]];
    wanted.sort_unstable();
    let (number, listed, damaged) = crl(&fixture, &deployment).await;
    assert_eq!((number, &listed), (43, &wanted), "42 was published with the takeover");
    assert!(damaged.len() == 1 && damaged[0].contains("not a number"), "{damaged:?}");

    // Old certificates are found, revoked, and refused a second one for their key under their name.
    let leaf = ledger
        .certificates()
        .get(None, made.serial("leaf"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((leaf.common_name.as_str(), &leaf.kind), ("server", &Kind::Leaf));
    assert_eq!(leaf.id.issuer, *deployment.issuing_ca());
    let outcome = fixture
        .authority
        .issue_tls_cert(&made.request("csr"), &principal(), None)
        .await;
    assert!(
        matches!(outcome, Err(IssueError::Refused(Refusal::KeyInUse))),
        "{outcome:?}"
    );
    let due = ledger
        .reminders()
        .expiring(NOW, NOW.plus_days(31), None, 10)
        .await
        .unwrap();
    assert_eq!(due.certificates, [leaf]);
    let all = ledger
        .certificates()
        .search(&Search::default(), None, 100)
        .await
        .unwrap()
        .certificates;
    assert_eq!(
        all.len(),
        8,
        "all that can be read: {:?}",
        all.iter().map(|record| &record.common_name).collect::<Vec<_>>()
    );
    fixture
        .authority
        .revoke(made.serial("second"), RevocationReason::Superseded, None, &principal())
        .await
        .unwrap();
    wanted.push(made.serial("second"));
    wanted.sort_unstable();
    assert_eq!(crl(&fixture, &deployment).await.1, wanted);
    let ours = fixture
        .authority
        .issue_tls_cert(&request("ours"), &principal(), None)
        .await
        .unwrap();

    adopt(&fixture, &sandbox, &deployment).await;

    // After that, all the same, by what the journal says; another process.
    let fixture = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    let ledger = &fixture.aws.ledger;
    assert!(ledger.is_adopted().await.unwrap());
    sandbox.take_calls();
    let (_, listed, damaged) = crl(&fixture, &deployment).await;
    assert_eq!(
        (listed, damaged),
        (wanted, Vec::new()),
        "what cannot be read is said once, by the adoption"
    );
    let scans = sandbox
        .take_calls()
        .iter()
        .filter(|call| *call == "dynamodb Scan")
        .count();
    assert_eq!(scans, 0, "a CRL reads what is revoked, and not the table");
    a_key_that_a_row_says_is_compromised_is_refused(&fixture, &made).await;
    for (name, refused) in [("csr", "server"), ("csr_elsewhere", "elsewhere")] {
        let outcome = fixture
            .authority
            .issue_tls_cert(&made.request(name), &principal(), None)
            .await;
        assert!(
            matches!(outcome, Err(IssueError::Refused(Refusal::KeyInUse))),
            "{refused}: {outcome:?}"
        );
    }
    let found = ledger
        .certificates()
        .search(&Search::default(), None, 100)
        .await
        .unwrap()
        .certificates;
    assert_eq!(found.len(), all.len() + 1);
    assert!(found.contains(&ours.record));
    let due = ledger
        .reminders()
        .expiring(NOW, NOW.plus_days(31), None, 10)
        .await
        .unwrap()
        .certificates;
    assert_eq!(
        due.iter().map(|record| record.id.serial).collect::<Vec<_>>(),
        [made.serial("leaf")]
    );
    let cas: Vec<_> = fixture
        .authority
        .cas()
        .iter()
        .map(|ca| ca.record.ca_name.clone())
        .collect();
    assert_eq!(cas, [deployment.root_ca().clone(), deployment.issuing_ca().clone()]);

    // The rows are as they were, but for the revocation, the CRL numbers and the new certificate.
    for (key, row) in before {
        let after = sandbox.rows(&deployment).await.remove(&key).unwrap();
        let changed: Vec<_> = after
            .iter()
            .filter(|(name, value)| row.get(*name) != Some(value))
            .collect();
        let names: Vec<_> = changed.iter().map(|(name, _)| name.as_str()).collect();
        let allowed = ["CRLNumber", "Revoked", "RevokedBy", "RevocationReason"];
        assert!(names.iter().all(|name| allowed.contains(name)), "{key:?}: {names:?}");
        assert!(row.keys().all(|name| after.contains_key(name)), "{key:?}");
    }
}

/// The Python CA checked a key under the name asked for only.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_several_names_is_found_whole() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (deployment, bucket) = (sandbox.deployment().await, sandbox.bucket().await);
    let made = Made::with(&sandbox, &deployment, &[("OTHER_NAME_OF_A_KEY", "elsewhere")]);
    let fixture = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    let (server, elsewhere) = (made.serial("leaf"), made.serial("other_name"));
    let record = fixture.aws.ledger.certificates().get(None, server).await.unwrap();
    let key = record.unwrap().key;
    let found = async |fixture: &Fixture, common_name: Option<&str>| {
        let query = Search {
            key: Some(key),
            common_name: common_name.map(str::to_owned),
            ..Search::default()
        };
        let page = fixture
            .aws
            .ledger
            .certificates()
            .search(&query, None, 10)
            .await
            .unwrap();
        assert_eq!(page.next, None);
        let mut serials: Vec<_> = page.certificates.iter().map(|record| record.id.serial).collect();
        serials.sort_unstable();
        serials
    };
    let sorted = |mut serials: Vec<Serial>| {
        serials.sort_unstable();
        serials
    };
    assert_eq!(found(&fixture, None).await, sorted(vec![server, elsewhere]));

    // Then the journal has a claim of one name, while the rows are not adopted.
    let mut again = made.request("csr");
    again.force_issue = true;
    let issued = fixture
        .authority
        .issue_tls_cert(&again, &principal(), None)
        .await
        .unwrap();
    let issued = issued.record.id.serial;
    let all = sorted(vec![server, elsewhere, issued]);
    assert_eq!(found(&fixture, None).await, all);

    let ledger = &fixture.aws.ledger;
    let adoption = ledger.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
    assert!(adoption.complete, "{adoption:?}");
    let fixture = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    assert_eq!(found(&fixture, None).await, all);
    assert_eq!(found(&fixture, Some("server")).await, sorted(vec![server, issued]));
    assert_eq!(found(&fixture, Some("else*")).await, [elsewhere]);
    assert_eq!(found(&fixture, Some("nowhere")).await, []);
}

/// Whatever is forced, and whatever name is asked for.
async fn a_key_that_a_row_says_is_compromised_is_refused(fixture: &Fixture, made: &Made) {
    let mut stolen = made.request("csr_stolen");
    stolen.force_issue = true;
    let outcome = fixture.authority.issue_tls_cert(&stolen, &principal(), None).await;
    assert!(
        matches!(outcome, Err(IssueError::Refused(Refusal::KeyCompromised))),
        "{outcome:?}"
    );
}

async fn adopt(fixture: &Fixture, sandbox: &Sandbox, deployment: &Deployment) {
    let ledger = &fixture.aws.ledger;
    let journal = sandbox.count(deployment.journal_table()).await;
    let dry = ledger.adopt(AdoptionMode::DryRun, None, &|_| {}).await.unwrap();
    assert_eq!((dry.rows, dry.adopted, dry.known), (12, 8, 1), "{dry:?}");
    assert_eq!(dry.malformed.len(), 3, "{dry:?}");
    assert_eq!(
        sandbox.count(deployment.journal_table()).await,
        journal,
        "a dry run writes nothing"
    );

    let stopped = ledger
        .adopt(AdoptionMode::Resume, Some(Instant::now()), &|_| {})
        .await
        .unwrap();
    assert!(!stopped.complete && !ledger.is_adopted().await.unwrap());
    let done = ledger.adopt(AdoptionMode::Resume, None, &|_| {}).await.unwrap();
    assert_eq!((done.adopted, done.known, done.complete), (8, 1, true), "{done:?}");
    let again = ledger.adopt(AdoptionMode::Again, None, &|_| {}).await.unwrap();
    assert_eq!((again.adopted, again.known, again.complete), (0, 9, true), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_nobody_can_read_stops_no_crl_once_its_certificate_has_ended() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (deployment, bucket) = (sandbox.deployment().await, sandbox.bucket().await);
    let made = Made::new(&sandbox, &deployment);
    let fixture = Fixture::open(&sandbox, &deployment, &bucket, &patient()).await;
    let revoked = [
        made.serial("revoked"),
        "4711".parse().unwrap(),
        made.serial("revoked_by_hand"),
    ];
    let mut wanted = revoked.to_vec();
    wanted.sort_unstable();
    assert_eq!(crl(&fixture, &deployment).await.1, wanted);
    // What a role that may only write reminders can make of a serial number.
    let phantom = std::collections::HashMap::from([
        ("CommonName".to_owned(), text("x")),
        ("SerialNumber".to_owned(), text(revoked[0].to_string())),
        ("ExpiryReminders".to_owned(), text("x")),
    ]);
    write(&sandbox, deployment.table(), vec![phantom]).await;
    let found = fixture.aws.ledger.certificates().get(None, revoked[0]).await.unwrap();
    assert!(found.is_some(), "the row of its own is another");
    // Past 2027-01-01, which is when the row says that it ended: no certificate says so.
    for day in [50, 51, 52] {
        fixture.clock.set(NOW.plus_days(day));
        let (_, listed, _) = crl(&fixture, &deployment).await;
        assert!(listed.contains(&revoked[1]), "day {day}: {listed:?}");
        assert_eq!(listed.len(), if day == 50 { 3 } else { 1 }, "day {day}: {listed:?}");
    }
}
