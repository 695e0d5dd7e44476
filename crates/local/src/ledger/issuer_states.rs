//! Whether each CA issues.

use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{CertificateIntent, IssuerChange, IssuerState, IssuerStatus};
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension};

use super::fault::{Fault, damaged};
use super::writer::Writing;

/// The recorded state of a CA, whether or not it exists: since when, and who changed it.
fn newest_state(connection: &Connection, ca: &str) -> Result<Option<(IssuerState, UnixTime, String)>, Fault> {
    let newest: Option<(String, i64, String)> = connection
        .prepare_cached("SELECT state, at, principal FROM issuer_changes WHERE ca = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([ca], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    newest
        .map(|(state, at, principal)| Ok((state_named(&state)?, UnixTime(at), principal)))
        .transpose()
}

/// The same, and whether it is the default issuer.
fn recorded(connection: &Connection, ca: &str) -> Result<Option<IssuerStatus>, Fault> {
    let Some((state, at, principal)) = newest_state(connection, ca)? else {
        return Ok(None);
    };
    Ok(Some(IssuerStatus {
        state,
        is_default: default_issuer(connection)?.is_some_and(|default| default == ca),
        changed: Some((at, principal)),
    }))
}

fn state_named(name: &str) -> Result<IssuerState, Fault> {
    IssuerState::from_name(name).ok_or_else(|| {
        damaged(format!(
            "a row of issuer_changes has the state {name:?}, which there is not"
        ))
    })
}

/// The CA that was made the default issuer last.
fn default_issuer(connection: &Connection) -> Result<Option<String>, Fault> {
    let newest = connection
        .prepare_cached("SELECT ca FROM issuer_changes WHERE is_default ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest)
}

/// The state of a CA that exists. One that cannot be read is logged: what the CA publishes goes on, and nothing is reserved
/// under it.
pub(super) fn status(connection: &Connection, ca: &str) -> Result<IssuerStatus, Fault> {
    match recorded(connection, ca) {
        Err(fault) if fault.is_of_row() => {
            tracing::error!(
                ca,
                ?fault,
                "the state of a CA cannot be read: it issues nothing until that is put right"
            );
            Ok(IssuerStatus::default())
        }
        status => Ok(status?.unwrap_or_default()),
    }
}

/// Refuses an intent whose issuer does not issue. A root signs its own first certificate whatever its state.
pub(super) fn check_issues(connection: &Connection, intent: &CertificateIntent) -> Result<(), Fault> {
    if intent.signs_itself() {
        return Ok(());
    }
    let ca = &intent.id.issuer;
    match newest_state(connection, ca.as_str())? {
        None | Some((IssuerState::Active, ..)) => Ok(()),
        Some((state, ..)) => Err(LedgerError::IssuerNotActive { ca: ca.clone(), state }.into()),
    }
}

/// Changes a CA's state.
pub(crate) fn change(writing: &Writing<'_>, change: &IssuerChange) -> Result<(), Fault> {
    let ca: &CaName = &change.ca_name;
    let exists = writing
        .connection
        .prepare_cached("SELECT 1 FROM authorities JOIN certificates AS c ON c.id = certificate WHERE slug = ?1 AND issued_at IS NOT NULL")?
        .exists([ca.as_str()])?;
    let status = match recorded(writing.connection, ca.as_str())? {
        None => exists.then(IssuerStatus::default),
        status => status,
    };
    if !change.check(status.as_ref())? {
        return Ok(());
    }
    writing.connection.execute(
        "INSERT INTO issuer_changes (ca, state, is_default, at, principal) VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            ca.as_str(),
            change.state.name(),
            change.becomes_default,
            change.at.0,
            change.principal.to_string(),
        ),
    )?;
    // A row with the largest id, which nobody here writes, would stay the newest.
    let now = recorded(writing.connection, ca.as_str())?;
    let is_recorded = now.is_some_and(|now| now.state == change.state && (now.is_default || !change.becomes_default));
    if !is_recorded {
        return Err(damaged(format!(
            "issuer_changes: a change of {ca} was recorded, and another row is newer: somebody wrote it; restore the ledger"
        )));
    }
    Ok(())
}
