//! Records and lists rejections; counts certificates, intents and rejections.

use std::sync::PoisonError;

use async_trait::async_trait;
use chancery_authority::port::ledger::{LedgerError, REJECTION_DAYS, Rejection, Rejections};
use chancery_x509::time::UnixTime;
use futures_util::future::try_join_all;

use super::item::{Item, Malformed};
use super::tables::{Range, Table};
use super::{DynamoLedger, journal_keys};
use crate::world::nonce;

/// The journal's time-to-live attribute: DynamoDB deletes an item some time after it. Only rejections have it, and IAM
/// policies allow no role to write it into other items.
const FORGET_AFTER: &str = "ForgetAfter";

#[async_trait]
impl Rejections for DynamoLedger {
    async fn record(&self, rejection: Rejection) -> Result<(), LedgerError> {
        self.put_rejection(rejection).await
    }

    async fn latest(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        self.list_rejections(limit).await
    }
}

impl DynamoLedger {
    pub(super) async fn put_rejection(&self, rejection: Rejection) -> Result<(), LedgerError> {
        let day = journal_keys::day(rejection.at);
        self.note_rejection_day(&day, rejection.at).await?;
        // The nonce distinguishes rejections of the same second.
        let nonce = nonce();
        let lane = nonce.bytes().last().unwrap_or_default() % journal_keys::LANES;
        let sort = format!("{}#{nonce}", journal_keys::second(rejection.at));
        let item = Item::journal_key(journal_keys::rejections(&day, lane), sort)
            .time("RejectedAt", rejection.at)
            .text("Principal", rejection.principal)
            .optional_text("CommonName", rejection.common_name)
            .text("Code", rejection.code)
            .text("Reason", rejection.reason)
            .time(FORGET_AFTER, rejection.at.plus_days(REJECTION_DAYS));
        self.tables.put(Table::Journal, item).await
    }

    /// Records that there are rejections on that day: once per process and day, before the first of them is written.
    async fn note_rejection_day(&self, day: &str, at: UnixTime) -> Result<(), LedgerError> {
        let is_noted = |noted: &str| noted == day;
        if is_noted(&self.rejection_day.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        // It must outlive all rejections of that day.
        let item =
            Item::journal_key(journal_keys::REJECTION_DAYS, day).time(FORGET_AFTER, at.plus_days(REJECTION_DAYS + 1));
        self.tables.put(Table::Journal, item).await?;
        day.clone_into(&mut self.rejection_day.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// Reads only as many of the newest days as it takes; there are at most as many days as rejections are kept for.
    pub(super) async fn list_rejections(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        let mut rejections = Vec::new();
        for day in self.rejection_days().await? {
            if rejections.len() >= limit {
                break;
            }
            let lanes = (0..journal_keys::LANES).map(|lane| self.newest_of_lane(&day, lane, limit - rejections.len()));
            let mut items: Vec<Item> = try_join_all(lanes).await?.into_iter().flatten().collect();
            items.sort_by(|a, b| {
                b.as_text("Sort")
                    .unwrap_or_default()
                    .cmp(a.as_text("Sort").unwrap_or_default())
            });
            for item in &items {
                match parse(item) {
                    Ok(rejection) => rejections.push(rejection),
                    Err(error) => super::skip("a rejection", item, &error),
                }
            }
        }
        rejections.truncate(limit);
        Ok(rejections)
    }

    /// The days with rejections, newest first.
    async fn rejection_days(&self) -> Result<Vec<String>, LedgerError> {
        let range = Range {
            descending: true,
            ..Range::journal(journal_keys::REJECTION_DAYS)
        };
        let items = self.tables.query(&range).await?;
        let days = items.iter().filter_map(|item| item.as_text("Sort").ok());
        Ok(days.map(str::to_owned).collect())
    }

    async fn newest_of_lane(&self, day: &str, lane: u8, limit: usize) -> Result<Vec<Item>, LedgerError> {
        let range = Range {
            descending: true,
            limit: Some(limit.clamp(1, 1000)),
            ..Range::journal(journal_keys::rejections(day, lane))
        };
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let page = self.tables.page(&range, after).await?;
            items.extend(page.items);
            match page.next {
                Some(next) if items.len() < limit => after = Some(next),
                _ => return Ok(items),
            }
        }
    }

    pub(super) async fn count_rejections(&self) -> Result<u64, LedgerError> {
        let mut count = 0;
        for day in self.rejection_days().await? {
            for lane in 0..journal_keys::LANES {
                let range = Range::journal(journal_keys::rejections(&day, lane));
                count += self.tables.count_partition(&range).await?;
            }
        }
        Ok(count)
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
