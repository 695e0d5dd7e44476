//! Notices through SNS, in the drop-in contract's form.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::retry::ErrorKind;
use chancery_authority::port::{Notice, NoticeError, Notices};
use serde_json::json;

use crate::patience::{Failure, Patience, describe};

/// Octets of a message that SNS takes, and what is left of them for the message's own.
const LIMIT: usize = 256 * 1024;

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
        let config = aws_sdk_sns::config::Builder::from(config)
            .retry_config(Patience::retries())
            .timeout_config(patience.timeouts())
            .interceptor(patience.meter().clone())
            .retry_classifier(TooManyRequests)
            .build();
        Self {
            client: aws_sdk_sns::Client::from_conf(config),
            topic_arn: topic_arn.into(),
            patience,
        }
    }
}

/// SNS's own code for throttling, `Throttled`, is none of those that the SDK repeats calls for; its status is 429.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
#[derive(Debug)]
struct TooManyRequests;

impl ClassifyRetry for TooManyRequests {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(429) => RetryAction::retryable_error(ErrorKind::ThrottlingError),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "TooManyRequests"
    }
}

#[async_trait]
impl Notices for SnsNotices {
    async fn notify(&self, notice: Notice) -> Result<(), NoticeError> {
        let message = json!({ "default": notice.message.to_string() }).to_string();
        if message.len() > LIMIT {
            let detail = format!("it has {} octets, and SNS takes {LIMIT}", message.len());
            return Err(NoticeError { detail });
        }
        let call = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(notice.subject)
            .message_structure("json")
            .message(message);
        match self.patience.call("sns:Publish", call.send()).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(error)) => Err(NoticeError {
                detail: format!("topic {}: {}", self.topic_arn, describe(&error)),
            }),
            Err(Failure::Unavailable(detail)) => Err(NoticeError { detail }),
        }
    }
}

#[async_trait]
impl Notices for NoNotices {
    async fn notify(&self, _notice: Notice) -> Result<(), NoticeError> {
        Ok(())
    }
}
