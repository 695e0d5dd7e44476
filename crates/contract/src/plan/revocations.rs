//! The lists of revocations.

use std::collections::{HashMap, HashSet};

use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use serde_json::value::RawValue;

use super::item::{Existing, Item, Verdict};
use super::requests::separate_unavailable;
use super::{AT_ONCE, Plan, Planner, Proposal, base_of, entries, read};
use crate::RevokedEntry;
use crate::listed::{ListedRevocation, SkippedRevocation, decide_listed};
use chancery_authority::CaName;
use chancery_authority::config::CaConfig;
use chancery_authority::port::ledger::LedgerError;

/// The ledger's decision on an entry; `None` where it is not known, or was not queried.
type Decided = Option<Result<ListedRevocation, String>>;

/// An entry with its index in the list; or the item for an invalid entry.
type Parsed = Result<(usize, RevokedEntry), Box<Item>>;

impl Planner<'_> {
    pub(super) async fn plan_revocations(
        &self,
        list: &'static str,
        cas: &[&CaConfig],
        proposal: &dyn Proposal,
        base: Option<&dyn Proposal>,
        plan: &mut Plan,
    ) -> Result<(), LedgerError> {
        let Some(octets) = read(list, proposal, plan) else {
            return Ok(());
        };
        let entries = entries(list, &octets, plan);
        let mut left = base_of(list, base, plan);
        let mut equal = 0;
        let mut parsed: Vec<Parsed> = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            if left.take(entry, proposal) {
                equal += 1;
                continue;
            }
            parsed.push(match RevokedEntry::parse(entry) {
                Ok(revoked) => Ok((index, revoked)),
                Err(detail) => Err(Box::new(damaged(list, index, entry, &detail))),
            });
        }
        if let Some(compared) = &mut plan.compared {
            let new = parsed.iter().flatten().map(|(_, entry)| entry.common_name.as_str());
            compared
                .removed
                .extend(left.removed(list, &new.collect::<HashSet<_>>()));
            compared.equal += equal;
        }
        let known: Vec<CaName> = cas
            .iter()
            .filter(|ca| self.knows_ca(ca))
            .map(|ca| ca.name().clone())
            .collect();
        let missing = cas.first().filter(|_| known.is_empty()).map(|ca| ca.name());
        let decided: Vec<(Parsed, Decided)> = stream::iter(parsed)
            .map(async |entry| {
                let decided = match &entry {
                    Ok((_, revoked)) => self.decide_revocation(&known, revoked).await?,
                    Err(_) => None,
                };
                Ok::<_, LedgerError>((entry, decided))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut seen: HashMap<Serial, (usize, RevocationReason)> = HashMap::new();
        for (entry, decided) in decided {
            plan.items.push(match entry {
                Err(item) => *item,
                Ok((index, revoked)) => {
                    let item = Item::new(list, Some(index), Verdict::Revoked).named(Some(&revoked.common_name));
                    self.revocation(item, missing, &revoked, decided, &mut seen)
                }
            });
        }
        Ok(())
    }

    async fn decide_revocation(&self, issuers: &[CaName], entry: &RevokedEntry) -> Result<Decided, LedgerError> {
        match self.ledger.filter(|_| !issuers.is_empty()) {
            None => Ok(None),
            Some(ledger) => {
                let decided = decide_listed(ledger.revocations(), issuers, entry).await;
                separate_unavailable(decided.map(|(decided, _)| decided)).map(Some)
            }
        }
    }

    fn revocation(
        &self,
        mut item: Item,
        missing: Option<&CaName>,
        entry: &RevokedEntry,
        decided: Decided,
        seen: &mut HashMap<Serial, (usize, RevocationReason)>,
    ) -> Item {
        let serial = entry.serial_number;
        item.serial_number = Some(serial.to_string());
        if let Some(ca_name) = missing.filter(|_| self.ledger.is_some()) {
            item.verdict = Verdict::Skipped;
            return item.with_reason("no_ca", format!("CA {ca_name} not found; nothing is revoked"));
        }
        match decided {
            Some(Err(detail)) => return item.fail(&detail),
            Some(Ok(ListedRevocation::Skipped(reason))) => {
                item.verdict = Verdict::Skipped;
                return item.with_reason(code(&reason), reason.to_string());
            }
            Some(Ok(ListedRevocation::AlreadyRevoked(record))) => {
                item.verdict = Verdict::Unchanged;
                item.existing = Some(Existing::of(&record));
                return item.with_reason("already_revoked", "it is revoked already");
            }
            Some(Ok(ListedRevocation::Due(record))) => {
                if record.revocation.is_some() {
                    item.warnings
                        .push("it is revoked already, and will be for keyCompromise".to_owned());
                }
                if record.not_after < self.now {
                    item.warnings
                        .push(format!("it expired at {}; revoking it has no effect", record.not_after));
                }
                item.existing = Some(Existing::of(&record));
            }
            None => {}
        }
        let compromised = RevocationReason::KeyCompromise;
        if let Some((first, reason)) = seen.get(&serial)
            && (entry.reason != compromised || *reason == compromised)
        {
            item.verdict = Verdict::Unchanged;
            let reason = format!("entry {first} lists it already");
            return item.with_reason("already_listed", reason);
        }
        seen.insert(serial, (item.entry.unwrap_or_default(), entry.reason));
        item.revocation_reason = Some(entry.reason.name());
        item
    }
}

fn damaged(list: &'static str, index: usize, entry: &RawValue, detail: &str) -> Item {
    let value: Option<Value> = serde_json::from_str(entry.get()).ok();
    let name = value
        .as_ref()
        .and_then(|value| value.get("common_name"))
        .and_then(Value::as_str);
    Item::refused(list, Some(index), "malformed_entry", detail.to_owned()).named(name)
}

fn code(reason: &SkippedRevocation) -> &'static str {
    match reason {
        SkippedRevocation::NotFound { .. } => "not_found",
        SkippedRevocation::OtherName { .. } => "other_name",
        SkippedRevocation::OtherAuthority { .. } => "other_authority",
        SkippedRevocation::Root(_) => "root",
    }
}
