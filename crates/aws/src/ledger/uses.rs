//! CRLs that certificates name, and by which URL: one item for each, written when a process first issues by it.

use chancery_authority::Slug;
use chancery_authority::port::ledger::{CrlScope, CrlUse, LedgerError};

use super::item::{Item, Malformed};
use super::tables::{Range, Table};
use super::{DynamoLedger, names};

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
        let key = names::crl_use(&used.scope, used.url.as_deref());
        // A condition that does not hold says that a later end is recorded.
        let condition = "attribute_not_exists(#Until) OR #Until < :until";
        self.tables
            .update(Table::Journal, key, &update, condition, with)
            .await
            .map(|_| ())
    }

    /// One that cannot be read hides no other.
    pub(super) async fn list_crl_uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        let items = self.tables.query(&Range::journal(names::CRL_USES)).await?;
        let mut uses = Vec::with_capacity(items.len());
        for item in &items {
            match parse(item) {
                Ok(found) => uses.push(found),
                Err(error) => super::skip("the use of a CRL", item, &error),
            }
        }
        Ok(uses)
    }
}

fn parse(item: &Item) -> Result<CrlUse, Malformed> {
    Ok(CrlUse {
        scope: CrlScope {
            issuer: item.parse("Issuer", |text| Slug::new(text))?,
            shard: item.optional("Shard", Item::as_number)?,
        },
        url: item.optional("Url", |item, name| item.as_text(name).map(str::to_owned))?,
        until: item.as_time("Until")?,
    })
}
