//! Shards and URLs that change, and CAs that leave the configuration.

use chancery_authority::config::Config;

use crate::fixture::{Fixture, QUICK, all_good};

#[tokio::test]
async fn shards_name_the_url_that_their_certificates_name() {
    let config = format!(
        "public_url = \"http://pki.example.com\"\n{QUICK}\n[ca.crl]\nshards = 2\ninterval_hours = 24\nlifetime_hours = 168"
    );
    let fixture = Fixture::with(&config).await;
    let mut of_shard = [Vec::new(), Vec::new()];
    for number in 0..12 {
        let record = fixture.issue(&format!("{number}.example"), None).await;
        of_shard[usize::from(record.shard.unwrap())].push(record.id.serial);
        fixture.revoke(record.id.serial).await;
    }
    for (shard, serials) in of_shard.iter_mut().enumerate() {
        serials.sort_unstable();
        let name = format!("chancery-issuing-ca-{shard}.crl");
        assert_eq!(fixture.listed(&name), *serials);
        let url = format!("http://pki.example.com/{name}");
        assert_eq!(fixture.crl(&name).distribution_point(), Some(url.as_str()));
    }
    let rest = fixture.crl("chancery-issuing-ca.crl");
    let url = "http://pki.example.com/chancery-issuing-ca.crl";
    assert_eq!(
        rest.distribution_point(),
        Some(url),
        "a CRL that does not cover everything must not look as if it did"
    );
    assert_eq!(fixture.crl("chancery-root-ca.crl").distribution_point(), None);
    fixture.check_recovered("with shards").await;
}

#[tokio::test]
async fn a_ca_that_left_the_configuration_goes_on_publishing() {
    let mut fixture = Fixture::new().await;
    let record = fixture.issue("a.example", None).await;
    fixture.config = Config::from_toml("[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\"").unwrap();
    fixture.restart().await;
    fixture.revoke(record.id.serial).await;
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [record.id.serial]);
    let status = fixture.authority.crl_status().await;
    assert_eq!(status.len(), 2);
}

fn sharded(shards: u16, url: &str) -> String {
    format!("public_url = \"{url}\"\n{QUICK}\n[ca.crl]\nshards = {shards}\ninterval_hours = 24\nlifetime_hours = 168")
}

/// The authority goes on with another configuration.
async fn reconfigure(fixture: &mut Fixture, config: &str) {
    fixture.config = Config::from_toml(config).unwrap();
    fixture.restart().await;
    all_good(&fixture.authority.publish_crls(None).await);
}

/// Every CRL without issuingDistributionPoint lists all that its CA has revoked; every certificate that is revoked stands on
/// a published CRL that names the URL which it names, or names none.
fn check_scopes(fixture: &Fixture, context: &str) {
    let revoked = fixture
        .memory
        .ledger
        .issued()
        .into_iter()
        .filter(|record| record.revocation.is_some());
    let names = fixture.memory.publication.names();
    let crls: Vec<_> = names
        .iter()
        .filter(|name| name.strip_suffix(".crl").is_some())
        .map(|name| fixture.crl(name))
        .collect();
    for record in revoked {
        let certificate = chancery_x509::certificate::Certificate::parse(&record.certificate).unwrap();
        let urls = certificate.crl_distribution_points().unwrap();
        let of_issuer = crls.iter().filter(|crl| crl.issuer() == certificate.issuer());
        let mut found = false;
        for crl in of_issuer {
            let listed = crl.find(&record.id.serial).unwrap().is_some();
            match crl.issuing_distribution_point() {
                None => assert!(listed, "{context}: {} claims to be complete", record.id),
                Some(point) => found |= listed && point.urls.iter().any(|url| urls.contains(url)),
            }
            found |= listed && crl.issuing_distribution_point().is_none();
        }
        assert!(
            found,
            "{context}: {} is on no CRL that its certificate leads to",
            record.id
        );
    }
}

#[tokio::test]
async fn a_change_of_shards_or_url_leaves_nobody_behind() {
    const OLD: &str = "http://old.example.com";
    const NEW: &str = "http://new.example.com";
    for (before, after) in [
        (sharded(16, OLD), sharded(0, OLD)),
        (sharded(16, OLD), sharded(4, OLD)),
        (sharded(0, OLD), sharded(16, OLD)),
        (sharded(4, OLD), sharded(4, NEW)),
        (sharded(0, OLD), sharded(4, NEW)),
        (
            sharded(4, OLD),
            format!("public_url = \"{NEW}\"\n[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\""),
        ),
    ] {
        let context = format!("{before} → {after}");
        let mut fixture = Fixture::with(&before).await;
        let mut records = Vec::new();
        for number in 0..10 {
            records.push(fixture.issue(&format!("{number}.example"), None).await);
        }
        for record in &records[..5] {
            fixture.revoke(record.id.serial).await;
        }
        check_scopes(&fixture, &context);
        reconfigure(&mut fixture, &after).await;
        for record in &records[5..] {
            fixture.revoke(record.id.serial).await;
        }
        if fixture.config.cas().len() > 1 {
            let issued = fixture.issue("new.example", None).await;
            fixture.revoke(issued.id.serial).await;
        }
        check_scopes(&fixture, &context);
        let status = fixture.authority.crl_status().await;
        let reported = status.iter().any(|status| !status.transitions.is_empty());
        // From one full CRL to shards at the same place, every scope is the configuration's.
        assert_eq!(
            reported,
            before != sharded(0, OLD) || after != sharded(16, OLD),
            "{context}: {status:?}"
        );
        assert!(
            status.iter().all(|status| !status.is_alarming()),
            "{context}: {status:?}"
        );

        // When the last certificate of before has ended, so have the scopes of before.
        let end = records
            .iter()
            .map(|record| record.not_after)
            .max()
            .unwrap()
            .plus_days(60);
        fixture.memory.clock.set(end);
        fixture.restart().await;
        let configured: Vec<_> = fixture.config.crl_scopes();
        for scope in fixture.authority.crl_scopes() {
            let of_kept_ca = fixture.config.ca(&scope.issuer).is_none() && scope.shard.is_none();
            assert!(configured.contains(&scope) || of_kept_ca, "{context}: {scope:?}");
        }
    }
}
