//! Callers that go away in the middle: whose connection ends, and who press Ctrl-C.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use chancery_x509::crl::RevocationList;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::client::{Client, new_request};
use crate::harness::{Folder, Server, succeeded};

/// Asks again for so long; whether it came true.
fn within(limit: Duration, mut true_now: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if true_now() {
            return true;
        }
        if begun.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn listed(folder: &Folder) -> BTreeSet<String> {
    let der = std::fs::read(folder.public("chancery-issuing-ca.crl")).unwrap();
    let crl = RevocationList::parse(&der).unwrap();
    crl.entries().map(|entry| entry.unwrap().serial.to_string()).collect()
}

/// Posts and hangs up; whether there was an answer before.
fn post(server: &Server<'_>, budget: Duration, token: &str, path: &str, body: &Value) -> bool {
    let request = server
        .agent()
        .post(format!("{}/api/v1{path}", server.https))
        .config()
        .timeout_global(Some(budget))
        .build()
        .header("authorization", format!("Bearer {token}"));
    request.send_json(body).is_ok()
}

#[test]
fn who_hangs_up_leaves_nothing_half_done() {
    let folder = Folder::new();
    let server = folder.start();
    let issuer = Client::new(&server, "issue");
    let revoker = server.token("revoke");

    // Every millisecond from one in which nothing arrives to one in which everything is answered.
    let (mut left, mut answered, mut budget) = (BTreeSet::new(), 0, 1);
    while answered < 3 && budget < 150 {
        let (status, answer) = issuer.issue("a.example.com");
        assert_eq!(status, 200, "{answer}");
        let serial = answer["CertificateInfo"]["SerialNumber"].as_str().unwrap().to_owned();
        let path = format!("/certificates/{serial}/revoke");
        let reason = json!({ "reason": "superseded" });
        if post(&server, Duration::from_millis(budget), &revoker, &path, &reason) {
            answered += 1;
        } else {
            left.insert(serial);
        }
        budget += 1;
    }
    let revoked: BTreeSet<String> = left
        .into_iter()
        .filter(|serial| issuer.get(&format!("/certificates/{serial}")).1["status"] == "revoked")
        .collect();
    assert!(!revoked.is_empty(), "nobody hung up in the middle");
    let all = within(Duration::from_secs(20), || revoked.is_subset(&listed(&folder)));
    assert!(all, "of {revoked:?} the CRL lists only {:?}", listed(&folder));

    let mut requests = Vec::new();
    for budget in 1..40 {
        let name = format!("b{budget}.example.com");
        let body = json!({ "common_name": name, "base64_csr_data": new_request(&name) });
        post(
            &server,
            Duration::from_millis(budget),
            &issuer.token,
            "/certificates",
            &body,
        );
        requests.push((name, body));
    }
    let metrics = || {
        let answer = server.agent().get(format!("{}/metrics", server.https)).call();
        answer.unwrap().body_mut().read_to_string().unwrap()
    };
    let settled = within(Duration::from_secs(20), || {
        metrics().contains("chancery_intents_open 0\n")
    });
    assert!(settled, "an intent stayed open: {}", metrics());
    for (name, body) in requests {
        let found = issuer.get(&format!("/certificates?common_name={name}")).1;
        let certificates = found["certificates"].as_array().unwrap().len();
        let again = issuer.post("/certificates", &body).0;
        let expected = if certificates == 0 { 200 } else { 409 };
        assert_eq!(again, expected, "{name}: {certificates} certificates");
    }
}

#[test]
fn an_interrupted_restore_leaves_no_keys_behind() {
    let folder = Folder::new();
    succeeded(&folder.chancery(&["init"]));
    // Large enough that it can be interrupted in the middle.
    let large = std::fs::File::create(folder.data().join("csrs/large.csr")).unwrap();
    large.set_len(128 << 20).unwrap();
    succeeded(&folder.chancery(&["backup", "copy"]));
    std::fs::rename(folder.data(), folder.path("lost")).unwrap();
    let begun = || {
        let entries = std::fs::read_dir(folder.path(".")).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_string_lossy().starts_with(".chancery-restore-"))
    };
    let restore = [
        "restore",
        "copy",
        "--root",
        "lost/public/chancery-root-ca.crt",
        "--without-crl",
    ];
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut child = folder.command().args(restore).stderr(Stdio::piped()).spawn().unwrap();
        assert!(within(Duration::from_mins(1), begun), "it did not begin");
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        let mut printed = String::new();
        child.stderr.take().unwrap().read_to_string(&mut printed).unwrap();
        assert!(
            status.code() == Some(1) && printed.contains("interrupted"),
            "{status}: {printed}"
        );
        assert!(!begun() && !folder.data().exists(), "{printed}");
    }
    // One that is killed can remove nothing: the next one does.
    let mut child = folder.command().args(restore).stderr(Stdio::null()).spawn().unwrap();
    assert!(within(Duration::from_mins(1), begun));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(begun(), "it was done before");
    let printed = folder.text(&restore);
    assert!(printed.contains("Removed "), "{printed}");
    assert!(!begun());
}

#[test]
fn ctrl_c_ends_a_command_once_what_it_began_is_done() {
    let folder = Folder::new();
    succeeded(&folder.chancery(&["init"]));
    let (mut finished, mut part) = (0, 0);
    let mut whole = None;
    while finished == 0 && part < 30 {
        let name = format!("n{part}.example.com");
        let out = folder.path(&name);
        let request = ["request", &name, "--out", out.to_str().unwrap()];
        succeeded(&folder.chancery(&request));
        let serial = folder.json(&["list", &name])["certificates"][0]["serial_number"]
            .as_str()
            .unwrap()
            .to_owned();
        let begun = Instant::now();
        let mut child = folder
            .command()
            .args(["revoke", &serial])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The first one is measured; of its time the others are interrupted after a fifteenth, two, three ….
        if let Some(whole) = whole {
            std::thread::sleep(whole * (part % 15 + 1) / 15);
            let _ = kill_process(Pid::from_child(&child), Signal::INT);
        }
        let status = child.wait().unwrap();
        whole = whole.or(Some(begun.elapsed()));
        let mut printed = String::new();
        child.stderr.take().unwrap().read_to_string(&mut printed).unwrap();
        if printed.contains("Finishing what was begun") {
            finished += 1;
            assert!(status.success(), "{status}: {printed}");
        }
        let revoked = folder.json(&["show", &serial])["status"] == "revoked";
        assert!(revoked || !status.success(), "{printed}");
        assert_eq!(
            revoked,
            listed(&folder).contains(&serial),
            "interrupted as {status}: {printed}"
        );
        part += 1;
    }
    assert!(finished > 0, "no command was interrupted in the middle");
}
