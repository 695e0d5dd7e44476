//! What `notify` reads of the account: the Slack token's secret, and the account's alias.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_smithy_types::error::display::DisplayErrorContext;

use crate::notify::{Account, Secrets};

/// AWS Secrets Manager.
pub(super) struct SdkSecrets(aws_sdk_secretsmanager::Client);

impl SdkSecrets {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self(aws_sdk_secretsmanager::Client::new(config))
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
pub(super) struct SdkAccount(aws_sdk_iam::Client);

impl SdkAccount {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self(aws_sdk_iam::Client::new(config))
    }
}

#[async_trait]
impl Account for SdkAccount {
    async fn alias(&self) -> Result<Option<String>, String> {
        let answer = self.0.list_account_aliases().send().await;
        let answer = answer.map_err(|error| DisplayErrorContext(error).to_string())?;
        Ok(answer.account_aliases.into_iter().next())
    }
}
