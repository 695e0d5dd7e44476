//! The calls of each port but the ledger, with faults before and after them.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use chancery_authority::event::Event;
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{
    Body, ETag, IntentKey, IntentKeys, IntentNonce, KeyName, KeyStore, KeyStoreError, NoticeError, Notices,
    Precondition, Publication, PublicationError, PublishedName, Scratch, Signed, SigningRequest,
};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::key::ca::CaPublicKey;

use super::{Faulty, Verdict};

fn keys(detail: String) -> KeyStoreError {
    KeyStoreError::Unavailable { detail }
}

#[async_trait]
impl<T: KeyStore + ?Sized> KeyStore for Faulty<T> {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        self.faults
            .around("keys.create", keys, self.inner.create(key, algorithm))
            .await
    }

    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.faults
            .around("keys.public_key", keys, self.inner.public_key(key))
            .await
    }

    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError> {
        self.faults.around("keys.sign", keys, self.inner.sign(request)).await
    }

    async fn wait_to_retry(&self, failed: u32, spent: Duration) -> bool {
        self.inner.wait_to_retry(failed, spent).await
    }
}

#[async_trait]
impl<T: IntentKeys + ?Sized> IntentKeys for Faulty<T> {
    async fn derive(&self, nonce: &IntentNonce) -> Result<IntentKey, KeyStoreError> {
        self.faults
            .around("intent_keys.derive", keys, self.inner.derive(nonce))
            .await
    }
}

#[async_trait]
impl<T: Notices + ?Sized> Notices for Faulty<T> {
    async fn notify(&self, event: Event) -> Result<(), NoticeError> {
        let error = |detail| NoticeError { detail };
        self.faults
            .around("notices.notify", error, self.inner.notify(event))
            .await
    }
}

#[async_trait]
impl<T: Publication + ?Sized> Publication for Faulty<T> {
    async fn put(
        &self,
        name: &PublishedName,
        body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        let error = |detail| PublicationError::Failed {
            name: name.clone(),
            detail,
        };
        self.faults
            .around("publication.put", error, self.inner.put(name, body, precondition))
            .await
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        let error = |detail| PublicationError::Failed {
            name: name.clone(),
            detail,
        };
        self.faults
            .around("publication.stat", error, self.inner.stat(name))
            .await
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        let error = |detail| PublicationError::Failed {
            name: name.clone(),
            detail,
        };
        self.faults
            .around("publication.read", error, self.inner.read(name))
            .await
    }

    fn read_back(&self) -> u64 {
        self.inner.read_back()
    }

    fn read_through(&self) -> u64 {
        self.inner.read_through()
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        match self.faults.next("publication.scratch") {
            Verdict::GoOn | Verdict::Delay(_) => self.inner.scratch(),
            Verdict::FailBefore | Verdict::FailAfter => Err(io::Error::other("scratch space was made to fail")),
        }
    }
}
