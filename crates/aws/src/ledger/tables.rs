//! Calls to DynamoDB: consistent reads of every page, and writes of single items.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnValue, Select};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chancery_authority::port::ledger::LedgerError;

use super::expressions::{names, values};
use super::item::Item;
use crate::call_budget::{CallBudget, Failure, describe};
use crate::error_code::ErrorCode;
use crate::world::random_below;

/// Most attempts of a write that conflicts with another transaction on the same item.
pub(super) const CONFLICTS: u32 = 12;

/// Most keys in one `BatchGetItem`.
const BATCH: usize = 100;

/// One of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Table {
    /// The drop-in certificate table.
    Certificates,
    /// The journal.
    Journal,
}

/// The client and the names of the two tables.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(super) client: Client,
    pub(super) certificates: String,
    pub(super) journal: String,
    pub(crate) budget: CallBudget,
}

/// A query: a partition of a table or index, forwards or backwards.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub(crate) table: Table,
    pub(crate) index: Option<&'static str>,
    pub(crate) condition: String,
    pub(crate) filter: Option<String>,
    pub(crate) projection: Option<String>,
    pub(crate) values: Item,
    pub(crate) descending: bool,
    /// Most items of a page.
    pub(crate) limit: Option<usize>,
}

/// A page of a query or scan.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) items: Vec<Item>,
    /// Where the next page begins.
    pub(crate) next: Option<Item>,
}

impl Range {
    /// A whole partition of the journal.
    pub(crate) fn journal(key: impl Into<String>) -> Self {
        Self {
            table: Table::Journal,
            index: None,
            condition: "#Key = :key".to_owned(),
            filter: None,
            projection: None,
            values: Item::default().text(":key", key),
            descending: false,
            limit: None,
        }
    }

    /// The rows of one common name.
    pub(crate) fn rows(common_name: impl Into<String>) -> Self {
        Self {
            table: Table::Certificates,
            condition: "#CommonName = :key".to_owned(),
            ..Self::journal(common_name)
        }
    }
}

impl Tables {
    pub(crate) fn new(config: &SdkConfig, certificates: &str, journal: &str, budget: CallBudget) -> Self {
        let config = aws_sdk_dynamodb::config::Builder::from(config)
            .retry_config(CallBudget::retries())
            .timeout_config(budget.timeouts())
            .interceptor(budget.meter().clone())
            .build();
        Self {
            client: Client::from_conf(config),
            certificates: certificates.to_owned(),
            journal: journal.to_owned(),
            budget,
        }
    }

    pub(crate) fn name(&self, table: Table) -> &str {
        match table {
            Table::Certificates => &self.certificates,
            Table::Journal => &self.journal,
        }
    }

    /// One item, read consistently; `None` if there is none.
    pub(crate) async fn get(&self, table: Table, key: Item) -> Result<Option<Item>, LedgerError> {
        let call = self
            .client
            .get_item()
            .table_name(self.name(table))
            .set_key(Some(key.0))
            .consistent_read(true);
        let answer = self.budget.call("dynamodb:GetItem", call.send()).await;
        let answer = answer.map_err(|failure| self.unavailable(table, failure))?;
        Ok(answer.item.map(Item))
    }

    /// Several items of both tables, in no order, read consistently. Keys may repeat, and each item is returned once:
    /// DynamoDB refuses a call that names a key twice. Missing items are left out.
    pub(crate) async fn get_many(&self, mut keys: Vec<(Table, Item)>) -> Result<Vec<(Table, Item)>, LedgerError> {
        let mut seen = HashSet::with_capacity(keys.len());
        keys.retain(|(table, key)| {
            let part = |name| key.as_text(name).unwrap_or_default().to_owned();
            seen.insert(match table {
                Table::Certificates => (*table, part("CommonName"), part("SerialNumber")),
                Table::Journal => (*table, part("Key"), part("Sort")),
            })
        });
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(BATCH) {
            let mut wanted: HashMap<String, KeysAndAttributes> = HashMap::new();
            for table in [Table::Certificates, Table::Journal] {
                let of_table = chunk.iter().filter(|(of, _)| *of == table);
                // DynamoDB refuses the whole call if it names a key twice.
                let mut keys: Vec<_> = Vec::new();
                for (_, key) in of_table {
                    if !keys.contains(&key.0) {
                        keys.push(key.0.clone());
                    }
                }
                if !keys.is_empty() {
                    let request = KeysAndAttributes::builder()
                        .set_keys(Some(keys))
                        .consistent_read(true)
                        .build();
                    let request = request.map_err(|error| unavailable(error.to_string()))?;
                    wanted.insert(self.name(table).to_owned(), request);
                }
            }
            self.get_chunk(wanted, &mut found).await?;
        }
        Ok(found)
    }

    /// An answer holds at most 16 MiB, and less where the table is throttled: the keys that are left are requested
    /// again.
    async fn get_chunk(
        &self,
        mut wanted: HashMap<String, KeysAndAttributes>,
        found: &mut Vec<(Table, Item)>,
    ) -> Result<(), LedgerError> {
        for round in 0..CONFLICTS {
            let call = self.client.batch_get_item().set_request_items(Some(wanted));
            let answer = self.budget.call("dynamodb:BatchGetItem", call.send()).await;
            let answer = answer.map_err(|failure| self.unavailable(Table::Certificates, failure))?;
            for (name, items) in answer.responses.into_iter().flatten() {
                let table = if name == self.journal {
                    Table::Journal
                } else {
                    Table::Certificates
                };
                found.extend(items.into_iter().map(|item| (table, Item(item))));
            }
            match answer.unprocessed_keys {
                Some(left) if !left.is_empty() => wanted = left,
                _ => return Ok(()),
            }
            pause(round).await;
        }
        Err(unavailable(
            "dynamodb:BatchGetItem left keys unprocessed again and again".to_owned(),
        ))
    }

    /// One page of a partition. The read is consistent, except from an index, where DynamoDB offers no consistent
    /// reads.
    pub(crate) async fn page(&self, range: &Range, after: Option<Item>) -> Result<Items, LedgerError> {
        let index = range.index;
        let expressions = [
            Some(range.condition.as_str()),
            range.filter.as_deref(),
            range.projection.as_deref(),
        ];
        let call = self
            .client
            .query()
            .table_name(self.name(range.table))
            .set_index_name(index.map(str::to_owned))
            .key_condition_expression(&range.condition)
            .set_filter_expression(range.filter.clone())
            .set_projection_expression(range.projection.clone())
            .set_expression_attribute_names(names(expressions.into_iter().flatten()))
            .set_expression_attribute_values(values(range.values.clone()))
            .scan_index_forward(!range.descending)
            .consistent_read(index.is_none())
            .set_limit(range.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(after.map(|key| key.0));
        let answer = self.budget.call("dynamodb:Query", call.send()).await;
        let answer = answer.map_err(|failure| self.unavailable(range.table, failure))?;
        Ok(Items {
            items: answer.items.into_iter().flatten().map(Item).collect(),
            next: answer.last_evaluated_key.map(Item),
        })
    }

    /// All items of a partition.
    pub(crate) async fn query(&self, range: &Range) -> Result<Vec<Item>, LedgerError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(range, after).await?;
            found.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// The items of a partition, reading pages until there are more than `most`; and whether these are all.
    pub(crate) async fn query_up_to(&self, range: &Range, most: usize) -> Result<(Vec<Item>, bool), LedgerError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(range, after).await?;
            found.extend(page.items);
            let is_more = found.len() > most;
            if is_more || page.next.is_none() {
                return Ok((found, !is_more));
            }
            after = page.next;
        }
    }

    /// One page of a whole table, read consistently. Going through all pages costs in proportion to the table.
    pub(crate) async fn scan(
        &self,
        table: Table,
        filter: Option<&str>,
        filter_values: Item,
        after: Option<Item>,
    ) -> Result<Items, LedgerError> {
        let call = self
            .client
            .scan()
            .table_name(self.name(table))
            .set_filter_expression(filter.map(str::to_owned))
            .set_expression_attribute_names(names(filter))
            .set_expression_attribute_values(values(filter_values))
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|key| key.0));
        let answer = self.budget.long_call("dynamodb:Scan", call.send()).await;
        let answer = answer.map_err(|failure| self.unavailable(table, failure))?;
        Ok(Items {
            items: answer.items.into_iter().flatten().map(Item).collect(),
            next: answer.last_evaluated_key.map(Item),
        })
    }

    /// Those of the next `limit` items of a table that match the filter, in the table's own order. The read is not
    /// consistent: for scans that come round again.
    pub(crate) async fn scan_portion(
        &self,
        table: Table,
        filter: &str,
        projection: &str,
        limit: i32,
        after: Option<Item>,
    ) -> Result<Items, LedgerError> {
        let call = self
            .client
            .scan()
            .table_name(self.name(table))
            .filter_expression(filter)
            .projection_expression(projection)
            .set_expression_attribute_names(names([filter, projection]))
            .limit(limit)
            .set_exclusive_start_key(after.map(|key| key.0));
        let answer = self.budget.long_call("dynamodb:Scan", call.send()).await;
        let answer = answer.map_err(|failure| self.unavailable(table, failure))?;
        Ok(Items {
            items: answer.items.into_iter().flatten().map(Item).collect(),
            next: answer.last_evaluated_key.map(Item),
        })
    }

    /// How many items of a table match, and how many it has; reads the whole table.
    pub(crate) async fn count(&self, table: Table, filter: &str) -> Result<(u64, u64), LedgerError> {
        let (mut matching, mut all) = (0, 0);
        let mut after = None;
        loop {
            let call = self
                .client
                .scan()
                .table_name(self.name(table))
                .select(Select::Count)
                .filter_expression(filter)
                .set_expression_attribute_names(names([filter]))
                .consistent_read(true)
                .set_exclusive_start_key(after);
            let answer = self.budget.long_call("dynamodb:Scan", call.send()).await;
            let answer = answer.map_err(|failure| self.unavailable(table, failure))?;
            matching += u64::try_from(answer.count).unwrap_or_default();
            all += u64::try_from(answer.scanned_count).unwrap_or_default();
            match answer.last_evaluated_key {
                Some(next) => after = Some(next),
                None => return Ok((matching, all)),
            }
        }
    }

    /// How many items a partition has.
    pub(crate) async fn count_partition(&self, range: &Range) -> Result<u64, LedgerError> {
        let mut count = 0;
        let mut after = None;
        loop {
            let call = self
                .client
                .query()
                .table_name(self.name(range.table))
                .set_index_name(range.index.map(str::to_owned))
                .select(Select::Count)
                .key_condition_expression(&range.condition)
                .set_expression_attribute_names(names([range.condition.as_str()]))
                .set_expression_attribute_values(values(range.values.clone()))
                .set_exclusive_start_key(after);
            let answer = self.budget.call("dynamodb:Query", call.send()).await;
            let answer = answer.map_err(|failure| self.unavailable(range.table, failure))?;
            count += u64::try_from(answer.count).unwrap_or_default();
            match answer.last_evaluated_key {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    /// Writes one item over whatever is there. A conflict with a transaction on it is retried.
    pub(crate) async fn put(&self, table: Table, item: Item) -> Result<(), LedgerError> {
        for round in 0..CONFLICTS {
            let call = self
                .client
                .put_item()
                .table_name(self.name(table))
                .set_item(Some(item.0.clone()));
            match self.budget.call("dynamodb:PutItem", call.send()).await {
                Ok(_) => return Ok(()),
                Err(Failure::Refused(error)) if error.is_transaction_conflict_exception() => pause(round).await,
                Err(failure) => return Err(self.unavailable(table, failure)),
            }
        }
        Err(self.contended(table))
    }

    /// Changes one item: the new values of the changed attributes, or `None` if the condition did not hold. A conflict
    /// with a transaction on the item is retried.
    pub(crate) async fn update(
        &self,
        table: Table,
        key: Item,
        update: &str,
        condition: &str,
        with: Item,
    ) -> Result<Option<Item>, LedgerError> {
        for round in 0..CONFLICTS {
            let call = self
                .client
                .update_item()
                .table_name(self.name(table))
                .set_key(Some(key.0.clone()))
                .update_expression(update)
                .set_condition_expression((!condition.is_empty()).then(|| condition.to_owned()))
                .set_expression_attribute_names(names([update, condition]))
                .set_expression_attribute_values(values(with.clone()))
                .return_values(ReturnValue::UpdatedNew);
            match self.budget.call("dynamodb:UpdateItem", call.send()).await {
                Ok(answer) => return Ok(Some(Item(answer.attributes.unwrap_or_default()))),
                Err(Failure::Refused(error)) if error.is_conditional_check_failed_exception() => return Ok(None),
                Err(Failure::Refused(error)) if error.is_transaction_conflict_exception() => pause(round).await,
                Err(failure) => return Err(self.unavailable(table, failure)),
            }
        }
        Err(self.contended(table))
    }

    fn contended(&self, table: Table) -> LedgerError {
        unavailable(format!(
            "an item of table {} was in a transaction {CONFLICTS} times in a row",
            self.name(table)
        ))
    }

    pub(super) fn unavailable<E>(&self, table: Table, failure: Failure<E>) -> LedgerError
    where
        E: ProvideErrorMetadata + std::error::Error,
    {
        let error = match failure {
            Failure::Unavailable(detail) => return unavailable(detail),
            Failure::Refused(error) => error,
        };
        let name = self.name(table);
        let detail = describe(&error);
        match ErrorCode::of(&error) {
            ErrorCode::NotFound => LedgerError::NotCreated {
                detail: format!(
                    "table {} or {}, or one of their indexes, does not exist ({detail}); apply the Terraform module",
                    self.certificates, self.journal
                ),
            },
            ErrorCode::Denied => unavailable(format!("this role may not use table {name}: {detail}")),
            _ => unavailable(format!("table {name}: {detail}")),
        }
    }
}

/// Waits a random time, whose bound grows with every round, so that processes that conflicted do not conflict again.
pub(crate) async fn pause(round: u32) {
    let longest = 10_u64 << round.min(7);
    tokio::time::sleep(Duration::from_millis(1 + random_below(longest))).await;
}

pub(crate) fn unavailable(detail: String) -> LedgerError {
    LedgerError::Unavailable { detail }
}
