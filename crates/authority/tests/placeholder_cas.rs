//! Plans without a ledger: stand-ins decide as the CAs that they stand in for.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::config::Config;
use chancery_authority::hierarchy::{PlaceholderError, placeholder_cas, placeholder_cas_from};
use chancery_authority::issue::IssuancePolicy;
use chancery_authority::profile::Profiles;
use chancery_contract::plan::Planner;
use chancery_testing::proposed::{Proposed, entry, plan, verdicts};
use chancery_testing::{Fixture, NOW};
use chancery_x509::certificate::Certificate;
use chancery_x509::key::ca::CaPublicKey;
use serde_json::json;

/// The public key of a certificate that is at hand.
fn key_of(fixture: &Fixture, place: usize) -> CaPublicKey {
    fixture.authority.cas()[place].issuer.public_key().clone()
}

#[tokio::test]
async fn placeholder_cas_decide_as_the_cas_that_they_replace() {
    let fixture = Fixture::new().await;
    let (config, profiles) = (fixture.authority.config(), Profiles::built_in());
    let mut keys = [key_of(&fixture, 0), key_of(&fixture, 1)].into_iter();
    let made = placeholder_cas::<PlaceholderError>(config, NOW, fixture.memory.entropy.as_ref(), &mut |_| {
        Ok(keys.next().unwrap())
    });
    let certificates: Vec<Certificate> = fixture
        .authority
        .cas()
        .iter()
        .map(|ca| ca.certificate().clone())
        .collect();
    // Whatever else is among them, and in whatever order.
    let other = Fixture::new().await;
    let others = other.authority.cas();
    let mut bundle: Vec<Certificate> = vec![certificates[1].clone(), certificates[0].clone()];
    let given = placeholder_cas_from(config, &bundle).unwrap();
    let proposed = Proposed::default()
        .csr("a.csr")
        .with("csrs/ca.csr", "junk")
        .tls(&json!([
            entry("a", "a.csr"),
            entry("chancery-root-ca", "a.csr"),
            entry("b", "ca.csr"),
            entry("b", "a.csr")
        ]))
        .with(
            "revoked.json",
            json!([{"common_name": "y", "serial_number": "2"}]).to_string(),
        );
    let real = plan(&fixture, &proposed).await;
    for cas in [made.unwrap(), given] {
        let names: Vec<_> = cas.iter().map(|ca| ca.name().as_str()).collect();
        assert_eq!(names, ["chancery-root-ca", "chancery-issuing-ca"]);
        let policy = IssuancePolicy {
            config,
            profiles: &profiles,
            cas: &cas,
        };
        let planner = Planner {
            policy,
            ledger: None,
            now: NOW,
            entropy: fixture.memory.entropy.as_ref(),
        };
        let plan = planner.plan(&proposed, None).await.unwrap();
        assert_eq!(verdicts(&plan), ["issued", "refused", "refused", "refused", "revoked"]);
        for (ours, theirs) in plan.items.iter().zip(&real.items).take(4) {
            assert_eq!(
                serde_json::to_value(ours).unwrap(),
                serde_json::to_value(theirs).unwrap()
            );
        }
    }
    let wrong = placeholder_cas_from(config, &certificates[1..]).unwrap_err();
    assert!(matches!(wrong, PlaceholderError::Missing { .. }), "{wrong}");
    bundle.push(others[0].certificate().clone());
    let several = placeholder_cas_from(config, &bundle);
    assert!(several.is_ok() || matches!(several, Err(PlaceholderError::Several { .. })));
}

#[tokio::test]
async fn name_constraints_bind_placeholder_cas_too() {
    let config = Config::from_toml(
        "[[ca]]\nname = \"root-ca\"\n[[ca]]\nname = \"issuing-ca\"\nparent = \"root-ca\"\n\
         [ca.name_constraints]\npermitted = [\"dns:example.com\"]\n",
    );
    let config = config.unwrap();
    let fixture = Fixture::new().await;
    let mut keys = [key_of(&fixture, 0), key_of(&fixture, 1)].into_iter();
    let entropy = fixture.memory.entropy.as_ref();
    let cas = placeholder_cas::<PlaceholderError>(&config, NOW, entropy, &mut |_| Ok(keys.next().unwrap())).unwrap();
    let profiles = Profiles::built_in();
    let planner = Planner {
        policy: IssuancePolicy {
            config: &config,
            profiles: &profiles,
            cas: &cas,
        },
        ledger: None,
        now: NOW,
        entropy,
    };
    let proposed = Proposed::default().csr("a.csr").csr("b.csr").tls(&json!([
        entry("www.example.com", "a.csr"),
        entry("www.example.org", "b.csr")
    ]));
    let plan = planner.plan(&proposed, None).await.unwrap();
    let codes: Vec<_> = plan.items.iter().map(|item| item.code).collect();
    assert_eq!(codes, [None, Some("outside_name_constraints")]);
}
