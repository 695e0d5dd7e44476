//! `expiry`.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_deployment::failure::FailureKind;
use chancery_lambda::function::Function::Expiry;
use chancery_lambda::rows::{LedgerRows, Row, Rows};
use chancery_testing::memory::Fault;
use chancery_x509::time::DAY;
use serde_json::{Value, json};
use support::{Deployment, ED25519, P256, P384, event, serial};

/// Rows as they were before they said whether to remind: those with a flag that is false say nothing.
struct OldRows(LedgerRows);

#[async_trait]
impl Rows for OldRows {
    async fn named(&self, common_name: &str) -> Result<Vec<Row>, LedgerError> {
        let mut rows = self.0.named(common_name).await?;
        for row in &mut rows {
            row.notify_expiry = row.notify_expiry.filter(|yes| *yes);
        }
        Ok(rows)
    }
}

async fn deployment(old: bool) -> Deployment {
    let mut deployment = Deployment::with_cas(&[("EXPIRY_REMINDERS", "[15,1]")]).await;
    if old {
        deployment.rows = Arc::new(OldRows(LedgerRows(deployment.memory.ledger.clone())));
    }
    deployment
}

/// A certificate of 30 days, with or without reminders.
async fn issue(deployment: &Deployment, name: &str, csr: &str, notify: bool, force: bool) -> String {
    let mut request = event(name, csr);
    request["notify_expiry"] = json!(notify);
    request["notify_issued"] = json!(false);
    request["force_issue"] = json!(force);
    let id = deployment.memory.ledger.issued().len().to_string();
    serial(&deployment.ask(&request, &id).await.unwrap())
}

fn reminded(deployment: &Deployment) -> Vec<(&'static str, String)> {
    let notices = deployment.memory.notices.received();
    let of = |event: &chancery_authority::event::Event| {
        let notice = chancery_contract::notice::of(event);
        let serial = notice.message["CertificateInfo"]["SerialNumber"].as_str().unwrap();
        (notice.subject, serial.to_owned())
    };
    notices.iter().map(of).collect()
}

#[tokio::test]
async fn rows_that_say_so_are_reminded_of_once_a_day() {
    let deployment = deployment(false).await;
    let reported = issue(&deployment, "a", P256, true, false).await;
    issue(&deployment, "b", P384, false, false).await;
    for day in 0..33 {
        for _ in 0..2 {
            assert_eq!(deployment.run(Expiry).await, Ok(Value::Null), "day {day}");
        }
        deployment.memory.clock.advance(DAY);
    }
    let expected = [
        "Certificate Expiry Warning",
        "Certificate Expiry Warning",
        "Certificate Expired",
    ];
    assert_eq!(
        reminded(&deployment),
        expected.map(|subject| (subject, reported.clone()))
    );
}

#[tokio::test]
async fn old_rows_of_tls_json_are_reminded_of_by_their_newest_certificate() {
    let deployment = deployment(true).await;
    deployment.files.put("csrs/a.csr", P256);
    deployment.files.put("tls.json", r#"[{"common_name":"a","csr_file":"a.csr"},{"common_name":"a","csr_file":"a.csr"},
        {"common_name":"gone","csr_file":"gone.csr"},{"common_name":"bad","csr_file":"../x"},7,{"common_name":"b","csr_file":"b.csr"}]"#);
    issue(&deployment, "a", P256, false, false).await;
    issue(&deployment, "b", P384, false, false).await;
    deployment.memory.clock.advance(5 * DAY);
    let newer = issue(&deployment, "a", P256, false, true).await;
    // Day 15 before the first one's end: it has been replaced.
    deployment.memory.clock.advance(10 * DAY);
    deployment.run(Expiry).await.unwrap();
    assert_eq!(reminded(&deployment), []);
    deployment.memory.clock.advance(5 * DAY);
    for _ in 0..3 {
        deployment.run(Expiry).await.unwrap();
    }
    assert_eq!(reminded(&deployment), [("Certificate Expiry Warning", newer)]);
}

#[tokio::test]
async fn rows_that_say_no_are_not_reminded_of() {
    let deployment = deployment(false).await;
    deployment.files.put("csrs/a.csr", P256);
    deployment
        .files
        .put("tls.json", r#"[{"common_name":"a","csr_file":"a.csr"}]"#);
    issue(&deployment, "a", P256, false, false).await;
    deployment.memory.clock.advance(15 * DAY);
    deployment.run(Expiry).await.unwrap();
    assert_eq!(reminded(&deployment), []);
    assert!(
        !deployment
            .files
            .reads
            .lock()
            .unwrap()
            .iter()
            .any(|read| read.contains("csrs/")),
        "no CSR was needed"
    );
}

#[tokio::test]
async fn one_that_fails_stops_no_other_and_is_tried_again() {
    let deployment = deployment(false).await;
    for (name, csr) in [("a", P256), ("b", P384), ("c", ED25519)] {
        issue(&deployment, name, csr, true, false).await;
    }
    deployment.memory.clock.advance(15 * DAY);
    deployment.memory.faults.at("notices.notify", 2, Fault::FailBefore);
    let failure = deployment.run(Expiry).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert_eq!(reminded(&deployment).len(), 2);
    deployment.run(Expiry).await.unwrap();
    assert_eq!(reminded(&deployment).len(), 3);
}

#[tokio::test]
async fn without_reminders_nothing_is_read() {
    let deployment = Deployment::with_cas(&[("EXPIRY_REMINDERS", "[]")]).await;
    *deployment.files.down.lock().unwrap() = true;
    assert_eq!(deployment.run(Expiry).await, Ok(Value::Null));
}
