//! A CA with a key in memory, for tests that need something signed.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, KeyPair, PqdsaKeyPair, RsaKeyPair};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::template::CertificateTemplate;
use chancery_x509::certificate::{BasicConstraints, Certificate, Issuer, KeyUsage, TbsCertificate};
use chancery_x509::crl::{Coverage, CrlHeader, CrlWriteError, CrlWriter, Framing, RevokedEntry};
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::name::Subject;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

/// 2026-11-23T20:00:00Z
pub(crate) const NOW: UnixTime = UnixTime(1_795_464_000);

/// A CA's private key; what it signs is a message, which for these algorithms comes to the same as its digest or µ.
pub(crate) enum Key {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    MlDsa(PqdsaKeyPair),
}

impl Key {
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

    pub(crate) fn p256() -> Self {
        Self::generate(CaKeyAlgorithm::P256)
    }

    pub(crate) fn rsa2048() -> Self {
        Self::generate(CaKeyAlgorithm::Rsa2048)
    }

    pub(crate) fn ml_dsa65() -> Self {
        Self::generate(CaKeyAlgorithm::MlDsa65)
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Ecdsa(key) => key.public_key().as_der(),
            Self::Rsa(key) => key.public_key().as_der(),
            Self::MlDsa(key) => key.public_key().as_der(),
        }
        .unwrap();
        der.as_ref().to_vec()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&aws::RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::MlDsa(key) => {
                let mut signature = vec![0; key.algorithm().signature_len()];
                key.sign(message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// A root CA.
pub(crate) struct Authority {
    key: Key,
    pub(crate) issuer: Issuer,
}

impl Authority {
    pub(crate) fn new(key: Key, key_usage: KeyUsage, common_name: &str) -> Self {
        let spki = key.spki();
        let public_key = CaPublicKey::from_der(&spki).unwrap();
        let template = CertificateTemplate {
            basic_constraints: Some(BasicConstraints {
                ca: true,
                path_len: None,
            }),
            key_usage,
            not_after: NOW.plus_days(7300),
            ..template(&spki, 1, common_name)
        };
        let tbs = template.self_signed(&public_key).unwrap();
        let certificate = Certificate::parse(&tbs.assemble(&key.sign(tbs.as_der()))).unwrap();
        Self {
            key,
            issuer: Issuer::new(certificate).unwrap(),
        }
    }

    /// A CA on P-256 that may sign certificates and CRLs.
    pub(crate) fn usual() -> Self {
        Self::with(Key::p256())
    }

    pub(crate) fn with(key: Key) -> Self {
        Self::new(key, KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN, "Example Root CA")
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message)
    }

    /// A TLS server's certificate.
    pub(crate) fn leaf(&self, serial: u64) -> Vec<u8> {
        let mut template = template(&Key::p256().spki(), serial, "server.example");
        template.key_usage = KeyUsage::DIGITAL_SIGNATURE;
        template.extended_key_usages = vec!["1.3.6.1.5.5.7.3.1".parse().unwrap()];
        template.alt_names = vec![chancery_x509::san::AltName::Dns("server.example".to_owned())];
        let tbs: TbsCertificate = template.issued_by(&self.issuer).unwrap();
        tbs.assemble(&self.sign(tbs.as_der()))
    }

    pub(crate) fn header(&self) -> CrlHeader<'_> {
        CrlHeader {
            issuer: &self.issuer,
            number: 7,
            this_update: NOW,
            next_update: NOW.plus_days(7),
            scope: Coverage::Full,
        }
    }

    /// The whole CRL, through the streaming writer.
    pub(crate) fn crl(&self, header: &CrlHeader<'_>, entries: &[RevokedEntry]) -> Result<Vec<u8>, CrlWriteError> {
        let announced = entries.iter().map(|entry| entry.encoded_len() as u64).sum();
        let mut writer = CrlWriter::new(header, announced, Vec::new())?;
        for entry in entries {
            writer.entry(entry)?;
        }
        let (tbs, input, length) = writer.finish_tbs()?;
        assert_eq!(length.octets(), tbs.len() as u64);
        let signature = self.sign(&tbs);
        self.issuer.public_key().verify(&input, &signature).unwrap();
        let framing = Framing::new(self.issuer.public_key().algorithm(), length, &signature);
        let crl = framing.assemble(&tbs);
        assert_eq!(framing.crl_len(), crl.len() as u64);
        Ok(crl)
    }
}

fn template(spki: &[u8], serial: u64, common_name: &str) -> CertificateTemplate {
    let subject = Subject {
        common_name: Some(common_name.to_owned()),
        ..Subject::default()
    };
    CertificateTemplate {
        serial: Serial::from_octets(&serial.to_be_bytes()).unwrap(),
        subject: subject.to_name().unwrap(),
        public_key: SubjectPublicKey::from_der(spki).unwrap(),
        not_before: NOW.plus_seconds(-300),
        not_after: NOW.plus_days(30),
        basic_constraints: None,
        key_usage: KeyUsage::default(),
        subject_key_identifier: None,
        extended_key_usages: Vec::new(),
        alt_names: Vec::new(),
        policies: Vec::new(),
        name_constraints: None,
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        custom_extensions: Vec::new(),
    }
}
