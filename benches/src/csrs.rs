//! Certification requests with distinct P-256 keys, generated before the measurement.

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::csr::builder::CertificationRequestInfo;
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::name::Subject;

/// DER of an uncompressed P-256 SubjectPublicKeyInfo up to its point.
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A request in DER for a fresh key.
pub(crate) fn csr(common_name: &str) -> Result<Vec<u8>> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
        .ok()
        .context("no key was made")?;
    let spki = [SPKI_HEAD.as_slice(), key.public_key().as_ref()].concat();
    let subject = Subject {
        common_name: Some(common_name.to_owned()),
        ..Subject::default()
    }
    .to_name()?;
    let info = CertificationRequestInfo::new(&subject, &SubjectPublicKey::from_der(&spki)?, &[]);
    let signature = key
        .sign(&SystemRandom::new(), info.as_der())
        .ok()
        .context("no signature was made")?;
    Ok(info.assemble(CaKeyAlgorithm::P256.signature_algorithm_der(), signature.as_ref()))
}

/// Many of them, generated on all cores.
pub(crate) fn csrs(count: usize) -> Result<Vec<(String, Vec<u8>)>> {
    let cores = std::thread::available_parallelism()?.get();
    let name = |index: usize| format!("host-{index:07}.example.com");
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|core| {
                scope.spawn(move || -> Result<Vec<(String, Vec<u8>)>> {
                    (core..count)
                        .step_by(cores)
                        .map(|index| Ok((name(index), csr(&name(index))?)))
                        .collect()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(count);
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??);
        }
        Ok(all)
    })
}
