//! A CRL whose frame breaks a rule.

use chancery_authority::port::Ledger as _;
use chancery_authority::port::ledger::{CrlScope, CrlUse, latest_crl};
use chancery_authority::publish::PublishError;

use crate::fixture::{Fixture, NOW, QUICK, another, ca_name};

#[tokio::test]
async fn a_crl_whose_frame_breaks_a_rule_is_never_signed() {
    let config = format!(
        "public_url = \"http://pki.example.com\"\n{QUICK}\n[ca.crl]\nshards = 2\ninterval_hours = 24\nlifetime_hours = 168"
    );
    let fixture = Fixture::with(&config).await;
    let shard = CrlScope {
        issuer: ca_name("chancery-issuing-ca"),
        shard: Some(1),
    };
    let before = fixture.authority.publish_crl(&shard).await.unwrap();
    // Somebody wrote into the ledger that certificates name that CRL by an URL that no CRL may have.
    let used = CrlUse {
        scope: shard.clone(),
        url: Some("gopher://pki.example.com/1.crl".to_owned()),
        until: NOW.plus_days(100),
    };
    fixture.memory.ledger.crls().record_use(used).await.unwrap();
    let authority = another(&fixture.memory, &fixture.config).await;

    let signatures = fixture.memory.keys.log().len();
    let error = authority.publish_crl(&shard).await.unwrap_err();
    let PublishError::Lint { issuer, rule, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((issuer, *rule), (&shard.issuer, "crl_idp_uri"));
    assert_eq!(fixture.memory.keys.log().len(), signatures);
    let latest = latest_crl(fixture.memory.ledger.crls(), &shard).await;
    assert_eq!(latest.unwrap().unwrap().number, before.number);
}
