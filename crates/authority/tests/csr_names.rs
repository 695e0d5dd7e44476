//! Whose names the key of a CSR gets.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::Principal;
use chancery_authority::issue::{FoundCsr, RequestedNames};
use chancery_authority::port::ledger::KeyStatus;
use chancery_authority::profile::Profiles;
use chancery_contract::TlsCertRequest;
use chancery_testing::{Fixture, Requester, principal};
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use serde_json::{Value, json};

const PLACE: &str = "the folder csrs";

fn found(octets: Vec<u8>) -> FoundCsr {
    let place = PLACE.to_owned();
    FoundCsr::Content { octets, place }
}

/// A request for that file, of which this was found.
fn of_file(request: &Value, found: &FoundCsr, listed: &[Value]) -> TlsCertRequest {
    let mut request = request.clone();
    request["csr_file"] = json!("a.csr");
    let mut request = TlsCertRequest::from_value(&request).unwrap();
    let listed = listed
        .iter()
        .map(|entry| chancery_contract::listed_names(entry).unwrap());
    request.resolve_csr(found.clone(), listed.collect());
    request
}

#[tokio::test]
async fn a_csr_gets_no_other_common_name() {
    let fixture = Fixture::new().await;
    let (owner, mallory) = (Requester::new(), "mallory.example.com");
    for profile in [None, Some("tls-client".to_owned())] {
        let mut stolen = owner.request("ada.example.com");
        stolen.profile.clone_from(&profile);
        stolen.subject.common_name = Some(mallory.to_owned());
        assert_eq!(fixture.refusal(&stolen).await.code(), "other_common_name");
        // Without one, the key would be kept for the alternative name.
        let mut nameless = owner.request("ada.example.com");
        nameless.profile = profile;
        nameless.no_common_name = true;
        nameless.alt_names = RequestedNames::Listed(vec![AltName::parse(AltNameType::Dns, mallory).unwrap()]);
        assert_eq!(fixture.refusal(&nameless).await.code(), "other_common_name");
    }
    let issued = fixture.issue(&owner.request("ada.example.com")).await.unwrap();
    assert_eq!(
        issued.record.common_name, "ada.example.com",
        "its owner's key is still free"
    );

    // Where the profile says so.
    let profiles = Profiles::built_in().with_replaced_common_names();
    let fixture = Fixture::with_profiles("", profiles).await;
    let mut renamed = Requester::new().request("old.example.com");
    renamed.subject.common_name = Some("new.example.com".to_owned());
    assert_eq!(
        fixture.issue(&renamed).await.unwrap().record.common_name,
        "new.example.com"
    );
    renamed.profile = Some("tls-client".to_owned());
    assert_eq!(
        fixture.refusal(&renamed).await.code(),
        "other_common_name",
        "in that profile alone"
    );
}

/// A CSR of somebody's with alternative names, and a common name if there is one.
fn csr_with(common_name: Option<&str>, names: &[&str]) -> (SubjectPublicKey, Vec<u8>) {
    let requester = Requester::new();
    let subject = Subject {
        common_name: common_name.map(str::to_owned),
        ..Subject::default()
    };
    let names: Vec<AltName> = names
        .iter()
        .map(|name| AltName::parse(AltNameType::Dns, name).unwrap())
        .collect();
    let csr = requester.csr_with(&subject.to_name().unwrap(), &names);
    (requester.public_key(), csr)
}

#[tokio::test]
async fn a_csr_of_alternative_names_alone_gets_one_of_them() {
    let fixture = Fixture::new().await;
    let names = ["ada.example.com", "www.ada.example.com"];
    let (_, csr) = csr_with(None, &names);
    let mut request = TlsCertRequest::for_csr(csr);
    request.profile = Some("tls-client".to_owned());
    request.subject.common_name = Some("mallory".to_owned());
    let refusal = fixture.refusal(&request).await;
    assert_eq!(refusal.code(), "other_common_name");
    assert!(
        refusal.to_string().contains("one of its alternative names"),
        "{refusal}"
    );
    request.subject.common_name = Some(names[1].to_owned());
    let issued = fixture.issue(&request).await.unwrap();
    assert_eq!(issued.record.common_name, names[1], "its owner's key was still free");
    // One without any name is nobody's.
    let (_, csr) = csr_with(None, &[]);
    let mut request = TlsCertRequest::for_csr(csr);
    request.subject.common_name = Some("anything.example.com".to_owned());
    fixture.issue(&request).await.unwrap();
    // Nor are alternative names of a CSR that has a common name.
    let (_, csr) = csr_with(Some("ada.example.com"), &names);
    let mut request = TlsCertRequest::for_csr(csr);
    request.subject.common_name = Some(names[1].to_owned());
    assert_eq!(fixture.refusal(&request).await.code(), "other_common_name");
}

#[tokio::test]
async fn a_renewal_keeps_nobody_s_key_for_another_name() {
    for replace in [false, true] {
        let mut profiles = Profiles::built_in();
        if replace {
            profiles = profiles.with_replaced_common_names();
        }
        let fixture = Fixture::with_profiles("", profiles).await;
        let mallory = fixture
            .issue(&Requester::new().request("mallory.example.com"))
            .await
            .unwrap();
        let serial = mallory.record.id.serial;
        let holder = Principal::certificate(mallory.record.id.to_string());
        fixture.memory.clock.advance(25 * 86_400);
        let (key, of_ada) = csr_with(Some("ada.example.com"), &[]);
        let (_, of_names) = csr_with(None, &["ada.example.com"]);
        for (csr, principal) in [(&of_ada, &principal()), (&of_ada, &holder), (&of_names, &principal())] {
            if replace {
                continue;
            }
            let refused = fixture
                .authority
                .renew(serial, Some(csr), principal, None)
                .await
                .unwrap_err();
            assert_eq!(refused.code(), "other_common_name");
        }
        let ledger = &fixture.authority.ports().ledger;
        assert_eq!(
            ledger.certificates().key_status(key.fingerprint(), "").await.unwrap(),
            KeyStatus::Free
        );
        let (_, own) = csr_with(
            Some(if replace {
                "ada.example.com"
            } else {
                "mallory.example.com"
            }),
            &[],
        );
        fixture
            .authority
            .renew(serial, Some(&own), &principal(), None)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_csr_file_has_the_names_in_it_or_those_of_its_entries() {
    // The drop-in's default says nothing of files.
    let fixture = Fixture::with_profiles("", Profiles::built_in().with_replaced_common_names()).await;
    let own = Requester::new().csr("ada.example.com");
    let entry = json!({"common_name": "Ada", "organization": "Acme", "sans": ["ada.example.org"]});
    let other = json!({"common_name": "ada.example.com", "sans": ["www.example.com"]});
    for stolen in [
        json!({"common_name": "mallory"}),
        json!({"common_name": "ada.example.com", "sans": ["mallory.example.com"]}),
        json!({"common_name": "mallory", "organization": "Acme"}),
        json!({"common_name": "ADA.example.com"}),
        json!({"common_name": "Ada", "sans": ["www.example.com"]}),
    ] {
        for listed in [&[][..], &[entry.clone(), other.clone()]] {
            let request = of_file(&stolen, &found(own.clone()), listed);
            assert_eq!(fixture.refusal(&request).await.code(), "csr_file_not_found", "{stolen}");
        }
    }
    let listed = [entry.clone(), other];
    for (asked, listed) in [
        (json!({"common_name": "ada.example.com"}), &[][..]),
        // No name: the former CA took it from the event, too.
        (json!({"common_name": "ada.example.com", "organization": "Acme"}), &[]),
        (
            json!({"common_name": "ada.example.com", "sans": ["Ada.example.com"]}),
            &[],
        ),
        (json!({"profile": "tls-client"}), &[]),
        (entry, &listed),
        (
            json!({"common_name": "Ada", "sans": ["ada.example.com", "ada.example.org"]}),
            &listed,
        ),
    ] {
        let request = of_file(&asked, &found(Requester::new().csr("ada.example.com")), listed);
        assert!(fixture.issue(&request).await.is_ok(), "{asked}");
    }
}

#[tokio::test]
async fn nobody_learns_of_a_csr_file_that_is_not_theirs() {
    let fixture = Fixture::new().await;
    let place = || PLACE.to_owned();
    let there = [
        found(Requester::new().csr("ada.example.com")),
        found(b"no CSR".to_vec()),
        FoundCsr::TooLong {
            actual: 70_000,
            limit: 65_536,
            place: place(),
        },
        FoundCsr::Unreadable {
            detail: "permission denied".to_owned(),
            place: place(),
        },
    ];
    let missing = FoundCsr::Missing { place: place() };
    for asked in [
        json!({"common_name": "mallory"}),
        json!({"common_name": "mallory", "profile": "none-such"}),
        json!({"common_name": "mallory", "profile": "tls-server", "purposes": ["client_auth"]}),
        json!({"common_name": "mallory", "extensions": [{"oid": "1.2.3", "value_b64": "BQA="}]}),
        json!({"common_name": "chancery-root-ca"}),
    ] {
        let absent = fixture.refusal(&of_file(&asked, &missing, &[])).await;
        for there in &there {
            assert_eq!(
                fixture.refusal(&of_file(&asked, there, &[])).await,
                absent,
                "{asked} {there:?}"
            );
        }
    }
    // An operator's entry learns what is wrong with its file.
    let entry = json!({"common_name": "ada"});
    let reported = |found: &FoundCsr| of_file(&entry, found, std::slice::from_ref(&entry));
    assert_eq!(fixture.refusal(&reported(&there[1])).await.code(), "bad_csr");
    assert!(
        fixture
            .refusal(&reported(&there[2]))
            .await
            .to_string()
            .contains("70000 octets")
    );
    assert_eq!(
        fixture.issue(&reported(&there[3])).await.unwrap_err().code(),
        "unavailable"
    );
}
