//! Requirements on every [`ServerNames`] that records any.

use std::sync::Arc;

use chancery_authority::port::ledger::{Ledger, ServerNames};
use chancery_x509::san::{AltName, AltNameType};

use super::fixture::NOW;
use super::ok;

/// Tests every requirement of [`ServerNames`], except of the ledgers that refuse to record any.
///
/// # Panics
/// If a requirement is violated.
pub async fn server_names(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    names_are_kept_until_their_end(make().await.server_names()).await;
}

async fn names_are_kept_until_their_end(names: &dyn ServerNames) {
    let dns = |name: &str| {
        AltName::parse(AltNameType::Dns, name).unwrap_or_else(|error| panic!("{name} is a DNS name: {error}"))
    };
    let [soon, late, address] = [
        dns("a.example.com"),
        dns("b.example.com"),
        AltName::Ip([192, 0, 2, 7].into()),
    ];
    assert_eq!(ok(names.list(NOW).await), [], "no names are recorded yet");
    ok(names.record(&[soon.clone(), late.clone()], NOW.plus_days(1)).await);
    ok(names.record(&[late.clone(), address.clone()], NOW.plus_days(2)).await);
    // An end that is earlier than the recorded one changes nothing.
    ok(names.record(std::slice::from_ref(&late), NOW).await);
    for (day, wanted) in [
        (0, vec![soon.clone(), late.clone(), address.clone()]),
        (1, vec![late.clone(), address.clone()]),
        (2, Vec::new()),
    ] {
        let listed = ok(names.list(NOW.plus_days(day)).await);
        assert_eq!(
            listed.len(),
            wanted.len(),
            "each name once, until its end: {listed:?} on day {day}"
        );
        assert!(
            wanted.iter().all(|name| listed.contains(name)),
            "{listed:?} on day {day}"
        );
    }
}
