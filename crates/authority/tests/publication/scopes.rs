//! Shards and URLs that change, and CAs that leave the configuration.

use chancery_authority::config::Config;

use crate::office::{Office, QUICK, all_good};

#[tokio::test]
async fn shards_name_the_url_that_their_certificates_name() {
    let config = format!(
        "public_url = \"http://pki.example.com\"\n{QUICK}\n[ca.crl]\nshards = 2\ninterval_hours = 24\nlifetime_hours = 168"
    );
    let office = Office::with(&config).await;
    let mut of_shard = [Vec::new(), Vec::new()];
    for number in 0..12 {
        let record = office.issue(&format!("{number}.example"), None).await;
        of_shard[usize::from(record.shard.unwrap())].push(record.id.serial);
        office.revoke(record.id.serial).await;
    }
    for (shard, serials) in of_shard.iter_mut().enumerate() {
        serials.sort_unstable();
        let name = format!("chancery-issuing-ca-{shard}.crl");
        assert_eq!(office.listed(&name), *serials);
        let url = format!("http://pki.example.com/{name}");
        assert_eq!(office.crl(&name).distribution_point(), Some(url.as_str()));
    }
    let rest = office.crl("chancery-issuing-ca.crl");
    let url = "http://pki.example.com/chancery-issuing-ca.crl";
    assert_eq!(
        rest.distribution_point(),
        Some(url),
        "a CRL that does not cover everything must not look as if it did"
    );
    assert_eq!(office.crl("chancery-root-ca.crl").distribution_point(), None);
    office.check_recovered("with shards").await;
}

#[tokio::test]
async fn a_ca_that_left_the_configuration_goes_on_publishing() {
    let mut office = Office::new().await;
    let record = office.issue("a.example", None).await;
    office.config = Config::from_toml("[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\"").unwrap();
    office.restart().await;
    office.revoke(record.id.serial).await;
    assert_eq!(office.listed("chancery-issuing-ca.crl"), [record.id.serial]);
    let status = office.authority.crl_status().await;
    assert_eq!(status.len(), 2);
}

fn sharded(shards: u16, url: &str) -> String {
    format!("public_url = \"{url}\"\n{QUICK}\n[ca.crl]\nshards = {shards}\ninterval_hours = 24\nlifetime_hours = 168")
}

/// The office goes on with another configuration.
async fn reconfigure(office: &mut Office, config: &str) {
    office.config = Config::from_toml(config).unwrap();
    office.restart().await;
    all_good(&office.authority.publish_crls(None).await);
}

/// Every CRL without issuingDistributionPoint lists all that its CA has revoked; every certificate that is revoked stands on
/// a published CRL that names the URL which it names, or names none.
fn check_scopes(office: &Office, context: &str) {
    let revoked = office
        .house
        .ledger
        .certificates()
        .into_iter()
        .filter(|record| record.revocation.is_some());
    let names = office.house.publication.names();
    let crls: Vec<_> = names
        .iter()
        .filter(|name| name.strip_suffix(".crl").is_some())
        .map(|name| office.crl(name))
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
        let mut office = Office::with(&before).await;
        let mut records = Vec::new();
        for number in 0..10 {
            records.push(office.issue(&format!("{number}.example"), None).await);
        }
        for record in &records[..5] {
            office.revoke(record.id.serial).await;
        }
        check_scopes(&office, &context);
        reconfigure(&mut office, &after).await;
        for record in &records[5..] {
            office.revoke(record.id.serial).await;
        }
        if office.config.cas().len() > 1 {
            let issued = office.issue("new.example", None).await;
            office.revoke(issued.id.serial).await;
        }
        check_scopes(&office, &context);
        let status = office.authority.crl_status().await;
        let told = status.iter().any(|status| !status.transitions.is_empty());
        // From one full CRL to shards at the same place, every scope is the configuration's.
        assert_eq!(
            told,
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
        office.house.clock.set(end);
        office.restart().await;
        let configured: Vec<_> = office.config.crl_scopes();
        for scope in office.authority.crl_scopes() {
            let of_kept_ca = office.config.ca(&scope.issuer).is_none() && scope.shard.is_none();
            assert!(configured.contains(&scope) || of_kept_ca, "{context}: {scope:?}");
        }
    }
}
