//! Certificates, and what the ledger has about a serial number or a key.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{
    CertificateRecord, Certificates, Cursor, Evidence, IntentId, KeyStatus, LedgerError, Page, Search,
};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;

use super::state::{IntentState, Row, State, position};
use super::{MemoryLedger, lock};

#[async_trait]
impl Certificates for MemoryLedger {
    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        Ok(lock(&self.0).evidence(issuer, serials))
    }

    async fn get(&self, issuer: Option<&CaName>, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        Ok(lock(&self.0).certificate(issuer, serial))
    }

    async fn key_status(&self, key: KeyFingerprint, _common_name: &str) -> Result<KeyStatus, LedgerError> {
        Ok(lock(&self.0).key_holder(key))
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        lock(&self.0).search(query, after, limit)
    }

    async fn named(&self, common_name: &str, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        let query = Search {
            common_name: Some(common_name.to_owned()),
            ..Search::default()
        };
        lock(&self.0).search(&query, after, limit)
    }
}

impl State {
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

    pub(super) fn key_holder(&self, key: KeyFingerprint) -> KeyStatus {
        if self.blocked.contains(&key) {
            return KeyStatus::Blocked;
        }
        self.claims
            .get(&key)
            .map_or(KeyStatus::Free, |claim| KeyStatus::Held(claim.common_name.clone()))
    }

    pub(super) fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> HashMap<Serial, Evidence> {
        let shown = |serial: &Serial| {
            let row = self.rows.get(&(*serial, issuer.clone()))?;
            let evidence = match &row.stage {
                IntentState::Open { .. } => Evidence {
                    certificates: vec![self.reopened.get(&(*serial, issuer.clone()))?.clone()],
                    given_up: false,
                },
                IntentState::Complete(record) => Evidence {
                    certificates: vec![record.certificate.clone()],
                    given_up: false,
                },
                IntentState::Lost => Evidence {
                    certificates: Vec::new(),
                    given_up: true,
                },
            };
            Some((*serial, evidence))
        };
        serials.iter().filter_map(shown).collect()
    }
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
pub(super) fn page(
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
