//! Records in every form, and what is none.

use std::io::{Read, Write};

use chancery_watch::Id;
use chancery_watch::cloudtrail::{Category, Entry, Fault, Limits, Record, Records};
use chancery_x509::time::UnixTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const SIGN: &str = include_str!("records/kms-sign.json");
const INVOKE: &str = include_str!("records/lambda-invoke.json");
const UPDATE: &str = include_str!("records/update-function-code.json");

fn only(document: &str) -> Value {
    let document: Value = serde_json::from_str(document).unwrap();
    document["Records"][0].clone()
}

fn entries(document: impl Read) -> Vec<Result<Entry, Fault>> {
    let limits = Limits {
        document: 1 << 20,
        record: 1 << 16,
        depth: 20,
    };
    let entries = Records::new(document, limits).map(|entry| entry.map_err(|unreadable| unreadable.fault));
    entries.collect()
}

fn records(document: &str) -> Vec<Record> {
    let record = |entry| match entry {
        Ok(Entry::Record(record)) => *record,
        other => panic!("{other:?} of {document}"),
    };
    entries(document.as_bytes()).into_iter().map(record).collect()
}

fn gzip(document: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(document.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_signature_has_everything_that_is_used() {
    let [record] = records(SIGN).try_into().unwrap();
    assert_eq!(
        (record.source.as_str(), record.name.as_str()),
        ("kms.amazonaws.com", "Sign")
    );
    assert_eq!(record.time, UnixTime::from_rfc3339("2026-11-28T10:00:02Z").unwrap());
    assert_eq!(
        (record.region.as_str(), record.account.as_deref()),
        ("eu-west-2", Some("111122223333"))
    );
    assert_eq!(
        record.request_id.as_deref(),
        Some("8d0b35e0-46cf-48b9-be99-bf2ebc9ab9fb")
    );
    assert_eq!(record.event_id, Id::of("107b3cac-b125-4556-9702-12a2b9afcff7"));
    assert_eq!(
        (record.error_code, record.read_only, record.category),
        (None, Some(true), Category::Management)
    );
    assert_eq!(record.identity.kind.as_deref(), Some("AssumedRole"));
    assert_eq!(
        record.identity.principal_id.as_deref(),
        Some("AROAEXAMPLEID:serverless-tls-cert-dev")
    );
    assert_eq!(
        record.identity.role.as_deref(),
        Some("arn:aws:iam::111122223333:role/serverless-tls-cert-dev")
    );
    assert_eq!(record.identity.session(), Some("serverless-tls-cert-dev"));
    let function = record.identity.function.unwrap();
    assert_eq!(
        function.arn,
        "arn:aws:lambda:eu-west-2:111122223333:function:serverless-tls-cert-dev"
    );
    assert!(function.version.unwrap().ends_with(":$LATEST"));
    assert_eq!(record.source_ip.as_deref(), Some("192.0.2.10"));
    assert!(record.user_agent.unwrap().contains("00112233445566778899aabbccddeeff"));
    assert_eq!(
        record.resources,
        ["arn:aws:kms:eu-west-2:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"]
    );
    assert_eq!(record.parameters.text("signingAlgorithm"), Some("ECDSA_SHA_256"));
}

#[test]
fn an_invocation_and_a_change_have_what_is_used() {
    let [invoke] = records(INVOKE).try_into().unwrap();
    assert_eq!((invoke.category, invoke.read_only), (Category::Data, Some(false)));
    assert_eq!(invoke.identity.invoked_by.as_deref(), Some("states.amazonaws.com"));
    assert_eq!(invoke.identity.function, None);
    assert!(
        invoke
            .function_version
            .unwrap()
            .ends_with("serverless-tls-cert-dev:$LATEST")
    );
    assert!(invoke.parameters.leaves().is_empty());
    let [update] = records(UPDATE).try_into().unwrap();
    assert_eq!(update.name, "UpdateFunctionCode20150331v2");
    assert!(update.parameters.has("fullyQualifiedArn"));
    assert_eq!(update.identity.name(), "arn:aws:iam::111122223333:user/alice");
}

#[test]
fn every_form_is_read_alike() {
    let wanted = records(SIGN);
    let record = only(SIGN);
    let text = record.to_string();
    let event = json!({"version": "0", "id": "1", "detail-type": "AWS API Call via CloudTrail", "source": "aws.kms", "account": "111122223333",
        "time": "2026-11-28T10:00:02Z", "region": "eu-west-2", "resources": ["a"], "detail": record});
    let looked_up = json!({"EventId": "1", "EventName": "Sign", "ReadOnly": "true", "EventTime": 1_795_860_002, "EventSource": "kms.amazonaws.com",
        "Resources": [{"ResourceType": "AWS::KMS::Key", "ResourceName": "k"}], "CloudTrailEvent": text});
    let message = json!({"messageId": "1", "eventSource": "aws:sqs", "body": event.to_string(), "attributes": {}});
    for form in [
        text.clone(),
        serde_json::to_string_pretty(&record).unwrap(),
        json!([record]).to_string(),
        json!([text]).to_string(),
        event.to_string(),
        json!([event]).to_string(),
        looked_up.to_string(),
        json!({"Events": [looked_up], "NextToken": "x"}).to_string(),
        json!({"NextToken": {"a": [1, "Records"]}, "Events": [looked_up]}).to_string(),
        json!({"Records": [message]}).to_string(),
        json!({"digest": [1], "Records": [record], "more": {"Records": 1}}).to_string(),
        format!("\n\n  {text}\r\n\n"),
    ] {
        assert_eq!(records(&form), wanted, "{form}");
    }
    let several = format!("{text}\n{SIGN}\n{text}{text}\n[{text}]");
    assert_eq!(records(&several).len(), 5);
    let compressed = entries(gzip(SIGN).as_slice());
    assert!(matches!(&compressed[..], [Ok(Entry::Record(record))] if **record == wanted[0]));
    assert!(entries(&[][..]).is_empty() && records("{\"Records\": []}").is_empty());
}

#[test]
fn events_that_anybody_can_send_are_no_records() {
    let forged = |source: &str, kind: &str| {
        let event = json!({"detail-type": kind, "source": source, "detail": only(SIGN)}).to_string();
        entries(event.as_bytes()).remove(0).unwrap()
    };
    for (source, kind) in [
        ("custom.kms", "AWS API Call via CloudTrail"),
        ("", "AWS API Call via CloudTrail"),
        ("aws.kms", "KMS CMK Deletion"),
        // Another service's event does not carry this one's records.
        ("aws.s3", "AWS API Call via CloudTrail"),
    ] {
        assert!(matches!(forged(source, kind), Entry::Foreign { .. }), "{source} {kind}");
    }
    assert!(matches!(
        forged("aws.kms", "AWS API Call via CloudTrail"),
        Entry::Record(_)
    ));
}

/// What became of a document: `r` for a record, else what was wrong.
fn outcome(document: &str) -> String {
    let name = |entry: &Result<Entry, Fault>| match entry {
        Ok(Entry::Record(_)) => "r".to_owned(),
        Ok(Entry::Foreign { .. }) => "f".to_owned(),
        Err(fault) => format!("{fault:?}").split(['(', ' ']).next().unwrap().to_owned(),
    };
    entries(document.as_bytes())
        .iter()
        .map(name)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn what_is_no_record_stops_no_other() {
    let good = only(SIGN).to_string();
    let without = |field: &str| {
        let mut record = only(SIGN);
        record.as_object_mut().unwrap().remove(field);
        record.to_string()
    };
    let with = |field: &str, value: Value| {
        let mut record = only(SIGN);
        record[field] = value;
        record.to_string()
    };
    let deep = with(
        "x",
        serde_json::from_str(&format!("{}{}", "[".repeat(30), "]".repeat(30))).unwrap(),
    );
    let long = with("x", json!("y".repeat(1 << 16)));
    for (bad, fault) in [
        (without("eventID"), "Missing"),
        (without("eventTime"), "Missing"),
        (without("awsRegion"), "Missing"),
        (without("eventName"), "Missing"),
        (without("eventSource"), "NoRecord"),
        (with("eventTime", json!("yesterday")), "Time"),
        (with("eventName", json!(7)), "Form"),
        (with("readOnly", json!("true")), "Form"),
        (with("userIdentity", json!("mallory")), "Form"),
        (with("resources", json!({"a": 1})), "Form"),
        ("{}".to_owned(), "NoRecord"),
        ("{\"a\" 1}".to_owned(), "Form"),
        ("{\"body\": \"\"}".to_owned(), "Form"),
        (deep, "TooDeep"),
        (long, "TooLong"),
    ] {
        let list = format!("{{\"Records\": [{good}, {bad}, {good}]}}");
        assert_eq!(outcome(&list), format!("r {fault} r"), "{bad}");
        let lines = format!("{good}\n{bad}\n{good}\n");
        assert_eq!(outcome(&lines), format!("r {fault} r"), "{bad}");
    }
    // Fields that nothing here uses may have any form.
    assert_eq!(outcome(&with("responseElements", json!([1, {"a": null}]))), "r");
    assert_eq!(outcome(&with("requestParameters", json!("text"))), "r");
    assert_eq!(outcome(&with("eventVersion", json!(9))), "r");
}

#[test]
fn what_is_no_json_is_told_and_read_around_where_it_can_be() {
    let good = only(SIGN).to_string();
    for (document, wanted) in [
        (format!("{good}\nno json\n{good}"), "r NoJson r"),
        (format!("{good}\n7\n{good}"), "r NoJson r"),
        (format!("{good}\n{{\"a\": \"b\n{good}"), "r NoJson r"),
        (format!("{good}\n}}\n{good}"), "r NoJson r"),
        (format!("[{good}, 7, {good}]"), "r NoJson"),
        (format!("{{\"Records\": [{good}, null]}}"), "r NoJson"),
        (format!("{{\"Records\": [{good}"), "r Truncated"),
        (format!("{{\"Records\": [{good}]"), "r Truncated"),
        (good[..good.len() - 1].to_owned(), "Truncated"),
        ("\u{feff}{}".to_owned(), "NoJson"),
        (" ".repeat(2 << 20), "DocumentTooLong"),
        (format!("[{}]", ",".repeat(2 << 20)), "DocumentTooLong"),
    ] {
        let shown: String = document.chars().take(80).collect();
        assert_eq!(outcome(&document), wanted, "{shown}");
    }
}

#[test]
fn a_compressed_document_is_whole_and_alone() {
    let mut trailing = gzip(SIGN);
    trailing.extend_from_slice(b"more");
    assert!(matches!(
        &entries(trailing.as_slice())[..],
        [Ok(_), Err(Fault::Trailing)]
    ));
    let mut twice = gzip(SIGN);
    twice.extend(gzip(SIGN));
    assert!(matches!(&entries(twice.as_slice())[..], [Ok(_), Err(Fault::Trailing)]));
    let whole = gzip(SIGN);
    let cut = entries(&whole[..whole.len() / 2]);
    assert!(matches!(cut.last(), Some(Err(Fault::Io(_)))), "{cut:?}");
    let mut damaged = gzip(SIGN);
    let end = damaged.len() - 6;
    damaged[end] ^= 1;
    assert!(matches!(entries(damaged.as_slice()).last(), Some(Err(Fault::Io(_)))));
    // Nothing is read beyond the limit, whatever it is compressed to.
    let bomb = gzip(&format!("{{\"Records\": [{}", " ".repeat(4 << 20)));
    assert!(matches!(&entries(bomb.as_slice())[..], [Err(Fault::DocumentTooLong)]));
}
