//! The state of the ledger in memory, and its changes by each call.

mod family;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::ca_name::CaName;
use crate::port::ETag;
use crate::port::ledger::{
    AuthorityRecord, CertificateIntent, CertificateRecord, ChangeMark, Completion, Counts, CrlIntent, CrlPlan,
    CrlRecord, CrlScope, CrlState, CrlUse, Cursor, Evidence, IdempotencyToken, IntentId, KeyStatus, Kind, LedgerError,
    Listed, OpenIntent, OpenIntents, OpenPosition, Page, REJECTIONS_KEPT, Rejection, Reservation, Revocation, Revoked,
    Search, UnfinishedFamily,
};
use crate::port::ledger::{IssuerChange, IssuerState, IssuerStatus};
use crate::principal::Principal;

#[derive(Default)]
pub(super) struct State {
    /// Every intent in any stage.
    rows: BTreeMap<(Serial, CaName), Row>,
    /// Open intents in order of reservation.
    open: BTreeMap<u64, IntentId>,
    /// Certificates in order of completion.
    issued: BTreeMap<u64, IntentId>,
    sequence: u64,
    claims: HashMap<KeyFingerprint, Claim>,
    /// Compromised keys.
    blocked: HashSet<KeyFingerprint>,
    /// Families that a call has not finished.
    unfinished: HashMap<KeyFingerprint, UnfinishedFamily>,
    /// Certificates whose intents were reopened.
    reopened: HashMap<(Serial, CaName), Vec<u8>>,
    /// By the principal's text: what else is known of it may change between two requests.
    tokens: HashMap<(String, IdempotencyToken), IntentId>,
    ca_names: HashSet<CaName>,
    authorities: Vec<AuthorityRecord>,
    /// Recorded states, also of CAs that do not exist yet.
    issuer_status: HashMap<CaName, IssuerStatus>,
    unreadable_intents: Vec<String>,
    /// Each CA's own certificate.
    ca_certificates: HashMap<CaName, IntentId>,
    revoked: HashMap<CrlScope, BTreeMap<Serial, RevokedRow>>,
    crls: HashMap<CrlScope, Crls>,
    damaged: HashMap<CrlScope, Vec<String>>,
    rejections: VecDeque<Rejection>,
    forgets_next: bool,
    crl_uses: HashMap<(CrlScope, Option<String>), UnixTime>,
}

struct Row {
    intent: CertificateIntent,
    stage: Stage,
}

enum Stage {
    Open { sequence: u64 },
    Complete(Box<CertificateRecord>),
    Lost,
}

/// Who holds a key. All holders have the same common name, since reuse is only allowed for that.
struct Claim {
    common_name: String,
    holders: u32,
}

#[derive(Clone, Copy)]
struct RevokedRow {
    entry: RevokedEntry,
    not_after: UnixTime,
}

/// A reserved number.
pub(super) struct Reserved {
    pub(super) number: u64,
    pub(super) not_believed: Option<u64>,
    pub(super) mark: ChangeMark,
}

#[derive(Default)]
struct Crls {
    reserved: u64,
    /// Number of revocations and given-up intents.
    changes: u64,
    /// When the oldest change was made that the newest published CRL does not cover.
    changed_at: Option<UnixTime>,
    intents: BTreeMap<u64, CrlIntent>,
    completed: BTreeMap<u64, CrlRecord>,
}

impl State {
    pub(super) fn authorities(&self) -> Vec<AuthorityRecord> {
        let with_status = |ca: &AuthorityRecord| AuthorityRecord {
            status: self.issuer_status.get(&ca.ca_name).cloned().unwrap_or_default(),
            ..ca.clone()
        };
        self.authorities.iter().map(with_status).collect()
    }

    pub(super) fn change_issuer(&mut self, change: IssuerChange) -> Result<(), LedgerError> {
        let exists = self.authorities.iter().any(|ca| ca.ca_name == change.ca_name);
        let recorded = self.issuer_status.get(&change.ca_name).cloned();
        let status = recorded.or_else(|| exists.then(IssuerStatus::default));
        if !change.check(status.as_ref())? {
            return Ok(());
        }
        if change.becomes_default {
            for other in self.issuer_status.values_mut() {
                other.is_default = false;
            }
        }
        let changed = IssuerStatus {
            state: change.state,
            is_default: change.becomes_default || status.is_some_and(|status| status.is_default),
            changed: Some((change.at, change.principal.to_string())),
        };
        self.issuer_status.insert(change.ca_name, changed);
        Ok(())
    }

    /// Checks that the CA that would sign issues. A root signs its own first certificate whatever its state.
    fn check_issues(&self, intent: &CertificateIntent) -> Result<(), LedgerError> {
        if intent.signs_itself() {
            return Ok(());
        }
        let ca = &intent.id.issuer;
        match self.issuer_status.get(ca).map(|status| status.state) {
            None | Some(IssuerState::Active) => Ok(()),
            Some(state) => Err(LedgerError::IssuerNotActive { ca: ca.clone(), state }),
        }
    }

    pub(super) fn reserve(&mut self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        if let Some(replay) = self.replay(&intent)? {
            return Ok(replay);
        }
        let id = intent.id.clone();
        self.check_chain(&id.issuer)?;
        self.check_issues(&intent)?;
        if let Kind::Authority { ca_name, .. } = &intent.kind
            && self.ca_names.contains(ca_name)
        {
            return Err(LedgerError::AuthorityExists(ca_name.clone()));
        }
        if self.rows.contains_key(&position(&id)) {
            return Err(LedgerError::SerialTaken(id.serial));
        }
        if self.blocked.contains(&intent.key) {
            return Err(LedgerError::KeyBlocked);
        }
        self.check_renewal(&intent)?;
        if let Some(claim) = self.claims.get(&intent.key)
            && !(intent.allow_key_reuse && claim.common_name == intent.common_name)
        {
            return Err(LedgerError::KeyInUse {
                common_name: claim.common_name.clone(),
            });
        }

        let claim = Claim {
            common_name: intent.common_name.clone(),
            holders: 0,
        };
        self.claims.entry(intent.key).or_insert(claim).holders += 1;
        if let Kind::Authority { ca_name, .. } = &intent.kind {
            self.ca_names.insert(ca_name.clone());
        }
        if let Some(token) = &intent.token {
            self.tokens
                .insert((intent.principal.to_string(), token.clone()), id.clone());
        }
        let sequence = self.next();
        self.open.insert(sequence, id.clone());
        self.rows.insert(
            position(&id),
            Row {
                intent,
                stage: Stage::Open { sequence },
            },
        );
        Ok(Reservation::New)
    }

    /// Checks that neither the issuer's own certificate is revoked, nor that of a CA above it.
    fn check_chain(&self, issuer: &CaName) -> Result<(), LedgerError> {
        let mut next = Some(issuer);
        // At most as many steps as there are CAs: a damaged ledger may have a cycle of parents, and the walk must end.
        for _ in 0..=self.authorities.len() {
            let Some(ca) = self.authorities.iter().find(|ca| Some(&ca.ca_name) == next) else {
                break;
            };
            let own = self
                .ca_certificates
                .get(&ca.ca_name)
                .and_then(|id| self.rows.get(&position(id)))
                .and_then(Row::record);
            match own {
                None => return Err(LedgerError::no_record_of_ca(&ca.ca_name)),
                Some(own) if own.revocation.is_some() => {
                    return Err(LedgerError::IssuerRevoked { ca: ca.ca_name.clone() });
                }
                Some(_) => {}
            }
            next = ca.parent.as_ref();
        }
        Ok(())
    }

    fn replay(&self, intent: &CertificateIntent) -> Result<Option<Reservation>, LedgerError> {
        let Some(token) = &intent.token else {
            return Ok(None);
        };
        let earlier = self.tokens.get(&(intent.principal.to_string(), token.clone()));
        let Some(row) = earlier.and_then(|id| self.rows.get(&position(id))) else {
            return Ok(None);
        };
        if row.intent.request_digest != intent.request_digest {
            return Err(LedgerError::TokenReused);
        }
        Ok(match &row.stage {
            Stage::Open { .. } => Some(Reservation::Open(Box::new(row.as_open()))),
            Stage::Complete(record) => Some(Reservation::Completed(record.clone())),
            Stage::Lost => None,
        })
    }

    pub(super) fn complete(&mut self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        let sequence = self.next();
        let (row, opened) = self.open_row(&completion.id)?;
        let intent = &row.intent;
        let record = CertificateRecord {
            id: completion.id.clone(),
            kind: intent.kind.clone(),
            common_name: intent.common_name.clone(),
            profile: intent.profile.clone(),
            renews: intent.renews.clone(),
            certificate: completion.certificate,
            key: intent.key,
            not_before: intent.not_before,
            not_after: intent.not_after,
            shard: intent.shard,
            principal: intent.principal.clone(),
            receipt: completion.receipt,
            issued_at: completion.at,
            revocation: None,
            notify_expiry: intent.notify_expiry,
            reminders: Vec::new(),
        };
        row.stage = Stage::Complete(Box::new(record.clone()));
        self.open.remove(&opened);
        self.issued.insert(sequence, completion.id);
        if let Kind::Authority { ca_name, parent, key } = &record.kind {
            self.ca_certificates.insert(ca_name.clone(), record.id.clone());
            self.authorities.push(AuthorityRecord {
                ca_name: ca_name.clone(),
                parent: parent.clone(),
                key: key.clone(),
                certificate: record.certificate.clone(),
                status: IssuerStatus::default(),
            });
        }
        Ok(record)
    }

    pub(super) fn mark_lost(&mut self, id: &IntentId, at: UnixTime) -> Result<(), LedgerError> {
        let (row, opened) = self.open_row(id)?;
        row.stage = Stage::Lost;
        let intent = row.intent.clone();
        self.open.remove(&opened);
        if let Some(claim) = self.claims.get_mut(&intent.key) {
            claim.holders -= 1;
            if claim.holders == 0 {
                self.claims.remove(&intent.key);
            }
        }
        if let Some(token) = intent.token {
            self.tokens.remove(&(intent.principal.to_string(), token));
        }
        if let Kind::Authority { ca_name, .. } = &intent.kind {
            self.ca_names.remove(ca_name);
        }
        let entry = RevokedEntry {
            serial: id.serial,
            revoked_at: at,
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
        };
        let scope = CrlScope {
            issuer: id.issuer.clone(),
            shard: intent.shard,
        };
        let row = RevokedRow {
            entry,
            not_after: intent.not_after,
        };
        self.list(scope, id.serial, row);
        Ok(())
    }

    fn open_row(&mut self, id: &IntentId) -> Result<(&mut Row, u64), LedgerError> {
        match self.rows.get_mut(&position(id)) {
            Some(row) => match row.stage {
                Stage::Open { sequence } => Ok((row, sequence)),
                Stage::Complete(_) | Stage::Lost => Err(LedgerError::NoOpenIntent(id.clone())),
            },
            None => Err(LedgerError::NoOpenIntent(id.clone())),
        }
    }

    pub(super) fn open_intents(&self, after: Option<OpenPosition>, before: UnixTime, limit: usize) -> OpenIntents {
        let rows = self.open.values().filter_map(|id| self.rows.get(&position(id)));
        let mut open: Vec<_> = rows.filter(|row| row.intent.at < before).map(Row::as_open).collect();
        open.retain(|intent| after.is_none_or(|after| intent.position() > after));
        open.sort_by_key(OpenIntent::position);
        open.truncate(limit);
        OpenIntents {
            intents: open,
            unreadable: self.unreadable_intents.clone(),
        }
    }

    pub(super) fn damage_intents(&mut self, description: &str) {
        self.unreadable_intents.push(description.to_owned());
    }

    pub(super) fn record_rejection(&mut self, rejection: Rejection) {
        if self.rejections.len() == REJECTIONS_KEPT {
            self.rejections.pop_front();
        }
        self.rejections.push_back(rejection);
    }

    pub(super) fn rejections(&self, limit: usize) -> Vec<Rejection> {
        self.rejections.iter().rev().take(limit).cloned().collect()
    }

    fn revoke_one(
        &mut self,
        issuer: &CaName,
        serial: Serial,
        mut revocation: Revocation,
    ) -> Result<Revoked, LedgerError> {
        let record = self.record_mut(issuer, serial)?;
        if let Some(first) = &record.revocation {
            let compromise = RevocationReason::KeyCompromise;
            if first.reason == compromise || revocation.reason != compromise {
                return Ok(Revoked::Already(Box::new(record.clone())));
            }
            revocation.at = first.at;
        }
        let entry = RevokedEntry {
            serial,
            revoked_at: revocation.at,
            reason: revocation.reason,
            invalidity_date: revocation.invalidity_date,
        };
        record.revocation = Some(revocation);
        let record = record.clone();
        let scope = CrlScope {
            issuer: issuer.clone(),
            shard: record.shard,
        };
        let row = RevokedRow {
            entry,
            not_after: record.not_after,
        };
        self.list(scope, serial, row);
        Ok(Revoked::Now(Box::new(record)))
    }

    /// Puts a serial number on its scope's list: the only function that adds to a CRL.
    fn list(&mut self, scope: CrlScope, serial: Serial, row: RevokedRow) {
        let crls = self.crls.entry(scope.clone()).or_default();
        crls.changes += 1;
        crls.changed_at.get_or_insert(row.entry.revoked_at);
        self.revoked.entry(scope).or_default().insert(serial, row);
    }

    pub(super) fn reserve_crl(
        &mut self,
        scope: &CrlScope,
        plan: CrlPlan,
    ) -> (Reserved, Vec<RevokedEntry>, Vec<String>) {
        let crls = self.crls.entry(scope.clone()).or_default();
        let not_believed = Some(crls.reserved).filter(|counted| *counted > plan.at_most);
        let counted = if not_believed.is_some() { 0 } else { crls.reserved };
        crls.reserved = counted.max(plan.above) + 1;
        let reserved = Reserved {
            number: crls.reserved,
            not_believed,
            mark: crls.mark(),
        };
        let forgets = std::mem::take(&mut self.forgets_next);
        let rows = self.revoked.get(scope).into_iter().flat_map(BTreeMap::values);
        let rows = rows.filter(|_| !forgets);
        let listed = rows.filter(|row| plan.expired_before.is_none_or(|end| row.not_after >= end));
        let damaged = self.damaged.get(scope).into_iter().flatten().take(100);
        let entries = listed.map(|row| row.entry).collect();
        (reserved, entries, damaged.cloned().collect())
    }

    pub(super) fn intend_crl(&mut self, intent: CrlIntent) -> Result<(), LedgerError> {
        let crls = self.crls.entry(intent.scope.clone()).or_default();
        let other = match crls.intents.get(&intent.number) {
            Some(known) => known.signing_input != intent.signing_input,
            None => crls.completed.contains_key(&intent.number),
        };
        if other {
            return Err(LedgerError::CrlNumberTaken {
                issuer: intent.scope.issuer,
                number: intent.number,
            });
        }
        crls.intents.entry(intent.number).or_insert(intent);
        Ok(())
    }

    pub(super) fn open_crl_intents(&self, scope: &CrlScope, limit: usize) -> Vec<CrlIntent> {
        let crls = self.crls.get(scope).into_iter();
        let open = crls.flat_map(|crls| {
            let intents = crls.intents.values().rev();
            intents.filter(|intent| !crls.completed.contains_key(&intent.number))
        });
        open.take(limit).cloned().collect()
    }

    pub(super) fn complete_crl(&mut self, crl: CrlRecord) -> Result<(), LedgerError> {
        let crls = self.crls.entry(crl.scope.clone()).or_default();
        if !crls.intents.contains_key(&crl.number) {
            return Err(unknown_crl(&crl.scope, crl.number));
        }
        crls.completed.insert(crl.number, crl);
        Ok(())
    }

    pub(super) fn crl_published(&mut self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        let unknown = || unknown_crl(scope, number);
        let crls = self.crls.get_mut(scope).ok_or_else(unknown)?;
        let mark = crls.mark();
        let crl = crls.completed.get_mut(&number).ok_or_else(unknown)?;
        crl.published = Some(etag);
        crls.changed_at = if crl.mark == Some(mark) {
            None
        } else {
            // Changes that it does not cover were made after it.
            crls.changed_at.max(Some(crl.made_at))
        };
        Ok(())
    }

    pub(super) fn crl_state(&self, scope: &CrlScope, at_most: u64) -> CrlState {
        let Some(crls) = self.crls.get(scope) else {
            return CrlState {
                mark: Crls::default().mark(),
                ..CrlState::default()
            };
        };
        let completed = || crls.completed.range(..=at_most).rev().map(|(_, crl)| crl);
        let numbers = crls.intents.keys().chain(crls.completed.keys());
        CrlState {
            mark: crls.mark(),
            number: numbers.filter(|number| **number <= at_most).max().copied().unwrap_or(0),
            latest: completed().next().cloned(),
            published: completed().find(|crl| crl.published.is_some()).cloned(),
            changed_at: crls.changed_at,
        }
    }

    pub(super) fn rewrite(&mut self, issuer: &CaName, serial: Serial, revocation: &Revocation) {
        for (_, rows) in self.revoked.iter_mut().filter(|(scope, _)| scope.issuer == *issuer) {
            if let Some(row) = rows.get_mut(&serial) {
                row.entry = RevokedEntry {
                    serial,
                    revoked_at: revocation.at,
                    reason: revocation.reason,
                    invalidity_date: revocation.invalidity_date,
                };
            }
        }
    }

    pub(super) fn forget_next(&mut self) {
        self.forgets_next = true;
    }

    pub(super) fn set_back(&mut self, scope: &CrlScope, number: u64) {
        self.crls.entry(scope.clone()).or_default().reserved = number;
    }

    pub(super) fn plant(&mut self, crl: CrlRecord) {
        let crls = self.crls.entry(crl.scope.clone()).or_default();
        crls.completed.insert(crl.number, crl);
    }

    pub(super) fn record_crl_use(&mut self, used: CrlUse) {
        let until = self.crl_uses.entry((used.scope, used.url)).or_insert(used.until);
        *until = used.until.max(*until);
    }

    pub(super) fn crl_uses(&self) -> Vec<CrlUse> {
        let used = |((scope, url), until): (&(CrlScope, Option<String>), &UnixTime)| CrlUse {
            scope: scope.clone(),
            url: url.clone(),
            until: *until,
        };
        self.crl_uses.iter().map(used).collect()
    }

    pub(super) fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> HashMap<Serial, Evidence> {
        let shown = |serial: &Serial| {
            let row = self.rows.get(&(*serial, issuer.clone()))?;
            let evidence = match &row.stage {
                Stage::Open { .. } => Evidence {
                    certificates: vec![self.reopened.get(&(*serial, issuer.clone()))?.clone()],
                    given_up: false,
                },
                Stage::Complete(record) => Evidence {
                    certificates: vec![record.certificate.clone()],
                    given_up: false,
                },
                Stage::Lost => Evidence {
                    certificates: Vec::new(),
                    given_up: true,
                },
            };
            Some((*serial, evidence))
        };
        serials.iter().filter_map(shown).collect()
    }

    pub(super) fn listed(&self, issuer: &CaName, serials: &[Serial]) -> HashMap<Serial, Listed> {
        let listed = |serial: &Serial| {
            let record = self.rows.get(&(*serial, issuer.clone()))?.record()?;
            let entry = Listed {
                reason: record.revocation.as_ref()?.reason,
                not_after: record.not_after,
            };
            Some((*serial, entry))
        };
        serials.iter().filter_map(listed).collect()
    }

    pub(super) fn relist(&mut self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) {
        let row = RevokedRow {
            entry: *entry,
            not_after,
        };
        self.list(scope.clone(), entry.serial, row);
        if let Ok(record) = self.record_mut(&scope.issuer, entry.serial) {
            record.revocation.get_or_insert(Revocation {
                at: entry.revoked_at,
                reason: entry.reason,
                invalidity_date: entry.invalidity_date,
                principal: Principal::AUTHORITY.to_string(),
            });
        }
    }

    pub(super) fn remove_row(&mut self, issuer: &CaName, serial: Serial) {
        self.rows.remove(&(serial, issuer.clone()));
    }

    /// Removes an entry from a list.
    pub(super) fn unlist(&mut self, scope: &CrlScope, serial: Serial) {
        self.revoked.entry(scope.clone()).or_default().remove(&serial);
    }

    pub(super) fn crl_intents(&self, scope: &CrlScope) -> Vec<CrlIntent> {
        let crls = self.crls.get(scope).into_iter();
        crls.flat_map(|crls| crls.intents.values().cloned()).collect()
    }

    pub(super) fn crls(&self, scope: &CrlScope) -> Vec<CrlRecord> {
        self.crls
            .get(scope)
            .into_iter()
            .flat_map(|crls| crls.completed.values().cloned())
            .collect()
    }

    pub(super) fn crl_numbers_reserved(&self, scope: &CrlScope) -> u64 {
        self.crls.get(scope).map_or(0, |crls| crls.reserved)
    }

    pub(super) fn replace_ca(&mut self, ca_name: &CaName, certificate: &[u8], row: bool) {
        for ca in self.authorities.iter_mut().filter(|ca| ca.ca_name == *ca_name) {
            ca.certificate = certificate.to_vec();
        }
        for stage in self.rows.values_mut().map(|row| &mut row.stage) {
            if let Stage::Complete(record) = stage
                && matches!(&record.kind, Kind::Authority { ca_name: of, .. } if of == ca_name)
                && row
            {
                record.certificate = certificate.to_vec();
            }
        }
    }

    pub(super) fn replace_parent(&mut self, ca_name: &CaName, parent: Option<&CaName>) {
        for ca in self.authorities.iter_mut().filter(|ca| ca.ca_name == *ca_name) {
            ca.parent = parent.cloned();
        }
    }

    pub(super) fn damage(&mut self, scope: &CrlScope, description: &str) {
        self.damaged
            .entry(scope.clone())
            .or_default()
            .push(description.to_owned());
    }

    pub(super) fn certificate(&self, issuer: Option<&CaName>, serial: Serial) -> Option<CertificateRecord> {
        let row = match issuer {
            Some(issuer) => self.rows.get(&(serial, issuer.clone())),
            None => self
                .rows
                .iter()
                .find(|((known, _), _)| *known == serial)
                .map(|(_, row)| row),
        };
        row.and_then(Row::record).cloned()
    }

    pub(super) fn key_holder(&self, key: KeyFingerprint) -> KeyStatus {
        if self.blocked.contains(&key) {
            return KeyStatus::Blocked;
        }
        self.claims
            .get(&key)
            .map_or(KeyStatus::Free, |claim| KeyStatus::Held(claim.common_name.clone()))
    }

    pub(super) fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        let after = after.map(parse_sequence).transpose()?;
        let matching = |(sequence, id): (&u64, &IntentId)| {
            let record = self.rows.get(&position(id))?.record()?;
            matches(query, record).then_some((*sequence, record))
        };
        let found: Vec<_> = if query.oldest_first {
            let from = after.map_or(0, |sequence| sequence + 1);
            self.issued
                .range(from..)
                .filter_map(matching)
                .take(limit.saturating_add(1))
                .collect()
        } else {
            let to = after.unwrap_or(u64::MAX);
            self.issued
                .range(..to)
                .rev()
                .filter_map(matching)
                .take(limit.saturating_add(1))
                .collect()
        };
        Ok(page(found, limit, |sequence, _| sequence.to_string()))
    }

    pub(super) fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let after = after.map(parse_expiry).transpose()?;
        let records = self.issued.iter().filter_map(|(sequence, id)| {
            let record = self.rows.get(&position(id))?.record()?;
            let due = record.notify_expiry && (from..to).contains(&record.not_after);
            let position = (record.not_after.0, *sequence);
            (due && after.is_none_or(|after| position > after)).then_some((*sequence, record))
        });
        let mut found: Vec<_> = records.collect();
        found.sort_by_key(|(sequence, record)| (record.not_after, *sequence));
        Ok(page(found, limit, |sequence, record| {
            format!("{}/{sequence}", record.not_after.0)
        }))
    }

    pub(super) fn record_reminder(&mut self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        self.record_mut(issuer, serial)?.reminders.push(at);
        Ok(())
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            issued: self.issued.len() as u64,
            revoked: self.revoked.values().map(|scope| scope.len() as u64).sum(),
            open_intents: self.open.len() as u64,
            rejected: self.rejections.len() as u64,
        }
    }

    pub(super) fn lost_intents(&self) -> Vec<CertificateIntent> {
        let lost = self.rows.values().filter(|row| matches!(row.stage, Stage::Lost));
        lost.map(|row| row.intent.clone()).collect()
    }

    pub(super) fn certificates(&self) -> Vec<CertificateRecord> {
        let rows = self.issued.values().filter_map(|id| self.rows.get(&position(id)));
        rows.filter_map(Row::record).cloned().collect()
    }

    pub(super) fn block(&mut self, key: KeyFingerprint) {
        self.blocked.insert(key);
    }

    pub(super) fn reopen(&mut self, issuer: &CaName, serial: Serial) {
        let sequence = self.next();
        let Some(row) = self.rows.get_mut(&(serial, issuer.clone())) else {
            return;
        };
        let id = row.intent.id.clone();
        if let Stage::Complete(record) = std::mem::replace(&mut row.stage, Stage::Open { sequence }) {
            self.reopened.insert(position(&id), record.certificate);
        }
        self.issued.retain(|_, issued| *issued != id);
        self.open.insert(sequence, id);
    }

    fn record_mut(&mut self, issuer: &CaName, serial: Serial) -> Result<&mut CertificateRecord, LedgerError> {
        match self.rows.get_mut(&(serial, issuer.clone())).map(|row| &mut row.stage) {
            Some(Stage::Complete(record)) => Ok(record),
            Some(Stage::Open { .. } | Stage::Lost) | None => Err(LedgerError::NotFound(serial)),
        }
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

impl Crls {
    fn mark(&self) -> ChangeMark {
        ChangeMark(self.changes.to_string())
    }
}

fn unknown_crl(scope: &CrlScope, number: u64) -> LedgerError {
    LedgerError::UnknownCrl {
        issuer: scope.issuer.clone(),
        number,
    }
}

impl Row {
    fn record(&self) -> Option<&CertificateRecord> {
        match &self.stage {
            Stage::Complete(record) => Some(record),
            Stage::Open { .. } | Stage::Lost => None,
        }
    }

    fn as_open(&self) -> OpenIntent {
        self.intent.as_open()
    }
}

fn position(id: &IntentId) -> (Serial, CaName) {
    (id.serial, id.issuer.clone())
}

fn matches(query: &Search, record: &CertificateRecord) -> bool {
    let name = query
        .common_name
        .as_deref()
        .is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => record.common_name.starts_with(beginning),
            None => record.common_name == wanted,
        });
    name && query.issuer.as_ref().is_none_or(|issuer| *issuer == record.id.issuer)
        && query.key.is_none_or(|key| key == record.key)
        && query.expires_from.is_none_or(|from| record.not_after >= from)
        && query.expires_before.is_none_or(|before| record.not_after < before)
        && query
            .revoked
            .is_none_or(|revoked| revoked == record.revocation.is_some())
}

/// The first `limit` results; if there are more, with a cursor at the last of them.
fn page(
    mut found: Vec<(u64, &CertificateRecord)>,
    limit: usize,
    cursor: impl Fn(u64, &CertificateRecord) -> String,
) -> Page {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(sequence, record)| Cursor(cursor(*sequence, record)));
    Page {
        certificates: found.into_iter().map(|(_, record)| record.clone()).collect(),
        next,
    }
}

fn parse_sequence(cursor: &Cursor) -> Result<u64, LedgerError> {
    cursor.0.parse().map_err(|_| LedgerError::foreign_cursor(cursor))
}

fn parse_expiry(cursor: &Cursor) -> Result<(i64, u64), LedgerError> {
    let parts = cursor
        .0
        .split_once('/')
        .and_then(|(end, sequence)| Some((end.parse().ok()?, sequence.parse().ok()?)));
    parts.ok_or_else(|| LedgerError::foreign_cursor(cursor))
}
