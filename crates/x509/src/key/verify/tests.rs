use aws_lc_rs::signature as aws;
use const_oid::ObjectIdentifier;
use der::Encode;

use super::*;
use crate::algorithm::CaKeyAlgorithm;
use crate::key::test_keys::TestKey;

const MESSAGE: &[u8] = b"a message";
const NULL: &[u8] = &[5, 0];

/// A short DER value.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&[tag, u8::try_from(content.len()).unwrap()], content.as_slice()].concat()
}

fn identifier(oid: ObjectIdentifier, parameters: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&oid.to_der().unwrap(), parameters])
}

fn hash_field(hash: ObjectIdentifier) -> Vec<u8> {
    tlv(0xa0, &[&identifier(hash, NULL)])
}

fn mask_field(function: ObjectIdentifier, hash: ObjectIdentifier) -> Vec<u8> {
    tlv(0xa1, &[&identifier(function, &identifier(hash, NULL))])
}

fn salt_field(octets: u8) -> Vec<u8> {
    tlv(0xa2, &[&[2, 1, octets]])
}

fn pss(fields: &[&[u8]]) -> Vec<u8> {
    identifier(rfc5912::ID_RSASSA_PSS, &tlv(0x30, fields))
}

fn refusal(result: Result<(), VerifyError>) -> String {
    match result {
        Err(VerifyError::Algorithm { oid, .. }) => oid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_verifies_under_its_own_algorithm_and_no_other_kinds() {
    let mut keys: Vec<(TestKey, Vec<u8>)> = CaKeyAlgorithm::ALL
        .into_iter()
        .filter(|algorithm| !matches!(algorithm, CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096))
        .map(|algorithm| {
            (
                TestKey::generate(algorithm),
                algorithm.signature_algorithm_der().to_vec(),
            )
        })
        .collect();
    keys.push((TestKey::ed25519(), identifier(rfc8410::ID_ED_25519, &[])));

    for (private, algorithm) in &keys {
        let key = SubjectPublicKey::from_der(&private.spki()).unwrap();
        let signature = private.sign(MESSAGE);
        assert_eq!(verify(&key, algorithm, MESSAGE, &signature), Ok(()), "{key:?}");
        assert_eq!(
            verify(&key, algorithm, b"another", &signature),
            Err(VerifyError::BadSignature),
            "{key:?}"
        );
        assert_eq!(
            verify(&key, algorithm, MESSAGE, &[]),
            Err(VerifyError::BadSignature),
            "{key:?}"
        );
        for (other, other_algorithm) in &keys {
            // ECDSA's algorithm identifies only the hash: it matches every curve, and the signature fails to verify.
            let ecdsa = |key: &TestKey| matches!(key, TestKey::Ecdsa(_));
            if other_algorithm == algorithm || ecdsa(private) && ecdsa(other) {
                continue;
            }
            refusal(verify(&key, other_algorithm, MESSAGE, &signature));
        }
    }
}

#[test]
fn other_hashes_than_the_usual_one_verify_too() {
    let rsa = TestKey::generate(CaKeyAlgorithm::Rsa2048);
    let key = SubjectPublicKey::from_der(&rsa.spki()).unwrap();
    let with_sha384 = rsa.sign_rsa(&aws::RSA_PKCS1_SHA384, MESSAGE);
    let with_sha512 = rsa.sign_rsa(&aws::RSA_PKCS1_SHA512, MESSAGE);
    for parameters in [NULL, &[]] {
        let sha384 = identifier(rfc5912::SHA_384_WITH_RSA_ENCRYPTION, parameters);
        let sha512 = identifier(rfc5912::SHA_512_WITH_RSA_ENCRYPTION, parameters);
        assert_eq!(verify(&key, &sha384, MESSAGE, &with_sha384), Ok(()));
        assert_eq!(verify(&key, &sha512, MESSAGE, &with_sha512), Ok(()));
        assert_eq!(
            verify(&key, &sha512, MESSAGE, &with_sha384),
            Err(VerifyError::BadSignature)
        );
    }
}

#[test]
fn pss_verifies_with_consistent_parameters_alone() {
    let (sha256, sha384, mgf1) = (rfc5912::ID_SHA_256, rfc5912::ID_SHA_384, rfc5912::ID_MGF_1);
    let rsa = TestKey::generate(CaKeyAlgorithm::Rsa2048);
    let key = SubjectPublicKey::from_der(&rsa.spki()).unwrap();
    let signature = rsa.sign_rsa(&aws::RSA_PSS_SHA256, MESSAGE);
    let (hash, mask, salt) = (hash_field(sha256), mask_field(mgf1, sha256), salt_field(32));

    let trailer = tlv(0xa3, &[&[2, 1, 1]]);
    let hash_without_null = tlv(0xa0, &[&identifier(sha256, &[])]);
    let good: [&[&[u8]]; 3] = [
        &[&hash, &mask, &salt],
        &[&hash, &mask, &salt, &trailer],
        &[&hash_without_null, &mask, &salt],
    ];
    for fields in good {
        assert_eq!(verify(&key, &pss(fields), MESSAGE, &signature), Ok(()), "{fields:02x?}");
    }

    let other_hash = hash_field(sha384);
    let other_mask_hash = mask_field(mgf1, sha384);
    let sha1 = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
    let (sha1_hash, sha1_mask) = (hash_field(sha1), mask_field(mgf1, sha1));
    let other_mask = mask_field(sha256, sha256);
    let (no_salt, short_salt, long_salt, sha1_salt) = (salt_field(0), salt_field(31), salt_field(33), salt_field(20));
    let other_trailer = tlv(0xa3, &[&[2, 1, 2]]);
    // A salt of another length than was used: the parameters are accepted, the signature does not verify.
    assert_eq!(
        verify(&key, &pss(&[&hash, &mask, &long_salt]), MESSAGE, &signature),
        Err(VerifyError::BadSignature)
    );
    let bad: [&[&[u8]]; 12] = [
        &[],
        &[&hash],
        &[&hash, &mask],
        &[&mask, &salt],
        &[&hash, &salt],
        &[&other_hash, &mask, &salt],
        &[&hash, &other_mask_hash, &salt],
        &[&hash, &other_mask, &salt],
        &[&hash, &mask, &no_salt],
        &[&hash, &mask, &short_salt],
        &[&sha1_hash, &sha1_mask, &sha1_salt],
        &[&hash, &mask, &salt, &other_trailer],
    ];
    for fields in bad {
        let refused = verify(&key, &pss(fields), MESSAGE, &signature);
        assert_eq!(refused, Err(VerifyError::PssParameters), "{fields:02x?}");
    }
    for parameters in [&[][..], NULL] {
        let refused = verify(
            &key,
            &identifier(rfc5912::ID_RSASSA_PSS, parameters),
            MESSAGE,
            &signature,
        );
        assert_eq!(refused, Err(VerifyError::PssParameters), "{parameters:02x?}");
    }
    let other_key = SubjectPublicKey::from_der(&TestKey::generate(CaKeyAlgorithm::P256).spki()).unwrap();
    let oid = refusal(verify(&other_key, &pss(&[&hash, &mask, &salt]), MESSAGE, &signature));
    assert_eq!(oid, rfc5912::ID_RSASSA_PSS.to_string());
}

#[test]
fn pss_verifies_with_any_salt_that_fits() {
    let (sha512, mgf1) = (rfc5912::ID_SHA_512, rfc5912::ID_MGF_1);
    let rsa = TestKey::generate(CaKeyAlgorithm::Rsa2048);
    let key = SubjectPublicKey::from_der(&rsa.spki()).unwrap();
    // The longest that fits are 190 octets: 256 - 64 - 2.
    for octets in [64_u8, 65, 100, 190] {
        let encoding: &'static _ = Box::leak(Box::new(
            aws::RSA_PSS_SHA512.with_pss_salt_length(RsaPssSaltLength::Custom(octets.into())),
        ));
        let signature = rsa.sign_rsa(encoding, MESSAGE);
        let salt = tlv(0xa2, &[&tlv(2, &[if octets >= 0x80 { &[0] } else { &[] }, &[octets]])]);
        let algorithm = pss(&[&hash_field(sha512), &mask_field(mgf1, sha512), &salt]);
        assert_eq!(verify(&key, &algorithm, MESSAGE, &signature), Ok(()), "{octets}");
        let refused = verify(&key, &algorithm, b"another", &signature);
        assert_eq!(refused, Err(VerifyError::BadSignature), "{octets}");
    }
}

#[test]
fn parameters_where_there_are_none_are_refused() {
    let p256 = TestKey::generate(CaKeyAlgorithm::P256);
    let key = SubjectPublicKey::from_der(&p256.spki()).unwrap();
    let signature = p256.sign(MESSAGE);
    let with_null = identifier(rfc5912::ECDSA_WITH_SHA_256, NULL);
    refusal(verify(&key, &with_null, MESSAGE, &signature));
    let sequence_for_null = identifier(rfc5912::SHA_256_WITH_RSA_ENCRYPTION, &[0x30, 0]);
    refusal(verify(&key, &sequence_for_null, MESSAGE, &signature));
    for malformed in [&[][..], &[0x30, 0], NULL, &[0x30, 2, 5, 0]] {
        assert_eq!(
            verify(&key, malformed, MESSAGE, &signature),
            Err(VerifyError::MalformedAlgorithm)
        );
    }
}

#[test]
fn broken_hashes_are_refused_by_name() {
    let rsa = TestKey::generate(CaKeyAlgorithm::Rsa2048);
    let key = SubjectPublicKey::from_der(&rsa.spki()).unwrap();
    for oid in [
        rfc5912::MD_5_WITH_RSA_ENCRYPTION,
        rfc5912::SHA_1_WITH_RSA_ENCRYPTION,
        rfc5912::RSA_ENCRYPTION,
    ] {
        assert_eq!(
            refusal(verify(&key, &identifier(oid, NULL), MESSAGE, &[0; 256])),
            oid.to_string()
        );
    }
}
