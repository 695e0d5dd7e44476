//! The journal of attempts to sign.

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    Attempt, AttemptId, AttemptOrigin, AttemptPage, AttemptPosition, AttemptRecord, AttemptSubject, Attempts,
    LedgerError, Outcome, UNREADABLE_REPORTED,
};
use chancery_authority::port::{KeyName, Purpose, Receipt};
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, Row, named_params};

use super::SqliteLedger;
use super::fault::{Fault, damaged};
use super::freezes;
use super::writer::Writing;

#[async_trait]
impl Attempts for SqliteLedger {
    async fn record(&self, attempt: Attempt) -> Result<(), LedgerError> {
        self.write(move |writing| record(writing, &attempt)).await
    }

    async fn conclude(&self, attempt: AttemptPosition, outcome: Outcome, at: UnixTime) -> Result<(), LedgerError> {
        self.write(move |writing| {
            if conclude(writing.connection, attempt, &outcome, at)? {
                Ok(())
            } else {
                Err(LedgerError::UnknownAttempt(attempt).into())
            }
        })
        .await
    }

    async fn list(
        &self,
        after: Option<AttemptPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<AttemptPage, LedgerError> {
        self.read(move |connection| list(connection, after, before, limit))
            .await
    }
}

/// Records an attempt that is not recorded with its intent.
pub(crate) fn record(writing: &Writing<'_>, attempt: &Attempt) -> Result<(), Fault> {
    if let Some(id) = attempt.subject.intent() {
        freezes::check(writing.connection)?;
        let counted = match writing.known_issuer(&id.issuer)? {
            None => 0,
            Some(issuer) => writing
                .connection
                .prepare_cached(
                    "UPDATE certificates SET signing_attempts = ?3 WHERE serial = ?1 AND issuer = ?2
                         AND issued_at IS NULL AND lost_at IS NULL AND signing_attempts = ?3 - 1",
                )?
                .execute((id.serial.as_padded(), issuer, attempt.number))?,
        };
        if counted != 1 {
            return Err(LedgerError::AttemptTaken {
                subject: Box::new(attempt.subject.clone()),
                number: attempt.number,
            }
            .into());
        }
    }
    insert(writing, attempt)
}

/// Adds an attempt, in the transaction that records what it is for. One that is there already stays.
pub(crate) fn insert(writing: &Writing<'_>, attempt: &Attempt) -> Result<(), Fault> {
    let issuer = writing.issuer(attempt.subject.issuer())?;
    writing
        .connection
        .prepare_cached(
            "INSERT INTO signing_attempts (at, id, issuer, purpose, subject, number, key, signing_input, principal, request_id)
             VALUES (:at, :id, :issuer, :purpose, :subject, :number, :key, :signing_input, :principal, :request_id)
             ON CONFLICT (at, id) DO NOTHING",
        )?
        .execute(named_params! {
            ":at": attempt.at.0,
            ":id": attempt.origin.id.0,
            ":issuer": issuer,
            ":purpose": attempt.subject.purpose().as_str(),
            ":subject": attempt.subject.as_recorded(),
            ":number": attempt.number,
            ":key": attempt.origin.key.0,
            ":signing_input": attempt.signing_input,
            ":principal": attempt.principal,
            ":request_id": attempt.origin.request_id,
        })?;
    Ok(())
}

/// Records an outcome, unless one is recorded. Whether there is such an attempt.
pub(crate) fn conclude(
    connection: &Connection,
    attempt: AttemptPosition,
    outcome: &Outcome,
    at: UnixTime,
) -> Result<bool, Fault> {
    let (kind, detail) = match outcome {
        Outcome::Signed(receipt) => ("signed", &receipt.0),
        Outcome::Refused { detail } => ("refused", detail),
        Outcome::Unknown { detail } => ("unknown", detail),
    };
    let changed = connection
        .prepare_cached(
            "UPDATE signing_attempts SET outcome = coalesce(outcome, ?3), detail = iif(outcome IS NULL, ?4, detail),
                 ended_at = coalesce(ended_at, ?5)
             WHERE at = ?1 AND id = ?2",
        )?
        .execute((attempt.at.0, attempt.id.0, kind, detail, at.0))?;
    Ok(changed == 1)
}

fn list(
    connection: &Connection,
    after: Option<AttemptPosition>,
    before: UnixTime,
    limit: usize,
) -> Result<AttemptPage, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT a.at, a.id, i.slug, a.purpose, a.subject, a.number, a.key, a.signing_input, a.principal, a.request_id,
             a.outcome, a.detail, a.ended_at
         FROM signing_attempts a LEFT JOIN issuers i ON i.id = a.issuer
         WHERE (a.at, a.id) > (?1, ?2) AND a.at < ?3 ORDER BY a.at, a.id",
    )?;
    let (at, id) = match &after {
        Some(after) => (after.at.0, after.id.0.as_slice()),
        None => (i64::MIN, [].as_slice()),
    };
    let mut rows = statement.query((at, id, before.0))?;
    let mut page = AttemptPage::default();
    let (mut read, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        // A row that has no position counts for nothing: however many of them somebody wrote, they hide no other.
        let position = position(row);
        if position.is_some() && read >= limit {
            page.next = last;
            break;
        }
        read += usize::from(position.is_some());
        last = position.or(last);
        match attempt(row) {
            Ok(record) => page.attempts.push(record),
            Err(Fault::Ledger(error)) if page.unreadable.len() < UNREADABLE_REPORTED => {
                page.unreadable.push(error.to_string());
            }
            Err(Fault::Ledger(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(page)
}

/// The position of a row, however damaged the rest is.
fn position(row: &Row<'_>) -> Option<AttemptPosition> {
    let at = UnixTime(row.get(0).ok()?);
    let id: Vec<u8> = row.get(1).ok()?;
    id.try_into().ok().map(|id| AttemptPosition { at, id: AttemptId(id) })
}

fn attempt(row: &Row<'_>) -> Result<AttemptRecord, Fault> {
    let at: i64 = row.get(0)?;
    let wrong = |what: &str| damaged(format!("the attempt to sign of {}: {what}", UnixTime(at)));
    let id: Vec<u8> = row.get(1)?;
    let id = id.try_into().map_err(|_| wrong("its id is not of 16 octets"))?;
    let issuer: Option<String> = row.get(2)?;
    let issuer = issuer.ok_or_else(|| wrong("its issuer is not recorded"))?;
    let issuer = CaName::new(issuer).map_err(|error| wrong(&error.to_string()))?;
    let purpose: String = row.get(3)?;
    let purpose = Purpose::parse(&purpose).ok_or_else(|| wrong("its purpose is none that this version knows"))?;
    let subject: String = row.get(4)?;
    let subject = AttemptSubject::from_recorded(purpose, issuer, &subject);
    let detail: Option<String> = row.get(11)?;
    let outcome = match row.get::<_, Option<String>>(10)? {
        None => None,
        Some(kind) => {
            let detail = detail.unwrap_or_default();
            let outcome = match kind.as_str() {
                "signed" => Outcome::Signed(Receipt(detail)),
                "refused" => Outcome::Refused { detail },
                "unknown" => Outcome::Unknown { detail },
                _ => return Err(wrong("its outcome is none that this version knows")),
            };
            Some((outcome, UnixTime(row.get::<_, Option<i64>>(12)?.unwrap_or(at))))
        }
    };
    Ok(AttemptRecord {
        attempt: Attempt {
            origin: AttemptOrigin {
                id: AttemptId(id),
                key: KeyName(row.get(6)?),
                request_id: row.get(9)?,
            },
            subject: subject.ok_or_else(|| wrong("what it signs cannot be read"))?,
            number: row.get(5)?,
            signing_input: row.get(7)?,
            principal: row.get(8)?,
            at: UnixTime(at),
        },
        outcome,
    })
}
