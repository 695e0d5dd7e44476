//! `chancery guard` on one machine: the ledger, the log of the keys, and what others have seen.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Folder, succeeded};

const ISSUING_CA: &str = "chancery-issuing-ca";

/// An authority that has issued two certificates.
fn authority() -> Folder {
    let folder = Folder::new();
    folder.text(&["init"]);
    for name in ["one.example.com", "two.example.com"] {
        folder.text(&["request", name, "--out", name]);
    }
    folder
}

/// Runs the guard, well after everything so that nothing is too young to be judged.
fn guard(folder: &Folder, arguments: &[&str]) -> (i32, Value) {
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let later = format!("{later:.0}");
    let mut line = vec!["--json", "guard", "--now", &later];
    line.extend(arguments);
    answer(&folder.chancery(&line))
}

fn answer(output: &Output) -> (i32, Value) {
    let code = output.status.code().unwrap();
    let answer = serde_json::from_slice(&output.stdout);
    (
        code,
        answer.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))),
    )
}

fn rules(answer: &Value) -> Vec<&str> {
    let findings = answer["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect()
}

fn append(folder: &Folder, line: &str) {
    let log = folder.data().join("keys/signatures.log");
    let mut log = fs::File::options().append(true).open(log).unwrap();
    writeln!(log, "{line}").unwrap();
}

#[test]
fn every_signature_on_this_machine_is_accounted_for() {
    let folder = authority();
    let (code, answer) = guard(&folder, &[]);
    assert_eq!((code, rules(&answer)), (0, vec![]), "{answer}");
    let coverage = &answer["coverage"];
    assert_eq!(coverage["matching"], "two-way");
    assert_eq!(coverage["is_of_a_key_store"], true);
    // Two CAs, their CRLs, two certificates.
    assert!(coverage["signatures"].as_u64().unwrap() >= 6, "{coverage}");
    assert_eq!(coverage["signatures"], coverage["attempts"]);
    let said = folder.text(&["guard"]);
    assert!(
        said.contains("Nothing was found.") && said.contains("tamper-evident, not complete"),
        "{said}"
    );

    // Somebody with the key file and the passphrase signs, beside the ledger.
    let now = jiff::Timestamp::now();
    append(
        &folder,
        &json!({"time": format!("{now:.6}"), "receipt": "00000000000000000000", "key": ISSUING_CA, "algorithm": "p256", "input": "00"}).to_string(),
    );
    let (code, answer) = guard(&folder, &[]);
    assert_eq!((code, rules(&answer)), (3, vec!["unaccounted-signature"]), "{answer}");
    assert_eq!(answer["findings"][0]["severity"], "critical");
    assert_eq!(answer["findings"][0]["ca"], ISSUING_CA);
}

#[test]
fn a_log_that_was_shortened_is_told() {
    let folder = authority();
    let log = folder.data().join("keys/signatures.log");
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&log, format!("{}\n", lines[..lines.len() - 1].join("\n"))).unwrap();
    append(&folder, "no entry");
    let (code, answer) = guard(&folder, &[]);
    assert_eq!(code, 3);
    assert_eq!(rules(&answer), ["signature-missing", "unreadable-records"], "{answer}");
    fs::remove_file(&log).unwrap();
    let (_, answer) = guard(&folder, &[]);
    assert_eq!(
        rules(&answer),
        ["signature-missing", "signature-missing"],
        "of each CA: {answer}"
    );
}

#[test]
fn records_are_read_from_files_and_standard_input() {
    let folder = authority();
    let call = |name: &str, event: &str| {
        json!({"eventVersion": "1.11", "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/mallory"},
            "eventTime": "2026-11-28T10:00:00Z", "eventSource": "cloudtrail.amazonaws.com", "eventName": name, "awsRegion": "eu-west-2",
            "requestParameters": {"name": "trail"}, "eventID": event, "readOnly": false, "recipientAccountId": "111122223333"})
    };
    let file = folder.path("trail.json");
    fs::write(
        &file,
        json!({"Records": [call("StopLogging", "107b3cac-b125-4556-9702-12a2b9afcff7")]}).to_string(),
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let (code, answer) = guard(&folder, &["--records", path, path, "--since", "2026-11-28T00:00:00Z"]);
    assert!(code == 3 && rules(&answer).contains(&"trail-stopped"), "{answer}");
    let stopped = answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["rule"] == "trail-stopped")
        .unwrap();
    assert_eq!(stopped["count"], 1, "the same event twice");
    assert_eq!(answer["coverage"]["records"], 2);
    assert!(!answer["coverage"]["not_seen"].as_array().unwrap().is_empty());

    let mut child = folder
        .command()
        .args(["--json", "guard", "--records", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = call("DeleteTrail", "107b3cac-b125-4556-9702-12a2b9afcff8").to_string();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let (code, answer) = answer_of(child);
    assert!(code == 3 && rules(&answer).contains(&"trail-stopped"), "{answer}");

    let complaint = folder.complaint(&["guard", "--records", "nothing.json"]);
    assert!(complaint.contains("cannot read nothing.json"), "{complaint}");
    let complaint = folder.complaint(&["guard", "--now", "yesterday"]);
    assert!(complaint.contains("2026-11-28T12:00:00Z"), "{complaint}");
}

fn answer_of(child: std::process::Child) -> (i32, Value) {
    answer(&child.wait_with_output().unwrap())
}

/// A copy of an authority: its key is in other hands.
fn stolen(folder: &Folder) -> Folder {
    let copy = Folder::new();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(folder.data())
        .arg(copy.data())
        .output()
        .unwrap();
    succeeded(&copied);
    copy
}

fn serial(certificate: &Path) -> String {
    let text = fs::read(certificate).unwrap();
    chancery_x509::certificate::Certificate::parse(&text)
        .unwrap()
        .serial()
        .to_hex()
}

#[test]
fn a_certificate_that_nobody_issued_is_the_sign_of_a_stolen_key() {
    let folder = authority();
    let thief = stolen(&folder);
    thief.text(&["request", "forged.example.com", "--out", "forged"]);
    let forged = thief.path("forged/cert.pem");
    let known = folder.path("one.example.com/cert.pem");
    let (forged, known) = (forged.to_str().unwrap(), known.to_str().unwrap());

    let seen = |arguments: &[&str]| {
        let mut line = vec!["--json", "guard", "seen"];
        line.extend(arguments);
        answer(&folder.chancery(&line))
    };
    let (code, answer) = seen(&[known]);
    assert_eq!((code, rules(&answer)), (0, vec![]), "{answer}");
    assert_eq!(answer["seen"]["known"], 1, "{answer}");
    let (code, answer) = seen(&[known, forged]);
    assert_eq!((code, rules(&answer)), (3, vec!["unknown-serial"]), "{answer}");
    assert_eq!(answer["findings"][0]["severity"], "critical");
    assert!(
        answer["findings"][0]["evidence"][0]["subject"]
            .as_str()
            .unwrap()
            .contains("forged.example.com")
    );
    // In DER.
    let der = folder.path("forged.der");
    let certificate = chancery_x509::certificate::Certificate::parse(&fs::read(forged).unwrap()).unwrap();
    fs::write(&der, certificate.as_der()).unwrap();
    assert_eq!(seen(&[der.to_str().unwrap()]).0, 3);

    // Another authority's certificates are none of ours.
    let other = authority();
    let (code, answer) = seen(&[other.path("one.example.com/cert.pem").to_str().unwrap()]);
    assert_eq!((code, &answer["seen"]["of_others"]), (0, &json!(1)), "{answer}");

    // Serial numbers: known, unknown, and of a CA that nobody named.
    let list = folder.path("serials.txt");
    let (one, two) = (serial(Path::new(known)), serial(Path::new(forged)));
    fs::write(
        &list,
        format!(
            "# seen by the load balancer\n{one}\n{}\nserial={two}\nno number\nzz\n",
            two.to_lowercase()
        ),
    )
    .unwrap();
    let list = list.to_str().unwrap();
    let (code, answer) = seen(&[list]);
    assert_eq!(
        (code, &answer["seen"]["not_judged"], &answer["seen"]["known"]),
        (0, &json!(1), &json!(1)),
        "{answer}"
    );
    assert_eq!(answer["seen"]["malformed"], 1);
    let (code, answer) = seen(&["--issuer", ISSUING_CA, list]);
    assert_eq!((code, rules(&answer)), (3, vec!["unknown-serial"]), "{answer}");
    assert_eq!(answer["findings"][0]["count"], 1);
    let complaint = folder.complaint(&["guard", "seen", "--issuer", "other", list]);
    assert!(complaint.contains("there is no CA named other"), "{complaint}");

    let mut child = folder
        .command()
        .args(["--json", "guard", "seen", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let log = format!("10.0.0.1 GET / 200\n{}", fs::read_to_string(forged).unwrap());
    child.stdin.take().unwrap().write_all(log.as_bytes()).unwrap();
    assert_eq!(answer_of(child).0, 3);
}

#[test]
fn a_known_serial_number_with_other_contents_is_found() {
    let folder = authority();
    let thief = stolen(&folder);
    // The thief's ledger has another certificate under a serial number that ours has: what is issued next is moved there.
    thief.text(&["request", "forged.example.com", "--out", "forged"]);
    let forged =
        chancery_x509::certificate::Certificate::parse(&fs::read(thief.path("forged/cert.pem")).unwrap()).unwrap();
    let ours = rusqlite::Connection::open(folder.data().join("ledger.sqlite3")).unwrap();
    let changed = ours
        .execute(
            "UPDATE certificates SET serial = ?1 WHERE rowid = (SELECT max(rowid) FROM certificates WHERE issued_at IS NOT NULL)",
            [&forged.serial().as_padded()[..]],
        )
        .unwrap();
    assert_eq!(changed, 1);
    let output = folder.chancery(&[
        "--json",
        "guard",
        "seen",
        thief.path("forged/cert.pem").to_str().unwrap(),
    ]);
    let (code, answer) = answer(&output);
    assert_eq!((code, rules(&answer)), (3, vec!["unknown-serial"]), "{answer}");
}

#[test]
fn a_server_is_asked_on_its_machine() {
    let output = crate::harness::chancery()
        .args(["--url", "https://localhost:1", "guard"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("reads the ledger itself"), "{complaint}");
}
