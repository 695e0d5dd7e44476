//! What a published CRL listed stays listed; and one that is too long to be read back.

use std::io;
use std::sync::Arc;

use chancery_authority::Authority;
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{
    Body, ETag, Ports, Precondition, Publication, PublicationError, PublishedName, Scratch,
};
use chancery_authority::profile::Profiles;
use chancery_testing::memory::MemoryPublication;
use chancery_x509::serial::Serial;

use super::{foreign_crl, foreign_crl_with, put, revoked_until};
use crate::fixture::{Fixture, NOW, scope};

#[tokio::test]
async fn once_listed_listed() {
    let fixture = Fixture::new().await;
    let of = scope("chancery-issuing-ca");
    let serials = [
        revoked_until(&fixture, 1, NOW.plus_days(30)).await,
        revoked_until(&fixture, 2, NOW.plus_days(30)).await,
        revoked_until(&fixture, 3, NOW.plus_days(1)).await,
    ];
    assert_eq!(fixture.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    let mut wanted = serials.to_vec();
    wanted.sort_unstable();
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), wanted);
    // The ledger loses two, one of which ends soon.
    fixture.memory.ledger.unlist(&of, serials[1]);
    fixture.memory.ledger.unlist(&of, serials[2]);
    let before = fixture.memory.faults.calls().len();
    let published = fixture.authority.publish_crl(&of).await.unwrap();
    assert_eq!(published.damaged.len(), 2, "{:?}", published.damaged);
    let calls = fixture.memory.faults.calls()[before..].to_vec();
    let first = |operation| calls.iter().position(|call| *call == operation);
    assert!(
        first("publication.put").is_some() && first("publication.put") < first("revocations.relist"),
        "the CRL does not wait for what is put back: {calls:?}"
    );
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), wanted);
    assert!(fixture.authority.crl_status().await[1].is_alarming());
    // They were put back.
    assert_eq!(fixture.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), wanted);
    // What ended long ago leaves, whether the ledger lists it or not.
    fixture.memory.clock.set(NOW.plus_days(9));
    fixture.authority.publish_crl(&of).await.unwrap();
    fixture.memory.ledger.unlist(&of, serials[2]);
    fixture.memory.clock.set(NOW.plus_days(10));
    assert_eq!(fixture.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    wanted.retain(|serial| *serial != serials[2]);
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), wanted);

    // One that nobody knows anything of, on a CRL that the CA's key vouches for, stays; an unknown key's does not.
    let unknown = Serial::from_octets(&[0x77; 8]).unwrap();
    let foreign = foreign_crl_with(&fixture, 50, unknown).await;
    put(&fixture, "chancery-issuing-ca.crl", &foreign).await;
    fixture.authority.publish_crl(&of).await.unwrap();
    assert!(fixture.listed("chancery-issuing-ca.crl").contains(&unknown));
    fixture.authority.publish_crl(&of).await.unwrap();
    assert!(fixture.listed("chancery-issuing-ca.crl").contains(&unknown));
}

/// Published files of which so many octets are read back, and so many read through.
struct Short {
    inner: Arc<MemoryPublication>,
    read_back: u64,
    read_through: u64,
}

#[async_trait::async_trait]
impl Publication for Short {
    async fn put(
        &self,
        name: &PublishedName,
        body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        self.inner.put(name, body, precondition).await
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        self.inner.stat(name).await
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        self.inner.read(name).await
    }

    fn read_back(&self) -> u64 {
        self.read_back
    }

    fn read_through(&self) -> u64 {
        self.read_through
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        self.inner.scratch()
    }
}

#[tokio::test]
async fn a_crl_that_is_too_long_to_be_read_back_is_jumped_over_and_told() {
    let fixture = Fixture::new().await;
    let name = "chancery-issuing-ca.crl";
    let of = scope("chancery-issuing-ca");
    let opened = async |read_back, read_through| {
        let publication = Short {
            inner: fixture.memory.publication.clone(),
            read_back,
            read_through,
        };
        let ports = Ports {
            publication: Arc::new(publication),
            ..fixture.memory.ports()
        };
        Authority::open(ports, fixture.config.clone(), Profiles::built_in())
            .await
            .unwrap()
    };
    let publish = async |authority: &Authority| {
        let crl = authority.publish_crl(&of).await.unwrap();
        (crl.number, crl.damaged.len())
    };
    let authority = opened(100, u64::MAX).await;
    assert_eq!(
        publish(&authority).await,
        (2, 0),
        "the one that was noted is known by its version"
    );
    let serial = fixture.issue("a.example", None).await.id.serial;
    put(&fixture, name, &foreign_crl_with(&fixture, 40, serial).await).await;
    assert_eq!(authority.published_at(&of).await.unwrap(), Some(NOW.plus_seconds(300)));
    assert_eq!(publish(&authority).await, (41, 1), "its number is jumped over");
    assert_eq!(publish(&authority).await, (42, 0), "and it is told once");
    put(&fixture, name, &[0x30; 500]).await;
    authority.published_at(&of).await.unwrap_err();
    assert_eq!(
        publish(&authority).await,
        (43, 1),
        "what is no CRL is replaced, and told"
    );
    // Too long even to be read through: it is replaced, and told.
    let authority = opened(100, 200).await;
    put(&fixture, name, &foreign_crl(&fixture, 90).await).await;
    assert_eq!(publish(&authority).await, (44, 1));
}
