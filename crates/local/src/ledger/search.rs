//! Finds certificates, a page at a time.

use std::fmt::Write as _;

use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{Cursor, Page, Search};
use chancery_x509::time::UnixTime;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::certificate_row::{by_id, issuer_number};
use super::fault::Fault;

/// Most certificates on a page, whatever limit the caller gives: bounds the memory of one answer.
pub(super) const MAX_PAGE: usize = 1000;

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
