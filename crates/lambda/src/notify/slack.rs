//! Slack's `chat.postMessage`, with retries.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

/// Most attempts to post one message.
const ATTEMPTS: u32 = 4;

/// The first pause between attempts; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, even if Slack asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Sends an HTTP request.
#[async_trait]
pub trait Http: Send + Sync {
    /// Posts JSON with a bearer token. Returns an answer of any status, or why there is none. Has its own time limit.
    async fn post(&self, url: &str, token: &str, body: Vec<u8>) -> Result<HttpAnswer, String>;
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The HTTP status code.
    pub status: u16,
    /// The header `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The body, as received.
    pub body: Vec<u8>,
}

/// The outcome of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostOutcome {
    /// It is in the channel.
    Delivered,
    /// The token is not valid, or no longer.
    BadToken {
        /// Slack's error code.
        error: String,
    },
    /// Slack refuses the message.
    Refused {
        /// Slack's error code.
        error: String,
    },
    /// Slack could not be reached, or was busy, in every attempt.
    Unavailable {
        /// The error of the last attempt.
        detail: String,
    },
}

/// Slack's API.
pub struct Slack {
    http: Arc<dyn Http>,
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    error: String,
}

/// The outcome of one attempt.
enum Attempt {
    Done(PostOutcome),
    Again { after: Option<u64>, detail: String },
}

impl Slack {
    /// A client of the API at that URL, for example `https://slack.com/api`.
    pub fn new(http: Arc<dyn Http>, api_url: &str) -> Self {
        Self {
            http,
            url: format!("{api_url}/chat.postMessage"),
        }
    }

    /// Posts a message, with retries.
    pub async fn post(&self, token: &str, message: &Value) -> PostOutcome {
        let body = message.to_string().into_bytes();
        let mut pause = PAUSE;
        for attempt in 1.. {
            let (after, detail) = match read(self.http.post(&self.url, token, body.clone()).await) {
                Attempt::Done(outcome) => return outcome,
                Attempt::Again { after, detail } => (after, detail),
            };
            if attempt == ATTEMPTS {
                return PostOutcome::Unavailable { detail };
            }
            tracing::warn!(attempt, detail, "Slack did not take a notice yet");
            let wanted = after.map_or(pause, Duration::from_secs);
            tokio::time::sleep(wanted.min(LONGEST_PAUSE)).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }
}

fn read(answer: Result<HttpAnswer, String>) -> Attempt {
    let answer = match answer {
        Ok(answer) => answer,
        Err(detail) => return Attempt::Again { after: None, detail },
    };
    let again = |detail: String| Attempt::Again {
        after: answer.retry_after,
        detail,
    };
    if answer.status == 429 || answer.status >= 500 {
        return again(format!("HTTP status {}", answer.status));
    }
    let Ok(Answer { ok, error }) = serde_json::from_slice(&answer.body) else {
        return Attempt::Done(PostOutcome::Refused {
            error: format!("HTTP status {}, and no answer of Slack's", answer.status),
        });
    };
    // Codes as documented for chat.postMessage.
    match error.as_str() {
        _ if ok => Attempt::Done(PostOutcome::Delivered),
        "ratelimited"
        | "rate_limited"
        | "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout" => again(error),
        "invalid_auth" | "not_authed" | "token_expired" | "token_revoked" | "account_inactive" => {
            Attempt::Done(PostOutcome::BadToken { error })
        }
        _ => Attempt::Done(PostOutcome::Refused { error }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    /// Gives these answers in turn, and repeats the last one.
    struct Script(Mutex<(Vec<Result<HttpAnswer, String>>, usize)>);

    #[async_trait]
    impl Http for Script {
        async fn post(&self, url: &str, token: &str, body: Vec<u8>) -> Result<HttpAnswer, String> {
            assert_eq!((url, token), ("http://slack/chat.postMessage", "xoxb-1"));
            assert_eq!(body, br#"{"channel":"pki"}"#);
            let mut script = self.0.lock().unwrap();
            script.1 += 1;
            if script.0.len() > 1 {
                script.0.remove(0)
            } else {
                script.0[0].clone()
            }
        }
    }

    #[allow(clippy::unnecessary_wraps, reason = "it stands in a list beside failures")]
    fn answer(status: u16, body: &str) -> Result<HttpAnswer, String> {
        Ok(HttpAnswer {
            status,
            retry_after: (status == 429).then_some(3600),
            body: body.as_bytes().to_vec(),
        })
    }

    async fn post(answers: Vec<Result<HttpAnswer, String>>) -> (PostOutcome, usize) {
        let script = Arc::new(Script(Mutex::new((answers, 0))));
        let outcome = Slack::new(script.clone(), "http://slack")
            .post("xoxb-1", &json!({"channel": "pki"}))
            .await;
        let attempts = script.0.lock().unwrap().1;
        (outcome, attempts)
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again() {
        let ok = || answer(200, r#"{"ok":true}"#);
        let down = || Err("connection refused".to_owned());
        let limited = || answer(200, r#"{"ok":false,"error":"ratelimited"}"#);
        assert_eq!(post(vec![ok()]).await, (PostOutcome::Delivered, 1));
        assert_eq!(
            post(vec![down(), answer(503, ""), ok()]).await,
            (PostOutcome::Delivered, 3)
        );
        assert_eq!(
            post(vec![answer(429, ""), limited(), ok()]).await,
            (PostOutcome::Delivered, 3)
        );
        let (lost, attempts) = post(vec![down()]).await;
        assert_eq!(attempts, 4);
        assert!(matches!(lost, PostOutcome::Unavailable { detail } if detail.contains("refused")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_pass_is_tried_once() {
        for (body, wanted) in [
            (r#"{"ok":false,"error":"channel_not_found"}"#, "channel_not_found"),
            ("<html>", "HTTP status 200, and no answer of Slack's"),
            (r#"{"error":7}"#, "HTTP status 200, and no answer of Slack's"),
        ] {
            let refused = PostOutcome::Refused {
                error: wanted.to_owned(),
            };
            assert_eq!(post(vec![answer(200, body)]).await, (refused, 1));
        }
        let (bad, attempts) = post(vec![answer(200, r#"{"ok":false,"error":"invalid_auth"}"#)]).await;
        assert!(matches!(bad, PostOutcome::BadToken { .. }) && attempts == 1);
    }
}
