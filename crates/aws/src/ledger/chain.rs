//! The condition, in a reserving transaction, that no CA of the issuer's chain is revoked.
//!
//! Revoking a CA puts one item into each of several partitions, in the revoking transaction; reserving under that CA
//! requires that the item of one of those partitions does not exist. Why several: transactions that touch one item
//! conflict, even if they only check it. With a condition on the CA's row, no two certificates could be reserved at a
//! time.

use chancery_authority::CaName;
use chancery_authority::port::ledger::LedgerError;
use chancery_x509::serial::Serial;

use super::item::Item;
use super::known_ca::KnownCa;
use super::tables::Table;
use super::transaction::Write;
use super::{DynamoLedger, names};

/// The writes, besides its revocation, that revoke a CA of that serial number. Repeating them changes nothing.
pub(super) fn revoking_writes(ca: Serial) -> impl Iterator<Item = Write> {
    names::revoked_ca(ca).map(|item| Write::Put {
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
            key: names::revoked_ca_seen_by(ca.serial, reserving),
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
