//! Lists items of the journal's index of open things (intents, unfinished families), in order and in portions.

use chancery_authority::port::ledger::LedgerError;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::DynamoLedger;
use super::item::Item;
use super::tables::{Range, Table};

/// The order among open things: by time, then by serial number.
pub(super) type Position = (UnixTime, Serial);

/// A range of the index.
pub(super) struct OpenRange {
    /// The value of the items' attribute `Open`.
    pub(super) open: &'static str,
    /// Only items after this position.
    pub(super) after: Option<Position>,
    /// Only items whose `Since` is at most this.
    pub(super) last: UnixTime,
}

impl DynamoLedger {
    /// The results of `read` for the items of that range, at most `limit`, in order of position, and whether there may
    /// be more.
    pub(super) async fn list_in_order<T>(
        &self,
        open_range: &OpenRange,
        limit: usize,
        mut read: impl FnMut(&Item) -> Option<(Position, T)>,
    ) -> Result<(Vec<T>, bool), LedgerError> {
        let since = open_range.after.map_or(UnixTime(0), |(since, _)| since);
        if limit == 0 || since > open_range.last {
            return Ok((Vec::new(), false));
        }
        let range = Range {
            index: Some("open"),
            condition: "#Open = :open AND #Since BETWEEN :since AND :last".to_owned(),
            values: Item::default()
                .text(":open", open_range.open)
                .time(":since", since)
                .time(":last", open_range.last),
            limit: Some(limit.clamp(1, 500)),
            ..Range::journal("")
        };
        let mut found = Vec::new();
        let mut next = None;
        let has_more = loop {
            let page = self.tables.page(&range, next).await?;
            let end = page.items.last().and_then(|item| item.as_time("Since").ok());
            // The index lags behind: a listed item may have been closed, which only the item itself shows.
            let keys = page.items.iter().filter_map(|item| {
                let key = Item::journal_key(item.as_text("Key").ok()?, item.as_text("Sort").ok()?);
                Some((Table::Journal, key))
            });
            let items = self.tables.get_many(keys.collect()).await?;
            found.extend(items.iter().filter_map(|(_, item)| read(item)));
            found.retain(|(position, _)| open_range.after.is_none_or(|after| *position > after));
            found.sort_by_key(|(position, _)| *position);
            // Within a second the index is unordered: cut the list only where the second of its last entry is read
            // completely.
            let is_cut = found
                .get(limit - 1)
                .is_some_and(|((last, _), _)| end.is_some_and(|end| *last < end));
            match page.next {
                Some(after) if !is_cut => next = Some(after),
                next => break next.is_some(),
            }
        };
        let has_more = has_more || found.len() > limit;
        found.truncate(limit);
        Ok((found.into_iter().map(|(_, thing)| thing).collect(), has_more))
    }
}
