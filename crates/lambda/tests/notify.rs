//! `notify`, with a Slack that is told what to answer.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chancery_deployment::settings::NotifySettings;
use chancery_lambda::dispatcher::Dispatcher;
use chancery_lambda::notify::slack::{Http, HttpAnswer, Slack};
use chancery_lambda::notify::{Account, Notify, Secrets};
use chancery_lambda::state::Invocation;
use serde_json::{Value, json};

#[derive(Default)]
struct World {
    /// Secrets in turn, the last one again and again.
    secrets: Mutex<Vec<Result<String, String>>>,
    /// Tokens that Slack takes.
    good: &'static str,
    /// Whether Slack answers.
    down: bool,
    posted: Mutex<Vec<(String, Value)>>,
}

#[async_trait]
impl Secrets for World {
    async fn read(&self, arn: &str) -> Result<String, String> {
        assert_eq!(arn, "arn:secret");
        let mut secrets = self.secrets.lock().unwrap();
        if secrets.len() > 1 {
            secrets.remove(0)
        } else {
            secrets[0].clone()
        }
    }
}

#[async_trait]
impl Account for World {
    async fn alias(&self) -> Result<Option<String>, String> {
        Ok(Some("acme-pki".to_owned()))
    }
}

#[async_trait]
impl Http for World {
    async fn post(&self, url: &str, token: &str, body: Vec<u8>) -> Result<HttpAnswer, String> {
        assert_eq!(url, "https://slack.com/api/chat.postMessage");
        let body = serde_json::from_slice(&body).unwrap();
        self.posted.lock().unwrap().push((token.to_owned(), body));
        if self.down {
            return Err("no route to host".to_owned());
        }
        let answer = if token == self.good {
            json!({"ok": true})
        } else {
            json!({"ok": false, "error": "invalid_auth"})
        };
        Ok(HttpAnswer {
            status: 200,
            retry_after: None,
            body: answer.to_string().into_bytes(),
        })
    }
}

fn world(secrets: &[&str]) -> World {
    World {
        secrets: Mutex::new(secrets.iter().map(|secret| Ok((*secret).to_owned())).collect()),
        good: "xoxb-good",
        ..World::default()
    }
}

fn dispatcher(world: &Arc<World>, channels: &str) -> Dispatcher {
    let variable = |name: &str| match name {
        "SLACK_SECRET_ARN" => Some("arn:secret".to_owned()),
        "SLACK_CHANNELS" => Some(channels.to_owned()),
        "PROJECT" => Some("serverless".to_owned()),
        _ => None,
    };
    let settings = NotifySettings::from_environment(&variable).unwrap();
    let slack = Slack::new(world.clone(), &settings.api_url);
    Dispatcher::Notify(Box::new(Notify::new(settings, slack, world.clone(), world.clone())))
}

async fn carry(dispatcher: &Dispatcher, event: &Value) {
    let answer = dispatcher
        .answer(event.to_string().as_bytes(), &Invocation::default())
        .await;
    assert_eq!(answer, Ok(Value::Null));
}

fn from_sns(subject: &str, message: &Value) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Subject": subject, "Message": message.to_string()}}]})
}

#[tokio::test]
async fn notices_reach_every_channel() {
    let world = Arc::new(world(&["xoxb-good\n"]));
    let dispatcher = dispatcher(&world, "pki, alerts");
    let revoked = json!({"CommonName": "a", "SerialNumber": "1", "Revoked": "2026-01-01 00:00:00", "Subject": "CN=a"});
    carry(&dispatcher, &from_sns("Certificate Revoked", &revoked)).await;
    let posted = world.posted.lock().unwrap();
    let channels: Vec<_> = posted
        .iter()
        .map(|(_, body)| body["channel"].as_str().unwrap())
        .collect();
    assert_eq!(channels, ["pki", "alerts"]);
    let (token, body) = &posted[0];
    assert_eq!(token, "xoxb-good");
    assert_eq!(body["username"], "Serverless CA");
    assert_eq!(body["text"], ":octagonal_sign: Certificate Revoked");
    let context = body["blocks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        context["elements"][0]["text"],
        "*Project:* serverless | *Account:* acme-pki"
    );
}

#[tokio::test]
async fn a_damaged_record_does_not_stop_the_others() {
    let world = Arc::new(world(&["xoxb-good"]));
    let dispatcher = dispatcher(&world, "pki");
    let good = from_sns("hello", &json!({}))["Records"][0].clone();
    let damaged = [
        json!(null),
        json!({"Sns": {"Subject": "x"}}),
        json!({"Sns": {"Message": 7}}),
        json!("x"),
    ];
    let mut records = damaged.to_vec();
    records.insert(2, good.clone());
    records.push(good);
    carry(&dispatcher, &json!({"Records": records})).await;
    assert_eq!(world.posted.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_token_that_was_changed_is_read_again() {
    let world = Arc::new(world(&["xoxb-old", "xoxb-good"]));
    let dispatcher = dispatcher(&world, "pki");
    carry(&dispatcher, &from_sns("hello", &json!({}))).await;
    carry(&dispatcher, &from_sns("hello", &json!({}))).await;
    let posted = world.posted.lock().unwrap();
    let tokens: Vec<_> = posted.iter().map(|(token, _)| token.as_str()).collect();
    assert_eq!(tokens, ["xoxb-old", "xoxb-good", "xoxb-good"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_goes_wrong_is_fatal() {
    let event = from_sns("hello", &json!({"a": 1}));
    for secret in ["", "placeholder", "xoxb-with\nnewline inside", "xoxp-user"] {
        let world = Arc::new(world(&[secret]));
        carry(&dispatcher(&world, "pki"), &event).await;
        assert!(world.posted.lock().unwrap().is_empty(), "{secret:?}");
    }
    let unreadable = Arc::new(World {
        secrets: Mutex::new(vec![Err("AccessDenied".to_owned())]),
        ..World::default()
    });
    carry(&dispatcher(&unreadable, "pki"), &event).await;
    let down = Arc::new(World {
        down: true,
        ..world(&["xoxb-good"])
    });
    carry(&dispatcher(&down, "pki"), &event).await;
    assert_eq!(down.posted.lock().unwrap().len(), 4, "it was tried again");
    let refused = Arc::new(world(&["xoxb-bad"]));
    carry(&dispatcher(&refused, "pki"), &event).await;
    assert_eq!(refused.posted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn events_of_every_form_are_survived() {
    let world = Arc::new(world(&["xoxb-good"]));
    let dispatcher = dispatcher(&world, "pki");
    let text = json!({"Records": [{"Sns": {"Subject": null, "Message": "plain text"}}, {"Sns": {"Message": "{}"}}]});
    carry(&dispatcher, &text).await;
    assert_eq!(world.posted.lock().unwrap().len(), 2, "each record is carried");
    for event in [
        json!({}),
        json!({"Records": []}),
        json!([]),
        json!({"Records": [{}]}),
        json!({"Records": [{"Sns": {}}]}),
        json!(7),
    ] {
        carry(&dispatcher, &event).await;
    }
    let answer = dispatcher.answer(b"\xff not JSON", &Invocation::default()).await;
    assert_eq!(answer, Ok(Value::Null));
    assert_eq!(world.posted.lock().unwrap().len(), 2);
}
