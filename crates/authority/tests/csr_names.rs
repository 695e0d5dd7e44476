//! Whose names the key of a CSR gets.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use chancery_authority::profile::Profiles;
use chancery_authority::wire::{FoundCsr, ListedNames, RequestedNames, TlsCertRequest};
use chancery_x509::san::{AltName, AltNameType};
use serde_json::{Value, json};
use support::{Office, Requester};

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
    let listed = listed.iter().map(|entry| ListedNames::from_value(entry).unwrap());
    request.resolve_csr(found.clone(), listed.collect());
    request
}

#[tokio::test]
async fn a_csr_gets_no_other_common_name() {
    let office = Office::new().await;
    let (owner, mallory) = (Requester::new(), "mallory.example.com");
    for profile in [None, Some("tls-client".to_owned())] {
        let mut stolen = owner.request("ada.example.com");
        stolen.profile.clone_from(&profile);
        stolen.subject.common_name = Some(mallory.to_owned());
        assert_eq!(office.refusal(&stolen).await.code(), "other_common_name");
        // Without one, the key would be kept for the alternative name.
        let mut nameless = owner.request("ada.example.com");
        nameless.profile = profile;
        nameless.no_common_name = true;
        nameless.alt_names = RequestedNames::Listed(vec![AltName::parse(AltNameType::Dns, mallory).unwrap()]);
        assert_eq!(office.refusal(&nameless).await.code(), "other_common_name");
    }
    let issued = office.issue(&owner.request("ada.example.com")).await.unwrap();
    assert_eq!(
        issued.record.common_name, "ada.example.com",
        "its owner's key is still free"
    );

    // Where the profile says so.
    let profiles = Profiles::built_in().with_replaced_common_names();
    let office = Office::with_profiles("", profiles).await;
    let mut renamed = Requester::new().request("old.example.com");
    renamed.subject.common_name = Some("new.example.com".to_owned());
    assert_eq!(
        office.issue(&renamed).await.unwrap().record.common_name,
        "new.example.com"
    );
    renamed.profile = Some("tls-client".to_owned());
    assert_eq!(
        office.refusal(&renamed).await.code(),
        "other_common_name",
        "in that profile alone"
    );
}

#[tokio::test]
async fn a_csr_file_has_the_names_in_it_or_those_of_its_entries() {
    // The drop-in's default says nothing of files.
    let office = Office::with_profiles("", Profiles::built_in().with_replaced_common_names()).await;
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
            assert_eq!(office.refusal(&request).await.code(), "csr_file_not_found", "{stolen}");
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
        assert!(office.issue(&request).await.is_ok(), "{asked}");
    }
}

#[tokio::test]
async fn nobody_learns_of_a_csr_file_that_is_not_theirs() {
    let office = Office::new().await;
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
        let absent = office.refusal(&of_file(&asked, &missing, &[])).await;
        for there in &there {
            assert_eq!(
                office.refusal(&of_file(&asked, there, &[])).await,
                absent,
                "{asked} {there:?}"
            );
        }
    }
    // An operator's entry learns what is wrong with its file.
    let entry = json!({"common_name": "ada"});
    let told = |found: &FoundCsr| of_file(&entry, found, std::slice::from_ref(&entry));
    assert_eq!(office.refusal(&told(&there[1])).await.code(), "bad_csr");
    assert!(
        office
            .refusal(&told(&there[2]))
            .await
            .to_string()
            .contains("70000 octets")
    );
    assert_eq!(office.issue(&told(&there[3])).await.unwrap_err().code(), "unavailable");
}
