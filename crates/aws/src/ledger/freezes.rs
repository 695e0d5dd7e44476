//! Freezing.
//!
//! What is recorded of a freeze is one item. What a reservation looks at is in items beside it, by serial number: a transaction
//! that only checks an item conflicts with others on it all the same.

use async_trait::async_trait;
use chancery_authority::port::ledger::{Freezes, Frozen, LedgerError, Statement, Thaw, Thawing};
use chancery_x509::serial::Serial;

use super::item::{Item, Malformed};
use super::tables::{Table, pause, unavailable};
use super::transaction::{Transaction, Write};
use super::{DynamoLedger, damaged, journal_keys};
use crate::world::nonce;

/// Most attempts where others change the same freeze.
const TURNS: u32 = 6;

/// The condition of an item that stops nothing.
const NOT_FROZEN: &str = "attribute_not_exists(#FrozenAt)";

#[async_trait]
impl Freezes for DynamoLedger {
    async fn freeze(&self, freeze: Statement) -> Result<(), LedgerError> {
        let attempt = nonce();
        let recording = Write::Put {
            table: Table::Journal,
            item: frozen(journal_keys::freeze(), &freeze).text("Attempt", &attempt),
            condition: Some(NOT_FROZEN),
            with: Item::default(),
        };
        match self.tables.transact(&[recording]).await? {
            Transaction::Done => self.stop_reservations(&freeze, &attempt).await,
            Transaction::Refused(conditions) => match Transaction::failed(&conditions, 0) {
                // An answer that was lost: this very freeze was recorded.
                Some(item) if item.as_text("Attempt").is_ok_and(|of| of == attempt) => {
                    self.stop_reservations(&freeze, &attempt).await
                }
                Some(item) => {
                    // Whoever froze it may not have come to the end.
                    let read = |error: Malformed| damaged("the record of a freeze", &error);
                    let (by, former) = (
                        parse(item).map_err(read)?.by,
                        item.as_text("Attempt").map_err(read)?.to_owned(),
                    );
                    self.stop_reservations(&by, &former).await?;
                    Err(LedgerError::Frozen(by))
                }
                None => Err(unavailable("a freeze could not be recorded".to_owned())),
            },
        }
    }

    async fn thaw(&self, thaw: Thaw) -> Result<Thawing, LedgerError> {
        for round in 0..TURNS {
            let item = self.tables.get(Table::Journal, journal_keys::freeze()).await?;
            let item = item.filter(|item| item.has("FrozenAt")).ok_or(LedgerError::NotFrozen)?;
            let read = |error: Malformed| damaged("the record of a freeze", &error);
            let frozen = parse(&item).map_err(read)?;
            let former = item.as_text("Attempt").map_err(read)?.to_owned();
            let is_thawed = frozen.is_thawed_by(&thaw);
            let attempt = nonce();
            let writes = if is_thawed {
                thawing(&frozen, &thaw, &former, &attempt)
            } else {
                vec![asking(&thaw, &former, &attempt)]
            };
            match self.tables.transact(&writes).await? {
                Transaction::Done => {
                    return Ok(if is_thawed { Thawing::Thawed } else { Thawing::Asked });
                }
                Transaction::Refused(conditions)
                    if Transaction::failed(&conditions, 0)
                        .is_some_and(|item| item.as_text("Attempt").is_ok_and(|of| of == attempt)) =>
                {
                    return Ok(if is_thawed { Thawing::Thawed } else { Thawing::Asked });
                }
                Transaction::Refused(_) => pause(round).await,
            }
        }
        Err(unavailable(
            "a freeze was changed by other processes in every attempt".to_owned(),
        ))
    }

    async fn frozen(&self) -> Result<Option<Frozen>, LedgerError> {
        let item = self.tables.get(Table::Journal, journal_keys::freeze()).await?;
        item.filter(|item| item.has("FrozenAt"))
            .map(|item| parse(&item).map_err(|error| damaged("the record of a freeze", &error)))
            .transpose()
    }
}

impl DynamoLedger {
    /// Writes what reservations look at, one after another: all in one transaction would conflict with every reservation that is
    /// under way, and never come to its turn while many are. Each only as long as that freeze lasts.
    async fn stop_reservations(&self, freeze: &Statement, attempt: &str) -> Result<(), LedgerError> {
        for part in journal_keys::freeze_parts() {
            let writes = [
                Write::Put {
                    table: Table::Journal,
                    item: frozen(part, freeze),
                    condition: None,
                    with: Item::default(),
                },
                Write::Check {
                    table: Table::Journal,
                    key: journal_keys::freeze(),
                    condition: "#Attempt = :attempt",
                    with: Item::default().text(":attempt", attempt),
                },
            ];
            for round in 0..TURNS {
                match self.tables.transact(&writes).await {
                    Ok(Transaction::Done) => break,
                    Ok(Transaction::Refused(_)) => {
                        return Err(unavailable(
                            "the freeze was changed by others while it was recorded".to_owned(),
                        ));
                    }
                    Err(error) if round + 1 == TURNS => return Err(error),
                    Err(_) => pause(round).await,
                }
            }
        }
        Ok(())
    }
}

/// What a freeze writes into an item.
fn frozen(item: Item, freeze: &Statement) -> Item {
    item.time("FrozenAt", freeze.at)
        .text("FrozenBy", &freeze.principal)
        .text("FreezeReason", &freeze.reason)
}

/// The condition that issuance is not frozen.
pub(super) fn not_frozen(reserving: Serial) -> Write {
    Write::Check {
        table: Table::Journal,
        key: journal_keys::freeze_seen_by(reserving),
        condition: NOT_FROZEN,
        with: Item::default(),
    }
}

/// What an item says that did not meet that condition.
pub(super) fn refused(found: &Item) -> LedgerError {
    match parse(found) {
        Ok(frozen) => LedgerError::Frozen(frozen.by),
        Err(error) => damaged("the record of a freeze", &error),
    }
}

fn asking(thaw: &Thaw, former: &str, attempt: &str) -> Write {
    Write::Update {
        table: Table::Journal,
        key: journal_keys::freeze(),
        update: "SET #ThawAskedAt = :at, #ThawAskedBy = :by, #ThawAskedReason = :reason, #Attempt = :attempt"
            .to_owned(),
        condition: "#Attempt = :former",
        with: Item::default()
            .time(":at", thaw.by.at)
            .text(":by", &thaw.by.principal)
            .text(":reason", &thaw.by.reason)
            .text(":attempt", attempt)
            .text(":former", former),
    }
}

/// Ends a freeze, and keeps what was recorded of it.
fn thawing(frozen: &Frozen, thaw: &Thaw, former: &str, attempt: &str) -> Vec<Write> {
    let ended = journal_keys::ended_freeze(frozen.by.at, attempt)
        .time("FrozenUntil", thaw.by.at)
        .time("FrozenFrom", frozen.by.at)
        .text("FrozenBy", &frozen.by.principal)
        .text("FreezeReason", &frozen.by.reason)
        .text("ThawedBy", &thaw.by.principal)
        .text("ThawReason", &thaw.by.reason)
        .optional_text("ThawAskedBy", frozen.thaw_asked.as_ref().map(|asked| &asked.principal))
        .flag("ThawedAlone", thaw.alone);
    let put = |item: Item, condition, with| Write::Put {
        table: Table::Journal,
        item,
        condition,
        with,
    };
    let mut writes = vec![put(
        journal_keys::freeze().text("Attempt", attempt),
        Some("#Attempt = :former"),
        Item::default().text(":former", former),
    )];
    writes.extend(journal_keys::freeze_parts().map(|item| put(item, None, Item::default())));
    writes.push(put(ended, None, Item::default()));
    writes
}

fn parse(item: &Item) -> Result<Frozen, Malformed> {
    let thaw_asked = item.optional("ThawAskedAt", |item, name| {
        Ok(Statement {
            at: item.as_time(name)?,
            principal: item.as_text("ThawAskedBy")?.to_owned(),
            reason: item.as_text("ThawAskedReason")?.to_owned(),
        })
    })?;
    Ok(Frozen {
        by: Statement {
            at: item.as_time("FrozenAt")?,
            principal: item.as_text("FrozenBy")?.to_owned(),
            reason: item.as_text("FreezeReason")?.to_owned(),
        },
        thaw_asked,
    })
}
