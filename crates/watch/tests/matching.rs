//! The verdicts, one by one.

use chancery_authority::port::ledger::Outcome;
use chancery_authority::port::{KeyName, Receipt};
use chancery_watch::expected::Invocations;
use chancery_watch::matching::{Observed, Signature};
use chancery_watch::{Coverage, Expected, Severity};
use chancery_x509::time::UnixTime;
use serde_json::{Value, json};

use crate::history::{
    History, START, Step, attempt, certificate, crl, expected, invoke, issuing, key_arn, receipt, root, rules, session,
    sign, uuid,
};

fn honest() -> History {
    History::of(&[Step::Issue, Step::IssuingCrl, Step::RootCrl, Step::Issue])
}

fn found(history: &History) -> Vec<&'static str> {
    rules(&history.judge(&expected()).0)
}

/// A thief has the credentials of `tls-cert` and signs.
fn thief(history: &mut History, number: usize, at: UnixTime) {
    history.events.push(sign(&issuing(), "tls-cert", at, number, None));
}

#[test]
fn each_verdict_has_its_evidence() {
    let mut history = honest();
    thief(&mut history, 900, START.plus_seconds(30));
    let (findings, coverage) = history.judge(&expected());
    let finding = &findings[0];
    assert_eq!(
        (finding.rule, finding.severity, finding.count),
        ("unaccounted-signature", Severity::Critical, 1)
    );
    assert_eq!(finding.ca.as_deref(), Some(issuing().as_str()));
    assert_eq!(finding.evidence[0].event_id, uuid(2, 900));
    assert_eq!(finding.evidence[0].request_id, uuid(1, 900));
    assert!(finding.evidence[0].principal.contains("serverless-tls-cert-dev"));
    assert!(!finding.remedy.is_empty() && finding.title.contains("no attempt"));
    assert_eq!(
        (coverage.matching, coverage.signatures, coverage.invocations),
        ("three-way", 5, 4)
    );
    assert_eq!(coverage.attempts, 4);
}

#[test]
fn one_cause_is_one_finding() {
    let mut history = honest();
    for number in 900..950 {
        thief(&mut history, number, START.plus_seconds(30));
    }
    let (findings, _) = history.judge(&expected());
    assert_eq!(
        (findings.len(), findings[0].count, findings[0].evidence.len()),
        (1, 50, 20)
    );
}

#[test]
fn a_thief_who_writes_rows_is_found_by_the_missing_invocation() {
    let mut history = honest();
    thief(&mut history, 900, START.plus_seconds(31));
    let mut row = attempt(certificate(900), START.plus_seconds(30), 900, 1);
    row.outcome = receipt(900, START.plus_seconds(31));
    history.attempts.push(row);
    let (findings, _) = history.judge(&expected());
    assert_eq!(rules(&findings), ["unaccounted-signature"]);
    assert!(findings[0].title.contains("no function was invoked"));
    // In an honest invocation of the same function, that function signed twice.
    history.attempts.last_mut().unwrap().attempt.origin.request_id = Some(uuid(3, 0));
    assert_eq!(found(&history), ["count-exceeded"]);
    // Also where the row says that it is for the same certificate.
    let honest_subject = history.attempts[0].attempt.subject.clone();
    let own = std::mem::replace(
        &mut history.attempts.last_mut().unwrap().attempt.subject,
        honest_subject,
    );
    history.attempts.last_mut().unwrap().attempt.number = 2;
    assert_eq!(found(&history), ["count-exceeded"]);
    history.attempts.last_mut().unwrap().attempt.subject = own;
    history.attempts.last_mut().unwrap().attempt.number = 1;
    // In one of another function, that one's credentials were not used.
    history.attempts.last_mut().unwrap().attempt.origin.request_id = Some(uuid(3, 2));
    assert_eq!(found(&history), ["wrong-function"]);
    // Open rows do not excuse it either.
    history.attempts.last_mut().unwrap().outcome = None;
    history.attempts.last_mut().unwrap().attempt.origin.request_id = Some(uuid(3, 900));
    assert_eq!(found(&history), ["unaccounted-signature"]);
}

#[test]
fn without_invocations_the_match_is_of_two_and_says_so() {
    let mut history = honest();
    history.events.retain(|event| event["eventName"] != "Invoke");
    let mut where_seen = expected();
    where_seen.invocations = Invocations::WhereSeen;
    let (findings, coverage) = history.judge(&where_seen);
    assert_eq!(rules(&findings), Vec::<&str>::new());
    assert_eq!(coverage.matching, "two-way");
    assert!(
        coverage.not_seen.iter().any(|what| what.contains("data events")),
        "{:?}",
        coverage.not_seen
    );
    // Where they are recorded, somebody switched them off.
    assert_eq!(found(&history), ["invoke-missing"]);
    thief(&mut history, 900, START.plus_seconds(30));
    assert_eq!(rules(&history.judge(&where_seen).0), ["unaccounted-signature"]);
}

#[test]
fn invocations_that_end_are_told() {
    let mut history = History::of(&[Step::Issue; 14]);
    let mut later = History::of(&[Step::Issue; 14]);
    // The same, a day later, without invocations.
    let day = 86_400;
    for (place, event) in later.events.iter_mut().enumerate() {
        event["eventID"] = json!(uuid(90, place));
        let request = event["requestID"].as_str().unwrap().replace("-0000-4000", "-0001-4000");
        event["requestID"] = json!(request);
        let time = UnixTime::from_rfc3339(event["eventTime"].as_str().unwrap()).unwrap();
        event["eventTime"] = json!(time.plus_seconds(day).to_string());
    }
    later.events.retain(|event| event["eventName"] == "Sign");
    for record in &mut later.attempts {
        record.attempt.at = record.attempt.at.plus_seconds(day);
        record.attempt.origin.id.0[15] = 99;
        let request = record.attempt.origin.request_id.take().unwrap();
        record.attempt.origin.request_id = Some(request.replace("-0000-4000", "-0001-4000"));
        if let Some((Outcome::Signed(receipt), _)) = &mut record.outcome {
            receipt.0 = receipt.0.replace("-0000-4000", "-0001-4000");
        }
    }
    history.events.extend(later.events);
    history.attempts.extend(later.attempts);
    assert_eq!(found(&history), ["invoke-missing", "unaccounted-signature"]);
}

#[test]
fn what_is_missing_is_missed_after_the_settling_time() {
    let mut history = honest();
    history.events.retain(|event| event["requestID"] != json!(uuid(1, 0)));
    let early = START.plus_seconds(7199);
    let (findings, coverage) = history.judge_at(&expected(), early);
    assert_eq!(rules(&findings), Vec::<&str>::new());
    assert!(coverage.pending > 0);
    assert_eq!(
        rules(&history.judge_at(&expected(), START.plus_seconds(7200)).0),
        ["signature-missing"]
    );

    // An invocation comes late, too; what should not be there is told at once.
    let mut history = honest();
    history.events.retain(|event| event["requestID"] != json!(uuid(3, 0)));
    assert_eq!(rules(&history.judge_at(&expected(), early).0), Vec::<&str>::new());
    assert_eq!(found(&history), ["unaccounted-signature"]);
    let mut history = honest();
    thief(&mut history, 900, START);
    assert_eq!(
        rules(&history.judge_at(&expected(), START.plus_seconds(299)).0),
        Vec::<&str>::new()
    );
    assert_eq!(
        rules(&history.judge_at(&expected(), START.plus_seconds(300)).0),
        ["unaccounted-signature"]
    );
}

#[test]
fn lost_answers_are_named_and_many_are_an_alarm() {
    let mut history = History::of(&[Step::LostSigned, Step::LostUnsigned, Step::Issue]);
    let (findings, coverage) = history.judge(&expected());
    assert_eq!(
        (findings[0].rule, findings[0].severity, findings.len()),
        ("lost-attempts", Severity::Low, 1)
    );
    assert!(coverage.lost[0].named);
    assert_eq!(
        coverage.lost[0].attempt,
        history.attempts[0].attempt.origin.id.to_string()
    );
    assert_eq!(coverage.lost_unsigned, 1);
    // Where records have the callers' names, a signature without one is of no attempt, lost or not.
    let mut beside = history.clone();
    thief(&mut beside, 900, START.plus_seconds(70));
    assert_eq!(found(&beside), ["unaccounted-signature"]);
    // Where KMS's record does not name it, it is counted: one signature for one attempt.
    for event in &mut history.events {
        event["userAgent"] = json!("AWS Internal");
    }
    let (findings, coverage) = history.judge(&expected());
    assert_eq!(rules(&findings), Vec::<&str>::new());
    assert!(!coverage.lost[0].named);
    thief(&mut history, 900, START.plus_seconds(70));
    assert_eq!(
        rules(&history.judge(&expected()).0),
        Vec::<&str>::new(),
        "it may be of the second lost attempt"
    );
    thief(&mut history, 901, START.plus_seconds(70));
    assert_eq!(found(&history), ["unaccounted-signature"]);

    let history = History::of(&[Step::LostSigned; 11]);
    let (findings, _) = history.judge(&expected());
    assert_eq!(
        (findings[0].rule, findings[0].severity, findings[0].count),
        ("lost-attempts", Severity::High, 11)
    );
}

#[test]
fn a_lost_attempt_excuses_nothing_of_another_time_key_or_function() {
    let history = History::of(&[Step::LostUnsigned]);
    for (at, by, ca) in [
        (START.plus_seconds(86_400), "tls-cert", issuing()),
        (START.plus_seconds(-600), "tls-cert", issuing()),
        (START.plus_seconds(2), "issuing-ca-crl", issuing()),
        (START.plus_seconds(2), "root-ca-crl", root()),
    ] {
        let mut history = history.clone();
        history.events.push(sign(&ca, by, at, 900, None));
        let now = START.plus_seconds(2 * 86_400);
        assert_eq!(
            rules(&history.judge_at(&expected(), now).0),
            ["unaccounted-signature"],
            "{by} {at}"
        );
    }
}

#[test]
fn a_second_signature_for_one_attempt_is_one_too_many() {
    let mut history = honest();
    let mark = history.attempts[0].attempt.origin.id;
    history
        .events
        .push(sign(&issuing(), "tls-cert", START.plus_seconds(2), 900, Some(mark)));
    let (findings, _) = history.judge(&expected());
    assert_eq!(rules(&findings), ["count-exceeded"]);
    assert!(findings[0].title.contains("more than once for one attempt"));
}

#[test]
fn an_invocation_that_lambda_repeats_may_have_another_thing_signed() {
    let mut history = honest();
    let again = |history: &mut History| {
        history
            .events
            .push(sign(&issuing(), "tls-cert", START.plus_seconds(40), 900, None));
        let mut second = attempt(certificate(900), START.plus_seconds(40), 900, 1);
        second.attempt.origin.request_id = Some(uuid(3, 0));
        second.outcome = receipt(900, START.plus_seconds(40));
        history.attempts.push(second);
    };
    again(&mut history);
    assert_eq!(found(&history), ["count-exceeded"]);
    for number in [800, 801] {
        let mut run = invoke("tls-cert", START.plus_seconds(number), usize::try_from(number).unwrap());
        run["eventName"] = json!("InvokeExecution");
        run["requestID"] = json!(uuid(3, 0));
        history.events.push(run);
    }
    assert_eq!(found(&history), Vec::<&str>::new());
}

#[test]
fn refusals_are_told_and_throttling_is_not() {
    let mut history = honest();
    let mut denied = sign(&issuing(), "tls-cert", START, 900, None);
    denied["errorCode"] = json!("ThrottlingException");
    history.events.push(denied.clone());
    assert_eq!(found(&history), Vec::<&str>::new());
    denied["errorCode"] = json!("AccessDenied");
    history.events.push(denied.clone());
    assert_eq!(found(&history), ["denied-signature"]);
    // A refused call may lack the key's ARN: by what the caller wrote.
    let mut history = honest();
    denied["userIdentity"] = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/mallory"});
    denied["resources"] = json!([]);
    for key in [
        "alias/serverless-issuing-ca-dev",
        "arn:aws:kms:eu-west-2:111122223333:alias/serverless-issuing-ca-dev",
        "0987dcba-09fe-87dc-65ba-ab0987654321",
    ] {
        denied["requestParameters"]["keyId"] = json!(key);
        denied["eventID"] = json!(key);
        denied["requestID"] = json!(key);
        history.events.push(denied.clone());
    }
    let (findings, _) = history.judge(&expected());
    assert_eq!(
        (findings[0].rule, findings[0].count, findings.len()),
        ("denied-signature", 3, 1)
    );
    assert!(findings[0].title.contains("mallory"));
    // Nor what the caller wrote: IAM's message says what it was about.
    denied["requestParameters"] = Value::Null;
    denied["eventID"] = json!("message");
    let about = |key: &str| {
        format!("User: mallory is not authorized to perform: kms:Sign on resource: {key} because of nothing")
    };
    let mut history = honest();
    denied["errorMessage"] = json!(about(&key_arn(&issuing())));
    history.events.push(denied.clone());
    assert_eq!(found(&history), ["denied-signature"]);
    history.events.truncate(8);
    denied["errorMessage"] = json!(about(
        "arn:aws:kms:eu-west-2:111122223333:key/aaaabbbb-0000-0000-0000-000000000000"
    ));
    history.events.push(denied.clone());
    assert_eq!(found(&history), Vec::<&str>::new());
    // Of whoever may not sign, any failure is an attempt.
    denied["errorMessage"] = json!(about(&key_arn(&issuing())));
    history.events.truncate(8);
    denied["errorCode"] = json!("DisabledException");
    history.events.push(denied);
    assert_eq!(found(&history), ["denied-signature"]);
}

#[test]
fn a_role_that_was_made_again_is_another_one() {
    let mut expected = expected();
    for function in &mut expected.functions {
        function.role_id = Some("AROAEXAMPLE".to_owned());
    }
    let mut history = honest();
    assert_eq!(rules(&history.judge(&expected).0), Vec::<&str>::new());
    let place = history
        .events
        .iter()
        .position(|event| event["eventName"] == "Sign")
        .unwrap();
    history.events[place]["userIdentity"]["principalId"] = json!("AROAOTHER:serverless-tls-cert-dev");
    assert_eq!(rules(&history.judge(&expected).0), ["wrong-role"]);
}

#[test]
fn a_function_that_signs_for_another_purpose_is_told() {
    let mut history = honest();
    let place = history
        .attempts
        .iter()
        .position(|record| record.attempt.subject == crl(issuing(), 2))
        .unwrap();
    history.attempts[place].attempt.subject = certificate(77);
    assert_eq!(found(&history), ["wrong-function"]);
}

#[test]
fn before_the_start_line_signatures_are_counted_and_never_judged() {
    let mut history = honest();
    let former = START.plus_seconds(-3600);
    for number in 900..903 {
        let mut event = sign(&issuing(), "tls-cert", former, number, None);
        event["userIdentity"] = session("former-function");
        event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] =
            json!("arn:aws:iam::111122223333:role/serverless-tls-cert-dev");
        event["userIdentity"]["inScopeOf"]["credentialsIssuedTo"] =
            json!("arn:aws:lambda:eu-west-2:111122223333:function:serverless-tls-cert-dev");
        history.events.push(event);
    }
    let mut adopted = expected();
    adopted.keys.iter_mut().for_each(|key| key.start = None);
    let (findings, coverage) = history.judge(&adopted);
    assert_eq!(rules(&findings), Vec::<&str>::new());
    let before = &coverage.before_start[issuing().as_str()];
    assert_eq!(
        (before.signatures, before.first, before.start),
        (3, Some(former), Some(START))
    );
    // A line that is known does not move with what is in the journal.
    assert_eq!(found(&history), ["unaccounted-signature"]);
    // A key that has no attempt at all gets one a day after the first of the others.
    let mut history = History::of(&[Step::Issue]);
    history
        .events
        .push(sign(&root(), "root-ca-crl", START.plus_seconds(86_399), 900, None));
    let now = START.plus_seconds(3 * 86_400);
    assert_eq!(rules(&history.judge_at(&adopted, now).0), Vec::<&str>::new());
    history
        .events
        .push(sign(&root(), "root-ca-crl", START.plus_seconds(86_400), 901, None));
    assert_eq!(rules(&history.judge_at(&adopted, now).0), ["unaccounted-signature"]);
}

#[test]
fn records_that_end_are_silence_and_not_many_missing_ones() {
    let mut history = honest();
    let mut late = History::of(&[Step::Issue; 3]).attempts;
    for record in &mut late {
        record.attempt.at = record.attempt.at.plus_seconds(86_400);
        record.outcome = Some((Outcome::Signed(Receipt(uuid(77, 7))), record.attempt.at));
    }
    history.attempts.extend(late);
    let (findings, _) = history.judge(&expected());
    assert_eq!(rules(&findings), ["guard-silent"]);
    assert_eq!(findings[0].count, 3);
}

#[test]
fn nothing_is_missed_where_nothing_was_given() {
    let mut history = honest();
    history.events.clear();
    let (findings, coverage) = history.judge(&expected());
    assert_eq!(rules(&findings), Vec::<&str>::new());
    assert!(
        coverage
            .not_seen
            .iter()
            .any(|what| what.contains("no record was given"))
    );
    let (findings, coverage) = History::default().judge(&expected());
    assert!(findings.is_empty());
    assert_eq!(coverage.matching, "none");
}

#[test]
fn an_attempt_before_the_records_is_not_missed() {
    let history = honest();
    let mut expected = expected();
    let mut cut = history.clone();
    cut.events
        .retain(|event| event["eventTime"].as_str().unwrap() > START.plus_seconds(50).to_string().as_str());
    assert_eq!(rules(&cut.judge(&expected).0), ["signature-missing"]);
    expected.since = Some(START.plus_seconds(50));
    assert_eq!(rules(&cut.judge(&expected).0), Vec::<&str>::new());
    // From then on a thief is one, however soon.
    thief(&mut cut, 900, START.plus_seconds(61));
    let mut row = attempt(certificate(900), START.plus_seconds(61), 900, 1);
    row.outcome = receipt(900, START.plus_seconds(61));
    cut.attempts.push(row);
    assert_eq!(rules(&cut.judge(&expected).0), ["unaccounted-signature"]);
}

#[test]
fn keys_of_others_are_nobody_s_concern() {
    let mut history = honest();
    let mut other = sign(&issuing(), "tls-cert", START, 900, None);
    other["resources"][0]["ARN"] = json!("arn:aws:kms:eu-west-2:444455556666:key/aaaabbbb-0000-0000-0000-000000000000");
    other["requestParameters"]["keyId"] = json!("alias/serverless-issuing-ca-dev");
    history.events.push(other);
    assert_eq!(found(&history), Vec::<&str>::new());
    let mut foreign = attempt(certificate(900), START, 900, 1);
    foreign.attempt.origin.key = KeyName("alias/other".to_owned());
    let other = chancery_authority::CaName::new("other").unwrap();
    foreign.attempt.subject = crl(other, 1);
    foreign.outcome = receipt(901, START);
    history.attempts.push(foreign);
    let (findings, coverage) = history.judge(&expected());
    assert_eq!(rules(&findings), Vec::<&str>::new());
    assert_eq!(coverage.attempts_elsewhere, 1);
}

#[test]
fn the_log_of_a_key_store_is_matched_by_receipts_alone() {
    let mut expected = Expected::default();
    let mut facts = crate::history::facts().expected().keys;
    for key in &mut facts {
        key.names = vec![key.ca.to_string()];
        key.signers.clear();
        key.algorithm = None;
        key.start = Some(START.plus_seconds(-60));
    }
    expected.keys = facts;
    let key = KeyName(issuing().to_string());
    let mut row = attempt(certificate(1), START, 1, 1);
    row.attempt.origin.key = key.clone();
    let made = Receipt("04CHC5S0FS8RRKR1C02G".to_owned());
    row.outcome = Some((Outcome::Signed(made.clone()), START));
    let digest = row.attempt.signing_input.clone();
    let judge_of = |receipts: &[&Receipt], signed: &[u8]| {
        let mut observed = Observed::new(&expected);
        for receipt in receipts {
            observed.signature(&Signature {
                receipt,
                key: &key,
                input: signed,
                time: START,
            });
        }
        let mut comparison = observed.compare(START.plus_seconds(86_400), Coverage::default());
        comparison.attempt(&row);
        comparison.unreadable("row 7");
        rules(&comparison.finish().0)
    };
    let judge = |receipts: &[&Receipt]| judge_of(receipts, &digest);
    let something_else = judge_of(&[&made], &[9; 32]);
    assert!(something_else.contains(&"unaccounted-signature"), "{something_else:?}");
    assert!(something_else.contains(&"signature-missing"), "{something_else:?}");
    let other = Receipt("04CHC5S0FS8RRKR1C02H".to_owned());
    assert_eq!(judge(&[&made]), ["attempt-unreadable"]);
    assert_eq!(judge(&[&made, &other]), ["attempt-unreadable", "unaccounted-signature"]);
    assert_eq!(
        judge(&[&other]),
        ["attempt-unreadable", "signature-missing", "unaccounted-signature"]
    );
}

#[test]
fn an_empty_log_of_a_key_store_lacks_what_the_journal_has() {
    let expected = expected();
    let mut row = attempt(certificate(1), START, 1, 1);
    row.outcome = receipt(1, START);
    let mut observed = Observed::new(&expected);
    observed.whole_log(START.plus_seconds(86_400));
    let mut comparison = observed.compare(START.plus_seconds(86_400), Coverage::default());
    comparison.attempt(&row);
    assert_eq!(rules(&comparison.finish().0), ["signature-missing"]);
}
