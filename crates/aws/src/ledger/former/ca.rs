//! A CA that the Python CA made, recognised by its certificate.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CaRecord, IssuerStatus, LedgerError};
use chancery_x509::certificate::Certificate;

use super::super::known_ca::KnownCa;
use super::super::row::Row;
use super::super::tables::Range;
use super::FormerRows;
use crate::deployment::Deployment;

impl FormerRows<'_> {
    /// The CA of that name: a row in the partition of the CA's name that counts CRLs, with a CA certificate
    /// that has the row's serial number and is signed by the CA above. A leaf of that name fails these checks. The
    /// order of rows means nothing: of several such rows the newest is used. Also serves
    /// where the journal has the CA, and its item cannot be read.
    pub(in crate::ledger) async fn ca(
        &self,
        ca_name: &CaName,
        parent: Option<&KnownCa>,
    ) -> Result<Option<KnownCa>, LedgerError> {
        let rows = self.0.tables.query(&Range::rows(ca_name.as_str())).await?;
        let mut newest: Option<KnownCa> = None;
        for item in rows {
            let row = match Row::parse(&item) {
                Ok(row) => row,
                Err(error) => {
                    super::super::skip("a CA's row", &item, &error);
                    continue;
                }
            };
            let Some(ca) = as_ca(row, ca_name, parent) else {
                tracing::warn!(%ca_name, "a row has a CA's name and is not that CA; it is left alone");
                continue;
            };
            let begins = |ca: &KnownCa| ca.certificate().map(Certificate::not_before);
            if newest.as_ref().is_none_or(|newest| begins(newest) < begins(&ca)) {
                newest = Some(ca);
            }
        }
        Ok(newest)
    }
}

fn as_ca(row: Row, ca_name: &CaName, parent: Option<&KnownCa>) -> Option<KnownCa> {
    if !row.counts_crls {
        return None;
    }
    let record = CaRecord {
        ca_name: ca_name.clone(),
        parent: parent.map(|parent| parent.record.ca_name.clone()),
        key: Deployment::key_of(ca_name),
        certificate: row.certificate,
        status: IssuerStatus::default(),
    };
    let ca = KnownCa::new(record, row.serial, false);
    let certificate = ca.certificate()?;
    let signer = match parent {
        None => ca.key()?,
        Some(parent) => parent.key()?,
    };
    let is_ca = certificate
        .basic_constraints()
        .is_some_and(|constraints| constraints.ca);
    let fits = is_ca && certificate.serial() == row.serial && certificate.is_signed_by(&signer);
    fits.then_some(ca)
}
