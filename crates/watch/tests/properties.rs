//! From a true history remove, repeat, change or add any one thing: it is found, and named rightly.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::history::{
    History, START, Step, attempt, certificate, crl, expected, issuing, key_arn, receipt, root, rules, sign,
};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Issue),
        2 => Just(Step::IssuingCrl),
        1 => Just(Step::RootCrl),
        1 => Just(Step::LostSigned),
        1 => Just(Step::Refused),
    ];
    prop::collection::vec(step, 2..24)
}

fn is(event: &Value, name: &str) -> bool {
    event["eventName"] == name
}

/// Places of events of that name.
fn places(history: &History, name: &str) -> Vec<usize> {
    let events = history.events.iter().enumerate();
    events
        .filter(|(_, event)| is(event, name))
        .map(|(place, _)| place)
        .collect()
}

/// Whether a signature's receipt is in the journal: that of a lost attempt is not.
fn is_claimed(history: &History, event: &Value) -> bool {
    let request = event["requestID"].as_str().unwrap();
    history
        .attempts
        .iter()
        .any(|record| format!("{:?}", record.outcome).contains(request))
}

fn shuffled(mut history: History, order: &[Index]) -> History {
    for (place, index) in order.iter().enumerate().take(history.events.len()) {
        let other = index.index(history.events.len());
        history.events.swap(place, other);
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_true_history_raises_no_alarm_in_any_order(steps in steps(), unsigned in any::<bool>(), order in prop::collection::vec(any::<Index>(), 60)) {
        let mut steps = steps;
        if unsigned {
            steps.push(Step::LostUnsigned);
        }
        let history = shuffled(History::of(&steps), &order);
        let (findings, coverage) = history.judge(&expected());
        prop_assert_eq!(rules(&findings), Vec::<&str>::new());
        let lost = steps.iter().filter(|step| **step == Step::LostSigned).count();
        prop_assert_eq!(coverage.lost.len(), lost);
        prop_assert!(coverage.lost.iter().all(|lost| lost.named));
        prop_assert_eq!(coverage.lost_unsigned, u64::from(unsigned));
        prop_assert_eq!(coverage.pending, 0);
    }

    #[test]
    fn a_repeated_event_changes_nothing(steps in steps(), which in any::<Index>()) {
        let mut history = History::of(&steps);
        let before = history.judge(&expected());
        let event = history.events[which.index(history.events.len())].clone();
        history.events.push(event);
        let after = history.judge(&expected());
        prop_assert_eq!(before.0, after.0);
        prop_assert_eq!(before.1.lost, after.1.lost);
    }

    #[test]
    fn a_missing_event_is_found(steps in steps(), which in any::<Index>()) {
        let mut history = History::of(&steps);
        let removed = history.events.remove(which.index(history.events.len()));
        let signed = history.attempts.iter().any(|record| {
            record.attempt.origin.request_id.as_deref() == removed["requestID"].as_str()
                && format!("{:?}", record.outcome).contains("Signed")
        });
        let wanted = match (is(&removed, "Sign"), places(&history, "Invoke").len()) {
            (true, _) if is_claimed(&history, &removed) => vec!["signature-missing"],
            // The journal never said that there is a signature.
            (true, _) => vec![],
            (false, _) if !signed => vec![],
            (false, 0) => vec!["invoke-missing"],
            (false, _) => vec!["unaccounted-signature"],
        };
        let (findings, _) = history.judge(&expected());
        prop_assert_eq!(rules(&findings), wanted);
    }

    #[test]
    fn a_changed_signature_is_found(steps in steps(), which in any::<Index>(), change in 0..9_usize) {
        let mut history = History::of(&steps);
        history.events.push(sign(&issuing(), "tls-cert", START, 900, None));
        let extra = attempt(certificate(900), START, 900, 1);
        history.attempts.push(extra);
        history.attempts.last_mut().unwrap().outcome = receipt(900, START);
        history.events.push(crate::history::invoke("tls-cert", START, 900));
        let signs: Vec<_> = places(&history, "Sign");
        let signs: Vec<_> = signs.into_iter().filter(|&place| is_claimed(&history, &history.events[place])).collect();
        let event = &mut history.events[signs[which.index(signs.len())]];
        let other = if event["resources"][0]["ARN"] == key_arn(&root()) { key_arn(&issuing()) } else { key_arn(&root()) };
        let wanted = match change {
            0 => {
                event["userIdentity"] = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/mallory"});
                vec!["wrong-role"]
            }
            1 => {
                event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = json!("arn:aws:iam::111122223333:role/other");
                vec!["wrong-role"]
            }
            2 => {
                event["userIdentity"]["inScopeOf"]["credentialsIssuedTo"] = json!("arn:aws:lambda:eu-west-2:111122223333:function:other");
                vec!["wrong-function"]
            }
            3 => {
                let identity = event["userIdentity"].as_object_mut().unwrap();
                identity.remove("inScopeOf");
                identity.insert("arn".to_owned(), json!("arn:aws:sts::111122223333:assumed-role/serverless-tls-cert-dev/mallory"));
                vec!["wrong-function"]
            }
            4 => {
                event["requestParameters"]["signingAlgorithm"] = json!("ECDSA_SHA_512");
                vec!["wrong-algorithm"]
            }
            5 => {
                event["awsRegion"] = json!("us-east-1");
                vec!["wrong-region"]
            }
            6 => {
                event["errorCode"] = json!("AccessDenied");
                vec!["denied-signature", "signature-missing"]
            }
            7 => {
                event["requestID"] = json!("ffffffff-0000-4000-8000-000000000000");
                // Where the signature still names its attempt, it is told that there are two for one.
                vec!["signature-missing", "unaccounted-signature"]
            }
            _ => {
                event["resources"][0]["ARN"] = json!(other);
                vec!["signature-missing", "wrong-role"]
            }
        };
        let (findings, _) = history.judge(&expected());
        let mut found = rules(&findings);
        if change == 8 {
            // Nor is there an attempt with that key.
            found.retain(|rule| *rule != "unaccounted-signature");
        }
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn an_added_signature_is_found(steps in steps(), minute in 0..30_i64, by in 0..3_usize) {
        let mut history = History::of(&steps);
        let by = ["tls-cert", "issuing-ca-crl", "sweep"][by];
        history.events.push(sign(&issuing(), by, START.plus_seconds(60 * minute), 900, None));
        let (findings, _) = history.judge(&expected());
        prop_assert_eq!(rules(&findings), vec!["unaccounted-signature"]);
    }

    #[test]
    fn a_missing_attempt_is_found(steps in steps(), which in any::<Index>()) {
        let mut history = History::of(&steps);
        let removed = history.attempts.remove(which.index(history.attempts.len()));
        let left_signature = match &removed.outcome {
            Some((chancery_authority::port::ledger::Outcome::Refused { .. }, _)) => false,
            // The first attempt of a lost answer, whose signature is there.
            Some(_) | None => true,
        };
        let (findings, _) = history.judge(&expected());
        prop_assert_eq!(rules(&findings), if left_signature { vec!["unaccounted-signature"] } else { vec![] });
    }

    #[test]
    fn an_added_attempt_is_found(steps in steps(), which in any::<Index>(), change in 0..4_usize) {
        let mut history = History::of(&steps);
        history.events.push(crate::history::invoke("tls-cert", START, 900));
        let signed: Vec<_> = history.attempts.iter().filter(|record| format!("{:?}", record.outcome).contains("Signed")).cloned().collect();
        let mut added = attempt(certificate(900), START, 900, 1);
        let wanted = match change {
            // Of a signature that never was.
            0 => {
                added.outcome = receipt(901, START);
                vec!["signature-missing"]
            }
            // Of another one's.
            1 if !signed.is_empty() => {
                added.outcome = signed[which.index(signed.len())].outcome.clone();
                // Whichever comes first has it; the other one has none.
                vec!["signature-missing"]
            }
            // A signature, with rows, and no invocation.
            2 => {
                history.events.push(sign(&issuing(), "tls-cert", START.plus_seconds(1), 901, None));
                added.outcome = receipt(901, START);
                added.attempt.origin.request_id = Some("ffffffff-0000-4000-8000-000000000000".to_owned());
                vec!["unaccounted-signature"]
            }
            // One that is open does no harm by itself.
            _ => vec![],
        };
        history.attempts.push(added);
        let (findings, _) = history.judge(&expected());
        prop_assert_eq!(rules(&findings), wanted);
    }

    #[test]
    fn a_changed_attempt_is_found(steps in steps(), which in any::<Index>(), change in 0..5_usize) {
        let mut history = History::of(&steps);
        history.events.push(sign(&issuing(), "tls-cert", START, 900, None));
        history.events.push(crate::history::invoke("tls-cert", START, 900));
        let mut extra = attempt(certificate(900), START, 900, 1);
        extra.outcome = receipt(900, START);
        history.attempts.push(extra);
        let signed: Vec<_> = (0..history.attempts.len())
            .filter(|&place| format!("{:?}", history.attempts[place].outcome).contains("Signed"))
            .filter(|&place| history.attempts[place].attempt.subject.purpose() == chancery_authority::port::Purpose::Certificate)
            .collect();
        let changed = &mut history.attempts[signed[which.index(signed.len())]];
        let wanted = match change {
            0 => {
                changed.attempt.origin.request_id = Some("ffffffff-0000-4000-8000-000000000000".to_owned());
                vec!["unaccounted-signature"]
            }
            1 => {
                changed.attempt.origin.request_id = None;
                vec!["unaccounted-signature"]
            }
            2 => {
                changed.outcome = receipt(950, START);
                vec!["signature-missing", "unaccounted-signature"]
            }
            3 => {
                changed.attempt.subject = crl(issuing(), 950);
                vec!["wrong-function"]
            }
            _ => {
                changed.attempt.origin.key.0 = format!("alias/{}", root());
                vec!["signature-missing", "unaccounted-signature"]
            }
        };
        let (findings, _) = history.judge(&expected());
        let mut found = rules(&findings);
        if change == 3 {
            // Where the invocation had an attempt for the certificate before, the CRL is another thing that it had signed.
            found.retain(|rule| *rule != "count-exceeded");
        }
        prop_assert_eq!(found, wanted);
    }
}
