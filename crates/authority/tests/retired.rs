//! A CA that has ended is nobody's work any more: not its CRLs, not its key, not its place in the bundle.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::office;

use chancery_authority::authority::Authority;
use chancery_authority::config::Config;
use chancery_authority::port::KeyName;
use chancery_authority::publish::PublishError;
use office::{Office, all_good, principal, request, slug};

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

fn pem(office: &Office, name: &str) -> String {
    let found = office.authority.cas();
    found
        .iter()
        .find(|ca| ca.slug().as_str().ends_with(name))
        .unwrap()
        .certificate()
        .to_pem()
}

fn bundle(office: &Office) -> String {
    String::from_utf8(
        office
            .house
            .publication
            .content("chancery-ca-bundle.pem")
            .unwrap()
            .to_vec(),
    )
    .unwrap()
}

fn key_of(authority: &Authority, name: &str) -> KeyName {
    authority.ca(&slug(name)).unwrap().record.key.clone()
}

async fn under(office: &mut Office, text: &str) {
    office.config = Config::from_toml(text).unwrap();
    office.restart().await;
}

#[tokio::test]
async fn a_ca_that_has_ended_is_left_in_peace() {
    let mut office = Office::with(&config(true, false)).await;
    let old = office.authority.issuing_ca().unwrap().slug().clone();
    let (old_key, old_pem) = (key_of(&office.authority, old.as_str()), pem(&office, OLD));
    let revoked = office.issue("a.example.com", None).await;
    office.revoke(revoked.id.serial).await;
    under(&mut office, &config(true, true)).await;
    office.authority.initialise(&|_: &str| ()).await.unwrap();
    all_good(&office.authority.publish_due_crls().await);
    assert!(bundle(&office).contains(&old_pem));

    // It has ended, left the configuration, and its key is destroyed.
    office.house.clock.advance(406 * 86_400);
    under(&mut office, &config(false, true)).await;
    let of_old = |authority: &Authority| authority.crl_scopes().iter().any(|scope| scope.issuer == old);
    assert!(of_old(&office.authority), "some days more, for clocks");
    office.house.clock.advance(2 * 86_400);
    office.house.keys.forget(&old_key);
    under(&mut office, &config(false, true)).await;
    let authority = &office.authority;
    assert!(!of_old(authority));
    all_good(&authority.publish_due_crls().await);
    for (name, outcome) in authority.publish_certificates().await {
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert!(!bundle(&office).contains(&old_pem));
    for name in ["root-ca", "new-issuing-ca"] {
        assert!(bundle(&office).contains(&pem(&office, name)), "{name}");
    }
    assert!(authority.crl_status().await.iter().all(|status| !status.is_alarming()));
    assert!(authority.not_believed().await.is_empty());
    authority.check_crl_files().await.unwrap();
    authority
        .issue(&request("b.example.com"), &principal(), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_ca_that_cannot_be_compared_neither_enters_the_bundle_nor_leaves_it() {
    for published in [false, true] {
        let mut office = Office::with(&config(true, false)).await;
        let old = office.authority.issuing_ca().unwrap().slug().clone();
        let old_pem = pem(&office, OLD);
        assert!(bundle(&office).contains(&old_pem));
        if !published {
            office.house.publication.remove("chancery-ca-bundle.pem");
        }
        office.house.keys.forget(&key_of(&office.authority, old.as_str()));
        under(&mut office, &config(true, true)).await;
        // The new one is in it all the same.
        let _ = office.authority.initialise(&|_: &str| ()).await;
        let outcomes = office.authority.publish_certificates().await;
        let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).collect();
        assert!(
            matches!(failed.as_slice(), [(name, Err(PublishError::NotBelieved(_)))] if name.to_string().contains(OLD)),
            "it is told: {outcomes:?}"
        );
        assert_eq!(bundle(&office).contains(&old_pem), published);
        for name in ["root-ca", "new-issuing-ca"] {
            assert!(bundle(&office).contains(&pem(&office, name)), "{name}");
        }
    }
}
