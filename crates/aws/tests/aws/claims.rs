//! What one role's writes must not do to what is another's.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chancery_authority::Slug;
use chancery_authority::config::Config;
use chancery_authority::issue::IssueError;
use chancery_authority::port::ledger::{CrlScope, CrlUse, KeyStanding, Ledger as _};
use chancery_x509::crl::{RevocationList, RevocationReason};
use chancery_x509::serial::Serial;

use crate::office::{NOW, Office};
use crate::pages::{text, write};
use crate::sandbox::{Sandbox, patient};
use crate::support::{Requester, principal};

fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> HashMap<String, AttributeValue> {
    let owned = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
    owned.collect()
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

async fn listed(office: &Office, slug: &Slug) -> (Vec<Serial>, Vec<String>) {
    let scope = CrlScope {
        issuer: slug.clone(),
        shard: None,
    };
    let published = office.authority.publish_crl(&scope).await.unwrap();
    let file = office.ports.publication.read(&Config::crl_name(&scope)).await.unwrap();
    let list = RevocationList::parse(&file.unwrap().1).unwrap();
    let serials = list.entries().map(|entry| entry.unwrap().serial).collect();
    (serials, published.damaged)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_list_ends_no_ca() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (office, deployment) = Office::new(&sandbox, &patient()).await;
    let root = deployment.root_ca();
    let cas = office.authority.cas();
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
    let (serials, damaged) = listed(&office, root).await;
    assert_eq!(serials, [], "neither is revoked");
    assert_eq!(damaged.len(), 2, "and somebody has to know: {damaged:?}");
    let known = office.aws.ledger.listed_among(root, &[of_root, of_issuing]).await;
    assert_eq!(
        known,
        Ok(HashMap::new()),
        "so that a real revocation is not taken for done"
    );

    let reason = RevocationReason::CessationOfOperation;
    let revoked = office.authority.revoke(of_issuing, reason, None, &principal()).await;
    assert!(!revoked.unwrap().already, "it can be revoked all the same");
    let (serials, damaged) = listed(&office, root).await;
    assert_eq!(serials, [of_issuing]);
    assert_eq!(damaged.len(), 1, "the root's own is still planted: {damaged:?}");
    let known = office.aws.ledger.listed_among(root, &[of_root, of_issuing]).await;
    let known: HashMap<_, _> = known
        .unwrap()
        .into_iter()
        .map(|(serial, listed)| (serial, listed.reason))
        .collect();
    assert_eq!(known, HashMap::from([(of_issuing, reason)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_one_ca_s_partition_says_nothing_of_another() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (ledger, deployment) = sandbox.ledger().await;
    let of = |slug: &Slug, days| CrlUse {
        scope: CrlScope {
            issuer: slug.clone(),
            shard: None,
        },
        url: None,
        until: NOW.plus_days(days),
    };
    let [root, issuing] = [deployment.root_ca(), deployment.issuing_ca()];
    ledger.record_crl_use(of(issuing, 1)).await.unwrap();
    let item_of = |partition: String, issuer: &Slug, days| {
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
    let mut uses = ledger.crl_uses().await.unwrap();
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
    let (office, deployment) = Office::new(&sandbox, &patient()).await;
    let requester = Requester::new();
    let request = requester.request("stolen.example.com");
    let issued = office.authority.issue(&request, &principal(), None).await.unwrap();
    let record = issued.record;
    let reason = RevocationReason::KeyCompromise;
    office
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
    let office = Office::open(&sandbox, &deployment, office.bucket(), &patient()).await;
    let standing = office.aws.ledger.key_holder(record.key, "other.example.com").await;
    assert_eq!(standing, Ok(KeyStanding::Blocked));
    let intent = chancery_authority::contract::intent(1);
    let mut reserved = intent.clone();
    reserved.key = record.key;
    let refused = office.aws.ledger.reserve(reserved).await;
    assert_eq!(
        refused.unwrap_err(),
        chancery_authority::port::LedgerError::KeyBlocked,
        "the transaction itself looks"
    );
    office.aws.ledger.reserve(intent).await.unwrap();
    let again = office
        .authority
        .issue(&requester.request("other.example.com"), &principal(), None)
        .await;
    assert!(matches!(again, Err(IssueError::Rejected(_))), "{again:?}");
}
