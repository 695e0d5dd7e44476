//! The journal of attempts to sign: an item each, in the order of time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    Attempt, AttemptOrigin, AttemptPage, AttemptPosition, AttemptRecord, AttemptSubject, Attempts, LedgerError,
    Outcome, UNREADABLE_REPORTED,
};
use chancery_authority::port::{KeyName, Purpose, Receipt};
use chancery_x509::time::UnixTime;

use super::item::{Item, Malformed};
use super::tables::{Range, Table};
use super::transaction::{Transaction, Write};
use super::{DynamoLedger, called, freezes, journal_keys};

/// A condition that every item meets, and none.
const ANY: &str = "attribute_exists(#Key) OR attribute_not_exists(#Key)";

/// Index of the check that issuance is not frozen, where a further attempt is recorded.
const FREEZE: usize = 2;

/// Attribute of an attempt that has come to its end.
const OUTCOME: &str = "Outcome";

#[async_trait]
impl Attempts for DynamoLedger {
    async fn record(&self, attempt: Attempt) -> Result<(), LedgerError> {
        self.record_attempt(attempt).await
    }

    async fn conclude(&self, attempt: AttemptPosition, outcome: Outcome, at: UnixTime) -> Result<(), LedgerError> {
        let key = journal_keys::attempt(attempt);
        let (update, with) = concluding(&outcome, at);
        let condition = "attribute_exists(#Purpose) AND attribute_not_exists(#Outcome)";
        let concluded = self
            .tables
            .update(Table::Journal, key.clone(), &update, condition, with)
            .await?;
        if concluded.is_some() {
            return Ok(());
        }
        match self.tables.get(Table::Journal, key).await? {
            Some(item) if item.has(OUTCOME) => Ok(()),
            Some(_) | None => Err(LedgerError::UnknownAttempt(attempt)),
        }
    }

    async fn list(
        &self,
        after: Option<AttemptPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<AttemptPage, LedgerError> {
        self.list_attempts(after, before, limit).await
    }
}

impl DynamoLedger {
    async fn record_attempt(&self, attempt: Attempt) -> Result<(), LedgerError> {
        let mut writes = vec![recording(&attempt)];
        if let Some(id) = attempt.subject.intent() {
            let with = Item::default()
                .text(":open", "open")
                .text(":issuer", id.issuer.as_str())
                .number(":next", attempt.number);
            let (condition, with) = match attempt.number.saturating_sub(1) {
                0 => (
                    "#Stage = :open AND #Issuer = :issuer AND attribute_not_exists(#SigningAttempts)",
                    with,
                ),
                before => (
                    "#Stage = :open AND #Issuer = :issuer AND #SigningAttempts = :before",
                    with.number(":before", before),
                ),
            };
            writes.push(Write::Update {
                table: Table::Journal,
                key: journal_keys::intent(id.serial),
                update: "SET #SigningAttempts = :next".to_owned(),
                condition,
                with,
            });
            writes.push(freezes::not_frozen(id.serial));
        }
        let conditions = match self.tables.transact(&writes).await? {
            Transaction::Done => return Ok(()),
            Transaction::Refused(conditions) => conditions,
        };
        // Its id is random: an item that is there is our own, whose answer was lost.
        let key = journal_keys::attempt(attempt.position());
        if self.tables.get(Table::Journal, key).await?.is_some() {
            return Ok(());
        }
        if let Some(found) = Transaction::failed(&conditions, FREEZE) {
            return Err(freezes::refused(found));
        }
        Err(LedgerError::AttemptTaken {
            number: attempt.number,
            subject: Box::new(attempt.subject),
        })
    }

    async fn list_attempts(
        &self,
        after: Option<AttemptPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<AttemptPage, LedgerError> {
        let after = after.map_or_else(String::new, journal_keys::attempt_sort);
        // Between the two: a position sorts behind the second that it begins with, and the empty text before everything.
        let before = journal_keys::second(before);
        let mut page = AttemptPage::default();
        let (mut found, mut has_more) = (BTreeMap::new(), false);
        for lane in 0..journal_keys::LANES {
            let mut range = Range::journal(journal_keys::attempts(lane));
            range.condition.push_str(" AND #Sort BETWEEN :after AND :before");
            range.values = range
                .values
                // No key is empty, and a space sorts before every digit.
                .text(":after", if after.is_empty() { " " } else { &after })
                .text(":before", &before);
            range.limit = Some(limit.saturating_add(2));
            let (mut of_lane, mut next) = (0, None);
            loop {
                let items = self.tables.page(&range, next).await?;
                for item in items.items {
                    let sort = item.as_text("Sort").unwrap_or_default();
                    match journal_keys::attempt_position(sort) {
                        Some(_) if sort == after => {}
                        Some(position) => {
                            found.insert(position, item);
                            of_lane += 1;
                        }
                        // It counts for nothing: however many of them somebody wrote, they hide no other.
                        None if page.unreadable.len() < UNREADABLE_REPORTED => {
                            page.unreadable
                                .push(format!("{}: its key is no time and id", called(&item)));
                        }
                        None => {}
                    }
                }
                if of_lane > limit {
                    has_more = true;
                    break;
                }
                match items.next {
                    Some(key) => next = Some(key),
                    None => break,
                }
            }
        }
        has_more |= found.len() > limit;
        for (position, item) in found.iter().take(limit) {
            match parse(item) {
                Ok(record) => page.attempts.push(record),
                Err(error) => page.unreadable.push(format!("{}: {error}", called(item))),
            }
            page.next = Some(*position).filter(|_| has_more);
        }
        Ok(page)
    }
}

/// Adds an attempt, in the transaction that records what it is for. One that is there stays as it is.
pub(super) fn recording(attempt: &Attempt) -> Write {
    let facts = Item::default()
        .text("Issuer", attempt.subject.issuer().as_str())
        .text("Purpose", attempt.subject.purpose().as_str())
        .text("Subject", attempt.subject.as_recorded())
        .number("Number", attempt.number)
        .text("SigningKey", &attempt.origin.key.0)
        .octets("SigningInput", attempt.signing_input.clone())
        .optional_text("Principal", attempt.principal.as_ref())
        .optional_text("RequestId", attempt.origin.request_id.as_ref());
    let names: Vec<String> = facts.0.keys().cloned().collect();
    let set: Vec<String> = names
        .iter()
        .map(|name| format!("#{name} = if_not_exists(#{name}, :{name})"))
        .collect();
    let with = facts.0.into_iter().fold(Item::default(), |with, (name, value)| {
        with.with(&format!(":{name}"), value)
    });
    Write::Update {
        table: Table::Journal,
        key: journal_keys::attempt(attempt.position()),
        update: format!("SET {}", set.join(", ")),
        condition: ANY,
        with,
    }
}

/// Records the receipt of a signature, in the transaction that completes what was signed.
pub(super) fn concluding_signed(attempt: AttemptPosition, receipt: &Receipt, at: UnixTime) -> Write {
    let (update, with) = concluding(&Outcome::Signed(receipt.clone()), at);
    Write::Update {
        table: Table::Journal,
        key: journal_keys::attempt(attempt),
        update,
        // Whoever took the attempt out of the journal does not keep what was signed from being recorded.
        condition: ANY,
        with,
    }
}

fn concluding(outcome: &Outcome, at: UnixTime) -> (String, Item) {
    let (kind, detail) = match outcome {
        Outcome::Signed(receipt) => ("signed", &receipt.0),
        Outcome::Refused { detail } => ("refused", detail),
        Outcome::Unknown { detail } => ("unknown", detail),
    };
    let with = Item::default()
        .text(":outcome", kind)
        .text(":detail", detail)
        .time(":at", at);
    let update = "SET #Outcome = :outcome, #Detail = :detail, #EndedAt = :at";
    (update.to_owned(), with)
}

fn parse(item: &Item) -> Result<AttemptRecord, Malformed> {
    let position = item.parse("Sort", |sort| {
        journal_keys::attempt_position(sort).ok_or("it is not a time and an id")
    })?;
    let issuer = item.parse("Issuer", |text| CaName::new(text))?;
    let purpose = item.parse("Purpose", |text| {
        Purpose::parse(text).ok_or("it is none that this version knows")
    })?;
    let subject = item.parse("Subject", |text| {
        AttemptSubject::from_recorded(purpose, issuer, text).ok_or("it does not fit the purpose")
    })?;
    let text = |item: &Item, name| item.as_text(name).map(str::to_owned);
    let outcome = match item.optional(OUTCOME, text)? {
        None => None,
        Some(kind) => {
            let detail = item.optional("Detail", text)?.unwrap_or_default();
            let outcome = match kind.as_str() {
                "signed" => Outcome::Signed(Receipt(detail)),
                "refused" => Outcome::Refused { detail },
                "unknown" => Outcome::Unknown { detail },
                other => {
                    return Err(Malformed {
                        attribute: OUTCOME,
                        wrong: format!("is {other:?}, which this version does not know"),
                    });
                }
            };
            Some((outcome, item.as_time("EndedAt")?))
        }
    };
    Ok(AttemptRecord {
        attempt: Attempt {
            origin: AttemptOrigin {
                id: position.id,
                key: KeyName(item.as_text("SigningKey")?.to_owned()),
                request_id: item.optional("RequestId", text)?,
            },
            subject,
            number: item.as_number("Number")?,
            signing_input: item.as_octets("SigningInput")?.to_vec(),
            principal: item.optional("Principal", text)?,
            at: position.at,
        },
        outcome,
    })
}
