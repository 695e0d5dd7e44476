//! Intents.

use async_trait::async_trait;
use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{
    CaRecord, CertificateIntent, CertificateRecord, Completion, CrlScope, IntentId, Intents, IssuerStatus, Kind,
    LedgerError, OpenIntent, OpenIntents, OpenPosition, Reservation,
};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::time::UnixTime;

use super::state::{Claim, IntentState, RevokedRow, Row, State, position};
use super::{MemoryLedger, lock};

#[async_trait]
impl Intents for MemoryLedger {
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        lock(&self.0).reserve(intent)
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        lock(&self.0).complete(completion)
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        lock(&self.0).mark_lost(&intent, at)
    }

    async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        Ok(lock(&self.0).open_intents(after, before, limit))
    }
}

impl State {
    pub(super) fn reserve(&mut self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        if let Some(replay) = self.replay(&intent)? {
            return Ok(replay);
        }
        let id = intent.id.clone();
        self.check_not_frozen()?;
        self.check_chain(&id.issuer)?;
        self.check_issues(&intent)?;
        self.check_ca(&intent)?;
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
        if let Kind::Ca { ca_name, .. } = &intent.kind
            && intent.renews.is_none()
        {
            self.ca_names.insert(ca_name.clone());
        }
        if let Some(token) = &intent.token {
            self.tokens
                .insert((intent.principal.to_string(), token.clone()), id.clone());
        }
        self.add_attempt(intent.first_attempt());
        let sequence = self.next();
        self.open.insert(sequence, id.clone());
        self.rows.insert(
            position(&id),
            Row {
                intent,
                stage: IntentState::Open { sequence },
                attempts: 1,
            },
        );
        Ok(Reservation::New)
    }

    /// Checks that neither the issuer's own certificate is revoked, nor that of a CA above it.
    pub(super) fn check_chain(&self, issuer: &CaName) -> Result<(), LedgerError> {
        let mut next = Some(issuer);
        // At most as many steps as there are CAs: a damaged ledger may have a cycle of parents, and the walk must end.
        for _ in 0..=self.cas.len() {
            let Some(ca) = self.cas.iter().find(|ca| Some(&ca.ca_name) == next) else {
                break;
            };
            let own = self
                .ca_certificates
                .get(&ca.ca_name)
                .and_then(|id| self.rows.get(&position(id)))
                .and_then(Row::record);
            match own {
                None => return Err(LedgerError::no_record_of_ca(&ca.ca_name)),
                Some(own) if self.is_revoked(&ca.ca_name, own) => {
                    return Err(LedgerError::IssuerRevoked { ca: ca.ca_name.clone() });
                }
                Some(_) => {}
            }
            next = ca.parent.as_ref();
        }
        Ok(())
    }

    /// Whether a CA is revoked: its present certificate is, or a former one that was not just superseded, or its key is
    /// compromised.
    fn is_revoked(&self, ca: &CaName, present: &CertificateRecord) -> bool {
        let of_ca = |record: &&CertificateRecord| matches!(&record.kind, Kind::Ca { ca_name, .. } if ca_name == ca);
        let mut certificates = self.rows.values().filter_map(Row::record).filter(of_ca);
        let counts = |record: &CertificateRecord| {
            record
                .revocation
                .as_ref()
                .is_some_and(|revocation| record.id == present.id || revocation.reason != RevocationReason::Superseded)
        };
        certificates.any(counts) || self.blocked.contains(&present.key)
    }

    pub(super) fn is_ca_revoked(&self, ca: &CaName) -> bool {
        let present = self.ca_certificates.get(ca).and_then(|id| self.rows.get(&position(id)));
        present
            .and_then(Row::record)
            .is_some_and(|present| self.is_revoked(ca, present))
    }

    /// A CA is made once; after that, its present certificate is renewed.
    fn check_ca(&self, intent: &CertificateIntent) -> Result<(), LedgerError> {
        let Kind::Ca { ca_name, .. } = &intent.kind else {
            return Ok(());
        };
        match &intent.renews {
            None if self.ca_names.contains(ca_name) => Err(LedgerError::CaExists(ca_name.clone())),
            Some(renewed) if self.ca_certificates.get(ca_name) != Some(renewed) => {
                Err(LedgerError::not_present(renewed))
            }
            None | Some(_) => Ok(()),
        }
    }

    pub(super) fn replay(&self, intent: &CertificateIntent) -> Result<Option<Reservation>, LedgerError> {
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
            IntentState::Open { .. } => Some(Reservation::Open(Box::new(row.as_open()))),
            IntentState::Complete(record) => Some(Reservation::Completed(record.clone())),
            IntentState::Lost => None,
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
        row.stage = IntentState::Complete(Box::new(record.clone()));
        self.open.remove(&opened);
        self.issued.insert(sequence, completion.id);
        if let Some(attempt) = completion.attempt {
            self.conclude_signed(attempt, record.receipt.clone(), completion.at);
        }
        if let Kind::Ca { ca_name, parent, key } = &record.kind {
            self.ca_certificates.insert(ca_name.clone(), record.id.clone());
            if let Some(renewed) = self.cas.iter_mut().find(|ca| ca.ca_name == *ca_name) {
                renewed.certificate.clone_from(&record.certificate);
                return Ok(record);
            }
            self.cas.push(CaRecord {
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
        row.stage = IntentState::Lost;
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
        if let Kind::Ca { ca_name, .. } = &intent.kind
            && intent.renews.is_none()
        {
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

    pub(super) fn open_row(&mut self, id: &IntentId) -> Result<(&mut Row, u64), LedgerError> {
        match self.rows.get_mut(&position(id)) {
            Some(row) => match row.stage {
                IntentState::Open { sequence } => Ok((row, sequence)),
                IntentState::Complete(_) | IntentState::Lost => Err(LedgerError::NoOpenIntent(id.clone())),
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
}
