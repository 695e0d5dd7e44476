//! Reads operators' files from the internal bucket.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::port::ETag;
use chancery_aws::Bucket;
use chancery_aws::bucket::{BucketError, Fetched};

use crate::files::{Files, FilesError, LIST_LIMIT, Read};

/// The internal bucket.
pub(super) struct InternalBucket(pub(super) Arc<Bucket>);

#[async_trait]
impl Files for InternalBucket {
    async fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, FilesError> {
        let object = self.0.read(name, limit as u64).await.map_err(error)?;
        Ok(object.map(|object| object.content))
    }

    async fn read_if_changed(&self, name: &str, known: Option<&str>) -> Result<Read, FilesError> {
        let known = known.map(|version| ETag(version.to_owned()));
        let fetched = self
            .0
            .read_changed(name, known.as_ref(), LIST_LIMIT as u64)
            .await
            .map_err(error)?;
        Ok(match fetched {
            Fetched::Missing => Read::Missing,
            Fetched::Unchanged => Read::Unchanged,
            Fetched::Changed(object) => Read::Changed {
                version: object.etag.0,
                octets: object.content,
            },
        })
    }

    fn place(&self) -> String {
        format!("S3 bucket '{}'", self.0.name())
    }
}

fn error(error: BucketError) -> FilesError {
    match error {
        BucketError::TooLong { key, len, limit, .. } => FilesError::TooLong {
            name: key,
            actual: usize::try_from(len).unwrap_or(usize::MAX),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        },
        other => FilesError::Unreadable {
            detail: other.to_string(),
        },
    }
}
