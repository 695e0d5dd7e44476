//! An authority in memory for tests of its operations, and what must hold of its house at any time.
#![allow(dead_code, reason = "each test binary uses its part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod invariants;

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use chancery_authority::config::Config;
use chancery_authority::memory::{House, MemoryKeyStore};
use chancery_authority::port::ledger::{CertificateRecord, CrlScope, IdempotencyToken};
use chancery_authority::port::{KeyName, KeyStore, KeyStoreError, Ledger, Ports, Signed};
use chancery_authority::profile::Profiles;
use chancery_authority::publish::CrlOutcomes;
use chancery_authority::wire::TlsCertRequest;
use chancery_authority::{Authority, Principal, Slug};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::crl::{RevocationList, RevocationReason, RevokedEntry};
use chancery_x509::csr::builder::CertificationRequestInfo;
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::name::Subject;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

/// 2026-11-23 20:00:00.
pub(crate) const NOW: UnixTime = UnixTime(1_795_464_000);

/// Two P-256 CAs, quick to make.
pub(crate) const QUICK: &str = r#"
    [[ca]]
    name = "root-ca"
    algorithm = "p256"
    [[ca]]
    name = "issuing-ca"
    parent = "root-ca"
"#;

pub(crate) struct Office {
    pub(crate) house: House,
    pub(crate) authority: Authority,
    pub(crate) config: Config,
}

impl Office {
    /// An empty house, and an authority over it that has no CA yet.
    pub(crate) async fn empty(config: &str) -> Self {
        let house = House::new(NOW);
        let config = Config::from_toml(config).unwrap();
        let authority = another(&house, &config).await;
        Self {
            house,
            authority,
            config,
        }
    }

    /// With its CAs.
    pub(crate) async fn with(config: &str) -> Self {
        let office = Self::empty(config).await;
        office.authority.initialise(&|_: &str| ()).await.unwrap();
        office
    }

    /// With two quick CAs.
    pub(crate) async fn new() -> Self {
        Self::with(QUICK).await
    }

    /// Another process over the same house: nothing is left of what the old one had in memory.
    pub(crate) async fn restart(&mut self) {
        self.house.faults.clear();
        self.authority = another(&self.house, &self.config).await;
    }

    pub(crate) async fn issue(&self, common_name: &str, token: Option<&str>) -> CertificateRecord {
        let token = token.map(|token| IdempotencyToken(token.to_owned()));
        let mut request = request(common_name);
        request.notify_expiry = Some(true);
        self.authority
            .issue(&request, &principal(), token)
            .await
            .unwrap()
            .record
    }

    pub(crate) async fn revoke(&self, serial: Serial) {
        let reason = RevocationReason::Superseded;
        self.authority.revoke(serial, reason, None, &principal()).await.unwrap();
    }

    /// A published CRL, DER.
    pub(crate) fn crl(&self, name: &str) -> RevocationList {
        let content = self
            .house
            .publication
            .content(name)
            .unwrap_or_else(|| panic!("{name} is not published"));
        RevocationList::parse(&content).unwrap()
    }

    /// The serials on a published CRL.
    pub(crate) fn listed(&self, name: &str) -> Vec<Serial> {
        entries(&self.crl(name)).iter().map(|entry| entry.serial).collect()
    }
}

/// Another process's authority over a house.
pub(crate) async fn another(house: &House, config: &Config) -> Authority {
    Authority::open(house.faulty_ports(), config.clone(), Profiles::built_in())
        .await
        .unwrap()
}

pub(crate) fn entries(crl: &RevocationList) -> Vec<RevokedEntry> {
    crl.entries().map(|entry| entry.unwrap()).collect()
}

pub(crate) fn principal() -> Principal {
    Principal::Token("tests".to_owned())
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::new(text).unwrap()
}

pub(crate) fn scope(issuer: &str) -> CrlScope {
    CrlScope {
        issuer: slug(issuer),
        shard: None,
    }
}

/// What every outcome says, all of them good.
pub(crate) fn all_good(outcomes: &CrlOutcomes) {
    for (scope, outcome) in outcomes {
        assert!(outcome.is_ok(), "{scope:?}: {outcome:?}");
    }
}

/// A request for that name, of somebody new with a P-256 key.
pub(crate) fn request(common_name: &str) -> TlsCertRequest {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = SubjectPublicKey::from_der(pair.public_key().as_der().unwrap().as_ref()).unwrap();
    let subject = Subject {
        common_name: Some(common_name.to_owned()),
        ..Subject::default()
    };
    let info = CertificationRequestInfo::new(&subject.to_name().unwrap(), &key, &[]);
    let signature = pair.sign(&SystemRandom::new(), info.as_der()).unwrap();
    TlsCertRequest::for_csr(info.assemble(CaKeyAlgorithm::P256.signature_algorithm_der(), signature.as_ref()))
}

/// A key store whose signatures are all off by one bit.
pub(crate) struct Forger(pub(crate) Arc<MemoryKeyStore>);

#[async_trait::async_trait]
impl KeyStore for Forger {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        self.0.create(key, algorithm).await
    }

    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.0.public_key(key).await
    }

    async fn sign(&self, key: &KeyName, input: &SigningInput) -> Result<Signed, KeyStoreError> {
        let mut signed = self.0.sign(key, input).await?;
        if let Some(last) = signed.signature.last_mut() {
            *last ^= 1;
        }
        Ok(signed)
    }
}

/// An authority over a house, with forged signatures.
pub(crate) async fn forged(house: &House, config: &Config) -> Authority {
    let ports = Ports {
        keys: Arc::new(Forger(house.keys.clone())),
        ..house.ports()
    };
    Authority::open(ports, config.clone(), Profiles::built_in())
        .await
        .unwrap()
}

/// How many intents are open.
pub(crate) async fn open_intents(house: &House) -> usize {
    house.ledger.open_intents(UnixTime(i64::MAX), 1000).await.unwrap().len()
}
