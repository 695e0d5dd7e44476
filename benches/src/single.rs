//! Issuance in process, on one core, without any store; and the cost of its cryptography alone.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use chancery_authority::config::Config;
use chancery_authority::issue::TlsPurpose;
use chancery_authority::profile::Profiles;
use chancery_authority::{Authority, Principal};
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_local::block_on;
use chancery_testing::SignUnchecked as _;
use chancery_testing::memory::MemoryPorts;
use chancery_x509::time::UnixTime;
use serde_json::json;

use crate::csrs;

/// Distinct requests, used repeatedly: parsing one again costs as much as the first time.
const REQUESTS: usize = 2_000;

pub(crate) fn run(seconds: u64) -> Result<()> {
    let memory = MemoryPorts::new(UnixTime(1_800_000_000));
    let authority = block_on(Authority::open(
        memory.ports(),
        Config::from_toml(Config::default_toml())?,
        Profiles::built_in(),
    ))?;
    block_on(authority.initialise(&|_| {}))?;
    let ca = authority.issuing_ca().context("there is no issuing CA")?;
    let requests: Vec<TlsCertRequest> = csrs::csrs(REQUESTS)?
        .into_iter()
        .map(|(_, csr)| TlsCertRequest {
            purposes: vec![TlsPurpose::ServerAuth],
            ..TlsCertRequest::for_csr(csr)
        })
        .collect();
    let whole = rate(seconds, |round| {
        let prepared = authority.prepare_tls_cert(&requests[round % REQUESTS], &Principal::AUTHORITY, None)?;
        let input = prepared.signing_input();
        let signed = block_on(authority.ports().keys.sign_unchecked(&ca.record.key, &input))?;
        ca.issuer.public_key().verify(&input, &signed.signature)?;
        black_box(prepared.assemble(&signed.signature));
        Ok(())
    })?;

    // One signature verification, one key check, one signature.
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
        .ok()
        .context("no key")?;
    let (random, message) = (SystemRandom::new(), [7; 400]);
    let signature = key.sign(&random, &message).ok().context("no signature")?;
    let alone = rate(seconds, |_| {
        let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref())?;
        public
            .verify_sig(&message, signature.as_ref())
            .ok()
            .context("not verified")?;
        black_box(key.sign(&random, &message).ok().context("no signature")?);
        Ok(())
    })?;
    println!(
        "{}",
        json!({ "issued_per_second": whole, "cryptography_alone_per_second": alone, "ratio": whole / alone })
    );
    Ok(())
}

/// Rounds a second.
fn rate(seconds: u64, mut round: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let (mut rounds, time) = (0, Duration::from_secs(seconds));
    let started = Instant::now();
    while started.elapsed() < time {
        for _ in 0..50 {
            round(rounds)?;
            rounds += 1;
        }
    }
    Ok(rounds as f64 / started.elapsed().as_secs_f64())
}
