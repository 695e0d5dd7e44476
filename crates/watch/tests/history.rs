//! Histories of an authority on AWS: what CloudTrail recorded, and what its journal has.

use std::collections::HashMap;

use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    Attempt, AttemptId, AttemptOrigin, AttemptRecord, AttemptSubject, CrlScope, IntentId, Outcome,
};
use chancery_authority::port::{KeyName, Receipt};
use chancery_watch::cloudtrail::{Limits, Records};
use chancery_watch::expected::{CaFacts, DeploymentFacts, Invocations};
use chancery_watch::matching::Observed;
use chancery_watch::{Coverage, Expected, Finding};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use serde_json::{Value, json};

pub(crate) const START: UnixTime = UnixTime(1_795_820_400);
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-west-2";

/// What the authority did in one step, a minute each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Issue,
    IssuingCrl,
    RootCrl,
    /// The answer to the first attempt was lost, and KMS had signed.
    LostSigned,
    /// It was lost, and KMS had not.
    LostUnsigned,
    Refused,
}

/// What was recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) events: Vec<Value>,
    pub(crate) attempts: Vec<AttemptRecord>,
}

pub(crate) fn root() -> CaName {
    CaName::new("serverless-root-ca-dev").unwrap()
}

pub(crate) fn issuing() -> CaName {
    CaName::new("serverless-issuing-ca-dev").unwrap()
}

pub(crate) fn key_arn(ca: &CaName) -> String {
    let id = if *ca == root() {
        "1234abcd-12ab-34cd-56ef-1234567890ab"
    } else {
        "0987dcba-09fe-87dc-65ba-ab0987654321"
    };
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}

pub(crate) fn facts() -> DeploymentFacts {
    let ca = |name: CaName, is_root| CaFacts {
        key: Some(key_arn(&name)),
        name,
        algorithm: Some(CaKeyAlgorithm::P256),
        is_root,
    };
    DeploymentFacts {
        partition: "aws".to_owned(),
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        project: "serverless".to_owned(),
        environment: "dev".to_owned(),
        cas: vec![ca(root(), true), ca(issuing(), false)],
        roles: HashMap::new(),
        tables: vec!["ServerlessCADev".to_owned(), "ServerlessCAJournalDev".to_owned()],
        external_bucket: "example-external".to_owned(),
        internal_bucket: "example-internal".to_owned(),
        further: Vec::new(),
        operators: Vec::new(),
        deployers: Vec::new(),
    }
}

/// What is expected, with records that are complete from a while before the first step on.
pub(crate) fn expected() -> Expected {
    let mut expected = facts().expected();
    expected.since = Some(START.plus_seconds(-7200));
    expected.invocations = Invocations::Recorded;
    for key in &mut expected.keys {
        key.start = expected.since;
    }
    expected
}

pub(crate) fn uuid(kind: u32, number: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

fn attempt_id(number: usize) -> AttemptId {
    // The first octets are those that markers are told apart by.
    let mut octets = [7; 16];
    octets[..4].copy_from_slice(&u32::try_from(number + 1).unwrap().to_be_bytes());
    AttemptId(octets)
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:serverless-{name}-dev")
}

pub(crate) fn session(name: &str) -> Value {
    let name = format!("serverless-{name}-dev");
    json!({
        "type": "AssumedRole",
        "principalId": format!("AROAEXAMPLE:{name}"),
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{name}"),
        "accountId": ACCOUNT,
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE", "arn": format!("arn:aws:iam::{ACCOUNT}:role/{name}")},
            "attributes": {"creationDate": "2026-11-28T10:00:00Z", "mfaAuthenticated": "false"},
        },
        "inScopeOf": {
            "issuerType": "AWS::Lambda::Function",
            "credentialsIssuedTo": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"),
        },
    })
}

/// A record of any call, by somebody with a console.
pub(crate) fn call(source: &str, name: &str, parameters: &Value) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": format!("arn:aws:iam::{ACCOUNT}:user/mallory"), "accountId": ACCOUNT},
        "eventTime": START.to_string(),
        "eventSource": source,
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.18.5",
        "requestParameters": parameters,
        "responseElements": null,
        "requestID": uuid(9, name.len()),
        "eventID": uuid(10, name.len() * 1000 + source.len()),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    })
}

pub(crate) fn sign(ca: &CaName, by: &str, at: UnixTime, number: usize, attempt: Option<AttemptId>) -> Value {
    let mut record = call(
        "kms.amazonaws.com",
        "Sign",
        &json!({"keyId": key_arn(ca), "messageType": "DIGEST", "signingAlgorithm": "ECDSA_SHA_256"}),
    );
    record["userIdentity"] = session(by);
    record["eventTime"] = json!(at.to_string());
    record["requestID"] = json!(uuid(1, number));
    record["eventID"] = json!(uuid(2, number));
    record["readOnly"] = json!(true);
    record["resources"] = json!([{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key_arn(ca)}]);
    if let Some(attempt) = attempt {
        record["userAgent"] = json!(format!("aws-sdk-rust/1.3.14 os/linux app/chancery-{attempt}"));
    }
    record
}

pub(crate) fn invoke(name: &str, at: UnixTime, number: usize) -> Value {
    let mut record = call("lambda.amazonaws.com", "Invoke", &Value::Null);
    record["eventTime"] = json!(at.to_string());
    record["requestID"] = json!(uuid(3, number));
    record["eventID"] = json!(uuid(4, number));
    record["managementEvent"] = json!(false);
    record["eventCategory"] = json!("Data");
    record["additionalEventData"] = json!({"functionVersion": format!("{}:$LATEST", function(name))});
    record["resources"] = json!([{"accountId": ACCOUNT, "type": "AWS::Lambda::Function", "ARN": function(name)}]);
    record
}

pub(crate) fn attempt(subject: AttemptSubject, at: UnixTime, number: usize, of: u32) -> AttemptRecord {
    AttemptRecord {
        attempt: Attempt {
            origin: AttemptOrigin {
                id: attempt_id(number),
                key: KeyName(format!("alias/{}", subject.issuer())),
                request_id: Some(uuid(3, number)),
            },
            subject,
            number: of,
            signing_input: vec![7; 32],
            principal: None,
            at,
        },
        outcome: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an attempt has it or not")]
pub(crate) fn receipt(number: usize, at: UnixTime) -> Option<(Outcome, UnixTime)> {
    Some((Outcome::Signed(Receipt(uuid(1, number))), at))
}

pub(crate) fn certificate(number: usize) -> AttemptSubject {
    AttemptSubject::Certificate(IntentId {
        issuer: issuing(),
        serial: Serial::from_octets(&(number as u64 + 1).to_be_bytes()).unwrap(),
    })
}

pub(crate) fn crl(issuer: CaName, number: usize) -> AttemptSubject {
    AttemptSubject::Crl {
        scope: CrlScope { issuer, shard: None },
        number: number as u64 + 1,
    }
}

impl History {
    pub(crate) fn of(steps: &[Step]) -> Self {
        let mut history = Self::default();
        for (number, step) in steps.iter().enumerate() {
            // Numbers of a step's first attempt and its second.
            history.step(
                *step,
                2 * number,
                START.plus_seconds(60 * i64::try_from(number).unwrap()),
            );
        }
        history
    }

    fn step(&mut self, step: Step, number: usize, at: UnixTime) {
        let (by, ca, subject) = match step {
            Step::IssuingCrl => ("issuing-ca-crl", issuing(), crl(issuing(), number)),
            Step::RootCrl => ("root-ca-crl", root(), crl(root(), number)),
            _ => ("tls-cert", issuing(), certificate(number)),
        };
        self.events.push(invoke(by, at, number));
        let mut first = attempt(subject.clone(), at, number, 1);
        let mark = first.attempt.origin.id;
        match step {
            Step::Issue | Step::IssuingCrl | Step::RootCrl => {
                first.outcome = receipt(number, at.plus_seconds(1));
                self.attempts.push(first);
                self.events.push(sign(&ca, by, at.plus_seconds(1), number, Some(mark)));
                return;
            }
            Step::Refused => {
                let detail = "throttled".to_owned();
                first.outcome = Some((Outcome::Refused { detail }, at));
                self.attempts.push(first);
                return;
            }
            Step::LostSigned => self.events.push(sign(&ca, by, at.plus_seconds(2), number, Some(mark))),
            Step::LostUnsigned => {
                let detail = "timeout".to_owned();
                first.outcome = Some((Outcome::Unknown { detail }, at));
            }
        }
        self.attempts.push(first);
        let mut second = attempt(subject, at.plus_seconds(5), number + 1, 2);
        second.attempt.origin.request_id = Some(uuid(3, number));
        second.outcome = receipt(number + 1, at.plus_seconds(6));
        let mark = second.attempt.origin.id;
        self.attempts.push(second);
        self.events
            .push(sign(&ca, by, at.plus_seconds(6), number + 1, Some(mark)));
    }

    /// Four hours after the last step: everything has settled.
    pub(crate) fn end(&self) -> UnixTime {
        let last = self.attempts.iter().map(|record| record.attempt.at).max();
        last.unwrap_or(START).plus_seconds(4 * 3600)
    }

    pub(crate) fn judge(&self, expected: &Expected) -> (Vec<Finding>, Coverage) {
        self.judge_at(expected, self.end())
    }

    pub(crate) fn judge_at(&self, expected: &Expected, now: UnixTime) -> (Vec<Finding>, Coverage) {
        let document = json!({ "Records": self.events }).to_string();
        let mut observed = Observed::new(expected);
        let mut coverage = Coverage::default();
        for entry in Records::new(document.as_bytes(), Limits::default()) {
            coverage.entry("history", &entry);
            if let Ok(chancery_watch::cloudtrail::Entry::Record(record)) = entry {
                observed.record(&record);
            }
        }
        let mut comparison = observed.compare(now, coverage);
        for attempt in &self.attempts {
            comparison.attempt(attempt);
        }
        comparison.finish()
    }
}

/// The names of the rules, the low ones left out.
pub(crate) fn rules(findings: &[Finding]) -> Vec<&'static str> {
    let alarming = findings
        .iter()
        .filter(|finding| finding.severity != chancery_watch::Severity::Low);
    let mut rules: Vec<_> = alarming.map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}
