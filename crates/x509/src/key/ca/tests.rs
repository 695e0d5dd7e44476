use std::io::Write;

use super::*;
use crate::key::KeyKind;
use crate::key::ca::SigningHasher;
use crate::key::test_keys::TestKey;

const MESSAGE: &[u8] = b"what a CA signs: long enough for more than one piece";

fn hash(key: &CaPublicKey, pieces: &[&[u8]]) -> SigningInput {
    let mut hasher = SigningHasher::new(key);
    for piece in pieces {
        hasher.write_all(piece).unwrap();
    }
    hasher.finish()
}

/// The test key hashes the whole message itself, so that digests, and µ of ML-DSA, are compared with another
/// implementation.
#[test]
fn every_algorithm_verifies_what_its_key_signed_and_nothing_else() {
    for algorithm in CaKeyAlgorithm::ALL {
        let private = TestKey::generate(algorithm);
        let key = CaPublicKey::from_der(&private.spki()).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.as_der(), private.spki());

        let signature = private.sign(MESSAGE);
        let input = hash(&key, &[&MESSAGE[..7], b"", &MESSAGE[7..]]);
        assert_eq!(input, hash(&key, &[MESSAGE]));
        assert_eq!(key.verify(&input, &signature), Ok(()), "{algorithm}");

        let other_input = hash(&key, &[&MESSAGE[1..]]);
        assert_eq!(key.verify(&other_input, &signature), Err(BadSignature), "{algorithm}");
        let mut tampered = signature.clone();
        *tampered.last_mut().unwrap() ^= 1;
        assert_eq!(key.verify(&input, &tampered), Err(BadSignature), "{algorithm}");
        assert_eq!(key.verify(&input, &signature[1..]), Err(BadSignature), "{algorithm}");
        assert_eq!(key.verify(&input, &[]), Err(BadSignature), "{algorithm}");

        let other = CaPublicKey::from_der(&TestKey::generate(algorithm).spki()).unwrap();
        assert_eq!(other.verify(&input, &signature), Err(BadSignature), "{algorithm}");
    }
}

#[test]
fn inputs_of_another_algorithm_do_not_verify() {
    let inputs = [
        SigningInput::Sha256([7; 32]),
        SigningInput::Sha384([7; 48]),
        SigningInput::Sha512([7; 64]),
        SigningInput::Mu([7; 64]),
    ];
    for algorithm in [CaKeyAlgorithm::P256, CaKeyAlgorithm::P521, CaKeyAlgorithm::MlDsa44] {
        let private = TestKey::generate(algorithm);
        let key = CaPublicKey::from_der(&private.spki()).unwrap();
        for input in &inputs {
            let signature = private.sign(input.as_bytes());
            assert_eq!(
                key.verify(input, &signature),
                Err(BadSignature),
                "{algorithm} {input:?}"
            );
        }
    }
}

#[test]
fn keys_that_no_ca_may_have_are_refused() {
    let ed25519 = TestKey::ed25519().spki();
    let refused = CaPublicKey::from_der(&ed25519);
    assert_eq!(refused, Err(KeyError::NotForCas { kind: KeyKind::Ed25519 }));
}

/// A stolen key signs with any hash: it is found all the same, and accepted nowhere.
#[test]
fn a_key_is_known_by_any_signature_of_its() {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _, RsaKeyPair};

    let message = b"a TBSCertificate";
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P521_SHA512_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P521_SHA384_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
    let public = CaPublicKey::from_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
    let signed = pair.sign(&random, message).unwrap();
    assert!(public.signed_in_any_way(message, signed.as_ref()));
    assert!(!public.signed_in_any_way(b"something else", signed.as_ref()));
    let other = EcdsaKeyPair::generate(&signature::ECDSA_P521_SHA384_ASN1_SIGNING).unwrap();
    let of_other = other.sign(&random, message).unwrap();
    assert!(!public.signed_in_any_way(message, of_other.as_ref()));

    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = CaPublicKey::from_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
    for padding in [&signature::RSA_PSS_SHA512, &signature::RSA_PKCS1_SHA384] {
        let mut signed = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &random, message, &mut signed).unwrap();
        assert!(public.signed_in_any_way(message, &signed));
    }
}
