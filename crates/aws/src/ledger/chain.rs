//! That no CA of a chain is revoked, as a condition of the transaction that reserves.
//!
//! Whoever revokes a CA puts an item in each of several partitions, in the transaction that revokes it, and whoever reserves
//! under that CA has it as a condition that there is none in one of them. Transactions that name one item conflict, also where
//! they only look at it: were it the CA's row, no two certificates could be reserved at one time.

use chancery_authority::CaName;
use chancery_authority::port::ledger::LedgerError;
use chancery_x509::serial::Serial;

use super::authorities::KnownCa;
use super::item::Item;
use super::tables::{Table, Write};
use super::{DynamoLedger, names};

/// What revoking a CA of that serial number writes beside its revocation. Written again it says the same.
pub(super) fn ending(ca: Serial) -> impl Iterator<Item = Write> {
    names::revoked_ca(ca).map(|item| Write::Put {
        table: Table::Journal,
        item,
        condition: None,
        with: Item::default(),
    })
}

/// What holds as long as a CA is not revoked. A CA whose row was not adopted has been revoked by that row alone, if it was: it
/// has to be there to say that it was not.
fn stands(ca: &KnownCa, reserving: Serial) -> Write {
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

impl DynamoLedger {
    /// For an issuer and each CA above it, itself first, the condition that it is not revoked. None where the ledger has no
    /// such CA: a root that is being made.
    pub(super) async fn chain_stands(
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
            // Parents that go in a circle would be damage, and must end all the same.
            if chain.len() == cas.len() {
                break;
            }
            chain.push((ca.record.ca_name.clone(), stands(ca, reserving)));
            next = ca.record.parent.as_ref();
        }
        Ok(chain)
    }
}
