//! CAs.

use std::collections::HashSet;

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::keystore::KeyName;
use chancery_authority::port::ledger::{CaRecord, IssuerChange, Issuers};
use rusqlite::Connection;

use super::fault::{Fault, damaged};
use super::{SqliteLedger, chain, issuer_states};

#[async_trait]
impl Issuers for SqliteLedger {
    async fn list(&self) -> Result<Vec<CaRecord>, LedgerError> {
        self.read(cas).await
    }

    async fn is_revoked(&self, ca: &CaName) -> Result<bool, LedgerError> {
        let ca = ca.clone();
        self.read(move |connection| chain::is_revoked(connection, &ca)).await
    }

    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError> {
        self.write(move |writing| issuer_states::change(writing, &change)).await
    }
}

/// Every CA whose certificate was issued, parents before children.
pub(crate) fn cas(connection: &Connection) -> Result<Vec<CaRecord>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT a.slug, a.parent, a.key, c.der FROM authorities a JOIN certificates c ON c.id = a.certificate
         WHERE c.issued_at IS NOT NULL ORDER BY c.id",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let ca_name =
            |text: String| CaName::new(text).map_err(|error| damaged(format!("a row of authorities: {error}")));
        found.push(CaRecord {
            status: issuer_states::status(connection, &row.get::<_, String>(0)?)?,
            ca_name: ca_name(row.get(0)?)?,
            parent: row.get::<_, Option<String>>(1)?.map(ca_name).transpose()?,
            key: KeyName(row.get(2)?),
            certificate: row.get(3)?,
        });
    }
    Ok(parents_first(found))
}

/// Keeps the order, except that a child moves behind its parent. A parent that is missing is not waited for.
fn parents_first(mut waiting: Vec<CaRecord>) -> Vec<CaRecord> {
    let mut missing: HashSet<CaName> = waiting.iter().map(|ca| ca.ca_name.clone()).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = |ca: &CaRecord| ca.parent.as_ref().is_none_or(|parent| !missing.contains(parent));
        // CAs that are each other's parents never become ready: take the first.
        let next = waiting.iter().position(ready).unwrap_or(0);
        let ca = waiting.remove(next);
        missing.remove(&ca.ca_name);
        ordered.push(ca);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ca(ca_name: &str, parent: Option<&str>) -> CaRecord {
        CaRecord {
            status: chancery_authority::port::ledger::IssuerStatus::default(),
            ca_name: CaName::new(ca_name).unwrap(),
            parent: parent.map(|parent| CaName::new(parent).unwrap()),
            key: KeyName(ca_name.into()),
            certificate: Vec::new(),
        }
    }

    #[test]
    fn parents_come_first_whatever_the_order_of_recording() {
        let recorded = vec![
            ca("grandchild", Some("child")),
            ca("other", Some("gone")),
            ca("child", Some("root")),
            ca("root", None),
        ];
        let ordered = parents_first(recorded);
        let ca_names: Vec<_> = ordered.iter().map(|ca| ca.ca_name.as_str()).collect();
        assert_eq!(ca_names, ["other", "root", "child", "grandchild"]);
    }

    #[test]
    fn parents_in_a_circle_come_to_an_end() {
        let ordered = parents_first(vec![ca("one", Some("two")), ca("two", Some("one"))]);
        assert_eq!(ordered.len(), 2);
    }
}
