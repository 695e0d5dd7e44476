//! What others paid for: lessons about keys, each with a test that fails without its remedy.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use chancery_authority::issue::{IssueError, Refusal};
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_testing::SignUnchecked as _;
use chancery_testing::{Fixture, Requester, certificate, named, principal, request, request_with_names};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::csr::CsrError;
use chancery_x509::key::ca::SigningHasher;
use chancery_x509::key::policy::WeakKey;
use chancery_x509::san::AltNameType;

/// 2. CSR signatures were not verified, and the CA's own key was certified.
#[tokio::test]
async fn lesson_02_whoever_asks_holds_the_key() {
    let fixture = Fixture::new().await;
    let mut tampered = Requester::new().csr("a.example.com");
    let middle_of_name = tampered.windows(9).position(|window| window == b"a.example").unwrap();
    tampered[middle_of_name] = b'b';
    let refusal = fixture.refusal(&TlsCertRequest::for_csr(tampered)).await;
    assert_eq!(refusal, Refusal::Csr(CsrError::BadSignature));

    // Somebody else's key, signed with one's own.
    let info = chancery_testing::requester::csr_info(&named("a.example.com"), &Requester::new().spki());
    let (_, stranger) = split(&Requester::new().csr("a.example.com"));
    let refusal = fixture
        .refusal(&TlsCertRequest::for_csr(chancery_testing::requester::csr(
            &info, &stranger,
        )))
        .await;
    assert_eq!(refusal.code(), "bad_signature");
}

#[tokio::test]
async fn lesson_02_a_ca_s_own_key_is_not_certified_even_with_its_signature() {
    let fixture = Fixture::new().await;
    let issuing = fixture.authority.issuing_ca().unwrap();
    let key = issuing.issuer.public_key();
    let info = chancery_testing::requester::csr_info(&named("a.example.com"), key.as_der());
    let mut hasher = SigningHasher::new(key);
    hasher.update(&info);
    let signed = fixture
        .authority
        .ports()
        .keys
        .sign_unchecked(&issuing.record.key, &hasher.finish())
        .await
        .unwrap();
    let csr = chancery_testing::requester::csr(&info, &signed.signature);

    let refusal = fixture.refusal(&TlsCertRequest::for_csr(csr)).await;
    assert_eq!(
        refusal,
        Refusal::OwnKey {
            ca: issuing.name().clone()
        }
    );
}

/// The signature's octets at the end of a CSR.
fn split(csr: &[u8]) -> (&[u8], Vec<u8>) {
    let unused_bits = csr
        .windows(3)
        .rposition(|window| window[0] == 0x03 && window[2] == 0)
        .unwrap();
    (&csr[..unused_bits], csr[unused_bits + 3..].to_vec())
}

/// 3. RSA-1024, DSA, secp256k1 and odd keys were certified.
#[tokio::test]
async fn lesson_03_weak_and_odd_keys_are_refused() {
    let fixture = Fixture::new().await;
    let cases: [(&[u8], &str); 4] = [
        (include_bytes!("data/rsa1024.csr"), "weak_key"),
        (include_bytes!("data/rsa-e3.csr"), "weak_key"),
        (include_bytes!("data/dsa.csr"), "unsupported_key"),
        (include_bytes!("data/secp256k1.csr"), "unsupported_key"),
    ];
    for (csr, code) in cases {
        let refusal = fixture.refusal(&TlsCertRequest::for_csr(csr)).await;
        assert_eq!(refusal.code(), code, "{refusal}");
    }
    fixture
        .issue(&TlsCertRequest::for_csr(include_bytes!("data/rsa2048.csr")))
        .await
        .unwrap();
}

#[tokio::test]
async fn lesson_03_compromised_keys_are_refused() {
    let compromised = Requester::new();
    let fingerprint = chancery_x509::key::SubjectPublicKey::from_der(&compromised.spki())
        .unwrap()
        .fingerprint();
    let fixture = Fixture::with(&format!(
        "blocked_keys = ['{}']",
        data_encoding::HEXLOWER.encode(&fingerprint.0)
    ))
    .await;
    let refusal = fixture.refusal(&compromised.request("a.example.com")).await;
    assert_eq!(refusal, Refusal::WeakKey(WeakKey::Blocked));
    fixture.issue(&request("a.example.com")).await.unwrap();
}

/// 10. The key-reuse check saw one page of one name's rows, and raced.
#[tokio::test]
async fn lesson_10_a_key_is_certified_once_across_all_names() {
    let fixture = Fixture::new().await;
    let requester = Requester::new();
    let first = fixture.issue(&requester.request("a.example.com")).await.unwrap();
    assert_eq!(
        fixture.refusal(&requester.request("a.example.com")).await,
        Refusal::KeyInUse
    );
    assert_eq!(
        fixture.refusal(&requester.request("b.example.com")).await,
        Refusal::KeyInUse
    );

    let mut forced = requester.request("a.example.com");
    forced.force_issue = true;
    let second = fixture.issue(&forced).await.unwrap();
    assert_ne!(second.record.id.serial, first.record.id.serial);
    let mut elsewhere = requester.request("b.example.com");
    elsewhere.force_issue = true;
    assert_eq!(
        fixture.refusal(&elsewhere).await,
        Refusal::KeyInUse,
        "force_issue is for the same name"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lesson_10_of_many_at_once_one_gets_the_key() {
    let fixture = Fixture::new().await;
    let requester = Arc::new(Requester::new());
    let attempts: Vec<_> = (0..32)
        .map(|index| {
            let (authority, requester) = (Arc::clone(&fixture.authority), Arc::clone(&requester));
            tokio::spawn(async move {
                let request = requester.request(&format!("h{index}.example.com"));
                authority.issue_tls_cert(&request, &principal(), None).await
            })
        })
        .collect();
    let mut issued = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => issued += 1,
            Err(error) => assert_eq!(error, IssueError::Refused(Refusal::KeyInUse)),
        }
    }
    assert_eq!(issued, 1);
}

/// 21. Messages over 4,096 octets cannot be signed as they are: keys sign a digest, or µ, however long the certificate.
#[tokio::test]
async fn lesson_21_keys_sign_digests_alone() {
    for (algorithm, len) in [
        (CaKeyAlgorithm::P256, 32),
        (CaKeyAlgorithm::P384, 48),
        (CaKeyAlgorithm::MlDsa44, 64),
    ] {
        let fixture = Fixture::with(&format!("[[ca]]\nname='root-ca'\nalgorithm='{}'", algorithm.name())).await;
        let names: Vec<String> = (0..250)
            .map(|index| format!("a-rather-long-name-{index}.example.com"))
            .collect();
        let names: Vec<_> = names.iter().map(|name| (AltNameType::Dns, name.as_str())).collect();
        let issued = fixture
            .issue(&request_with_names("a.example.com", &names))
            .await
            .unwrap();
        assert!(issued.record.certificate.len() > 4096);
        let signed = fixture.memory.keys.log().pop().unwrap();
        assert_eq!(signed.input.as_bytes().len(), len);
        assert_eq!(
            matches!(signed.input, SigningInput::Mu(_)),
            algorithm == CaKeyAlgorithm::MlDsa44
        );
        assert!(certificate(&issued).is_signed_by(fixture.authority.issuing_ca().unwrap().issuer.public_key()));
    }
}
