//! Rows of revocations: one is added, or its reason replaced.

use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{Revocation, Revoked};
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::OptionalExtension as _;

use super::certificate_row::{IntentState, known_reason};
use super::crls;
use super::fault::Fault;
use super::position::{IssuerCertificates, ListPosition};
use super::writer::Writing;

/// Revokes an issued certificate. One that is revoked stays as it is, unless the new reason replaces the first
/// (`may_replace`). Returns the row's id, too.
pub(crate) fn revoke(
    writing: &Writing<'_>,
    issuer: &CaName,
    serial: Serial,
    revocation: &Revocation,
) -> Result<(i64, Revoked), Fault> {
    let issuers = IssuerCertificates::read(writing.connection)?;
    let row = issuers
        .row(writing.connection, issuer, serial)?
        .filter(|row| row.state == IntentState::Issued)
        .ok_or(LedgerError::NotFound(serial))?;
    let position = ListPosition::of(&row);
    let (mut record, _) = row.complete_to_revoke(writing.connection)?;
    let revocation = match &record.revocation {
        None => {
            insert(writing, &position, revocation)?;
            revocation.clone()
        }
        Some(first) if may_replace(first.reason, revocation.reason) => {
            let replacing = Revocation {
                at: first.at,
                ..revocation.clone()
            };
            replace(writing, &position, &replacing)?;
            replacing
        }
        Some(_) => return Ok((position.certificate, Revoked::Already(Box::new(record)))),
    };
    record.revocation = Some(revocation);
    Ok((position.certificate, Revoked::Now(Box::new(record))))
}

/// The same for an issued certificate of whose row only the position need be readable. Whether anything changed.
pub(crate) fn revoke_at(
    writing: &Writing<'_>,
    position: &ListPosition,
    revocation: &Revocation,
) -> Result<bool, Fault> {
    let first: Option<(i64, i64)> = writing
        .connection
        .prepare_cached("SELECT revoked_at, reason FROM revocations WHERE certificate = ?1")?
        .query_row([position.certificate], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match first {
        None => insert(writing, position, revocation)?,
        Some((at, reason)) if may_replace(known_reason(reason), revocation.reason) => {
            let at = UnixTime(at);
            replace(
                writing,
                position,
                &Revocation {
                    at,
                    ..revocation.clone()
                },
            )?;
        }
        Some(_) => return Ok(false),
    }
    Ok(true)
}

/// Only keyCompromise may replace another reason: relying parties that trust signatures made before the revocation must
/// learn it.
fn may_replace(earlier: RevocationReason, later: RevocationReason) -> bool {
    later == RevocationReason::KeyCompromise && earlier != RevocationReason::KeyCompromise
}

/// Gives a revocation the reason that a CRL has for it, where that is keyCompromise and the recorded one is not.
pub(crate) fn upgrade_reason(writing: &Writing<'_>, position: &ListPosition, listed: &Revocation) -> Result<(), Fault> {
    let recorded: i64 = writing
        .connection
        .prepare_cached("SELECT reason FROM revocations WHERE certificate = ?1")?
        .query_row([position.certificate], |row| row.get(0))?;
    if may_replace(known_reason(recorded), listed.reason) {
        replace(writing, position, listed)?;
    }
    Ok(())
}

/// Adds a serial number to the list of revocations.
pub(crate) fn insert(writing: &Writing<'_>, position: &ListPosition, revocation: &Revocation) -> Result<(), Fault> {
    writing
        .connection
        .prepare_cached(
            "INSERT INTO revocations
                 (issuer, shard, serial, not_after, revoked_at, reason, invalidity_date, certificate, principal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            position.issuer,
            position.shard,
            position.serial.as_padded(),
            position.not_after.0,
            revocation.at.0,
            revocation.reason.code(),
            revocation.invalidity_date.map(|date| date.0),
            position.certificate,
            &revocation.principal,
        ))?;
    writing.count(|counts| counts.revoked += 1);
    crls::mark_change(writing.connection, position.issuer, position.shard)
}

fn replace(writing: &Writing<'_>, position: &ListPosition, revocation: &Revocation) -> Result<(), Fault> {
    writing.connection.execute(
        "UPDATE revocations SET revoked_at = ?2, reason = ?3, invalidity_date = ?4, principal = ?5
         WHERE certificate = ?1",
        (
            position.certificate,
            revocation.at.0,
            revocation.reason.code(),
            revocation.invalidity_date.map(|date| date.0),
            &revocation.principal,
        ),
    )?;
    crls::mark_change(writing.connection, position.issuer, position.shard)
}
