//! What an authority had before a fault, and must still have after it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::harness::Folder;

/// Certificates and CRL numbers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    certificates: BTreeSet<String>,
    crls: BTreeMap<String, u64>,
}

impl Snapshot {
    /// Of a folder that can be read.
    pub(crate) fn of(folder: &Folder) -> Self {
        let listed = folder.json(&["list", "--limit", "0"]);
        let certificates = listed["certificates"].as_array().unwrap().iter();
        let status = folder.json(&["crl", "status"]);
        let crls = status["crls"].as_array().unwrap().iter();
        Self {
            certificates: certificates
                .map(|entry| entry["serial_number"].as_str().unwrap().to_owned())
                .collect(),
            crls: crls
                .map(|crl| {
                    (
                        crl["name"].as_str().unwrap().to_owned(),
                        crl["number"].as_u64().unwrap(),
                    )
                })
                .collect(),
        }
    }

    /// An authority with a certificate, and how it stands.
    pub(crate) fn new(folder: &Folder) -> Self {
        folder.text(&["init"]);
        folder.text(&["request", "before.example.com", "--out", "before"]);
        Self::of(folder)
    }

    /// The fault is mended: everything is still there, the ledger is sound, certificates are issued, and CRLs go on with
    /// higher numbers.
    pub(crate) fn goes_on(&self, folder: &Folder) {
        self.is_kept(folder);
        assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
        folder.text(&["request", "after.example.com", "--out", "after"]);
        folder.text(&["crl", "publish"]);
        let now = Self::of(folder);
        assert!(now.certificates.len() > self.certificates.len());
        for (name, number) in &self.crls {
            assert!(now.crls[name] > *number, "{name}: {} after {number}", now.crls[name]);
        }
    }

    /// Nothing was lost, and no CRL number went back.
    pub(crate) fn is_kept(&self, folder: &Folder) {
        let now = Self::of(folder);
        let lost: Vec<_> = self.certificates.difference(&now.certificates).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        for (name, number) in &self.crls {
            assert!(now.crls[name] >= *number, "{name}: {} after {number}", now.crls[name]);
        }
    }
}

/// Runs a command that must fail, in good time, and gives what it said to people. A panic is no answer.
#[track_caller]
pub(crate) fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let output = ended(folder, arguments);
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?} should have failed");
    assert!(
        output.status.code().is_some() && !printed.contains("panicked"),
        "{arguments:?}: {} {printed}",
        output.status
    );
    printed
}

/// `chancery start` on ports that the system picks, which must fail.
#[track_caller]
pub(crate) fn start_refused(folder: &Folder) -> String {
    refused(folder, &START)
}

/// `start` on ports that the system picks.
pub(crate) const START: [&str; 5] = ["start", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0"];

/// A server that starts in spite of everything must not keep the test for ever.
#[track_caller]
pub(crate) fn ended(folder: &Folder, arguments: &[&str]) -> Output {
    let mut child = folder
        .command()
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_mins(1) {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("{arguments:?} did not end: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

/// Every one of these must be in what was told.
#[track_caller]
pub(crate) fn says(printed: &str, parts: &[&str]) {
    for part in parts {
        assert!(printed.contains(part), "{part:?} is not in: {printed}");
    }
}
