//! What one role's writes must not do to what is another's.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::CaName;
use chancery_authority::config::Config;
use chancery_authority::issue::IssueError;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{CrlScope, CrlUse, KeyStatus, Ledger as _};
use chancery_contract::IssueTlsCert as _;
use chancery_testing::{Requester, principal, request};
use chancery_x509::crl::{RevocationList, RevocationReason};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::fixture::{Fixture, NOW};
use crate::pages::{text, write};
use crate::rows::write_over;
use crate::sandbox::{Sandbox, patient};
use crate::written_over::{delete, item as item_of};

fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> HashMap<String, AttributeValue> {
    let owned = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
    owned.collect()
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

async fn listed(fixture: &Fixture, ca_name: &CaName) -> (Vec<Serial>, Vec<String>) {
    let scope = CrlScope {
        issuer: ca_name.clone(),
        shard: None,
    };
    let published = fixture.authority.publish_crl(&scope).await.unwrap();
    let file = fixture.ports.publication.read(&Config::crl_name(&scope)).await.unwrap();
    let list = RevocationList::parse(&file.unwrap().1).unwrap();
    let serials = list.entries().map(|entry| entry.unwrap().serial).collect();
    (serials, published.damaged)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_list_ends_no_ca() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let root = deployment.root_ca();
    let cas = fixture.authority.cas();
    let [of_root, of_issuing] = [&cas[0], &cas[1]].map(|ca| ca.certificate().serial());
    // Put there by somebody whose role may write to that list, and mark no row.
    let planted = [of_root, of_issuing].map(|serial| {
        item([
            ("Key", text(format!("revoked#{root}#full"))),
            ("Sort", text(data_encoding::HEXLOWER.encode(serial.as_padded()))),
            ("RevokedAt", number(NOW.0)),
            ("NotAfter", number(NOW.plus_days(3650).0)),
        ])
    });
    write(&sandbox, deployment.journal_table(), planted.to_vec()).await;
    let (serials, damaged) = listed(&fixture, root).await;
    assert_eq!(serials, [], "neither is revoked");
    assert_eq!(damaged.len(), 2, "and somebody has to know: {damaged:?}");
    let known = fixture
        .aws
        .ledger
        .revocations()
        .listed(root, &[of_root, of_issuing])
        .await;
    assert_eq!(
        known,
        Ok(HashMap::new()),
        "so that a real revocation is not taken for done"
    );

    let reason = RevocationReason::CessationOfOperation;
    let revoked = fixture.authority.revoke(of_issuing, reason, None, &principal()).await;
    assert!(!revoked.unwrap().already, "it can be revoked all the same");
    let (serials, damaged) = listed(&fixture, root).await;
    assert_eq!(serials, [of_issuing]);
    assert_eq!(damaged.len(), 1, "the root's own is still planted: {damaged:?}");
    let known = fixture
        .aws
        .ledger
        .revocations()
        .listed(root, &[of_root, of_issuing])
        .await;
    let known: HashMap<_, _> = known
        .unwrap()
        .into_iter()
        .map(|(serial, listed)| (serial, listed.reason))
        .collect();
    assert_eq!(known, HashMap::from([(of_issuing, reason)]));

    // Whoever may write reminders makes rows of any serial number, and whoever makes CAs their rows anew: both end nothing.
    let row = [
        ("CommonName", root.to_string()),
        ("SerialNumber", of_issuing.to_string()),
    ];
    let none = AttributeValue::L(Vec::new());
    write_over(&sandbox, deployment.table(), row, "ExpiryReminders", none).await;
    forget_that_it_ended(&sandbox, deployment.journal_table(), of_issuing).await;
    assert_eq!(
        listed(&fixture, root).await.0,
        [of_issuing],
        "a row without a certificate says nothing"
    );
    let known = fixture
        .aws
        .ledger
        .revocations()
        .listed(root, &[of_issuing])
        .await
        .unwrap();
    assert_eq!(known[&of_issuing].reason, reason);
    let ca_name = deployment.issuing_ca().to_string();
    let unmarked = sandbox.dynamodb().update_item().table_name(deployment.table());
    unmarked
        .key("CommonName", text(ca_name))
        .key("SerialNumber", text(of_issuing.to_string()))
        .update_expression("REMOVE Revoked")
        .send()
        .await
        .unwrap();
    assert_eq!(
        listed(&fixture, root).await.0,
        [of_issuing],
        "it is recorded that nothing is issued under it"
    );
}

/// As versions that did not record it left a CA that was revoked.
async fn forget_that_it_ended(sandbox: &Sandbox, journal: &str, ca: Serial) {
    for part in 0..16 {
        let delete = sandbox.dynamodb().delete_item().table_name(journal);
        let delete = delete.key("Key", text(format!("revoked-ca#{ca}#{part:02}")));
        delete.key("Sort", text("-")).send().await.unwrap();
    }
}

/// The ledger of a version of before: the row and the list say it, and nothing else does.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_before_it_was_recorded_beside_the_list_is_recorded_by_the_next_run() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let (root, issuing) = (deployment.root_ca(), deployment.issuing_ca());
    let ledger = &fixture.aws.ledger;
    // A key that is compromised.
    let issued = fixture
        .authority
        .issue_tls_cert(&request("a.example.com"), &principal(), None)
        .await;
    let record = issued.unwrap().record;
    let (leaf, compromise) = (record.id.serial, RevocationReason::KeyCompromise);
    let revoke = async |serial, reason| fixture.authority.revoke(serial, reason, None, &principal()).await;
    revoke(leaf, compromise).await.unwrap();
    let known = async || {
        ledger
            .revocations()
            .listed(issuing, &[leaf])
            .await
            .unwrap()
            .contains_key(&leaf)
    };
    assert!(known().await);
    let block = || [("Key", format!("blocked#{}", record.key)), ("Sort", "-".to_owned())];
    delete(&sandbox, deployment.journal_table(), block()).await;
    assert!(!known().await, "the entry of revoked.json is followed again");
    assert!(revoke(leaf, compromise).await.unwrap().already);
    assert!(item_of(&sandbox, deployment.journal_table(), block()).await.is_some());
    assert!(known().await);
    // A CA.
    let ca = fixture.authority.cas()[1].certificate().serial();
    revoke(ca, RevocationReason::CessationOfOperation).await.unwrap();
    forget_that_it_ended(&sandbox, deployment.journal_table(), ca).await;
    let reserve = async |number| {
        let mut intent = chancery_testing::suite::intent(number);
        intent.id.issuer = issuing.clone();
        ledger.intents().reserve(intent).await
    };
    reserve(1).await.unwrap();
    assert_eq!(listed(&fixture, root).await, (vec![ca], vec![]));
    for number in 2..18 {
        let refused = reserve(number).await;
        assert_eq!(refused.unwrap_err(), LedgerError::IssuerRevoked { ca: issuing.clone() });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_one_ca_s_partition_says_nothing_of_another() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (ledger, deployment) = sandbox.ledger().await;
    let of = |ca_name: &CaName, days| CrlUse {
        scope: CrlScope {
            issuer: ca_name.clone(),
            shard: None,
        },
        url: None,
        until: NOW.plus_days(days),
    };
    let [root, issuing] = [deployment.root_ca(), deployment.issuing_ca()];
    ledger.crls().record_use(of(issuing, 1)).await.unwrap();
    let item_of = |partition: String, issuer: &CaName, days| {
        item([
            ("Key", text(partition)),
            ("Sort", text(format!("{issuer}#full#{days}"))),
            ("Issuer", text(issuer.to_string())),
            ("Until", number(NOW.plus_days(days).0)),
        ])
    };
    let items = vec![
        // Of before there were partitions for each.
        item_of("crl-uses".to_owned(), root, 2),
        // By who may issue under the issuing CA.
        item_of(format!("crl-uses#{issuing}"), root, 3),
    ];
    write(&sandbox, deployment.journal_table(), items).await;
    let mut uses = ledger.crls().uses().await.unwrap();
    uses.sort_by_key(|used| used.until);
    assert_eq!(uses, [of(issuing, 1), of(root, 2)]);
    let partitions: Vec<String> = sandbox
        .items(deployment.journal_table())
        .await
        .iter()
        .filter_map(|item| item.get("Key")?.as_s().ok().cloned())
        .filter(|key| *key == format!("crl-uses#{issuing}"))
        .collect();
    assert_eq!(partitions.len(), 2, "the recorded one stands in its CA's partition");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_key_stays_blocked_without_its_claim() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let requester = Requester::new();
    let request = requester.request("stolen.example.com");
    let issued = fixture
        .authority
        .issue_tls_cert(&request, &principal(), None)
        .await
        .unwrap();
    let record = issued.record;
    let reason = RevocationReason::KeyCompromise;
    fixture
        .authority
        .revoke(record.id.serial, reason, None, &principal())
        .await
        .unwrap();
    // Those may delete claims who give intents up.
    let claim = sandbox.dynamodb().delete_item().table_name(deployment.journal_table());
    claim
        .key("Key", text(format!("key#{}", record.key)))
        .key("Sort", text("-"))
        .send()
        .await
        .unwrap();
    let fixture = Fixture::open(&sandbox, &deployment, fixture.bucket(), &patient()).await;
    let standing = fixture
        .aws
        .ledger
        .certificates()
        .key_status(record.key, "other.example.com")
        .await;
    assert_eq!(standing, Ok(KeyStatus::Blocked));
    let intent = chancery_testing::suite::intent(1);
    let mut reserved = intent.clone();
    reserved.key = record.key;
    let refused = fixture.aws.ledger.intents().reserve(reserved).await;
    assert_eq!(
        refused.unwrap_err(),
        LedgerError::KeyBlocked,
        "the transaction itself looks"
    );
    fixture.aws.ledger.intents().reserve(intent).await.unwrap();
    let again = fixture
        .authority
        .issue_tls_cert(&requester.request("other.example.com"), &principal(), None)
        .await;
    assert!(matches!(again, Err(IssueError::Refused(_))), "{again:?}");
}

/// Attempts that somebody wrote whose role may sign, and that nobody can read, hide none of the others.
#[tokio::test(flavor = "multi_thread")]
async fn planted_attempts_hide_no_other() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let ledger = &fixture.aws.ledger;
    let genuine = ledger.attempts().list(None, UnixTime(i64::MAX), 100).await.unwrap();
    assert!(
        genuine.attempts.len() >= 2 && genuine.unreadable.is_empty(),
        "{genuine:?}"
    );
    let planted = (0..40).map(|index| {
        let sort = match index % 4 {
            0 => format!("{index:012}#"),
            1 => format!("+{index:011}#{}", "f".repeat(32)),
            2 => format!("{index:012}#{}", "F".repeat(32)),
            _ => format!("{index:012}"),
        };
        item([
            ("Key", text(format!("attempts#{}", index % 4))),
            ("Sort", text(sort)),
            ("Purpose", text("certificate".to_owned())),
        ])
    });
    write(&sandbox, deployment.journal_table(), planted.collect()).await;
    let (mut found, mut unreadable, mut after) = (Vec::new(), 0, None);
    for _ in 0..100 {
        let page = ledger.attempts().list(after, UnixTime(i64::MAX), 1).await.unwrap();
        unreadable = unreadable.max(page.unreadable.len());
        found.extend(page.attempts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, genuine.attempts);
    assert_eq!(unreadable, 40);
}
