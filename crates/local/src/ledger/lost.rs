//! Intents that are given up.

use chancery_authority::Principal;
use chancery_authority::port::ledger::Revocation;
use chancery_x509::crl::RevocationReason;
use chancery_x509::time::UnixTime;

use super::fault::Fault;
use super::position::{IssuerCertificates, ListPosition};
use super::revocation_rows;
use super::writer::Writing;

/// Gives up the intent in a row of which only the id and the position on a CRL need be readable. Whether it was an open
/// intent.
pub(crate) fn give_up_row(writing: &Writing<'_>, id: i64, at: UnixTime) -> Result<bool, Fault> {
    let connection = writing.connection;
    let mut statement = connection.prepare_cached(
        "SELECT c.id, c.issuer, c.shard, c.serial, c.not_after, c.der, 0, i.slug
         FROM certificates c LEFT JOIN issuers i ON i.id = c.issuer
         WHERE c.id = ?1 AND c.issued_at IS NULL AND c.lost_at IS NULL",
    )?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(false) };
    let position = ListPosition::read(connection, row, &IssuerCertificates::read(connection)?)?;
    drop(rows);
    connection
        .prepare_cached("UPDATE certificates SET lost_at = ?2 WHERE id = ?1")?
        .execute((id, at.0))?;
    connection
        .prepare_cached("DELETE FROM authorities WHERE certificate = ?1")?
        .execute([id])?;
    // A signature may exist that was never recorded: the serial number goes on the CRL.
    let lost = Revocation {
        at,
        reason: RevocationReason::Unspecified,
        invalidity_date: None,
        principal: Principal::AUTHORITY.to_string(),
    };
    revocation_rows::insert(writing, &position, &lost)?;
    writing.count(|counts| counts.open_intents -= 1);
    Ok(true)
}
