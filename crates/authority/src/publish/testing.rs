//! For this module's tests: long lists that are generated on demand, and CRLs made of them.

use std::fs::{File, OpenOptions};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::crl::{Coverage, CrlHeader, Framing, RevocationReason, RevokedEntry};
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::spool::{WholeCrl, spool};
use crate::ca::Ca;
use crate::config::Config;
use crate::hierarchy::{PlaceholderError, placeholder_cas};
use crate::port::ledger::{Attempt, AttemptPage, AttemptPosition, Attempts, LedgerError, Outcome, RevokedEntries};
use crate::port::{
    Clock, Entropy, KeyName, KeyStore, KeyStoreError, NoInvocation, Receipt, Scratch, Signed, SigningPorts,
    SigningRequest,
};

pub(crate) const NOW: UnixTime = UnixTime(1_795_464_000);

/// This many entries, each generated when it is read.
pub(super) struct Many(pub(super) u64);

pub(super) fn entry(number: u64) -> RevokedEntry {
    let mut octets = [0x41; 20];
    octets[12..].copy_from_slice(&number.to_be_bytes());
    RevokedEntry {
        serial: Serial::from_octets(&octets).unwrap(),
        revoked_at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    }
}

impl RevokedEntries for Many {
    fn entries(&self) -> u64 {
        self.0
    }

    fn octets(&self) -> u64 {
        self.0 * entry(0).encoded_len() as u64
    }

    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
        (0..self.0).try_for_each(|number| each(&entry(number)))
    }

    fn damaged(&self) -> &[String] {
        &[]
    }
}

/// A root whose key is here: it is the key store of that one key, and keeps what it was asked to sign.
///
/// The ports of `chancery-testing` are no use here: its authority is another compilation of this crate than the one under test.
pub(crate) struct Root {
    pub(crate) ca: Arc<Ca>,
    pair: EcdsaKeyPair,
    asked: Mutex<Vec<SigningRequest>>,
}

impl Root {
    pub(crate) fn new() -> Self {
        struct Sevens;
        impl Entropy for Sevens {
            fn fill(&self, octets: &mut [u8]) {
                octets.fill(7);
            }
        }
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let public = CaPublicKey::from_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
        let config = Config::from_toml("[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\"").unwrap();
        // Its own certificate is not really signed, which no CRL depends on.
        let cas = placeholder_cas::<PlaceholderError>(&config, NOW, &Sevens, &mut |_| Ok(public.clone()));
        Self {
            ca: cas.unwrap().pop().unwrap(),
            pair,
            asked: Mutex::default(),
        }
    }

    /// The ports of a signature.
    pub(crate) fn signing(&self) -> SigningPorts<'_> {
        SigningPorts {
            keys: self,
            attempts: self,
            clock: self,
            entropy: self,
            invocation: &NoInvocation,
        }
    }

    /// What it was asked to sign.
    pub(crate) fn asked(&self) -> Vec<SigningRequest> {
        self.asked.lock().unwrap().clone()
    }

    fn signature(&self, input: &SigningInput) -> Vec<u8> {
        let SigningInput::Sha256(octets) = input else {
            panic!("{input:?} is none for this key")
        };
        let digest = Digest::import_less_safe(octets, &digest::SHA256).unwrap();
        self.pair.sign_digest(&digest).unwrap().as_ref().to_vec()
    }
}

#[async_trait]
impl KeyStore for Root {
    async fn create(&self, key: &KeyName, _algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        Err(KeyStoreError::AlreadyExists(key.clone()))
    }

    async fn public_key(&self, _key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        Ok(self.ca.issuer.public_key().clone())
    }

    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError> {
        self.asked.lock().unwrap().push(request.clone());
        Ok(Signed {
            signature: self.signature(request.input()),
            receipt: Receipt("a root's".to_owned()),
        })
    }

    async fn wait_to_retry(&self, _failed: u32, _spent: Duration) -> bool {
        false
    }
}

/// Its attempts are recorded with their intents, by somebody else.
#[async_trait]
impl Attempts for Root {
    async fn record(&self, attempt: Attempt) -> Result<(), LedgerError> {
        let (subject, number) = (Box::new(attempt.subject), attempt.number);
        Err(LedgerError::AttemptTaken { subject, number })
    }

    async fn conclude(&self, attempt: AttemptPosition, _: Outcome, _: UnixTime) -> Result<(), LedgerError> {
        Err(LedgerError::UnknownAttempt(attempt))
    }

    async fn list(&self, _: Option<AttemptPosition>, _: UnixTime, _: usize) -> Result<AttemptPage, LedgerError> {
        Ok(AttemptPage::default())
    }
}

impl Clock for Root {
    fn now(&self) -> UnixTime {
        NOW
    }
}

impl Entropy for Root {
    fn fill(&self, octets: &mut [u8]) {
        octets.fill(7);
    }
}

pub(crate) fn header(ca: &Ca) -> CrlHeader<'_> {
    CrlHeader {
        issuer: &ca.issuer,
        number: 1,
        this_update: NOW,
        next_update: NOW.plus_days(7),
        scope: Coverage::Full,
    }
}

pub(super) fn whole(root: &Root, entries: &mut dyn RevokedEntries, scratch: Box<dyn Scratch>) -> WholeCrl {
    let ca = &root.ca;
    let spooled = spool(&header(ca), entries, scratch).unwrap();
    let signature = root.signature(&spooled.input);
    let framing = Framing::new(ca.issuer.public_key().algorithm(), spooled.length, &signature);
    spooled.frame(framing)
}

/// Kibibytes of a line of `/proc/self/status`.
#[cfg(target_os = "linux")]
pub(super) fn process_memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// Scratch space on disk, which uses no memory.
pub(super) fn on_disk() -> Box<dyn Scratch> {
    let path = std::env::temp_dir().join(format!("chancery-spool-{}", std::process::id()));
    let file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .unwrap();
    std::fs::remove_file(path).unwrap();
    Box::new(file)
}
