//! The algorithms that a CA key may have, and how each signs.
//!
//! A CA signs a digest, or for ML-DSA the 64-octet message representative µ, never a message: AWS KMS accepts these
//! without a length limit (`MessageType` `DIGEST` and `EXTERNAL_MU`), a PKCS #11 token accepts them raw, and a CRL of
//! any length can be signed in constant memory.

use std::fmt;

/// Algorithm and size of a CA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaKeyAlgorithm {
    /// RSA, 2048 bits, PKCS #1 v1.5 with SHA-256.
    Rsa2048,
    /// RSA, 3072 bits, PKCS #1 v1.5 with SHA-256.
    Rsa3072,
    /// RSA, 4096 bits, PKCS #1 v1.5 with SHA-256.
    Rsa4096,
    /// ECDSA on P-256 with SHA-256.
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
    /// ECDSA on P-521 with SHA-512.
    P521,
    /// ML-DSA-44, pure (RFC 9881).
    MlDsa44,
    /// ML-DSA-65, pure (RFC 9881).
    MlDsa65,
    /// ML-DSA-87, pure (RFC 9881).
    MlDsa87,
}

/// The input of a CA key's signature; made by [`SigningHasher`](crate::key::ca::SigningHasher).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningInput {
    /// SHA-256 digest of the message (RSA, P-256).
    Sha256([u8; 32]),
    /// SHA-384 digest of the message (P-384).
    Sha384([u8; 48]),
    /// SHA-512 digest of the message (P-521).
    Sha512([u8; 64]),
    /// ML-DSA message representative µ for an empty context (FIPS 204 algorithm 7, line 6).
    Mu([u8; 64]),
}

impl SigningInput {
    /// The octets to be signed.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(digest) => digest,
            Self::Sha384(digest) => digest,
            Self::Sha512(digest) | Self::Mu(digest) => digest,
        }
    }
}

impl CaKeyAlgorithm {
    /// Every algorithm, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The name used in configuration and on the command line: `p256`, `rsa2048`, `ml-dsa-65`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }

    /// The algorithm of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// DER of the AlgorithmIdentifier of this key's signatures, with the parameters that RFC 4055, RFC 5758 and RFC
    /// 9881 require (NULL for RSA, absent otherwise).
    pub fn signature_algorithm_der(self) -> &'static [u8] {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => SHA256_WITH_RSA,
            Self::P256 => ECDSA_WITH_SHA256,
            Self::P384 => ECDSA_WITH_SHA384,
            Self::P521 => ECDSA_WITH_SHA512,
            Self::MlDsa44 => ML_DSA_44,
            Self::MlDsa65 => ML_DSA_65,
            Self::MlDsa87 => ML_DSA_87,
        }
    }
}

// AlgorithmIdentifiers, written out because each is copied twice into every certificate; a test decodes them.
const SHA256_WITH_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
const ECDSA_WITH_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ECDSA_WITH_SHA384: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";
const ECDSA_WITH_SHA512: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04";
const ML_DSA_44: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11";
const ML_DSA_65: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12";
const ML_DSA_87: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x13";

impl fmt::Display for CaKeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use der::Decode;
    use spki::AlgorithmIdentifierRef;

    use super::*;

    #[test]
    fn signature_algorithms_are_what_their_oids_say() {
        use const_oid::db::{fips204, rfc5912};
        for algorithm in CaKeyAlgorithm::ALL {
            let identifier = AlgorithmIdentifierRef::from_der(algorithm.signature_algorithm_der()).unwrap();
            let (oid, null) = match algorithm {
                CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096 => {
                    (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, true)
                }
                CaKeyAlgorithm::P256 => (rfc5912::ECDSA_WITH_SHA_256, false),
                CaKeyAlgorithm::P384 => (rfc5912::ECDSA_WITH_SHA_384, false),
                CaKeyAlgorithm::P521 => (rfc5912::ECDSA_WITH_SHA_512, false),
                CaKeyAlgorithm::MlDsa44 => (fips204::ID_ML_DSA_44, false),
                CaKeyAlgorithm::MlDsa65 => (fips204::ID_ML_DSA_65, false),
                CaKeyAlgorithm::MlDsa87 => (fips204::ID_ML_DSA_87, false),
            };
            assert_eq!(identifier.oid, oid, "{algorithm}");
            assert_eq!(
                identifier.parameters.is_some_and(der::asn1::AnyRef::is_null),
                null,
                "{algorithm}"
            );
        }
    }

    #[test]
    fn names_lead_back_to_their_algorithms() {
        for algorithm in CaKeyAlgorithm::ALL {
            assert_eq!(CaKeyAlgorithm::from_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!(CaKeyAlgorithm::from_name("rsa1024"), None);
    }
}
