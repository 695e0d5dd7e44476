//! The condition, in a reserving transaction, that no CA of the issuer's chain is revoked.
//!
//! Revoking a CA puts one item into each of several partitions, in the revoking transaction; reserving under that CA
//! requires that the item of one of those partitions does not exist. Why several: transactions that touch one item
//! conflict, even if they only check it. With a condition on the CA's row, no two certificates could be reserved at a
//! time.

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CertificateRecord, Kind, LedgerError, compromises_key};
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;

use super::item::Item;
use super::journal_entry::JournalEntry;
use super::known_ca::KnownCa;
use super::tables::Table;
use super::transaction::Write;
use super::{DynamoLedger, journal_keys};

/// The writes, besides its revocation, that revoke the CA whose first certificate has that serial number. Repeating them
/// changes nothing.
pub(super) fn revoking_writes(ca: Serial) -> impl Iterator<Item = Write> {
    journal_keys::revoked_ca(ca).map(|item| Write::Put {
        table: Table::Journal,
        item,
        condition: None,
        with: Item::default(),
    })
}

/// The condition that a CA is not revoked. A CA whose row was not adopted has its revocation only in that row: the row
/// must exist, and must not be revoked.
fn not_revoked(ca: &KnownCa, reserving: Serial) -> Write {
    if ca.is_recorded {
        Write::Check {
            table: Table::Journal,
            key: journal_keys::revoked_ca_seen_by(ca.first, reserving),
            condition: "attribute_not_exists(#Key)",
            with: Item::default(),
        }
    } else {
        Write::Check {
            table: Table::Certificates,
            key: ca.row_key(),
            condition: "attribute_exists(#CommonName) AND attribute_not_exists(#Revoked)",
            with: Item::default(),
        }
    }
}

/// Refuses a CA that was not signed by the one that its record has above it: whoever takes the parent out of the record
/// would take its revocation with it. A certificate that cannot be parsed is left to whoever opens the CAs.
fn refuse_other_signer(ca: &KnownCa, above: Option<&KnownCa>) -> Result<(), LedgerError> {
    let Some(certificate) = ca.certificate() else {
        return Ok(());
    };
    if ca.is_signed_from_above(above) {
        return Ok(());
    }
    let recorded = ca.record.parent.as_ref().map_or("no CA", CaName::as_str);
    Err(LedgerError::Damaged {
        detail: format!(
            "the record of CA {} has {recorded} above it, and {} signed its certificate; somebody has changed the record: restore \
             it",
            ca.record.ca_name,
            certificate.issuer().to_rfc4514()
        ),
    })
}

impl DynamoLedger {
    /// The writes that revoke a CA with one of its certificates, for that reason. None for a leaf, nor for a former
    /// certificate that was superseded; for a cross-certificate only if the key is compromised and the CA is one of this
    /// ledger's.
    pub(super) async fn revoking_writes_of_record(
        &self,
        record: &CertificateRecord,
        reason: RevocationReason,
    ) -> Result<Vec<Write>, LedgerError> {
        let root = match self.renewal_of(record).await {
            // Then its own serial number has to do.
            Err(LedgerError::Damaged { .. }) => None,
            renewal => renewal?.map(|renewal| renewal.root),
        };
        let serial = record.id.serial;
        self.revoking_writes_of_kind(&record.kind, record.key, (serial, root.unwrap_or(serial)), reason)
            .await
    }

    /// The same for the entry of a certificate.
    pub(super) async fn revoking_writes_of_entry(
        &self,
        entry: &JournalEntry,
        reason: RevocationReason,
    ) -> Result<Vec<Write>, LedgerError> {
        let serial = entry.id.serial;
        let root = entry.renewal.as_ref().map_or(serial, |renewal| renewal.root);
        self.revoking_writes_of_kind(&entry.kind, entry.key, (serial, root), reason)
            .await
    }

    async fn revoking_writes_of_kind(
        &self,
        kind: &Kind,
        key: KeyFingerprint,
        (serial, root): (Serial, Serial),
        reason: RevocationReason,
    ) -> Result<Vec<Write>, LedgerError> {
        let first = match kind {
            Kind::Leaf => None,
            Kind::CrossCertificate if !compromises_key(reason) => None,
            Kind::CrossCertificate => {
                let cas = self.read_cas().await?;
                let serials: Vec<Serial> = cas.iter().map(|ca| ca.serial).collect();
                let entries = self.entries(&serials).await?;
                let has_key = |ca: &&KnownCa| {
                    ca.key().is_some_and(|own| own.fingerprint() == key)
                        || entries.get(&ca.serial).is_some_and(|entry| entry.key == key)
                };
                cas.iter().find(has_key).map(|ca| ca.first)
            }
            Kind::Ca { .. } if reason == RevocationReason::Superseded && self.is_former(serial).await? => None,
            Kind::Ca { .. } => Some(root),
        };
        Ok(first.into_iter().flat_map(revoking_writes).collect())
    }

    /// Whether a CA is revoked, as reservations see it.
    pub(super) async fn is_ca_revoked(&self, ca: &CaName) -> Result<bool, LedgerError> {
        let cas = self.read_cas().await?;
        let Some(ca) = cas.iter().find(|known| known.record.ca_name == *ca) else {
            return Ok(false);
        };
        if !ca.is_recorded {
            let row = self.tables.get(Table::Certificates, ca.row_key()).await?;
            return Ok(row.is_some_and(|row| row.has("Revoked")));
        }
        let Some(marker) = journal_keys::revoked_ca(ca.first).next() else {
            return Ok(false);
        };
        Ok(self.tables.get(Table::Journal, marker).await?.is_some())
    }

    /// Whether no CA has the certificate of that serial number as its present one.
    async fn is_former(&self, serial: Serial) -> Result<bool, LedgerError> {
        let cas = self.read_cas().await?;
        Ok(!cas.iter().any(|ca| ca.serial == serial))
    }

    /// For an issuer and each CA above it, issuer first, the condition that it is not revoked. Empty if the ledger has
    /// no such CA: a root that is being made.
    pub(super) async fn chain_not_revoked(
        &self,
        issuer: &CaName,
        reserving: Serial,
    ) -> Result<Vec<(CaName, Write)>, LedgerError> {
        let mut cas = self.known_cas().await?;
        if !cas.iter().any(|ca| ca.record.ca_name == *issuer) {
            cas = self.read_cas().await?;
        }
        let mut chain = Vec::new();
        let mut next = Some(issuer);
        while let Some(ca) = next.and_then(|ca_name| cas.iter().find(|ca| ca.record.ca_name == *ca_name)) {
            // A cycle of parents would be damage; the loop must end all the same.
            if chain.len() == cas.len() {
                break;
            }
            next = ca.record.parent.as_ref();
            let above = match next {
                None => Some(ca),
                Some(parent) => cas.iter().find(|ca| ca.record.ca_name == *parent),
            };
            refuse_other_signer(ca, above)?;
            chain.push((ca.record.ca_name.clone(), not_revoked(ca, reserving)));
        }
        Ok(chain)
    }
}
