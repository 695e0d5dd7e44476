//! Families of compromised keys whose revocation is in progress. The revocation item of the certificate that the caller
//! named is marked from the transaction that revokes it until the last other member of the family is revoked; meanwhile
//! the index of open things lists it.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CertificateRecord, FamilyPosition, IntentId, LedgerError, Revocation, UnfinishedFamilies, UnfinishedFamily,
    compromises_key,
};
use chancery_x509::time::UnixTime;

use super::item::{Item, Malformed};
use super::open_index::OpenRange;
use super::tables::Table;
use super::{DynamoLedger, journal_keys};

/// Attribute of a revocation item whose family is not revoked completely.
pub(super) const UNFINISHED: &str = "Unfinished";

/// The value of `Open` in such an item.
const FAMILY: &str = "family";

/// Marks a new revocation item.
pub(super) fn mark(listed: Item, since: UnixTime) -> Item {
    listed.flag(UNFINISHED, true).text("Open", FAMILY).time("Since", since)
}

impl DynamoLedger {
    /// Marks the revocation item of a certificate that was revoked before.
    pub(super) async fn begin_family(&self, record: &CertificateRecord, since: UnixTime) -> Result<(), LedgerError> {
        let begun = self.tables.update(
            Table::Journal,
            journal_keys::revocation(&record.scope(), record.id.serial),
            "SET #Unfinished = :yes, #Open = :family, #Since = :since",
            "attribute_exists(#Key)",
            Item::default()
                .flag(":yes", true)
                .text(":family", FAMILY)
                .time(":since", since),
        );
        begun.await.map(|_| ())
    }

    /// Removes the mark: the whole family is revoked.
    pub(super) async fn finish_family(&self, record: &CertificateRecord) -> Result<(), LedgerError> {
        let finished = self.tables.update(
            Table::Journal,
            journal_keys::revocation(&record.scope(), record.id.serial),
            "REMOVE #Unfinished, #Open, #Since",
            "attribute_exists(#Unfinished)",
            Item::default(),
        );
        finished.await.map(|_| ())
    }

    pub(super) async fn list_unfinished(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        let mut found = UnfinishedFamilies::default();
        let range = OpenRange {
            open: FAMILY,
            after: after.map(|after| (after.revoked_at, after.serial)),
            last: UnixTime(i64::MAX),
        };
        let read = |item: &Item| {
            if !item.has(UNFINISHED) {
                return None;
            }
            match parse(item) {
                Ok((id, since)) => Some(((since, id.serial), (id, since))),
                Err(error) => {
                    found.add_unreadable(format!("{}: {error}", super::called(item)));
                    None
                }
            }
        };
        let (marked, has_more) = self.list_in_order(&range, limit, read).await?;
        let last = marked.last().map(|(id, since)| FamilyPosition {
            revoked_at: *since,
            serial: id.serial,
        });
        found.next = last.filter(|_| has_more);
        for (id, since) in marked {
            match self.family_of(&id, since).await {
                Ok(Some(family)) => found.families.push(family),
                Ok(None) => found.add_unconfirmed(id),
                Err(LedgerError::Damaged { detail }) => found.add_unreadable(detail),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The family that a marked item names. Roles other than those that revoke may write to the list, so the
    /// certificate's own row must have a revocation for a compromised key. A mark whose row has none stays: the row may
    /// have been damaged, and then the mark is all that is left of the revocation.
    async fn family_of(&self, id: &IntentId, since: UnixTime) -> Result<Option<UnfinishedFamily>, LedgerError> {
        let found = self.find(id.serial).await?.filter(|found| found.record.id == *id);
        let revocation = found.and_then(|found| found.record.revocation);
        let Some(revocation) = revocation.filter(|revocation| compromises_key(revocation.reason)) else {
            return Ok(None);
        };
        Ok(Some(UnfinishedFamily {
            id: id.clone(),
            revocation: Revocation {
                at: since,
                ..revocation
            },
        }))
    }
}

fn parse(item: &Item) -> Result<(IntentId, UnixTime), Malformed> {
    let issuer = item.parse("Key", |key| {
        let of = journal_keys::revoked_issuer(key).ok_or("it is not a revocation list's partition")?;
        CaName::new(of).map_err(|_| "its CA has no name")
    })?;
    let serial = item.parse("Sort", |sort| {
        journal_keys::revoked_serial(sort).ok_or("it is no serial number")
    })?;
    Ok((IntentId { issuer, serial }, item.as_time("Since")?))
}
