//! Notices through SNS, in the drop-in contract's form.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::retry::ErrorKind;
use chancery_authority::event::Event;
use chancery_authority::port::{NoticeError, Notices};
use chancery_contract::notice;
use serde_json::{Value, json};

use crate::call_budget::{CallBudget, Failure, describe};

/// Most octets of a message that SNS accepts.
const LIMIT: usize = 256 * 1024;

/// Publishes notices to one topic: `MessageStructure` is `json`, and `default` has the notice's JSON as text.
#[derive(Debug)]
pub struct SnsNotices {
    client: aws_sdk_sns::Client,
    topic_arn: String,
    budget: CallBudget,
}

/// Drops every notice: for a deployment without a topic.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNotices;

impl SnsNotices {
    /// Publishes to that topic. Sends nothing yet.
    pub fn new(config: &SdkConfig, topic_arn: impl Into<String>, budget: CallBudget) -> Self {
        let config = aws_sdk_sns::config::Builder::from(config)
            .retry_config(CallBudget::retries())
            .timeout_config(budget.timeouts())
            .interceptor(budget.meter().clone())
            .retry_classifier(TooManyRequests)
            .build();
        Self {
            client: aws_sdk_sns::Client::from_conf(config),
            topic_arn: topic_arn.into(),
            budget,
        }
    }
}

/// SNS's throttling code, `Throttled`, is not one of those that the SDK retries; its HTTP status is 429.
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

/// Steps to which a notice that is too long is cut, each shorter: most characters of a text, most entries of a list.
const CUTS: [(usize, usize); 3] = [(16 * 1024, 256), (1024, 64), (120, 8)];

/// The message for SNS: whole where it fits, else cut short, which informs better than no notice. An error is the
/// length in octets of one that does not fit even then.
fn fitting(message: Value) -> Result<String, usize> {
    let enveloped = |message: &Value| json!({ "default": message.to_string() }).to_string();
    let mut text = enveloped(&message);
    let mut message = message;
    for (characters, entries) in CUTS {
        if text.len() <= LIMIT {
            break;
        }
        tracing::warn!(octets = text.len(), "a notice is too long for SNS and was cut short");
        message = shortened(message, characters, entries);
        text = enveloped(&message);
    }
    if text.len() <= LIMIT { Ok(text) } else { Err(text.len()) }
}

fn shortened(value: Value, characters: usize, entries: usize) -> Value {
    match value {
        Value::String(text) if text.chars().count() > characters => {
            let kept: String = text.chars().take(characters).collect();
            Value::String(format!("{kept}…"))
        }
        Value::Array(values) => {
            let left_out = values.len().saturating_sub(entries);
            let kept = values.into_iter().take(entries);
            let mut kept: Vec<Value> = kept.map(|value| shortened(value, characters, entries)).collect();
            if left_out > 0 {
                kept.push(Value::String(format!("… and {left_out} more")));
            }
            Value::Array(kept)
        }
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| match value {
                    // A part of a document in base64 cannot be decoded: it is left out. The contract has it in the fields' names.
                    Value::String(text) if name.starts_with("Base64") && text.len() > characters => {
                        (name, Value::String(String::new()))
                    }
                    value => (name, shortened(value, characters, entries)),
                })
                .collect(),
        ),
        other => other,
    }
}

#[async_trait]
impl Notices for SnsNotices {
    async fn notify(&self, event: Event) -> Result<(), NoticeError> {
        let notice = notice::of(&event);
        let message = fitting(notice.message).map_err(|octets| NoticeError {
            detail: format!("it has {octets} octets even when it is cut short, and SNS takes {LIMIT}"),
        })?;
        let call = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(notice.subject)
            .message_structure("json")
            .message(message);
        match self.budget.call("sns:Publish", call.send()).await {
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
    async fn notify(&self, _event: Event) -> Result<(), NoticeError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_that_is_too_long_is_cut_short_and_told() {
        let brief = json!({"Reason": "no", "Base64CSR": "LS0t"});
        assert_eq!(
            fitting(brief.clone()),
            Ok(json!({"default": brief.to_string()}).to_string())
        );

        let names: Vec<Value> = (0..40_000)
            .map(|n| json!({"type": "DNS_NAME", "value": format!("n{n}.example.com")}))
            .collect();
        let long = json!({
            "CSRInfo": {"CommonName": "\"".repeat(90_000), "Purposes": ["client_auth"], "SANs": names},
            "Base64CSR": "A".repeat(200_000), "Subject": "é".repeat(70_000), "Reason": "it is too long",
        });
        let text = fitting(long).unwrap();
        assert!(text.len() <= LIMIT, "{}", text.len());
        let envelope: Value = serde_json::from_str(&text).unwrap();
        let sent: Value = serde_json::from_str(envelope["default"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&sent["Reason"], &sent["Base64CSR"]),
            (&json!("it is too long"), &json!(""))
        );
        let names = sent["CSRInfo"]["SANs"].as_array().unwrap();
        assert_eq!(names[0]["value"], "n0.example.com");
        assert!(
            names.last().unwrap().as_str().unwrap().starts_with("… and "),
            "{names:?}"
        );
        assert!(sent["Subject"].as_str().unwrap().ends_with('…'));
    }
}
