//! What a published CRL listed stays listed; and one that is too long to be read back.

use std::io;
use std::sync::Arc;

use chancery_authority::Authority;
use chancery_authority::memory::MemoryPublication;
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{
    Body, ETag, Ports, Precondition, Publication, PublicationError, PublishedName, Scratch,
};
use chancery_authority::profile::Profiles;
use chancery_x509::serial::Serial;

use super::{foreign_crl, foreign_crl_with, put, revoked_until};
use crate::office::{NOW, Office, scope};

#[tokio::test]
async fn once_listed_listed() {
    let office = Office::new().await;
    let of = scope("chancery-issuing-ca");
    let serials = [
        revoked_until(&office, 1, NOW.plus_days(30)).await,
        revoked_until(&office, 2, NOW.plus_days(30)).await,
        revoked_until(&office, 3, NOW.plus_days(1)).await,
    ];
    assert_eq!(office.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    let mut wanted = serials.to_vec();
    wanted.sort_unstable();
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);
    // The ledger loses two, one of which ends soon.
    office.house.ledger.unlist(&of, serials[1]);
    office.house.ledger.unlist(&of, serials[2]);
    let before = office.house.faults.calls().len();
    let published = office.authority.publish_crl(&of).await.unwrap();
    assert_eq!(published.damaged.len(), 2, "{:?}", published.damaged);
    let calls = office.house.faults.calls()[before..].to_vec();
    let first = |operation| calls.iter().position(|call| *call == operation);
    assert!(
        first("publication.put").is_some() && first("publication.put") < first("ledger.relist"),
        "the CRL does not wait for what is put back: {calls:?}"
    );
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);
    assert!(office.authority.crl_status().await[1].is_alarming());
    // They were put back.
    assert_eq!(office.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);
    // What ended long ago leaves, whether the ledger lists it or not.
    office.house.clock.set(NOW.plus_days(9));
    office.authority.publish_crl(&of).await.unwrap();
    office.house.ledger.unlist(&of, serials[2]);
    office.house.clock.set(NOW.plus_days(10));
    assert_eq!(office.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    wanted.retain(|serial| *serial != serials[2]);
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);

    // One that nobody knows anything of, on a CRL that the CA's key vouches for, stays; an unknown key's does not.
    let unknown = Serial::from_octets(&[0x77; 8]).unwrap();
    let foreign = foreign_crl_with(&office, 50, unknown).await;
    put(&office, "chancery-issuing-ca.crl", &foreign).await;
    office.authority.publish_crl(&of).await.unwrap();
    assert!(office.listed("chancery-issuing-ca.crl").contains(&unknown));
    office.authority.publish_crl(&of).await.unwrap();
    assert!(office.listed("chancery-issuing-ca.crl").contains(&unknown));
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
    let office = Office::new().await;
    let name = "chancery-issuing-ca.crl";
    let of = scope("chancery-issuing-ca");
    let opened = async |read_back, read_through| {
        let publication = Short {
            inner: office.house.publication.clone(),
            read_back,
            read_through,
        };
        let ports = Ports {
            publication: Arc::new(publication),
            ..office.house.ports()
        };
        Authority::open(ports, office.config.clone(), Profiles::built_in())
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
    let serial = office.issue("a.example", None).await.id.serial;
    put(&office, name, &foreign_crl_with(&office, 40, serial).await).await;
    assert_eq!(authority.published_at(&of).await.unwrap(), Some(NOW.plus_seconds(300)));
    assert_eq!(publish(&authority).await, (41, 1), "its number is jumped over");
    assert_eq!(publish(&authority).await, (42, 0), "and it is told once");
    put(&office, name, &[0x30; 500]).await;
    authority.published_at(&of).await.unwrap_err();
    assert_eq!(
        publish(&authority).await,
        (43, 1),
        "what is no CRL is replaced, and told"
    );
    // Too long even to be read through: it is replaced, and told.
    let authority = opened(100, 200).await;
    put(&office, name, &foreign_crl(&office, 90).await).await;
    assert_eq!(publish(&authority).await, (44, 1));
}
