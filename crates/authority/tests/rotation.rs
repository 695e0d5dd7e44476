//! A second issuing CA is added beside the first, takes its place, and the first ends: nobody who trusts the root notices.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::Principal;
use chancery_authority::config::Config;
use chancery_authority::issue::{IssueError, Issued, Refusal};
use chancery_authority::issuer::ActivationError;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::IdempotencyToken;
use chancery_authority::port::ledger::{CrlScope, IssuerState};
use chancery_authority::profile::Profiles;
use chancery_authority::publish::Transition;
use chancery_contract::IssueTlsCert as _;
use chancery_x509::crl::{RevocationList, RevocationReason};

use crate::fixture::{Fixture, ca_name, principal, request};

const CONFIG: &str = "
[[ca]]
name = 'root-ca'
algorithm = 'p256'
lifetime_days = 7000
[[ca]]
name = 'issuing-ca'
parent = 'root-ca'
";
const SECOND: &str = "
[[ca]]
name = 'issuing-ca-2'
parent = 'root-ca'
";

fn first() -> chancery_authority::CaName {
    ca_name("chancery-issuing-ca")
}

fn second() -> chancery_authority::CaName {
    ca_name("chancery-issuing-ca-2")
}

fn full(ca: &chancery_authority::CaName) -> CrlScope {
    CrlScope {
        issuer: ca.clone(),
        shard: None,
    }
}

fn config(text: &str) -> Config {
    Config::from_toml(&format!("issuing_ca = 'issuing-ca'\n{text}")).unwrap()
}

/// An authority whose second issuing CA was made, and is not in use yet.
async fn with_two() -> Fixture {
    let mut fixture = Fixture::with(&format!("issuing_ca = 'issuing-ca'\n{CONFIG}")).await;
    fixture.config = config(&format!("{CONFIG}{SECOND}"));
    fixture.restart().await;
    fixture
        .authority
        .announce_issuer(&second(), &principal())
        .await
        .unwrap();
    let made = fixture.authority.create_ca(&second(), &|_: &str| ()).await.unwrap();
    assert_eq!(made.unwrap().record.status.state, IssuerState::Pending);
    fixture
}

async fn issue(fixture: &Fixture, name: &str) -> Issued {
    fixture
        .authority
        .issue_tls_cert(&request(name), &principal(), None)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_second_issuing_ca_takes_the_place_of_the_first() {
    let fixture = with_two().await;
    let authority = &fixture.authority;
    // Another process, which runs all the while.
    let other = chancery_authority::Authority::open(fixture.memory.ports(), config(CONFIG), Profiles::built_in())
        .await
        .unwrap();

    // What is pending is published, and issues nothing.
    assert!(
        authority
            .publish_certificates()
            .await
            .iter()
            .all(|(_, outcome)| outcome.is_ok())
    );
    let before = issue(&fixture, "before").await;
    assert_eq!(before.record.id.issuer, first());
    let retired = authority.retire_issuer(&first(), &principal()).await;
    assert_eq!(retired, Err(LedgerError::IssuerIsDefault(first())));

    authority.activate_issuer(&second(), true, &principal()).await.unwrap();
    authority.retire_issuer(&first(), &principal()).await.unwrap();
    assert_eq!(issue(&fixture, "after").await.record.id.issuer, second());
    // Nothing was told to the other process: its configuration has not even the second CA.
    let elsewhere = other
        .issue_tls_cert(&request("elsewhere"), &principal(), None)
        .await
        .unwrap();
    assert_eq!(elsewhere.record.id.issuer, second());
    // A renewal moves as well.
    let renewed = authority
        .renew(before.record.id.serial, None, &Principal::local("alice"), None)
        .await
        .unwrap();
    assert_eq!(renewed.record.id.issuer, second());

    // What the first issued can be revoked, and its CRL lists it.
    authority
        .revoke(
            before.record.id.serial,
            RevocationReason::Superseded,
            None,
            &principal(),
        )
        .await
        .unwrap();
    authority.publish_crl(&full(&first())).await.unwrap();
    let der = fixture.memory.publication.content("chancery-issuing-ca.crl").unwrap();
    let list = RevocationList::parse(&der).unwrap();
    assert!(
        list.entries()
            .any(|entry| entry.unwrap().serial == before.record.id.serial)
    );
}

/// A server that goes on as it was started has not the new CA in its configuration: nothing was removed from that.
#[tokio::test]
async fn a_pending_ca_is_not_reported_as_removed_from_a_configuration_that_was_read_before_it() {
    let fixture = with_two().await;
    let authority = &fixture.authority;
    authority.publish_crl(&full(&second())).await.unwrap();
    let other = chancery_authority::Authority::open(fixture.memory.ports(), config(CONFIG), Profiles::built_in())
        .await
        .unwrap();
    let transitions = async |authority: &chancery_authority::Authority| {
        let status = authority.crl_status().await;
        let status = status.into_iter().find(|status| status.scope == full(&second()));
        status.unwrap().transitions
    };
    assert_eq!(transitions(authority).await, []);
    assert_eq!(transitions(&other).await, [Transition::NotConfigured]);

    // Once it has issued, a configuration without it is one that it was removed from.
    authority.activate_issuer(&second(), true, &principal()).await.unwrap();
    issue(&fixture, "after").await;
    other.reload().await.unwrap();
    let told = transitions(&other).await;
    assert!(matches!(told[..], [Transition::Kept { .. }]), "{told:?}");
}

#[tokio::test]
async fn a_retiring_ca_ends_with_its_last_certificate() {
    let fixture = with_two().await;
    let authority = &fixture.authority;
    let last = issue(&fixture, "last").await;
    authority.activate_issuer(&second(), true, &principal()).await.unwrap();
    authority.retire_issuer(&first(), &principal()).await.unwrap();

    fixture.memory.clock.set(last.record.not_after);
    assert_eq!(authority.end_retired_issuers().await.unwrap(), []);
    assert!(
        authority.crl_scopes().contains(&full(&first())),
        "its last certificate is still listed where it is revoked"
    );
    // Which CRL certificates name is recorded for spans of thirty days.
    fixture.memory.clock.set(last.record.not_after.plus_days(38));
    assert_eq!(authority.end_retired_issuers().await.unwrap(), [first()]);
    assert!(!authority.crl_scopes().contains(&full(&first())));
    assert!(authority.crl_scopes().contains(&full(&second())));
    let again = authority.activate_issuer(&first(), false, &principal()).await;
    assert!(
        matches!(again, Err(ActivationError::Ledger(LedgerError::IssuerState { .. }))),
        "{again:?}"
    );
    // The clock had been ahead: its CRL goes on, and it may be taken back.
    fixture.memory.clock.set(last.record.not_after.plus_days(-1));
    assert!(authority.crl_scopes().contains(&full(&first())));
    authority.retire_issuer(&first(), &principal()).await.unwrap();
    authority.activate_issuer(&first(), false, &principal()).await.unwrap();
}

#[tokio::test]
async fn a_profile_that_names_a_ca_out_of_use_is_refused_with_the_reason() {
    let mut fixture = with_two().await;
    let profile = "extended_key_usages = ['TLS_WEB_CLIENT_AUTHENTICATION']\nissuing_ca = 'issuing-ca-2'";
    let profiles = Profiles::built_in().with("second", profile).unwrap();
    fixture.authority = chancery_authority::Authority::open(fixture.memory.ports(), fixture.config.clone(), profiles)
        .await
        .unwrap();
    let mut wanted = request("someone");
    wanted.profile = Some("second".to_owned());
    let refused = fixture.authority.issue_tls_cert(&wanted, &principal(), None).await;
    assert!(
        matches!(
            &refused,
            Err(IssueError::Refused(Refusal::IssuerNotActive { ca, state: IssuerState::Pending })) if *ca == second()
        ),
        "{refused:?}"
    );
    fixture
        .authority
        .activate_issuer(&second(), false, &principal())
        .await
        .unwrap();
    let issued = fixture
        .authority
        .issue_tls_cert(&wanted, &principal(), None)
        .await
        .unwrap();
    assert_eq!(issued.record.id.issuer, second());
    assert_eq!(issue(&fixture, "by default").await.record.id.issuer, first());
}

/// What a CA issued while it was in use is answered again, whatever became of it.
#[tokio::test]
async fn a_token_gets_its_certificate_though_its_ca_retired() {
    let mut fixture = with_two().await;
    let profile = "extended_key_usages = ['TLS_WEB_CLIENT_AUTHENTICATION']\nissuing_ca = 'issuing-ca'";
    let profiles = Profiles::built_in().with("first", profile).unwrap();
    fixture.authority = chancery_authority::Authority::open(fixture.memory.ports(), fixture.config.clone(), profiles)
        .await
        .unwrap();
    let authority = &fixture.authority;
    let mut wanted = request("someone");
    wanted.profile = Some("first".to_owned());
    let token = || Some(IdempotencyToken("once".to_owned()));
    let issued = authority.issue_tls_cert(&wanted, &principal(), token()).await.unwrap();
    authority.activate_issuer(&second(), true, &principal()).await.unwrap();
    authority.retire_issuer(&first(), &principal()).await.unwrap();
    let again = authority.issue_tls_cert(&wanted, &principal(), token()).await.unwrap();
    assert_eq!((again.record, again.replayed), (issued.record, true));
    let mut other = request("another");
    other.profile = Some("first".to_owned());
    let refused = authority
        .issue_tls_cert(&other, &principal(), Some(IdempotencyToken("other".to_owned())))
        .await;
    assert!(
        matches!(refused, Err(IssueError::Refused(Refusal::IssuerNotActive { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_ca_under_which_nothing_can_be_issued_is_not_activated() {
    let fixture = with_two().await;
    let authority = &fixture.authority;
    let root = ca_name("chancery-root-ca");
    let refused = authority.activate_issuer(&root, true, &principal()).await;
    assert_eq!(refused, Err(ActivationError::Root(root.clone())));
    let serial = authority.ca(&second()).unwrap().certificate().serial();
    authority
        .revoke(serial, RevocationReason::Superseded, None, &principal())
        .await
        .unwrap();
    let refused = authority.activate_issuer(&second(), true, &principal()).await;
    let (ca, revoked) = (second(), second());
    assert_eq!(refused, Err(ActivationError::Revoked { ca, revoked }));
}
