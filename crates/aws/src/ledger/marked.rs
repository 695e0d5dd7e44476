//! CAs that a list says are revoked and that nobody has revoked.
//!
//! Whoever issues may list what was given up, and the list of a CA that certifies CAs ends a whole hierarchy. A CA's row is
//! marked by those alone who revoke: an entry for a CA's certificate counts where its row says so, too.

use std::collections::HashMap;

use chancery_authority::Slug;
use chancery_authority::port::ledger::{CrlScope, LedgerError};
use chancery_x509::serial::Serial;

use super::crl::View;
use super::tables::Range;
use super::{DynamoLedger, row};

impl DynamoLedger {
    /// Certificates of CAs that stand under that one, itself if it is a root, and whose rows do not say that they are revoked.
    pub(super) async fn unmarked_cas(&self, issuer: &Slug) -> Result<HashMap<Serial, Slug>, LedgerError> {
        let mut unmarked = HashMap::new();
        // Read anew: a CA that came since this process began is one of them.
        for ca in self.read_cas().await?.iter() {
            let record = &ca.record;
            if record.parent.as_ref().unwrap_or(&record.slug) != issuer {
                continue;
            }
            // All of its certificates: it may have been made anew.
            for item in self.tables.query(&Range::rows(record.slug.as_str())).await? {
                if let Ok(serial) = row::serial(&item)
                    && !item.has("Revoked")
                {
                    unmarked.insert(serial, record.slug.clone());
                }
            }
        }
        Ok(unmarked)
    }

    /// Leaves CAs out that nobody has revoked.
    pub(super) async fn leave_unmarked_out(&self, scope: &CrlScope, view: &mut View) -> Result<(), LedgerError> {
        if view.is_empty() {
            return Ok(());
        }
        let unmarked = self.unmarked_cas(&scope.issuer).await?;
        for serial in view.remove(|serial| unmarked.contains_key(&serial)) {
            let ca = unmarked.get(&serial).map(Slug::as_str).unwrap_or_default();
            view.damage(format!(
                "the list of {} has the certificate of CA {ca}, serial number {serial}, whose row does not say that it is \
                 revoked; it is left out. Find out who wrote that, and delete it; or revoke the CA",
                scope.issuer
            ));
        }
        Ok(())
    }
}
