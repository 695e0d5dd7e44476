//! A small hierarchy for tests.

use super::{BasicConstraints, Certificate, CertificateTemplate, Issuer, KeyUsage, TbsCertificate};
use crate::algorithm::CaKeyAlgorithm;
use crate::extension;
use crate::key::SubjectPublicKey;
use crate::key::ca::CaPublicKey;
use crate::key::test_keys::TestKey;
use crate::name::{Name, Subject};
use crate::san::{AltName, AltNameType};
use crate::serial::Serial;
use crate::time::{DAY, UnixTime};

/// 2026-11-23T20:00:00Z.
pub(crate) const NOW: UnixTime = UnixTime(1_795_464_000);

/// A CA with its private key.
pub(crate) struct TestCa {
    pub(crate) key: TestKey,
    pub(crate) issuer: Issuer,
}

impl TestCa {
    /// A root.
    pub(crate) fn root(algorithm: CaKeyAlgorithm) -> Self {
        Self::root_with(algorithm, |_| {})
    }

    /// A root whose template was changed by `change`.
    pub(crate) fn root_with(algorithm: CaKeyAlgorithm, change: impl FnOnce(&mut CertificateTemplate)) -> Self {
        let key = TestKey::generate(algorithm);
        let public_key = CaPublicKey::from_der(&key.spki()).unwrap();
        let mut template = ca_template("Test Root CA", public_key.as_subject().clone());
        change(&mut template);
        let tbs = template.self_signed(&public_key).unwrap();
        let der = tbs.assemble(&key.sign(tbs.as_der()));
        let issuer = Issuer::new(Certificate::parse(&der).unwrap()).unwrap();
        Self { key, issuer }
    }

    /// A CA below this one, its template changed by `change`.
    pub(crate) fn below(&self, algorithm: CaKeyAlgorithm, change: impl FnOnce(&mut CertificateTemplate)) -> Self {
        let key = TestKey::generate(algorithm);
        let mut template = ca_template("Test Issuing CA", SubjectPublicKey::from_der(&key.spki()).unwrap());
        change(&mut template);
        let issuer = Issuer::new(self.issue(&template)).unwrap();
        Self { key, issuer }
    }

    /// Issues a certificate from the template.
    pub(crate) fn issue(&self, template: &CertificateTemplate) -> Certificate {
        self.sign(&template.issued_by(&self.issuer).unwrap())
    }

    /// Signs a TBSCertificate.
    pub(crate) fn sign(&self, tbs: &TbsCertificate) -> Certificate {
        Certificate::parse(&tbs.assemble(&self.key.sign(tbs.as_der()))).unwrap()
    }
}

/// A CA's template, valid for ten years.
pub(crate) fn ca_template(common_name: &str, public_key: SubjectPublicKey) -> CertificateTemplate {
    CertificateTemplate {
        basic_constraints: Some(BasicConstraints {
            ca: true,
            path_len: None,
        }),
        key_usage: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
        not_after: NOW.plus_days(3650),
        ..template(name(common_name), public_key)
    }
}

/// A leaf's template for a new P-256 key, valid for thirty days.
pub(crate) fn leaf_template(common_name: &str, alt_names: &[AltName]) -> CertificateTemplate {
    let key = TestKey::generate(CaKeyAlgorithm::P256);
    CertificateTemplate {
        extended_key_usages: vec![extension::SERVER_AUTH, extension::CLIENT_AUTH],
        alt_names: alt_names.to_vec(),
        ..template(name(common_name), SubjectPublicKey::from_der(&key.spki()).unwrap())
    }
}

fn template(subject: Name, public_key: SubjectPublicKey) -> CertificateTemplate {
    CertificateTemplate {
        serial: Serial::from_random([0x5a; 20]).unwrap(),
        subject,
        public_key,
        not_before: NOW.plus_seconds(-300),
        not_after: NOW.plus_seconds(30 * DAY),
        basic_constraints: None,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
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

/// A name with only that common name; empty for an empty text.
pub(crate) fn name(common_name: &str) -> Name {
    let common_name = (!common_name.is_empty()).then(|| common_name.to_owned());
    Subject {
        common_name,
        ..Subject::default()
    }
    .to_name()
    .unwrap()
}

/// An alternative name written as `dns:a.example`, `ip:192.0.2.1`, `email:`, `uri:` or `dn:`.
pub(crate) fn alt_name(text: &str) -> AltName {
    let (kind, value) = text.split_once(':').unwrap();
    AltName::parse(AltNameType::from_name(kind).unwrap(), value).unwrap()
}

/// Alternative names, written in the same way.
pub(crate) fn alt_names(texts: &[&str]) -> Vec<AltName> {
    texts.iter().map(|text| alt_name(text)).collect()
}
