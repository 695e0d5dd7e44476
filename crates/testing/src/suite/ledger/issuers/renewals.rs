//! A CA's certificate is renewed, and cross-certificates beside it.

use chancery_authority::port::ledger::{CertificateIntent, IntentId, Kind, Ledger, LedgerError, Reach};
use chancery_x509::crl::RevocationReason;

use super::super::fixture::{NOW, authority, ca_name, completion, intent, issue, reserve, revocation, serial};
use super::super::ok;

/// More than the number of places in which any ledger stores whether a CA is revoked.
const MANY: u32 = 32;

/// The renewal of the certificate that another intent made.
fn renewing(number: u32, former: &CertificateIntent) -> CertificateIntent {
    let renewal = intent(number);
    CertificateIntent {
        id: IntentId {
            serial: renewal.id.serial,
            ..former.id.clone()
        },
        tbs: renewal.tbs,
        not_after: former.not_after.plus_days(365),
        renews: Some(former.id.clone()),
        allow_key_reuse: true,
        ..former.clone()
    }
}

/// The certificate that the ledger has for a CA.
async fn present(ledger: &dyn Ledger, ca: &str) -> Vec<u8> {
    let found = ok(ledger.issuers().list().await);
    found
        .into_iter()
        .find(|found| found.ca_name == ca_name(ca))
        .map_or_else(|| panic!("{ca} is not listed"), |found| found.certificate)
}

async fn cannot_be_renewed(ledger: &dyn Ledger, renewal: CertificateIntent, why: &str) {
    let outcome = ledger.intents().reserve(renewal).await;
    assert!(
        matches!(
            outcome,
            Err(LedgerError::NotRenewable { .. } | LedgerError::NotFound(_) | LedgerError::IssuerRevoked { .. })
        ),
        "{why}: {outcome:?}"
    );
}

pub(super) async fn a_renewed_certificate_takes_the_place_of_the_former(ledger: &dyn Ledger) {
    let root = authority(1, "root-ca", None);
    issue(ledger, &root).await;
    let first = authority(2, "a-ca", Some("root-ca"));
    issue(ledger, &first).await;
    issue(ledger, &intent(3)).await;

    let second = renewing(4, &first);
    reserve(ledger, &second).await;
    assert_eq!(present(ledger, "a-ca").await, completion(&first).certificate);
    cannot_be_renewed(ledger, renewing(5, &first), "it is being renewed").await;
    let record = ok(ledger.intents().complete(completion(&second)).await);
    assert_eq!((&record.kind, &record.renews), (&first.kind, &Some(first.id.clone())));
    assert_eq!(present(ledger, "a-ca").await, completion(&second).certificate);
    assert_eq!(ok(ledger.issuers().list().await).len(), 2, "it is the same CA");

    let get = async |number| {
        ok(ledger
            .certificates()
            .get(Some(&ca_name("root-ca")), serial(number))
            .await)
    };
    let former = get(2).await.unwrap_or_else(|| panic!("the former certificate is gone"));
    assert_eq!((former.kind, former.revocation), (first.kind.clone(), None));
    let found = get(4).await.unwrap_or_else(|| panic!("the certificate is gone"));
    assert_eq!(found.kind, first.kind);
    issue(ledger, &intent(6)).await;

    cannot_be_renewed(ledger, renewing(7, &first), "it was renewed").await;
    let outcome = ledger.intents().reserve(authority(8, "a-ca", Some("root-ca"))).await;
    assert_eq!(outcome.err(), Some(LedgerError::CaExists(ca_name("a-ca"))));
    // One that is given up leaves the present one, which can be renewed after that.
    let lost = renewing(9, &second);
    reserve(ledger, &lost).await;
    ok(ledger.intents().mark_lost(lost.id, NOW).await);
    assert_eq!(present(ledger, "a-ca").await, completion(&second).certificate);
    let third = renewing(10, &second);
    issue(ledger, &third).await;
    assert_eq!(present(ledger, "a-ca").await, completion(&third).certificate);

    // A root's, which signs its own.
    let renewed = renewing(11, &root);
    issue(ledger, &renewed).await;
    assert_eq!(present(ledger, "root-ca").await, completion(&renewed).certificate);
    issue(ledger, &authority(12, "b-ca", Some("root-ca"))).await;
}

pub(super) async fn a_ca_is_revoked_by_any_certificate_that_was_not_superseded(
    ledger: &dyn Ledger,
    number: u32,
    reason: RevocationReason,
    is_revoked: bool,
) {
    issue(ledger, &authority(1, "root-ca", None)).await;
    let first = authority(2, "a-ca", Some("root-ca"));
    issue(ledger, &first).await;
    issue(ledger, &renewing(3, &first)).await;
    ok(ledger
        .revocations()
        .revoke(
            &ca_name("root-ca"),
            serial(number),
            revocation(NOW, reason),
            Reach::Certificate,
        )
        .await);
    for number in 100..100 + MANY {
        let outcome = ledger.intents().reserve(intent(number)).await;
        let revoked = LedgerError::IssuerRevoked { ca: ca_name("a-ca") };
        let wanted = is_revoked.then_some(revoked);
        assert_eq!(outcome.err(), wanted, "{number} under {reason:?}");
    }
    assert_eq!(ok(ledger.issuers().is_revoked(&ca_name("a-ca")).await), is_revoked);
    assert!(!ok(ledger.issuers().is_revoked(&ca_name("root-ca")).await));
    assert!(!ok(ledger.issuers().is_revoked(&ca_name("no-ca")).await));
}

pub(super) async fn a_compromised_key_ends_its_ca(ledger: &dyn Ledger) {
    issue(ledger, &authority(1, "root-ca", None)).await;
    let a_ca = authority(2, "a-ca", Some("root-ca"));
    issue(ledger, &a_ca).await;
    let cross = CertificateIntent {
        id: IntentId {
            serial: serial(3),
            ..a_ca.id.clone()
        },
        kind: Kind::CrossCertificate,
        allow_key_reuse: true,
        ..a_ca
    };
    issue(ledger, &cross).await;
    let compromised = revocation(NOW, RevocationReason::KeyCompromise);
    ok(ledger
        .revocations()
        .revoke(&ca_name("root-ca"), serial(3), compromised, Reach::Certificate)
        .await);
    for number in 100..100 + MANY {
        let outcome = ledger.intents().reserve(intent(number)).await;
        assert_eq!(outcome.err(), Some(LedgerError::IssuerRevoked { ca: ca_name("a-ca") }));
    }
}

pub(super) async fn a_revoked_ca_is_not_renewed(ledger: &dyn Ledger) {
    issue(ledger, &authority(1, "root-ca", None)).await;
    let first = authority(2, "a-ca", Some("root-ca"));
    issue(ledger, &first).await;
    let open = renewing(3, &first);
    reserve(ledger, &open).await;
    let ceased = revocation(NOW, RevocationReason::CessationOfOperation);
    ok(ledger
        .revocations()
        .revoke(&ca_name("root-ca"), serial(2), ceased, Reach::Key)
        .await);
    let outcome = ledger.intents().complete(completion(&open)).await.err();
    assert_eq!(
        outcome,
        Some(LedgerError::NoOpenIntent(open.id)),
        "it would take the revocation's place"
    );
    assert_eq!(present(ledger, "a-ca").await, completion(&first).certificate);
    cannot_be_renewed(ledger, renewing(4, &first), "it is revoked").await;
    let outcome = ledger.intents().reserve(intent(5)).await.err();
    assert_eq!(outcome, Some(LedgerError::IssuerRevoked { ca: ca_name("a-ca") }));
}

pub(super) async fn a_cross_certificate_makes_no_ca(ledger: &dyn Ledger) {
    issue(ledger, &authority(1, "root-ca", None)).await;
    let a_ca = authority(2, "a-ca", Some("root-ca"));
    issue(ledger, &a_ca).await;
    let cross = |number, of: CertificateIntent| CertificateIntent {
        id: IntentId {
            issuer: ca_name("root-ca"),
            serial: serial(number),
        },
        kind: Kind::CrossCertificate,
        profile: "cross-certificate".to_owned(),
        allow_key_reuse: true,
        ..of
    };
    for (number, of) in [(3, intent(3)), (4, a_ca)] {
        let record = issue(ledger, &cross(number, of)).await;
        assert_eq!(record.kind, Kind::CrossCertificate);
        let found = ok(ledger.certificates().get(None, serial(number)).await);
        assert_eq!(found.map(|found| found.kind), Some(Kind::CrossCertificate));
        let ended = revocation(NOW, RevocationReason::CessationOfOperation);
        ok(ledger
            .revocations()
            .revoke(&ca_name("root-ca"), serial(number), ended, Reach::Key)
            .await);
    }
    assert_eq!(ok(ledger.issuers().list().await).len(), 2);
    issue(ledger, &intent(5)).await;
}
