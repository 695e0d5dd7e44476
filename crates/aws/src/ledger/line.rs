//! Lines: the descendants of a certificate by renewal, and how they are marked and ended.
//!
//! What a line contains, or an entry states about it, is a claim like any other. A renewal requires a line that can be
//! read completely; a revocation uses what can be read, and reports the rest.

use std::collections::{BTreeSet, HashMap};

use chancery_authority::port::ledger::LedgerError;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::stream::{self, StreamExt as _};

use super::item::{Item, Malformed};
use super::journal_entry::{JournalEntry, Renewal};
use super::tables::{Range, Table};
use super::transaction::{Transaction, Write};
use super::{DynamoLedger, damaged, journal_keys};

/// Lines that are ended or read at a time.
const AT_ONCE: usize = 16;

/// Times that the ledger may be unavailable for members of a family before the revocation gives up.
const UNAVAILABLE: usize = 10;

/// Failures for members of a family, while the rest was revoked.
#[derive(Default)]
pub(super) struct Failures {
    /// The failure to return in the end.
    pub(super) first: Option<LedgerError>,
    unavailable: usize,
}

impl Failures {
    /// Records a failure; returns an error if continuing is pointless.
    pub(super) fn add(&mut self, error: LedgerError) -> Result<(), LedgerError> {
        self.unavailable += usize::from(matches!(
            error,
            LedgerError::Unavailable { .. } | LedgerError::NotCreated { .. }
        ));
        if self.unavailable == UNAVAILABLE {
            return Err(error);
        }
        self.first.get_or_insert(error);
        Ok(())
    }
}

/// The descendants of one certificate by renewal.
#[derive(Default)]
pub(super) struct Line {
    pub(super) version: Option<u64>,
    /// Whether its root was revoked because its key is compromised.
    root_ended: bool,
    pub(super) successors: HashMap<Serial, Successor>,
}

pub(super) struct Successor {
    pub(super) predecessor: Serial,
    pub(super) not_after: UnixTime,
    pub(super) revoked: bool,
}

impl Line {
    fn read(items: &[Item]) -> Result<Self, (&Item, Malformed)> {
        let mut line = Self::default();
        for item in items {
            line.add(item).map_err(|error| (item, error))?;
        }
        Ok(line)
    }

    fn add(&mut self, item: &Item) -> Result<(), Malformed> {
        let sort = item.as_text("Sort")?;
        if sort == journal_keys::ALONE {
            self.version = item.optional("Version", Item::as_number)?;
            self.root_ended = item.has("RootEnded");
            return Ok(());
        }
        let serial = journal_keys::serial_of(sort).ok_or_else(|| Malformed {
            attribute: "Sort",
            wrong: "is no serial number".to_owned(),
        })?;
        let successor = Successor {
            predecessor: item.parse("Predecessor", str::parse)?,
            not_after: item.as_time("NotAfter")?,
            revoked: item.has("Revoked"),
        };
        self.successors.insert(serial, successor);
        Ok(())
    }

    /// The nearest revoked certificate among a certificate and its ancestors, as far as the line shows.
    pub(super) fn revoked_ancestor(&self, of: Serial, root: Serial) -> Option<Serial> {
        let mut at = of;
        // At most as many steps as the line has items: a cycle would be damage, and the loop must end all the same.
        for _ in 0..=self.successors.len() {
            match self.successors.get(&at) {
                Some(successor) if successor.revoked => return Some(at),
                Some(successor) => at = successor.predecessor,
                None => break,
            }
        }
        self.root_ended.then_some(root)
    }

    /// Adds all descendants of `of`.
    pub(super) fn descend(&self, of: Serial, found: &mut BTreeSet<Serial>) {
        let mut children: HashMap<Serial, Vec<Serial>> = HashMap::new();
        for (serial, successor) in &self.successors {
            children.entry(successor.predecessor).or_default().push(*serial);
        }
        let mut next = vec![of];
        while let Some(parent) = next.pop() {
            for child in children.get(&parent).into_iter().flatten() {
                if found.insert(*child) {
                    next.push(*child);
                }
            }
        }
    }
}

/// A condition that always holds, whether or not there is an item.
const ANYHOW: &str = "attribute_exists(#Key) OR attribute_not_exists(#Key)";

/// The condition that the version can be incremented: a value that is not a number, or that no counting reaches, is
/// damage.
const IS_VERSION: &str = "attribute_not_exists(#Version) OR (#Version >= :none AND #Version < :most)";

/// The values of that condition and of the increment.
fn counting() -> Item {
    let bounds = Item::default().number(":none", 0).number(":most", 1_u64 << 62);
    bounds.number(":one", 1)
}

/// The writes of a successor's revocation in its line: its mark, and the version. They do not require an item: a line
/// that was deleted, or that an entry names wrongly, does not stop a revocation.
pub(super) fn marking(renewal: &Renewal, serial: Serial, not_after: UnixTime) -> [Write; 2] {
    [
        Write::Update {
            table: Table::Journal,
            key: journal_keys::successor(renewal.root, serial),
            update: "SET #Revoked = :yes, #Predecessor = if_not_exists(#Predecessor, :predecessor), \
                     #NotAfter = if_not_exists(#NotAfter, :end)"
                .to_owned(),
            condition: ANYHOW,
            with: Item::default()
                .flag(":yes", true)
                .text(":predecessor", renewal.predecessor.serial.to_string())
                .time(":end", not_after),
        },
        Write::Update {
            table: Table::Journal,
            key: journal_keys::line_state(renewal.root),
            update: "ADD #Version :one".to_owned(),
            condition: IS_VERSION,
            with: counting(),
        },
    ]
}

/// The item that shows whether a certificate may have more descendants.
fn mark_of(serial: Serial, renewal: Option<&Renewal>) -> Item {
    renewal.map_or_else(
        || journal_keys::line_state(serial),
        |renewal| journal_keys::successor(renewal.root, serial),
    )
}

impl DynamoLedger {
    pub(super) async fn line(&self, root: Serial) -> Result<Line, LedgerError> {
        let items = self.tables.query(&Range::journal(journal_keys::line(root))).await?;
        // An item that cannot be read may forbid a renewal or be due for revocation: it is not skipped.
        Line::read(&items).map_err(|(item, error)| damaged(&super::called(item), &error))
    }

    /// As [`line`](Self::line), as far as it can be read, with the first item that cannot: a revocation reaches all
    /// descendants that can be read.
    pub(super) async fn readable_line(&self, root: Serial) -> Result<(Line, Option<LedgerError>), LedgerError> {
        let items = self.tables.query(&Range::journal(journal_keys::line(root))).await?;
        let (mut line, mut wrong) = (Line::default(), None);
        for item in &items {
            if let Err(error) = line.add(item) {
                super::skip("an item of a line", item, &error);
                wrong.get_or_insert_with(|| damaged(&super::called(item), &error));
            }
        }
        Ok((line, wrong))
    }

    /// A renewal that the entry records and its line does not, as text.
    pub(super) async fn differs_from_line(&self, entry: &JournalEntry) -> Result<Option<String>, LedgerError> {
        let Some(Renewal { predecessor, root, .. }) = &entry.renewal else {
            return Ok(None);
        };
        let serial = entry.id.serial;
        let successor = journal_keys::successor(*root, serial);
        let successor = self.tables.get(Table::Journal, successor).await?.unwrap_or_default();
        let is_so = successor
            .parse("Predecessor", str::parse::<Serial>)
            .is_ok_and(|of| of == predecessor.serial);
        Ok((!is_so).then(|| {
            format!(
                "the journal's entry of {serial} says that it renewed {}, and the line of {root} does not",
                predecessor.serial
            )
        }))
    }

    /// Prevents further renewals of those certificates and their descendants, and returns the descendants. A line that
    /// cannot be ended, or read completely, stops no other.
    pub(super) async fn end_lines(
        &self,
        holders: &[Serial],
        failures: &mut Failures,
    ) -> Result<BTreeSet<Serial>, LedgerError> {
        let entries = self.entries(holders).await?;
        let renewal_of = |serial: Serial| entries.get(&serial).and_then(|entry| entry.renewal.as_ref());
        let keys = holders
            .iter()
            .map(|serial| (*serial, mark_of(*serial, renewal_of(*serial))));
        let keys: Vec<(Serial, Item)> = keys.collect();
        let marks = keys.iter().map(|(_, key)| (Table::Journal, key.clone()));
        let marks = self.tables.get_many(marks.collect()).await?;
        let has_ended = |key: &Item| {
            let is_it = |item: &Item| ["Key", "Sort"].iter().all(|name| item.0.get(*name) == key.0.get(*name));
            let mut marks = marks.iter().map(|(_, item)| item);
            marks.any(|item| is_it(item) && (item.has("RootEnded") || item.has("Revoked")))
        };
        let left = keys.iter().filter(|(_, key)| !has_ended(key));
        let left: Vec<(Serial, UnixTime)> = left
            .map(|(serial, _)| {
                (
                    *serial,
                    entries.get(serial).map_or(UnixTime(0), |entry| entry.not_after),
                )
            })
            .collect();
        let ending = stream::iter(left)
            .map(|(serial, not_after)| self.end_line(serial, renewal_of(serial), not_after))
            .buffer_unordered(AT_ONCE);
        let failed: Vec<LedgerError> = ending.filter_map(async |ended| ended.err()).collect().await;
        let (descendants, unread) = self.descendants(holders, &entries).await;
        for error in failed.into_iter().chain(unread) {
            tracing::error!(%error, "a line of a compromised key's family is not ended, or not known to its end");
            failures.add(error)?;
        }
        Ok(descendants)
    }

    /// The descendants of those certificates by renewal, as far as they can be read, and the errors of what cannot.
    pub(super) async fn descendants(
        &self,
        of: &[Serial],
        entries: &HashMap<Serial, JournalEntry>,
    ) -> (BTreeSet<Serial>, Vec<LedgerError>) {
        let mut roots: HashMap<Serial, Vec<Serial>> = HashMap::new();
        for serial in of {
            let renewal = entries.get(serial).and_then(|entry| entry.renewal.as_ref());
            let root = renewal.map_or(*serial, |renewal| renewal.root);
            roots.entry(root).or_default().push(*serial);
        }
        let mut lines = stream::iter(roots)
            .map(async |(root, members)| (members, self.readable_line(root).await))
            .buffer_unordered(AT_ONCE);
        let (mut descendants, mut wrong) = (BTreeSet::new(), Vec::new());
        while let Some((members, line)) = lines.next().await {
            match line {
                Ok((line, unread)) => {
                    wrong.extend(unread);
                    for member in members {
                        line.descend(member, &mut descendants);
                    }
                }
                Err(error) => wrong.push(error),
            }
        }
        (descendants, wrong)
    }

    /// Marks a certificate so that it can have no more descendants.
    async fn end_line(
        &self,
        serial: Serial,
        renewal: Option<&Renewal>,
        not_after: UnixTime,
    ) -> Result<(), LedgerError> {
        if let Some(renewal) = renewal {
            let [mark, version] = marking(renewal, serial, not_after);
            if let Transaction::Refused(_) = self.tables.transact(&[mark.clone(), version]).await? {
                // The version is damaged: a renewal cannot read it either.
                self.tables.transact(&[mark]).await?;
            }
            return Ok(());
        }
        let end = |update: &str, condition, with: Item| Write::Update {
            table: Table::Journal,
            key: journal_keys::line_state(serial),
            update: update.to_owned(),
            condition,
            with: with.flag(":yes", true),
        };
        let ended = end("SET #RootEnded = :yes ADD #Version :one", IS_VERSION, counting());
        if let Transaction::Refused(_) = self.tables.transact(&[ended]).await? {
            let ended = end("SET #RootEnded = :yes", ANYHOW, Item::default());
            self.tables.transact(&[ended]).await?;
        }
        Ok(())
    }
}
