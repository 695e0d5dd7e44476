//! `kill -9` at random moments of a burst of issuance and revocation, again and again over one data folder: whatever was
//! acknowledged is there afterwards, every signature is accounted for, and nothing goes backwards.
//!
//! `CHANCERY_KILLS` says how often (40 unless given; `cargo xtask test --thorough`: 200).
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs,
    clippy::cast_possible_truncation,
    dead_code
)] // tests; the harness serves other tests too

use crate::{harness, signatures};

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationList;
use chancery_x509::name::Subject;
use chancery_x509::serial::Serial;
use serde_json::{Value, json};
use ureq::Agent;

use harness::{Folder, Server};

/// What clients were told, which must be true for ever.
#[derive(Default)]
struct Acknowledged {
    certificates: HashMap<Serial, Vec<u8>>,
    revoked: HashSet<Serial>,
}

#[test]
fn nothing_acknowledged_is_lost_and_every_signature_is_accounted_for() {
    let kills: u64 = std::env::var("CHANCERY_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(40);
    let folder = Folder::new();
    folder.text(&["init"]);
    let token = folder.json(&["token", "create", "--scope", "admin"])["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut all = Acknowledged::default();
    let (mut last_number, mut random) = (0, 0x9e37_79b9_7f4a_7c15_u64);
    for round in 0..kills {
        // xorshift: moments that look random and are the same in every run.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let server = folder.start();
        burst(
            server,
            &token,
            round,
            Duration::from_millis(20 + random % 180),
            &mut all,
        );
        let number = published_number(&folder);
        assert!(number >= last_number, "CRL number {number} after {last_number}");
        last_number = number;
    }
    eprintln!(
        "{} certificates and {} revocations acknowledged over {kills} kills",
        all.certificates.len(),
        all.revoked.len()
    );
    assert!(
        all.certificates.len() as u64 > kills,
        "too little happened between the kills"
    );

    // One more start sweeps what the last kill left.
    drop(folder.start());
    let status = folder.json(&["check"]);
    assert_eq!(status["open_intents"], 0, "{status}");
    folder.text(&["crl", "publish"]);
    compare(&folder, &all);
}

/// Four clients ask as fast as they can until the server is gone.
fn burst(server: Server<'_>, token: &str, round: u64, time: Duration, all: &mut Acknowledged) {
    let agent = server.agent();
    let base = format!("{}/api/v1/certificates", server.https);
    let count = AtomicU64::new(0);
    let client = || {
        let mut printed = Acknowledged::default();
        loop {
            let index = count.fetch_add(1, Ordering::Relaxed);
            let Some(certificate) = issue(&agent, &base, token, &format!("r{round}-{index}.example.com")) else {
                return printed;
            };
            let serial = certificate.serial();
            printed.certificates.insert(serial, certificate.as_der().to_vec());
            if index.is_multiple_of(3) {
                let url = format!("{base}/{serial}/revoke");
                if post(&agent, &url, token, &json!({ "reason": "superseded" })).is_none() {
                    return printed;
                }
                printed.revoked.insert(serial);
            }
        }
    };
    let printed = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        std::thread::sleep(time);
        // SIGKILL.
        drop(server);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect::<Vec<_>>()
    });
    for printed in printed {
        for (serial, der) in printed.certificates {
            assert!(
                all.certificates.insert(serial, der).is_none(),
                "serial number {serial} twice"
            );
        }
        all.revoked.extend(printed.revoked);
    }
}

fn issue(agent: &Agent, base: &str, token: &str, name: &str) -> Option<Certificate> {
    let key = ClientKey::generate(ClientKeyAlgorithm::P256).unwrap();
    let subject = Subject {
        common_name: Some(name.to_owned()),
        ..Subject::default()
    }
    .to_name()
    .unwrap();
    let csr = chancery_x509::pem::encode("CERTIFICATE REQUEST", &key.request(&subject, &[]).unwrap());
    let answer = post(
        agent,
        base,
        token,
        &json!({ "common_name": name, "base64_csr_data": BASE64_STANDARD.encode(csr) }),
    )?;
    let pem = BASE64_STANDARD
        .decode(answer["Base64Certificate"].as_str().unwrap())
        .unwrap();
    Some(Certificate::parse(&pem).unwrap())
}

/// `None`: the server was killed before it answered.
fn post(agent: &Agent, url: &str, token: &str, body: &Value) -> Option<Value> {
    let mut response = agent
        .post(url)
        .header("authorization", format!("Bearer {token}"))
        .send_json(body)
        .ok()?;
    let answer: Value = response.body_mut().read_json().ok()?;
    assert_eq!(response.status(), 200, "{answer}");
    Some(answer)
}

fn published_number(folder: &Folder) -> u64 {
    let crl = std::fs::read(folder.public("chancery-issuing-ca.crl")).unwrap();
    RevocationList::parse(&crl).unwrap().number().unwrap()
}

/// Ledger and CRL against what clients were told, and the signing log against both.
fn compare(folder: &Folder, all: &Acknowledged) {
    let recorded = signatures::recorded(&folder.data());
    let crl = std::fs::read(folder.public("chancery-issuing-ca.crl")).unwrap();
    let crl = RevocationList::parse(&crl).unwrap();
    let listed: HashSet<Serial> = crl.entries().map(|entry| entry.unwrap().serial).collect();
    for (serial, der) in &all.certificates {
        assert_eq!(&recorded[serial].certificate, der, "{serial}");
    }
    for serial in &all.revoked {
        assert!(
            recorded[serial].revocation.is_some() && listed.contains(serial),
            "{serial}"
        );
    }

    signatures::are_accounted_for(&folder.data());
}
