//! The place of a renewal among the descendants of a certificate, and what must still hold when it is reserved.

use chancery_authority::port::ledger::{CertificateIntent, IntentId, LedgerError, NotRenewable, RENEWALS};
use chancery_x509::key::KeyFingerprint;

use super::item::Item;
use super::journal_entry::Renewal;
use super::line::Successor;
use super::tables::Table;
use super::transaction::Write;
use super::{DynamoLedger, StoredCertificate, journal_keys};

/// The place of a successor, and what must still hold when it is reserved.
pub(super) struct Succession {
    pub(super) renewal: Renewal,
    /// The line's version as it was read; `None`: nothing has been renewed in it yet.
    version: Option<u64>,
    /// Keys of the rows that must not be revoked.
    unrevoked: Vec<Item>,
    /// The predecessor's key, which must not be blocked.
    unblocked: Option<KeyFingerprint>,
}

impl Succession {
    pub(super) fn writes(&self, intent: &CertificateIntent) -> Vec<Write> {
        let (root, serial) = (self.renewal.root, intent.id.serial);
        let one = Item::default().number(":one", 1);
        let mut writes = vec![
            Write::Update {
                table: Table::Journal,
                key: journal_keys::line_state(root),
                update: "ADD #Version :one".to_owned(),
                condition: match self.version {
                    None => "attribute_not_exists(#Version)",
                    Some(_) => "#Version = :seen",
                },
                with: match self.version {
                    None => one,
                    Some(seen) => one.number(":seen", seen),
                },
            },
            Write::Put {
                table: Table::Journal,
                item: journal_keys::successor(root, serial)
                    .text("Predecessor", self.renewal.predecessor.serial.to_string())
                    .time("NotAfter", intent.not_after),
                condition: None,
                with: Item::default(),
            },
        ];
        writes.extend(self.unrevoked.iter().map(|row| Write::Check {
            table: Table::Certificates,
            key: row.clone(),
            condition: "attribute_exists(#CommonName) AND attribute_not_exists(#Revoked)",
            with: Item::default(),
        }));
        writes.extend(self.unblocked.map(|key| Write::Check {
            table: Table::Journal,
            key: journal_keys::block(key),
            condition: "attribute_not_exists(#Blocked)",
            with: Item::default(),
        }));
        writes
    }
}

impl DynamoLedger {
    /// The place of a successor of that certificate, if it may have one.
    pub(super) async fn place_of_successor(
        &self,
        predecessor: &IntentId,
        intent: &CertificateIntent,
    ) -> Result<Succession, LedgerError> {
        let serial = predecessor.serial;
        let refused = |why| Err(LedgerError::NotRenewable { serial, why });
        let found = self.find(serial).await?.filter(|found| found.record.id == *predecessor);
        let Some(StoredCertificate { record, row_key }) = found else {
            return Err(LedgerError::NotFound(serial));
        };
        // An attacker may have replaced the row; the list still has the revocation.
        let listed = journal_keys::revocation(&record.scope(), serial);
        if record.revocation.is_some() || self.tables.get(Table::Journal, listed).await?.is_some() {
            return refused(NotRenewable::Revoked(serial));
        }
        let own = self.renewal_of(&record).await?;
        if self.is_blocked(record.key).await? {
            return refused(NotRenewable::KeyBlocked);
        }
        let (root, renewals) = own.map_or((serial, 0), |own| (own.root, own.renewals));
        if renewals >= RENEWALS {
            return refused(NotRenewable::TooOften);
        }
        let mut unrevoked = vec![row_key];
        if root != serial {
            let found = self.find(root).await?.ok_or(LedgerError::NotFound(root))?;
            if found.record.revocation.is_some() {
                return refused(NotRenewable::Revoked(root));
            }
            unrevoked.push(found.row_key);
        }
        let line = self.line(root).await?;
        if let Some(revoked) = line.revoked_ancestor(serial, root) {
            return refused(NotRenewable::Revoked(revoked));
        }
        let successor = line.successors.iter().find(|(_, successor)| {
            successor.predecessor == serial && !successor.revoked && successor.not_after > intent.at
        });
        if let Some((successor, Successor { not_after, .. })) = successor {
            return refused(NotRenewable::Renewed {
                successor: *successor,
                until: *not_after,
            });
        }
        Ok(Succession {
            renewal: Renewal {
                predecessor: predecessor.clone(),
                root,
                renewals: renewals + 1,
            },
            version: line.version,
            unrevoked,
            // The reservation checks its own key anyway, and a transaction may name an item only once.
            unblocked: Some(record.key).filter(|key| *key != intent.key),
        })
    }
}
