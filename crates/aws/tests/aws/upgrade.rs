//! Tables, bucket and keys that a former version left are opened, and go on: `tests/upgrade/README.md` says what is in them.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::port::ledger::CrlScope;
use chancery_aws::{CallBudget, Deployment};
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_testing::{Requester, principal, token};
use chancery_x509::crl::{RevocationList, RevocationReason};
use chancery_x509::serial::Serial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NOW};
use crate::sandbox::{Sandbox, patient};

const PROJECT: &str = "upgrade";
const BUCKET: &str = "bucket-of-a-former-version";
const KEPT_AS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/upgrade/aws.json");

/// What was asked for: the first four were issued, the others are open intents.
const NAMES: [&str; 6] = [
    "kept",
    "revoked",
    "compromised",
    "tokened",
    "open-with-token",
    "open-without-token",
];

async fn deployment(sandbox: &Sandbox) -> Deployment {
    let deployment = Deployment::new(PROJECT, "dev", ["prod"]).unwrap();
    sandbox.make_tables(&deployment).await;
    sandbox.make_bucket(BUCKET).await;
    deployment
}

/// Writes the file with what this version leaves. A former version's is never written again.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes the file that others read, named by CHANCERY_UPGRADE_FILE"]
async fn make() {
    let file = std::env::var("CHANCERY_UPGRADE_FILE").unwrap();
    let sandbox = Sandbox::start().unwrap();
    let deployment = deployment(&sandbox).await;
    sandbox.make_intents_key(&deployment).await;
    let fixture = Fixture::open(&sandbox, &deployment, BUCKET, &patient()).await;
    let authority = &fixture.authority;
    authority.initialise(&|_: &str| ()).await.unwrap();
    let csrs = NAMES.map(|name| Requester::new().csr(name));
    let request = |name: &str| {
        let at = NAMES.iter().position(|known| *known == name).unwrap();
        TlsCertRequest::for_csr(csrs[at].clone())
    };
    let mut serials = serde_json::Map::new();
    for name in &NAMES[..4] {
        let token = (*name == "tokened").then(|| token(name));
        let issued = authority
            .issue_tls_cert(&request(name), &principal(), token)
            .await
            .unwrap();
        serials.insert((*name).to_owned(), issued.record.id.serial.to_string().into());
    }
    for (name, reason) in [
        ("revoked", RevocationReason::Superseded),
        ("compromised", RevocationReason::KeyCompromise),
    ] {
        let serial = serials[name].as_str().unwrap().parse().unwrap();
        authority.revoke(serial, reason, None, &principal()).await.unwrap();
    }
    let scope = CrlScope {
        issuer: deployment.issuing_ca().clone(),
        shard: None,
    };
    authority.publish_crl(&scope).await.unwrap();
    // KMS answers nothing any more: intents stay open.
    let impatient = CallBudget::new(Duration::from_secs(3));
    let fixture = Fixture::open(&sandbox, &deployment, BUCKET, &impatient).await;
    fixture.authority.make_ready_to_issue().await.unwrap();
    sandbox.fault("kms", "Sign", "unreachable", 1000);
    for (name, token) in [
        ("open-with-token", Some(token("open-with-token"))),
        ("open-without-token", None),
    ] {
        let failed = fixture
            .authority
            .issue_tls_cert(&request(name), &principal(), token)
            .await;
        assert!(matches!(failed, Err(IssueError::Unavailable { .. })), "{failed:?}");
    }
    sandbox.clear_faults();
    let keys = [
        deployment.intents_alias(),
        format!("alias/{}", authority.cas()[0].record.key),
        format!("alias/{}", authority.cas()[1].record.key),
    ];
    let state = sandbox.state(&json!({
        "region": "eu-west-2",
        "tables": [deployment.table(), deployment.journal_table()],
        "buckets": [BUCKET],
        "keys": keys,
    }));
    let csrs: serde_json::Map<_, _> = NAMES
        .iter()
        .zip(&csrs)
        .map(|(name, csr)| ((*name).to_owned(), STANDARD.encode(csr).into()))
        .collect();
    let kept = json!({"state": state, "csrs": csrs, "serials": serials});
    fs::write(file, serde_json::to_string_pretty(&kept).unwrap() + "\n").unwrap();
}

fn listed(der: &[u8]) -> Vec<Serial> {
    let list = RevocationList::parse(der).unwrap();
    list.entries().map(|entry| entry.unwrap().serial).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_of_a_former_version_issues_revokes_and_publishes() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = deployment(&sandbox).await;
    let kept: Value = serde_json::from_slice(&fs::read(KEPT_AS).unwrap()).unwrap();
    sandbox.put_state(&kept["state"]);
    let serial = |name: &str| kept["serials"][name].as_str().unwrap().parse::<Serial>().unwrap();
    let request = |name: &str| TlsCertRequest::for_csr(STANDARD.decode(kept["csrs"][name].as_str().unwrap()).unwrap());
    let before = sandbox.rows(&deployment).await;

    let fixture = Fixture::open(&sandbox, &deployment, BUCKET, &patient()).await;
    let authority = &fixture.authority;
    assert!(
        authority.initialise(&|_: &str| ()).await.unwrap().is_empty(),
        "its CAs exist"
    );
    for ca in authority.cas().iter() {
        authority.believe(ca).await.unwrap();
    }

    // Rows that nothing has changed are the same octets.
    assert!(sandbox.rows(&deployment).await == before);

    // What was issued under a token is answered again; a key that was used or blocked stays so.
    let replayed = authority
        .issue_tls_cert(&request("tokened"), &principal(), Some(token("tokened")))
        .await
        .unwrap();
    assert_eq!(
        (replayed.record.id.serial, replayed.replayed),
        (serial("tokened"), true)
    );
    let refused = authority.issue_tls_cert(&request("kept"), &principal(), None).await;
    assert!(
        matches!(refused, Err(IssueError::Refused(Refusal::KeyInUse))),
        "{refused:?}"
    );
    let mut forced = request("compromised");
    forced.force_issue = true;
    let refused = authority.issue_tls_cert(&forced, &principal(), None).await;
    assert!(
        matches!(refused, Err(IssueError::Refused(Refusal::KeyCompromised))),
        "{refused:?}"
    );

    // What was under way is finished, or given up and listed.
    fixture.clock.set(NOW.plus_days(1));
    let swept = authority.sweep().await.unwrap();
    assert_eq!((swept.completed.len(), swept.lost.len()), (1, 1), "{swept:?}");
    let finished = authority
        .issue_tls_cert(
            &request("open-with-token"),
            &principal(),
            Some(token("open-with-token")),
        )
        .await
        .unwrap();
    assert!(finished.replayed);

    authority
        .revoke(serial("kept"), RevocationReason::Superseded, None, &principal())
        .await
        .unwrap();
    let scope = CrlScope {
        issuer: deployment.issuing_ca().clone(),
        shard: None,
    };
    let name = chancery_authority::config::Config::crl_name(&scope);
    let (_, former) = fixture.ports.publication.read(&name).await.unwrap().unwrap();
    let former = RevocationList::parse(&former).unwrap().number().unwrap();
    authority.publish_crl(&scope).await.unwrap();
    let (_, der) = fixture.ports.publication.read(&name).await.unwrap().unwrap();
    let list = RevocationList::parse(&der).unwrap();
    assert!(list.is_signed_by(authority.issuing_ca().unwrap().issuer.public_key()));
    assert!(list.number().unwrap() > former);
    let listed = listed(&der);
    assert_eq!(listed.len(), 4, "the given up one too: {listed:?}");
    for name in ["kept", "revoked", "compromised"] {
        assert!(listed.contains(&serial(name)), "{name}");
    }
    let issued = authority
        .issue_tls_cert(&Requester::new().request("new"), &principal(), None)
        .await
        .unwrap();
    assert!(!issued.replayed);
}
