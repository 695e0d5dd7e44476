use super::*;
use crate::algorithm::CaKeyAlgorithm;
use crate::key::test_keys::TestKey;

fn key(algorithm: CaKeyAlgorithm) -> SubjectPublicKey {
    SubjectPublicKey::from_der(&TestKey::generate(algorithm).spki()).unwrap()
}

#[test]
fn the_default_allows_every_supported_kind() {
    for algorithm in [
        CaKeyAlgorithm::P256,
        CaKeyAlgorithm::P384,
        CaKeyAlgorithm::P521,
        CaKeyAlgorithm::MlDsa44,
    ] {
        assert_eq!(KeyPolicy::default().check(&key(algorithm)), Ok(()));
    }
    let ed25519 = SubjectPublicKey::from_der(&TestKey::ed25519().spki()).unwrap();
    assert_eq!(KeyPolicy::default().check(&ed25519), Ok(()));
}

#[test]
fn blocked_keys_are_refused_and_others_are_not() {
    let blocked = key(CaKeyAlgorithm::P256);
    let policy = KeyPolicy {
        blocked: BTreeSet::from([blocked.fingerprint()]),
        ..KeyPolicy::default()
    };
    assert_eq!(policy.check(&blocked), Err(WeakKey::Blocked));
    assert_eq!(policy.check(&key(CaKeyAlgorithm::P256)), Ok(()));
}

#[test]
fn kinds_outside_the_profile_are_refused() {
    let policy = KeyPolicy {
        kinds: vec![KeyClass::P384, KeyClass::MlDsa],
        ..KeyPolicy::default()
    };
    assert_eq!(policy.check(&key(CaKeyAlgorithm::P384)), Ok(()));
    assert_eq!(policy.check(&key(CaKeyAlgorithm::MlDsa65)), Ok(()));
    let kind = "P-256".to_owned();
    assert_eq!(
        policy.check(&key(CaKeyAlgorithm::P256)),
        Err(WeakKey::KindNotAllowed { kind })
    );
}

/// For the neutral element, R = neutral and S = 0 is a valid signature of every message: only the policy refuses it.
#[test]
fn an_ed25519_key_of_small_order_is_refused_though_its_forgeries_verify() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", &neutral[..]].concat();
    let key = SubjectPublicKey::from_der(&spki).unwrap();
    let forgery = [neutral, [0; 32]].concat();
    let ed25519 = b"\x30\x05\x06\x03\x2b\x65\x70";
    assert_eq!(crate::key::verify::verify(&key, ed25519, b"anything", &forgery), Ok(()));
    assert_eq!(KeyPolicy::default().check(&key), Err(WeakKey::Ed25519SmallOrder));
}

#[test]
fn class_names_lead_back_to_their_classes() {
    for class in KeyClass::ALL {
        assert_eq!(KeyClass::from_name(class.name()), Some(class));
    }
    assert_eq!(KeyClass::from_name("dsa"), None);
}
