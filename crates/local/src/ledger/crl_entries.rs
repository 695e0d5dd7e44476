//! The view of the revocations from which one CRL is made.

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use chancery_authority::port::ledger::{CrlPlan, RevokedEntries};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _, Row};
use tempfile::SpooledTempFile;

use super::certificate_row::padded_serial;
use super::fault::Fault;

/// Octets of a view that are kept in memory; a longer one goes to an unnamed file beside the ledger.
const SPOOL_IN_MEMORY: usize = 1 << 20;

/// Most descriptions of damaged rows in one view.
const MAX_DAMAGED: usize = 100;

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
