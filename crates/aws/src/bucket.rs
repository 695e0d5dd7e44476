//! Reads objects of one bucket by key: what operators and Terraform write for the authority.

use aws_config::SdkConfig;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chancery_authority::port::ETag;

use crate::call_budget::{CallBudget, Failure, describe};
use crate::error_code::ErrorCode;

/// One bucket, read by key.
#[derive(Debug)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
    budget: CallBudget,
}

/// An object as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its `ETag`, which identifies this version.
    pub etag: ETag,
    /// Its content, whole.
    pub content: Vec<u8>,
}

/// Answer to [`Bucket::read_changed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// There is no such object.
    Missing,
    /// It still has the `ETag` that the caller gave.
    Unchanged,
    /// It has another `ETag`.
    Changed(Object),
}

/// Why an object could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// Access denied, no such bucket, throttled, or unreachable.
    #[error("{key} could not be read from bucket {bucket}: {detail}")]
    Unreadable {
        /// The bucket's name.
        bucket: String,
        /// The object's key.
        key: String,
        /// AWS's error, or what broke off.
        detail: String,
    },
    /// The object is longer than the caller's limit.
    #[error("{key} in bucket {bucket} has {len} octets, which is over the limit of {limit}")]
    TooLong {
        /// The bucket's name.
        bucket: String,
        /// The object's key.
        key: String,
        /// Its length in octets.
        len: u64,
        /// The caller's limit in octets.
        limit: u64,
    },
}

/// A client for S3. It uses path-style requests if an endpoint is set: stand-ins for S3 have no host names for buckets.
pub(crate) fn client(config: &SdkConfig, budget: &CallBudget) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some())
        .retry_config(CallBudget::retries())
        .timeout_config(budget.long_timeouts())
        .interceptor(budget.meter().clone())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

impl Bucket {
    /// Reads that bucket. Sends nothing yet.
    pub fn new(config: &SdkConfig, name: impl Into<String>, budget: CallBudget) -> Self {
        Self {
            client: client(config, &budget),
            name: name.into(),
            budget,
        }
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads an object of at most `limit` octets; `None` if there is no such object.
    pub async fn read(&self, key: &str, limit: u64) -> Result<Option<Object>, BucketError> {
        match self.read_changed(key, None, limit).await? {
            Fetched::Changed(object) => Ok(Some(object)),
            Fetched::Missing | Fetched::Unchanged => Ok(None),
        }
    }

    /// Reads an object of at most `limit` octets, unless its `ETag` is still `known`.
    pub async fn read_changed(&self, key: &str, known: Option<&ETag>, limit: u64) -> Result<Fetched, BucketError> {
        let call = async {
            let call = self.client.get_object().bucket(&self.name).key(key);
            call.set_if_none_match(known.map(|etag| etag.0.clone())).send().await
        };
        match self.budget.long_call("s3:GetObject", call).await {
            Ok(answer) => self.collect(key, answer, limit).await,
            Err(Failure::Refused(error)) if error.is_no_such_key() || ErrorCode::of(&error) == ErrorCode::NotFound => {
                Ok(Fetched::Missing)
            }
            Err(Failure::Refused(error)) if known.is_some() && is_not_modified(&error) => Ok(Fetched::Unchanged),
            Err(Failure::Refused(error)) => Err(self.unreadable(key, describe(&error))),
            Err(Failure::Unavailable(detail)) => Err(self.unreadable(key, detail)),
        }
    }

    async fn collect(&self, key: &str, answer: GetObjectOutput, limit: u64) -> Result<Fetched, BucketError> {
        let len = answer
            .content_length()
            .and_then(|len| u64::try_from(len).ok())
            .unwrap_or(u64::MAX);
        if len > limit {
            return Err(BucketError::TooLong {
                bucket: self.name.clone(),
                key: key.to_owned(),
                len,
                limit,
            });
        }
        let etag = ETag(answer.e_tag().unwrap_or_default().to_owned());
        let collected = tokio::time::timeout(self.budget.left(), answer.body.collect()).await;
        match collected {
            Ok(Ok(content)) => Ok(Fetched::Changed(Object {
                etag,
                content: content.to_vec(),
            })),
            Ok(Err(error)) => Err(self.unreadable(key, format!("its content broke off: {error}"))),
            Err(_) => Err(self.unreadable(key, "its content took too long".to_owned())),
        }
    }

    fn unreadable(&self, key: &str, detail: String) -> BucketError {
        BucketError::Unreadable {
            bucket: self.name.clone(),
            key: key.to_owned(),
            detail,
        }
    }
}

/// "Not modified" has no body and so no error code; the SDK derives one from the status, or none.
fn is_not_modified(error: &impl ProvideErrorMetadata) -> bool {
    matches!(ErrorCode::of(error), ErrorCode::Absent | ErrorCode::NotModified)
}
