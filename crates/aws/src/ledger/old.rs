//! Rows without an entry in the journal: those of the Python CA, until they are adopted.
//!
//! Such a row has less information than the journal, so its certificate is parsed instead. While there may be such
//! rows, anything that needs all of them reads the whole table, as the Python CA did.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chancery_authority::port::Receipt;
use chancery_authority::port::ledger::{CertificateIntent, CertificateRecord, CrlScope, IntentId, Kind, LedgerError};
use chancery_authority::principal::{Attributes, Principal};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::authorities::KnownCa;
use super::crl::View;
use super::item::{Item, Malformed};
use super::row::{self, Row};
use super::tables::{Range, Table};
use super::verified::verified;
use super::{DynamoLedger, names};

/// How long "not all adopted" is cached. "All adopted" is cached for the process's life.
const DOUBTED: Duration = Duration::from_mins(1);

/// The cached answer to whether all rows are adopted, and when it was read.
#[derive(Debug, Default)]
pub(super) struct Adopted(Mutex<Option<(bool, Instant)>>);

/// Which CA an old row belongs to.
pub(super) enum Belongs {
    /// To a CA of this deployment; the record names it.
    To(Box<CertificateRecord>),
    /// To none: its certificate was issued by no CA of this deployment, or cannot be read. Has the reason.
    Nowhere(String),
}

impl Adopted {
    fn known(&self) -> Option<bool> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .filter(|(adopted, read)| *adopted || read.elapsed() < DOUBTED)
            .map(|(adopted, _)| adopted)
    }

    pub(super) fn set(&self, adopted: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((adopted, Instant::now()));
    }
}

impl DynamoLedger {
    /// Whether there may be rows without an entry in the journal.
    pub(super) async fn has_old_rows(&self) -> Result<bool, LedgerError> {
        if let Some(adopted) = self.adopted.known() {
            return Ok(!adopted);
        }
        let state = self.tables.get(Table::Journal, names::adoption()).await?;
        let adopted = state.is_some_and(|state| state.as_flag("Complete").unwrap_or(false));
        self.adopted.set(adopted);
        Ok(!adopted)
    }

    /// Checks what the journal's conditions cannot: whether the Python CA made the CA, and whether it certified the key
    /// for the same common name (it checked no other names).
    pub(super) async fn check_against_old_rows(&self, intent: &CertificateIntent) -> Result<(), LedgerError> {
        if !self.has_old_rows().await? {
            return self.check_rows_of_ca(intent).await;
        }
        if let Kind::Authority { ca_name, parent, .. } = &intent.kind {
            let cas = self.read_cas().await?;
            if cas.iter().any(|ca| ca.record.ca_name == *ca_name && !ca.is_recorded) {
                return Err(LedgerError::AuthorityExists(ca_name.clone()));
            }
            if parent.is_none() {
                self.begin_empty().await?;
            }
            self.check_rows_of_ca(intent).await?;
        }
        if intent.allow_key_reuse {
            return Ok(());
        }
        if self.is_certified_by_old_row(intent.key, &intent.common_name).await? {
            return Err(LedgerError::KeyInUse {
                common_name: intent.common_name.clone(),
            });
        }
        Ok(())
    }

    /// Refuses to make a CA while its name has a row that is not a leaf's: as long as the ledger does not know the CA,
    /// that row may be the CA's own, damaged.
    async fn check_rows_of_ca(&self, intent: &CertificateIntent) -> Result<(), LedgerError> {
        let Kind::Authority { ca_name, .. } = &intent.kind else {
            return Ok(());
        };
        let cas = self.read_cas().await?;
        if cas.iter().any(|ca| ca.record.ca_name == *ca_name) {
            return Ok(());
        }
        for item in self.tables.query(&Range::rows(ca_name.as_str())).await? {
            let is_leaf = row::serial(&item).is_ok_and(|serial| {
                verified(&item, serial, &cas).is_some_and(|verified| {
                    let constraints = verified.certificate.basic_constraints();
                    constraints.is_none_or(|constraints| !constraints.ca)
                })
            });
            // A row with neither certificate nor counter is an attribute that was written where no row was.
            if !is_leaf && (item.has("Certificate") || item.has("CRLNumber")) {
                return Err(LedgerError::Damaged {
                    detail: format!(
                        "{} has the name of CA {ca_name} but is neither a leaf's row nor a valid row of that CA; restore \
                         the row: no CA is made in its place",
                        super::called(&item)
                    ),
                });
            }
        }
        Ok(())
    }

    /// Whether the Python CA certified the key for that common name, in a row without an entry in the journal. For rows
    /// with an entry, the key's claim decides.
    pub(super) async fn is_certified_by_old_row(
        &self,
        key: KeyFingerprint,
        common_name: &str,
    ) -> Result<bool, LedgerError> {
        for item in self.tables.query(&Range::rows(row::partition(common_name))).await? {
            let row = match Row::parse(&item) {
                Ok(row) => row,
                Err(error) => {
                    super::skip("a row", &item, &error);
                    continue;
                }
            };
            if key_of(&row) == Some(key) && self.entry(row.serial).await?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A deployment whose first CA is made here has nothing to adopt.
    async fn begin_empty(&self) -> Result<(), LedgerError> {
        let first = self
            .tables
            .scan(Table::Certificates, None, Item::default(), None)
            .await?;
        if !first.items.is_empty() || first.next.is_some() {
            return Ok(());
        }
        let state = names::adoption().flag("Complete", true);
        self.tables.put(Table::Journal, state).await?;
        self.adopted.set(true);
        Ok(())
    }

    /// The record of an old row, from its certificate.
    pub(super) fn old_record(row: Row, cas: &[KnownCa]) -> Belongs {
        let certificate = match Certificate::parse(&row.certificate) {
            Ok(certificate) => certificate,
            Err(error) => return Belongs::Nowhere(error.to_string()),
        };
        if certificate.serial() != row.serial {
            return Belongs::Nowhere("its certificate has another serial number".to_owned());
        }
        let own = cas
            .iter()
            .find(|ca| ca.serial == row.serial && ca.record.certificate == row.certificate);
        let Some(issuer) = cas.iter().find(|ca| ca.names_itself_in(&certificate)) else {
            return Belongs::Nowhere("its certificate was issued by none of this deployment's CAs".to_owned());
        };
        let kind = own.map_or(Kind::Leaf, |ca| Kind::Authority {
            ca_name: ca.record.ca_name.clone(),
            parent: ca.record.parent.clone(),
            key: ca.record.key.clone(),
        });
        Belongs::To(Box::new(CertificateRecord {
            id: IntentId {
                issuer: issuer.record.ca_name.clone(),
                serial: row.serial,
            },
            common_name: match kind {
                Kind::Leaf => row.partition,
                Kind::Authority { .. } => certificate.subject().attributes().common_name.unwrap_or_default(),
            },
            kind,
            profile: String::new(),
            renews: None,
            key: KeyFingerprint::of(certificate.spki_der()),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            shard: None,
            principal: Principal::recorded("", Attributes::default()),
            receipt: Receipt(String::new()),
            issued_at: certificate.not_before(),
            revocation: row.revocation,
            notify_expiry: row.notify_expiry.unwrap_or(false),
            reminders: row.reminders,
            certificate: row.certificate,
        }))
    }

    /// Revocations of rows that the journal may not list. A revoked row whose certificate cannot be read is attributed
    /// to the issuing CA, as the Python CA did: losing a revocation would be worse than one entry too many.
    pub(super) async fn old_revocations(
        &self,
        scope: &CrlScope,
        expired_before: Option<UnixTime>,
        view: &mut View,
    ) -> Result<Vec<RevokedEntry>, LedgerError> {
        if scope.shard.is_some() {
            return Ok(Vec::new());
        }
        let cas = self.known_cas().await?;
        let mut entries = Vec::new();
        let mut after = None;
        loop {
            let filter = Some("attribute_exists(#Revoked)");
            let page = self
                .tables
                .scan(Table::Certificates, filter, Item::default(), after)
                .await?;
            for item in &page.items {
                match self.old_revocation(item, scope, &cas) {
                    Ok(Some((entry, not_after))) => {
                        if expired_before.is_none_or(|end| not_after >= end) {
                            entries.push(entry);
                        }
                    }
                    // Rows that cannot be read are attributed to the issuing CA, as above.
                    Err(error) if scope.issuer == *self.deployment.issuing_ca() => {
                        view.damage(format!("{}: {error}", super::called(item)));
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

    fn old_revocation(
        &self,
        item: &Item,
        scope: &CrlScope,
        cas: &[KnownCa],
    ) -> Result<Option<(RevokedEntry, UnixTime)>, Malformed> {
        let serial = row::serial(item)?;
        let Some(revocation) = row::revocation(item) else {
            return Ok(None);
        };
        let (issuer, not_after) = match Row::parse(item).map(|row| Self::old_record(row, cas)) {
            Ok(Belongs::To(record)) => (record.id.issuer, record.not_after),
            Ok(Belongs::Nowhere(_)) | Err(_) => {
                let end = item.parse("Expires", row::parse_time);
                (self.deployment.issuing_ca().clone(), end.unwrap_or(UnixTime(i64::MAX)))
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
        let known = self.entries(&serials).await?;
        let sharded = |serial: Serial| known.get(&serial).is_some_and(|entry| entry.shard.is_some());
        Ok(entries.into_iter().filter(|entry| !sharded(entry.serial)).collect())
    }
}

fn key_of(row: &Row) -> Option<KeyFingerprint> {
    let certificate = Certificate::parse(&row.certificate).ok()?;
    Some(KeyFingerprint::of(certificate.spki_der()))
}
