//! What reads octets in `chancery-watch`: records, and lines of logs.

use std::collections::HashMap;

use chancery_authority::CaName;
use chancery_authority::port::Purpose;
use chancery_watch::account::Watch;
use chancery_watch::cloudtrail::{Entry, Limits, Records};
use chancery_watch::expected::{CaFacts, DeploymentFacts};
use chancery_watch::matching::Observed;
use chancery_watch::seen::{Line, line};
use chancery_watch::{Coverage, Expected};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::time::UnixTime;

const LIMITS: Limits = Limits {
    document: 1 << 20,
    record: 1 << 14,
    depth: 32,
};

/// Whatever a document holds, reading it ends; what is read is judged without a fault; and a signature that is read is one of a key
/// that is expected.
pub fn cloudtrail(octets: &[u8]) {
    let expected = expected();
    let mut observed = Observed::new(&expected);
    let mut watch = Watch::new(&expected.watched);
    let mut coverage = Coverage::default();
    let (mut entries, mut records) = (0_u64, 0_u64);
    for entry in Records::new(octets, LIMITS) {
        entries += 1;
        assert!(entries <= LIMITS.document, "every entry takes an octet at least");
        coverage.entry("fuzzed", &entry);
        if let Ok(Entry::Record(record)) = entry {
            records += 1;
            observed.record(&record);
            watch.record(&record);
        }
    }
    let found = watch.finish().iter().map(|finding| finding.count).sum::<u64>();
    assert!(found <= records);
    let (findings, coverage) = observed.compare(UnixTime(1_795_860_000), coverage).finish();
    assert_eq!(coverage.records, records);
    assert!(coverage.signatures + coverage.invocations <= records);
    for finding in findings {
        assert!(finding.count >= finding.evidence.len() as u64 && !finding.evidence.is_empty());
    }
}

/// A serial number that is found in a line is found in its own text, and a line of text alone is never two things.
pub fn seen(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    for text in text.lines() {
        if let Line::Serial(serial) = line(text) {
            assert_eq!(line(&serial.to_hex()), Line::Serial(serial));
            assert_eq!(line(&format!("serial={}", serial.to_hex())), Line::Serial(serial));
        }
    }
}

fn expected() -> Expected {
    let name = CaName::new("serverless-issuing-ca-dev").expect("it is a name");
    let facts = DeploymentFacts {
        partition: "aws".to_owned(),
        region: "eu-west-2".to_owned(),
        account: "111122223333".to_owned(),
        project: "serverless".to_owned(),
        environment: "dev".to_owned(),
        cas: vec![CaFacts {
            name,
            key: Some("arn:aws:kms:eu-west-2:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321".to_owned()),
            algorithm: Some(CaKeyAlgorithm::P256),
            is_root: false,
        }],
        roles: HashMap::new(),
        tables: vec!["ServerlessCAJournalDev".to_owned()],
        external_bucket: "example-external".to_owned(),
        internal_bucket: "example-internal".to_owned(),
        further: Vec::new(),
        operators: Vec::new(),
        deployers: Vec::new(),
    };
    let mut expected = facts.expected();
    expected.start = Some(UnixTime(0));
    assert!(
        expected
            .keys
            .iter()
            .all(|key| key.signers.iter().any(|signer| signer.purposes.contains(&Purpose::Crl)))
    );
    expected
}
