//! CA keys in memory, and a log of all their signatures.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use chancery_authority::port::ledger::AttemptId;
use chancery_authority::port::{KeyName, KeyStore, KeyStoreError, Purpose, Receipt, Signed, SigningRequest};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;
use ml_dsa::pkcs8::EncodePublicKey;
use ml_dsa::signature::Keypair;
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, SigningKey};

use super::lock;

/// Stores keys, and logs every signature before returning it.
#[derive(Default)]
pub struct MemoryKeyStore {
    keys: Mutex<HashMap<KeyName, Arc<Key>>>,
    log: Mutex<Vec<LoggedSignature>>,
    retries: AtomicU32,
}

/// A signature that was made, whether or not its answer arrived.
#[derive(Clone, Debug)]
pub struct LoggedSignature {
    /// Its receipt.
    pub receipt: Receipt,
    /// What it was for.
    pub purpose: Purpose,
    /// The journal's id of the attempt.
    pub attempt: AttemptId,
    /// The key.
    pub key: KeyName,
    /// What was signed.
    pub input: SigningInput,
    /// The signature.
    pub signature: Vec<u8>,
}

struct Key {
    public: CaPublicKey,
    secret: Secret,
}

enum Secret {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
    MlDsa44(Box<SigningKey<MlDsa44>>),
    MlDsa65(Box<SigningKey<MlDsa65>>),
    MlDsa87(Box<SigningKey<MlDsa87>>),
}

impl MemoryKeyStore {
    /// Every signature ever made, oldest first.
    pub fn log(&self) -> Vec<LoggedSignature> {
        lock(&self.log).clone()
    }

    /// From now on, so many attempts in a row may fail before a caller gives up; at first none.
    pub fn allow_retries(&self, retries: u32) {
        self.retries.store(retries, Ordering::Relaxed);
    }

    /// Removes a key, as if its token had been unplugged.
    pub fn forget(&self, key: &KeyName) {
        lock(&self.keys).remove(key);
    }

    /// Creates one key and stores it under two names.
    ///
    /// # Panics
    /// Where the key cannot be generated.
    pub fn alias(&self, one: &KeyName, other: &KeyName, algorithm: CaKeyAlgorithm) {
        let key = Arc::new(Key::generate(algorithm).expect("keys can be generated"));
        lock(&self.keys).extend([(one.clone(), key.clone()), (other.clone(), key)]);
    }

    fn key(&self, name: &KeyName) -> Result<Arc<Key>, KeyStoreError> {
        lock(&self.keys)
            .get(name)
            .cloned()
            .ok_or_else(|| KeyStoreError::NotFound(name.clone()))
    }
}

#[async_trait]
impl KeyStore for MemoryKeyStore {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        if lock(&self.keys).contains_key(key) {
            return Err(KeyStoreError::AlreadyExists(key.clone()));
        }
        let made = Key::generate(algorithm).ok_or_else(|| KeyStoreError::Unavailable {
            detail: "the key could not be generated".to_owned(),
        })?;
        // Checked again, since another call may have created the key during the generation.
        let mut keys = lock(&self.keys);
        if keys.contains_key(key) {
            return Err(KeyStoreError::AlreadyExists(key.clone()));
        }
        let public = made.public.clone();
        keys.insert(key.clone(), Arc::new(made));
        Ok(public)
    }

    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        Ok(self.key(key)?.public.clone())
    }

    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError> {
        let (name, input) = (request.key(), request.input());
        let signature = self
            .key(name)?
            .sign(input)
            .ok_or_else(|| KeyStoreError::WrongInput(name.clone()))?;
        let mut log = lock(&self.log);
        let receipt = Receipt(format!("memory-{:06}", log.len() + 1));
        log.push(LoggedSignature {
            receipt: receipt.clone(),
            purpose: request.purpose(),
            attempt: request.attempt(),
            key: name.clone(),
            input: input.clone(),
            signature: signature.clone(),
        });
        Ok(Signed { signature, receipt })
    }

    async fn wait_to_retry(&self, failed: u32, _spent: Duration) -> bool {
        failed <= self.retries.load(Ordering::Relaxed)
    }
}

impl Key {
    fn generate(algorithm: CaKeyAlgorithm) -> Option<Self> {
        let (secret, spki) = match algorithm {
            CaKeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048)?,
            CaKeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072)?,
            CaKeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096)?,
            CaKeyAlgorithm::P256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            CaKeyAlgorithm::P384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            CaKeyAlgorithm::P521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING)?,
            CaKeyAlgorithm::MlDsa44 => {
                let key = Box::new(SigningKey::<MlDsa44>::from_seed(&seed()?.into()));
                let spki = key.verifying_key().to_public_key_der().ok()?.into_vec();
                (Secret::MlDsa44(key), spki)
            }
            CaKeyAlgorithm::MlDsa65 => {
                let key = Box::new(SigningKey::<MlDsa65>::from_seed(&seed()?.into()));
                let spki = key.verifying_key().to_public_key_der().ok()?.into_vec();
                (Secret::MlDsa65(key), spki)
            }
            CaKeyAlgorithm::MlDsa87 => {
                let key = Box::new(SigningKey::<MlDsa87>::from_seed(&seed()?.into()));
                let spki = key.verifying_key().to_public_key_der().ok()?.into_vec();
                (Secret::MlDsa87(key), spki)
            }
        };
        Some(Self {
            public: CaPublicKey::from_der(&spki).ok()?,
            secret,
        })
    }

    /// `None` if the input does not match the key's algorithm.
    fn sign(&self, input: &SigningInput) -> Option<Vec<u8>> {
        match (&self.secret, input) {
            (Secret::Rsa(pair), SigningInput::Sha256(digest)) => {
                let digest = Digest::import_less_safe(digest, &digest::SHA256).ok()?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).ok()?;
                Some(signature)
            }
            (Secret::Ecdsa(pair), input) => {
                let algorithm = match input {
                    SigningInput::Sha256(_) => &digest::SHA256,
                    SigningInput::Sha384(_) => &digest::SHA384,
                    SigningInput::Sha512(_) => &digest::SHA512,
                    SigningInput::Mu(_) => return None,
                };
                let digest = Digest::import_less_safe(input.as_bytes(), algorithm).ok()?;
                // Refuses a digest of another algorithm.
                Some(pair.sign_digest(&digest).ok()?.as_ref().to_vec())
            }
            (Secret::MlDsa44(key), SigningInput::Mu(mu)) => Some(
                key.expanded_key()
                    .sign_mu_deterministic(&(*mu).into())
                    .encode()
                    .to_vec(),
            ),
            (Secret::MlDsa65(key), SigningInput::Mu(mu)) => Some(
                key.expanded_key()
                    .sign_mu_deterministic(&(*mu).into())
                    .encode()
                    .to_vec(),
            ),
            (Secret::MlDsa87(key), SigningInput::Mu(mu)) => Some(
                key.expanded_key()
                    .sign_mu_deterministic(&(*mu).into())
                    .encode()
                    .to_vec(),
            ),
            _ => None,
        }
    }
}

fn rsa(size: KeySize) -> Option<(Secret, Vec<u8>)> {
    let pair = RsaKeyPair::generate(size).ok()?;
    let spki = pair.public_key().as_der().ok()?.as_ref().to_vec();
    Some((Secret::Rsa(Box::new(pair)), spki))
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Option<(Secret, Vec<u8>)> {
    let pair = EcdsaKeyPair::generate(algorithm).ok()?;
    let spki = pair.public_key().as_der().ok()?.as_ref().to_vec();
    Some((Secret::Ecdsa(Box::new(pair)), spki))
}

fn seed() -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).ok()?;
    Some(seed)
}
