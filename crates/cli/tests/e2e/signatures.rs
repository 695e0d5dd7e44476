//! Whether every signature of the issuing CA is one that its ledger knows of.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use chancery_authority::CaName;
use chancery_authority::port::Ledger as _;
use chancery_authority::port::ledger::{CertificateRecord, CrlScope, Search, latest_crl};
use chancery_local::keys::SigningLog;
use chancery_local::ledger::SqliteLedger;
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationList;
use chancery_x509::serial::Serial;

const ISSUING_CA: &str = "chancery-issuing-ca";

/// Every certificate in the ledger.
pub(crate) fn recorded(data: &Path) -> HashMap<Serial, CertificateRecord> {
    let ledger = ledger(data);
    let mut recorded = HashMap::new();
    let mut after = None;
    loop {
        let page =
            chancery_local::block_on(ledger.certificates().search(&Search::default(), after.as_ref(), 1000)).unwrap();
        for record in page.certificates {
            let serial = record.id.serial;
            assert!(
                recorded.insert(serial, record).is_none(),
                "serial number {serial} twice"
            );
        }
        after = page.next;
        if after.is_none() {
            return recorded;
        }
    }
}

/// Every signature of the issuing CA's key is over a certificate in the ledger, else over one that was lost, whose serial
/// number is on the CRL, else over a CRL whose number was reserved. No intent may be open, and the CRL must be new.
pub(crate) fn are_accounted_for(data: &Path) {
    let recorded = recorded(data);
    let crl = std::fs::read(data.join(format!("public/{ISSUING_CA}.crl"))).unwrap();
    let crl = RevocationList::parse(&crl).unwrap();
    let listed: HashSet<Serial> = crl.entries().map(|entry| entry.unwrap().serial).collect();
    let digest = |octets: &[u8]| {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets)
            .as_ref()
            .to_vec()
    };
    let known: HashSet<Vec<u8>> = recorded
        .values()
        .map(|record| digest(Certificate::parse(&record.certificate).unwrap().tbs_der()))
        .collect();
    let signed: Vec<_> = SigningLog::entries(&data.join("keys"))
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.key.0 == ISSUING_CA)
        .collect();
    let others = signed.iter().filter(|entry| !known.contains(&entry.input)).count();
    let lost = listed.iter().filter(|serial| !recorded.contains_key(serial)).count();
    let scope = CrlScope {
        issuer: CaName::new(ISSUING_CA).unwrap(),
        shard: None,
    };
    let reserved = chancery_local::block_on(latest_crl(ledger(data).crls(), &scope))
        .unwrap()
        .unwrap()
        .number;
    eprintln!(
        "{} signatures: {others} over {lost} lost certificates and {reserved} CRL numbers",
        signed.len()
    );
    assert!(
        others as u64 <= lost as u64 + reserved,
        "{others} signatures, {lost} lost certificates, {reserved} CRLs"
    );
}

fn ledger(data: &Path) -> SqliteLedger {
    SqliteLedger::open(data.join("ledger.sqlite3")).unwrap()
}
