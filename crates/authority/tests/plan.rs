//! Plans: each entry is decided and told, stops no other, and is held against those beside it.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::issue::FoundCsr;
use chancery_authority::issue::IssuancePolicy;
use chancery_authority::port::LedgerError;
use chancery_contract::plan::{Plan, Planner, Proposal, Verdict};
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_testing::memory::Fault;
use chancery_testing::proposed::{Proposed, entry, plan, try_plan, verdicts};
use chancery_testing::{Fixture, NOW, principal};
use chancery_x509::crl::RevocationReason;
use serde_json::{Value, json};

/// As `tls_cert` would, by the entry's place.
async fn issue(fixture: &Fixture, proposed: &Proposed, place: usize) -> String {
    let list: Value = serde_json::from_slice(&proposed.0["tls.json"]).unwrap();
    let mut request = TlsCertRequest::from_value(&list[place]).unwrap();
    let name = request.csr_file().unwrap().clone();
    let listed = vec![request.names()];
    let (octets, place) = (proposed.csr(&name).unwrap().unwrap(), String::new());
    request.resolve_csr(FoundCsr::Content { octets, place }, listed);
    let issued = fixture
        .authority
        .issue_tls_cert(&request, &principal(), None)
        .await
        .unwrap();
    issued.record.id.serial.to_string()
}

async fn revoke(fixture: &Fixture, serial: &str) {
    let (serial, principal) = (serial.parse().unwrap(), principal());
    let revoking = fixture
        .authority
        .revoke(serial, RevocationReason::Superseded, None, &principal);
    revoking.await.unwrap();
}

#[tokio::test]
async fn a_certificate_to_be_is_told_with_all_that_is_left_out_of_it() {
    let fixture = Fixture::new().await;
    let proposed = Proposed::default().csr("a.csr").tls(&json!([{
        "common_name": "www.example.com", "csr_file": "a.csr", "lifetime": 900, "purposes": ["server_auth", "flying"],
        "sans": ["www.example.com", "not a name"], "idempotency_token": "t"}]));
    let plan = plan(&fixture, &proposed).await;
    let [item] = plan.items.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(
        (item.verdict, item.list, item.entry),
        (Verdict::Issued, "tls.json", Some(0))
    );
    let reported = item.certificate.as_ref().unwrap();
    assert_eq!(reported.subject, "CN=www.example.com");
    assert_eq!(reported.key, "P-256");
    assert_eq!(reported.profile, "tls");
    assert_eq!(reported.extended_key_usages, ["TLS_WEB_SERVER_AUTHENTICATION"]);
    assert_eq!((reported.lifetime_days, reported.not_after), (365, NOW.plus_days(365)));
    assert_eq!(reported.issuer, "chancery-issuing-ca");
    assert_eq!(
        serde_json::to_value(&reported.sans).unwrap(),
        json!([{"type": "DNS_NAME", "value": "www.example.com"}])
    );
    let warnings = item.warnings.join("\n");
    for part in [
        "\"flying\"",
        "\"not a name\"",
        "900 days are asked for, 365",
        "idempotency_token",
    ] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    assert!(item.findings.iter().all(|found| found.severity != "error"));
    assert!(plan.warnings.is_empty() && !plan.is_refused());
}

#[tokio::test]
async fn lints_that_forbid_nothing_are_told() {
    let fixture = Fixture::new().await;
    let proposed = Proposed::default().csr("a.csr").tls(&json!([
        {"common_name": "db", "csr_file": "a.csr", "purposes": ["server_auth"]}]));
    let plan = plan(&fixture, &proposed).await;
    assert_eq!(verdicts(&plan), ["issued"]);
    let [found] = plan.items[0].findings.as_slice() else {
        panic!("{:?}", plan.items)
    };
    assert_eq!((found.rule, found.severity), ("common_name_not_in_san", "notice"));
    assert!(
        found.message.contains("\"db\"") && !found.citation.is_empty(),
        "{found:?}"
    );
}

#[tokio::test]
async fn renewals_say_what_they_follow() {
    let fixture = Fixture::new().await;
    let old = Proposed::default()
        .csr("old.csr")
        .csr("twin.csr")
        .tls(&json!([entry("a", "old.csr"), entry("a", "twin.csr")]));
    assert_eq!(
        verdicts(&plan(&fixture, &old).await),
        ["issued", "issued"],
        "two keys of one name"
    );
    let follows = issue(&fixture, &old, 0).await;
    // The twin's certificate stays beside it: its key is still in the list.
    assert_eq!(verdicts(&plan(&fixture, &old).await), ["unchanged", "issued"]);
    fixture.memory.clock.advance(60);
    issue(&fixture, &old, 1).await;
    assert_eq!(verdicts(&plan(&fixture, &old).await), ["unchanged", "unchanged"]);

    let new = old
        .clone()
        .csr("new.csr")
        .tls(&json!([entry("a", "new.csr"), entry("a", "twin.csr")]));
    let plan = plan(&fixture, &new).await;
    assert_eq!(verdicts(&plan), ["renewed", "unchanged"]);
    let existing = plan.items[0].existing.as_ref().unwrap();
    assert_eq!(existing.serial_number.to_string(), follows);
    assert_eq!(existing.not_after, NOW.plus_days(30));
    assert_eq!(plan.warnings, ["no entry of tls.json names the CSR file \"old.csr\""]);
}

#[tokio::test]
async fn what_is_issued_already_is_unchanged_and_its_end_is_warned_of() {
    let fixture = Fixture::new().await;
    let proposed = Proposed::default().csr("a.csr").tls(&json!([
        {"common_name": "a", "csr_file": "a.csr", "lifetime": 90}]));
    let serial = issue(&fixture, &proposed, 0).await;
    let reported = |plan: Plan| {
        let item = plan.items.into_iter().next().unwrap();
        assert_eq!((item.verdict, item.code), (Verdict::Unchanged, Some("already_issued")));
        assert_eq!(item.reason.as_deref(), Some("Certificate already issued"));
        assert_eq!(item.existing.unwrap().serial_number.to_string(), serial);
        item.warnings.join("\n")
    };
    assert_eq!(reported(plan(&fixture, &proposed).await), "");
    fixture.memory.clock.advance(70 * 86_400);
    let soon = reported(plan(&fixture, &proposed).await);
    assert!(
        soon.contains("ends at 2027-02-21T20:00:00Z") && soon.contains("not certified again"),
        "{soon}"
    );
    fixture.memory.clock.advance(30 * 86_400);
    assert!(reported(plan(&fixture, &proposed).await).contains("its certificate ended at"));
    revoke(&fixture, &serial).await;
    assert!(reported(plan(&fixture, &proposed).await).contains("its certificate is revoked"));

    let forced = proposed.tls(&json!([{"common_name": "a", "csr_file": "a.csr", "force_issue": true}]));
    let plan = plan(&fixture, &forced).await;
    assert_eq!(verdicts(&plan), ["issued"]);
    assert_eq!(
        plan.items[0].existing.as_ref().unwrap().serial_number.to_string(),
        serial
    );
    assert!(plan.items[0].warnings.join("").contains("every run"), "{plan:?}");
}

#[tokio::test]
async fn a_key_of_another_name_is_refused_whoever_has_it() {
    let fixture = Fixture::new().await;
    let first = Proposed::default().csr("a.csr").tls(&json!([entry("a", "a.csr")]));
    issue(&fixture, &first, 0).await;
    let proposed = first.csr("b.csr").tls(&json!([
        entry("other", "a.csr"), entry("b", "b.csr"), entry("c", "b.csr"), entry("b", "b.csr"),
        {"common_name": "b", "csr_file": "b.csr", "force_issue": true}]));
    let plan = plan(&fixture, &proposed).await;
    assert_eq!(verdicts(&plan), ["refused", "issued", "refused", "unchanged", "issued"]);
    for place in [0, 2] {
        assert_eq!(plan.items[place].code, Some("key_in_use"));
        assert!(plan.items[place].certificate.is_none(), "there will be none");
        assert_eq!(
            plan.items[place].reason.as_deref(),
            Some("Private key has already been used for a certificate")
        );
    }
    assert_eq!(plan.items[0].warnings, ["the key is certified for \"a\""]);
    assert_eq!(
        plan.items[2].warnings,
        ["entry 1 has the same key: chance decides which of them gets a certificate"]
    );
    assert_eq!(
        plan.items[1].warnings,
        ["entry 2 has the same key: chance decides which of them gets a certificate"]
    );
    assert_eq!(
        plan.items[3].warnings,
        ["entry 1 asks for the same: there is one certificate"]
    );
}

#[tokio::test]
async fn nothing_that_is_damaged_stops_anything_else() {
    let fixture = Fixture::new().await;
    let proposed = Proposed::default()
        .csr("a.csr")
        .with("csrs/junk.csr", "junk")
        .with("csrs/long.csr", "x".repeat(70_000))
        .tls(&json!([
            null, "text", {"common_name": 7, "csr_file": "a.csr"}, entry("b", "missing.csr"), entry("b", "../tls.json"),
            entry("b", "junk.csr"), entry("b", "long.csr"), {"common_name": "b", "csr_file": "a.csr", "padding": "x".repeat(300_000)},
            {"ca_chain_only": true}, entry("a", "a.csr"), {"common_name": "chancery-root-ca", "csr_file": "a.csr"}]))
        .with("revoked.json", "{}")
        .with("revoked-root-ca.json", "unreadable");
    let plan = plan(&fixture, &proposed).await;
    let codes: Vec<_> = plan
        .items
        .iter()
        .map(|item| (item.verdict.name(), item.code.unwrap_or("")))
        .collect();
    let refused = |code| ("refused", code);
    assert_eq!(
        codes,
        [
            refused("malformed_request"),
            refused("malformed_request"),
            refused("malformed_request"),
            refused("csr_file_not_found"),
            refused("bad_csr_file"),
            refused("bad_csr"),
            refused("bad_csr"),
            refused("over_budget"),
            ("skipped", "ca_chain_only"),
            ("issued", ""),
            refused("reserved_name"),
            refused("no_list"),
            refused("unreadable"),
        ]
    );
    assert_eq!(
        plan.items[3].reason.as_deref(),
        Some("CSR file 'missing.csr' not found in the folder csrs")
    );
    assert!(plan.items[12].reason.as_ref().unwrap().contains("it may not be read"));
    assert_eq!(plan.items[11].entry, None, "it is the list that is wrong");
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[tokio::test]
async fn lists_are_bounded() {
    let fixture = Fixture::new().await;
    let many = format!("[{}]", vec!["1"; 100_001].join(","));
    let plan = plan(&fixture, &Proposed::default().with("tls.json", many)).await;
    let [item] = plan.items.as_slice() else {
        panic!("{}", plan.items.len())
    };
    assert_eq!((item.code, item.entry), (Some("over_budget"), None));
}

#[tokio::test]
async fn nothing_proposed_is_nothing_to_do() {
    let fixture = Fixture::new().await;
    let plan = plan(&fixture, &Proposed::default()).await;
    assert!(plan.items.is_empty() && plan.warnings.is_empty() && !plan.is_refused());
}

#[tokio::test]
async fn revocations_are_decided_and_told() {
    let fixture = Fixture::new().await;
    let first = Proposed::default()
        .csr("a.csr")
        .csr("b.csr")
        .tls(&json!([entry("a", "a.csr"), entry("b", "b.csr")]));
    let (a, b) = (issue(&fixture, &first, 0).await, issue(&fixture, &first, 1).await);
    revoke(&fixture, &b).await;
    let proposed = Proposed::default()
        .with(
            "revoked.json",
            json!([
                {"common_name": "a", "serial_number": a, "reason": "superseded"},
                {"common_name": "a", "serial_number": a},
                {"common_name": "a", "serial_number": a, "reason": "keyCompromise"},
                {"common_name": "b", "serial_number": b},
                {"common_name": "b", "serial_number": b, "reason": "keyCompromise"},
                {"common_name": "nobody", "serial_number": "7"},
                {"common_name": "b", "serial_number": a},
                {"common_name": "a", "serial_number": "x"},
            ])
            .to_string(),
        )
        .with(
            "revoked-root-ca.json",
            json!([{"common_name": "a", "serial_number": a}]).to_string(),
        );
    let plan = plan(&fixture, &proposed).await;
    let reported: Vec<_> = plan
        .items
        .iter()
        .map(|item| (item.verdict.name(), item.code.or(item.revocation_reason).unwrap()))
        .collect();
    assert_eq!(
        reported,
        [
            ("revoked", "superseded"),
            ("unchanged", "already_listed"),
            ("revoked", "keyCompromise"),
            ("unchanged", "already_revoked"),
            ("revoked", "keyCompromise"),
            ("skipped", "not_found"),
            ("skipped", "other_name"),
            ("refused", "malformed_entry"),
            ("skipped", "other_authority"),
        ]
    );
    let existing = plan.items[0].existing.as_ref().unwrap();
    assert_eq!(
        (existing.serial_number.to_string(), existing.not_after),
        (a, NOW.plus_days(30))
    );
    assert_eq!(plan.items[4].existing.as_ref().unwrap().revoked, Some("superseded"));
    fixture.memory.clock.advance(40 * 86_400);
    let late = try_plan(&fixture, &proposed, None).await.unwrap();
    assert!(
        late.items[0].warnings[0].contains("it expired at"),
        "{:?}",
        late.items[0]
    );
}

#[tokio::test]
async fn with_a_base_only_what_differs_is_told() {
    let fixture = Fixture::new().await;
    let base = Proposed::default()
        .csr("a.csr")
        .csr("b.csr")
        .csr("c.csr")
        .csr("forgotten.csr")
        .tls(&json!([
            entry("a", "a.csr"),
            entry("b", "b.csr"),
            entry("c", "c.csr"),
            entry("gone", "a.csr"),
            7
        ]))
        .with(
            "revoked.json",
            json!([{"common_name": "x", "serial_number": "1"}, {"common_name": "y", "serial_number": "2"}]).to_string(),
        );
    // Written otherwise, in another order, one with another CSR, one with another key.
    let text = r#"[{"csr_file":"b.csr","common_name":"b"}, {"common_name":"new","csr_file":"d.csr"},
        {"common_name": "a", "csr_file": "a.csr"}, 7, {"common_name":"c","csr_file":"c.csr"}]"#;
    let mut proposed = base
        .clone()
        .csr("c.csr")
        .csr("d.csr")
        .csr("unused.csr")
        .with("tls.json", text);
    proposed.0.insert(
        "revoked.json".into(),
        json!([{"common_name": "y", "serial_number": "2"}]).to_string().into(),
    );
    let plan = try_plan(&fixture, &proposed, Some(&base)).await.unwrap();
    let reported: Vec<_> = plan
        .items
        .iter()
        .map(|item| (item.entry, item.common_name.as_deref()))
        .collect();
    assert_eq!(reported, [(Some(1), Some("new")), (Some(4), Some("c"))]);
    let compared = plan.compared.as_ref().unwrap();
    assert_eq!(compared.equal, 4);
    let removed: Vec<_> = compared
        .removed
        .iter()
        .map(|gone| (gone.list, gone.common_name.as_deref()))
        .collect();
    assert_eq!(removed, [("tls.json", Some("gone")), ("revoked.json", Some("x"))]);
    assert_eq!(
        plan.warnings,
        ["no entry of tls.json names the CSR file \"unused.csr\""]
    );

    let same = try_plan(&fixture, &base, Some(&base)).await.unwrap();
    assert!(same.items.is_empty(), "{:?}", same.items);
    assert!(!same.is_refused(), "what was refused before is not this change's");
    assert_eq!(same.compared.unwrap().equal, 7);
}

#[tokio::test]
async fn an_old_entry_that_a_new_one_meets_is_told_too() {
    let fixture = Fixture::new().await;
    let base = Proposed::default().csr("a.csr").tls(&json!([entry("a", "a.csr")]));
    let before = base.clone().tls(&json!([entry("new", "a.csr"), entry("a", "a.csr")]));
    let plan = try_plan(&fixture, &before, Some(&base)).await.unwrap();
    assert_eq!(verdicts(&plan), ["issued", "refused"]);
    let after = base.clone().tls(&json!([entry("a", "a.csr"), entry("new", "a.csr")]));
    let plan = try_plan(&fixture, &after, Some(&base)).await.unwrap();
    assert_eq!(verdicts(&plan), ["issued", "refused"]);
    assert_eq!(plan.compared.unwrap().equal, 0);
    // Where the old one has its certificate, only the new one is of interest.
    issue(&fixture, &base, 0).await;
    let plan = try_plan(&fixture, &before, Some(&base)).await.unwrap();
    assert_eq!(
        plan.items.iter().map(|item| item.code).collect::<Vec<_>>(),
        [Some("key_in_use")]
    );
}

#[tokio::test]
async fn a_base_that_cannot_be_read_hides_nothing() {
    let fixture = Fixture::new().await;
    let proposed = Proposed::default().csr("a.csr").tls(&json!([entry("a", "a.csr")]));
    let base = Proposed::default().with("tls.json", "no list");
    let plan = try_plan(&fixture, &proposed, Some(&base)).await.unwrap();
    assert_eq!(verdicts(&plan), ["issued"]);
    assert!(
        plan.warnings.iter().any(|warning| warning.contains("base's tls.json")),
        "{:?}",
        plan.warnings
    );
}

#[tokio::test]
async fn a_ledger_that_cannot_be_asked_is_an_error_and_no_plan() {
    let fixture = Fixture::new().await;
    let proposed = Proposed::default()
        .csr("a.csr")
        .tls(&json!([entry("a", "a.csr")]))
        .with(
            "revoked.json",
            json!([{"common_name": "y", "serial_number": "2"}]).to_string(),
        );
    for operation in [
        "certificates.key_status",
        "certificates.named",
        "revocations.certificate_to_revoke",
    ] {
        fixture.memory.faults.clear();
        fixture.memory.faults.at(operation, 1, Fault::FailBefore);
        let outcome = try_plan(&fixture, &proposed, None).await;
        assert!(
            matches!(outcome, Err(LedgerError::Unavailable { .. })),
            "{operation}: {outcome:?}"
        );
    }
    fixture.memory.faults.clear();
    let signed = fixture.memory.keys.log().len();
    let before = fixture.memory.faults.calls().len();
    try_plan(&fixture, &proposed, None).await.unwrap();
    let calls = fixture.memory.faults.calls().split_off(before);
    let reads = [
        "certificates.key_status",
        "certificates.named",
        "revocations.certificate_to_revoke",
    ];
    assert!(calls.iter().all(|call| reads.contains(call)), "{calls:?}");
    assert_eq!((calls.len(), fixture.memory.keys.log().len()), (3, signed));
}

#[tokio::test]
async fn without_cas_nothing_is_done() {
    let fixture = Fixture::new().await;
    let proposed = Proposed::default()
        .csr("a.csr")
        .tls(&json!([entry("a", "a.csr")]))
        .with(
            "revoked.json",
            json!([{"common_name": "y", "serial_number": "2"}]).to_string(),
        );
    let planner = Planner {
        policy: IssuancePolicy {
            config: fixture.authority.config(),
            profiles: fixture.authority.profiles(),
            cas: &[],
        },
        ledger: Some(fixture.authority.ports().ledger.as_ref()),
        now: NOW,
        entropy: fixture.memory.entropy.as_ref(),
    };
    let plan = planner.plan(&proposed, None).await.unwrap();
    assert_eq!(verdicts(&plan), ["refused", "skipped"]);
    assert!(plan.items.iter().all(|item| item.code == Some("no_ca")));
}
