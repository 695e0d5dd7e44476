//! An unsealed CA key in memory.
//!
//! RSA and ECDSA keys are aws-lc's. ML-DSA keys are `RustCrypto`'s, because a CA signs µ, which aws-lc's Rust API does
//! not offer; aws-lc still reads their PKCS #8 first, and checks that seed and expanded key agree where a file has
//! both.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RsaKeyPair,
};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;
use der::Decode;
use der::asn1::AnyRef;
use getrandom::SysRng;
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams, SigningKey};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::spki::{AssociatedAlgorithmIdentifier, EncodePublicKey, ObjectIdentifier};
use zeroize::Zeroizing;

/// Object identifiers of key algorithms, and of the curves of EC keys.
pub(super) mod oid {
    use super::ObjectIdentifier;

    pub(crate) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    pub(crate) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    pub(crate) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    pub(crate) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
    pub(crate) const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
    pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
    pub(crate) const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
    pub(crate) const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
    pub(crate) const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");
}

/// A CA's private key, ready to sign, and its public key.
pub(super) struct PrivateKey {
    pair: Pair,
    public: CaPublicKey,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    MlDsa(Box<dyn MuSigner>),
}

/// Why octets are not a usable CA key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PrivateKeyError {
    /// Not PKCS #8 at all.
    #[error("it is no PKCS #8 private key")]
    NotAKey,
    /// A kind of key that this program does not use for CAs.
    #[error("it is a key of algorithm {oid}, which no CA may have; use RSA 2048-4096, P-256, P-384, P-521 or ML-DSA")]
    Unsupported {
        /// The key's algorithm, or its curve.
        oid: String,
    },
    /// A supported kind, but violating its algorithm's rules.
    #[error("its key is not sound: {0}")]
    Unsound(String),
}

/// Why signing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignError {
    /// A digest of another length than the key's, or µ for a key that does not sign it.
    WrongInput,
    /// The cryptographic library failed.
    Failed,
}

impl PrivateKey {
    /// Generates a key. RSA may take seconds.
    pub(super) fn generate(algorithm: CaKeyAlgorithm) -> Result<(Self, Zeroizing<Vec<u8>>), PrivateKeyError> {
        let pkcs8 = match algorithm {
            CaKeyAlgorithm::Rsa2048 => generate_rsa(KeySize::Rsa2048)?,
            CaKeyAlgorithm::Rsa3072 => generate_rsa(KeySize::Rsa3072)?,
            CaKeyAlgorithm::Rsa4096 => generate_rsa(KeySize::Rsa4096)?,
            CaKeyAlgorithm::P256 => generate_ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            CaKeyAlgorithm::P384 => generate_ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            CaKeyAlgorithm::P521 => generate_ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING)?,
            CaKeyAlgorithm::MlDsa44 => generate_ml_dsa(&ML_DSA_44_SIGNING)?,
            CaKeyAlgorithm::MlDsa65 => generate_ml_dsa(&ML_DSA_65_SIGNING)?,
            CaKeyAlgorithm::MlDsa87 => generate_ml_dsa(&ML_DSA_87_SIGNING)?,
        };
        // Read back like any other key, so that what is written is known to be usable.
        Ok((Self::from_pkcs8(&pkcs8)?, pkcs8))
    }

    /// Reads unencrypted PKCS #8 (RFC 5958) of any algorithm a CA may have.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, PrivateKeyError> {
        let info = PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| PrivateKeyError::NotAKey)?;
        let (pair, spki) = match info.algorithm.oid {
            oid::RSA => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8)?;
                let spki = pair.public_key().as_der()?.as_ref().to_vec();
                (Pair::Rsa(Box::new(pair)), spki)
            }
            oid::EC => {
                let pair = EcdsaKeyPair::from_pkcs8(curve(&info)?, pkcs8)?;
                let spki = pair.public_key().as_der()?.as_ref().to_vec();
                (Pair::Ecdsa(pair), spki)
            }
            oid::ML_DSA_44 => ml_dsa::<MlDsa44>(&ML_DSA_44_SIGNING, pkcs8)?,
            oid::ML_DSA_65 => ml_dsa::<MlDsa65>(&ML_DSA_65_SIGNING, pkcs8)?,
            oid::ML_DSA_87 => ml_dsa::<MlDsa87>(&ML_DSA_87_SIGNING, pkcs8)?,
            other => return Err(PrivateKeyError::Unsupported { oid: other.to_string() }),
        };
        let public = CaPublicKey::from_der(&spki).map_err(|error| PrivateKeyError::Unsound(error.to_string()))?;
        Ok(Self { pair, public })
    }

    /// The public key.
    pub(super) fn public(&self) -> &CaPublicKey {
        &self.public
    }

    /// Signs: ECDSA as DER ECDSA-Sig-Value, RSA (PKCS #1 v1.5) and ML-DSA (hedged, FIPS 204 section 3.4) raw.
    pub(super) fn sign(&self, input: &SigningInput) -> Result<Vec<u8>, SignError> {
        if !super::fits(self.public.algorithm(), input) {
            return Err(SignError::WrongInput);
        }
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &imported(input)?, &mut signature)
                    .map_err(|_| SignError::Failed)?;
                Ok(signature)
            }
            Pair::Ecdsa(pair) => {
                let signature = pair.sign_digest(&imported(input)?).map_err(|_| SignError::Failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::MlDsa(pair) => match input {
                SigningInput::Mu(mu) => pair.sign_mu(mu),
                _ => Err(SignError::WrongInput),
            },
        }
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl From<KeyRejected> for PrivateKeyError {
    fn from(error: KeyRejected) -> Self {
        Self::Unsound(error.to_string())
    }
}

impl From<aws_lc_rs::error::Unspecified> for PrivateKeyError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Unsound("the cryptographic library refused it".to_owned())
    }
}

/// A digest that was computed elsewhere, as aws-lc's type.
fn imported(input: &SigningInput) -> Result<Digest, SignError> {
    let algorithm = match input {
        SigningInput::Sha256(_) => &digest::SHA256,
        SigningInput::Sha384(_) => &digest::SHA384,
        SigningInput::Sha512(_) => &digest::SHA512,
        SigningInput::Mu(_) => return Err(SignError::WrongInput),
    };
    Digest::import_less_safe(input.as_bytes(), algorithm).map_err(|_| SignError::Failed)
}

/// aws-lc's algorithm for an EC key's curve.
pub(super) fn curve(info: &PrivateKeyInfoRef<'_>) -> Result<&'static EcdsaSigningAlgorithm, PrivateKeyError> {
    let named = info
        .algorithm
        .parameters
        .and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    match named {
        Some(oid::P256) => Ok(&ECDSA_P256_SHA256_ASN1_SIGNING),
        Some(oid::P384) => Ok(&ECDSA_P384_SHA384_ASN1_SIGNING),
        Some(oid::P521) => Ok(&ECDSA_P521_SHA512_ASN1_SIGNING),
        Some(other) => Err(PrivateKeyError::Unsupported { oid: other.to_string() }),
        None => Err(PrivateKeyError::Unsound("its curve is not a named one".to_owned())),
    }
}

pub(super) fn generate_rsa(size: KeySize) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(size)?.as_der()?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

pub(super) fn generate_ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let document = EcdsaKeyPair::generate(algorithm)?.to_pkcs8v1()?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

/// Generates a key in the seed form of RFC 9881.
pub(super) fn generate_ml_dsa(
    algorithm: &'static PqdsaSigningAlgorithm,
) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
    let document = PqdsaKeyPair::generate(algorithm)?.to_pkcs8v1()?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

/// An ML-DSA key of any size.
trait MuSigner: Send + Sync {
    /// Signs µ with fresh randomness.
    fn sign_mu(&self, mu: &[u8; 64]) -> Result<Vec<u8>, SignError>;
}

impl<P: MlDsaParams> MuSigner for SigningKey<P> {
    fn sign_mu(&self, mu: &[u8; 64]) -> Result<Vec<u8>, SignError> {
        let signature = self
            .expanded_key()
            .sign_mu_randomized(&(*mu).into(), &mut SysRng)
            .map_err(|_| SignError::Failed)?;
        Ok(signature.encode().to_vec())
    }
}

/// Reads an ML-DSA key in the seed form, or in the form with both seed and expanded key (RFC 9881 section 6).
fn ml_dsa<P>(algorithm: &'static PqdsaSigningAlgorithm, pkcs8: &[u8]) -> Result<(Pair, Vec<u8>), PrivateKeyError>
where
    P: MlDsaParams + AssociatedAlgorithmIdentifier<Params = AnyRef<'static>> + 'static,
{
    let seed_form = PqdsaKeyPair::from_pkcs8(algorithm, pkcs8)?.to_pkcs8v1().map_err(|_| {
        PrivateKeyError::Unsound("it has the expanded ML-DSA key only; write it with its seed".to_owned())
    })?;
    let unsound = |_| PrivateKeyError::Unsound("its ML-DSA seed cannot be read".to_owned());
    let info = PrivateKeyInfoRef::from_der(seed_form.as_ref()).map_err(|_| PrivateKeyError::NotAKey)?;
    let key = SigningKey::<P>::try_from(info).map_err(unsound)?;
    let spki = AsRef::<ml_dsa::VerifyingKey<P>>::as_ref(&key)
        .to_public_key_der()
        .map_err(|error| PrivateKeyError::Unsound(error.to_string()))?;
    Ok((Pair::MlDsa(Box::new(key)), spki.into_vec()))
}

#[cfg(test)]
mod tests {
    use chancery_x509::key::ca::SigningHasher;

    use super::*;

    /// RSA-4096 is left to the contract suite: its generation is slow without optimization.
    const QUICK: [CaKeyAlgorithm; 7] = [
        CaKeyAlgorithm::P256,
        CaKeyAlgorithm::P384,
        CaKeyAlgorithm::P521,
        CaKeyAlgorithm::Rsa2048,
        CaKeyAlgorithm::MlDsa44,
        CaKeyAlgorithm::MlDsa65,
        CaKeyAlgorithm::MlDsa87,
    ];

    fn input_for(key: &PrivateKey) -> SigningInput {
        let mut hasher = SigningHasher::new(key.public());
        hasher.update(b"to be signed");
        hasher.finish()
    }

    #[test]
    fn keys_survive_their_encoding_and_sign() {
        for algorithm in QUICK {
            let (made, pkcs8) = PrivateKey::generate(algorithm).unwrap();
            let read = PrivateKey::from_pkcs8(&pkcs8).unwrap();
            assert_eq!(read.public().as_der(), made.public().as_der());
            assert_eq!(read.public().algorithm(), algorithm);
            let input = input_for(&read);
            let signature = read.sign(&input).unwrap();
            made.public().verify(&input, &signature).unwrap();
        }
    }

    #[test]
    fn inputs_of_other_algorithms_are_refused() {
        for algorithm in [
            CaKeyAlgorithm::P256,
            CaKeyAlgorithm::P521,
            CaKeyAlgorithm::Rsa2048,
            CaKeyAlgorithm::MlDsa44,
        ] {
            let (key, _) = PrivateKey::generate(algorithm).unwrap();
            let fitting = input_for(&key);
            for input in [
                SigningInput::Sha256([1; 32]),
                SigningInput::Sha384([1; 48]),
                SigningInput::Sha512([1; 64]),
                SigningInput::Mu([1; 64]),
            ] {
                if std::mem::discriminant(&input) != std::mem::discriminant(&fitting) {
                    assert_eq!(key.sign(&input), Err(SignError::WrongInput), "{algorithm:?} {input:?}");
                }
            }
        }
    }

    #[test]
    fn ml_dsa_signatures_are_hedged() {
        let (key, _) = PrivateKey::generate(CaKeyAlgorithm::MlDsa44).unwrap();
        let input = SigningInput::Mu([1; 64]);
        assert_ne!(key.sign(&input).unwrap(), key.sign(&input).unwrap());
    }

    #[test]
    fn other_keys_are_named_and_refused() {
        let ed25519 = aws_lc_rs::signature::Ed25519KeyPair::generate()
            .unwrap()
            .to_pkcs8v1()
            .unwrap();
        let error = PrivateKey::from_pkcs8(ed25519.as_ref()).unwrap_err();
        assert_eq!(
            error,
            PrivateKeyError::Unsupported {
                oid: "1.3.101.112".into()
            }
        );
        assert_eq!(PrivateKey::from_pkcs8(b"no DER").unwrap_err(), PrivateKeyError::NotAKey);
        // Truncated at every octet: never a panic, never a key.
        let (_, pkcs8) = PrivateKey::generate(CaKeyAlgorithm::P256).unwrap();
        for length in 0..pkcs8.len() {
            assert!(PrivateKey::from_pkcs8(&pkcs8[..length]).is_err());
        }
    }
}
