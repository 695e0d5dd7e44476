//! Certificates: how a row becomes a record, and how certificates are found.

use std::fmt::Write as _;

use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::keystore::{KeyName, Receipt};
use chancery_authority::port::ledger::{
    CertificateRecord, Cursor, IdempotencyToken, IntentCode, IntentId, Kind, Page, Revocation, Search, ToRevoke,
    TokenOrigin,
};
use chancery_authority::principal::{Attributes, Principal};
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::fault::{Fault, damaged};
use super::position::Claims;

/// Most certificates on a page, whatever limit the caller gives: bounds the memory of one answer.
const MAX_PAGE: usize = 1000;

/// Most ids that one page reads: a condition that few certificates fulfil would otherwise read the whole ledger. The
/// next page continues after the window; a page may therefore have a cursor although it is not full.
const WINDOW: i64 = 50_000;

/// Most certificates that are sorted for a page when the index of names or of expiry leads to them: where there are
/// more, scanning all in the order of the answer is faster.
const ORDERED: i64 = 10_000;

/// Limits on the cost of one page.
#[derive(Clone, Copy)]
struct Bounds {
    window: i64,
    ordered: i64,
}

/// A parsed row of `certificates`, with what the port's record does not contain.
pub(crate) struct CertificateRow {
    pub(crate) id: i64,
    pub(crate) issuer: i64,
    pub(crate) is_authority: bool,
    pub(crate) reserved_at: UnixTime,
    pub(crate) stage: Stage,
    pub(crate) token: Option<IdempotencyToken>,
    pub(crate) token_origin: TokenOrigin,
    pub(crate) authentication: Option<IntentCode>,
    predecessor: Option<i64>,
    /// `kind`, `renews`, `revocation` and `reminders` are not filled in yet; `certificate` is the TBSCertificate unless
    /// issued.
    pub(crate) record: CertificateRecord,
}

/// State of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
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
                 c.principal_attributes
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
            stage: match (issued_at, row.get::<_, Option<i64>>(15)?) {
                (None, None) => Stage::Open,
                (Some(_), None) => Stage::Issued,
                (_, Some(_)) => Stage::Lost,
            },
            token: row.get::<_, Option<String>>(16)?.map(IdempotencyToken),
            authentication: authentication.as_deref().and_then(IntentCode::from_octets),
            token_origin: if row.get(20)? {
                TokenOrigin::Invocation
            } else {
                TokenOrigin::Caller
            },
            predecessor: row.get(21)?,
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
            Err(fault) if fault.is_of_row() => Ok((self.record, Some(fault.in_words()))),
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
        let (ca_name, parent, key): (String, Option<String>, String) = connection
            .prepare_cached("SELECT slug, parent, key FROM authorities WHERE certificate = ?1")?
            .query_row([self.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?
            .ok_or_else(|| damaged(format!("row {} of certificates: its CA is not recorded", self.id)))?;
        let named = |ca_name| CaName::new(ca_name).map_err(|error| damaged(format!("a row of authorities: {error}")));
        Ok(Kind::Authority {
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

/// One issued certificate.
pub(crate) fn certificate(
    connection: &Connection,
    issuer: Option<&CaName>,
    serial: Serial,
) -> Result<Option<CertificateRecord>, Fault> {
    let issuer = match issuer {
        None => None,
        Some(ca_name) => match issuer_number(connection, ca_name)? {
            None => return Ok(None),
            known => known,
        },
    };
    match row_by_serial(connection, issuer, serial)? {
        Some(row) if row.stage == Stage::Issued => row.complete(connection).map(Some),
        _ => Ok(None),
    }
}

/// The same, for revoking it: a damaged row of its predecessor does not make this fail.
pub(crate) fn certificate_to_revoke(connection: &Connection, serial: Serial) -> Result<Option<ToRevoke>, Fault> {
    let row = row_by_serial(connection, None, serial)?;
    let Some(row) = row.filter(|row| row.stage == Stage::Issued) else {
        return Ok(None);
    };
    let mut row = row;
    let differing = Claims::read(connection)?.tell(connection, &mut row)?;
    let (record, damaged) = row.complete_to_revoke(connection)?;
    let damaged: Vec<String> = differing.into_iter().chain(damaged).collect();
    let damaged = (!damaged.is_empty()).then(|| damaged.join("; "));
    Ok(Some(ToRevoke { record, damaged }))
}

/// The row id of an issuer.
pub(crate) fn issuer_number(connection: &Connection, ca_name: &CaName) -> Result<Option<i64>, Fault> {
    let number = connection
        .prepare_cached("SELECT id FROM issuers WHERE slug = ?1")?
        .query_row([ca_name.as_str()], |row| row.get(0))
        .optional()?;
    Ok(number)
}

/// A page of certificates, ordered by their reservation: ids rise with it and never change, which keeps pages stable.
pub(crate) fn search(
    connection: &Connection,
    query: &Search,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, Fault> {
    let bounds = Bounds {
        window: WINDOW,
        ordered: ORDERED,
    };
    search_within(connection, query, after, limit, bounds)
}

/// Whether a search reads only the certificates of one name or key.
pub(crate) fn is_by_equality(query: &Search) -> bool {
    let is_exact = |name: &String| !name.ends_with('*');
    query.key.is_some() || query.common_name.as_ref().is_some_and(is_exact)
}

fn search_within(
    connection: &Connection,
    query: &Search,
    after: Option<&Cursor>,
    limit: usize,
    bounds: Bounds,
) -> Result<Page, Fault> {
    let position = |cursor: &Cursor| {
        // `i64::parse` accepts a sign; ids have none.
        let digits = cursor.0.bytes().all(|octet| octet.is_ascii_digit());
        let position = digits.then(|| cursor.0.parse::<i64>().ok()).flatten();
        position.ok_or_else(|| LedgerError::foreign_cursor(cursor))
    };
    let after = after.map(position).transpose()?;
    let issuer = match &query.issuer {
        None => None,
        Some(ca_name) => match issuer_number(connection, ca_name)? {
            None => return Ok(Page::default()),
            known => known,
        },
    };
    let limit = limit.clamp(1, MAX_PAGE);
    let window = bounds.window;
    let mut filter = Filter::for_query(connection, query, bounds.ordered)?;
    if let Some(issuer) = issuer {
        filter.and("c.issuer = ?", [issuer.into()]);
    }
    let column = if filter.revocations_first {
        "r.certificate"
    } else {
        "c.id"
    };
    let (compare, order) = if query.oldest_first {
        (">", "ASC")
    } else {
        ("<", "DESC")
    };
    if let Some(after) = after {
        filter.and(&format!("{column} {compare} ?"), [after.into()]);
    }
    let newest: i64 = connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM certificates")?
        .query_row([], |row| row.get(0))?;
    // The last id of the window. Certificates of one name or key, or few that an index leads to, are found without
    // reading others.
    let end = match (filter.is_whole, query.oldest_first) {
        (true, _) => None,
        (false, true) => Some(after.unwrap_or(0).saturating_add(window)).filter(|end| *end < newest),
        (false, false) => {
            let start = after.unwrap_or(i64::MAX).min(newest.saturating_add(1));
            Some(start.saturating_sub(window)).filter(|end| *end > 1)
        }
    };
    if let Some(end) = end {
        let within = if query.oldest_first { "<=" } else { ">=" };
        filter.and(&format!("{column} {within} ?"), [end.into()]);
    }
    // One more than the limit shows whether there is a next page.
    filter
        .parameters
        .push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX) + 1));
    let sql = format!(
        "SELECT c.id FROM {} WHERE {} ORDER BY {column} {order} LIMIT ?",
        filter.source, filter.conditions
    );
    let mut ids: Vec<i64> = connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(&filter.parameters), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = if more { ids.last().copied() } else { end };
    let next = next.map(|id| Cursor(id.to_string()));
    let certificates = ids.iter().map(|&id| by_id(connection, id)).collect::<Result<_, _>>()?;
    Ok(Page { certificates, next })
}

pub(crate) fn by_id(connection: &Connection, id: i64) -> Result<CertificateRecord, Fault> {
    let mut statement = connection.prepare_cached(select_rows!("c.id = ?1"))?;
    let mut rows = statement.query([id])?;
    let row = rows
        .next()?
        .ok_or_else(|| damaged(format!("row {id} of certificates: its issuer is not recorded")))?;
    CertificateRow::read(row)?.complete(connection)
}

/// A query as SQL: the table or index that it starts from, and the conditions.
struct Filter {
    source: &'static str,
    /// Whether one page may read everything that the source leads to.
    is_whole: bool,
    revocations_first: bool,
    conditions: String,
    parameters: Vec<Value>,
}

impl Filter {
    fn for_query(connection: &Connection, query: &Search, ordered: i64) -> Result<Self, Fault> {
        let (exact, prefix) = match query.common_name.as_deref() {
            None | Some("*") => (None, None),
            Some(name) => match name.strip_suffix('*') {
                Some(prefix) => (None, Some(prefix)),
                None => (Some(name), None),
            },
        };
        let by_equality = exact.is_some() || query.key.is_some();
        let revocations_first = query.revoked == Some(true) && !by_equality;
        // SQLite has no statistics here, so the query names what to start from. `expires_before`, alone or with
        // `expires_from`, selects what expires soon; `expires_from` alone selects nearly everything, which is found
        // faster in the order of the answer. The same holds for an index that leads to many rows: all of them would be
        // sorted for every page.
        let (source, is_whole) = if revocations_first {
            ("revocations r CROSS JOIN certificates c ON c.id = r.certificate", false)
        } else if by_equality {
            ("certificates c", true)
        } else if let Some(prefix) = prefix
            && is_little(connection, by_name(prefix), ordered)?
        {
            ("certificates c INDEXED BY certificates_by_name", true)
        } else if let Some(before) = query.expires_before
            && is_little(connection, by_expiry(query.expires_from, before), ordered)?
        {
            ("certificates c INDEXED BY certificates_by_expiry", true)
        } else {
            ("certificates c NOT INDEXED", false)
        };
        let conditions = "c.issued_at IS NOT NULL".into();
        let mut filter = Self {
            source,
            is_whole,
            revocations_first,
            conditions,
            parameters: Vec::new(),
        };
        if let Some(name) = exact {
            filter.and("c.common_name = ?", [name.to_owned().into()]);
        }
        if let Some(prefix) = prefix {
            filter.and("c.common_name >= ?", [prefix.to_owned().into()]);
            if let Some(end) = end_of_prefix(prefix) {
                filter.and("c.common_name < ?", [end.into()]);
            }
        }
        if let Some(key) = query.key {
            filter.and("c.key = ? AND c.lost_at IS NULL", [key.0.to_vec().into()]);
        }
        if let Some(from) = query.expires_from {
            filter.and("c.not_after >= ?", [from.0.into()]);
        }
        if let Some(before) = query.expires_before {
            filter.and("c.not_after < ?", [before.0.into()]);
        }
        let revoked = "EXISTS (SELECT 1 FROM revocations x WHERE x.certificate = c.id)";
        match query.revoked {
            Some(true) if !revocations_first => filter.and(revoked, []),
            Some(false) => filter.and(&format!("NOT {revoked}"), []),
            Some(true) | None => {}
        }
        Ok(filter)
    }

    fn and<const N: usize>(&mut self, condition: &str, parameters: [Value; N]) {
        let _ = write!(self.conditions, " AND {condition}");
        self.parameters.extend(parameters);
    }
}

/// A range of an index: its name, conditions, and their parameters.
type Stretch = (&'static str, String, Vec<Value>);

fn by_name(prefix: &str) -> Stretch {
    let mut conditions = "common_name >= ?".to_owned();
    let mut parameters: Vec<Value> = vec![prefix.to_owned().into()];
    if let Some(end) = end_of_prefix(prefix) {
        conditions.push_str(" AND common_name < ?");
        parameters.push(end.into());
    }
    ("certificates_by_name", conditions, parameters)
}

fn by_expiry(from: Option<UnixTime>, before: UnixTime) -> Stretch {
    let from = from.map_or(i64::MIN, |from| from.0);
    let conditions = "not_after >= ? AND not_after < ?".to_owned();
    ("certificates_by_expiry", conditions, vec![from.into(), before.0.into()])
}

/// Whether a range of an index has at most `most` certificates; counts no further.
fn is_little(connection: &Connection, (index, conditions, mut parameters): Stretch, most: i64) -> Result<bool, Fault> {
    parameters.push(Value::Integer(most.saturating_add(1)));
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM certificates INDEXED BY {index}
             WHERE issued_at IS NOT NULL AND {conditions} LIMIT ?)"
    );
    let found: i64 = connection
        .prepare_cached(&sql)?
        .query_row(params_from_iter(&parameters), |row| row.get(0))?;
    Ok(found <= most)
}

/// The least string greater than all that begin with `prefix`; `None` where there is none.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut start = prefix.to_owned();
    while let Some(last) = start.pop() {
        // The code points in between are surrogates, which no string contains.
        let next = if last == '\u{d7ff}' {
            Some('\u{e000}')
        } else {
            char::from_u32(last as u32 + 1)
        };
        if let Some(next) = next {
            start.push(next);
            return Some(start);
        }
    }
    None
}

/// Certificates with expiry reminders, ordered by expiry. One that cannot be read is logged and left out.
pub(crate) fn expiring(
    connection: &Connection,
    (from, to): (UnixTime, UnixTime),
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, Fault> {
    let start = |cursor: &Cursor| {
        let (not_after, id) = cursor
            .0
            .split_once('.')
            .ok_or_else(|| LedgerError::foreign_cursor(cursor))?;
        not_after
            .parse::<i64>()
            .ok()
            .zip(id.parse::<i64>().ok())
            .ok_or_else(|| LedgerError::foreign_cursor(cursor))
    };
    let (after_time, after_id) = after.map(start).transpose()?.unwrap_or((from.0, i64::MIN));
    let limit = limit.clamp(1, MAX_PAGE);
    let mut found: Vec<(i64, i64)> = connection
        .prepare_cached(
            "SELECT not_after, id FROM certificates INDEXED BY certificates_to_remind
             WHERE notify_expiry = 1 AND issued_at IS NOT NULL AND not_after >= ?1 AND not_after < ?2
                 AND (not_after, id) > (?3, ?4)
             ORDER BY not_after, id LIMIT ?5",
        )?
        .query_map(
            (
                from.0.max(after_time),
                to.0,
                after_time,
                after_id,
                i64::try_from(limit).unwrap_or(i64::MAX) + 1,
            ),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<Result<_, _>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(not_after, id)| Cursor(format!("{not_after}.{id}")));
    let mut certificates = Vec::with_capacity(found.len());
    for (_, id) in found {
        match by_id(connection, id) {
            Ok(record) => certificates.push(record),
            Err(Fault::Ledger(error)) => tracing::error!(%error, "a certificate gets no reminder"),
            Err(other) => return Err(other),
        }
    }
    Ok(Page { certificates, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_looks_at_so_much_and_the_next_goes_on() {
        let connection = Connection::open_in_memory().unwrap();
        for migration in crate::ledger::schema::MIGRATIONS {
            connection.execute_batch(migration).unwrap();
        }
        connection
            .execute_batch(
                "INSERT INTO issuers (id, slug) VALUES (1, 'a-ca');
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 95)
                 INSERT INTO certificates (issuer, serial, key, is_authority, common_name, profile, not_before, not_after,
                     principal, notify_expiry, reserved_at, issued_at, der)
                 SELECT 1, unhex(printf('%040x', i)), zeroblob(32), 0, iif(i % 40 = 0, 'rare', 'n' || i), 'tls', 0,
                     iif(i % 30 = 0, 900, 100), 'p', 0, i, i, x'30' FROM n;
                 INSERT INTO revocations (issuer, shard, serial, not_after, revoked_at, reason, principal, certificate)
                 SELECT 1, -1, serial, not_after, 5, 0, 'p', id FROM certificates WHERE id IN (3, 50, 94);",
            )
            .unwrap();
        let late = Search {
            expires_from: Some(UnixTime(500)),
            ..Search::default()
        };
        let revoked = |revoked| Search {
            revoked: Some(revoked),
            ..Search::default()
        };
        let named = Search {
            common_name: Some("rar*".to_owned()),
            ..Search::default()
        };
        let many = Search {
            common_name: Some("n*".to_owned()),
            ..Search::default()
        };
        let soon = |before| Search {
            expires_before: Some(UnixTime(before)),
            ..Search::default()
        };
        let bounds = Bounds { window: 10, ordered: 5 };
        // Few rows of an index are on one page; many are searched for like everything else.
        for (query, found, pages_of_it) in [
            (late, 3, 10..30),
            (revoked(true), 3, 10..30),
            (revoked(false), 92, 10..30),
            (named, 2, 1..2),
            (many, 93, 10..30),
            (soon(100), 0, 1..2),
            (soon(101), 92, 10..30),
            (Search::default(), 95, 10..30),
        ] {
            for oldest_first in [false, true] {
                let query = Search {
                    oldest_first,
                    ..query.clone()
                };
                let (mut ids, mut after, mut pages) = (Vec::new(), None, 0);
                loop {
                    let page = search_within(&connection, &query, after.as_ref(), 7, bounds).unwrap();
                    assert!(page.certificates.len() <= 7);
                    ids.extend(page.certificates.iter().map(|record| record.issued_at.0));
                    pages += 1;
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert!(pages_of_it.contains(&pages), "{query:?}: {pages} pages");
                assert_eq!(ids.len(), found, "{query:?}");
                assert!(
                    if oldest_first {
                        ids.is_sorted()
                    } else {
                        ids.iter().rev().is_sorted()
                    },
                    "{query:?}"
                );
            }
        }
    }

    /// A page of three rows reads about three rows, however many fulfil its condition.
    #[test]
    fn a_page_by_prefix_or_end_does_not_put_all_in_order() {
        let connection = Connection::open_in_memory().unwrap();
        for migration in crate::ledger::schema::MIGRATIONS {
            connection.execute_batch(migration).unwrap();
        }
        connection
            .execute_batch(
                "INSERT INTO issuers (id, slug) VALUES (1, 'a-ca');
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
                 INSERT INTO certificates (issuer, serial, key, is_authority, common_name, profile, not_before, not_after,
                     principal, notify_expiry, reserved_at, issued_at, der)
                 SELECT 1, unhex(printf('%040x', i)), zeroblob(32), 0, 'n' || i, 'tls', 0, 100, 'p', 0, i, i, x'30' FROM n;",
            )
            .unwrap();
        let named = Search {
            common_name: Some("n*".to_owned()),
            ..Search::default()
        };
        let ending = Search {
            expires_before: Some(UnixTime(500)),
            ..Search::default()
        };
        for query in [named, ending] {
            let filter = Filter::for_query(&connection, &query, ORDERED).unwrap();
            assert!(!filter.is_whole && filter.source.ends_with("NOT INDEXED"), "{query:?}");
            let sql = format!(
                "SELECT c.id FROM {} WHERE {} ORDER BY c.id DESC LIMIT 3",
                filter.source, filter.conditions
            );
            let mut statement = connection.prepare(&sql).unwrap();
            let found = statement.query_map(params_from_iter(&filter.parameters), |row| row.get::<_, i64>(0));
            assert_eq!(
                found.unwrap().map(Result::unwrap).collect::<Vec<_>>(),
                [40_000, 39_999, 39_998]
            );
            let steps = statement.get_status(rusqlite::StatementStatus::VmStep);
            assert!(steps < 1000, "{query:?}: {steps} steps");
        }
    }

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        assert_eq!(end_of_prefix("abc"), Some("abd".into()));
        assert_eq!(end_of_prefix("a\u{d7ff}"), Some("a\u{e000}".into()));
        assert_eq!(end_of_prefix("a\u{10ffff}"), Some("b".into()));
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
    }
}
