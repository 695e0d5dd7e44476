//! Whether a CA issues.

use std::sync::Arc;

use chancery_authority::port::ledger::{
    CertificateIntent, IssuerChange, IssuerState, IssuerStatus, Ledger, LedgerError,
};
use chancery_authority::principal::Principal;

use super::super::fixture::{MORE_THAN_PARTITIONS, NOW, authority, ca_name, intent_under, issue, reserve};
use super::super::ok;

fn to(ca: &str, state: IssuerState) -> IssuerChange {
    IssuerChange {
        ca_name: ca_name(ca),
        state,
        becomes_default: false,
        at: NOW.plus_days(1),
        principal: Principal::local("alice"),
    }
}

fn default(ca: &str) -> IssuerChange {
    IssuerChange {
        becomes_default: true,
        ..to(ca, IssuerState::Active)
    }
}

async fn status(ledger: &dyn Ledger, ca: &str) -> IssuerStatus {
    let found = ok(ledger.issuers().list().await);
    found
        .into_iter()
        .find(|found| found.ca_name == ca_name(ca))
        .map_or_else(|| panic!("{ca} is not listed"), |found| found.status)
}

async fn refused(ledger: &dyn Ledger, intent: CertificateIntent, ca: &str, state: IssuerState) {
    let outcome = ledger.intents().reserve(intent).await;
    let wanted = LedgerError::IssuerNotActive { ca: ca_name(ca), state };
    assert_eq!(outcome.err(), Some(wanted));
}

pub(super) async fn a_ca_issues_while_it_is_active(ledger: &dyn Ledger) {
    issue(ledger, &authority(1, "root-ca", None)).await;
    issue(ledger, &authority(2, "a-ca", Some("root-ca"))).await;
    assert_eq!(
        status(ledger, "a-ca").await,
        IssuerStatus::default(),
        "active, as nobody changed it"
    );

    // Announced before it is made, so that it never issues before it is activated.
    ok(ledger.issuers().change(to("b-ca", IssuerState::Pending)).await);
    issue(ledger, &authority(3, "b-ca", Some("root-ca"))).await;
    let pending = status(ledger, "b-ca").await;
    assert_eq!((pending.state, pending.is_default), (IssuerState::Pending, false));
    assert_eq!(pending.changed, Some((NOW.plus_days(1), "local:alice".to_owned())));
    for number in 100..100 + MORE_THAN_PARTITIONS {
        refused(ledger, intent_under("b-ca", number), "b-ca", IssuerState::Pending).await;
    }
    refused(ledger, authority(4, "c-ca", Some("b-ca")), "b-ca", IssuerState::Pending).await;

    ok(ledger.issuers().change(to("b-ca", IssuerState::Active)).await);
    for number in 200..200 + MORE_THAN_PARTITIONS {
        reserve(ledger, &intent_under("b-ca", number)).await;
    }
    ok(ledger.issuers().change(to("a-ca", IssuerState::Retiring)).await);
    for number in 300..300 + MORE_THAN_PARTITIONS {
        refused(ledger, intent_under("a-ca", number), "a-ca", IssuerState::Retiring).await;
    }
    // The CAs above and beside it go on.
    reserve(ledger, &intent_under("b-ca", 400)).await;
    issue(ledger, &authority(5, "d-ca", Some("root-ca"))).await;

    // Back into use, and to its end.
    ok(ledger.issuers().change(to("a-ca", IssuerState::Active)).await);
    reserve(ledger, &intent_under("a-ca", 401)).await;
    ok(ledger.issuers().change(to("a-ca", IssuerState::Retiring)).await);
    ok(ledger.issuers().change(to("a-ca", IssuerState::Retired)).await);
    refused(ledger, intent_under("a-ca", 402), "a-ca", IssuerState::Retired).await;
    let back = ledger.issuers().change(to("a-ca", IssuerState::Active)).await;
    let wanted = LedgerError::IssuerState {
        ca: ca_name("a-ca"),
        from: IssuerState::Retired,
        to: IssuerState::Active,
    };
    assert_eq!(back, Err(wanted), "its CRLs have stopped");
}

pub(super) async fn one_ca_issues_by_default(ledger: &dyn Ledger) {
    issue(ledger, &authority(1, "root-ca", None)).await;
    issue(ledger, &authority(2, "a-ca", Some("root-ca"))).await;
    issue(ledger, &authority(3, "b-ca", Some("root-ca"))).await;
    ok(ledger.issuers().change(default("a-ca")).await);
    ok(ledger.issuers().change(default("b-ca")).await);
    assert!(!status(ledger, "a-ca").await.is_default);
    assert!(status(ledger, "b-ca").await.is_default);
    let refused = ledger.issuers().change(to("b-ca", IssuerState::Retiring)).await;
    assert_eq!(refused, Err(LedgerError::IssuerIsDefault(ca_name("b-ca"))));
    assert_eq!(status(ledger, "b-ca").await.state, IssuerState::Active);
    ok(ledger.issuers().change(default("a-ca")).await);
    ok(ledger.issuers().change(to("b-ca", IssuerState::Retiring)).await);
    assert!(status(ledger, "a-ca").await.is_default);
    // The same again changes nothing.
    let before = status(ledger, "b-ca").await;
    let later = IssuerChange {
        at: NOW.plus_days(2),
        ..to("b-ca", IssuerState::Retiring)
    };
    ok(ledger.issuers().change(later).await);
    assert_eq!(status(ledger, "b-ca").await, before);
    for state in [IssuerState::Active, IssuerState::Retiring, IssuerState::Retired] {
        let unknown = ledger.issuers().change(to("x-ca", state)).await;
        assert_eq!(unknown, Err(LedgerError::NoSuchIssuer(ca_name("x-ca"))));
    }
}

/// Of those who retire the default issuer and those who give that to another, at any time some CA issues by default.
pub(super) async fn the_default_issuer_always_issues(ledger: Arc<dyn Ledger>) {
    issue(&*ledger, &authority(1, "root-ca", None)).await;
    issue(&*ledger, &authority(2, "a-ca", Some("root-ca"))).await;
    issue(&*ledger, &authority(3, "b-ca", Some("root-ca"))).await;
    ok(ledger.issuers().change(default("a-ca")).await);
    let changes = [
        to("a-ca", IssuerState::Retiring),
        default("b-ca"),
        to("b-ca", IssuerState::Retiring),
        default("a-ca"),
    ];
    let calls = changes.iter().cycle().take(24).map(|change| {
        let (ledger, change) = (Arc::clone(&ledger), change.clone());
        async move { ledger.issuers().change(change).await }
    });
    for outcome in futures_util::future::join_all(calls).await {
        assert!(
            matches!(
                outcome,
                Ok(()) | Err(LedgerError::IssuerIsDefault(_) | LedgerError::IssuerState { .. })
            ),
            "{outcome:?}"
        );
    }
    let cas = ok(ledger.issuers().list().await);
    let default: Vec<_> = cas.iter().filter(|ca| ca.status.is_default).collect();
    assert_eq!(default.len(), 1, "{cas:?}");
    assert_eq!(default[0].status.state, IssuerState::Active, "{cas:?}");
}
