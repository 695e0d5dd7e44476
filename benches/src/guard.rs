//! The guard over many records: time and memory that a comparison takes, in a process that does nothing else.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    Attempt, AttemptId, AttemptOrigin, AttemptRecord, AttemptSubject, IntentId, Outcome,
};
use chancery_authority::port::{KeyName, Receipt};
use chancery_watch::account::Watch;
use chancery_watch::cloudtrail::{Entry, Limits, Records};
use chancery_watch::expected::{CaFacts, DeploymentFacts, Expected, Invocations};
use chancery_watch::matching::Observed;
use chancery_watch::{Coverage, Severity};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const START: UnixTime = UnixTime(1_795_820_400);
const KEY: &str = "arn:aws:kms:eu-west-2:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";

/// Records in one file: about what CloudTrail puts into one.
const IN_A_FILE: usize = 20_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Records: of five, two are signatures, two invocations, one is of another service
    #[arg(long)]
    records: usize,
    /// The second half, in a process of its own: measure over this folder
    #[arg(long, hide = true)]
    measure: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(folder) = &arguments.measure {
        return measure(folder, arguments.records);
    }
    let folder = tempfile::tempdir()?;
    let octets = write(folder.path(), arguments.records)?;
    eprintln!("{} MB of records", octets / 1_000_000);
    let status = std::process::Command::new(std::env::current_exe()?)
        .args(["guard", "--records", &arguments.records.to_string(), "--measure"])
        .arg(folder.path())
        .status()?;
    if !status.success() {
        bail!("the measurement failed");
    }
    Ok(())
}

/// Writes the files of a trail; returns their octets before compression.
fn write(folder: &Path, records: usize) -> Result<u64> {
    let mut octets = 0;
    for (file, from) in (0..records).step_by(IN_A_FILE).enumerate() {
        let path = folder.join(format!("{file:05}.json.gz"));
        let mut out = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::fast());
        out.write_all(b"{\"Records\":[")?;
        for index in from..(from + IN_A_FILE).min(records) {
            if index > from {
                out.write_all(b",")?;
            }
            let record = record(index).to_string();
            octets += record.len() as u64;
            out.write_all(record.as_bytes())?;
        }
        out.write_all(b"]}")?;
        out.finish()?.flush()?;
    }
    Ok(octets)
}

/// Scatters numbers over ids, as ids are.
fn uuid(kind: u64, number: usize) -> String {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind.wrapping_mul(0xd6e8_feb8_6659_fd93);
    let rest = mixed.rotate_left(31).wrapping_mul(0xff51_afd7_ed55_8ccd);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        mixed >> 32,
        (mixed >> 16) & 0xffff,
        mixed & 0xffff,
        rest >> 48,
        rest & 0xffff_ffff_ffff
    )
}

fn at(issuance: usize) -> UnixTime {
    START.plus_seconds(i64::try_from(issuance / 4).unwrap_or(i64::MAX))
}

fn record(index: usize) -> Value {
    let (issuance, kind) = (index / 5 * 2 + index % 5 / 2, index % 5);
    let name = "serverless-tls-cert-dev";
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": format!("AROAEXAMPLEID:{name}"),
            "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/{name}"),
            "accountId": "111122223333",
            "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLEID", "arn": format!("arn:aws:iam::111122223333:role/{name}"),
                    "accountId": "111122223333", "userName": name},
                "attributes": {"creationDate": "2026-11-28T10:00:00Z", "mfaAuthenticated": "false"},
            },
            "inScopeOf": {"issuerType": "AWS::Lambda::Function",
                "credentialsIssuedTo": format!("arn:aws:lambda:eu-west-2:111122223333:function:{name}"),
                "credentialsIssuedToVersion": format!("arn:aws:lambda:eu-west-2:111122223333:function:{name}:$LATEST")},
        },
        "eventTime": at(issuance).to_string(),
        "awsRegion": "eu-west-2",
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "aws-sdk-rust/1.3.14 os/linux lang/rust/1.95.0",
        "responseElements": null,
        "eventID": uuid(1, index),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": "kms.eu-west-2.amazonaws.com"},
    });
    let more = match kind {
        0 | 2 => json!({
            "eventSource": "lambda.amazonaws.com", "eventName": "Invoke", "requestParameters": null, "requestID": uuid(2, issuance),
            "additionalEventData": {"functionVersion": format!("arn:aws:lambda:eu-west-2:111122223333:function:{name}:$LATEST")},
            "resources": [{"accountId": "111122223333", "type": "AWS::Lambda::Function", "ARN": format!("arn:aws:lambda:eu-west-2:111122223333:function:{name}")}],
            "readOnly": false, "managementEvent": false, "eventCategory": "Data",
        }),
        1 | 3 => json!({
            "eventSource": "kms.amazonaws.com", "eventName": "Sign", "requestID": uuid(3, issuance),
            "requestParameters": {"keyId": KEY, "messageType": "DIGEST", "signingAlgorithm": "ECDSA_SHA_256"},
            "resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": KEY}],
            "readOnly": true, "managementEvent": true, "eventCategory": "Management",
        }),
        _ => json!({
            "eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "requestID": uuid(4, index),
            "requestParameters": {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": {"aws:dynamodb:tableName": "ServerlessCADev"}},
            "readOnly": true, "managementEvent": true, "eventCategory": "Management",
        }),
    };
    if let (Some(record), Value::Object(more)) = (record.as_object_mut(), more) {
        record.extend(more);
    }
    record
}

fn expected() -> Result<(Expected, CaName)> {
    let name = CaName::new("serverless-issuing-ca-dev")?;
    let facts = DeploymentFacts {
        partition: "aws".to_owned(),
        region: "eu-west-2".to_owned(),
        account: "111122223333".to_owned(),
        project: "serverless".to_owned(),
        environment: "dev".to_owned(),
        cas: vec![CaFacts {
            name: name.clone(),
            key: Some(KEY.to_owned()),
            algorithm: Some(CaKeyAlgorithm::P256),
            is_root: false,
        }],
        roles: std::collections::HashMap::new(),
        tables: vec!["ServerlessCADev".to_owned()],
        external_bucket: "example-external".to_owned(),
        internal_bucket: "example-internal".to_owned(),
        further: Vec::new(),
        operators: Vec::new(),
        deployers: Vec::new(),
    };
    let mut expected = facts.expected();
    expected.since = Some(START.plus_seconds(-7200));
    expected.invocations = Invocations::Recorded;
    Ok((expected, name))
}

fn attempt(issuer: &CaName, issuance: usize) -> Result<AttemptRecord> {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&(issuance as u64).to_be_bytes());
    Ok(AttemptRecord {
        attempt: Attempt {
            origin: AttemptOrigin {
                id: AttemptId(id),
                key: KeyName(format!("alias/{issuer}")),
                request_id: Some(uuid(2, issuance)),
            },
            subject: AttemptSubject::Certificate(IntentId {
                issuer: issuer.clone(),
                serial: Serial::from_octets(&(issuance as u64 + 1).to_be_bytes())?,
            }),
            number: 1,
            signing_input: vec![7; 32],
            principal: None,
            at: at(issuance),
        },
        outcome: Some((Outcome::Signed(Receipt(uuid(3, issuance))), at(issuance))),
    })
}

fn measure(folder: &Path, records: usize) -> Result<()> {
    let (expected, issuer) = expected()?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let started = Instant::now();
    let mut observed = Observed::new(&expected);
    let mut watch = Watch::new(&expected.watched);
    let mut coverage = Coverage::default();
    for file in &files {
        for entry in Records::new(File::open(file)?, Limits::default()) {
            coverage.entry("bench", &entry);
            if let Ok(Entry::Record(record)) = entry {
                observed.record(&record);
                watch.record(&record);
            }
        }
    }
    let issuances = records / 5 * 2;
    let mut comparison = observed.compare(at(issuances).plus_seconds(86_400), coverage);
    for issuance in 0..issuances {
        comparison.attempt(&attempt(&issuer, issuance)?);
    }
    let (findings, coverage) = comparison.finish();
    let seconds = started.elapsed().as_secs_f64();
    let worse = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Low)
        .count()
        + watch.finish().len();
    ensure!(worse == 0, "a true history raised an alarm: {findings:?}");
    ensure!(coverage.signatures == issuances as u64, "{coverage:?}");
    println!(
        "{}",
        json!({"records": records, "signatures": coverage.signatures, "seconds": seconds, "peak_kib": peak()?})
    );
    Ok(())
}

/// Most memory that this process ever had, in KiB.
fn peak() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.context("no VmHWM")?.trim().trim_end_matches(" kB").parse()?)
}
