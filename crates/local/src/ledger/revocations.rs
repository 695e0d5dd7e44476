//! Revocations.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{
    CrlScope, Cursor, FamilyPosition, IntentId, Listed, Reach, Related, Revocation, Revocations, RevokedTogether,
    ToRevoke, UnfinishedFamilies, Unlisted,
};
use chancery_authority::{CaName, Principal};
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::Connection;

use super::certificate_row::{IntentState, row_by_serial};
use super::certificates::certificate;
use super::family;
use super::fault::Fault;
use super::position::{IssuerCertificates, ListPosition};
use super::writer::Writing;
use super::{SqliteLedger, crls, restored, revocation_rows};

#[async_trait]
impl Revocations for SqliteLedger {
    async fn revoke(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        let issuer = issuer.clone();
        self.write(move |writing| family::revoke(writing, &issuer, serial, &revocation, reach))
            .await
    }

    async fn unfinished_families(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        self.read(move |connection| family::unfinished(connection, after, limit))
            .await
    }

    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError> {
        let id = id.clone();
        self.read(move |connection| family::related(connection, &id, at, limit))
            .await
    }

    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError> {
        let (scope, entry) = (scope.clone(), *entry);
        self.write(move |writing| relist(writing, &scope, &entry, not_after))
            .await
    }

    async fn learn_key(&self, certificate: &IntentId, key: KeyFingerprint, at: UnixTime) -> Result<bool, LedgerError> {
        let id = certificate.clone();
        self.write(move |writing| restored::learn_key(writing, &id, key, at))
            .await
    }

    async fn certificate_to_revoke(
        &self,
        serial: Serial,
        _common_name: Option<&str>,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        self.read(move |connection| certificate_to_revoke(connection, serial))
            .await
    }

    async fn listed(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        let (issuer, serials) = (issuer.clone(), serials.to_vec());
        self.read(move |connection| listed(connection, &issuer, &serials)).await
    }

    /// Only this program writes to the file, in transactions that change record and list together.
    async fn unlisted(&self, _issuer: &CaName, _at: UnixTime) -> Result<Unlisted, LedgerError> {
        Ok(Unlisted::default())
    }

    async fn unlisted_handled(&self, _issuer: &CaName, _next: Option<Cursor>) -> Result<(), LedgerError> {
        Ok(())
    }
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
    let row = IssuerCertificates::read(writing.connection)?.row(writing.connection, &scope.issuer, entry.serial)?;
    let Some(row) = row.filter(|row| row.state != IntentState::Open) else {
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
    revocation_rows::insert(writing, &position, &revocation)
}

/// One issued certificate, for revoking it: a damaged row of its predecessor does not make this fail.
pub(crate) fn certificate_to_revoke(connection: &Connection, serial: Serial) -> Result<Option<ToRevoke>, Fault> {
    let row = row_by_serial(connection, None, serial)?;
    let Some(row) = row.filter(|row| row.state == IntentState::Issued) else {
        return Ok(None);
    };
    let mut row = row;
    let differing = IssuerCertificates::read(connection)?.correct_and_log(connection, &mut row)?;
    let (record, damaged) = row.complete_to_revoke(connection)?;
    let damaged: Vec<String> = differing.into_iter().chain(damaged).collect();
    let damaged = (!damaged.is_empty()).then(|| damaged.join("; "));
    Ok(Some(ToRevoke { record, damaged }))
}
