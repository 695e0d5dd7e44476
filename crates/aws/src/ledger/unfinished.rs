//! Families of compromised keys whose revocation is under way. The item of the certificate that was asked for, in the list of
//! what is revoked, is marked from the transaction that revokes it until the last of the others is revoked, and the index of
//! what is open lists it.

use chancery_authority::Slug;
use chancery_authority::port::ledger::{
    CertificateRecord, IntentId, LedgerError, Revocation, UnfinishedFamily, compromises_key,
};
use chancery_x509::time::UnixTime;

use super::item::{Item, Malformed};
use super::revoke::scope_of;
use super::tables::{Range, Table};
use super::{DynamoLedger, names};

/// Attribute of a revocation that has others to follow, as long as they have not.
pub(super) const UNFINISHED: &str = "Unfinished";

/// `Open` of such an item.
const FAMILY: &str = "family";

/// Marks the item of a revocation.
pub(super) fn mark(listed: Item, since: UnixTime) -> Item {
    listed.flag(UNFINISHED, true).text("Open", FAMILY).time("Since", since)
}

impl DynamoLedger {
    /// Marks one that was revoked before.
    pub(super) async fn begin_family(&self, record: &CertificateRecord, since: UnixTime) -> Result<(), LedgerError> {
        let begun = self.tables.update(
            Table::Journal,
            names::revocation(&scope_of(record), record.id.serial),
            "SET #Unfinished = :yes, #Open = :family, #Since = :since",
            "attribute_exists(#Key)",
            Item::default()
                .flag(":yes", true)
                .text(":family", FAMILY)
                .time(":since", since),
        );
        begun.await.map(|_| ())
    }

    /// All that were to follow it have.
    pub(super) async fn finish_family(&self, record: &CertificateRecord) -> Result<(), LedgerError> {
        let finished = self.tables.update(
            Table::Journal,
            names::revocation(&scope_of(record), record.id.serial),
            "REMOVE #Unfinished, #Open, #Since",
            "attribute_exists(#Unfinished)",
            Item::default(),
        );
        finished.await.map(|_| ())
    }

    pub(super) async fn list_unfinished(&self, limit: usize) -> Result<Vec<UnfinishedFamily>, LedgerError> {
        let range = Range {
            index: Some("open"),
            condition: "#Open = :key".to_owned(),
            limit: Some(limit.clamp(1, 100)),
            ..Range::journal(FAMILY)
        };
        let page = self.tables.page(&range, None).await?;
        // The index lags behind: the items themselves tell which are still marked.
        let keys = page.items.iter().filter_map(|item| {
            let key = Item::journal_key(item.as_text("Key").ok()?, item.as_text("Sort").ok()?);
            Some((Table::Journal, key))
        });
        let mut families = Vec::new();
        for (_, item) in self.tables.get_many(keys.collect()).await? {
            if !item.has(UNFINISHED) {
                continue;
            }
            match parse(&item) {
                Ok((id, since)) => families.extend(self.family_of(id, since).await?),
                Err(error) => super::skip("a family that is not finished", &item, &error),
            }
        }
        families.truncate(limit);
        Ok(families)
    }

    /// A list is written to by more than those who revoke: the certificate's own row has to say that its key is compromised.
    async fn family_of(&self, id: IntentId, since: UnixTime) -> Result<Option<UnfinishedFamily>, LedgerError> {
        let found = self.find(id.serial).await?.filter(|found| found.record.id == id);
        let revocation = found.and_then(|found| found.record.revocation);
        let Some(revocation) = revocation.filter(|revocation| compromises_key(revocation.reason)) else {
            tracing::error!(
                certificate = %id,
                "the journal says that others are to be revoked with a certificate whose row does not say that its key is \
                 compromised: they are left alone; find out who wrote it"
            );
            return Ok(None);
        };
        Ok(Some(UnfinishedFamily {
            id,
            revocation: Revocation {
                at: since,
                ..revocation
            },
        }))
    }
}

fn parse(item: &Item) -> Result<(IntentId, UnixTime), Malformed> {
    let issuer = item.parse("Key", |key| {
        let of = names::revoked_issuer(key).ok_or("it is no list of what is revoked")?;
        Slug::new(of).map_err(|_| "its CA has no name")
    })?;
    let serial = item.parse("Sort", |sort| {
        names::revoked_serial(sort).ok_or("it is no serial number")
    })?;
    Ok((IntentId { issuer, serial }, item.as_time("Since")?))
}
