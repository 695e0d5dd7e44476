//! What `notify` reads from the account: the secret with the Slack token, and the account's alias.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_types::error::display::DisplayErrorContext;
use chancery_aws::signed::{self, Request, Service};

use crate::notify::{Account, Secrets};

/// Time for one request: one that hangs is retried.
const ATTEMPT: Duration = Duration::from_secs(3);

/// Time for the secret, retries included: no message can be sent without it.
const SECRET: Duration = Duration::from_secs(10);

/// Time for the account's alias, retries included; messages are sent without it, too.
const ALIAS: Duration = Duration::from_secs(3);

/// AWS Secrets Manager.
pub(super) struct SdkSecrets(aws_sdk_secretsmanager::Client);

impl SdkSecrets {
    pub(super) fn new(config: &SdkConfig) -> Self {
        let config = aws_sdk_secretsmanager::config::Builder::from(config).timeout_config(within(SECRET));
        Self(aws_sdk_secretsmanager::Client::from_conf(config.build()))
    }
}

#[async_trait]
impl Secrets for SdkSecrets {
    async fn read(&self, arn: &str) -> Result<String, String> {
        let answer = self.0.get_secret_value().secret_id(arn).send().await;
        let answer = answer.map_err(|error| DisplayErrorContext(error).to_string())?;
        answer.secret_string.ok_or_else(|| "the secret has no text".to_owned())
    }
}

/// AWS IAM.
pub(super) struct SdkAccount(SdkConfig);

impl SdkAccount {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self(config.clone())
    }
}

#[async_trait]
impl Account for SdkAccount {
    async fn alias(&self) -> Result<Option<String>, String> {
        let request = Request {
            method: "POST",
            path: "/".to_owned(),
            content_type: "application/x-www-form-urlencoded",
            body: b"Action=ListAccountAliases&Version=2010-05-08".to_vec(),
        };
        let answer = Service::Iam.call(&self.0, "ListAccountAliases", request, within(ALIAS));
        let answer = answer.await.map_err(|error| DisplayErrorContext(error).to_string())?;
        // An account has at most one alias, of lower-case letters, digits and hyphens.
        let xml = String::from_utf8_lossy(&answer.body);
        Ok(signed::element(&xml, "member").map(str::to_owned))
    }
}

fn within(limit: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(limit)
        .build()
}
