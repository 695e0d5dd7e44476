//! Which CRLs certificates name in their distribution points.

use std::collections::BTreeMap;

use chancery_authority::CaName;
use chancery_authority::port::ledger::{CrlScope, CrlUse};
use chancery_x509::certificate::Certificate;
use chancery_x509::time::UnixTime;
use rusqlite::Connection;

use super::fault::{Fault, damaged};
use super::shard::shard_number;

/// Records that certificates name a CRL in their distribution points.
pub(crate) fn record_use(connection: &Connection, issuer: i64, used: &CrlUse) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO crl_uses (issuer, shard, url, until) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (issuer, shard, url) DO UPDATE SET until = excluded.until WHERE excluded.until > until",
        )?
        .execute((
            issuer,
            shard_number(used.scope.shard),
            used.url.as_deref().unwrap_or_default(),
            used.until.0,
        ))?;
    Ok(())
}

/// Every recorded use of a CRL.
pub(crate) fn uses(connection: &Connection) -> Result<Vec<CrlUse>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT i.slug, u.shard, u.url, u.until FROM crl_uses AS u JOIN issuers AS i ON i.id = u.issuer",
    )?;
    let mut rows = statement.query([])?;
    let mut uses = Vec::new();
    while let Some(row) = rows.next()? {
        let (ca_name, url): (String, String) = (row.get(0)?, row.get(2)?);
        let issuer = CaName::new(ca_name).map_err(|error| damaged(format!("issuers: {error}")))?;
        uses.push(CrlUse {
            scope: CrlScope {
                issuer,
                shard: u16::try_from(row.get::<_, i64>(1)?).ok(),
            },
            url: Some(url).filter(|url| !url.is_empty()),
            until: UnixTime(row.get(3)?),
        });
    }
    Ok(uses)
}

/// Issuer, shard and URL, as a certificate names them.
type Named = (i64, Option<u16>, Option<String>);

/// Fills the uses from unexpired certificates, once, in the migration: for those issued before uses were recorded.
pub(crate) fn find_uses(connection: &Connection) -> Result<(), Fault> {
    let mut statement = connection.prepare(
        "SELECT c.issuer, i.slug, c.shard, c.not_after, c.der FROM certificates AS c JOIN issuers AS i ON i.id = c.issuer
         WHERE c.issued_at IS NOT NULL AND c.not_after > unixepoch()",
    )?;
    let mut rows = statement.query([])?;
    let mut found: BTreeMap<Named, (CaName, UnixTime)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let ca_name: String = row.get(1)?;
        let issuer = CaName::new(ca_name).map_err(|error| damaged(format!("issuers: {error}")))?;
        let der: Vec<u8> = row.get(4)?;
        // A certificate that cannot be parsed names no URL; its row still shows that its scope is in use.
        let urls = Certificate::parse(&der).and_then(|certificate| certificate.crl_distribution_points());
        let url = urls.unwrap_or_default().into_iter().next();
        let until = UnixTime(row.get(3)?);
        let (_, latest) = found.entry((row.get(0)?, row.get(2)?, url)).or_insert((issuer, until));
        *latest = until.max(*latest);
    }
    for ((number, shard, url), (issuer, until)) in found {
        let scope = CrlScope { issuer, shard };
        record_use(connection, number, &CrlUse { scope, url, until })?;
    }
    Ok(())
}
