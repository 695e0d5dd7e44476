//! The CRLs that certificates name, and by which URL: one item for each, written when a process first issues with it.

use std::collections::BTreeSet;

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CrlScope, CrlUse, LedgerError};
use futures_util::future::{try_join, try_join_all};

use super::item::{Item, Malformed};
use super::tables::{Range, Table};
use super::{DynamoLedger, journal_keys};

impl DynamoLedger {
    pub(super) async fn put_crl_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        let mut update = "SET #Issuer = :issuer, #Until = :until".to_owned();
        let mut with = Item::default()
            .text(":issuer", used.scope.issuer.as_str())
            .time(":until", used.until);
        if let Some(shard) = used.scope.shard {
            update.push_str(", #Shard = :shard");
            with = with.number(":shard", shard);
        }
        if let Some(url) = &used.url {
            update.push_str(", #Url = :url");
            with = with.text(":url", url);
        }
        let partition = match &used.scope.issuer {
            own if self.own_cas().await?.contains(own) => journal_keys::crl_uses(own),
            _ => journal_keys::CRL_USES.to_owned(),
        };
        let key = journal_keys::crl_use(partition, &used.scope, used.url.as_deref());
        // If the condition does not hold, a later end is already recorded.
        let condition = "attribute_not_exists(#Until) OR #Until < :until";
        self.tables
            .update(Table::Journal, key, &update, condition, with)
            .await
            .map(|_| ())
    }

    /// A record that cannot be read is skipped. Records in a CA's partition count only for that CA.
    pub(super) async fn list_crl_uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        let of_all = self.read_uses(journal_keys::CRL_USES.to_owned(), None);
        let own = self.own_cas().await?;
        let of_each = own
            .iter()
            .map(|ca_name| self.read_uses(journal_keys::crl_uses(ca_name), Some(ca_name)));
        let (mut uses, of_each) = try_join(of_all, try_join_all(of_each)).await?;
        uses.extend(of_each.into_iter().flatten());
        Ok(uses)
    }

    async fn read_uses(&self, partition: String, of: Option<&CaName>) -> Result<Vec<CrlUse>, LedgerError> {
        let items = self.tables.query(&Range::journal(partition)).await?;
        let mut uses = Vec::with_capacity(items.len());
        for item in &items {
            match parse(item, of) {
                Ok(found) => uses.push(found),
                Err(error) => super::skip("the use of a CRL", item, &error),
            }
        }
        Ok(uses)
    }

    /// The CAs that have a partition of their own: the two of the contract, also before they exist, and every CA that does.
    async fn own_cas(&self) -> Result<BTreeSet<CaName>, LedgerError> {
        let contract = [self.deployment.root_ca(), self.deployment.issuing_ca()];
        let known = self.known_cas().await?;
        let known = known.iter().map(|ca| &ca.record.ca_name);
        Ok(known.chain(contract).cloned().collect())
    }
}

fn parse(item: &Item, of: Option<&CaName>) -> Result<CrlUse, Malformed> {
    let issuer = item.parse("Issuer", |text| CaName::new(text))?;
    if of.is_some_and(|of| *of != issuer) {
        return Err(Malformed {
            attribute: "Issuer",
            wrong: format!("is {issuer}, in the partition of another CA"),
        });
    }
    Ok(CrlUse {
        scope: CrlScope {
            issuer,
            shard: item.optional("Shard", Item::as_number)?,
        },
        url: item.optional("Url", |item, name| item.as_text(name).map(str::to_owned))?,
        until: item.as_time("Until")?,
    })
}
