//! Each CRL has a file of its own, whatever the configuration says, and none is made by a clock that is certainly behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use chancery_authority::CaName;
use chancery_authority::config::Config;
use chancery_authority::port::ledger::CrlScope;
use chancery_authority::publish::PublishError;
use chancery_x509::time::DAY;

use crate::fixture::Fixture;

const URL: &str = "public_url = 'http://pki.example.com'\n";

fn with(cas: &[(&str, u16)]) -> String {
    let mut text = format!("{URL}issuing_ca = 'issuing-ca'\n[[ca]]\nname = 'root-ca'\nalgorithm = 'p256'\n");
    for (name, shards) in cas {
        let ca = format!("[[ca]]\nname = '{name}'\nparent = 'root-ca'\n[ca.crl]\nshards = {shards}\n");
        text.push_str(&ca);
    }
    text
}

/// Checks a configuration, once a certificate was issued by another one. A `#` in a name stands for its shard.
async fn checked(before: &[(&str, u16)], after: &[(&str, u16)]) -> Result<(), PublishError> {
    let mut fixture = Fixture::with(&with(before)).await;
    let shard = fixture.issue("a.example", None).await.shard;
    let after = with(after).replace('#', &shard.unwrap_or_default().to_string());
    fixture.config = Config::from_toml(&after).unwrap();
    fixture.restart().await;
    fixture.authority.check_crl_files().await
}

#[tokio::test]
async fn a_configuration_by_which_two_crls_have_one_file_is_refused() {
    for (before, after) in [
        // The second shard of one, and a CA that left the configuration.
        (vec![("issuing-ca", 0), ("issuing-ca-2", 0)], vec![("issuing-ca", 4)]),
        // A CA that is to come, and a shard that certificates name.
        (vec![("issuing-ca", 4)], vec![("issuing-ca", 0), ("issuing-ca-#", 0)]),
    ] {
        let refused = checked(&before, &after).await.unwrap_err();
        assert!(matches!(refused, PublishError::SharedFile { .. }), "{refused}");
        let reported = refused.to_string();
        assert!(reported.starts_with("chancery-issuing-ca-"), "{reported}");
    }
    for (before, after) in [
        (vec![("issuing-ca", 0), ("issuing-ca-9", 0)], vec![("issuing-ca", 4)]),
        (vec![("issuing-ca", 4)], vec![("issuing-ca", 16)]),
    ] {
        checked(&before, &after).await.unwrap();
    }
}

#[tokio::test]
async fn the_crl_of_another_ca_is_never_written_over() {
    let mut fixture = Fixture::with(&with(&[("issuing-ca", 0), ("issuing-ca-2", 0)])).await;
    let name = "chancery-issuing-ca-2.crl";
    let before = fixture.memory.publication.content(name).unwrap();
    // Nothing asked whether that configuration may be.
    fixture.config = Config::from_toml(&with(&[("issuing-ca", 4)])).unwrap();
    fixture.restart().await;
    let shard = CrlScope {
        issuer: CaName::new("chancery-issuing-ca").unwrap(),
        shard: Some(2),
    };
    let refused = fixture.authority.publish_crl(&shard).await.unwrap_err();
    assert!(
        matches!(&refused, PublishError::OfAnotherCa { other, .. } if other.as_str() == "chancery-issuing-ca-2"),
        "{refused}"
    );
    assert_eq!(fixture.memory.publication.content(name), Some(before));
}

#[tokio::test]
async fn a_clock_from_before_the_ca_makes_no_crl() {
    let fixture = Fixture::new().await;
    let name = "chancery-issuing-ca.crl";
    let before = fixture.memory.publication.content(name);
    let now = fixture.authority.ports().clock.now();
    fixture.memory.clock.set(now.plus_seconds(-9000 * DAY));
    let mut refused = 0;
    for (_, outcome) in fixture.authority.publish_crls(None).await {
        assert!(matches!(outcome, Err(PublishError::ClockBehind { .. })), "{outcome:?}");
        refused += 1;
    }
    assert_eq!(refused, 2);
    assert_eq!(fixture.memory.publication.content(name), before);
    fixture.memory.clock.set(now);
    assert!(
        fixture
            .authority
            .publish_crls(None)
            .await
            .iter()
            .all(|(_, outcome)| outcome.is_ok())
    );
}
