//! What a restore does to a ledger: it takes over from published CRLs the revocations that the backup lacks, and
//! revokes every API token.

use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{IntentId, Revocation, compromises_key};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension};

use super::certificate_row::IntentState;
use super::fault::Fault;
use super::position::{IssuerCertificates, ListPosition};
use super::revocation_rows;
use super::shard::shard_number;
use super::writer::Writing;
use super::{SqliteLedger, family};

/// Principal of revocations that were found on a CRL.
const PRINCIPAL: &str = "restore";

/// A scope for which CRLs were signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedScope {
    pub(crate) shard: Option<u16>,
    /// The highest number that was published, as far as the ledger knows.
    pub(crate) published: Option<u64>,
}

/// A CRL's entries, with what is needed for certificates that the ledger does not have.
pub(crate) struct Listed {
    pub(crate) issuer: CaName,
    pub(crate) shard: Option<u16>,
    pub(crate) entries: Vec<RevokedEntry>,
    /// The CA certificate's own notAfter, beyond which none of its certificates is valid.
    pub(crate) ca_end: UnixTime,
}

/// Result of taking over a CRL's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenOver {
    /// Serial numbers that were not revoked in the ledger.
    pub(crate) new: u64,
    /// Entries with a compromised key that the ledger does not know: it cannot be blocked until the certificate is
    /// presented.
    pub(crate) unknown_keys: Vec<Serial>,
}

/// In place of the key of a certificate of which only the serial number is known.
const NO_KEY: KeyFingerprint = KeyFingerprint([0; 32]);

/// Backups kept; their ids rise by one. With one backup an hour they cover six weeks.
const BACKUPS_KEPT: i64 = 1_000;

impl SqliteLedger {
    /// The scopes of a CA for which CRLs were signed.
    pub(crate) async fn signed_scopes(&self, issuer: &CaName) -> Result<Vec<SignedScope>, LedgerError> {
        let issuer = issuer.clone();
        self.read(move |connection| signed_scopes(connection, &issuer)).await
    }

    /// Enters every serial number of a CRL into the revocations, and blocks the keys that are compromised.
    pub(crate) async fn take_over(&self, listed: Listed, at: UnixTime) -> Result<TakenOver, LedgerError> {
        self.write(move |writing| take_over(writing, &listed, at)).await
    }

    /// Revokes every API token.
    pub(crate) async fn end_tokens(&self, at: UnixTime) -> Result<(), LedgerError> {
        self.write(move |writing| {
            writing
                .connection
                .execute("UPDATE api_tokens SET revoked_at = ?1 WHERE revoked_at IS NULL", [at.0])?;
            Ok(())
        })
        .await
    }

    /// Records that a backup's manifest is about to be signed, and deletes all records but the newest thousand.
    pub(crate) async fn record_backup(&self, at: UnixTime, manifest: [u8; 32]) -> Result<(), LedgerError> {
        self.write(move |writing| {
            let values = (at.0, manifest);
            writing
                .connection
                .execute("INSERT INTO backups (at, manifest) VALUES (?1, ?2)", values)?;
            let newest = writing.connection.last_insert_rowid();
            writing
                .connection
                .execute("DELETE FROM backups WHERE id <= ?1", [newest - BACKUPS_KEPT])?;
            Ok(())
        })
        .await
    }

    /// SHA-256 digests of the manifests of signed backups, newest first, at most `limit`.
    pub async fn backups(&self, limit: usize) -> Result<Vec<(UnixTime, [u8; 32])>, LedgerError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT at, manifest FROM backups ORDER BY id DESC LIMIT ?1")?;
            let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                Ok((UnixTime(row.get(0)?), row.get(1)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn signed_scopes(connection: &Connection, issuer: &CaName) -> Result<Vec<SignedScope>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT c.shard, max(CASE WHEN c.etag IS NOT NULL THEN c.number END)
         FROM crls c JOIN issuers i ON i.id = c.issuer WHERE i.slug = ?1 GROUP BY c.shard ORDER BY c.shard",
    )?;
    let rows = statement.query_map([issuer.as_str()], |row| {
        let (shard, published): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        Ok(SignedScope {
            shard: u16::try_from(shard).ok(),
            published: published.and_then(|number| u64::try_from(number).ok()),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn take_over(writing: &Writing<'_>, listed: &Listed, at: UnixTime) -> Result<TakenOver, Fault> {
    let issuer = writing.issuer(&listed.issuer)?;
    let issuers = IssuerCertificates::read(writing.connection)?;
    let mut taken = TakenOver::default();
    for entry in &listed.entries {
        let revocation = Revocation {
            at: entry.revoked_at,
            reason: entry.reason,
            invalidity_date: entry.invalidity_date,
            principal: PRINCIPAL.to_owned(),
        };
        let row = issuers.row(writing.connection, &listed.issuer, entry.serial)?;
        let key = row.as_ref().map_or(NO_KEY, |row| row.record.key);
        let position = match &row {
            None => unknown(writing, listed, issuer, entry.serial, at)?,
            Some(row) => ListPosition::of(row),
        };
        let compromised = compromises_key(revocation.reason);
        match row.as_ref().map(|row| row.state) {
            // Its serial number went on the list when it was given up.
            Some(IntentState::Lost) => {
                if compromised && !family::block(writing, (position.certificate(), key), &revocation)? {
                    taken.unknown_keys.push(entry.serial);
                }
                continue;
            }
            Some(IntentState::Issued) if is_revoked(writing.connection, &position)? => {
                revocation_rows::upgrade_reason(writing, &position, &revocation)?;
                if compromised {
                    family::block(writing, (position.certificate(), key), &revocation)?;
                }
                continue;
            }
            // It was completed or given up after the backup was taken: giving it up keeps it from being completed a
            // second time.
            Some(IntentState::Open) => give_up(writing, &position, at)?,
            Some(IntentState::Issued) | None => {}
        }
        revocation_rows::insert(writing, &position, &revocation)?;
        if compromised && !family::block(writing, (position.certificate(), key), &revocation)? {
            taken.unknown_keys.push(entry.serial);
        }
        taken.new += 1;
    }
    Ok(taken)
}

/// Blocks the key of a presented certificate of which the ledger knew only that its key is compromised.
pub(super) fn learn_key(
    writing: &Writing<'_>,
    certificate: &IntentId,
    key: KeyFingerprint,
    at: UnixTime,
) -> Result<bool, Fault> {
    let Some(issuer) = writing.known_issuer(&certificate.issuer)? else {
        return Ok(false);
    };
    let connection = writing.connection;
    let found: Option<(i64, u8)> = connection
        .prepare_cached(
            "SELECT c.id, r.reason FROM certificates c JOIN revocations r ON r.certificate = c.id
             WHERE c.issuer = ?1 AND c.serial = ?2 AND c.lost_at IS NOT NULL AND c.key = zeroblob(32)",
        )?
        .query_row((issuer, certificate.serial.as_padded()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((id, reason)) = found else { return Ok(false) };
    let Some(reason) = RevocationReason::from_code(reason).filter(|reason| compromises_key(*reason)) else {
        return Ok(false);
    };
    connection.execute("UPDATE certificates SET key = ?2 WHERE id = ?1", (id, &key.0))?;
    let revocation = Revocation {
        at,
        reason,
        invalidity_date: None,
        principal: PRINCIPAL.to_owned(),
    };
    family::block(writing, (id, key), &revocation)
}

fn is_revoked(connection: &Connection, position: &ListPosition) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM revocations WHERE certificate = ?1")?;
    let found: Option<i64> = statement
        .query_row([position.certificate()], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

fn give_up(writing: &Writing<'_>, position: &ListPosition, at: UnixTime) -> Result<(), Fault> {
    let id = position.certificate();
    let connection = writing.connection;
    connection.execute("UPDATE certificates SET lost_at = ?2 WHERE id = ?1", (id, at.0))?;
    connection.execute("DELETE FROM authorities WHERE certificate = ?1", [id])?;
    writing.count(|counts| counts.open_intents -= 1);
    Ok(())
}

/// Records a certificate that was issued after the backup was taken, of which only the serial number is known. It is
/// kept as lost: the number stays taken, and on the CRL until the CA expires, since the certificate's own end is not
/// known.
fn unknown(
    writing: &Writing<'_>,
    listed: &Listed,
    issuer: i64,
    serial: Serial,
    at: UnixTime,
) -> Result<ListPosition, Fault> {
    writing
        .connection
        .prepare_cached(
            "INSERT INTO certificates
                 (issuer, serial, key, is_authority, common_name, profile, not_before, not_after, shard, principal,
                  notify_expiry, reserved_at, lost_at, der)
             VALUES (?1, ?2, zeroblob(32), 0, '', '', ?3, ?4, ?5, ?6, 0, ?3, ?3, zeroblob(0))",
        )?
        .execute((
            issuer,
            serial.as_padded(),
            at.0,
            listed.ca_end.0,
            listed.shard,
            PRINCIPAL,
        ))?;
    Ok(ListPosition::new(
        writing.connection.last_insert_rowid(),
        (issuer, shard_number(listed.shard)),
        serial,
        listed.ca_end,
    ))
}
