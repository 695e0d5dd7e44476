//! A folder of lists and CSRs that is planned by, in memory.
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::collections::BTreeMap;

use chancery_authority::issue::CsrFileName;
use chancery_authority::issue::IssuancePolicy;
use chancery_authority::port::LedgerError;
use chancery_contract::plan::{Plan, Planner, Proposal, Unreadable};
use serde_json::{Value, json};

use crate::{Fixture, Requester};

/// Files by their names; one whose content is `unreadable` is that.
#[derive(Clone, Default)]
pub struct Proposed(pub BTreeMap<String, Vec<u8>>);

impl Proposed {
    /// The same with a file of that name.
    #[must_use]
    pub fn with(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.0.insert(name.to_owned(), content.as_ref().to_vec());
        self
    }

    /// The same with that `tls.json`.
    #[must_use]
    pub fn tls(self, entries: &Value) -> Self {
        self.with("tls.json", entries.to_string())
    }

    /// The same with the CSR of somebody new.
    #[must_use]
    pub fn csr(self, name: &str) -> Self {
        let csr = Requester::new().csr("from the CSR");
        self.with(&format!("csrs/{name}"), csr)
    }
}

impl Proposal for Proposed {
    fn list(&self, name: &'static str) -> Result<Option<Vec<u8>>, Unreadable> {
        match self.0.get(name) {
            Some(octets) if octets == b"unreadable" => Err(Unreadable::Other {
                detail: "it may not be read".to_owned(),
            }),
            found => Ok(found.cloned()),
        }
    }

    fn csr(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(self.0.get(&format!("csrs/{name}")).cloned())
    }

    fn csr_names(&self) -> Result<Vec<String>, Unreadable> {
        let names = self.0.keys().filter_map(|name| name.strip_prefix("csrs/"));
        Ok(names.map(str::to_owned).collect())
    }

    fn place(&self) -> String {
        "the folder csrs".to_owned()
    }
}

/// The plan of a folder by an authority's CAs and ledger, against another folder where there is one.
pub async fn try_plan(fixture: &Fixture, proposed: &Proposed, base: Option<&Proposed>) -> Result<Plan, LedgerError> {
    let cas = fixture.authority.cas();
    let planner = Planner {
        policy: IssuancePolicy {
            config: fixture.authority.config(),
            profiles: fixture.authority.profiles(),
            cas: &cas,
        },
        ledger: Some(fixture.authority.ports().ledger.as_ref()),
        now: fixture.authority.ports().clock.now(),
        entropy: fixture.memory.entropy.as_ref(),
    };
    planner.plan(proposed, base.map(|base| base as &dyn Proposal)).await
}

/// The plan of a folder by an authority's CAs and ledger.
pub async fn plan(fixture: &Fixture, proposed: &Proposed) -> Plan {
    try_plan(fixture, proposed, None).await.unwrap()
}

/// What is said of each entry, by its name.
pub fn verdicts(plan: &Plan) -> Vec<&'static str> {
    plan.items.iter().map(|item| item.verdict.name()).collect()
}

/// An entry of `tls.json`.
pub fn entry(name: &str, file: &str) -> Value {
    json!({"common_name": name, "csr_file": file})
}
