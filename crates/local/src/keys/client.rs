//! Subjects' own keys: generated or read by a requester of certificates, and signing its certification requests.
//!
//! ```no_run
//! use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
//! use chancery_x509::name::Name;
//!
//! let key = ClientKey::generate(ClientKeyAlgorithm::default())?;
//! std::fs::write("key.pem", key.to_pem()?.as_bytes())?;
//! let csr = key.request(&Name::from_rfc4514("CN=www.example.com")?, &[])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod file;
mod on_token;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING,
    PqdsaKeyPair, PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RsaKeyPair,
};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::csr::builder::CertificationRequestInfo;
use chancery_x509::key::{KeyKind, SubjectPublicKey};
use chancery_x509::name::Name;
use chancery_x509::san::AltName;
use der::Decode;
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::private::{PrivateKeyError, curve, generate_ecdsa, generate_ml_dsa, generate_rsa, oid};
pub use on_token::TokenClientKey;

/// DER of Ed25519's AlgorithmIdentifier (RFC 8410 section 3).
const ED25519_SIGNATURE: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// Algorithm and size of a subject's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientKeyAlgorithm {
    /// ECDSA on P-256: small, fast, supported everywhere.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA-44 (RFC 9881).
    MlDsa44,
    /// ML-DSA-65 (RFC 9881).
    MlDsa65,
    /// ML-DSA-87 (RFC 9881).
    MlDsa87,
}

/// A subject's private key in memory, wiped when dropped.
pub struct ClientKey {
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: SubjectPublicKey,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

/// Why a subject's key could not be generated, read or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientKeyError {
    /// No private key in the file.
    #[error("this is no private key: expected PEM with PKCS #8, or an RSA or EC PRIVATE KEY")]
    NotAKey,
    /// Sealed, and no passphrase given.
    #[error("the private key is sealed: its passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase does not open it.
    #[error("the passphrase does not open the private key")]
    WrongPassphrase,
    /// Sealed with a scheme, or at a cost, that this program does not accept.
    #[error("the private key cannot be opened: {detail}")]
    Seal {
        /// Why, and what to do.
        detail: String,
    },
    /// Another algorithm, or another size.
    #[error("private keys of algorithm {oid} are not used; take RSA 2048-4096, P-256, P-384, P-521, Ed25519 or ML-DSA")]
    Unsupported {
        /// The object identifier of the algorithm, or of the curve.
        oid: String,
    },
    /// Damaged, or violating its algorithm's rules.
    #[error("the private key is not sound: {detail}")]
    Unsound {
        /// What is wrong.
        detail: String,
    },
    /// The cryptographic library did not sign.
    #[error("the private key could not sign")]
    NotSigned,
}

impl ClientKeyAlgorithm {
    /// Every algorithm, in the order of this documentation.
    pub const ALL: [Self; 10] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The name used on the command line: `p256`, `rsa2048`, `ed25519`, `ml-dsa-65`, …
    pub fn name(self) -> &'static str {
        match CaKeyAlgorithm::try_from(self) {
            Ok(algorithm) => algorithm.name(),
            Err(_) => "ed25519",
        }
    }

    /// The algorithm of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl TryFrom<ClientKeyAlgorithm> for CaKeyAlgorithm {
    type Error = ClientKeyAlgorithm;

    /// The same algorithm as a CA key's; fails for Ed25519, which no CA uses.
    fn try_from(algorithm: ClientKeyAlgorithm) -> Result<Self, ClientKeyAlgorithm> {
        Ok(match algorithm {
            ClientKeyAlgorithm::P256 => Self::P256,
            ClientKeyAlgorithm::P384 => Self::P384,
            ClientKeyAlgorithm::P521 => Self::P521,
            ClientKeyAlgorithm::Rsa2048 => Self::Rsa2048,
            ClientKeyAlgorithm::Rsa3072 => Self::Rsa3072,
            ClientKeyAlgorithm::Rsa4096 => Self::Rsa4096,
            ClientKeyAlgorithm::MlDsa44 => Self::MlDsa44,
            ClientKeyAlgorithm::MlDsa65 => Self::MlDsa65,
            ClientKeyAlgorithm::MlDsa87 => Self::MlDsa87,
            ClientKeyAlgorithm::Ed25519 => return Err(algorithm),
        })
    }
}

impl ClientKey {
    /// Generates a key. Blocks: RSA takes up to seconds.
    pub fn generate(algorithm: ClientKeyAlgorithm) -> Result<Self, ClientKeyError> {
        let pkcs8 = match algorithm {
            ClientKeyAlgorithm::Rsa2048 => generate_rsa(KeySize::Rsa2048)?,
            ClientKeyAlgorithm::Rsa3072 => generate_rsa(KeySize::Rsa3072)?,
            ClientKeyAlgorithm::Rsa4096 => generate_rsa(KeySize::Rsa4096)?,
            ClientKeyAlgorithm::P256 => generate_ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            ClientKeyAlgorithm::P384 => generate_ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            ClientKeyAlgorithm::P521 => generate_ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING)?,
            ClientKeyAlgorithm::MlDsa44 => generate_ml_dsa(&ML_DSA_44_SIGNING)?,
            ClientKeyAlgorithm::MlDsa65 => generate_ml_dsa(&ML_DSA_65_SIGNING)?,
            ClientKeyAlgorithm::MlDsa87 => generate_ml_dsa(&ML_DSA_87_SIGNING)?,
            ClientKeyAlgorithm::Ed25519 => {
                // Version 1: OpenSSL before 3.4 cannot read the version that includes the public key.
                let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(PrivateKeyError::from)?;
                Zeroizing::new(document.as_ref().to_vec())
            }
        };
        Self::from_pkcs8(pkcs8)
    }

    /// Reads unencrypted PKCS #8, DER.
    pub fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, ClientKeyError> {
        let info = PrivateKeyInfoRef::from_der(&pkcs8).map_err(|_| ClientKeyError::NotAKey)?;
        let (pair, spki) = match info.algorithm.oid {
            oid::RSA => {
                let pair = RsaKeyPair::from_pkcs8(&pkcs8).map_err(PrivateKeyError::from)?;
                let spki = pair
                    .public_key()
                    .as_der()
                    .map_err(PrivateKeyError::from)?
                    .as_ref()
                    .to_vec();
                (Pair::Rsa(Box::new(pair)), spki)
            }
            oid::EC => {
                let pair = EcdsaKeyPair::from_pkcs8(curve(&info)?, &pkcs8).map_err(PrivateKeyError::from)?;
                let spki = pair
                    .public_key()
                    .as_der()
                    .map_err(PrivateKeyError::from)?
                    .as_ref()
                    .to_vec();
                (Pair::Ecdsa(pair), spki)
            }
            oid::ED25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).map_err(PrivateKeyError::from)?;
                let spki = pair
                    .public_key()
                    .as_der()
                    .map_err(PrivateKeyError::from)?
                    .as_ref()
                    .to_vec();
                (Pair::Ed25519(pair), spki)
            }
            oid::ML_DSA_44 => ml_dsa(&ML_DSA_44_SIGNING, &pkcs8)?,
            oid::ML_DSA_65 => ml_dsa(&ML_DSA_65_SIGNING, &pkcs8)?,
            oid::ML_DSA_87 => ml_dsa(&ML_DSA_87_SIGNING, &pkcs8)?,
            other => return Err(ClientKeyError::Unsupported { oid: other.to_string() }),
        };
        let unsound = |detail: String| ClientKeyError::Unsound { detail };
        let public = SubjectPublicKey::from_der(&spki).map_err(|error| unsound(error.to_string()))?;
        match public.kind() {
            KeyKind::Rsa { bits } if !(2048..=4096).contains(&bits) => {
                Err(unsound(format!("RSA keys have 2048 to 4096 bits, not {bits}")))
            }
            _ => Ok(Self { pair, pkcs8, public }),
        }
    }

    /// The public key.
    pub fn public_key(&self) -> &SubjectPublicKey {
        &self.public
    }

    /// DER of the AlgorithmIdentifier of [`sign`](Self::sign)'s signatures.
    pub fn signature_algorithm_der(&self) -> &'static [u8] {
        match CaKeyAlgorithm::try_from(self.public.kind()) {
            Ok(algorithm) => algorithm.signature_algorithm_der(),
            // RSA of sizes that no CA uses signs in the same way; the only other algorithm is Ed25519.
            Err(KeyKind::Rsa { .. }) => CaKeyAlgorithm::Rsa2048.signature_algorithm_der(),
            Err(_) => ED25519_SIGNATURE,
        }
    }

    /// DER of a certification request for this key (RFC 2986), signed with it.
    pub fn request(&self, subject: &Name, alt_names: &[AltName]) -> Result<Vec<u8>, ClientKeyError> {
        let info = CertificationRequestInfo::new(subject, &self.public, alt_names);
        let signature = self.sign(info.as_der())?;
        Ok(info.assemble(self.signature_algorithm_der(), &signature))
    }

    /// Signs a message, e.g. a CertificationRequestInfo: RSA PKCS #1 v1.5 with SHA-256, ECDSA with the hash of its
    /// curve's size as DER ECDSA-Sig-Value, Ed25519, or pure ML-DSA.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ClientKeyError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| ClientKeyError::NotSigned)?;
                Ok(signature)
            }
            Pair::Ecdsa(pair) => match pair.sign(&random, message) {
                Ok(signature) => Ok(signature.as_ref().to_vec()),
                Err(_) => Err(ClientKeyError::NotSigned),
            },
            Pair::Ed25519(pair) => match pair.try_sign(message) {
                Ok(signature) => Ok(signature.as_ref().to_vec()),
                Err(_) => Err(ClientKeyError::NotSigned),
            },
            Pair::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair
                    .sign(message, &mut signature)
                    .map_err(|_| ClientKeyError::NotSigned)?;
                signature.truncate(length);
                Ok(signature)
            }
        }
    }
}

impl std::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl From<PrivateKeyError> for ClientKeyError {
    fn from(error: PrivateKeyError) -> Self {
        match error {
            PrivateKeyError::NotAKey => Self::NotAKey,
            PrivateKeyError::Unsupported { oid } => Self::Unsupported { oid },
            PrivateKeyError::Unsound(detail) => Self::Unsound { detail },
        }
    }
}

fn ml_dsa(algorithm: &'static PqdsaSigningAlgorithm, pkcs8: &[u8]) -> Result<(Pair, Vec<u8>), ClientKeyError> {
    let pair = PqdsaKeyPair::from_pkcs8(algorithm, pkcs8).map_err(PrivateKeyError::from)?;
    let spki = pair
        .public_key()
        .as_der()
        .map_err(PrivateKeyError::from)?
        .as_ref()
        .to_vec();
    Ok((Pair::MlDsa(pair), spki))
}

/// The curves to try for SEC 1 keys, which need not name theirs.
const CURVES: [&EcdsaSigningAlgorithm; 3] = [
    &ECDSA_P256_SHA256_ASN1_SIGNING,
    &ECDSA_P384_SHA384_ASN1_SIGNING,
    &ECDSA_P521_SHA512_ASN1_SIGNING,
];

/// A message's digest, as a key of this algorithm signs it; `None` for algorithms that sign no digest.
fn digest_of(algorithm: CaKeyAlgorithm, message: &[u8]) -> Option<SigningInput> {
    let hash = |algorithm| digest::digest(algorithm, message);
    Some(match algorithm {
        CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096 | CaKeyAlgorithm::P256 => {
            SigningInput::Sha256(hash(&digest::SHA256).as_ref().try_into().ok()?)
        }
        CaKeyAlgorithm::P384 => SigningInput::Sha384(hash(&digest::SHA384).as_ref().try_into().ok()?),
        CaKeyAlgorithm::P521 => SigningInput::Sha512(hash(&digest::SHA512).as_ref().try_into().ok()?),
        CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87 => return None,
    })
}
