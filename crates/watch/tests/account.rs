//! The watch over the account.

use chancery_watch::account::Watch;
use chancery_watch::cloudtrail::{Entry, Limits, Records};
use chancery_watch::expected::Watched;
use chancery_watch::rules::{self, Concern};
use chancery_watch::{Finding, Severity};
use serde_json::{Value, json};

use crate::history::{call, facts, key_arn, root, session};

fn watched() -> Watched {
    let mut watched = facts().expected().watched;
    watched.deployers = vec!["arn:aws:iam::111122223333:role/deploy".to_owned()];
    watched
}

fn judge(events: &[Value]) -> Vec<Finding> {
    let watched = watched();
    let mut watch = Watch::new(&watched);
    let document = json!({ "Records": events }).to_string();
    for entry in Records::new(document.as_bytes(), Limits::default()) {
        let Ok(Entry::Record(record)) = entry else {
            panic!("{entry:?}")
        };
        watch.record(&record);
    }
    watch.finish()
}

/// The parameters of a call that is about something of ours, and of one that is not.
fn parameters(concern: Concern, source: &str) -> (Value, Value) {
    let arn = |what: &str| format!("arn:aws:{what}");
    let ours = match concern {
        Concern::Key => json!({"keyId": key_arn(&root())}),
        Concern::Function => json!({"functionName": "serverless-tls-cert-dev"}),
        Concern::Role if source == "iam.amazonaws.com" => json!({"roleName": "serverless-tls-cert-dev"}),
        Concern::Role => json!({"name": "other", "roleArn": arn("iam::111122223333:role/serverless-tls-cert-dev")}),
        Concern::Table => json!({"tableName": "ServerlessCAJournalDev"}),
        Concern::Bucket => json!({"bucketName": "example-internal"}),
        Concern::File => json!({"bucketName": "example-external", "key": "serverless-root-ca-dev.crl"}),
        Concern::List => json!({"bucketName": "example-internal", "key": "tls.json"}),
        Concern::Topic => json!({"topicArn": arn("sns:eu-west-2:111122223333:serverless-ca-notifications-dev")}),
        Concern::Queue => {
            json!({"queueUrl": "https://sqs.eu-west-2.amazonaws.com/111122223333/serverless-ca-dead-letters-dev"})
        }
        Concern::LogGroup => json!({"logGroupName": "/aws/lambda/serverless-tls-cert-dev"}),
        Concern::Schedule => json!({"name": "serverless-ca-scheduler-dev"}),
        Concern::StateMachine => {
            json!({"stateMachineArn": arn("states:eu-west-2:111122223333:stateMachine:serverless-ca-dev")})
        }
        Concern::EventRule => json!({"name": "serverless-guard-sign-dev"}),
        Concern::Alarm => json!({"alarmNames": ["serverless-tls-cert-errors-dev"]}),
        Concern::Account => json!({"name": "anything"}),
    };
    (
        ours,
        json!({"name": "other", "bucketName": "other", "key": "other", "keyId": "alias/other"}),
    )
}

#[test]
fn every_call_of_every_rule_is_found_and_only_where_it_is_ours() {
    for rule in rules::watch() {
        for watched in rule.calls {
            for name in watched.names {
                let name = name
                    .strip_suffix('*')
                    .map_or((*name).to_owned(), |start| format!("{start}20150331v2"));
                let (mut ours, mut other) = parameters(rule.concerns, watched.source);
                if let Some(parameter) = watched.with {
                    ours[parameter] = json!(["x"]);
                    other[parameter] = json!(["x"]);
                }
                let [finding] = judge(&[call(watched.source, &name, &ours)]).try_into().unwrap();
                // A more special rule may come first.
                let is_first = rules::watch()
                    .find(|first| {
                        let fits = |call: &rules::Call| {
                            call.source == watched.source
                                && call.is_named(&name)
                                && call.with.is_none_or(|parameter| ours.get(parameter).is_some())
                        };
                        first.concerns == rule.concerns && first.calls.iter().any(fits)
                    })
                    .unwrap();
                assert_eq!(finding.rule, is_first.rule.id, "{name}");
                assert_eq!(finding.severity, is_first.rule.severity, "{name}");
                assert!(finding.evidence[0].principal.contains("mallory"));
                if rule.concerns != Concern::Account {
                    let findings = judge(&[call(watched.source, &name, &other)]);
                    assert!(findings.is_empty(), "{name}: {findings:?}");
                }
            }
        }
    }
}

#[test]
fn a_repetition_is_one_and_a_refusal_is_less() {
    let event = call("kms.amazonaws.com", "PutKeyPolicy", &json!({"keyId": key_arn(&root())}));
    let findings = judge(&[event.clone(), event.clone()]);
    assert_eq!(
        (findings.len(), findings[0].count, findings[0].severity),
        (1, 1, Severity::Critical)
    );
    let mut refused = event;
    refused["errorCode"] = json!("AccessDenied");
    let findings = judge(&[refused]);
    assert_eq!(
        (findings[0].rule, findings[0].severity),
        ("key-policy-changed", Severity::High)
    );
    assert!(findings[0].title.starts_with("Refused: "), "{}", findings[0].title);
}

#[test]
fn who_deploys_is_expected_to_but_not_everything() {
    let mut event = call(
        "lambda.amazonaws.com",
        "UpdateFunctionCode20150331v2",
        &json!({"functionName": "serverless-tls-cert-dev"}),
    );
    event["userIdentity"] = session("x");
    event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = json!("arn:aws:iam::111122223333:role/deploy");
    assert_eq!(judge(&[event.clone()])[0].severity, Severity::Low);
    event["eventSource"] = json!("kms.amazonaws.com");
    event["eventName"] = json!("PutKeyPolicy");
    event["requestParameters"] = json!({"keyId": "alias/serverless-root-ca-dev"});
    assert_eq!(judge(&[event])[0].severity, Severity::Critical);
}

#[test]
fn the_authority_itself_is_not_reported() {
    let mut crl = call(
        "s3.amazonaws.com",
        "PutObject",
        &json!({"bucketName": "example-external", "key": "serverless-issuing-ca-dev.crl"}),
    );
    crl["userIdentity"] = session("issuing-ca-crl");
    assert!(judge(&[crl.clone()]).is_empty());
    // Another function of ours has no business there.
    crl["userIdentity"] = session("tls-cert");
    assert_eq!(judge(&[crl])[0].rule, "ca-file-changed");
    let mut row = call(
        "dynamodb.amazonaws.com",
        "DeleteItem",
        &json!({"tableName": "ServerlessCAJournalDev"}),
    );
    row["userIdentity"] = session("sweep");
    assert!(judge(&[row.clone()]).is_empty());
    row["userIdentity"] = session("notify");
    assert_eq!(judge(&[row])[0].rule, "ledger-written");
}

#[test]
fn a_role_is_taken_on_by_lambda_alone() {
    let role = json!({"roleArn": "arn:aws:iam::111122223333:role/serverless-tls-cert-dev", "roleSessionName": "serverless-tls-cert-dev"});
    let mut assumed = call("sts.amazonaws.com", "AssumeRole", &role);
    assert_eq!(judge(&[assumed.clone()])[0].rule, "role-assumed");
    assumed["userIdentity"] = json!({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"});
    assert!(judge(&[assumed.clone()]).is_empty());
    assumed["userIdentity"] = json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"});
    assert_eq!(judge(&[assumed])[0].rule, "role-assumed");
}

#[test]
fn what_the_root_user_does_is_told() {
    let root = json!({"type": "Root", "arn": "arn:aws:iam::111122223333:root"});
    let mut event = call("ec2.amazonaws.com", "StopInstances", &json!({}));
    event["userIdentity"] = root.clone();
    let findings = judge(&[event.clone()]);
    assert_eq!(
        (findings[0].rule, findings[0].severity),
        ("root-user-used", Severity::Low)
    );
    event["readOnly"] = json!(true);
    assert!(judge(&[event]).is_empty());
    // What it does to the authority is what anybody does.
    let mut event = call(
        "kms.amazonaws.com",
        "PutKeyPolicy",
        &json!({"keyId": key_arn(&crate::history::root())}),
    );
    event["userIdentity"] = root.clone();
    assert_eq!(judge(&[event])[0].rule, "key-policy-changed");
    let mut event = call("signin.amazonaws.com", "ConsoleLogin", &Value::Null);
    assert_eq!(judge(&[event.clone()])[0].rule, "console-sign-in");
    event["userIdentity"] = root;
    assert_eq!(judge(&[event])[0].rule, "root-user-signed-in");
}

#[test]
fn a_name_alone_is_not_enough_and_silence_is_suspicious() {
    // Another service has a call of that name.
    assert!(
        judge(&[call(
            "secretsmanager.amazonaws.com",
            "PutResourcePolicy",
            &json!({"secretId": "serverless-tls-cert-dev"})
        )])
        .is_empty()
    );
    // Where CloudTrail left out what it is about, it may be ours.
    let cut = call(
        "iam.amazonaws.com",
        "PutRolePolicy",
        &json!({"omitted": true, "originalSize": 200_000}),
    );
    assert_eq!(judge(&[cut])[0].rule, "role-policy-changed");
    let nothing = call("kms.amazonaws.com", "CreateGrant", &Value::Null);
    assert_eq!(judge(&[nothing])[0].rule, "key-grant-created");
    // The policy of another role that mentions ours is no change of ours.
    let other = call(
        "iam.amazonaws.com",
        "PutRolePolicy",
        &json!({"roleName": "other", "policyDocument": "{\"Resource\": \"arn:aws:iam::111122223333:role/serverless-tls-cert-dev\"}"}),
    );
    assert!(judge(&[other]).is_empty());
}
