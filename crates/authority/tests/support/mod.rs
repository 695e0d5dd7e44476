//! An authority in memory, and requesters with keys of their own.
#![allow(dead_code, reason = "each test binary uses its part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

pub(crate) mod proposed;

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use chancery_authority::config::Config;
use chancery_authority::issue::RequestedNames;
use chancery_authority::issue::{IssueError, Issued, Refusal};
use chancery_authority::memory::MemoryPorts;
use chancery_authority::port::Ports;
use chancery_authority::port::ledger::IdempotencyToken;
use chancery_authority::profile::Profiles;
use chancery_authority::{Authority, Principal};
use chancery_contract::notice::{self, Notice};
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_x509::certificate::Certificate;
use chancery_x509::name::{Name, Subject};
use chancery_x509::san::{AltName, AltNameType};
use chancery_x509::time::UnixTime;

/// 2026-11-23 20:00:00.
pub(crate) const NOW: UnixTime = UnixTime(1_795_464_000);

/// An authority with its CAs, and the deployment that it stands in.
pub(crate) struct Fixture {
    pub(crate) memory: MemoryPorts,
    pub(crate) authority: Arc<Authority>,
    config: Config,
    profiles: Profiles,
}

impl Fixture {
    /// With the default configuration.
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    pub(crate) async fn with(config: &str) -> Self {
        Self::with_profiles(config, Profiles::built_in()).await
    }

    pub(crate) async fn with_profiles(config: &str, profiles: Profiles) -> Self {
        let memory = MemoryPorts::new(NOW);
        let config = Config::from_toml(config).unwrap();
        let authority = open(memory.faulty_ports(), &config, &profiles).await;
        authority.initialise(&|_: &str| ()).await.unwrap();
        Self {
            memory,
            authority,
            config,
            profiles,
        }
    }

    /// Another process over the same deployment, e.g. after a crash: nothing is left of what the old one had in memory.
    pub(crate) async fn restart(&mut self) {
        self.memory.faults.clear();
        self.authority = open(self.memory.faulty_ports(), &self.config, &self.profiles).await;
    }

    /// The same with other profiles: their author has changed them.
    pub(crate) async fn restart_with(&mut self, profiles: Profiles) {
        self.profiles = profiles;
        self.restart().await;
    }

    pub(crate) async fn issue(&self, request: &TlsCertRequest) -> Result<Issued, IssueError> {
        self.authority.issue_tls_cert(request, &principal(), None).await
    }

    pub(crate) async fn issue_with(&self, request: &TlsCertRequest, name: &str) -> Result<Issued, IssueError> {
        self.authority
            .issue_tls_cert(request, &principal(), Some(token(name)))
            .await
    }

    /// The refusal of a request that must not be granted. It leaves its record, and no signature.
    pub(crate) async fn refusal(&self, request: &TlsCertRequest) -> Refusal {
        let signatures = self.memory.keys.log().len();
        let refusal = match self.issue(request).await {
            Err(IssueError::Rejected(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(self.memory.keys.log().len(), signatures, "nothing was signed");
        let recorded = self.authority.ports().ledger.rejections().latest(1).await.unwrap();
        assert_eq!(recorded[0].code, refusal.code());
        assert_eq!(recorded[0].reason, refusal.to_string());
        assert_eq!(recorded[0].principal, "token:tests");
        refusal
    }
}

async fn open(ports: Ports, config: &Config, profiles: &Profiles) -> Arc<Authority> {
    Arc::new(Authority::open(ports, config.clone(), profiles.clone()).await.unwrap())
}

pub(crate) fn principal() -> Principal {
    Principal::token("tests")
}

pub(crate) fn token(name: &str) -> IdempotencyToken {
    IdempotencyToken(name.into())
}

/// Somebody with a P-256 key.
pub(crate) struct Requester(EcdsaKeyPair);

impl Requester {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    /// DER SubjectPublicKeyInfo.
    pub(crate) fn spki(&self) -> Vec<u8> {
        self.0.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// A CSR with that subject.
    pub(crate) fn csr_of(&self, subject: &Name) -> Vec<u8> {
        let info = csr_info(subject, &self.spki());
        csr(&info, &self.sign(&info))
    }

    /// ecdsa-with-SHA256.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(crate) fn csr(&self, common_name: &str) -> Vec<u8> {
        self.csr_of(&named(common_name))
    }

    /// A request for that name and nothing else.
    pub(crate) fn request(&self, common_name: &str) -> TlsCertRequest {
        TlsCertRequest::for_csr(self.csr(common_name))
    }
}

/// The notices that were sent, as the contract renders them.
pub(crate) fn notices(memory: &MemoryPorts) -> Vec<Notice> {
    memory.notices.received().iter().map(notice::of).collect()
}

/// A request for that name, of somebody new.
pub(crate) fn request(common_name: &str) -> TlsCertRequest {
    Requester::new().request(common_name)
}

/// A request with these alternative names.
pub(crate) fn request_with_names(common_name: &str, names: &[(AltNameType, &str)]) -> TlsCertRequest {
    let mut request = request(common_name);
    let parse = |(kind, value): &(AltNameType, &str)| AltName::parse(*kind, value).unwrap();
    request.alt_names = RequestedNames::Listed(names.iter().map(parse).collect());
    request
}

pub(crate) fn named(common_name: &str) -> Name {
    Subject {
        common_name: Some(common_name.into()),
        ..Subject::default()
    }
    .to_name()
    .unwrap()
}

pub(crate) fn certificate(issued: &Issued) -> Certificate {
    Certificate::parse(&issued.record.certificate).unwrap()
}

/// CertificationRequestInfo (RFC 2986 section 4.1) without attributes.
pub(crate) fn csr_info(subject: &Name, spki: &[u8]) -> Vec<u8> {
    tlv(
        0x30,
        &[&[0x02, 0x01, 0x00], subject.as_der(), spki, &[0xa0, 0x00]].concat(),
    )
}

/// DER AlgorithmIdentifier.
pub(crate) const ECDSA_WITH_SHA256: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// CertificationRequest, signed with ecdsa-with-SHA256.
pub(crate) fn csr(info: &[u8], signature: &[u8]) -> Vec<u8> {
    let bits = tlv(0x03, &[&[0], signature].concat());
    tlv(0x30, &[info, &ECDSA_WITH_SHA256, &bits].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut encoded = vec![tag];
    match (high, low) {
        (0, 0..0x80) => encoded.push(low),
        (0, _) => encoded.extend([0x81, low]),
        _ => encoded.extend([0x82, high, low]),
    }
    encoded.extend_from_slice(content);
    encoded
}
