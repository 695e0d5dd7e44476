//! Where a certificate's revocation is listed: on the CRL that the certificate itself names, of the CA that signed it, until
//! it ends.
//!
//! The columns of a row repeat what its certificate, or an open intent's TBSCertificate, says. They are for searching, and
//! whoever can write the file could change them, and so keep a revocation off every CRL. Where both differ, the
//! certificate counts if a CA of the ledger signed it, and the difference is reported.

use chancery_authority::CaName;
use chancery_authority::config::Config;
use chancery_authority::port::ledger::CrlScope;
use chancery_x509::certificate::{Certificate, TbsCertificate};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::certificate_row::{CertificateRow, IntentState, issuer_number, padded_serial, row_by_serial, select_rows};
use super::fault::{Fault, damaged};
use super::shard::shard_number;

/// Most differences that a check tells.
const DIFFERENCES_SHOWN: usize = 20;

/// Key and end of a certificate's row in the list of revocations.
pub(crate) struct ListPosition {
    pub(crate) certificate: i64,
    pub(crate) issuer: i64,
    pub(crate) shard: i64,
    pub(crate) serial: Serial,
    pub(crate) not_after: UnixTime,
}

impl ListPosition {
    /// Of a row that was [corrected](IssuerCertificates::correct).
    pub(crate) fn of(row: &CertificateRow) -> Self {
        Self {
            certificate: row.id,
            issuer: row.issuer,
            shard: shard_number(row.record.shard),
            serial: row.record.id.serial,
            not_after: row.record.not_after,
        }
    }

    pub(crate) fn new(certificate: i64, (issuer, shard): (i64, i64), serial: Serial, not_after: UnixTime) -> Self {
        Self {
            certificate,
            issuer,
            shard,
            serial,
            not_after,
        }
    }

    /// Reads columns id, issuer, shard, serial, `not_after`, der, whether it is issued, and the issuer's name, in this
    /// order: damage of other columns does not matter.
    pub(crate) fn read(connection: &Connection, row: &Row<'_>, issuers: &IssuerCertificates) -> Result<Self, Fault> {
        let certificate: i64 = row.get(0)?;
        let wrong = |what: &str| damaged(format!("row {certificate} of certificates: {what}"));
        let shard: Option<i64> = row.get(2)?;
        let shard = shard.map(u16::try_from).transpose();
        let serial = row.get_ref(3)?.as_blob().ok().and_then(padded_serial);
        let mut position = Self {
            certificate,
            issuer: row.get(1)?,
            shard: shard_number(shard.map_err(|_| wrong("there is no such shard"))?),
            serial: serial.ok_or_else(|| wrong("the serial number is not a positive number of 20 octets"))?,
            not_after: UnixTime(row.get(4)?),
        };
        let (is_issued, issuer): (bool, Option<String>) = (row.get(6)?, row.get(7)?);
        // The certificate may say which CA it is.
        let is_recorded = issuer.is_some();
        let issuer = issuer.unwrap_or_default();
        let der = row.get_ref(5)?.as_blob().unwrap_or_default();
        if let Some(content) = issuers.content(der, is_issued, position.serial, &issuer) {
            let issuer = content.issuer_number(connection)?.unwrap_or(position.issuer);
            let shard = content
                .scope
                .as_ref()
                .map_or(position.shard, |scope| shard_number(scope.shard));
            if (issuer, shard, content.not_after) != (position.issuer, position.shard, position.not_after)
                && content.is_confirmed()
            {
                tracing::error!(
                    row = certificate,
                    "a row of certificates differs from its certificate, which counts"
                );
                (position.issuer, position.shard, position.not_after) = (issuer, shard, content.not_after);
                return Ok(position);
            }
        }
        if !is_recorded {
            return Err(wrong("its issuer is not recorded"));
        }
        Ok(position)
    }

    /// Row id of the certificate.
    pub(crate) fn certificate(&self) -> i64 {
        self.certificate
    }
}

/// The CAs of the ledger, which say whether a certificate is one of theirs.
pub(crate) struct IssuerCertificates(Vec<(CaName, Certificate, CaPublicKey)>);

/// What a certificate says.
struct CertificateContent<'a> {
    certificate: Certificate,
    is_issued: bool,
    issuer: &'a (CaName, Certificate, CaPublicKey),
    key: KeyFingerprint,
    not_after: UnixTime,
    /// Its CRL; `None` where it names another one than its issuer has.
    scope: Option<CrlScope>,
}

impl CertificateContent<'_> {
    fn issuer_number(&self, connection: &Connection) -> Result<Option<i64>, Fault> {
        issuer_number(connection, &self.issuer.0)
    }

    /// Whether the CA signed it. What is only to be signed has no signature: nobody can lean on it either.
    fn is_confirmed(&self) -> bool {
        !self.is_issued || self.certificate.is_signed_by(&self.issuer.2)
    }
}

impl IssuerCertificates {
    /// Reads the CAs. One whose row or certificate cannot be used confirms nothing, and stops no revocation.
    pub(crate) fn read(connection: &Connection) -> Result<Self, Fault> {
        let mut statement = connection.prepare_cached(
            "SELECT a.slug, c.der FROM authorities a JOIN certificates c ON c.id = a.certificate
             WHERE c.issued_at IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        let mut cas = Vec::new();
        while let Some(row) = rows.next()? {
            let text = row.get_ref(0)?.as_str().unwrap_or_default();
            let der = row.get_ref(1)?.as_blob().unwrap_or_default();
            let name = CaName::new(text).ok();
            let certificate = Certificate::parse(der).ok();
            let key = certificate
                .as_ref()
                .and_then(|own| CaPublicKey::from_der(own.spki_der()).ok());
            if let (Some(name), Some(certificate), Some(key)) = (name, certificate, key) {
                cas.push((name, certificate, key));
            } else {
                tracing::error!(
                    ca = text,
                    "the record of a CA cannot be read: it confirms no certificate"
                );
            }
        }
        Ok(Self(cas))
    }

    /// Whether a CA of the ledger signed the certificate of an issued row.
    fn confirms(&self, row: &CertificateRow) -> bool {
        let recorded = row.record.id.issuer.as_str();
        self.content(&row.record.certificate, true, row.record.id.serial, recorded)
            .is_some_and(|content| content.is_confirmed())
    }

    /// What a row's DER says; `None` where it cannot be read, is of another serial number, or names no CA of the ledger.
    /// Of several CAs of one name, the one of the row is meant.
    fn content(&self, der: &[u8], is_issued: bool, serial: Serial, recorded: &str) -> Option<CertificateContent<'_>> {
        let certificate = if is_issued {
            Certificate::parse(der).ok()?
        } else {
            let algorithms = self.0.iter().map(|(.., key)| key.algorithm());
            let mut read =
                algorithms.filter_map(|algorithm| TbsCertificate::from_der(der.to_vec(), algorithm).read().ok());
            read.next()?
        };
        if certificate.serial() != serial {
            return None;
        }
        let is_named = |(_, ca, _): &&(CaName, Certificate, CaPublicKey)| {
            ca.subject() == certificate.issuer()
                && match (certificate.authority_key_identifier(), ca.subject_key_identifier()) {
                    (Some(named), Some(own)) => named == own,
                    _ => true,
                }
        };
        let mut named: Vec<_> = self.0.iter().filter(is_named).collect();
        named.sort_by_key(|(ca_name, ..)| ca_name.as_str() != recorded);
        let issuer = *named.first()?;
        let scope = match certificate.crl_distribution_points() {
            // Only a CA with a URL has shards, which its certificates then name.
            Ok(points) if points.is_empty() => Some(CrlScope {
                issuer: issuer.0.clone(),
                shard: None,
            }),
            Ok(points) => points.iter().find_map(|url| Config::crl_at(&issuer.0, url)),
            Err(_) => None,
        };
        Some(CertificateContent {
            is_issued,
            issuer,
            key: KeyFingerprint::of(certificate.spki_der()),
            not_after: certificate.not_after(),
            scope,
            certificate,
        })
    }

    /// Replaces what the row's columns say by what its certificate says. Returns the columns that differ.
    pub(crate) fn correct(
        &self,
        connection: &Connection,
        row: &mut CertificateRow,
    ) -> Result<Vec<&'static str>, Fault> {
        let recorded = row.record.id.issuer.as_str().to_owned();
        let is_issued = row.state == IntentState::Issued;
        let content = self.content(&row.record.certificate, is_issued, row.record.id.serial, &recorded);
        let Some(content) = content else { return Ok(Vec::new()) };
        let record = &mut row.record;
        let mut differing = Vec::new();
        for (column, differs) in [
            ("issuer", content.issuer.0 != record.id.issuer),
            ("key", content.key != record.key),
            ("not_after", content.not_after != record.not_after),
            (
                "shard",
                content.scope.as_ref().is_some_and(|scope| scope.shard != record.shard),
            ),
        ] {
            differing.extend(differs.then_some(column));
        }
        if differing.is_empty() || !content.is_confirmed() {
            return Ok(Vec::new());
        }
        if let Some(number) = content.issuer_number(connection)? {
            row.issuer = number;
            record.id.issuer = content.issuer.0.clone();
        }
        (record.key, record.not_after) = (content.key, content.not_after);
        record.shard = content.scope.as_ref().map_or(record.shard, |scope| scope.shard);
        Ok(differing)
    }

    /// The row of a certificate or an intent of that issuer, corrected. A row whose column says another issuer is found as
    /// well.
    pub(crate) fn row(
        &self,
        connection: &Connection,
        issuer: &CaName,
        serial: Serial,
    ) -> Result<Option<CertificateRow>, Fault> {
        let own = match issuer_number(connection, issuer)? {
            Some(number) => row_by_serial(connection, Some(number), serial)?,
            None => None,
        };
        if let Some(mut row) = own {
            self.correct_and_log(connection, &mut row)?;
            if row.record.id.issuer == *issuer {
                return Ok(Some(row));
            }
        }
        let mut statement = connection.prepare_cached(select_rows!("c.serial = ?1"))?;
        let mut rows = statement.query([serial.as_padded()])?;
        while let Some(row) = rows.next()? {
            let mut row = CertificateRow::read(row)?;
            if row.record.id.issuer != *issuer {
                self.correct_and_log(connection, &mut row)?;
                if row.record.id.issuer == *issuer {
                    return Ok(Some(row));
                }
            }
        }
        Ok(None)
    }

    /// Corrects a row, and logs what differed; returns that as text.
    pub(crate) fn correct_and_log(
        &self,
        connection: &Connection,
        row: &mut CertificateRow,
    ) -> Result<Option<String>, Fault> {
        let differing = self.correct(connection, row)?;
        if differing.is_empty() {
            return Ok(None);
        }
        let difference = difference(row.id, row.record.id.serial, &differing);
        tracing::error!("{difference}");
        Ok(Some(difference))
    }
}

fn difference(id: i64, serial: Serial, columns: &[&str]) -> String {
    format!(
        "row {id} of certificates differs from its certificate {serial} in {}; somebody has changed it: the certificate counts \
         where it is revoked; put the row back, as a backup has it",
        columns.join(", ")
    )
}

/// How rows differ from their certificates, and revocations from where those are to be listed, as text. Reads all of them.
pub(crate) fn differences(connection: &Connection) -> Result<Vec<String>, Fault> {
    let issuers = IssuerCertificates::read(connection)?;
    let mut listed = connection.prepare("SELECT issuer, shard, not_after FROM revocations WHERE certificate = ?1")?;
    let mut statement = connection.prepare(select_rows!("1 ORDER BY c.id"))?;
    let mut rows = statement.query([])?;
    let (mut differences, mut more) = (Vec::new(), 0_u64);
    let mut report = |what: String| {
        if differences.len() < DIFFERENCES_SHOWN {
            differences.push(what);
        } else {
            more += 1;
        }
    };
    while let Some(row) = rows.next()? {
        // One that cannot be read is reported by whoever needs it.
        let Ok(mut row) = CertificateRow::read(row) else {
            continue;
        };
        let differing = issuers.correct(connection, &mut row)?;
        if !differing.is_empty() {
            report(difference(row.id, row.record.id.serial, &differing));
        } else if row.state == IntentState::Issued && !issuers.0.is_empty() && !issuers.confirms(&row) {
            report(format!(
                "the certificate in row {} of certificates, serial number {}, is none that a CA of this ledger signed; somebody \
                 has replaced it: put the row back, as a backup has it",
                row.id, row.record.id.serial
            ));
        }
        let position = ListPosition::of(&row);
        let found: Option<(i64, i64, i64)> = listed
            .query_row([row.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        // A later end only keeps it on the list for longer.
        let is_listed = |(issuer, shard, not_after): (i64, i64, i64)| {
            (issuer, shard) == (position.issuer, position.shard) && not_after >= position.not_after.0
        };
        if found.is_some_and(|found| !is_listed(found)) {
            report(format!(
                "the revocation of {} is not recorded for the CRL that its certificate names, or not until its end; somebody \
                 has changed it: put it back, as a backup has it",
                row.record.id.serial
            ));
        }
    }
    if more > 0 {
        differences.push(format!("and {more} more rows that differ from their certificates"));
    }
    Ok(differences)
}
