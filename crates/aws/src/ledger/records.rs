//! Rejections and counts.

use chancery_authority::port::ledger::{Counts, LedgerError, Rejection};

use super::item::{Item, Malformed};
use super::tables::{Range, Table};
use super::{DynamoLedger, entry, names};
use crate::world::nonce;

impl DynamoLedger {
    pub(super) async fn put_rejection(&self, rejection: Rejection) -> Result<(), LedgerError> {
        // A nonce beside the second: many are refused in one.
        let sort = format!("{}#{}", names::second(rejection.at), nonce());
        let item = Item::journal_key(names::REJECTIONS, sort)
            .time("RejectedAt", rejection.at)
            .text("Principal", rejection.principal)
            .optional_text("CommonName", rejection.common_name)
            .text("Code", rejection.code)
            .text("Reason", rejection.reason);
        self.tables.put(Table::Journal, item).await
    }

    pub(super) async fn list_rejections(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        let range = Range {
            descending: true,
            limit: Some(limit.clamp(1, 1000)),
            ..Range::journal(names::REJECTIONS)
        };
        let mut rejections = Vec::new();
        let mut after = None;
        while rejections.len() < limit {
            let page = self.tables.page(&range, after).await?;
            for item in &page.items {
                match parse(item) {
                    Ok(rejection) => rejections.push(rejection),
                    Err(error) => super::skip("a rejection", item, &error),
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        rejections.truncate(limit);
        Ok(rejections)
    }

    /// Reads both tables to their ends: for a report, not for every request.
    pub(super) async fn count_all(&self) -> Result<Counts, LedgerError> {
        let (revoked, issued) = self
            .tables
            .count(Table::Certificates, "attribute_exists(#Revoked)")
            .await?;
        let (lost, _) = self.tables.count(Table::Journal, "attribute_exists(#Lost)").await?;
        let open = Range {
            index: Some("open"),
            condition: "#Open = :key".to_owned(),
            ..Range::journal(entry::OPEN)
        };
        Ok(Counts {
            issued,
            revoked: revoked + lost,
            open_intents: self.tables.count_partition(&open).await?,
            rejected: self.tables.count_partition(&Range::journal(names::REJECTIONS)).await?,
        })
    }
}

fn parse(item: &Item) -> Result<Rejection, Malformed> {
    Ok(Rejection {
        at: item.as_time("RejectedAt")?,
        principal: item.as_text("Principal")?.to_owned(),
        common_name: item.optional("CommonName", |item, name| item.as_text(name).map(str::to_owned))?,
        code: item.as_text("Code")?.to_owned(),
        reason: item.as_text("Reason")?.to_owned(),
    })
}
