//! Transactions, with the outcome of each write's condition.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use chancery_authority::port::ledger::LedgerError;

use super::expressions::{names, values};
use super::item::Item;
use super::tables::{CONFLICTS, Table, Tables, pause, unavailable};
use crate::call_budget::{Failure, describe};
use crate::world::nonce;

/// One write of a transaction, with its condition; `with` has the values of both expressions.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put {
        table: Table,
        item: Item,
        condition: Option<&'static str>,
        with: Item,
    },
    Update {
        table: Table,
        key: Item,
        update: String,
        condition: &'static str,
        with: Item,
    },
    Delete {
        table: Table,
        key: Item,
        condition: &'static str,
        with: Item,
    },
    /// Writes nothing; the transaction is done only if the condition holds.
    Check {
        table: Table,
        key: Item,
        condition: &'static str,
        with: Item,
    },
}

/// The outcome of a transaction.
#[derive(Debug)]
pub(crate) enum Transaction {
    Done,
    /// Nothing was written: the conditions of some writes did not hold. One element for each write.
    Refused(Vec<Condition>),
}

/// The outcome of a transaction in which some writes may be impossible.
#[derive(Debug)]
pub(crate) enum Attempted {
    Done,
    /// As [`Transaction::Refused`].
    Refused(Vec<Condition>),
    /// Nothing was written: some writes can never succeed, since the item would be too long, or an attribute has
    /// another type.
    Impossible {
        /// Their indices.
        writes: Vec<usize>,
        /// DynamoDB's message.
        detail: String,
    },
}

/// The outcome of one write's condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    Held,
    /// It did not hold; the item as it is, empty if there is none.
    Failed(Item),
}

impl Tables {
    /// Does all of these writes or none. A conflict with another transaction on an item is retried.
    ///
    /// If an answer is lost, the SDK retries with the same token, which DynamoDB remembers for ten minutes. Callers
    /// still put a nonce into their item, by which they recognise their own write.
    pub(crate) async fn transact(&self, writes: &[Write]) -> Result<Transaction, LedgerError> {
        match self.attempt(writes).await? {
            Attempted::Done => Ok(Transaction::Done),
            Attempted::Refused(conditions) => Ok(Transaction::Refused(conditions)),
            Attempted::Impossible { detail, .. } => Err(LedgerError::Damaged {
                detail: format!(
                    "an item of table {} or {} cannot be written to: {detail}",
                    self.certificates, self.journal
                ),
            }),
        }
    }

    /// As [`transact`](Self::transact), for callers that can do without a write that the item's content makes
    /// impossible.
    pub(crate) async fn attempt(&self, writes: &[Write]) -> Result<Attempted, LedgerError> {
        let items = writes
            .iter()
            .map(|write| self.transact_item(write))
            .collect::<Result<Vec<_>, _>>()?;
        for round in 0..CONFLICTS {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(nonce());
            let error = match self.budget.call("dynamodb:TransactWriteItems", call.send()).await {
                Ok(_) => return Ok(Attempted::Done),
                Err(Failure::Refused(error)) => error,
                Err(failure) => return Err(self.unavailable(Table::Journal, failure)),
            };
            let TransactWriteItemsError::TransactionCanceledException(cancelled) = &error else {
                return Err(self.unavailable(Table::Journal, Failure::Refused(error)));
            };
            let reasons = cancelled.cancellation_reasons();
            if reasons.iter().any(|reason| cause(reason) == Cause::Condition) {
                return Ok(Attempted::Refused(reasons.iter().map(condition).collect()));
            }
            let impossible = reasons
                .iter()
                .enumerate()
                .filter(|(_, reason)| cause(reason) == Cause::Invalid);
            let impossible: Vec<usize> = impossible.map(|(index, _)| index).collect();
            if !impossible.is_empty() {
                return Ok(Attempted::Impossible {
                    writes: impossible,
                    detail: describe(&error),
                });
            }
            if !reasons.iter().any(|reason| cause(reason) == Cause::Passing) {
                return Err(self.unavailable(Table::Journal, Failure::Refused(error)));
            }
            pause(round).await;
        }
        Err(unavailable(format!(
            "{CONFLICTS} attempts in a row conflicted with other transactions on the same items"
        )))
    }

    fn transact_item(&self, write: &Write) -> Result<TransactWriteItem, LedgerError> {
        let builder = TransactWriteItem::builder();
        let built = match write.clone() {
            Write::Put {
                table,
                item,
                condition,
                with,
            } => Put::builder()
                .table_name(self.name(table))
                .set_item(Some(item.0))
                .set_condition_expression(condition.map(str::to_owned))
                .set_expression_attribute_names(names(condition))
                .set_expression_attribute_values(values(with))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .map(|put| builder.put(put)),
            Write::Update {
                table,
                key,
                update,
                condition,
                with,
            } => Update::builder()
                .table_name(self.name(table))
                .set_key(Some(key.0))
                .set_expression_attribute_names(names([update.as_str(), condition]))
                .update_expression(update)
                .condition_expression(condition)
                .set_expression_attribute_values(values(with))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .map(|update| builder.update(update)),
            Write::Delete {
                table,
                key,
                condition,
                with,
            } => Delete::builder()
                .table_name(self.name(table))
                .set_key(Some(key.0))
                .condition_expression(condition)
                .set_expression_attribute_names(names([condition]))
                .set_expression_attribute_values(values(with))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .map(|delete| builder.delete(delete)),
            Write::Check {
                table,
                key,
                condition,
                with,
            } => ConditionCheck::builder()
                .table_name(self.name(table))
                .set_key(Some(key.0))
                .condition_expression(condition)
                .set_expression_attribute_names(names([condition]))
                .set_expression_attribute_values(values(with))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .map(|check| builder.condition_check(check)),
        };
        built
            .map(aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder::build)
            .map_err(|error| unavailable(error.to_string()))
    }
}

impl Transaction {
    /// The item that made the condition of the write at that index fail; `None` if it held.
    pub(crate) fn failed(conditions: &[Condition], index: usize) -> Option<&Item> {
        match conditions.get(index) {
            Some(Condition::Failed(item)) => Some(item),
            _ => None,
        }
    }
}

fn condition(reason: &CancellationReason) -> Condition {
    match cause(reason) {
        Cause::Condition => {
            let item: Option<&HashMap<String, AttributeValue>> = reason.item();
            Condition::Failed(Item(item.cloned().unwrap_or_default()))
        }
        Cause::Invalid | Cause::Passing | Cause::None => Condition::Held,
    }
}

/// What one write of a cancelled transaction had to do with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Its condition does not hold.
    Condition,
    /// It can never be done.
    Invalid,
    /// The transaction may succeed when it is retried.
    Passing,
    /// None, or one that AWS may add.
    None,
}

/// Reads the reason's code, for which the SDK has no type.
fn cause(reason: &CancellationReason) -> Cause {
    match reason.code() {
        Some("ConditionalCheckFailed") => Cause::Condition,
        Some("ValidationError") => Cause::Invalid,
        Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded" | "RequestLimitExceeded") => {
            Cause::Passing
        }
        _ => Cause::None,
    }
}
