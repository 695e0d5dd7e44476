//! Notices through SNS, in the drop-in contract's form.

use async_trait::async_trait;
use aws_config::SdkConfig;
use chancery_authority::port::{Notice, NoticeError, Notices};

use crate::patience::Patience;

/// Publishes notices to one topic: `MessageStructure` `json`, the notice's JSON text as its `default`.
#[derive(Debug)]
pub struct SnsNotices {
    client: aws_sdk_sns::Client,
    topic_arn: String,
    patience: Patience,
}

/// Drops every notice: for a deployment without a topic.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNotices;

impl SnsNotices {
    /// Notices to that topic. Calls nothing.
    pub fn new(config: &SdkConfig, topic_arn: impl Into<String>, patience: Patience) -> Self {
        Self {
            client: aws_sdk_sns::Client::new(config),
            topic_arn: topic_arn.into(),
            patience,
        }
    }
}

#[async_trait]
impl Notices for SnsNotices {
    async fn notify(&self, _notice: Notice) -> Result<(), NoticeError> {
        let _ = (&self.client, &self.topic_arn, &self.patience);
        todo!()
    }
}

#[async_trait]
impl Notices for NoNotices {
    async fn notify(&self, _notice: Notice) -> Result<(), NoticeError> {
        Ok(())
    }
}
