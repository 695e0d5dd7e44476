//! A row of the table of certificates, and how it becomes a record.

use chancery_authority::CaName;
use chancery_authority::port::keystore::{KeyName, Receipt};
use chancery_authority::port::ledger::{
    CertificateRecord, IdempotencyToken, IntentCode, IntentId, Kind, Revocation, TokenOrigin,
};
use chancery_authority::principal::{Attributes, Principal};
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::fault::{Fault, damaged};

/// A parsed row of `certificates`, with what the port's record does not contain.
pub(crate) struct CertificateRow {
    pub(crate) id: i64,
    pub(crate) issuer: i64,
    pub(crate) is_authority: bool,
    pub(crate) reserved_at: UnixTime,
    pub(crate) state: IntentState,
    pub(crate) token: Option<IdempotencyToken>,
    pub(crate) token_origin: TokenOrigin,
    pub(crate) authentication: Option<IntentCode>,
    pub(crate) predecessor: Option<i64>,
    pub(crate) signing_attempts: u32,
    /// `kind`, `renews`, `revocation` and `reminders` are not filled in yet; `certificate` is the TBSCertificate unless
    /// issued.
    pub(crate) record: CertificateRecord,
}

/// State of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntentState {
    Open,
    Issued,
    Lost,
}

/// A query of the columns that [`CertificateRow::read`] reads.
macro_rules! select_rows {
    ($condition:literal) => {
        concat!(
            "SELECT c.id, c.issuer, i.slug, c.serial, c.key, c.is_authority, c.common_name, c.profile, c.not_before,
                 c.not_after, c.shard, c.principal, c.notify_expiry, c.reserved_at, c.issued_at, c.lost_at,
                 c.token, c.receipt, c.der, c.authentication, c.token_of_invocation, c.predecessor,
                 c.principal_attributes, c.signing_attempts
             FROM certificates c JOIN issuers i ON i.id = c.issuer WHERE ",
            $condition
        )
    };
}

pub(crate) use select_rows;

impl CertificateRow {
    /// Parses a row of [`select_rows`].
    pub(crate) fn read(row: &Row<'_>) -> Result<Self, Fault> {
        let id: i64 = row.get(0)?;
        let wrong = |what: &str| damaged(format!("row {id} of certificates: {what}"));
        let serial = row
            .get_ref(3)?
            .as_blob()
            .map_err(|_| wrong("the serial number is no octets"))?;
        let key = row
            .get_ref(4)?
            .as_blob()
            .map_err(|_| wrong("the key fingerprint is no octets"))?;
        let issued_at: Option<i64> = row.get(14)?;
        let authentication: Option<Vec<u8>> = row.get(19)?;
        let attributes: Option<String> = row.get(22)?;
        let attributes = attributes.map(|text| serde_json::from_str(&text)).transpose();
        let attributes = attributes.map_err(|error| wrong(&format!("the principal's attributes: {error}")))?;
        let attributes = attributes.map(Attributes::recorded).unwrap_or_default();
        Ok(Self {
            id,
            issuer: row.get(1)?,
            is_authority: row.get(5)?,
            reserved_at: UnixTime(row.get(13)?),
            state: match (issued_at, row.get::<_, Option<i64>>(15)?) {
                (None, None) => IntentState::Open,
                (Some(_), None) => IntentState::Issued,
                (_, Some(_)) => IntentState::Lost,
            },
            token: row.get::<_, Option<String>>(16)?.map(IdempotencyToken),
            authentication: authentication.as_deref().and_then(IntentCode::from_octets),
            token_origin: if row.get(20)? {
                TokenOrigin::Invocation
            } else {
                TokenOrigin::Caller
            },
            predecessor: row.get(21)?,
            signing_attempts: row.get(23)?,
            record: CertificateRecord {
                id: IntentId {
                    issuer: CaName::new(row.get::<_, String>(2)?).map_err(|error| wrong(&error.to_string()))?,
                    serial: padded_serial(serial).ok_or_else(|| wrong("the serial number is not of 20 octets"))?,
                },
                kind: Kind::Leaf,
                common_name: row.get(6)?,
                profile: row.get(7)?,
                renews: None,
                certificate: row.get(18)?,
                key: KeyFingerprint(
                    key.try_into()
                        .map_err(|_| wrong("the key fingerprint is not of 32 octets"))?,
                ),
                not_before: UnixTime(row.get(8)?),
                not_after: UnixTime(row.get(9)?),
                shard: row.get(10)?,
                principal: Principal::recorded(&row.get::<_, String>(11)?, attributes),
                receipt: Receipt(row.get::<_, Option<String>>(17)?.unwrap_or_default()),
                issued_at: UnixTime(issued_at.unwrap_or_default()),
                revocation: None,
                notify_expiry: row.get(12)?,
                reminders: Vec::new(),
            },
        })
    }

    /// The record, completed from other tables.
    pub(crate) fn complete(mut self, connection: &Connection) -> Result<CertificateRecord, Fault> {
        self.record.kind = self.kind(connection)?;
        self.record.renews = self.renews(connection)?;
        self.record.revocation = revocation(connection, self.id)?;
        self.record.reminders = connection
            .prepare_cached("SELECT at FROM reminders WHERE certificate = ?1 ORDER BY at")?
            .query_map([self.id], |row| row.get(0).map(UnixTime))?
            .collect::<Result<_, _>>()?;
        Ok(self.record)
    }

    /// The record with everything needed to revoke it, and as text what else cannot be read: the row of the
    /// predecessor.
    pub(crate) fn complete_to_revoke(
        mut self,
        connection: &Connection,
    ) -> Result<(CertificateRecord, Option<String>), Fault> {
        self.record.kind = self.kind(connection)?;
        self.record.revocation = revocation(connection, self.id)?;
        match self.renews(connection) {
            Ok(renews) => {
                self.record.renews = renews;
                Ok((self.record, None))
            }
            Err(fault) if fault.is_of_row() => Ok((self.record, Some(fault.detail()))),
            Err(fault) => Err(fault),
        }
    }

    /// The certificate that it renewed.
    pub(crate) fn renews(&self, connection: &Connection) -> Result<Option<IntentId>, Fault> {
        let Some(predecessor) = self.predecessor else {
            return Ok(None);
        };
        let wrong = |what: String| damaged(format!("row {predecessor} of certificates: {what}"));
        let (ca_name, serial): (String, Vec<u8>) = connection
            .prepare_cached(
                "SELECT i.slug, c.serial FROM certificates c JOIN issuers i ON i.id = c.issuer WHERE c.id = ?1",
            )?
            .query_row([predecessor], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or_else(|| wrong("it was renewed, and is not there".to_owned()))?;
        Ok(Some(IntentId {
            issuer: CaName::new(ca_name).map_err(|error| wrong(error.to_string()))?,
            serial: padded_serial(&serial).ok_or_else(|| wrong("the serial number is not of 20 octets".to_owned()))?,
        }))
    }

    /// Leaf or CA.
    pub(crate) fn kind(&self, connection: &Connection) -> Result<Kind, Fault> {
        if !self.is_authority {
            return Ok(Kind::Leaf);
        }
        let (ca_name, parent, key): (Option<String>, Option<String>, Option<String>) = connection
            .prepare_cached("SELECT ca, parent, key FROM ca_certificates WHERE certificate = ?1")?
            .query_row([self.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?
            .ok_or_else(|| damaged(format!("row {} of certificates: its CA is not recorded", self.id)))?;
        let (Some(ca_name), Some(key)) = (ca_name, key) else {
            return Ok(Kind::CrossCertificate);
        };
        let named =
            |ca_name| CaName::new(ca_name).map_err(|error| damaged(format!("a row of ca_certificates: {error}")));
        Ok(Kind::Ca {
            ca_name: named(ca_name)?,
            parent: parent.map(named).transpose()?,
            key: KeyName(key),
        })
    }
}

/// A serial number as rows store it: 20 octets, positive.
pub(crate) fn padded_serial(octets: &[u8]) -> Option<Serial> {
    let whole = octets.len() == 20;
    whole.then(|| Serial::from_octets(octets).ok()).flatten()
}

fn revocation(connection: &Connection, certificate: i64) -> Result<Option<Revocation>, Fault> {
    let row: Option<(i64, i64, Option<i64>, String)> = connection
        .prepare_cached(
            "SELECT revoked_at, reason, invalidity_date, principal FROM revocations WHERE certificate = ?1",
        )?
        .query_row([certificate], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((at, reason, invalidity_date, principal)) = row else {
        return Ok(None);
    };
    Ok(Some(Revocation {
        at: UnixTime(at),
        reason: known_reason(reason),
        invalidity_date: invalidity_date.map(UnixTime),
        principal,
    }))
}

/// A revocation's reason; `Unspecified` for a code that RFC 5280 does not define: the certificate is revoked all the
/// same.
pub(crate) fn known_reason(code: i64) -> RevocationReason {
    let reason = u8::try_from(code).ok().and_then(RevocationReason::from_code);
    reason.unwrap_or(RevocationReason::Unspecified)
}

/// One row, by serial number and, where given, issuer.
pub(crate) fn row_by_serial(
    connection: &Connection,
    issuer: Option<i64>,
    serial: Serial,
) -> Result<Option<CertificateRow>, Fault> {
    let sql = match issuer {
        Some(_) => select_rows!("c.serial = ?1 AND c.issuer = ?2"),
        None => select_rows!("c.serial = ?1 AND c.issued_at IS NOT NULL AND ?2 IS NULL LIMIT 1"),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((serial.as_padded(), issuer))?;
    rows.next()?.map(CertificateRow::read).transpose()
}

pub(crate) fn by_id(connection: &Connection, id: i64) -> Result<CertificateRecord, Fault> {
    let mut statement = connection.prepare_cached(select_rows!("c.id = ?1"))?;
    let mut rows = statement.query([id])?;
    let row = rows
        .next()?
        .ok_or_else(|| damaged(format!("row {id} of certificates: its issuer is not recorded")))?;
    CertificateRow::read(row)?.complete(connection)
}

/// The row id of an issuer.
pub(crate) fn issuer_number(connection: &Connection, ca_name: &CaName) -> Result<Option<i64>, Fault> {
    let number = connection
        .prepare_cached("SELECT id FROM issuers WHERE slug = ?1")?
        .query_row([ca_name.as_str()], |row| row.get(0))
        .optional()?;
    Ok(number)
}
