//! What would become of the lists that operators write (`tls.json` with its CSRs, `revoked.json`, `revoked-root-ca.json`),
//! before anything does: what would be issued, renewed or revoked, what stays as it is, what is skipped or refused, and why.
//!
//! A [`Planner`] decides as the functions do, by the same code: on a request by [`Rules::prepare`], on its key by what
//! [`Ledger::reserve`] would find, on a revocation by [`decide_listed`](crate::revoke::decide_listed). It reads the ledger,
//! where there is one; it writes nothing and signs nothing. Each entry is decided by itself and stops no other; then those
//! that meet in one list are held against each other, in their order.

mod base;
mod item;
mod proposal;
mod requests;
mod revocations;

use chancery_x509::time::UnixTime;

pub use base::Compared;
pub use item::{Existing, Found, Item, Planned, Verdict};
pub use proposal::{Proposal, Unreadable};

use crate::config::CaConfig;
use crate::issue::Rules;
use crate::port::Entropy;
use crate::port::ledger::{Ledger, LedgerError};
use crate::wire::lists::{self, NoList};
use crate::wire::{REVOKED_JSON, REVOKED_ROOT_CA_JSON};
use base::Base;

/// Ledger reads in work at a time.
const AT_ONCE: usize = 16;

/// Entries of a list that are looked at, at most: bounds what a plan holds in memory.
const ENTRIES: usize = 100_000;

/// What decides on proposals.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    /// The rules of the authority.
    pub rules: Rules<'a>,
    /// What was issued and revoked; `None` where that is not known.
    pub ledger: Option<&'a dyn Ledger>,
    /// When.
    pub now: UnixTime,
    /// For serial numbers that no certificate will have.
    pub entropy: &'a dyn Entropy,
}

/// What would become of a proposal.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every entry, list by list, in order; with a base those that it has too are left out.
    pub items: Vec<Item>,
    /// What concerns no single entry.
    pub warnings: Vec<String>,
    /// Where there is a base: how the lists differ from it.
    pub compared: Option<Compared>,
}

impl Plan {
    /// How many entries have that verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.items.iter().filter(|item| item.verdict == verdict).count()
    }

    /// Whether something is refused.
    pub fn is_refused(&self) -> bool {
        self.count(Verdict::Refused) > 0
    }
}

impl Planner<'_> {
    /// Decides on everything that is proposed; with a base, only on what the base does not have. An error is of the ledger
    /// alone: then nothing is known.
    pub async fn plan(&self, proposal: &dyn Proposal, base: Option<&dyn Proposal>) -> Result<Plan, LedgerError> {
        let mut plan = Plan {
            compared: base.map(|_| Compared::default()),
            ..Plan::default()
        };
        self.plan_requests(proposal, base, &mut plan).await?;
        let configured = self.rules.config.cas();
        let root = configured.iter().find(|ca| ca.parent().is_none());
        let issuing = self.rules.config.issuing_ca();
        self.plan_revocations(REVOKED_JSON, issuing, proposal, base, &mut plan)
            .await?;
        self.plan_revocations(REVOKED_ROOT_CA_JSON, root.unwrap_or(issuing), proposal, base, &mut plan)
            .await?;
        Ok(plan)
    }

    fn knows_ca(&self, ca: &CaConfig) -> bool {
        self.rules.cas.iter().any(|known| known.name() == ca.name())
    }
}

/// A list's text, where there is one that can be read; what is wrong with it becomes an item of the plan.
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

/// The entries of a list; what is wrong with the list as a whole becomes an item of the plan.
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
