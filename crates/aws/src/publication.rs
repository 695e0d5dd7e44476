//! Published files in one S3 bucket.
//!
//! A file's version is its object's `ETag`. Preconditions are S3's own (`If-Match`, `If-None-Match`), so they hold
//! among all writers. S3 never serves part of an upload. Every object is sent with its SHA-256, which S3 checks on
//! receipt.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_lc_rs::digest;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::{ByteStream, Length};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::port::publication::{Content, Stat};
use chancery_authority::port::{Body, ETag, Precondition, Publication, PublicationError, PublishedName, Scratch};
use chancery_x509::time::UnixTime;
use tempfile::NamedTempFile;

use crate::bucket;
use crate::call_budget::{CallBudget, Failure, describe};
use crate::error_code::ErrorCode;

/// Most octets of a file that are kept in memory while it is sent; a longer one goes through a temporary file.
const IN_MEMORY: usize = 4 << 20;

/// Most octets of memory that are reserved for a file's announced length; a longer file allocates more as it arrives.
const RESERVED: u64 = 64 << 20;

/// Octets read at a time.
const BUFFER: usize = 64 * 1024;

/// Published files: the object's key is the file's name.
#[derive(Debug)]
pub struct S3Publication {
    client: aws_sdk_s3::Client,
    bucket: String,
    budget: CallBudget,
}

/// A body read to its end: S3 wants length and checksum before the first octet, and a retry needs all of it again.
struct ReadBody {
    beginning: Vec<u8>,
    /// The whole body, if it is longer than [`IN_MEMORY`]; `beginning` then has only its first octets.
    file: Option<NamedTempFile>,
    len: u64,
    sha256: String,
}

impl S3Publication {
    /// Publishes in that bucket. Sends nothing yet.
    pub fn new(config: &SdkConfig, bucket: impl Into<String>, budget: CallBudget) -> Self {
        Self {
            client: bucket::client(config, &budget),
            bucket: bucket.into(),
            budget,
        }
    }

    async fn object(&self, name: &PublishedName) -> Result<Option<(Stat, ByteStream)>, PublicationError> {
        let call = self.client.get_object().bucket(&self.bucket).key(name.as_str());
        let answer = match self.budget.long_call("s3:GetObject", call.send()).await {
            Ok(answer) => answer,
            Err(Failure::Refused(error)) if error.is_no_such_key() => return Ok(None),
            Err(Failure::Refused(error)) => return Err(self.failed(name, &describe(&error))),
            Err(Failure::Unavailable(detail)) => return Err(self.failed(name, &detail)),
        };
        let stat = Stat {
            etag: ETag(answer.e_tag().unwrap_or_default().to_owned()),
            len: length(answer.content_length()),
            modified: UnixTime(answer.last_modified().map_or(0, aws_smithy_types::DateTime::secs)),
        };
        Ok(Some((stat, answer.body)))
    }

    fn failed(&self, name: &PublishedName, detail: &str) -> PublicationError {
        PublicationError::Failed {
            name: name.clone(),
            detail: format!("bucket {}: {detail}", self.bucket),
        }
    }

    /// A file's properties, and its content if that has at most `limit` octets. Memory holds the content once, whatever
    /// its length.
    async fn get(&self, name: &PublishedName, limit: u64) -> Result<Option<(Stat, Option<Vec<u8>>)>, PublicationError> {
        let Some((stat, mut body)) = self.object(name).await? else {
            return Ok(None);
        };
        if stat.len > limit {
            return Ok(Some((stat, None)));
        }
        let mut content = Vec::with_capacity(usize::try_from(stat.len.min(RESERVED)).unwrap_or_default());
        let body = async {
            while let Some(piece) = body.try_next().await? {
                if content.len() as u64 + piece.len() as u64 > limit {
                    return Ok(false);
                }
                content.extend_from_slice(&piece);
            }
            Ok::<_, aws_smithy_types::byte_stream::error::Error>(true)
        };
        match tokio::time::timeout(self.budget.left(), body).await {
            Ok(Ok(true)) => Ok(Some((stat, Some(content)))),
            Ok(Ok(false)) => Ok(Some((stat, None))),
            Ok(Err(error)) => Err(self.failed(name, &format!("its content broke off: {error}"))),
            Err(_) => Err(self.failed(name, "its content took too long")),
        }
    }
}

#[async_trait]
impl Publication for S3Publication {
    async fn put(
        &self,
        name: &PublishedName,
        body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        let body = ReadBody::read(body).map_err(|error| self.failed(name, &error.to_string()))?;
        let call = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(name.as_str())
            .content_type(content_type(name, &body.beginning))
            .content_length(i64::try_from(body.len).unwrap_or(i64::MAX))
            .checksum_sha256(&body.sha256);
        let call = match precondition {
            Precondition::None => call,
            Precondition::Absent => call.if_none_match("*"),
            Precondition::Match(etag) => call.if_match(etag.0),
        };
        let stream = body
            .stream()
            .await
            .map_err(|error| self.failed(name, &error.to_string()))?;
        let outcome = self.budget.long_call("s3:PutObject", call.body(stream).send()).await;
        match outcome {
            Ok(answer) => Ok(ETag(answer.e_tag().unwrap_or_default().to_owned())),
            Err(Failure::Refused(error)) if is_contended(&error) => {
                Err(PublicationError::PreconditionFailed { name: name.clone() })
            }
            Err(Failure::Refused(error)) => Err(self.failed(name, &describe(&error))),
            Err(Failure::Unavailable(detail)) => Err(self.failed(name, &detail)),
        }
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        let call = self.client.head_object().bucket(&self.bucket).key(name.as_str());
        match self.budget.call("s3:HeadObject", call.send()).await {
            Ok(answer) => Ok(Some(Stat {
                etag: ETag(answer.e_tag().unwrap_or_default().to_owned()),
                len: length(answer.content_length()),
                modified: UnixTime(answer.last_modified().map_or(0, aws_smithy_types::DateTime::secs)),
            })),
            Err(Failure::Refused(error)) if error.is_not_found() => Ok(None),
            Err(Failure::Refused(error)) => Err(self.failed(name, &describe(&error))),
            Err(Failure::Unavailable(detail)) => Err(self.failed(name, &detail)),
        }
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        match self.get(name, u64::MAX).await? {
            Some((stat, Some(content))) => Ok(Some((stat, content))),
            Some((_, None)) => Err(self.failed(name, "it is longer than any file")),
            None => Ok(None),
        }
    }

    /// Reads the length first, so that S3 sends nothing of a file that is too long. The file may be replaced in
    /// between.
    async fn read_within(
        &self,
        name: &PublishedName,
        limit: u64,
    ) -> Result<Option<(Stat, Option<Vec<u8>>)>, PublicationError> {
        match self.stat(name).await? {
            None => Ok(None),
            Some(stat) if stat.len > limit => Ok(Some((stat, None))),
            Some(_) => self.get(name, limit).await,
        }
    }

    /// Downloads the object to a temporary file.
    async fn open(&self, name: &PublishedName) -> Result<Option<(Stat, Box<dyn Content>)>, PublicationError> {
        let Some((stat, mut body)) = self.object(name).await? else {
            return Ok(None);
        };
        let failed = |error: io::Error| self.failed(name, &error.to_string());
        let mut file = tempfile::tempfile().map_err(failed)?;
        let mut len = 0;
        loop {
            let piece = match tokio::time::timeout(self.budget.left(), body.try_next()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(self.failed(name, &format!("its content broke off: {error}"))),
                Err(_) => return Err(self.failed(name, "its content took too long")),
            };
            len += piece.len() as u64;
            if len > self.read_through() {
                return Err(self.failed(name, &format!("it is longer than {} octets", self.read_through())));
            }
            file.write_all(&piece).map_err(failed)?;
        }
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(Some((stat, Box::new(file))))
    }

    /// About 470,000 CRL entries: such a file, and what a function makes of as many entries, fit into 128 MB.
    fn read_back(&self) -> u64 {
        24 << 20
    }

    /// /tmp has 512 MB: besides this copy it may hold a new CRL of the same length, and that once more for sending it
    /// to S3.
    fn read_through(&self) -> u64 {
        128 << 20
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        Ok(Box::new(tempfile::tempfile()?))
    }
}

impl ReadBody {
    fn read(mut body: Body) -> io::Result<Self> {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut beginning = Vec::new();
        let mut file: Option<NamedTempFile> = None;
        let mut len = 0;
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let piece = &buffer[..read];
            context.update(piece);
            len += read as u64;
            if let Some(file) = &mut file {
                file.write_all(piece)?;
            } else {
                beginning.extend_from_slice(piece);
                if beginning.len() > IN_MEMORY {
                    let mut spilled = NamedTempFile::new()?;
                    spilled.write_all(&beginning)?;
                    beginning.truncate(BUFFER);
                    beginning.shrink_to_fit();
                    file = Some(spilled);
                }
            }
        }
        if let Some(file) = &mut file {
            file.flush()?;
            file.seek(SeekFrom::Start(0))?;
        }
        Ok(Self {
            beginning,
            file,
            len,
            sha256: STANDARD.encode(context.finish()),
        })
    }

    /// The body as a stream for the SDK, from its beginning each time.
    async fn stream(&self) -> io::Result<ByteStream> {
        match &self.file {
            None => Ok(ByteStream::from(self.beginning.clone())),
            Some(file) => ByteStream::read_from()
                .path(file.path())
                .length(Length::Exact(self.len))
                .build()
                .await
                .map_err(io::Error::other),
        }
    }
}

/// Media types of RFC 2585 for DER, and the usual one for PEM.
fn content_type(name: &PublishedName, beginning: &[u8]) -> &'static str {
    let extension = name.as_str().rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        _ if beginning.starts_with(b"-----BEGIN ") => "application/x-pem-file",
        "crl" => "application/pkix-crl",
        "crt" | "cer" => "application/pkix-cert",
        "pem" => "application/x-pem-file",
        _ => "application/octet-stream",
    }
}

/// Whether a conditional write lost. 412: the precondition does not hold. 409: another conditional write was in
/// progress, and nothing was changed. 404: there is no object to match.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn is_contended(error: &PutObjectError) -> bool {
    matches!(
        ErrorCode::of(error),
        ErrorCode::PreconditionFailed | ErrorCode::Conflict | ErrorCode::NotFound
    )
}

fn length(octets: Option<i64>) -> u64 {
    octets.and_then(|octets| u64::try_from(octets).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(name: &str, beginning: &[u8]) -> &'static str {
        content_type(&PublishedName::new(name).unwrap(), beginning)
    }

    #[test]
    fn content_types_are_those_of_the_content() {
        let pem = b"-----BEGIN CERTIFICATE-----\n";
        assert_eq!(typed("a-ca.crt", pem), "application/x-pem-file");
        assert_eq!(typed("a-ca.crt", &[0x30, 0x82]), "application/pkix-cert");
        assert_eq!(typed("a-ca.crl", &[0x30, 0x82]), "application/pkix-crl");
        assert_eq!(
            typed("a-ca.crl.pem", b"-----BEGIN X509 CRL-----"),
            "application/x-pem-file"
        );
        assert_eq!(typed("a-ca-bundle.pem", pem), "application/x-pem-file");
    }

    #[test]
    fn long_bodies_go_through_a_file_and_keep_their_digest() {
        for len in [0, 1, IN_MEMORY, IN_MEMORY + 1, IN_MEMORY * 2 + 7] {
            let content: Vec<u8> = (0..len).map(|i| i.to_le_bytes()[1]).collect();
            let body = ReadBody::read(Box::new(io::Cursor::new(content.clone()))).unwrap();
            assert_eq!(body.len, len as u64);
            assert_eq!(body.file.is_some(), len > IN_MEMORY);
            assert_eq!(body.sha256, STANDARD.encode(digest::digest(&digest::SHA256, &content)));
            if let Some(file) = &body.file {
                assert!(std::fs::read(file.path()).unwrap() == content);
            } else {
                assert_eq!(body.beginning, content);
            }
        }
    }
}
