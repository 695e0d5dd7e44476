//! A CA that has ended is nobody's work any more: not its CRLs, not its key, not its place in the bundle.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::fixture;

use chancery_authority::authority::Authority;
use chancery_authority::config::Config;
use chancery_authority::port::KeyName;
use chancery_authority::publish::PublishError;
use chancery_contract::IssueTlsCert as _;
use fixture::{Fixture, all_good, ca_name, principal, request};

const OLD: &str = "old-issuing-ca";

/// A root with an issuing CA that ends soon, and what follows it.
fn config(with_old: bool, with_new: bool) -> String {
    let mut text =
        "issuing_ca = 'NAME'\n[[ca]]\nname = 'root-ca'\nalgorithm = 'p256'\nlifetime_days = 7000\n".to_owned();
    let mut add = |name: &str, days: u32| {
        text = text.replace("NAME", name);
        let ca = format!("[[ca]]\nname = '{name}'\nparent = 'root-ca'\nalgorithm = 'p256'\nlifetime_days = {days}\n");
        text.push_str(&ca);
    };
    // The one that issues comes first.
    if with_new {
        add("new-issuing-ca", 3650);
    }
    if with_old {
        add("old-issuing-ca", 400);
    }
    text
}

fn pem(fixture: &Fixture, name: &str) -> String {
    let found = fixture.authority.cas();
    found
        .iter()
        .find(|ca| ca.name().as_str().ends_with(name))
        .unwrap()
        .certificate()
        .to_pem()
}

fn bundle(fixture: &Fixture) -> String {
    String::from_utf8(
        fixture
            .memory
            .publication
            .content("chancery-ca-bundle.pem")
            .unwrap()
            .to_vec(),
    )
    .unwrap()
}

fn key_of(authority: &Authority, name: &str) -> KeyName {
    authority.ca(&ca_name(name)).unwrap().record.key.clone()
}

async fn under(fixture: &mut Fixture, text: &str) {
    fixture.config = Config::from_toml(text).unwrap();
    fixture.restart().await;
}

#[tokio::test]
async fn a_ca_that_has_ended_is_left_in_peace() {
    let mut fixture = Fixture::with(&config(true, false)).await;
    let old = fixture.authority.issuing_ca().unwrap().name().clone();
    let (old_key, old_pem) = (key_of(&fixture.authority, old.as_str()), pem(&fixture, OLD));
    let revoked = fixture.issue("a.example.com", None).await;
    fixture.revoke(revoked.id.serial).await;
    under(&mut fixture, &config(true, true)).await;
    fixture.authority.initialise(&|_: &str| ()).await.unwrap();
    all_good(&fixture.authority.publish_due_crls().await);
    assert!(bundle(&fixture).contains(&old_pem));

    // It has ended, left the configuration, and its key is destroyed.
    fixture.memory.clock.advance(406 * 86_400);
    under(&mut fixture, &config(false, true)).await;
    let of_old = |authority: &Authority| authority.crl_scopes().iter().any(|scope| scope.issuer == old);
    assert!(of_old(&fixture.authority), "some days more, for clocks");
    fixture.memory.clock.advance(2 * 86_400);
    fixture.memory.keys.forget(&old_key);
    under(&mut fixture, &config(false, true)).await;
    let authority = &fixture.authority;
    assert!(!of_old(authority));
    all_good(&authority.publish_due_crls().await);
    for (name, outcome) in authority.publish_certificates().await {
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert!(!bundle(&fixture).contains(&old_pem));
    for name in ["root-ca", "new-issuing-ca"] {
        assert!(bundle(&fixture).contains(&pem(&fixture, name)), "{name}");
    }
    assert!(authority.crl_status().await.iter().all(|status| !status.is_alarming()));
    assert!(authority.not_believed().await.is_empty());
    authority.check_crl_files().await.unwrap();
    authority
        .issue_tls_cert(&request("b.example.com"), &principal(), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_ca_that_cannot_be_compared_neither_enters_the_bundle_nor_leaves_it() {
    for published in [false, true] {
        let mut fixture = Fixture::with(&config(true, false)).await;
        let old = fixture.authority.issuing_ca().unwrap().name().clone();
        let old_pem = pem(&fixture, OLD);
        assert!(bundle(&fixture).contains(&old_pem));
        if !published {
            fixture.memory.publication.remove("chancery-ca-bundle.pem");
        }
        fixture.memory.keys.forget(&key_of(&fixture.authority, old.as_str()));
        under(&mut fixture, &config(true, true)).await;
        // The new one is in it all the same.
        let _ = fixture.authority.initialise(&|_: &str| ()).await;
        let outcomes = fixture.authority.publish_certificates().await;
        let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).collect();
        assert!(
            matches!(failed.as_slice(), [(name, Err(PublishError::NotBelieved(_)))] if name.to_string().contains(OLD)),
            "it is told: {outcomes:?}"
        );
        assert_eq!(bundle(&fixture).contains(&old_pem), published);
        for name in ["root-ca", "new-issuing-ca"] {
            assert!(bundle(&fixture).contains(&pem(&fixture, name)), "{name}");
        }
    }
}
