//! Revocations, and the view of them that one CRL is made from.

use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use chancery_authority::Slug;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{Revocation, Revocations, Revoked};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, Row};
use tempfile::SpooledTempFile;

use super::certificates::{CertificateRow, Stage, padded_serial, row_by_serial};
use super::fault::Fault;
use super::writer::Writing;

/// Stands for the full CRL in columns that are part of a key and so cannot be null.
const NO_SHARD: i64 = -1;

/// Octets of a view that are kept in memory; a longer one goes to an unnamed file beside the ledger.
const SPOOL_IN_MEMORY: usize = 1 << 20;

/// Descriptions of damaged rows at most.
const MAX_DAMAGED: usize = 100;

/// A scope's shard as it stands in a row.
pub(crate) fn shard_number(shard: Option<u16>) -> i64 {
    shard.map_or(NO_SHARD, i64::from)
}

/// Where a certificate stands in the list of revocations.
pub(crate) struct Place {
    certificate: i64,
    issuer: i64,
    shard: i64,
    serial: Serial,
    not_after: UnixTime,
}

impl Place {
    pub(crate) fn of(row: &CertificateRow) -> Self {
        Self {
            certificate: row.id,
            issuer: row.issuer,
            shard: shard_number(row.record.shard),
            serial: row.record.id.serial,
            not_after: row.record.not_after,
        }
    }
}

/// Revokes an issued certificate, unless it is revoked.
pub(crate) fn revoke(
    writing: &Writing<'_>,
    issuer: &Slug,
    serial: Serial,
    revocation: &Revocation,
) -> Result<Revoked, Fault> {
    let row = match writing.known_issuer(issuer)? {
        Some(issuer) => row_by_serial(writing.connection, Some(issuer), serial)?,
        None => None,
    };
    let row = row
        .filter(|row| row.stage == Stage::Issued)
        .ok_or(LedgerError::NotFound(serial))?;
    let place = Place::of(&row);
    let mut record = row.complete(writing.connection)?;
    let revocation = match &record.revocation {
        None => {
            insert(writing, &place, revocation)?;
            revocation.clone()
        }
        Some(first) if is_worse(first.reason, revocation.reason) => {
            let replacing = Revocation {
                at: first.at,
                ..revocation.clone()
            };
            replace(writing, &place, &replacing)?;
            replacing
        }
        Some(_) => return Ok(Revoked::Already(Box::new(record))),
    };
    record.revocation = Some(revocation);
    Ok(Revoked::Now(Box::new(record)))
}

/// The one reason that may replace another: whoever trusts signatures made before the revocation must hear of it.
fn is_worse(earlier: RevocationReason, later: RevocationReason) -> bool {
    later == RevocationReason::KeyCompromise && earlier != RevocationReason::KeyCompromise
}

/// Enters a serial number into the revoked ones.
pub(crate) fn insert(writing: &Writing<'_>, place: &Place, revocation: &Revocation) -> Result<(), Fault> {
    writing
        .connection
        .prepare_cached(
            "INSERT INTO revocations
                 (issuer, shard, serial, not_after, revoked_at, reason, invalidity_date, certificate, principal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            place.issuer,
            place.shard,
            place.serial.as_padded(),
            place.not_after.0,
            revocation.at.0,
            revocation.reason.code(),
            revocation.invalidity_date.map(|date| date.0),
            place.certificate,
            &revocation.principal,
        ))?;
    writing.count(|counts| counts.revoked += 1);
    Ok(())
}

fn replace(writing: &Writing<'_>, place: &Place, revocation: &Revocation) -> Result<(), Fault> {
    writing.connection.execute(
        "UPDATE revocations SET revoked_at = ?2, reason = ?3, invalidity_date = ?4, principal = ?5
         WHERE certificate = ?1",
        (
            place.certificate,
            revocation.at.0,
            revocation.reason.code(),
            revocation.invalidity_date.map(|date| date.0),
            &revocation.principal,
        ),
    )?;
    Ok(())
}

/// Revoked certificates as they were at one moment, copied out of the ledger in one pass: totals and entries agree whatever
/// happens to the rows, no read transaction stays open while a key store signs, and a second walk costs next to nothing.
pub(crate) struct Spool {
    entries: u64,
    octets: u64,
    damaged: Vec<String>,
    packed: SpooledTempFile,
}

impl Spool {
    /// Copies a scope's rows, ordered by serial number, from a connection whose transaction fixes the moment.
    pub(crate) fn copy(
        connection: &Connection,
        (issuer, shard): (i64, i64),
        expired_before: Option<UnixTime>,
        folder: &Path,
    ) -> Result<Self, Fault> {
        let packed = tempfile::spooled_tempfile_in(SPOOL_IN_MEMORY, folder);
        let mut spool = Self {
            entries: 0,
            octets: 0,
            damaged: Vec::new(),
            packed,
        };
        let mut out = BufWriter::with_capacity(1 << 16, &mut spool.packed);
        let mut statement = connection.prepare_cached(
            "SELECT serial, revoked_at, reason, invalidity_date FROM revocations
             WHERE issuer = ?1 AND shard = ?2 AND not_after >= ?3 ORDER BY serial",
        )?;
        let not_before = expired_before.map_or(i64::MIN, |time| time.0);
        let mut rows = statement.query((issuer, shard, not_before))?;
        while let Some(row) = rows.next()? {
            match entry(row) {
                Ok(entry) => {
                    spool.entries += 1;
                    spool.octets += entry.encoded_len() as u64;
                    out.write_all(&pack(&entry))?;
                }
                Err(what) if spool.damaged.len() < MAX_DAMAGED => spool.damaged.push(what),
                Err(_) => {}
            }
        }
        out.flush()?;
        drop(out);
        Ok(spool)
    }
}

impl Revocations for Spool {
    fn entries(&self) -> u64 {
        self.entries
    }

    fn octets(&self) -> u64 {
        self.octets
    }

    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
        self.packed.rewind()?;
        let mut packed = BufReader::with_capacity(1 << 16, &mut self.packed);
        let mut octets = [0; PACKED];
        for _ in 0..self.entries {
            packed.read_exact(&mut octets)?;
            each(&unpack(&octets)?)?;
        }
        Ok(())
    }

    fn damaged(&self) -> &[String] {
        &self.damaged
    }
}

/// Parses a row, or describes what is wrong with it.
fn entry(row: &Row<'_>) -> Result<RevokedEntry, String> {
    let octets = row.get_ref(0).map_err(|error| error.to_string())?;
    let octets = octets
        .as_blob()
        .map_err(|error| format!("a revocation's serial number: {error}"))?;
    let wrong = |what: &str| {
        let shown = &octets[..octets.len().min(20)];
        format!(
            "revocation of serial number 0x{}: {what}",
            data_encoding::HEXUPPER.encode(shown)
        )
    };
    let number = |column, what| {
        row.get::<_, i64>(column)
            .map_err(|error| wrong(&format!("{what}: {error}")))
    };
    let reason = number(2, "reason")?;
    let invalidity_date: Option<i64> = row
        .get(3)
        .map_err(|error| wrong(&format!("invalidity date: {error}")))?;
    Ok(RevokedEntry {
        serial: padded_serial(octets).ok_or_else(|| wrong("not a positive number of 20 octets"))?,
        revoked_at: time(number(1, "time")?).ok_or_else(|| wrong("its time is in no year from 1 to 9999"))?,
        reason: u8::try_from(reason)
            .ok()
            .and_then(RevocationReason::from_code)
            .ok_or_else(|| wrong(&format!("unknown reason {reason}")))?,
        invalidity_date: invalidity_date
            .map(|date| time(date).ok_or_else(|| wrong("its invalidity date is in no year from 1 to 9999")))
            .transpose()?,
    })
}

/// A time that GeneralizedTime can hold (RFC 5280 section 4.1.2.5.2: four digits of the year).
fn time(seconds: i64) -> Option<UnixTime> {
    const YEAR_1: i64 = -62_135_596_800;
    const YEAR_10000: i64 = 253_402_300_800;
    (YEAR_1..YEAR_10000).contains(&seconds).then_some(UnixTime(seconds))
}

/// Octets of a packed entry: serial, time, reason, invalidity date (`i64::MIN`: none).
const PACKED: usize = 20 + 8 + 1 + 8;

fn pack(entry: &RevokedEntry) -> [u8; PACKED] {
    let mut octets = [0; PACKED];
    octets[..20].copy_from_slice(entry.serial.as_padded());
    octets[20..28].copy_from_slice(&entry.revoked_at.0.to_le_bytes());
    octets[28] = entry.reason.code();
    let invalidity_date = entry.invalidity_date.map_or(i64::MIN, |date| date.0);
    octets[29..].copy_from_slice(&invalidity_date.to_le_bytes());
    octets
}

fn unpack(octets: &[u8; PACKED]) -> io::Result<RevokedEntry> {
    let number = |from: usize| {
        let mut number = [0; 8];
        number.copy_from_slice(&octets[from..from + 8]);
        i64::from_le_bytes(number)
    };
    let torn = || io::Error::new(io::ErrorKind::InvalidData, "the copied list of revocations was changed");
    Ok(RevokedEntry {
        serial: padded_serial(&octets[..20]).ok_or_else(torn)?,
        revoked_at: UnixTime(number(20)),
        reason: RevocationReason::from_code(octets[28]).ok_or_else(torn)?,
        invalidity_date: Some(number(29)).filter(|&date| date != i64::MIN).map(UnixTime),
    })
}
