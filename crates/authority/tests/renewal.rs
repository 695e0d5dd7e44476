//! Renewals: what stays, what is refused, and who may ask.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::Principal;
use chancery_authority::issue::TlsPurpose;
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::port::ledger::{IntentId, Reach, Revocation};
use chancery_authority::profile::Profiles;
use chancery_contract::RequestedExtension;
use chancery_testing::{Fixture, NOW, Requester, certificate, principal, request, request_with_names, token};
use chancery_x509::crl::RevocationReason;
use chancery_x509::san::AltNameType;
use chancery_x509::serial::Serial;

async fn revoke(fixture: &Fixture, id: &IntentId) {
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: principal().to_string(),
    };
    fixture
        .authority
        .ports()
        .ledger
        .revocations()
        .revoke(&id.issuer, id.serial, revocation, Reach::Key)
        .await
        .unwrap();
}

#[tokio::test]
async fn renewal_makes_the_same_certificate_later() {
    let fixture = Fixture::with("custom_extension_allowlist = ['1.3.6.1.4.1.55555.1']").await;
    let mut request = request_with_names(
        "a.example.com",
        &[(AltNameType::Dns, "b.example.com"), (AltNameType::Ip, "10.0.0.1")],
    );
    request.purposes = vec![TlsPurpose::ServerAuth];
    request.lifetime_days = Some(45);
    request.notify_expiry = Some(true);
    request.subject.organization = Some("Acme, Inc.".into());
    request.extensions = vec![RequestedExtension {
        oid: "1.3.6.1.4.1.55555.1".into(),
        value_b64: "BAA=".into(),
        critical: false,
    }];
    let first = fixture.issue(&request).await.unwrap();
    let old = certificate(&first);

    fixture.memory.clock.advance(40 * 86_400);
    let holder = Principal::certificate(first.record.id.to_string());
    let same_key = fixture
        .authority
        .renew(old.serial(), None, &holder, None)
        .await
        .unwrap();
    assert_eq!(
        same_key.record.renews,
        Some(first.record.id),
        "its predecessor is recorded"
    );
    let new = certificate(&same_key);
    assert_ne!(new.serial(), old.serial());
    assert_eq!(new.spki_der(), old.spki_der());
    assert_eq!(new.subject().as_der(), old.subject().as_der());
    assert_eq!(
        (new.alt_names(), new.extended_key_usages()),
        (old.alt_names(), old.extended_key_usages())
    );
    assert_eq!(new.custom_extensions(), old.custom_extensions());
    assert_eq!(new.not_after(), NOW.plus_days(40 + 45));
    assert!(same_key.record.notify_expiry);
    assert_eq!(same_key.record.profile, "tls");

    let requester = Requester::new();
    let csr = requester.csr("a.example.com");
    let new_key = fixture
        .authority
        .renew(new.serial(), Some(&csr), &principal(), None)
        .await
        .unwrap();
    assert_eq!(certificate(&new_key).spki_der(), requester.spki());
    assert_eq!(
        certificate(&new_key).subject().as_der(),
        old.subject().as_der(),
        "of the CSR's subject, nothing is used"
    );
    assert_eq!(certificate(&new_key).not_after(), NOW.plus_days(40 + 45));
}

#[tokio::test]
async fn renewal_is_refused_for_what_is_not_valid_any_more() {
    let fixture = Fixture::new().await;
    let refusal = async |fixture: &Fixture, serial| {
        let csr = Requester::new().csr("whatever.example.com");
        match fixture.authority.renew(serial, Some(&csr), &principal(), None).await {
            Err(IssueError::Refused(refusal)) => refusal.code(),
            other => panic!("{other:?}"),
        }
    };
    let revoked = fixture.issue(&request("a.example.com")).await.unwrap().record.id;
    revoke(&fixture, &revoked).await;
    assert_eq!(refusal(&fixture, revoked.serial).await, "revoked");

    let ca = fixture.authority.issuing_ca().unwrap();
    assert_eq!(
        refusal(&fixture, ca.certificate().serial()).await,
        "authority_certificate"
    );
    assert_eq!(refusal(&fixture, "12345".parse().unwrap()).await, "not_found");

    let expired = fixture.issue(&request("b.example.com")).await.unwrap().record.id;
    fixture.memory.clock.advance(31 * 86_400);
    assert_eq!(refusal(&fixture, expired.serial).await, "expired");

    // A key that is somebody else's is not taken over by a renewal.
    let other = Requester::new();
    fixture.issue(&other.request("c.example.com")).await.unwrap();
    let own = fixture.issue(&request("d.example.com")).await.unwrap().record.id;
    let csr = other.csr("d.example.com");
    let error = fixture
        .authority
        .renew(own.serial, Some(&csr), &principal(), None)
        .await
        .unwrap_err();
    assert_eq!(error, IssueError::Refused(Refusal::KeyInUse));
    assert!(
        fixture
            .authority
            .ports()
            .ledger
            .rejections()
            .latest(10)
            .await
            .unwrap()
            .len()
            >= 5
    );
}

/// What somebody who has a token, or the certificate, is told who asks to renew.
async fn renewal_refused(fixture: &Fixture, serial: Serial, csr: Option<&[u8]>, principal: &Principal) -> Refusal {
    let signatures = fixture.memory.keys.log().len();
    match fixture.authority.renew(serial, csr, principal, None).await {
        Err(IssueError::Refused(refusal)) => {
            assert_eq!(fixture.memory.keys.log().len(), signatures, "nothing was signed");
            refusal
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_holder_renews_in_the_last_part_of_a_certificate_s_life_and_once() {
    for (config, divisor) in [
        ("", 3),
        ("renewal_window_divisor = 2", 2),
        ("renewal_window_divisor = 1", 1),
    ] {
        let fixture = Fixture::with(config).await;
        let first = fixture.issue(&request("a.example.com")).await.unwrap().record;
        let holder = Principal::certificate(first.id.to_string());
        let life = first.not_after.0 - first.not_before.0;
        let from = first.not_after.plus_seconds(-(life / divisor));
        if divisor > 1 {
            fixture.memory.clock.set(from.plus_seconds(-1));
            let refusal = renewal_refused(&fixture, first.id.serial, None, &holder).await;
            let serial = first.id.serial;
            assert_eq!(refusal, Refusal::RenewalTooEarly { serial, from });
            assert!(refusal.to_string().contains(&from.to_string()), "{refusal}");
            fixture.memory.clock.set(from);
        }
        let second = fixture
            .authority
            .renew(first.id.serial, None, &holder, Some(token("once")))
            .await
            .unwrap();
        let refusal = renewal_refused(&fixture, first.id.serial, None, &holder).await;
        assert_eq!(refusal.code(), "already_renewed");
        assert!(
            refusal.to_string().contains(&second.record.id.serial.to_string()),
            "{refusal}"
        );
        let again = fixture
            .authority
            .renew(first.id.serial, None, &holder, Some(token("once")))
            .await
            .unwrap();
        assert!(
            again.replayed && again.record == second.record,
            "the same request again is no second renewal"
        );
        // A token is not bound by the window, but by the one successor.
        let csr = Requester::new().csr("a.example.com");
        let refusal = renewal_refused(&fixture, first.id.serial, Some(&csr), &principal()).await;
        assert_eq!(refusal.code(), "already_renewed");
        fixture
            .authority
            .renew(second.record.id.serial, Some(&csr), &principal(), None)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn whoever_does_not_present_the_certificate_proves_to_have_the_key() {
    let fixture = Fixture::new().await;
    let requester = Requester::new();
    let first = fixture.issue(&requester.request("a.example.com")).await.unwrap().record;
    let serial = first.id.serial;
    for principal in [
        principal(),
        Principal::function("f"),
        Principal::aws("arn"),
        Principal::AUTHORITY,
    ] {
        let refusal = renewal_refused(&fixture, serial, None, &principal).await;
        assert_eq!(refusal, Refusal::RenewalWithoutProof { serial }, "{principal}");
    }
    // Somebody else's public key is no proof.
    let info = chancery_testing::requester::csr_info(&chancery_testing::named("a.example.com"), &requester.spki());
    let forged = chancery_testing::requester::csr(&info, &Requester::new().sign(&info));
    let refusal = renewal_refused(&fixture, serial, Some(&forged), &principal()).await;
    assert_eq!(refusal.code(), "bad_signature");
    let csr = requester.csr("a.example.com");
    let renewed = fixture
        .authority
        .renew(serial, Some(&csr), &principal(), Some(token("t")))
        .await;
    let renewed = renewed.unwrap();
    assert_eq!(certificate(&renewed).spki_der(), requester.spki());
    // A CSR that is made again is the same request: its key is what counts.
    let csr = requester.csr("b.example.com");
    let again = fixture
        .authority
        .renew(serial, Some(&csr), &principal(), Some(token("t")))
        .await;
    assert_eq!(again.unwrap().record, renewed.record);
}

#[tokio::test]
async fn a_renewal_is_held_to_the_profile_as_it_is_now() {
    let profile = |more: &str| {
        let text = format!("default_extended_key_usages = ['TLS_WEB_CLIENT_AUTHENTICATION']\n{more}");
        Profiles::built_in().with("mine", &text).unwrap()
    };
    let mut fixture = Fixture::with_profiles("", profile("allowed_extended_key_usages = ['CODE_SIGNING']")).await;
    let mut request = request("a.example.com");
    request.profile = Some("mine".into());
    request.subject.organization = Some("Acme".into());
    let serial = fixture.issue(&request).await.unwrap().record.id.serial;
    let csr = Requester::new().csr("a.example.com");
    for (more, code) in [
        ("required_subject_fields = ['locality']", "subject_field_missing"),
        ("[subject]\norganization = 'Other'", "subject_changed"),
        ("[subject]\ncountry = 'GB'", "subject_changed"),
        ("key_types = ['rsa']", "key_not_allowed"),
        ("san_types = ['IP_ADDRESS']", "alt_name_not_allowed"),
    ] {
        fixture.restart_with(profile(more)).await;
        let refusal = renewal_refused(&fixture, serial, Some(&csr), &principal()).await;
        assert_eq!(refusal.code(), code, "{more}");
    }
    // Usages that every certificate of the profile has are set on this one, too; what the rules leave alone stays.
    let forced = "extended_key_usages = ['EMAIL_PROTECTION']\n[subject]\norganization = 'Acme'";
    fixture.restart_with(profile(forced)).await;
    let renewed = fixture
        .authority
        .renew(serial, Some(&csr), &principal(), None)
        .await
        .unwrap();
    let usages: Vec<String> = certificate(&renewed)
        .extended_key_usages()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(usages, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"]);
    assert_eq!(certificate(&renewed).subject().to_rfc4514(), "O=Acme,CN=a.example.com");
}
