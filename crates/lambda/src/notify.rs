//! `notify`: forwards notices from SNS to Slack.
//!
//! No error fails the invocation: SNS would deliver the event again, and channels that got the message would get it
//! twice. What cannot be delivered is logged.

pub mod blocks;
pub mod slack;

use std::sync::Arc;

use async_trait::async_trait;
use chancery_deployment::settings::NotifySettings;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use slack::{PostOutcome, Slack};

/// Reads the secret with the Slack token.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret's text, or why it cannot be read.
    async fn read(&self, arn: &str) -> Result<String, String>;
}

/// Reads properties of the AWS account.
#[async_trait]
pub trait Account: Send + Sync {
    /// The account's alias; `None` if it has none.
    async fn alias(&self) -> Result<Option<String>, String>;
}

/// The function, with what it caches across invocations.
pub struct Notify {
    settings: NotifySettings,
    slack: Slack,
    secrets: Arc<dyn Secrets>,
    account: Arc<dyn Account>,
    token: Mutex<Option<String>>,
    alias: OnceCell<Option<String>>,
}

/// An event from SNS.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    records: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    sns: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(default)]
    subject: Option<String>,
    message: String,
}

impl Notify {
    /// A function that posts with `slack`.
    pub fn new(settings: NotifySettings, slack: Slack, secrets: Arc<dyn Secrets>, account: Arc<dyn Account>) -> Self {
        Self {
            settings,
            slack,
            secrets,
            account,
            token: Mutex::default(),
            alias: OnceCell::new(),
        }
    }

    /// Forwards every record of an event.
    pub async fn handle(&self, event: &[u8]) {
        let event: Event = match serde_json::from_slice(event) {
            Ok(event) => event,
            Err(error) => return tracing::error!(%error, "the event is not an SNS event; nothing was forwarded"),
        };
        let mut notices = Vec::with_capacity(event.records.len());
        for (index, record) in event.records.into_iter().enumerate() {
            // A malformed record must not stop the others of the event.
            let sns = match serde_json::from_value::<Record>(record) {
                Ok(record) => record.sns,
                Err(error) => {
                    tracing::error!(index, %error, "a record of the event is not an SNS record and was not forwarded");
                    continue;
                }
            };
            let subject = sns.subject.unwrap_or_default();
            // A message that is not JSON comes from another sender: forward it as text.
            let message = serde_json::from_str(&sns.message).unwrap_or(Value::String(sns.message));
            notices.push(blocks::of_notice(&subject, &message, &self.settings.emojis));
        }
        if notices.is_empty() || self.settings.channels.is_empty() {
            return tracing::info!("nothing to carry, or no channel to carry it to");
        }
        let Some(mut token) = self.token(None).await else {
            return tracing::error!(notices = notices.len(), "without a Slack token every notice is lost");
        };
        let alias = self.alias().await;
        for mut notice in notices {
            blocks::add_context(&mut notice.blocks, &self.settings.project, alias.as_deref());
            for channel in &self.settings.channels {
                let post = blocks::post(channel, &self.settings.username, &notice);
                let mut outcome = self.slack.post(&token, &post).await;
                if matches!(outcome, PostOutcome::BadToken { .. }) {
                    // The secret may have changed since it was read; if not, retrying is pointless.
                    match self.token(Some(&token)).await {
                        Some(renewed) if renewed != token => {
                            token = renewed;
                            outcome = self.slack.post(&token, &post).await;
                        }
                        _ => {}
                    }
                }
                log(channel, &outcome);
            }
        }
    }

    /// The token, cached; read again if the cached one was `refused`.
    async fn token(&self, refused: Option<&str>) -> Option<String> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Some(token.as_str()) != refused) {
            return Some(token.clone());
        }
        *kept = None;
        let secret = match self.secrets.read(&self.settings.secret_arn).await {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!(error, "the Slack token could not be read");
                return None;
            }
        };
        let token = secret.trim();
        // Header values must be visible ASCII, so anything else in the secret is not a token.
        if !token.starts_with("xoxb-") || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            tracing::error!("the Slack token is missing or invalid: put one that begins with xoxb- into the secret");
            return None;
        }
        *kept = Some(token.to_owned());
        kept.clone()
    }

    async fn alias(&self) -> Option<String> {
        let read = self.alias.get_or_try_init(|| self.account.alias()).await;
        match read {
            Ok(alias) => alias.clone(),
            Err(error) => {
                tracing::warn!(error, "the account's alias is not known");
                None
            }
        }
    }
}

fn log(channel: &str, outcome: &PostOutcome) {
    match outcome {
        PostOutcome::Delivered => tracing::info!(channel, "notice delivered"),
        PostOutcome::BadToken { error } | PostOutcome::Refused { error } => {
            tracing::error!(channel, error, "Slack did not take a notice");
        }
        PostOutcome::Unavailable { detail } => {
            tracing::error!(channel, detail, "Slack could not be reached; the notice is lost");
        }
    }
}
