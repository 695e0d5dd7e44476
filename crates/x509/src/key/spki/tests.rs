use der::Encode;
use der::asn1::BitStringRef;
use hex_literal::hex;
use proptest::prelude::*;
use spki::SubjectPublicKeyInfo;

use super::*;
use crate::algorithm::CaKeyAlgorithm;
use crate::key::test_keys::TestKey;

fn spki(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, bits: &[u8]) -> Vec<u8> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    let subject_public_key = BitStringRef::from_bytes(bits).unwrap();
    SubjectPublicKeyInfo {
        algorithm,
        subject_public_key,
    }
    .to_der()
    .unwrap()
}

#[test]
fn every_kind_is_told() {
    let kinds = [
        (CaKeyAlgorithm::Rsa2048, KeyKind::Rsa { bits: 2048 }),
        (CaKeyAlgorithm::Rsa3072, KeyKind::Rsa { bits: 3072 }),
        (CaKeyAlgorithm::P256, KeyKind::P256),
        (CaKeyAlgorithm::P384, KeyKind::P384),
        (CaKeyAlgorithm::P521, KeyKind::P521),
        (CaKeyAlgorithm::MlDsa44, KeyKind::MlDsa44),
        (CaKeyAlgorithm::MlDsa65, KeyKind::MlDsa65),
        (CaKeyAlgorithm::MlDsa87, KeyKind::MlDsa87),
    ];
    for (algorithm, kind) in kinds {
        let der = TestKey::generate(algorithm).spki();
        let key = SubjectPublicKey::from_der(&der).unwrap();
        assert_eq!(key.kind(), kind);
        assert_eq!(key.as_der(), der);
        assert_eq!(CaKeyAlgorithm::try_from(kind), Ok(algorithm));
    }
    let ed25519 = SubjectPublicKey::from_der(&TestKey::ed25519().spki()).unwrap();
    assert_eq!(ed25519.kind(), KeyKind::Ed25519);
}

/// The key and identifiers of RFC 8410 section 10.1; SHA-256 and SHA-1 by OpenSSL.
#[test]
fn fingerprint_and_identifier_are_over_the_right_octets() {
    let der = hex!("302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
    let key = SubjectPublicKey::from_der(&der).unwrap();
    assert_eq!(key.key_bits(), &der[12..]);
    assert_eq!(
        key.fingerprint().to_string(),
        "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f"
    );
    assert_eq!(key.identifier().to_string(), "a28cc1f86e5960d3e03ae75c962c97a8d448293c");
    let fingerprint = crate::key::KeyFingerprint::from_hex(&key.fingerprint().to_string().to_uppercase());
    assert_eq!(fingerprint, Some(key.fingerprint()));
    assert_eq!(crate::key::KeyFingerprint::from_hex("00"), None);
}

#[test]
fn other_algorithms_and_curves_are_named() {
    let unsupported = |der: &[u8]| match SubjectPublicKey::from_der(der) {
        Err(KeyError::UnsupportedAlgorithm { oid }) => oid,
        other => panic!("{other:?}"),
    };
    let dsa = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
    assert_eq!(unsupported(&spki(dsa, None, &[2, 1, 1])), dsa.to_string());
    let secp256k1 = ObjectIdentifier::new_unwrap("1.3.132.0.10");
    let on_secp256k1 = spki(rfc5912::ID_EC_PUBLIC_KEY, Some((&secp256k1).into()), &[4; 65]);
    assert_eq!(unsupported(&on_secp256k1), secp256k1.to_string());
    let pss = spki(rfc5912::ID_RSASSA_PSS, None, &[0x30, 0]);
    assert_eq!(SubjectPublicKey::from_der(&pss), Err(KeyError::RsaPss));
    for (curve, name) in [
        ("1.3.132.0.10", "secp256k1"),
        ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
        ("1.3.6.1.4.1.9", "1.3.6.1.4.1.9"),
    ] {
        let oid = ObjectIdentifier::new_unwrap(curve);
        let key = spki(rfc5912::ID_EC_PUBLIC_KEY, Some((&oid).into()), &[4; 97]);
        let message = SubjectPublicKey::from_der(&key).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(curve), "{message}");
    }
}

#[test]
fn points_must_be_uncompressed_and_on_their_curve() {
    let der = TestKey::generate(CaKeyAlgorithm::P256).spki();
    let key = SubjectPublicKey::from_der(&der).unwrap();
    let point = key.key_bits();
    let encode = |bits: &[u8]| spki(rfc5912::ID_EC_PUBLIC_KEY, Some((&rfc5912::SECP_256_R_1).into()), bits);
    assert_eq!(SubjectPublicKey::from_der(&encode(point)), Ok(key.clone()));

    let mut off_curve = point.to_vec();
    off_curve[64] ^= 1;
    let mut compressed = point[..33].to_vec();
    compressed[0] = 2 + (point[64] & 1);
    let mut hybrid = point.to_vec();
    hybrid[0] = 6 + (point[64] & 1);
    let infinity = [0];
    assert_eq!(
        SubjectPublicKey::from_der(&encode(&compressed)),
        Err(KeyError::CompressedPoint)
    );
    for bits in [&off_curve[..], &compressed[..32], &hybrid, &infinity, &point[..64], &[]] {
        assert_eq!(
            SubjectPublicKey::from_der(&encode(bits)),
            Err(KeyError::Malformed),
            "{bits:02x?}"
        );
    }
    let of_another_curve = spki(rfc5912::ID_EC_PUBLIC_KEY, Some((&rfc5912::SECP_384_R_1).into()), point);
    assert_eq!(SubjectPublicKey::from_der(&of_another_curve), Err(KeyError::Malformed));
    let curveless = spki(rfc5912::ID_EC_PUBLIC_KEY, None, point);
    assert_eq!(SubjectPublicKey::from_der(&curveless), Err(KeyError::Malformed));
}

#[test]
fn parameters_and_lengths_are_exact() {
    let null = Some(AnyRef::NULL);
    let rsa = SubjectPublicKey::from_der(&TestKey::generate(CaKeyAlgorithm::Rsa2048).spki()).unwrap();
    let mut malformed = vec![
        spki(rfc5912::RSA_ENCRYPTION, null, &rsa.key_bits()[1..]),
        spki(rfc5912::RSA_ENCRYPTION, null, &[rsa.key_bits(), &[0]].concat()),
        spki(rfc8410::ID_ED_25519, null, &[7; 32]),
        spki(rfc8410::ID_ED_25519, None, &[7; 31]),
        [rsa.as_der(), &[0]].concat(),
        rsa.as_der()[..200].to_vec(),
    ];
    let without_null = spki(rfc5912::RSA_ENCRYPTION, None, rsa.key_bits());
    assert_eq!(SubjectPublicKey::from_der(&without_null), Err(KeyError::RsaParameters));
    for (oid, octets) in [
        (fips204::ID_ML_DSA_44, 1312),
        (fips204::ID_ML_DSA_65, 1952),
        (fips204::ID_ML_DSA_87, 2592),
    ] {
        assert!(SubjectPublicKey::from_der(&spki(oid, None, &vec![7; octets])).is_ok());
        malformed.push(spki(oid, null, &vec![7; octets]));
        malformed.push(spki(oid, None, &vec![7; octets - 1]));
        malformed.push(spki(oid, None, &vec![7; octets + 1]));
    }
    for der in malformed {
        assert_eq!(SubjectPublicKey::from_der(&der), Err(KeyError::Malformed), "{der:02x?}");
    }
}

#[test]
fn rsa_keys_that_cost_or_mean_too_much_are_not_read() {
    let encode = |modulus: &[u8], exponent: &[u8]| {
        let mut content = Vec::new();
        der::asn1::UintRef::new(modulus)
            .unwrap()
            .encode_to_vec(&mut content)
            .unwrap();
        der::asn1::UintRef::new(exponent)
            .unwrap()
            .encode_to_vec(&mut content)
            .unwrap();
        let bits = AnyRef::new(der::Tag::Sequence, &content).unwrap().to_der().unwrap();
        spki(rfc5912::RSA_ENCRYPTION, Some(AnyRef::NULL), &bits)
    };
    let read =
        |modulus: &[u8], exponent: &[u8]| SubjectPublicKey::from_der(&encode(modulus, exponent)).map(|key| key.kind());
    let exponent = &[1, 0, 1];
    assert_eq!(read(&[0xff; 128], exponent), Ok(KeyKind::Rsa { bits: 1024 }));
    assert_eq!(read(&[0xff; 1024], exponent), Ok(KeyKind::Rsa { bits: 8192 }));
    assert_eq!(read(&[0x7f; 128], exponent), Err(KeyError::RsaSize { bits: 1023 }));
    assert_eq!(read(&[0xff; 1025], exponent), Err(KeyError::RsaSize { bits: 8200 }));
    assert_eq!(read(&[0xff; 256], &[1]), Err(KeyError::RsaExponent));
    assert_eq!(read(&[0xff; 256], &[0]), Err(KeyError::RsaExponent));
    assert_eq!(read(&[0xff; 256], &[4]), Err(KeyError::RsaExponent));
    assert_eq!(read(&[0xff; 256], &[3, 0, 0, 0, 1]), Err(KeyError::RsaExponent));
    assert_eq!(read(&[0xfe; 256], exponent), Err(KeyError::Malformed));
}

proptest! {
    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SubjectPublicKey::from_der(&octets);
    }

    #[test]
    fn damaged_keys_never_panic(position in 0_usize..91, value: u8) {
        let mut der = P256.to_vec();
        der[position] = value;
        let _ = SubjectPublicKey::from_der(&der);
    }
}

/// The key of RFC 6979 appendix A.2.5.
const P256: [u8; 91] = hex!(
    "3059301306072a8648ce3d020106082a8648ce3d030107034200"
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
);

#[test]
fn a_published_key_is_read() {
    assert_eq!(
        SubjectPublicKey::from_der(&P256).map(|key| key.kind()),
        Ok(KeyKind::P256)
    );
}
