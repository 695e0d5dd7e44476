//! Requirements on every [`Certificates`](chancery_authority::port::ledger::Certificates).

use std::sync::Arc;

use chancery_authority::port::ledger::{CertificateIntent, Cursor, IntentId, Ledger, LedgerError, Page, Reach, Search};
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::fixture::{NOW, ca_name, intent, issue, reserve, revocation, serial};
use super::ok;

/// Tests every requirement of [`Certificates`](chancery_authority::port::ledger::Certificates).
///
/// # Panics
/// If a requirement is violated.
pub async fn certificates(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    pages_are_stable(&*make().await).await;
    foreign_cursors_are_refused(&*make().await).await;
    conditions_combine(&*make().await).await;
}

pub(super) fn serials(page: &Page) -> Vec<Serial> {
    page.certificates.iter().map(|record| record.id.serial).collect()
}

pub(super) fn numbered(numbers: impl IntoIterator<Item = u32>) -> Vec<Serial> {
    numbers.into_iter().map(serial).collect()
}

/// Every certificate that the query finds, with three per page.
async fn all(ledger: &dyn Ledger, query: &Search) -> Vec<Serial> {
    let mut found = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = ok(ledger.certificates().search(query, after.as_ref(), 3).await);
        assert!(page.certificates.len() <= 3, "a page holds no more than the limit");
        found.extend(serials(&page));
        assert!(found.len() <= 100, "paging comes to an end");
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

async fn pages_are_stable(ledger: &dyn Ledger) {
    // Several certificates share a time, and serials are unordered: neither may confuse the pages.
    let issue_at = async |number: u32, position: i64| {
        let at = NOW.plus_seconds(position / 3);
        issue(ledger, &CertificateIntent { at, ..intent(number) }).await;
    };
    let numbers: Vec<u32> = (1..=10).map(|i| i * 7 % 11).collect();
    for (position, number) in (0..).zip(&numbers) {
        issue_at(*number, position).await;
    }
    for oldest_first in [false, true] {
        let query = Search {
            oldest_first,
            ..Search::default()
        };
        let first = ok(ledger.certificates().search(&query, None, 4).await);
        assert_eq!(first.certificates.len(), 4, "a page is full where there is more");
        let mut found = serials(&first);
        let mut next = first.next;
        let mut meanwhile = if oldest_first { 200 } else { 100 };
        while let Some(cursor) = next {
            // Newer ones, and one that is reserved and not complete.
            issue_at(meanwhile, i64::from(meanwhile)).await;
            reserve(ledger, &intent(meanwhile + 50)).await;
            meanwhile += 1;
            let page = ok(ledger.certificates().search(&query, Some(&cursor), 4).await);
            found.extend(serials(&page));
            next = page.next.filter(|_| found.len() < 60);
        }
        let times: Vec<UnixTime> = {
            let mut times = Vec::new();
            for serial in &found {
                let record = ok(ledger.certificates().get(None, *serial).await);
                times.push(record.map_or(UnixTime(0), |record| record.issued_at));
            }
            times
        };
        let ordered = if oldest_first {
            times.is_sorted()
        } else {
            times.iter().rev().is_sorted()
        };
        assert!(
            ordered,
            "certificates come newest first, or where asked for oldest first"
        );
        found.retain(|serial| *serial <= self::serial(11));
        let mut once = found.clone();
        once.sort_unstable();
        assert_eq!(
            once,
            numbered(1..=10),
            "certificates issued meanwhile make none of the others repeated or skipped"
        );
    }
    let page = ok(ledger.certificates().search(&Search::default(), None, 1_000).await);
    assert_eq!(page.next, None, "the last page says that it is the last");
}

async fn foreign_cursors_are_refused(ledger: &dyn Ledger) {
    for number in 1..=3 {
        issue(ledger, &intent(number)).await;
    }
    let long = "garbled".repeat(1_000);
    for garbled in [
        "",
        "garbled",
        "1.5.9",
        "-",
        "٣",
        "' OR 1=1 --",
        "18446744073709551616",
        &long,
    ] {
        let after = Cursor(garbled.to_owned());
        let outcome = ledger.certificates().search(&Search::default(), Some(&after), 10).await;
        let Err(LedgerError::ForeignCursor { cursor }) = outcome else {
            panic!("{garbled:?} is no cursor, yet the ledger answers {outcome:?}");
        };
        assert!(garbled.starts_with(&cursor) && cursor.len() <= 160, "{cursor:?}");
    }
}

async fn conditions_combine(ledger: &dyn Ledger) {
    for number in 1..=8 {
        let issuer = ca_name(if number % 2 == 0 { "a-ca" } else { "b-ca" });
        let id = IntentId {
            issuer: issuer.clone(),
            serial: serial(number),
        };
        let not_after = NOW.plus_days(i64::from(number));
        let common_name = if number <= 4 {
            format!("web-{number}")
        } else {
            format!("Web-{number}")
        };
        issue(
            ledger,
            &CertificateIntent {
                id,
                not_after,
                common_name,
                at: NOW.plus_seconds(number.into()),
                ..intent(number)
            },
        )
        .await;
        if number % 3 == 0 {
            ok(ledger
                .revocations()
                .revoke(
                    &issuer,
                    serial(number),
                    revocation(NOW, RevocationReason::Superseded),
                    Reach::Key,
                )
                .await);
        }
    }
    reserve(ledger, &intent(9)).await;
    for (sentence, condition, wanted) in CONDITIONS {
        let mut query = Search {
            oldest_first: true,
            ..Search::default()
        };
        condition(&mut query);
        let found = all(ledger, &query).await;
        assert_eq!(found, numbered(wanted.iter().copied()), "{sentence}: {query:?}");
    }
}

/// A description, the condition, and the expected results.
type Condition = (&'static str, fn(&mut Search), &'static [u32]);

const CONDITIONS: [Condition; 15] = [
    (
        "every certificate and no open intent",
        |_| (),
        &[1, 2, 3, 4, 5, 6, 7, 8],
    ),
    (
        "newest first",
        |query| query.oldest_first = false,
        &[8, 7, 6, 5, 4, 3, 2, 1],
    ),
    ("by issuer", |query| query.issuer = Some(ca_name("a-ca")), &[2, 4, 6, 8]),
    ("by common name", |query| named(query, "web-2"), &[2]),
    ("without * by the whole name", |query| named(query, "web-"), &[]),
    (
        "by a name's beginning, letter case counts",
        |query| named(query, "web-*"),
        &[1, 2, 3, 4],
    ),
    (
        "every name begins with nothing",
        |query| named(query, "*"),
        &[1, 2, 3, 4, 5, 6, 7, 8],
    ),
    ("a database's wildcards are none", |query| named(query, "web_%*"), &[]),
    ("by key", |query| query.key = Some(intent(5).key), &[5]),
    (
        "notAfter at or after",
        |query| query.expires_from = Some(NOW.plus_days(6)),
        &[6, 7, 8],
    ),
    (
        "notAfter before",
        |query| query.expires_before = Some(NOW.plus_days(3)),
        &[1, 2],
    ),
    ("revoked ones", |query| query.revoked = Some(true), &[3, 6]),
    (
        "unrevoked ones",
        |query| query.revoked = Some(false),
        &[1, 2, 4, 5, 7, 8],
    ),
    (
        "all conditions at once, and one certificate meets them",
        |query| {
            *query = Search {
                issuer: Some(ca_name("b-ca")),
                common_name: Some("web-*".to_owned()),
                expires_from: Some(NOW.plus_days(2)),
                expires_before: Some(NOW.plus_days(8)),
                revoked: Some(true),
                key: Some(intent(3).key),
                oldest_first: false,
            };
        },
        &[3],
    ),
    (
        "all conditions at once, and no certificate meets them",
        |query| {
            query.revoked = Some(true);
            query.key = Some(intent(5).key);
        },
        &[],
    ),
];

pub(super) fn named(query: &mut Search, name: &str) {
    query.common_name = Some(name.to_owned());
}
