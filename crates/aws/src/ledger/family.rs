//! A certificate's family: the certificates of its key, and those that descend from them by renewal.
//!
//! The holders of a key are in the key's partition, beside its claim. The descendants by renewal of one certificate
//! have a partition of their own, the line: an item for every successor, and a state with a version, which every
//! renewal and every revocation of a successor increments. A renewal reads the line, and its reservation requires that
//! the version has not changed. The same transaction requires that the rows of the predecessor and of the line's root
//! are not revoked. So nothing is renewed whose ancestor was revoked earlier or at the same moment.

use std::collections::{BTreeSet, HashSet};

use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CertificateRecord, IntentId, LedgerError, REVOKED_TOGETHER, Reach, Related, Revocation, Revoked, RevokedTogether,
    compromises_key,
};
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::Item;
use super::journal_entry::{IntentState, JournalEntry, Renewal};
use super::line::Failures;
use super::revocable::Revocable;
use super::revoke::Others;
use super::tables::{Range, Table};
use super::{DynamoLedger, damaged, journal_keys, row};

/// Certificates of a key that are read, and revoked, together.
const TOGETHER: usize = 100;

impl DynamoLedger {
    /// The renewal that produced that certificate, if one did.
    pub(super) async fn renewal_of(&self, record: &CertificateRecord) -> Result<Option<Renewal>, LedgerError> {
        if record.renews.is_none() {
            return Ok(None);
        }
        Ok(self.entry(record.id.serial).await?.and_then(|entry| entry.renewal))
    }

    pub(super) async fn revoke_together(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        let alone = |certificate| RevokedTogether {
            certificate,
            others: Vec::new(),
            unreadable: Vec::new(),
            has_more: false,
        };
        if !compromises_key(revocation.reason) {
            let at = revocation.at;
            let certificate = self
                .revoke_certificate(issuer, serial, revocation, Others::None)
                .await?;
            self.give_up_descending(&certificate, at).await?;
            return Ok(alone(certificate));
        }
        let found = self
            .find_to_revoke(serial)
            .await?
            .filter(|found| found.record.id.issuer == *issuer);
        let record = found.ok_or(LedgerError::NotFound(serial))?.record;
        self.block(record.key, &record.common_name, serial, revocation.at)
            .await?;
        if reach == Reach::Certificate {
            let at = revocation.at;
            let certificate = self
                .revoke_certificate(issuer, serial, revocation, Others::None)
                .await?;
            self.give_up_descending(&certificate, at).await?;
            // No certificate is issued for the key any more, nor for these intents.
            self.give_up(self.holders(record.key).await?, at).await?;
            return Ok(alone(certificate));
        }
        // The certificate itself comes first: it is on the next CRL, however many others follow. After an interruption,
        // the next run finds its mark.
        let follow = Others::Follow(revocation.at);
        let certificate = self
            .revoke_certificate(issuer, serial, revocation.clone(), follow)
            .await?;
        if matches!(certificate, Revoked::Already(_)) {
            // It was revoked with another reach, or by a call that was interrupted: no revoking transaction set the
            // mark.
            self.begin_family(&record, revocation.at).await?;
        }
        let (others, has_more) = self.revoke_family(&record, &revocation).await?;
        if !has_more {
            self.finish_family(&record).await?;
        }
        Ok(RevokedTogether {
            certificate,
            others,
            // An unreadable one is returned as an error, once all others are revoked.
            unreadable: Vec::new(),
            has_more,
        })
    }

    /// Gives up open intents that renew a revoked certificate or one of its descendants. No more can be reserved there:
    /// all that were are in its line.
    async fn give_up_descending(&self, certificate: &Revoked, at: UnixTime) -> Result<(), LedgerError> {
        let (Revoked::Now(record) | Revoked::Already(record)) = certificate;
        let serial = record.id.serial;
        let renewal = self.renewal_of(record).await?;
        let root = renewal.map_or(serial, |renewal| renewal.root);
        let (line, wrong) = self.readable_line(root).await?;
        let mut descendants = BTreeSet::new();
        line.descend(serial, &mut descendants);
        self.give_up(descendants, at).await?;
        wrong.map_or(Ok(()), Err)
    }

    /// Gives up those that are open intents.
    async fn give_up(&self, serials: BTreeSet<Serial>, at: UnixTime) -> Result<(), LedgerError> {
        let serials: Vec<Serial> = serials.into_iter().collect();
        for entry in self.entries(&serials).await?.into_values() {
            if matches!(entry.state, IntentState::Open { .. }) {
                match self.lose_intent(entry.id, at).await {
                    // It was completed at this moment, as if before the revocation.
                    Ok(()) | Err(LedgerError::NoOpenIntent(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Revokes the rest of a certificate's family, and gives up its open intents. Works in portions, each of which is
    /// revoked before the next is read: whatever interrupts it, that much is done, and the next run finds it done.
    /// Returns the certificates that it revoked, and whether more are left. What cannot be read is returned as an error
    /// once all others are revoked.
    async fn revoke_family(
        &self,
        record: &CertificateRecord,
        revocation: &Revocation,
    ) -> Result<(Vec<CertificateRecord>, bool), LedgerError> {
        let own = record.id.serial;
        let of_key = self.of_key(record).await?.into_iter().filter(|serial| *serial != own);
        // The descendants of the certificate itself come first.
        let of_key: Vec<Serial> = std::iter::once(own).chain(of_key).collect();
        let mut seen = HashSet::from([own]);
        let (mut others, mut failures) = (Vec::new(), Failures::default());
        for portion in of_key.chunks(TOGETHER) {
            let descendants = self.end_lines(portion, &mut failures).await?;
            let portion = portion.iter().copied().chain(descendants);
            let portion: Vec<Serial> = portion.filter(|serial| seen.insert(*serial)).collect();
            for together in portion.chunks(TOGETHER) {
                let has_more = self.revoke_portion(record, together, revocation, &mut others, &mut failures);
                if has_more.await? {
                    return Ok((others, true));
                }
            }
        }
        failures.first.map_or(Ok((others, false)), Err)
    }

    /// Revokes a portion; returns whether the limit of [`REVOKED_TOGETHER`] was reached. A certificate that cannot be
    /// revoked stops no other.
    async fn revoke_portion(
        &self,
        record: &CertificateRecord,
        portion: &[Serial],
        revocation: &Revocation,
        others: &mut Vec<CertificateRecord>,
        failures: &mut Failures,
    ) -> Result<bool, LedgerError> {
        for (serial, entry) in self.unrevoked(portion, revocation.reason).await? {
            if others.len() == REVOKED_TOGETHER {
                return Ok(true);
            }
            match self.revoke_other(record, serial, entry, revocation).await {
                Ok(other) => others.extend(other),
                Err(error) => {
                    tracing::error!(%error, %serial, with = %record.id.serial, "a certificate of a compromised key's family is not revoked");
                    failures.add(error)?;
                }
            }
        }
        Ok(false)
    }

    /// Revokes one member of a family, if it is due.
    async fn revoke_other(
        &self,
        record: &CertificateRecord,
        serial: Serial,
        entry: Option<JournalEntry>,
        revocation: &Revocation,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        if let Some(entry) = entry.filter(|entry| matches!(entry.state, IntentState::Open { .. })) {
            match self.lose_intent(entry.id, revocation.at).await {
                Ok(()) => return Ok(None),
                // It was completed at this moment: treat it as a certificate, like the others.
                Err(LedgerError::NoOpenIntent(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(Revocable { record: other, .. }) = self.find_to_revoke(serial).await? else {
            return Ok(None);
        };
        let is_due = match &other.revocation {
            None => true,
            Some(first) => {
                let compromise = RevocationReason::KeyCompromise;
                other.key == record.key && revocation.reason == compromise && first.reason != compromise
            }
        };
        // An expired one is revoked, too: a clock that is ahead would otherwise leave it valid.
        if !is_due {
            return Ok(None);
        }
        let revoked = self
            .revoke_certificate(&other.id.issuer, serial, revocation.clone(), Others::None)
            .await?;
        Ok(match revoked {
            Revoked::Now(other) => Some(*other),
            Revoked::Already(_) => None,
        })
    }

    /// Those of the serial numbers whose rows are not revoked for a sufficient reason, with their entries. They are
    /// read together: a key that was certified again for years has many, and a run after an interruption reads all of
    /// them.
    async fn unrevoked(
        &self,
        serials: &[Serial],
        reason: RevocationReason,
    ) -> Result<Vec<(Serial, Option<JournalEntry>)>, LedgerError> {
        let compromise = RevocationReason::KeyCompromise;
        let mut entries = self.entries(serials).await?;
        let rows = entries.values().map(|entry| (Table::Certificates, entry.row_key()));
        let rows = self.tables.get_many(rows.collect()).await?;
        let revoked = rows.iter().filter_map(|(_, row)| {
            let first = row::revocation(row)?.reason;
            let serial = row::serial(row).ok()?;
            (first == compromise || reason != compromise).then_some(serial)
        });
        let revoked: HashSet<Serial> = revoked.collect();
        let left = serials.iter().filter(|serial| !revoked.contains(serial));
        Ok(left.map(|serial| (*serial, entries.remove(serial))).collect())
    }

    /// The serial numbers of everything that was certified or reserved for that certificate's key: from the key's
    /// partition, and from the rows of its common names. While there may be rows without an entry in the journal, from
    /// all rows.
    async fn of_key(&self, record: &CertificateRecord) -> Result<BTreeSet<Serial>, LedgerError> {
        let key = record.key;
        let mut serials = BTreeSet::from([record.id.serial]);
        let mut common_names = HashSet::from([record.common_name.clone()]);
        for item in self.tables.query(&Range::journal(journal_keys::key(key))).await? {
            let sort = item
                .as_text("Sort")
                .map_err(|error| damaged(&super::called(&item), &error))?;
            if sort != journal_keys::ALONE {
                serials.extend(journal_keys::serial_of(sort));
                continue;
            }
            common_names.extend(item.as_text("CommonName").ok().map(str::to_owned));
            serials.extend(item.parse("Serial", str::parse::<Serial>).ok());
        }
        if let Some(former) = self.unadopted().await? {
            serials.extend(former.of_key(key).await?);
            return Ok(serials);
        }
        for name in common_names {
            let range = Range::rows(row::partition(&name));
            let mut after = None;
            loop {
                let page = self.tables.page(&range, after).await?;
                self.add_of_key(page.items, key, &mut serials).await?;
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(serials)
    }

    pub(super) async fn add_of_key(
        &self,
        rows: Vec<Item>,
        key: KeyFingerprint,
        serials: &mut BTreeSet<Serial>,
    ) -> Result<(), LedgerError> {
        let records = self.records_of(rows).await?;
        serials.extend(
            records
                .iter()
                .filter(|record| record.key == key)
                .map(|record| record.id.serial),
        );
        Ok(())
    }

    pub(super) async fn list_related(
        &self,
        id: &IntentId,
        at: UnixTime,
        limit: usize,
    ) -> Result<Vec<Related>, LedgerError> {
        let found = self.find(id.serial).await?.filter(|found| found.record.id == *id);
        let record = found.ok_or(LedgerError::NotFound(id.serial))?.record;
        let of_key = self.of_key(&record).await?;
        let holders: Vec<Serial> = of_key.iter().copied().collect();
        let entries = self.entries(&holders).await?;
        let (descendants, unread) = self.descendants(&holders, &entries).await;
        for error in unread {
            tracing::error!(%error, "what descends from a certificate is not known to its end");
        }
        let mut related = Vec::new();
        for serial in of_key.union(&descendants) {
            if related.len() == limit {
                break;
            }
            let Some(found) = self.find(*serial).await? else {
                continue;
            };
            let other = found.record;
            if other.id != *id && other.revocation.is_none() && other.not_after >= at {
                related.push(Related {
                    same_key: other.key == record.key,
                    record: other,
                });
            }
        }
        Ok(related)
    }
}
