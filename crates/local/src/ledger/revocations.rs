//! Revocations, and the view of them from which one CRL is made.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{CrlPlan, CrlScope, Evidence, Listed, Revocation, Revoked, RevokedEntries};
use chancery_authority::{CaName, Principal};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _, Row};
use tempfile::SpooledTempFile;

use super::certificates::{Stage, certificate, issuer_number, known_reason, padded_serial};
use super::crls;
use super::fault::Fault;
use super::position::{Claims, ListPosition};
use super::writer::Writing;

/// Octets of a view that are kept in memory; a longer one goes to an unnamed file beside the ledger.
const SPOOL_IN_MEMORY: usize = 1 << 20;

/// Most descriptions of damaged rows in one view.
const MAX_DAMAGED: usize = 100;

/// Revokes an issued certificate. One that is revoked stays as it is, unless the new reason replaces the first
/// (`is_worse`). Returns the row's id, too.
pub(crate) fn revoke(
    writing: &Writing<'_>,
    issuer: &CaName,
    serial: Serial,
    revocation: &Revocation,
) -> Result<(i64, Revoked), Fault> {
    let claims = Claims::read(writing.connection)?;
    let row = claims
        .row(writing.connection, issuer, serial)?
        .filter(|row| row.stage == Stage::Issued)
        .ok_or(LedgerError::NotFound(serial))?;
    let position = ListPosition::of(&row);
    let (mut record, _) = row.complete_to_revoke(writing.connection)?;
    let revocation = match &record.revocation {
        None => {
            insert(writing, &position, revocation)?;
            revocation.clone()
        }
        Some(first) if is_worse(first.reason, revocation.reason) => {
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
        Some((at, reason)) if is_worse(known_reason(reason), revocation.reason) => {
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
fn is_worse(earlier: RevocationReason, later: RevocationReason) -> bool {
    later == RevocationReason::KeyCompromise && earlier != RevocationReason::KeyCompromise
}

/// Gives a revocation the reason that a CRL has for it, where that is keyCompromise and the recorded one is not.
pub(crate) fn worsen(writing: &Writing<'_>, position: &ListPosition, listed: &Revocation) -> Result<(), Fault> {
    let standing: i64 = writing
        .connection
        .prepare_cached("SELECT reason FROM revocations WHERE certificate = ?1")?
        .query_row([position.certificate], |row| row.get(0))?;
    if is_worse(known_reason(standing), listed.reason) {
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

/// Evidence of when certificates expire: the issued certificate, and whether it was given up.
pub(crate) fn evidence(
    connection: &Connection,
    issuer: &CaName,
    serials: &[Serial],
) -> Result<HashMap<Serial, Evidence>, Fault> {
    let Some(issuer) = issuer_number(connection, issuer)? else {
        return Ok(HashMap::new());
    };
    let mut statement = connection.prepare_cached(
        "SELECT CASE WHEN issued_at IS NOT NULL THEN der END, lost_at IS NOT NULL FROM certificates
         WHERE serial = ?1 AND issuer = ?2 AND (issued_at IS NOT NULL OR lost_at IS NOT NULL)",
    )?;
    let mut shown = HashMap::new();
    for serial in serials {
        let read = |row: &Row<'_>| {
            // A value of another type is treated as absent: it must not make the whole query fail.
            let certificate = row.get_ref(0)?.as_blob().ok().map(<[u8]>::to_vec);
            Ok(Evidence {
                certificates: certificate.into_iter().collect(),
                given_up: row.get(1)?,
            })
        };
        let evidence = statement.query_row((serial.as_padded(), issuer), read).optional()?;
        shown.extend(evidence.map(|evidence| (*serial, evidence)));
    }
    Ok(shown)
}

/// Which of the serial numbers are revoked.
pub(crate) fn listed(
    connection: &Connection,
    issuer: &CaName,
    serials: &[Serial],
) -> Result<HashMap<Serial, Listed>, Fault> {
    let mut listed = HashMap::new();
    for serial in serials {
        if let Some(record) = certificate(connection, Some(issuer), *serial)?
            && let Some(revocation) = record.revocation
        {
            let (reason, not_after) = (revocation.reason, record.not_after);
            listed.insert(*serial, Listed { reason, not_after });
        }
    }
    Ok(listed)
}

/// Puts a CRL entry back on its list, where the row is missing, or where its `not_after` is wrong. A certificate that
/// the ledger does not know cannot be listed; each new CRL takes its entry over from the published one.
pub(crate) fn relist(
    writing: &Writing<'_>,
    scope: &CrlScope,
    entry: &RevokedEntry,
    not_after: UnixTime,
) -> Result<(), Fault> {
    let row = Claims::read(writing.connection)?.row(writing.connection, &scope.issuer, entry.serial)?;
    let Some(row) = row.filter(|row| row.stage != Stage::Open) else {
        return Ok(());
    };
    let position = ListPosition::of(&row);
    let changed = writing.connection.execute(
        "UPDATE revocations SET not_after = ?2 WHERE certificate = ?1",
        (position.certificate, not_after.0),
    )?;
    if changed > 0 {
        return crls::mark_change(writing.connection, position.issuer, position.shard);
    }
    let revocation = Revocation {
        at: entry.revoked_at,
        reason: entry.reason,
        invalidity_date: entry.invalidity_date,
        principal: Principal::AUTHORITY.to_string(),
    };
    insert(writing, &position, &revocation)
}

/// Revoked certificates as of one moment, copied out of the ledger in one pass: totals and entries agree whatever
/// happens to the rows, no read transaction stays open while a key store signs, and a second iteration is cheap.
pub(crate) struct Spool {
    entries: u64,
    octets: u64,
    damaged: Vec<String>,
    packed: SpooledTempFile,
    /// Entries whose rows have an unreadable serial number, which their certificates supplied; their place in the order
    /// is elsewhere.
    strays: BTreeMap<Serial, RevokedEntry>,
}

impl Spool {
    /// Copies a scope's rows, ordered by serial number, from a connection whose transaction fixes the moment.
    pub(crate) fn copy(
        connection: &Connection,
        (issuer, shard): (i64, i64),
        plan: &CrlPlan,
        folder: &Path,
    ) -> Result<Self, Fault> {
        let packed = tempfile::spooled_tempfile_in(SPOOL_IN_MEMORY, folder);
        let mut spool = Self {
            entries: 0,
            octets: 0,
            damaged: Vec::new(),
            packed,
            strays: BTreeMap::new(),
        };
        let mut out = BufWriter::with_capacity(1 << 16, &mut spool.packed);
        let mut statement = connection.prepare_cached(
            "SELECT serial, revoked_at, reason, invalidity_date, certificate FROM revocations
             WHERE issuer = ?1 AND shard = ?2 AND not_after >= ?3 ORDER BY serial",
        )?;
        let not_before = plan.expired_before.map_or(i64::MIN, |time| time.0);
        let mut rows = statement.query((issuer, shard, not_before))?;
        let mut strays = BTreeMap::new();
        let mut damaged = Vec::new();
        while let Some(row) = rows.next()? {
            let mut read = entry(row, plan.at);
            damaged.extend(read.wrong.take().filter(|_| damaged.len() < MAX_DAMAGED));
            let Some(serial) = read.serial else {
                // Its certificate's row has the serial number, too; the row's place in this order is not that number's.
                if let Some(serial) = serial_of_certificate(connection, row)? {
                    strays.insert(serial, read.of(serial));
                }
                continue;
            };
            let entry = read.of(serial);
            spool.entries += 1;
            spool.octets += entry.encoded_len() as u64;
            out.write_all(&pack(&entry))?;
        }
        out.flush()?;
        drop(out);
        spool.damaged = damaged;
        spool.entries += strays.len() as u64;
        spool.octets += strays.values().map(|entry| entry.encoded_len() as u64).sum::<u64>();
        spool.strays = strays;
        Ok(spool)
    }
}

/// The serial number of the certificate that a revocation refers to.
fn serial_of_certificate(connection: &Connection, row: &Row<'_>) -> Result<Option<Serial>, Fault> {
    let Ok(certificate) = row.get::<_, i64>(4) else {
        return Ok(None);
    };
    let octets: Option<Vec<u8>> = connection
        .prepare_cached("SELECT serial FROM certificates WHERE id = ?1")?
        .query_row([certificate], |row| row.get(0))
        .optional()?;
    Ok(octets.and_then(|octets| padded_serial(&octets)))
}

impl RevokedEntries for Spool {
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
        let mut strays = self.strays.values().peekable();
        for _ in self.strays.len() as u64..self.entries {
            packed.read_exact(&mut octets)?;
            let entry = unpack(&octets)?;
            while let Some(stray) = strays.next_if(|stray| stray.serial < entry.serial) {
                each(stray)?;
            }
            each(&entry)?;
        }
        strays.try_for_each(each)
    }

    fn damaged(&self) -> &[String] {
        &self.damaged
    }
}

/// What a row of the list contains.
struct ReadEntry {
    /// `None` where it cannot be read.
    serial: Option<Serial>,
    revoked_at: UnixTime,
    reason: RevocationReason,
    invalidity_date: Option<UnixTime>,
    /// What cannot be read of it, as text.
    wrong: Option<String>,
}

impl ReadEntry {
    fn of(&self, serial: Serial) -> RevokedEntry {
        RevokedEntry {
            serial,
            revoked_at: self.revoked_at,
            reason: self.reason,
            invalidity_date: self.invalidity_date,
        }
    }
}

/// Reads a row: a detail that cannot be read gets a default (the time of the CRL, reason `Unspecified`, no invalidity
/// date), and the entry stays on the list.
fn entry(row: &Row<'_>, at: UnixTime) -> ReadEntry {
    let mut wrong = Vec::new();
    let octets = row
        .get_ref(0)
        .ok()
        .and_then(|value| value.as_blob().ok())
        .unwrap_or_default();
    let serial = padded_serial(octets);
    if serial.is_none() {
        wrong.push("its serial number is not a positive number of 20 octets".to_owned());
    }
    let revoked_at = row.get(1).ok().and_then(time).unwrap_or_else(|| {
        wrong.push("its time is in no year from 1 to 9999".to_owned());
        at
    });
    let code = row.get::<_, i64>(2).ok();
    let reason = code.and_then(|code| u8::try_from(code).ok());
    let reason = reason.and_then(RevocationReason::from_code).unwrap_or_else(|| {
        wrong.push(code.map_or_else(|| "no reason".to_owned(), |code| format!("unknown reason {code}")));
        RevocationReason::Unspecified
    });
    let invalidity_date = match row.get::<_, Option<i64>>(3) {
        Ok(None) => None,
        date => {
            let date = date.ok().flatten().and_then(time);
            if date.is_none() {
                wrong.push("its invalidity date is in no year from 1 to 9999".to_owned());
            }
            date
        }
    };
    let shown = data_encoding::HEXUPPER.encode(&octets[..octets.len().min(20)]);
    ReadEntry {
        serial,
        revoked_at,
        reason,
        invalidity_date,
        wrong: (!wrong.is_empty()).then(|| format!("revocation of serial number 0x{shown}: {}", wrong.join("; "))),
    }
}

/// A time that GeneralizedTime can represent (RFC 5280 section 4.1.2.5.2: four digits of the year).
fn time(seconds: i64) -> Option<UnixTime> {
    const YEAR_10000: i64 = 253_402_300_800;
    (UnixTime::FIRST.0..YEAR_10000)
        .contains(&seconds)
        .then_some(UnixTime(seconds))
}

/// Octets of a packed entry: serial number, time, reason, invalidity date (`i64::MIN` for none).
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
