//! The requests of `tls.json`.

use std::collections::{HashMap, HashSet};

use chancery_x509::key::KeyFingerprint;
use chancery_x509::time::UnixTime;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use serde_json::value::RawValue;

use super::item::{Existing, Item, PlanFinding, Planned, Verdict, shortened};
use super::{AT_ONCE, Plan, Planner, Proposal, Unreadable, base_of, entries, read};
use crate::{Malformed, TLS_JSON, TlsCertRequest, caller_token, request_value};
use chancery_authority::Principal;
use chancery_authority::issue::{FoundCsr, IssuanceContext, IssueError, KeyClaim, Refusal, draw_serial};
use chancery_authority::port::ledger::{AttemptId, Certificates, KeyStatus, Kind, LedgerError, for_each_named};

/// Most unused CSR files that are named in warnings.
const TOLD: usize = 100;

/// Days before its end from which a certificate gets a warning, where the configuration sends no reminders.
const ENDS_SOON: u32 = 30;

/// An entry, decided as far as possible without the other entries.
struct Examined {
    item: Item,
    /// The claim on its key; `None` where the decision is final.
    claim: Option<KeyClaim>,
    /// Whether the base has it too: then the ledger is not queried for it.
    is_known: bool,
}

/// The ledger's answer about an entry's key: its status, or why it cannot be read.
type Holder = Result<KeyStatus, String>;

/// The certificates of one name: for each key the most relevant one.
type ByKey = HashMap<KeyFingerprint, Existing>;

/// The ledger's answers for all entries.
#[derive(Default)]
struct Recorded {
    /// By the entry's index.
    holders: HashMap<usize, Holder>,
    named: HashMap<String, ByKey>,
}

/// An earlier entry that gets a certificate for a key.
struct Claimed {
    common_name: String,
    place: usize,
}

impl Planner<'_> {
    pub(super) async fn plan_requests(
        &self,
        proposal: &dyn Proposal,
        base: Option<&dyn Proposal>,
        plan: &mut Plan,
    ) -> Result<(), LedgerError> {
        let octets = read(TLS_JSON, proposal, plan).unwrap_or_else(|| b"[]".to_vec());
        let entries = entries(TLS_JSON, &octets, plan);
        let is_read = plan.items.is_empty();
        let mut left = base_of(TLS_JSON, base, plan);
        let mut examined = Vec::with_capacity(entries.len());
        let mut used = HashSet::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let is_known = left.take(entry, proposal);
            let (item, claim) = self.examine(index, entry, proposal);
            used.extend(item.csr_file.clone());
            examined.push(Examined { item, claim, is_known });
        }
        drop(octets);
        let known = match self.ledger {
            None => Recorded::default(),
            Some(ledger) => Recorded::read(ledger.certificates(), &examined).await?,
        };
        if let Some(compared) = &mut plan.compared {
            let new = examined.iter().filter(|one| !one.is_known);
            let new: HashSet<&str> = new.filter_map(|one| one.item.common_name.as_deref()).collect();
            compared.removed.extend(left.removed(TLS_JSON, &new));
        }
        self.decide_together(examined, &known, plan);
        // If the list cannot be read, it is unknown which files it names.
        if is_read {
            warn_of_unused_csrs(&used, proposal, base, plan);
        }
        Ok(())
    }

    /// Decides on an entry as `tls_cert` would on the same event, except for what only the ledger knows.
    fn examine(&self, index: usize, entry: &RawValue, proposal: &dyn Proposal) -> (Item, Option<KeyClaim>) {
        let refused = |code, reason| Item::refused(TLS_JSON, Some(index), code, reason);
        let value = match request_value(entry.get().as_bytes()) {
            Ok(value) => value,
            Err(malformed) => return (refused(malformed.code(), malformed.to_string()), None),
        };
        let text = |field: &str| value.get(field).and_then(Value::as_str);
        let about = |item: Item| Item {
            csr_file: text("csr_file").map(shortened),
            ..item.named(text("common_name"))
        };
        match self.decide(&value, proposal) {
            Err(item) => {
                let item = Item {
                    entry: Some(index),
                    ..*item
                };
                (about(item), None)
            }
            Ok((item, claim)) => {
                let item = Item {
                    entry: Some(index),
                    ..about(item)
                };
                (item.named(Some(&claim.common_name)), Some(claim))
            }
        }
    }

    fn decide(&self, value: &Value, proposal: &dyn Proposal) -> Result<(Item, KeyClaim), Box<Item>> {
        let refused = |code, reason| Box::new(Item::refused(TLS_JSON, None, code, reason));
        let malformed = |malformed: Malformed| refused(malformed.code(), malformed.to_string());
        let mut request = TlsCertRequest::from_value(value).map_err(malformed)?;
        let has_token = caller_token(value).map_err(malformed)?.is_some();
        let issuing = self.policy.config.issuing_ca();
        if !self.knows_ca(issuing) {
            return Err(refused("no_ca", format!("CA {} not found", issuing.name())));
        }
        if request.ca_chain_only {
            let skipped = Item::new(TLS_JSON, None, Verdict::Skipped);
            let reason = "only the CAs' certificates are asked for; nothing is issued";
            return Err(Box::new(skipped.with_reason("ca_chain_only", reason)));
        }
        if let Some(name) = request.csr_file().cloned() {
            let place = proposal.place();
            let found = match proposal.csr(&name) {
                Ok(Some(octets)) => FoundCsr::Content { octets, place },
                Ok(None) => FoundCsr::Missing { place },
                Err(Unreadable::TooLong { actual, limit }) => FoundCsr::TooLong { actual, limit, place },
                Err(error @ Unreadable::Other { .. }) => {
                    return Err(refused("unreadable", format!("the CSR file cannot be read: {error}")));
                }
            };
            // The request is an entry of the list, so the file is listed with its names.
            let listed = vec![request.names()];
            request.resolve_csr(found, listed);
        }
        let context = IssuanceContext {
            principal: &Principal::AUTHORITY,
            token: None,
            now: self.now,
            serial: draw_serial(self.entropy),
            attempt: AttemptId([0; 16]),
            request_id: None,
        };
        let prepared = request.prepare(&self.policy, context).map_err(|error| match error {
            IssueError::Refused(refusal) => refused(refusal.code(), refusal.to_string()),
            other => refused(other.code(), other.detail().unwrap_or_default().to_owned()),
        })?;
        let planned = Planned::of(&prepared, self.now);
        let mut warnings = prepared.warnings().to_vec();
        if request.force_issue {
            warnings.push("force_issue: every run issues one more certificate".to_owned());
        }
        if has_token {
            warnings.push(
                "idempotency_token: while it stays, a changed entry is refused, and an unchanged one gets what it got before"
                    .to_owned(),
            );
        }
        let item = Item {
            findings: prepared.findings().iter().map(PlanFinding::from).collect(),
            certificate: Some(planned),
            warnings,
            ..Item::new(TLS_JSON, None, Verdict::Issued)
        };
        Ok((item, prepared.key_claim()))
    }

    /// Checks the entries against the ledger, and in order against each other.
    fn decide_together(&self, examined: Vec<Examined>, known: &Recorded, plan: &mut Plan) {
        let own: HashSet<KeyFingerprint> = examined
            .iter()
            .filter_map(|one| one.claim.as_ref().map(|claim| claim.key))
            .collect();
        let mut claims: HashMap<KeyFingerprint, Claimed> = HashMap::new();
        let mut decided: Vec<(Item, bool)> = Vec::with_capacity(examined.len());
        for (place, one) in examined.into_iter().enumerate() {
            let Examined {
                mut item,
                claim,
                is_known,
            } = one;
            let Some(claim) = claim else {
                decided.push((item, !is_known));
                continue;
            };
            let holder = match known.holders.get(&place) {
                Some(Err(detail)) => {
                    item = item.fail(detail);
                    decided.push((item, !is_known));
                    continue;
                }
                Some(Ok(KeyStatus::Blocked)) => {
                    let refusal = Refusal::KeyCompromised;
                    item.verdict = Verdict::Refused;
                    item.certificate = None;
                    item = item.with_reason(refusal.code(), refusal.to_string());
                    decided.push((item, !is_known));
                    continue;
                }
                Some(Ok(KeyStatus::Held(holder))) => Some(holder.as_str()),
                Some(Ok(KeyStatus::Free)) | None => None,
            };
            let mut is_shown = !is_known;
            let certificates = known.named.get(&claim.common_name);
            if let Some(holder) = holder {
                match claim.refused_for(holder) {
                    Some(refusal) => item = self.already_certified(item, &refusal, holder, &claim, certificates),
                    None => item = issued(item, &claim, certificates, &own),
                }
            } else if let Some(first) = claims.get(&claim.key) {
                match claim.refused_for(&first.common_name) {
                    Some(refusal) => {
                        // An unchanged entry is shown too if it conflicts with a new one.
                        let (other, other_shown) = &mut decided[first.place];
                        is_shown |= *other_shown;
                        *other_shown |= is_shown;
                        item = same_key_as_earlier(item, &refusal, first.place, other);
                    }
                    None => item = issued(item, &claim, certificates, &own),
                }
            } else {
                let claimed = Claimed {
                    common_name: claim.common_name.clone(),
                    place,
                };
                claims.insert(claim.key, claimed);
                item = issued(item, &claim, certificates, &own);
            }
            decided.push((item, is_shown));
        }
        let all = decided.len();
        plan.items.extend(
            decided
                .into_iter()
                .filter_map(|(item, is_shown)| is_shown.then_some(item)),
        );
        if let Some(compared) = &mut plan.compared {
            let shown = plan
                .items
                .iter()
                .filter(|item| item.list == TLS_JSON && item.entry.is_some());
            compared.equal += all - shown.count();
        }
    }

    /// Decides on an entry whose key is already certified.
    fn already_certified(
        &self,
        mut item: Item,
        refusal: &Refusal,
        holder: &str,
        claim: &KeyClaim,
        certificates: Option<&ByKey>,
    ) -> Item {
        if !matches!(refusal, Refusal::AlreadyIssued) {
            item.verdict = Verdict::Refused;
            item.certificate = None;
            item.warnings
                .push(format!("the key is certified for {:?}", shortened(holder)));
            return item.with_reason(refusal.code(), refusal.to_string());
        }
        item.verdict = Verdict::Unchanged;
        // The certificate exists: warnings and findings about a new one are irrelevant.
        item.warnings.clear();
        item.findings.clear();
        item.certificate = None;
        item.existing = certificates.and_then(|by_key| by_key.get(&claim.key)).cloned();
        let again = "its key is not certified again: make a new key and CSR, or set force_issue for one run";
        match &item.existing {
            None => item.warnings.push(
                "no certificate is there yet: its issuance is under way, or was interrupted and is the sweeper's"
                    .to_owned(),
            ),
            Some(Existing { revoked: Some(_), .. }) => {
                item.warnings.push(format!("its certificate is revoked, and {again}"));
            }
            Some(Existing { not_after, .. }) if *not_after < self.now => {
                item.warnings
                    .push(format!("its certificate ended at {not_after}, and {again}"));
            }
            Some(Existing { not_after, .. }) if *not_after < self.warning_threshold() => {
                item.warnings
                    .push(format!("its certificate ends at {not_after}, and {again}"));
            }
            Some(_) => {}
        }
        item.with_reason(refusal.code(), refusal.to_string())
    }

    /// Certificates that end before this time get a warning.
    fn warning_threshold(&self) -> UnixTime {
        let days = self.policy.config.expiry_reminders().first().copied();
        self.now.plus_days(days.unwrap_or(ENDS_SOON).into())
    }
}

/// Decides on an entry with the same key as an earlier one. Both are requested concurrently, so that either may be
/// first.
fn same_key_as_earlier(mut item: Item, refusal: &Refusal, first: usize, other: &mut Item) -> Item {
    if matches!(refusal, Refusal::AlreadyIssued) {
        item.verdict = Verdict::Unchanged;
        item.certificate = None;
        item.warnings
            .push(format!("entry {first} asks for the same: there is one certificate"));
    } else {
        let place = item.entry.unwrap_or_default();
        item.verdict = Verdict::Refused;
        item.certificate = None;
        let chance = |entry| format!("entry {entry} has the same key: chance decides which of them gets a certificate");
        item.warnings.push(chance(first));
        other.warnings.push(chance(place));
    }
    item.with_reason(refusal.code(), refusal.to_string())
}

/// Decides on an entry that gets a certificate.
fn issued(mut item: Item, claim: &KeyClaim, certificates: Option<&ByKey>, own: &HashSet<KeyFingerprint>) -> Item {
    let Some(certificates) = certificates else { return item };
    if let Some(same_key) = certificates.get(&claim.key) {
        item.existing = Some(same_key.clone());
        return item;
    }
    // Certificates of keys elsewhere in the list remain beside it; it replaces those whose key is in no entry any more.
    let former = certificates
        .iter()
        .filter(|(key, _)| !own.contains(*key))
        .map(|(_, existing)| existing);
    if let Some(former) = former.max_by_key(|existing| rank(existing)) {
        item.existing = Some(former.clone());
        item.verdict = Verdict::Renewed;
    }
    item
}

/// Prefers unrevoked certificates, then the latest notAfter.
fn rank(existing: &Existing) -> (bool, UnixTime) {
    (existing.revoked.is_none(), existing.not_after)
}

impl Item {
    /// Refuses the entry because the ledger cannot be read.
    pub(super) fn fail(mut self, detail: &str) -> Self {
        self.verdict = Verdict::Refused;
        self.with_reason("ledger", detail)
    }
}

impl Recorded {
    async fn read(certificates: &dyn Certificates, examined: &[Examined]) -> Result<Self, LedgerError> {
        let asked: Vec<(usize, &KeyClaim)> = examined
            .iter()
            .enumerate()
            .filter(|(_, one)| !one.is_known)
            .filter_map(|(place, one)| Some((place, one.claim.as_ref()?)))
            .collect();
        let holders = stream::iter(&asked).map(async |(place, claim)| {
            let holder = separate_unavailable(certificates.key_status(claim.key, &claim.common_name).await)?;
            Ok::<_, LedgerError>((*place, holder))
        });
        let holders = holders.buffer_unordered(AT_ONCE).try_collect().await?;
        let distinct: HashSet<&str> = asked.iter().map(|(_, claim)| claim.common_name.as_str()).collect();
        let named = stream::iter(distinct).map(async |name| {
            let mut by_key = ByKey::new();
            let mut keep = |record: chancery_authority::port::ledger::CertificateRecord| {
                if record.kind != Kind::Leaf {
                    return;
                }
                let existing = Existing::of(&record);
                let kept = by_key.entry(record.key).or_insert_with(|| existing.clone());
                if rank(&existing) > rank(kept) {
                    *kept = existing;
                }
            };
            // Unreadable rows were reported with the query for the key, or do not affect the decision.
            let _ = separate_unavailable(for_each_named(certificates, name, &mut keep).await)?;
            Ok::<_, LedgerError>((name.to_owned(), by_key))
        });
        let named = named.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(Self { holders, named })
    }
}

/// An unavailable ledger ends the plan; an unreadable row affects one entry only.
pub(super) fn separate_unavailable<T>(outcome: Result<T, LedgerError>) -> Result<Result<T, String>, LedgerError> {
    match outcome {
        Ok(answer) => Ok(Ok(answer)),
        Err(error @ (LedgerError::Unavailable { .. } | LedgerError::NotCreated { .. })) => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Warns of CSR files that no entry names: forgotten, or misspelt in an entry.
fn warn_of_unused_csrs(used: &HashSet<String>, proposal: &dyn Proposal, base: Option<&dyn Proposal>, plan: &mut Plan) {
    let names = match proposal.csr_names() {
        Ok(names) => names,
        Err(error) => {
            plan.warnings
                .push(format!("{} cannot be listed: {error}", proposal.place()));
            return;
        }
    };
    let before: HashSet<String> = base
        .and_then(|base| base.csr_names().ok())
        .unwrap_or_default()
        .into_iter()
        .collect();
    let mut unused: Vec<String> = names
        .into_iter()
        .filter(|name| !used.contains(name) && !before.contains(name))
        .collect();
    unused.sort();
    let more = unused.len().saturating_sub(TOLD);
    for name in unused.iter().take(TOLD) {
        plan.warnings.push(format!(
            "no entry of {TLS_JSON} names the CSR file {:?}",
            shortened(name)
        ));
    }
    if more > 0 {
        plan.warnings
            .push(format!("no entry of {TLS_JSON} names {more} more CSR files"));
    }
}
