//! Certified keys: who holds one, and which are blocked because they are compromised.

use std::collections::BTreeSet;

use chancery_authority::port::ledger::{KeyStatus, LedgerError};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::item::Item;
use super::tables::{Range, Table};
use super::{DynamoLedger, damaged, journal_keys};

/// What the journal records of a key.
enum Claim {
    Free,
    /// The claim of its holders.
    Held(Item),
    Blocked,
}

/// Attribute of the claim of a blocked key: since when.
pub(super) const BLOCKED: &str = "Blocked";

impl DynamoLedger {
    /// Who holds a key, according to the claim that a reservation's condition checks, or to a row that the Python CA
    /// wrote.
    pub(super) async fn find_key_holder(
        &self,
        key: KeyFingerprint,
        common_name: &str,
    ) -> Result<KeyStatus, LedgerError> {
        match self.claim_of(key).await? {
            Claim::Blocked => return Ok(KeyStatus::Blocked),
            Claim::Held(claim) => {
                let holder = claim.as_text("CommonName");
                let holder = holder.map_err(|error| damaged("a key claim", &error))?;
                return Ok(KeyStatus::Held(holder.to_owned()));
            }
            Claim::Free => {}
        }
        if let Some(former) = self.unadopted().await?
            && former.has_certified(key, common_name).await?
        {
            return Ok(KeyStatus::Held(common_name.to_owned()));
        }
        Ok(KeyStatus::Free)
    }

    /// Whether a key is blocked: no certificate is issued for it any more.
    pub(super) async fn is_blocked(&self, key: KeyFingerprint) -> Result<bool, LedgerError> {
        Ok(matches!(self.claim_of(key).await?, Claim::Blocked))
    }

    /// What the journal records of a key. That it is blocked is recorded in two items; either one suffices.
    async fn claim_of(&self, key: KeyFingerprint) -> Result<Claim, LedgerError> {
        let keys = [journal_keys::block(key), journal_keys::claim(key)].map(|key| (Table::Journal, key));
        let items = self.tables.get_many(keys.into()).await?;
        Ok(if items.iter().any(|(_, item)| item.has(BLOCKED)) {
            Claim::Blocked
        } else {
            items
                .into_iter()
                .next()
                .map_or(Claim::Free, |(_, item)| Claim::Held(item))
        })
    }

    /// The serial numbers in a key's partition.
    pub(super) async fn holders(&self, key: KeyFingerprint) -> Result<BTreeSet<Serial>, LedgerError> {
        let items = self.tables.query(&Range::journal(journal_keys::key(key))).await?;
        let sorts = items.iter().filter_map(|item| item.as_text("Sort").ok());
        Ok(sorts.filter_map(journal_keys::serial_of).collect())
    }

    /// Blocks a key: it cannot be reserved any more. First in an item that no role may delete, then in the claim, which
    /// giving an intent up reads.
    pub(super) async fn block(
        &self,
        key: KeyFingerprint,
        common_name: &str,
        serial: Serial,
        at: UnixTime,
    ) -> Result<(), LedgerError> {
        let kept = self.tables.update(
            Table::Journal,
            journal_keys::block(key),
            "SET #Blocked = if_not_exists(#Blocked, :at), #Serial = if_not_exists(#Serial, :serial)",
            "",
            Item::default().time(":at", at).text(":serial", serial.to_string()),
        );
        kept.await?;
        let blocked = self.tables.update(
            Table::Journal,
            journal_keys::claim(key),
            "SET #Blocked = if_not_exists(#Blocked, :at), #CommonName = if_not_exists(#CommonName, :name)",
            "",
            Item::default().time(":at", at).text(":name", common_name),
        );
        // Roles that issue may also write claims: what they write there must not stop a revocation.
        if let Err(error) = blocked.await {
            tracing::error!(%error, %key, "a key is blocked, and its claim does not say so");
        }
        Ok(())
    }
}
