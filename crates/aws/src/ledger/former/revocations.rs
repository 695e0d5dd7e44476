//! Revocations that only rows have.

use chancery_authority::port::ledger::{CrlScope, LedgerError};
use chancery_x509::crl::RevokedEntry;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::super::DynamoLedger;
use super::super::crl_entries::View;
use super::super::item::{Item, Malformed};
use super::super::known_ca::KnownCa;
use super::super::row::{self, Row};
use super::super::rows_without_entry::RowOwner;
use super::super::tables::Table;
use super::FormerRows;

impl FormerRows<'_> {
    /// Revocations of rows that the journal may not list. A revoked row whose certificate cannot be read is attributed
    /// to the issuing CA, as the Python CA did: losing a revocation would be worse than one entry too many.
    pub(in crate::ledger) async fn revocations(
        &self,
        scope: &CrlScope,
        expired_before: Option<UnixTime>,
        view: &mut View,
    ) -> Result<Vec<RevokedEntry>, LedgerError> {
        if scope.shard.is_some() {
            return Ok(Vec::new());
        }
        let cas = self.0.known_cas().await?;
        let mut entries = Vec::new();
        let mut after = None;
        loop {
            let filter = Some("attribute_exists(#Revoked)");
            let page = self
                .0
                .tables
                .scan(Table::Certificates, filter, Item::default(), after)
                .await?;
            for item in &page.items {
                match self.revocation(item, scope, &cas) {
                    Ok(Some((entry, not_after))) => {
                        if expired_before.is_none_or(|end| not_after >= end) {
                            entries.push(entry);
                        }
                    }
                    // Rows that cannot be read are attributed to the issuing CA, as above.
                    Err(error) if scope.issuer == *self.0.deployment.issuing_ca() => {
                        view.damage(format!("{}: {error}", super::super::called(item)));
                    }
                    Ok(None) | Err(_) => {}
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return self.without_sharded(entries).await,
            }
        }
    }

    fn revocation(
        &self,
        item: &Item,
        scope: &CrlScope,
        cas: &[KnownCa],
    ) -> Result<Option<(RevokedEntry, UnixTime)>, Malformed> {
        let serial = row::serial(item)?;
        let Some(revocation) = row::revocation(item) else {
            return Ok(None);
        };
        let (issuer, not_after) = match Row::parse(item).map(|row| DynamoLedger::record_of_row(row, cas)) {
            Ok(RowOwner::Ca(record)) => (record.id.issuer, record.not_after),
            Ok(RowOwner::Unknown(_)) | Err(_) => {
                let end = item.parse("Expires", row::parse_time);
                (
                    self.0.deployment.issuing_ca().clone(),
                    end.unwrap_or(UnixTime(i64::MAX)),
                )
            }
        };
        let entry = RevokedEntry {
            serial,
            revoked_at: revocation.at,
            reason: revocation.reason,
            invalidity_date: revocation.invalidity_date,
        };
        Ok((issuer == scope.issuer).then_some((entry, not_after)))
    }

    /// Removes entries of certificates in shards. A row does not contain the shard; the journal does, for those that it
    /// knows.
    async fn without_sharded(&self, entries: Vec<RevokedEntry>) -> Result<Vec<RevokedEntry>, LedgerError> {
        let serials: Vec<Serial> = entries.iter().map(|entry| entry.serial).collect();
        let known = self.0.entries(&serials).await?;
        let sharded = |serial: Serial| known.get(&serial).is_some_and(|entry| entry.shard.is_some());
        Ok(entries.into_iter().filter(|entry| !sharded(entry.serial)).collect())
    }
}
