//! Issuance is frozen while a server runs, and thawed.

use serde_json::json;

use crate::client::Client;
use crate::harness::Folder;

#[test]
fn an_operator_stops_a_running_server_from_issuing() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let server = folder.start();
    let client = Client::new(&server, "issue");
    let (status, answer) = client.issue("before");
    assert_eq!(status, 200, "{answer:#}");
    let first = answer["CertificateInfo"]["SerialNumber"].as_str().unwrap().to_owned();
    assert_eq!(folder.json(&["freeze", "--state"])["frozen"], false);
    assert!(folder.complaint(&["thaw"]).contains("issuance is not frozen"));
    let control = folder.complaint(&["freeze", "--reason", "two\nlines"]);
    assert!(control.contains("one line of text"), "{control}");

    let printed = folder.text(&["freeze", "--reason", "a key may be stolen"]);
    assert!(
        printed.contains("Issuance is frozen since") && printed.contains("a key may be stolen"),
        "{printed}"
    );
    let (status, answer) = client.issue("during");
    assert_eq!((status, &answer["code"]), (422, &json!("frozen")), "{answer:#}");
    let refused = folder.complaint(&["request", "here.example.com", "--out", "here"]);
    assert!(refused.contains("has frozen issuance"), "{refused}");
    let renewal = folder.complaint(&["ca", "renew", "issuing-ca"]);
    assert!(renewal.contains("issuance is frozen since"), "{renewal}");
    assert!(folder.text(&["check"]).contains("issuance is frozen since"));

    // Revoking goes on, and so do CRLs.
    folder.text(&["revoke", &first, "--reason", "superseded"]);
    folder.text(&["crl", "publish"]);

    let asked = folder.text(&["thaw", "--reason", "it was not"]);
    assert!(asked.contains("another person"), "{asked}");
    let state = folder.json(&["freeze", "--state"]);
    assert_eq!(
        (&state["frozen"], &state["reason"]),
        (&json!(true), &json!("a key may be stolen"))
    );
    assert_eq!(state["thaw_asked_by"], state["by"]);
    assert_eq!(client.issue("still").0, 422);
    assert!(folder.text(&["thaw", "--alone"]).contains("Issuance goes on"));
    assert_eq!(client.issue("after").0, 200);
    assert!(server.stop().success());
}
