//! Objects that are no published files: what people and Terraform write for the authority to read.

use aws_config::SdkConfig;
use chancery_authority::port::ETag;

use crate::patience::Patience;

/// One bucket, read by key.
#[derive(Debug)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
    patience: Patience,
}

/// An object as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its version.
    pub etag: ETag,
    /// Its content.
    pub content: Vec<u8>,
}

/// Answer to [`Bucket::read_changed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// There is no such object.
    Missing,
    /// It is still of the version given.
    Unchanged,
    /// It is of another version.
    Changed(Object),
}

/// Why an object could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// Not allowed, no such bucket, throttled, unreachable.
    #[error("{key} could not be read from bucket {bucket}: {detail}")]
    Unreadable {
        /// Which bucket.
        bucket: String,
        /// Which object.
        key: String,
        /// What happened.
        detail: String,
    },
    /// The object is longer than what the caller can take.
    #[error("{key} in bucket {bucket} has {len} octets, which is over the limit of {limit}")]
    TooLong {
        /// Which bucket.
        bucket: String,
        /// Which object.
        key: String,
        /// Its length in octets.
        len: u64,
        /// What the caller takes.
        limit: u64,
    },
}

impl Bucket {
    /// That bucket. Calls nothing.
    pub fn new(config: &SdkConfig, name: impl Into<String>, patience: Patience) -> Self {
        Self {
            client: aws_sdk_s3::Client::new(config),
            name: name.into(),
            patience,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads an object of at most `limit` octets; `None` where there is none.
    pub async fn read(&self, key: &str, limit: u64) -> Result<Option<Object>, BucketError> {
        match self.read_changed(key, None, limit).await? {
            Fetched::Changed(object) => Ok(Some(object)),
            Fetched::Missing | Fetched::Unchanged => Ok(None),
        }
    }

    /// Reads an object of at most `limit` octets unless it is of that version still.
    pub async fn read_changed(&self, key: &str, known: Option<&ETag>, limit: u64) -> Result<Fetched, BucketError> {
        let _ = (key, known, limit, &self.client, &self.patience);
        todo!()
    }
}
