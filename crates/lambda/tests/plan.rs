//! What a plan says of operators' lists is what the functions then do, whatever is in the lists.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::Authority;
use chancery_authority::issue::CsrFileName;
use chancery_authority::issue::IssuancePolicy;
use chancery_authority::port::Ledger as _;
use chancery_authority::port::ledger::{CertificateRecord, Revocation, Search};
use chancery_contract::plan::{Plan, Planner, Proposal, Unreadable, Verdict};
use chancery_contract::{AltNameText, budget};
use chancery_deployment::failure::FailureKind;
use chancery_lambda::function::Function::{IssuingCaCrl, RootCaCrl};
use chancery_x509::certificate::Certificate;
use chancery_x509::serial::Serial;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use support::{Deployment, ED25519, ISSUING, P256, P384, ROOT};

/// The files as they are proposed.
#[derive(Default)]
struct Proposed(BTreeMap<String, Vec<u8>>);

impl Proposed {
    fn with_csrs() -> Self {
        let mut proposed = Self::default();
        for (name, content) in [("p256.csr", P256), ("p384.csr", P384), ("ed25519.csr", ED25519)] {
            proposed.put(&format!("csrs/{name}"), content);
        }
        proposed.put("csrs/junk.csr", "junk");
        proposed.put("csrs/long.csr", vec![b' '; budget::CSR + 1]);
        proposed
    }

    fn put(&mut self, name: &str, content: impl AsRef<[u8]>) {
        self.0.insert(name.to_owned(), content.as_ref().to_vec());
    }

    /// Merged.
    fn apply(&self, deployment: &Deployment) {
        for (name, content) in &self.0 {
            deployment.files.put(name, content);
        }
    }
}

impl Proposal for Proposed {
    fn list(&self, name: &'static str) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(self.0.get(name).cloned())
    }

    fn csr(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, Unreadable> {
        match self.0.get(&format!("csrs/{name}")) {
            Some(octets) if octets.len() > budget::CSR => Err(Unreadable::TooLong {
                actual: octets.len(),
                limit: budget::CSR,
            }),
            found => Ok(found.cloned()),
        }
    }

    fn csr_names(&self) -> Result<Vec<String>, Unreadable> {
        let names = self.0.keys().filter_map(|name| name.strip_prefix("csrs/"));
        Ok(names.map(str::to_owned).collect())
    }

    fn place(&self) -> String {
        "S3 bucket 'internal'".to_owned()
    }
}

/// Decides by what the deployment's functions stand on; must leave nothing behind.
async fn plan(deployment: &Deployment, proposed: &Proposed) -> Plan {
    let config = deployment.settings.config().unwrap();
    let ports = deployment.memory.ports();
    let authority = Authority::open(ports, config, deployment.settings.profiles())
        .await
        .unwrap();
    let before = (
        deployment.memory.keys.log().len(),
        deployment.memory.ledger.monitoring().counts().await,
    );
    let planner = Planner {
        policy: IssuancePolicy {
            config: authority.config(),
            profiles: authority.profiles(),
            cas: &authority.cas(),
        },
        ledger: Some(deployment.memory.ledger.as_ref()),
        now: support::NOW,
        entropy: deployment.memory.entropy.as_ref(),
    };
    let plan = planner.plan(proposed, None).await.unwrap();
    let after = (
        deployment.memory.keys.log().len(),
        deployment.memory.ledger.monitoring().counts().await,
    );
    assert_eq!(before, after, "a plan signs nothing and writes nothing");
    plan
}

/// Has both lists of revocations followed. Entries that cannot be are told, and stop no other.
async fn follow(deployment: &Deployment) {
    for function in [IssuingCaCrl, RootCaCrl] {
        if let Err(failure) = deployment.run(function).await {
            assert_eq!(failure.kind, FailureKind::Incomplete, "{failure}");
        }
    }
}

/// Asks `tls_cert` for every entry, in their order.
async fn run(deployment: &Deployment, entries: &[Value], round: &str) -> Vec<Value> {
    let mut answers = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let answer = deployment.ask(entry, &format!("{round} {index}")).await;
        answers.push(answer.unwrap());
    }
    answers
}

fn entry() -> impl Strategy<Value = Value> {
    let name = select(vec![
        json!("a"),
        json!("host.example.com"),
        json!("Host *"),
        json!(ISSUING),
        json!(" "),
        json!(["a"]),
        Value::Null,
    ]);
    let name = prop_oneof![3 => select(vec![json!("a"), json!("host.example.com")]), 1 => name];
    let csr = select(vec!["p256.csr", "p384.csr", "ed25519.csr"]);
    let csr = prop_oneof![5 => csr, 1 => select(vec!["junk.csr", "long.csr", "missing.csr", "../p256.csr", ""])];
    let inline = prop::option::weighted(0.2, select(vec![STANDARD.encode(P256), "?".to_owned()]));
    let lifetime = select(vec![Value::Null, json!(1), json!(30), json!(900), json!(0), json!("7")]);
    let sans = select(vec![
        Value::Null,
        json!("b.example.com"),
        json!(["b.example.com", "not a name"]),
        json!({"IP_ADDRESS": "192.0.2.1"}),
        json!(7),
    ]);
    let others = select(vec![
        json!({}),
        json!({}),
        json!({"force_issue": true}),
        json!({"force_issue": true}),
        json!({"force_issue": "yes"}),
        json!({"ca_chain_only": true}),
        json!({"purposes": ["server_auth", "unknown"]}),
        json!({"extended_key_usages": ["OCSP_SIGNING"]}),
        json!({"extended_key_usages": ["1.3.6.1.5.5.7.3.17"]}),
        json!({"extensions": [{"oid": "1.2.3", "value_b64": "BQA="}]}),
        json!({"idempotency_token": ""}),
        json!({"profile": "device"}),
        json!({"organization": "Acme, Inc."}),
    ]);
    let whole = (name, csr, inline, lifetime, sans, others).prop_map(|(name, csr, inline, lifetime, sans, others)| {
        let mut entry = json!({"common_name": name, "lifetime": lifetime, "sans": sans});
        match inline {
            Some(inline) => entry["base64_csr_data"] = json!(inline),
            None => entry["csr_file"] = json!(csr),
        }
        for (field, value) in others.as_object().unwrap() {
            entry[field] = value.clone();
        }
        entry
    });
    prop_oneof![12 => whole, 1 => select(vec![json!("a"), json!({}), Value::Null, json!([])])]
}

/// What the answer is must be what the plan said.
fn compare(item: &chancery_contract::plan::Item, answer: &Value) {
    let error = answer["error"].as_str();
    match item.verdict {
        Verdict::Issued | Verdict::Renewed => {
            let pem = answer["Base64Certificate"].as_str();
            let pem = pem.unwrap_or_else(|| panic!("{item:?}: {answer}"));
            let certificate = Certificate::parse(&STANDARD.decode(pem).unwrap()).unwrap();
            let planned = item.certificate.as_ref().unwrap();
            assert_eq!(planned.subject, certificate.subject().to_rfc4514());
            assert_eq!(planned.not_after, certificate.not_after());
            assert_eq!(planned.key, certificate.public_key().unwrap().kind().to_string());
            let names: Vec<_> = certificate.alt_names().iter().map(AltNameText::from).collect();
            assert_eq!(planned.sans, names);
            assert_eq!(
                planned.extended_key_usages.len(),
                certificate.extended_key_usages().len()
            );
        }
        Verdict::Refused | Verdict::Unchanged => assert_eq!(error, item.reason.as_deref(), "{item:?}"),
        Verdict::Skipped => assert!(error.is_none() && answer.get("CertificateInfo").is_none(), "{answer}"),
        Verdict::Revoked => panic!("{item:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn tls_json_comes_to_what_its_plan_says(
        before in prop::collection::vec(entry(), 0..5),
        entries in prop::collection::vec(entry(), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let deployment = Deployment::with_cas(&[]).await;
            let mut proposed = Proposed::with_csrs();
            proposed.apply(&deployment);
            // Files have the names of their entries.
            deployment.files.put("tls.json", json!(before).to_string());
            run(&deployment, &before, "before").await;
            proposed.put("tls.json", json!(entries).to_string());
            let plan = plan(&deployment, &proposed).await;
            assert_eq!(plan.items.len(), entries.len());
            proposed.apply(&deployment);
            let answers = run(&deployment, &entries, "merged").await;
            for (index, (item, answer)) in plan.items.iter().zip(&answers).enumerate() {
                assert_eq!(item.entry, Some(index));
                compare(item, answer);
            }
            // What is merged and done is unchanged, skipped, refused, or said to be done again.
            let again = self::plan(&deployment, &proposed).await;
            for (item, entry) in again.items.iter().zip(&entries) {
                let forced = entry["force_issue"] == true;
                assert!(forced || !matches!(item.verdict, Verdict::Issued | Verdict::Renewed), "{item:?}");
            }
        });
    }

    #[test]
    fn lists_of_revocations_come_to_what_their_plan_says(
        earlier in prop::collection::vec(revocation(), 0..3),
        leaves in prop::collection::vec(revocation(), 0..8),
        cas in prop::collection::vec(revocation(), 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let deployment = Deployment::with_cas(&[]).await;
            for (name, csr) in [("a", P256), ("b", P384), ("host.example.com", ED25519)] {
                deployment.ask(&support::event(name, csr), name).await.unwrap();
            }
            let all = records(&deployment).await;
            let list = |wanted: &[Wanted]| wanted.iter().map(|wanted| wanted.entry(&all)).collect::<Value>();
            deployment.files.put("revoked.json", list(&earlier).to_string());
            follow(&deployment).await;

            let before = records(&deployment).await;
            let mut proposed = Proposed::default();
            proposed.put("revoked.json", list(&leaves).to_string());
            proposed.put("revoked-root-ca.json", list(&cas).to_string());
            let plan = plan(&deployment, &proposed).await;
            assert_eq!(plan.items.len(), leaves.len() + cas.len());
            proposed.apply(&deployment);
            follow(&deployment).await;
            let after = records(&deployment).await;
            for record in &after {
                let serial = record.id.serial.to_string();
                let about = |verdict| {
                    let serial = serial.clone();
                    plan.items.iter().filter(move |item| item.verdict == verdict && item.serial_number.as_deref() == Some(&serial))
                };
                let was = before.iter().find(|was| was.id == record.id).unwrap().revocation.as_ref();
                let changed = reason(was) != reason(record.revocation.as_ref());
                assert_eq!(about(Verdict::Revoked).count() > 0, changed, "{serial}: {:#?}", plan.items);
                if let Some(last) = about(Verdict::Revoked).next_back() {
                    assert_eq!(last.revocation_reason, reason(record.revocation.as_ref()));
                }
                if about(Verdict::Unchanged).count() > 0 {
                    assert!(record.revocation.is_some());
                }
            }
        });
    }
}

fn reason(revocation: Option<&Revocation>) -> Option<&'static str> {
    revocation.map(|revocation| revocation.reason.name())
}

async fn records(deployment: &Deployment) -> Vec<CertificateRecord> {
    let query = Search {
        oldest_first: true,
        ..Search::default()
    };
    let page = deployment
        .memory
        .ledger
        .certificates()
        .search(&query, None, 100)
        .await
        .unwrap();
    page.certificates
}

/// An entry of a list of revocations, of a certificate by its place in the order of issuance: the CAs come first.
#[derive(Clone, Debug)]
struct Wanted {
    place: usize,
    name: Named,
    reason: Value,
    damage: Option<Value>,
}

#[derive(Clone, Copy, Debug)]
enum Named {
    Own,
    CaName,
    Other,
}

impl Wanted {
    fn entry(&self, all: &[CertificateRecord]) -> Value {
        if let Some(damage) = &self.damage {
            return damage.clone();
        }
        let record = all.get(self.place);
        let name = match (self.name, self.place) {
            (Named::CaName, 0) => ROOT,
            (Named::CaName, 1) => ISSUING,
            (Named::Other, _) => "other",
            _ => record.map_or("nobody", |record| &record.common_name),
        };
        let serial = record.map_or_else(
            || Serial::from_octets(&[7]).unwrap().to_string(),
            |record| record.id.serial.to_string(),
        );
        json!({"common_name": name, "serial_number": serial, "reason": self.reason})
    }
}

fn revocation() -> impl Strategy<Value = Wanted> {
    let name = prop_oneof![3 => Just(Named::Own), 2 => Just(Named::CaName), 1 => Just(Named::Other)];
    let reason = select(vec![
        Value::Null,
        json!("superseded"),
        json!("keyCompromise"),
        json!("boredom"),
    ]);
    let damage = select(vec![
        json!("a"),
        json!({}),
        json!({"common_name": "a", "serial_number": "x"}),
    ]);
    let damage = prop::option::weighted(0.1, damage);
    (0..6_usize, name, reason, damage).prop_map(|(place, name, reason, damage)| Wanted {
        place,
        name,
        reason,
        damage,
    })
}
