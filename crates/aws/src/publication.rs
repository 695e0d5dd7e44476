//! Published files in one S3 bucket.

use std::io;

use async_trait::async_trait;
use aws_config::SdkConfig;
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{Body, ETag, Precondition, Publication, PublicationError, PublishedName, Scratch};

use crate::patience::Patience;

/// Published files: each is the object of its name.
#[derive(Debug)]
pub struct S3Publication {
    client: aws_sdk_s3::Client,
    bucket: String,
    patience: Patience,
}

impl S3Publication {
    /// Files in that bucket. Calls nothing.
    pub fn new(config: &SdkConfig, bucket: impl Into<String>, patience: Patience) -> Self {
        Self {
            client: aws_sdk_s3::Client::new(config),
            bucket: bucket.into(),
            patience,
        }
    }
}

#[async_trait]
impl Publication for S3Publication {
    async fn put(
        &self,
        _name: &PublishedName,
        _body: Body,
        _precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        let _ = (&self.client, &self.bucket, &self.patience);
        todo!()
    }

    async fn stat(&self, _name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        todo!()
    }

    async fn read(&self, _name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        todo!()
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        Ok(Box::new(tempfile::tempfile()?))
    }
}
