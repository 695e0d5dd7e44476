//! Disks that are full, and disks that cannot be written.

use super::mount::SmallDisk;
use super::snapshot::{START, Snapshot, refused, says, start_refused};
use crate::client::Client;
use crate::harness::{Folder, Surroundings};
use crate::signatures;

const NO_SPACE: [&str; 2] = ["no space left", "free some"];

#[test]
fn on_a_full_disk_commands_say_so_and_go_on_once_there_is_space() {
    let Some(disk) = SmallDisk::new(3) else { return };
    let folder = &disk.folder;
    let before = Snapshot::new(folder);
    disk.fill();
    for arguments in [
        &["request", "a.example.com", "--out", "a"][..],
        &["crl", "publish"],
        &["token", "create", "--scope", "issue"],
        &START,
    ] {
        let printed = refused(folder, arguments);
        says(&printed, &NO_SPACE);
        says(&printed, &["nothing was lost"]);
    }
    assert!(!folder.path("a").exists(), "what was refused leaves no key behind");
    disk.free();
    before.goes_on(folder);
}

#[test]
fn a_limit_on_the_length_of_files_is_told_as_a_full_disk_is() {
    let runner = ["sh", "-c", "ulimit -f 64; exec \"$@\"", "sh"];
    let surroundings = Surroundings {
        runner: runner.into_iter().map(Into::into).collect(),
        ..Surroundings::default()
    };
    let folder = Folder::within(tempfile::tempdir().unwrap(), surroundings);
    let output = folder.chancery(&["init"]);
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{:?}: {printed}", output.status);
    assert!(
        printed.contains("limits on file sizes") || printed.contains("space"),
        "{printed}"
    );
}

#[test]
fn a_disk_too_small_for_an_authority_gets_one_once_there_is_space() {
    let Some(disk) = SmallDisk::new(1) else { return };
    let folder = &disk.folder;
    disk.fill();
    says(
        &refused(folder, &["init"]),
        &["No space left on device", "free some space"],
    );
    disk.free();
    folder.text(&["init"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
}

#[test]
fn a_server_on_a_full_disk_answers_so_and_goes_on_without_a_restart() {
    let Some(disk) = SmallDisk::new(3) else { return };
    let folder = &disk.folder;
    let before = Snapshot::new(folder);
    let server = folder.start();
    let client = Client::new(&server, "admin");
    assert_eq!(client.issue("first.example.com").0, 200);
    disk.fill();
    // What the ledger's log has room for still goes through.
    let mut issued = Vec::new();
    let (status, answer) = loop {
        let name = format!("full-{}.example.com", issued.len());
        match client.issue(&name) {
            (200, answer) => issued.push(answer),
            refused => break refused,
        }
        assert!(issued.len() < 1000, "the disk does not fill");
    };
    assert_eq!(
        (status, answer["code"].as_str()),
        (503, Some("unavailable")),
        "{answer}"
    );
    says(
        answer["error"].as_str().unwrap(),
        &["unavailable", "repeat the request"],
    );
    says(&folder.printed(), &NO_SPACE);
    let (status, answer) = client.post("/crls", &serde_json::json!({}));
    assert_eq!(status, 200);
    for crl in answer["crls"].as_array().unwrap() {
        let problem = crl["problem"].as_str().unwrap();
        says(problem, &["the ledger does not answer", "the server's log says why"]);
        assert!(!problem.contains('/'), "{problem}");
    }
    // Whoever asks is told, before anybody looks into the log.
    let health = client.get("/health").1;
    assert_eq!(health["status"], "degraded");
    says(&health["problems"].to_string(), &["the ledger cannot be written"]);
    // Reading goes on meanwhile.
    assert_eq!(client.get("/certificates?common_name=first.example.com").0, 200);

    disk.free();
    for index in 0..3 {
        let (status, answer) = client.issue(&format!("freed-{index}.example.com"));
        assert_eq!(status, 200, "{answer}");
        issued.push(answer);
    }
    let (_, answer) = client.post("/crls", &serde_json::json!({}));
    assert!(answer["crls"][0]["problem"].is_null(), "{answer}");
    for answer in &issued {
        let serial = answer["CertificateInfo"]["SerialNumber"].as_str().unwrap();
        assert_eq!(client.get(&format!("/certificates/{serial}")).0, 200);
    }
    assert!(server.stop().success());
    before.is_kept(folder);

    // Intents that the full disk left open are swept by the next start.
    assert!(folder.start().stop().success());
    assert_eq!(folder.json(&["check"])["open_intents"], 0);
    before.goes_on(folder);
    signatures::are_accounted_for(&disk.copied_out().data());
}

#[test]
fn a_read_only_folder_is_told_and_left_as_it_was() {
    let Some(disk) = SmallDisk::new(3) else { return };
    let folder = &disk.folder;
    let before = Snapshot::new(folder);
    disk.remount("ro");
    for arguments in [
        &["request", "a.example.com", "--out", "a"][..],
        &["crl", "publish"],
        &["token", "create", "--scope", "issue"],
    ] {
        says(&refused(folder, arguments), &["cannot be written", "mount it writable"]);
    }
    says(&start_refused(folder), &["Read-only file system", "mount it writable"]);
    says(
        &refused(folder, &["init"]),
        &["Read-only file system", "mount it writable"],
    );
    assert!(!folder.path("a").exists(), "what was refused leaves no key behind");
    // What changes nothing works there.
    before.is_kept(folder);
    let listed = folder.json(&["list", "before.example.com"]);
    let serial = listed["certificates"][0]["serial_number"].as_str().unwrap();
    assert!(folder.text(&["show", serial]).contains("before.example.com"));
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
    let verified = folder.json(&["verify", "--chain", "before/chain.pem", "before/cert.pem"]);
    assert_eq!(verified["verified"], true);
    disk.remount("rw");
    before.goes_on(folder);
}
