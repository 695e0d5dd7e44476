//! Names of the authority's own servers.

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::ServerNames;
use chancery_x509::san::{AltName, AltNameType};
use chancery_x509::time::UnixTime;
use rusqlite::Connection;

use super::SqliteLedger;
use super::fault::{Fault, damaged};
use super::writer::Writing;

#[async_trait]
impl ServerNames for SqliteLedger {
    async fn record(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError> {
        let names = names.to_vec();
        self.write(move |writing| keep(writing, &names, until)).await
    }

    async fn list(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        self.read(move |connection| current(connection, at)).await
    }
}

/// Records them. None is ever deleted: a server has few, and a clock that is ahead would delete names still in use.
pub(super) fn keep(writing: &Writing<'_>, names: &[AltName], until: UnixTime) -> Result<(), Fault> {
    let mut statement = writing.connection.prepare_cached(
        "INSERT INTO own_names (kind, name, until) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, name) DO UPDATE SET until = max(until, excluded.until)",
    )?;
    for name in names {
        statement.execute((name.kind().name(), name.to_string(), until.0))?;
    }
    Ok(())
}

/// Those whose certificates have not expired.
pub(super) fn current(connection: &Connection, at: UnixTime) -> Result<Vec<AltName>, Fault> {
    let mut statement = connection.prepare_cached("SELECT kind, name FROM own_names WHERE until > ?1")?;
    let rows = statement.query_map([at.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut names = Vec::new();
    for row in rows {
        let (kind, name) = row?;
        let parsed = AltNameType::from_name(&kind).and_then(|kind| AltName::parse(kind, &name).ok());
        names.push(parsed.ok_or_else(|| damaged(format!("a row of own_names: {kind} {name:?}")))?);
    }
    Ok(names)
}
