//! What is reported of a published file while others publish: nothing that is not so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use chancery_authority::port::{Precondition, Publication as _, PublishedName};
use chancery_authority::publish::Staleness;
use chancery_testing::memory::Fault;
use futures_util::future::join;

use crate::fixture::{self, Fixture, all_good, scope};

const HOLD: Duration = Duration::from_millis(80);
const BEGIN: Duration = Duration::from_millis(20);
const OF: &str = "chancery-issuing-ca";

async fn staleness(authority: &chancery_authority::Authority) -> Staleness {
    let mut all = authority.crl_status().await.into_iter();
    all.find(|status| status.scope == scope(OF)).unwrap().staleness
}

#[tokio::test]
async fn a_file_that_another_process_has_put_and_not_noted_yet_is_no_other_file() {
    let fixture = Fixture::new().await;
    let other = fixture::another(&fixture.memory, &fixture.config).await;
    // The first put is the DER file; it is noted after the second, the PEM file.
    fixture.memory.faults.at("publication.put", 2, Fault::Delay(HOLD));
    let of = scope(OF);
    let publishing = fixture.authority.publish_crl(&of);
    let meanwhile = async {
        tokio::time::sleep(BEGIN).await;
        assert_eq!(fixture.crl("chancery-issuing-ca.crl").number(), Some(2), "it is there");
        (staleness(&other).await, other.publish_due_crls().await.len())
    };
    let (published, (reported, due)) = join(publishing, meanwhile).await;
    assert_eq!(published.unwrap().number, 2);
    assert_eq!((reported, due), (Staleness::Fresh, 0));
    assert_eq!(staleness(&other).await, Staleness::Fresh);
}

#[tokio::test]
async fn a_crl_that_is_published_between_the_ledgers_answer_and_the_files_is_no_other_file() {
    let fixture = Fixture::new().await;
    let other = fixture::another(&fixture.memory, &fixture.config).await;
    // The ledger was asked, the file not yet: the root's is looked at first, then this one.
    fixture.memory.faults.at("publication.stat", 2, Fault::Delay(HOLD));
    let (reported, published) = join(staleness(&fixture.authority), async {
        tokio::time::sleep(BEGIN).await;
        other.publish_crl(&scope(OF)).await
    })
    .await;
    assert_eq!(published.unwrap().number, 2);
    assert_eq!(reported, Staleness::Fresh);
}

#[tokio::test]
async fn a_file_that_nobody_published_is_told_of_and_replaced() {
    let fixture = Fixture::new().await;
    let name = PublishedName::new("chancery-issuing-ca.crl").unwrap();
    let garbage = Box::new(&b"garbage"[..]);
    fixture
        .memory
        .publication
        .put(&name, garbage, Precondition::None)
        .await
        .unwrap();
    assert_eq!(staleness(&fixture.authority).await, Staleness::Replaced);
    // One that was signed and did not get out: for a minute it may be what stands there, and no longer.
    fixture.memory.faults.at("publication.put", 1, Fault::FailBefore);
    fixture.authority.publish_crl(&scope(OF)).await.unwrap_err();
    assert_eq!(staleness(&fixture.authority).await, Staleness::Fresh);
    fixture.memory.clock.advance(61);
    assert_eq!(staleness(&fixture.authority).await, Staleness::Unpublished);
    all_good(&fixture.authority.publish_due_crls().await);
    assert_eq!(staleness(&fixture.authority).await, Staleness::Fresh);
    assert_eq!(fixture.crl("chancery-issuing-ca.crl").number(), Some(3));
}
