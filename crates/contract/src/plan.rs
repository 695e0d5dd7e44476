//! A dry run of the lists that operators write (`tls.json` with its CSRs, `revoked.json`, `revoked-root-ca.json`): what
//! would be issued, renewed or revoked, what stays unchanged, what is skipped or refused, and why.
//!
//! A [`Planner`] decides with the same code as the functions: on a request by [`IssuancePolicy::prepare`], on its key by what
//! [`Intents::reserve`](chancery_authority::port::ledger::Intents::reserve) would find, on a revocation by [`decide_listed`](crate::listed::decide_listed). It reads the
//! ledger, if there is one; it writes nothing and signs nothing. Each entry is decided independently; then the entries
//! of one list are checked against each other, in order.

mod base;
mod item;
mod proposal;
mod requests;
mod revocations;

use chancery_x509::time::UnixTime;

pub use base::Compared;
pub use item::{Existing, Item, PlanFinding, Planned, Verdict};
pub use proposal::{Proposal, Unreadable};

use crate::lists::{self, NoList};
use crate::{REVOKED_JSON, REVOKED_ROOT_CA_JSON};
use base::Base;
use chancery_authority::config::CaConfig;
use chancery_authority::issue::IssuancePolicy;
use chancery_authority::port::Entropy;
use chancery_authority::port::ledger::{Ledger, LedgerError};

/// Concurrent ledger reads.
const AT_ONCE: usize = 16;

/// Most entries of a list that are checked: bounds the memory of a plan.
const ENTRIES: usize = 100_000;

/// Decides on proposals.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    /// What the authority decides on requests by.
    pub policy: IssuancePolicy<'a>,
    /// Where issued and revoked certificates are recorded; `None` without a ledger.
    pub ledger: Option<&'a dyn Ledger>,
    /// The time of the decisions.
    pub now: UnixTime,
    /// Source of placeholder serial numbers, which no certificate gets.
    pub entropy: &'a dyn Entropy,
}

/// The outcome of a proposal.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every entry, list by list, in order; with a base, without the entries that the base has too.
    pub items: Vec<Item>,
    /// Warnings that do not belong to one entry.
    pub warnings: Vec<String>,
    /// With a base: how the lists differ from it.
    pub compared: Option<Compared>,
}

impl Plan {
    /// Number of entries with that verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.items.iter().filter(|item| item.verdict == verdict).count()
    }

    /// Whether any entry is refused.
    pub fn is_refused(&self) -> bool {
        self.count(Verdict::Refused) > 0
    }
}

impl Planner<'_> {
    /// Decides on everything that is proposed; with a base, only on what the base does not have. Fails only if the
    /// ledger does: then nothing is decided.
    pub async fn plan(&self, proposal: &dyn Proposal, base: Option<&dyn Proposal>) -> Result<Plan, LedgerError> {
        let mut plan = Plan {
            compared: base.map(|_| Compared::default()),
            ..Plan::default()
        };
        self.plan_requests(proposal, base, &mut plan).await?;
        // One list is for what the root issued, the other for what the CAs below it did.
        let (roots, below): (Vec<_>, Vec<_>) = self.policy.config.cas().iter().partition(|ca| ca.parent().is_none());
        let issuing = if below.is_empty() { &roots } else { &below };
        let root = roots.first().map_or(issuing.as_slice(), std::slice::from_ref);
        self.plan_revocations(REVOKED_JSON, issuing, proposal, base, &mut plan)
            .await?;
        self.plan_revocations(REVOKED_ROOT_CA_JSON, root, proposal, base, &mut plan)
            .await?;
        Ok(plan)
    }

    fn knows_ca(&self, ca: &CaConfig) -> bool {
        self.policy.cas.iter().any(|known| known.name() == ca.name())
    }
}

/// Reads a list, if it exists; if it cannot be read, the error becomes an item of the plan.
fn read(name: &'static str, proposal: &dyn Proposal, plan: &mut Plan) -> Option<Vec<u8>> {
    match proposal.list(name) {
        Ok(list) => list,
        Err(error) => {
            plan.items
                .push(Item::refused(name, None, "unreadable", format!("{name}: {error}")));
            None
        }
    }
}

/// The entries of a list; a fault of the list as a whole becomes an item of the plan.
fn entries<'a>(name: &'static str, octets: &'a [u8], plan: &mut Plan) -> Vec<&'a serde_json::value::RawValue> {
    let refused = |code, reason| Item::refused(name, None, code, reason);
    match lists::entries(name, octets) {
        Ok(entries) if entries.len() > ENTRIES => {
            let reason = format!(
                "{name} has {} entries, at most {ENTRIES} are looked at: plan it in parts",
                entries.len()
            );
            plan.items.push(refused("over_budget", reason));
            Vec::new()
        }
        Ok(entries) => entries,
        Err(error @ NoList { .. }) => {
            plan.items.push(refused("no_list", error.to_string()));
            Vec::new()
        }
    }
}

/// The base's list of that name. One that cannot be read counts as empty, and is reported.
fn base_of(name: &'static str, base: Option<&dyn Proposal>, plan: &mut Plan) -> Base {
    match base.map(|base| Base::read(name, base)) {
        None => Base::default(),
        Some(Ok(base)) => base,
        Some(Err(detail)) => {
            plan.warnings.push(format!(
                "the base's {name} cannot be compared with ({detail}): every entry counts as new"
            ));
            Base::default()
        }
    }
}
