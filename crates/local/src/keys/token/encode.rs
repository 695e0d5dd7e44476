//! Conversion between PKCS #11's encodings and X.509's.

use der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::keys::private::oid;

/// DER of a `DigestInfo` (RFC 8017 section 9.2) with SHA-256, up to the digest.
const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];

/// RSAPublicKey (RFC 8017 appendix A.1.1).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// ECDSA-Sig-Value (RFC 3279 section 2.2.3).
#[derive(Sequence)]
struct EcdsaSigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// Input of `CKM_RSA_PKCS`: the digest with the identifier of its algorithm.
pub(super) fn digest_info(sha256: &[u8; 32]) -> [u8; 51] {
    let mut info = [0; 51];
    info[..19].copy_from_slice(&SHA256_DIGEST_INFO);
    info[19..].copy_from_slice(sha256);
    info
}

/// From `CKM_ECDSA`'s r ‖ s, each of the curve's length.
pub(super) fn ecdsa_signature(raw: &[u8]) -> der::Result<Vec<u8>> {
    let (r, s) = raw.split_at(raw.len() / 2);
    if r.is_empty() || r.len() != s.len() {
        return Err(der::ErrorKind::Failed.into());
    }
    EcdsaSigValue {
        r: UintRef::new(r)?,
        s: UintRef::new(s)?,
    }
    .to_der()
}

/// From `CKA_MODULUS` and `CKA_PUBLIC_EXPONENT`, big-endian.
pub(super) fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> der::Result<Vec<u8>> {
    let key = RsaPublicKey {
        modulus: UintRef::new(modulus)?,
        exponent: UintRef::new(exponent)?,
    }
    .to_der()?;
    public_key(oid::RSA, Some(AnyRef::NULL), &key)
}

/// From `CKA_EC_PARAMS` (DER of a named curve) and `CKA_EC_POINT`.
pub(super) fn ec_public_key(parameters: &[u8], point: &[u8]) -> der::Result<Vec<u8>> {
    let curve = ObjectIdentifier::from_der(parameters)?;
    let field = match curve {
        oid::P256 => 32,
        oid::P384 => 48,
        oid::P521 => 66,
        oid => return Err(der::ErrorKind::OidUnknown { oid }.into()),
    };
    // The standard wraps the point in an OCTET STRING; some tokens do not. A bare point starts with that tag's octet
    // too, so only the length distinguishes them.
    let point = if point.len() == 1 + 2 * field {
        point
    } else {
        <&OctetStringRef>::from_der(point)?.as_bytes()
    };
    public_key(oid::EC, Some(AnyRef::from(&curve)), point)
}

fn public_key(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> der::Result<Vec<u8>> {
    SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef { oid, parameters },
        subject_public_key: BitStringRef::from_bytes(key)?,
    }
    .to_der()
}

/// DER of a curve's name, for `CKA_EC_PARAMS`.
pub(super) fn curve(curve: ObjectIdentifier) -> der::Result<Vec<u8>> {
    curve.to_der()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair};

    use super::*;

    #[test]
    fn integers_lose_zeros_and_keep_their_sign() {
        let mut raw = [0_u8; 64];
        raw[31] = 1;
        raw[32] = 0x80;
        let der = ecdsa_signature(&raw).unwrap();
        assert_eq!(der[..7], [0x30, 0x26, 0x02, 0x01, 0x01, 0x02, 0x21]);
        assert_eq!(der[7..9], [0x00, 0x80]);
        assert!(ecdsa_signature(&[]).is_err());
        assert!(ecdsa_signature(&[1; 63]).is_err());
    }

    #[test]
    fn public_keys_agree_with_another_encoder() {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let expected = pair.public_key().as_der().unwrap();
        let point = pair.public_key().as_ref();
        let wrapped = OctetStringRef::new(point).unwrap().to_der().unwrap();
        let parameters = curve(oid::P256).unwrap();
        assert_eq!(ec_public_key(&parameters, point).unwrap(), expected.as_ref());
        assert_eq!(ec_public_key(&parameters, &wrapped).unwrap(), expected.as_ref());
        assert!(ec_public_key(&parameters, &point[1..]).is_err());
        assert!(ec_public_key(&curve(oid::ED25519).unwrap(), point).is_err());

        let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let expected = pair.public_key().as_der().unwrap();
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let exponent = pair.public_key().exponent().big_endian_without_leading_zero().to_vec();
        assert_eq!(rsa_public_key(&modulus, &exponent).unwrap(), expected.as_ref());
        let padded = [&[0_u8][..], &modulus].concat();
        assert_eq!(rsa_public_key(&padded, &exponent).unwrap(), expected.as_ref());
    }
}
