//! Those who ask for certificates, with keys of their own, and what they send.
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use chancery_authority::Principal;
use chancery_authority::issue::{Issued, RequestedNames};
use chancery_authority::port::ledger::IdempotencyToken;
use chancery_contract::TlsCertRequest;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::Certificate;
use chancery_x509::csr::builder::CertificationRequestInfo;
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::name::{Name, Subject};
use chancery_x509::san::{AltName, AltNameType};

/// Who asks, where it does not matter.
pub fn principal() -> Principal {
    Principal::token("tests")
}

/// An idempotency token of that text.
pub fn token(name: &str) -> IdempotencyToken {
    IdempotencyToken(name.into())
}

/// Somebody with a P-256 key.
pub struct Requester(EcdsaKeyPair);

impl Requester {
    /// With a new key.
    #[allow(clippy::new_without_default, reason = "each has another key: none is the default")]
    pub fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    /// Its public half.
    pub fn public_key(&self) -> SubjectPublicKey {
        SubjectPublicKey::from_der(&self.spki()).unwrap()
    }

    /// DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> Vec<u8> {
        self.0.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// A CSR with that subject, DER.
    pub fn csr_of(&self, subject: &Name) -> Vec<u8> {
        self.csr_with(subject, &[])
    }

    /// A CSR with that subject and those alternative names, DER.
    pub fn csr_with(&self, subject: &Name, names: &[AltName]) -> Vec<u8> {
        let info = CertificationRequestInfo::new(subject, &self.public_key(), names);
        let signature = self.sign(info.as_der());
        info.assemble(CaKeyAlgorithm::P256.signature_algorithm_der(), &signature)
    }

    /// A signature on a message, ecdsa-with-SHA256.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    /// A CSR with that common name and nothing else, DER.
    pub fn csr(&self, common_name: &str) -> Vec<u8> {
        self.csr_of(&named(common_name))
    }

    /// A request for that name and nothing else.
    pub fn request(&self, common_name: &str) -> TlsCertRequest {
        TlsCertRequest::for_csr(self.csr(common_name))
    }
}

/// A request for that name, of somebody new.
pub fn request(common_name: &str) -> TlsCertRequest {
    Requester::new().request(common_name)
}

/// A request with these alternative names.
pub fn request_with_names(common_name: &str, names: &[(AltNameType, &str)]) -> TlsCertRequest {
    let mut request = request(common_name);
    let parse = |(kind, value): &(AltNameType, &str)| AltName::parse(*kind, value).unwrap();
    request.alt_names = RequestedNames::Listed(names.iter().map(parse).collect());
    request
}

/// A subject of that common name alone.
pub fn named(common_name: &str) -> Name {
    Subject {
        common_name: Some(common_name.into()),
        ..Subject::default()
    }
    .to_name()
    .unwrap()
}

/// The certificate that was issued.
pub fn certificate(issued: &Issued) -> Certificate {
    Certificate::parse(&issued.record.certificate).unwrap()
}

/// CertificationRequestInfo (RFC 2986 section 4.1) without attributes.
pub fn csr_info(subject: &Name, spki: &[u8]) -> Vec<u8> {
    tlv(
        0x30,
        &[&[0x02, 0x01, 0x00], subject.as_der(), spki, &[0xa0, 0x00]].concat(),
    )
}

/// DER AlgorithmIdentifier.
pub const ECDSA_WITH_SHA256: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// CertificationRequest, signed with ecdsa-with-SHA256.
pub fn csr(info: &[u8], signature: &[u8]) -> Vec<u8> {
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
