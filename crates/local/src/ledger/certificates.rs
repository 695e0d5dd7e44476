//! Certificates, and what the ledger has about a serial number or a key.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{CertificateRecord, Certificates, Cursor, Evidence, KeyStatus, Page, Search};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::certificate_row::{IntentState, issuer_number, row_by_serial};
use super::family;
use super::fault::{Fault, stopped};
use super::{SqliteLedger, search};

#[async_trait]
impl Certificates for SqliteLedger {
    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        let (issuer, serials) = (issuer.clone(), serials.to_vec());
        self.read(move |connection| evidence(connection, &issuer, &serials))
            .await
    }

    async fn get(&self, issuer: Option<&CaName>, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        let issuer = issuer.cloned();
        self.read(move |connection| certificate(connection, issuer.as_ref(), serial))
            .await
    }

    async fn key_status(&self, key: KeyFingerprint, _common_name: &str) -> Result<KeyStatus, LedgerError> {
        self.read(move |connection| key_holder(connection, key)).await
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        let (query, after) = (query.clone(), after.cloned());
        let is_quick = search::is_by_equality(&query);
        let search = move |connection: &Connection| search::search(connection, &query, after.as_ref(), limit);
        if is_quick {
            return self.read(search).await;
        }
        let searching = self.0.searcher.run(|reader| reader.run(search));
        searching.await.unwrap_or_else(|| Err(stopped()))
    }

    async fn named(&self, common_name: &str, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        let query = Search {
            common_name: Some(common_name.to_owned()),
            ..Search::default()
        };
        self.search(&query, after, limit).await
    }
}

/// One issued certificate.
pub(crate) fn certificate(
    connection: &Connection,
    issuer: Option<&CaName>,
    serial: Serial,
) -> Result<Option<CertificateRecord>, Fault> {
    let issuer = match issuer {
        None => None,
        Some(ca_name) => match issuer_number(connection, ca_name)? {
            None => return Ok(None),
            known => known,
        },
    };
    match row_by_serial(connection, issuer, serial)? {
        Some(row) if row.state == IntentState::Issued => row.complete(connection).map(Some),
        _ => Ok(None),
    }
}

pub(super) const FIRST_OF_KEY: &str =
    "SELECT common_name FROM certificates WHERE key = ?1 AND lost_at IS NULL ORDER BY id LIMIT 1";

/// Whether a key is blocked, or the common name for which it was first certified or reserved. All later rows have the
/// same name, since each was compared with the first when it was reserved: one row is read, however often the key was
/// certified.
pub(crate) fn key_holder(connection: &Connection, key: KeyFingerprint) -> Result<KeyStatus, Fault> {
    if family::is_blocked(connection, key)? {
        return Ok(KeyStatus::Blocked);
    }
    let first = connection
        .prepare_cached(FIRST_OF_KEY)?
        .query_row([&key.0], |row| row.get(0))
        .optional()?;
    Ok(first.map_or(KeyStatus::Free, KeyStatus::Held))
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
