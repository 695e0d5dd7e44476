//! The Slack blocks of a notice, with the contract's texts.
//!
//! Names come from callers: their content is shown as text, and makes no links or mentions.

use chancery_deployment::settings::Emojis;
use serde_json::{Value, json};

/// Slack's limits, in characters.
const HEADER: usize = 150;
const SECTION: usize = 3000;
const FIELD: usize = 2000;
/// Length to which an unknown notice is cut, so that it fits a section together with its code fence.
const FORWARDED: usize = 2900;

/// A notice as a Slack message.
#[derive(Clone, Debug, PartialEq)]
pub struct SlackMessage {
    /// Text of the notification.
    pub text: String,
    /// Blocks that the channel shows.
    pub blocks: Vec<Value>,
}

/// The notices of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Revoked,
    Rejected,
    Expired,
    Expiring,
    Issued,
}

/// Formats a notice: by the kind in its subject, else by its content, else as text.
pub fn of_notice(subject: &str, message: &Value, emojis: &Emojis) -> SlackMessage {
    let by_subject = by_subject(subject).and_then(|kind| Some((kind, kind.blocks(message, emojis)?)));
    let known = by_subject.or_else(|| by_content(message).and_then(|kind| Some((kind, kind.blocks(message, emojis)?))));
    if let Some((kind, blocks)) = known {
        return SlackMessage {
            text: cut(&format!("{} {}", kind.emoji(emojis), escaped(subject)), SECTION),
            blocks,
        };
    }
    tracing::warn!(
        subject,
        "the notice is of no kind that is known and is forwarded as text"
    );
    let text = match message {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    // A code fence in the text would end ours.
    let text = cut(&escaped(&text).replace("```", "'''"), FORWARDED);
    SlackMessage {
        text: cut(&escaped(subject), SECTION),
        blocks: vec![section(&format!("```{text}```"))],
    }
}

/// Adds the line with the project and account that a notice is from.
pub fn add_context(blocks: &mut Vec<Value>, project: &str, account_alias: Option<&str>) {
    let mut text = format!("*Project:* {}", escaped(project));
    if let Some(alias) = account_alias {
        text.push_str(" | *Account:* ");
        text.push_str(&escaped(alias));
    }
    blocks.push(json!({"type": "divider"}));
    blocks.push(json!({"type": "context", "elements": [mrkdwn(&text)]}));
}

/// The body of `chat.postMessage`.
pub fn post(channel: &str, username: &str, shown: &SlackMessage) -> Value {
    json!({
        "channel": channel, "text": shown.text, "username": username, "blocks": shown.blocks,
        "link_names": false, "unfurl_links": false, "unfurl_media": false,
    })
}

/// The subject is what SNS delivers, of notices of former versions, too: a text without a type beside it.
fn by_subject(subject: &str) -> Option<Kind> {
    let subject = subject.to_lowercase();
    let words = [
        ("revoked", Kind::Revoked),
        ("rejected", Kind::Rejected),
        ("expired", Kind::Expired),
        ("expiry", Kind::Expiring),
        ("expiring", Kind::Expiring),
        ("issued", Kind::Issued),
    ];
    words
        .into_iter()
        .find(|(word, _)| subject.contains(word))
        .map(|(_, kind)| kind)
}

fn by_content(message: &Value) -> Option<Kind> {
    let has = |key: &str| message.get(key).is_some();
    if has("Reason") && has("CSRInfo") {
        Some(Kind::Rejected)
    } else if has("Revoked") && has("SerialNumber") {
        Some(Kind::Revoked)
    } else if has("DaysRemaining") && has("CertificateInfo") {
        let left = days(message).unwrap_or(-1);
        Some(if left <= 0 { Kind::Expired } else { Kind::Expiring })
    } else if has("CertificateInfo") {
        Some(Kind::Issued)
    } else {
        None
    }
}

fn days(message: &Value) -> Option<i64> {
    message.get("DaysRemaining")?.as_i64()
}

impl Kind {
    fn emoji(self, emojis: &Emojis) -> &str {
        match self {
            Self::Revoked | Self::Rejected | Self::Expired => &emojis.bad,
            Self::Expiring => &emojis.warning,
            Self::Issued => &emojis.good,
        }
    }

    /// The blocks; `None` if the notice lacks a field that this kind has.
    fn blocks(self, message: &Value, emojis: &Emojis) -> Option<Vec<Value>> {
        let emoji = self.emoji(emojis);
        let certificate = |label| Some(certificate_fields(message.get("CertificateInfo")?.as_object()?, label));
        let mut blocks = Vec::new();
        match self {
            Self::Issued => {
                if message.get("DaysRemaining").is_some() {
                    return None;
                }
                let fields = certificate("Expires")?;
                blocks.push(header(&format!("{emoji} Certificate Issued")));
                blocks.extend(subject(message));
                blocks.extend(fields_block(&fields));
            }
            Self::Expiring => {
                let left = days(message).filter(|left| *left > 0)?;
                let fields = certificate("Expires")?;
                blocks.push(header(&format!("{emoji} Certificate Expiry Warning")));
                blocks.extend(subject(message));
                blocks.extend(fields_block(&fields));
                blocks.push(section(&format!("*Days Remaining:* {left}")));
            }
            Self::Expired => {
                message.get("DaysRemaining")?;
                let fields = certificate("Expired")?;
                blocks.push(header(&format!("{emoji} Certificate Expired")));
                blocks.extend(subject(message));
                blocks.extend(fields_block(&fields));
            }
            Self::Rejected => {
                let request = message.get("CSRInfo")?.as_object()?;
                let reason = text(message.get("Reason")?);
                blocks.push(header(&format!("{emoji} Certificate Request Rejected")));
                blocks.push(section(&format!("*Reason:* {}", escaped(&reason))));
                blocks.extend(subject(message));
                blocks.extend(fields_block(&request_fields(request)));
            }
            Self::Revoked => {
                let value = |key: &str| Some(escaped(&text(message.get(key)?)));
                let (name, serial, revoked) = (value("CommonName")?, value("SerialNumber")?, value("Revoked")?);
                let revoked = revoked.split('.').next().unwrap_or_default();
                blocks.push(header(&format!("{emoji} Certificate Revoked")));
                blocks.extend(subject(message));
                blocks.extend(fields_block(&[
                    format!("*Common Name:*\n{name}"),
                    format!("*Serial Number:*\n`{serial}`"),
                    format!("*Revoked:*\n{revoked}"),
                ]));
            }
        }
        Some(blocks)
    }
}

fn certificate_fields(info: &serde_json::Map<String, Value>, expires: &str) -> Vec<String> {
    let value = |key: &str| info.get(key).map(|value| escaped(&text(value)));
    [
        value("CommonName").map(|name| format!("*Common Name:*\n{name}")),
        value("SerialNumber").map(|serial| format!("*Serial Number:*\n`{serial}`")),
        value("Issued").map(|time| format!("*Issued:*\n{time}")),
        value("Expires").map(|time| format!("*{expires}:*\n{time}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn request_fields(request: &serde_json::Map<String, Value>) -> Vec<String> {
    let given = |key: &str| request.get(key).filter(|value| !value.is_null());
    let list = |value: &Value| -> String {
        let one = |value: &Value| escaped(&text(value.get("value").unwrap_or(value)));
        match value {
            Value::Array(values) => values.iter().map(one).collect::<Vec<_>>().join(", "),
            other => one(other),
        }
    };
    let is_empty = |value: &&Value| matches!(value, Value::Array(values) if values.is_empty());
    [
        given("CommonName").map(|name| format!("*Common Name:*\n{}", escaped(&text(name)))),
        given("Lifetime").map(|days| format!("*Lifetime (days):*\n{}", escaped(&text(days)))),
        given("Purposes").map(|purposes| format!("*Purposes:*\n{}", list(purposes))),
        given("SANs")
            .filter(|names| !is_empty(names))
            .map(|names| format!("*SANs:*\n{}", list(names))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn subject(message: &Value) -> Option<Value> {
    let subject = escaped(&text(message.get("Subject")?));
    Some(section(&format!("*Subject:* `{}`", subject.replace('`', "'"))))
}

fn header(text: &str) -> Value {
    json!({"type": "header", "text": {"type": "plain_text", "text": cut(text, HEADER), "emoji": true}})
}

/// Text in which Slack creates no links, channels or mentions automatically.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(&cut(text, SECTION))})
}

/// Slack refuses a section without fields.
fn fields_block(fields: &[String]) -> Option<Value> {
    let shown: Vec<Value> = fields.iter().map(|field| mrkdwn(&cut(field, FIELD))).collect();
    (!shown.is_empty()).then(|| json!({"type": "section", "fields": shown}))
}

/// A JSON value as text for people.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Escapes Slack's three control characters, by its rules: without them there are no links, channels or mentions.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The first `most` characters; an ellipsis is the last of them if something was cut off.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
