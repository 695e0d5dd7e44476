//! Keys for tests, which can sign.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair, PqdsaKeyPair, RsaEncoding, RsaKeyPair};

use crate::algorithm::CaKeyAlgorithm;

/// A private key that signs whole messages, to check this crate's hashing and verification against another
/// implementation.
pub(crate) enum TestKey {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl TestKey {
    pub(crate) fn generate(algorithm: CaKeyAlgorithm) -> Self {
        let rsa = |size| Self::Rsa(RsaKeyPair::generate(size).unwrap());
        let ecdsa = |signing| Self::Ecdsa(EcdsaKeyPair::generate(signing).unwrap());
        let ml_dsa = |signing| Self::MlDsa(PqdsaKeyPair::generate(signing).unwrap());
        match algorithm {
            CaKeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            CaKeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            CaKeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
            CaKeyAlgorithm::P256 => ecdsa(&aws::ECDSA_P256_SHA256_ASN1_SIGNING),
            CaKeyAlgorithm::P384 => ecdsa(&aws::ECDSA_P384_SHA384_ASN1_SIGNING),
            CaKeyAlgorithm::P521 => ecdsa(&aws::ECDSA_P521_SHA512_ASN1_SIGNING),
            CaKeyAlgorithm::MlDsa44 => ml_dsa(&aws::ML_DSA_44_SIGNING),
            CaKeyAlgorithm::MlDsa65 => ml_dsa(&aws::ML_DSA_65_SIGNING),
            CaKeyAlgorithm::MlDsa87 => ml_dsa(&aws::ML_DSA_87_SIGNING),
        }
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(key) => key.public_key().as_der().unwrap(),
            Self::Ecdsa(key) => key.public_key().as_der().unwrap(),
            Self::Ed25519(key) => key.public_key().as_der().unwrap(),
            Self::MlDsa(key) => key.public_key().as_der().unwrap(),
        };
        der.as_ref().to_vec()
    }

    /// RSA with PKCS #1 v1.5 and SHA-256, every other key with the hash that it was generated for.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(_) => self.sign_rsa(&aws::RSA_PKCS1_SHA256, message),
            Self::Ecdsa(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::MlDsa(key) => {
                let mut signature = vec![0; key.algorithm().signature_len()];
                key.sign(message, &mut signature).unwrap();
                signature
            }
        }
    }

    pub(crate) fn sign_rsa(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let Self::Rsa(key) = self else { panic!("not an RSA key") };
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(encoding, &SystemRandom::new(), message, &mut signature)
            .unwrap();
        signature
    }
}
