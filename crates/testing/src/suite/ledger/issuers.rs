//! Requirements on every [`Issuers`](chancery_authority::port::ledger::Issuers).

mod renewals;
mod states;

use std::sync::Arc;

use chancery_authority::port::KeyName;
use chancery_authority::port::ledger::{Ledger, LedgerError};
use chancery_x509::crl::RevocationReason;

use super::fixture::{NOW, authority, ca_name, completion, intent, issue, reserve};
use super::ok;

/// Tests every requirement of [`Issuers`](chancery_authority::port::ledger::Issuers).
///
/// # Panics
/// If a requirement is violated.
pub async fn issuers(make: impl AsyncFn() -> Arc<dyn Ledger>) {
    authorities_have_one_name_each(&*make().await).await;
    renewals::a_renewed_certificate_takes_the_place_of_the_former(&*make().await).await;
    for (number, reason, is_revoked) in [
        (2, RevocationReason::Superseded, false),
        (2, RevocationReason::CessationOfOperation, true),
        (3, RevocationReason::Superseded, true),
        (3, RevocationReason::CessationOfOperation, true),
    ] {
        let ledger = make().await;
        renewals::a_ca_is_revoked_by_any_certificate_that_was_not_superseded(&*ledger, number, reason, is_revoked)
            .await;
    }
    renewals::a_compromised_key_ends_its_ca(&*make().await).await;
    renewals::a_revoked_ca_is_not_renewed(&*make().await).await;
    renewals::a_cross_certificate_makes_no_ca(&*make().await).await;
    states::a_ca_issues_while_it_is_active(&*make().await).await;
    states::one_ca_issues_by_default(&*make().await).await;
    states::the_default_issuer_always_issues(make().await).await;
}

async fn authorities_have_one_name_each(ledger: &dyn Ledger) {
    let root = authority(1, "root", None);
    reserve(ledger, &root).await;
    let exists = |name: &str| Some(LedgerError::CaExists(ca_name(name)));
    let outcome = ledger.intents().reserve(authority(2, "root", None)).await.err();
    assert_eq!(outcome, exists("root"), "an open intent for a CA takes its name");
    assert!(
        ok(ledger.issuers().list().await).is_empty(),
        "a CA exists once its certificate is complete"
    );
    ok(ledger.intents().mark_lost(root.id, NOW).await);
    let root = authority(3, "root", None);
    let record = issue(ledger, &root).await;
    assert_eq!(record.kind, root.kind, "a CA's certificate is recorded as one");
    let outcome = ledger.intents().reserve(authority(4, "root", None)).await.err();
    assert_eq!(outcome, exists("root"), "a CA takes its name");

    issue(ledger, &authority(5, "middle", Some("root"))).await;
    issue(ledger, &authority(6, "a-ca", Some("middle"))).await;
    issue(ledger, &intent(7)).await;
    let cas = ok(ledger.issuers().list().await);
    let names: Vec<_> = cas.iter().map(|ca| ca.ca_name.as_str()).collect();
    assert_eq!(
        names,
        ["root", "middle", "a-ca"],
        "authorities are CAs alone, parents before children"
    );
    assert_eq!(
        cas[0].certificate,
        completion(&root).certificate,
        "an authority has its certificate"
    );
    assert_eq!(
        cas[0].key,
        KeyName("key of root".to_owned()),
        "an authority has its key's name"
    );
    assert_eq!(cas[1].parent, Some(ca_name("root")), "an authority knows its parent");
}
