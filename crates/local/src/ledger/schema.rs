//! The ledger's file: its format, the numbered migrations, and how connections are set up.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::fault::{self, Fault, OpenError};

/// `application_id` in the file's header: "CHCY".
const APPLICATION_ID: i32 = 0x4348_4359;

/// Every migration, in order. A released migration is never changed; `PRAGMA user_version` counts those applied.
pub(crate) const MIGRATIONS: [&str; 16] = [
    include_str!("migrations/0001_ledger.sql"),
    include_str!("migrations/0002_api_tokens.sql"),
    include_str!("migrations/0003_intent_authentication.sql"),
    include_str!("migrations/0004_crls.sql"),
    include_str!("migrations/0005_crl_uses.sql"),
    include_str!("migrations/0006_backups.sql"),
    include_str!("migrations/0007_tokens_of_invocations.sql"),
    include_str!("migrations/0008_compromised_keys.sql"),
    include_str!("migrations/0009_own_names.sql"),
    include_str!("migrations/0010_unfinished_families.sql"),
    include_str!("migrations/0011_changed_at.sql"),
    include_str!("migrations/0012_principal_attributes.sql"),
    include_str!("migrations/0013_issuer_changes.sql"),
    include_str!("migrations/0014_ca_certificates.sql"),
    include_str!("migrations/0015_signing_attempts.sql"),
    include_str!("migrations/0016_freezes.sql"),
];

/// The migration whose table must be filled from the existing certificates.
const CRL_USES: u32 = 5;

/// The format that this program writes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "there are not four thousand million migrations"
)]
const FORMAT: u32 = MIGRATIONS.len() as u32;

/// How long a connection waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages of 4 KiB: a commit writes whole pages, and random serials touch many of them.
const PAGE_SIZE: i64 = 4096;

/// Page cache of the writing connection and of each reading one, in KiB.
const WRITER_CACHE: i64 = 8 * 1024;
const READER_CACHE: i64 = 1024;

/// The write-ahead log is truncated to this size, in octets, when it starts over.
const LOG_KEPT: i64 = 64 << 20;

/// Makes a new, empty ledger. The file appears complete or not at all.
pub(crate) fn create(path: &Path) -> Result<(), OpenError> {
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let made = write_draft(&draft).and_then(|()| {
        // A link, unlike a rename, fails where the name is taken: two processes cannot both create.
        fs::hard_link(&draft, path)?;
        sync_folder(path)?;
        Ok(())
    });
    // A draft that was not linked is useless; one that was has its real name now.
    let _ = fs::remove_file(&draft);
    made.map_err(|fault| fault.into_open(path))
}

fn write_draft(draft: &Path) -> Result<(), Fault> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(draft)?;
    let mut connection = Connection::open_with_flags(draft, flags())?;
    connection.pragma_update(None, "page_size", PAGE_SIZE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    for migration in MIGRATIONS {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // Closing checkpoints the log into the file and removes the log.
    connection.close().map_err(|(_, error)| error)?;
    file.sync_all()?;
    Ok(())
}

/// Makes a change of the entries of `path`'s folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Opens an existing ledger for writing and brings it to this program's format.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(fault::io(path, &error)),
        // SQLite would treat it as a new database: better to stop than to lose the record of every certificate.
        Ok(facts) if facts.len() == 0 => return Err(OpenError::NotALedger { path: path.to_owned() }),
        Ok(_) => {}
    }
    let mut connection = connect(path).map_err(|error| fault::open_error(path, &error))?;
    check_format(&connection, path)?;
    prepare_writer(&mut connection).map_err(|fault| fault.into_open(path))?;
    Ok(connection)
}

/// Opens for reading an existing ledger that [`open_writer`] has checked and migrated.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, Fault> {
    let connection = connect(path)?;
    // Not opened read-only: even a reader must be able to recover the write-ahead log after a crash.
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Opens a ledger that no process writes, such as a backup's, without leaving any file beside it.
pub(crate) fn open_still(path: &Path) -> Result<Connection, OpenError> {
    let escaped = |octet: &u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => char::from(*octet).to_string(),
        other => format!("%{other:02x}"),
    };
    let path_in_uri: String = path.as_os_str().as_encoded_bytes().iter().map(escaped).collect();
    let uri = format!("file:{path_in_uri}?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(uri, flags).and_then(|connection| {
        distrust(&connection)?;
        Ok(connection)
    });
    let connection = opened.map_err(|error| fault::open_error(path, &error))?;
    check_format(&connection, path)?;
    Ok(connection)
}

/// Opens a ledger on a file system that is mounted read-only. Another machine, or another mount, may write it
/// meanwhile; where opening fails and no log is left beside it, the file is complete and is opened as immutable.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        distrust(&connection)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Opening alone reads nothing.
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))?;
        Ok(connection)
    });
    let connection = match opened {
        Ok(connection) => {
            check_format(&connection, path)?;
            connection
        }
        Err(_) if fs::metadata(&companions(path)[0]).map_or(0, |facts| facts.len()) == 0 => {
            open_still(&std::path::absolute(path).map_err(|error| fault::io(path, &error))?)?
        }
        Err(error) => return Err(fault::open_error(path, &error)),
    };
    connection.set_prepared_statement_cache_capacity(64);
    match version(&connection).map_err(|error| fault::open_error(path, &error))? {
        FORMAT.. => Ok(connection),
        found => Err(OpenError::Older {
            path: path.to_owned(),
            found,
            known: FORMAT,
        }),
    }
}

/// The file's schema is a claim like its rows: no trigger or view in it runs, and no expression of it calls a function
/// with an effect.
fn distrust(connection: &Connection) -> Result<(), rusqlite::Error> {
    for setting in [
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
    ] {
        connection.set_db_config(setting, false)?;
    }
    Ok(())
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags())?;
    distrust(&connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Plans must not depend on the values bound: otherwise SQLite would parse and plan again for every value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn check_format(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (id, version) = number("application_id")
        .and_then(|id| Ok((id, number("user_version")?)))
        .map_err(|error| fault::open_error(path, &error))?;
    if id != APPLICATION_ID || version < 1 {
        return Err(OpenError::NotALedger { path: path.to_owned() });
    }
    match version.unsigned_abs() {
        found if found > FORMAT => Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: FORMAT,
        }),
        _ => Ok(()),
    }
}

fn prepare_writer(connection: &mut Connection) -> Result<(), Fault> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // A thread of its own makes the checkpoints, so that no commit waits for one.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT, |_| Ok(()))?;
    migrate(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    for (number, migration) in (1_u32..).zip(MIGRATIONS) {
        if version(connection)? >= number {
            continue;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        if version(&transaction)? < number {
            transaction.execute_batch(migration)?;
            if number == CRL_USES {
                super::crl_uses::find_uses(&transaction)?;
            }
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()?;
            tracing::info!(format = number, "the ledger was brought to a newer format");
        }
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<u32, rusqlite::Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// What is wrong with a ledger's file. The operator's check, a backup, and a restore ask for the same, so that no backup
/// is called sound that cannot be restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// What SQLite's checks reveal. A restore refuses it.
    pub(crate) damage: Vec<String>,
    /// Names of the [differences] of its schema. A restore refuses it.
    pub(crate) foreign: Vec<String>,
    /// How the counts differ from the rows, as text: no decision depends on them, and a restore [recomputes](recount)
    /// them.
    pub(crate) differing_counts: Option<String>,
}

impl Findings {
    /// Everything, as text.
    pub(crate) fn problems(self) -> Vec<String> {
        let foreign = (!self.foreign.is_empty()).then(|| {
            format!(
                "the ledger has an unexpected schema ({}): somebody has put it there, and no backup of it can be restored; \
                 remove it, or restore a backup",
                self.foreign.join(", ")
            )
        });
        let mut problems = self.damage;
        problems.extend(foreign);
        problems.extend(self.differing_counts);
        problems
    }
}

/// Checks the file. Reads all of it.
pub(crate) fn check(connection: &Connection) -> Result<Findings, rusqlite::Error> {
    let damage = damage(connection)?;
    // What cannot be read whole may lack what the following look for.
    let foreign = match differences(connection) {
        Err(_) if !damage.is_empty() => Vec::new(),
        found => found?,
    };
    let differing_counts = match differing_counts(connection) {
        Err(_) if !damage.is_empty() || !foreign.is_empty() => None,
        counts => counts?,
    };
    Ok(Findings {
        damage,
        foreign,
        differing_counts,
    })
}

fn damage(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut problems = Vec::new();
    connection.pragma_query(None, "integrity_check", |row| {
        problems.push(row.get::<_, String>(0)?);
        Ok(())
    })?;
    problems.retain(|problem| problem != "ok");
    connection.pragma_query(None, "foreign_key_check", |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        let id: Option<i64> = row.get(1)?;
        let id = id.map_or_else(String::new, |id| format!(" {id}"));
        problems.push(format!(
            "row{id} of {table} refers to a row of {parent} that is not there"
        ));
        Ok(())
    })?;
    Ok(problems)
}

/// How the counts differ from the rows, as text. Deleting a row by hand leaves them unchanged.
pub(crate) fn differing_counts(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    let counted: (i64, i64, i64, i64) = connection.query_row(
        "SELECT (SELECT count(*) FROM certificates WHERE issued_at IS NOT NULL) - issued,
                (SELECT count(*) FROM revocations) - revoked,
                (SELECT count(*) FROM certificates WHERE issued_at IS NULL AND lost_at IS NULL) - open_intents,
                (SELECT count(*) FROM rejections) - rejected
         FROM counts",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let (issued, revoked, open, rejected) = counted;
    let differs = counted != (0, 0, 0, 0);
    Ok(differs.then(|| {
        format!(
            "the counts differ from the rows: issued by {issued}, revoked by {revoked}, open intents by {open}, rejected by \
             {rejected}"
        )
    }))
}

/// Recomputes the counts where they differ from the rows, and returns how they differed.
pub(crate) fn recount(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    let differing = differing_counts(connection)?;
    if differing.is_some() {
        connection.execute(
            "UPDATE counts SET issued = (SELECT count(*) FROM certificates WHERE issued_at IS NOT NULL),
                 revoked = (SELECT count(*) FROM revocations),
                 open_intents = (SELECT count(*) FROM certificates WHERE issued_at IS NULL AND lost_at IS NULL),
                 rejected = (SELECT count(*) FROM rejections)",
            [],
        )?;
    }
    Ok(differing)
}

/// Names of the tables, indexes, triggers and views that differ from those that the migrations up to the file's format
/// make: a trigger, say, could act within the file later, which checking the rows does not reveal.
fn differences(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let made = Connection::open_in_memory()?;
    for (number, migration) in (1_u32..).zip(MIGRATIONS) {
        if number <= version(connection)? {
            made.execute_batch(migration)?;
        }
    }
    let (expected, found) = (objects(&made)?, objects(connection)?);
    let differing = expected.symmetric_difference(&found);
    let mut names: Vec<String> = differing.map(|(kind, name, _)| format!("{kind} {name}")).collect();
    names.dedup();
    Ok(names)
}

/// Type, name and definition of everything in the schema, except SQLite's internal objects.
fn objects(connection: &Connection) -> Result<BTreeSet<(String, String, Option<String>)>, rusqlite::Error> {
    let query = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// Reads every page, and stops at the first damaged one.
pub(crate) fn quick_check(connection: &Connection) -> Result<(), Fault> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    // SQLite has no code for it: <https://www.sqlite.org/pragma.html#pragma_quick_check>.
    if found == "ok" {
        return Ok(());
    }
    let path = connection.path().unwrap_or_default().to_owned();
    let error = OpenError::Damaged {
        path: path.into(),
        // SQLite answers in several lines.
        detail: found.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    Err(fault::damaged(error.to_string()))
}

/// The files that SQLite keeps beside a database.
pub(crate) fn companions(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}
