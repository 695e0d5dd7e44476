//! Several publishers at a time, and what a put that was answered late or wrongly leaves.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use chancery_authority::port::ledger::{Ledger, latest_crl};
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{
    Body, ETag, Ports, Precondition, Publication, PublicationError, PublishedName, Scratch,
};
use chancery_authority::profile::Profiles;
use chancery_authority::publish::PublishError;
use chancery_authority::{Authority, Principal};
use chancery_testing::memory::{Fault, MemoryPublication};
use chancery_x509::crl::RevocationReason;
use futures_util::future::join_all;

use crate::fixture::{self, Fixture, all_good, scope};

#[tokio::test]
async fn publishers_in_several_processes_never_publish_an_older_crl() {
    let fixture = Fixture::new().await;
    let mut others: Vec<Authority> = Vec::new();
    for _ in 0..6 {
        others.push(fixture::another(&fixture.memory, &fixture.config).await);
    }
    // Some are slow, at different places.
    for (nth, operation) in [
        "keys.sign",
        "publication.put",
        "publication.stat",
        "publication.read",
        "crls.complete",
    ]
    .iter()
    .cycle()
    .take(30)
    .enumerate()
    {
        let wait = Duration::from_millis(3 + nth as u64 % 7);
        fixture.memory.faults.at(operation, 1 + nth / 3, Fault::Delay(wait));
    }
    let rounds = others.iter().map(|authority| async {
        for _ in 0..4 {
            let outcome = authority.publish_crl(&scope("chancery-issuing-ca")).await;
            // Contended is a fair answer; a lower number never is, and that is looked at in the story.
            assert!(
                matches!(outcome, Ok(_) | Err(PublishError::Contended { .. })),
                "{outcome:?}"
            );
        }
    });
    join_all(rounds).await;
    fixture.check("after publishing side by side").await;
    all_good(&fixture.authority.publish_crls(None).await);
    fixture.check_recovered("after one more").await;
}

/// A publication reached through something that repeats a put whose answer was lost.
struct Repeating(Arc<MemoryPublication>);

#[async_trait::async_trait]
impl Publication for Repeating {
    async fn put(
        &self,
        name: &PublishedName,
        mut body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        let mut content = Vec::new();
        body.read_to_end(&mut content).unwrap();
        let once = Box::new(Cursor::new(content.clone()));
        self.0.put(name, once, precondition.clone()).await?;
        self.0.put(name, Box::new(Cursor::new(content)), precondition).await
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        self.0.stat(name).await
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        self.0.read(name).await
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        self.0.scratch()
    }
}

#[tokio::test]
async fn a_put_that_was_repeated_on_the_way_took_place() {
    let fixture = Fixture::new().await;
    let ports = Ports {
        publication: Arc::new(Repeating(fixture.memory.publication.clone())),
        ..fixture.memory.ports()
    };
    let authority = Authority::open(ports, fixture.config.clone(), Profiles::built_in())
        .await
        .unwrap();
    let published = authority.publish_crl(&scope("chancery-issuing-ca")).await.unwrap();
    assert_eq!((published.number, published.superseded_by), (2, None));
    let latest = latest_crl(fixture.memory.ledger.crls(), &scope("chancery-issuing-ca"))
        .await
        .unwrap()
        .unwrap();
    let name = PublishedName::new("chancery-issuing-ca.crl").unwrap();
    let stat = fixture.memory.publication.stat(&name).await.unwrap().unwrap();
    assert_eq!(latest.published, Some(stat.etag));
}

/// One publisher is held up at its `nth` put (the first is the DER file, the second the PEM file), while another publishes.
async fn overtaken_at_put(nth: usize) {
    let fixture = Fixture::new().await;
    let other = fixture::another(&fixture.memory, &fixture.config).await;
    let (hold, begin) = (Duration::from_millis(80), Duration::from_millis(20));
    fixture.memory.faults.at("publication.put", nth, Fault::Delay(hold));
    let of = scope("chancery-issuing-ca");
    let slow = fixture.authority.publish_crl(&of);
    let fast = async {
        tokio::time::sleep(begin).await;
        other.publish_crl(&of).await
    };
    let (slow, fast) = futures_util::future::join(slow, fast).await;
    let (slow, fast) = (slow.unwrap(), fast.unwrap());
    assert_eq!(
        (slow.number, slow.superseded_by),
        (2, Some(3)),
        "the slow one finds a newer CRL in its place"
    );
    assert_eq!((fast.number, fast.superseded_by), (3, None));
    for name in ["chancery-issuing-ca.crl", "chancery-issuing-ca.crl.pem"] {
        assert_eq!(fixture.crl(name).number(), Some(3));
    }
    fixture.check_recovered("after overtaking").await;
}

#[tokio::test]
async fn a_slow_publisher_does_not_replace_a_newer_crl() {
    overtaken_at_put(1).await;
}

#[tokio::test]
async fn a_slow_publisher_does_not_replace_a_newer_pem_file() {
    overtaken_at_put(2).await;
}

#[tokio::test]
async fn a_signature_that_does_not_verify_is_not_published() {
    let fixture = Fixture::new().await;
    let forged = fixture::forged(&fixture.memory, &fixture.config).await;
    let outcome = forged.publish_crl(&scope("chancery-issuing-ca")).await;
    assert!(matches!(outcome, Err(PublishError::BadSignature { .. })), "{outcome:?}");
    assert_eq!(fixture.crl("chancery-issuing-ca.crl").number(), Some(1));
    assert_eq!(
        fixture.memory.ledger.signed_crls(&scope("chancery-issuing-ca")).len(),
        1,
        "nor recorded"
    );
}

#[tokio::test]
async fn a_burst_of_revocations_makes_few_crls() {
    let fixture = Fixture::new().await;
    let mut serials = Vec::new();
    for number in 0..20 {
        serials.push(fixture.issue(&format!("{number}.example"), None).await.id.serial);
    }
    let before = fixture
        .memory
        .ledger
        .crl_numbers_reserved(&scope("chancery-issuing-ca"));
    for nth in 1..10 {
        fixture
            .memory
            .faults
            .at("keys.sign", nth, Fault::Delay(Duration::from_millis(5)));
    }
    let principal = Principal::AUTHORITY;
    let revoke = |serial| {
        fixture
            .authority
            .revoke(serial, RevocationReason::Superseded, None, &principal)
    };
    for outcome in join_all(serials.iter().copied().map(revoke)).await {
        let outcome = outcome.unwrap();
        assert!(outcome.crl.unwrap().is_ok() && !outcome.already);
    }
    let made = fixture
        .memory
        .ledger
        .crl_numbers_reserved(&scope("chancery-issuing-ca"))
        - before;
    assert!(made <= 3, "twenty revocations at once made {made} CRLs");
    fixture.check_recovered("after the burst").await;
}
