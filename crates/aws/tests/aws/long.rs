//! A long CRL: what it takes to make one, of memory and of time.
//!
//! The sandbox's DynamoDB would take minutes to page through as many items, and their writing longer. So that one partition
//! is answered here, page by page as long as DynamoDB's, and everything else by the sandbox.

#![allow(clippy::print_stdout, reason = "`cargo xtask bench` reads its figures")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use chancery_authority::Authority;
use chancery_authority::port::ledger::CrlScope;
use chancery_authority::port::{Ports, Precondition};
use chancery_authority::profile::Profiles;
use chancery_aws::DynamoLedger;
use chancery_testing::SignUnchecked as _;
use chancery_x509::crl::{Coverage, CrlHeader, CrlWriter, Framing, RevocationList, RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NOW};
use crate::sandbox::{Sandbox, patient};

/// Entries, unless `CHANCERY_CRL_ENTRIES` says otherwise.
const ENTRIES: u32 = 50_000;

/// Items of 190 octets in 1 MB.
const PAGE: u32 = 5_500;

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_long_crl_takes_the_memory_of_its_entries_and_little_more() {
    let Some(sandbox) = Sandbox::start() else { return };
    let entries = std::env::var("CHANCERY_CRL_ENTRIES").map_or(ENTRIES, |number| number.parse().unwrap());
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let endpoint = partition(sandbox.endpoint().to_owned(), entries);
    let config = sandbox.config.to_builder().endpoint_url(endpoint).build();
    let ports = Ports {
        ledger: Arc::new(DynamoLedger::new(&config, &deployment, patient())),
        ..fixture.ports.clone()
    };
    let authority = Authority::open(ports, fixture.authority.config().clone(), Profiles::built_in())
        .await
        .unwrap();
    let scope = CrlScope {
        issuer: deployment.issuing_ca().clone(),
        shard: None,
    };
    let before = memory("VmRSS:");
    let mut measured = Vec::new();
    for number in 1..=2 {
        // From here on VmHWM is the highest since now (proc(5)).
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        // The allocator keeps what the pages of the first took.
        let kept = memory("VmRSS:");
        let began = Instant::now();
        let published = authority.publish_crl(&scope).await.unwrap();
        measured.push((began.elapsed(), kept, memory("VmHWM:")));
        assert_eq!(published.entries, u64::from(entries), "{number}");
    }

    let name = chancery_authority::config::Config::crl_name(&scope);
    let (_, file) = fixture.ports.publication.read(&name).await.unwrap().unwrap();
    let octets = file.len() as u64;
    let crl = RevocationList::from_file(file).unwrap();
    assert_eq!(crl.entries().count(), usize::try_from(entries).unwrap());
    let [(took, kept, peak), (second_took, second_kept, second_peak)] = measured[..] else {
        unreachable!()
    };
    println!(
        "{}",
        json!({
            "entries": entries, "octets": octets, "idle_kib": before,
            "milliseconds": took.as_secs_f64() * 1000.0, "peak_kib": peak,
            "second_milliseconds": second_took.as_secs_f64() * 1000.0, "second_peak_kib": second_peak,
        })
    );
    assert!(crl.is_signed_by(authority.issuing_ca().unwrap().issuer.public_key()));
    // A vector that grows is there twice for a moment; a page, this side's copy of it, and a file's beginning come on top.
    let allowed = u64::from(entries) * 72 * 2 / 1024 + 40 * 1024;
    // The published one is there once, beside what the ledger has; what S3 sends of it comes in pieces.
    let read_back = octets / 1024;
    for (kept, peak, allowed) in [(kept, peak, allowed), (second_kept, second_peak, allowed + read_back)] {
        assert!(
            peak - kept < allowed,
            "{} KiB, and {allowed} KiB are allowed",
            peak - kept
        );
    }
}

/// Over 24 MiB: what a function reads back.
const LONG: u64 = 960_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_published_crl_too_long_for_a_function_is_jumped_over_and_told() {
    let Some(sandbox) = Sandbox::start() else { return };
    let (fixture, deployment) = Fixture::new(&sandbox, &patient()).await;
    let ca = fixture.authority.issuing_ca().unwrap();
    let scope = CrlScope {
        issuer: deployment.issuing_ca().clone(),
        shard: None,
    };
    let header = CrlHeader {
        issuer: &ca.issuer,
        number: 40,
        this_update: NOW,
        next_update: NOW.plus_days(1),
        scope: Coverage::Full,
    };
    let entry = |number: u64| RevokedEntry {
        serial: Serial::from_octets(&(number | (1 << 62)).to_be_bytes()).unwrap(),
        revoked_at: NOW,
        reason: RevocationReason::Unspecified,
        invalidity_date: None,
    };
    let octets = entry(0).encoded_len() as u64 * LONG;
    let mut writer = CrlWriter::new(&header, octets, Vec::new()).unwrap();
    for number in 0..LONG {
        writer.entry(&entry(number)).unwrap();
    }
    let (tbs, input, length) = writer.finish_tbs().unwrap();
    let signed = fixture.ports.keys.sign_unchecked(&ca.record.key, &input).await.unwrap();
    let crl = Framing::new(ca.issuer.public_key().algorithm(), length, &signed.signature).assemble(&tbs);
    let publication = &fixture.ports.publication;
    assert!(crl.len() as u64 > publication.read_back(), "{}", crl.len());
    let name = chancery_authority::config::Config::crl_name(&scope);
    let body = Box::new(std::io::Cursor::new(crl.clone()));
    publication.put(&name, body, Precondition::None).await.unwrap();
    let (stat, mut content) = publication.open(&name).await.unwrap().unwrap();
    let mut read = Vec::new();
    content.read_to_end(&mut read).unwrap();
    assert!(read == crl && stat.len == crl.len() as u64);

    let made_at = fixture.authority.published_at(&scope).await.unwrap();
    assert_eq!(made_at, Some(NOW.plus_seconds(300)));
    let published = fixture.authority.publish_crl(&scope).await.unwrap();
    assert_eq!(published.number, 41);
    assert!(
        published.damaged.len() == 1 && published.damaged[0].contains("more than the 25165824 that are read back"),
        "{:?}",
        published.damaged
    );
}

/// Kibibytes of a line of `/proc/self/status`.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// A DynamoDB in which that many certificates are revoked, before another one; its address.
fn partition(behind: String, entries: u32) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let behind = behind.clone();
            std::thread::spawn(move || serve(&stream.unwrap(), &behind, entries));
        }
    });
    endpoint
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, behind: &str, entries: u32) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim().split_once(": ") {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let header = |name: &str| {
            headers
                .iter()
                .find(|(of, _)| of == name)
                .map(|(_, value)| value.as_str())
        };
        let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let is_ours = asked["ExpressionAttributeValues"][":key"]["S"]
            .as_str()
            .is_some_and(|key| key.starts_with("revoked#"));
        let (status, answer) = if is_ours {
            (200, page(&asked, entries))
        } else {
            let config = ureq::Agent::config_builder().http_status_as_error(false).build();
            let mut request = ureq::Agent::from(config).post(behind);
            for name in ["x-amz-target", "authorization", "content-type", "x-amz-date"] {
                request = request.header(name, header(name).unwrap_or_default());
            }
            let mut answer = request.send(&body[..]).unwrap();
            (answer.status().as_u16(), answer.body_mut().read_to_vec().unwrap())
        };
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 {status} \r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut stream = stream;
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&answer).unwrap();
    }
}

/// The page that a query asks for: serials one after the other.
fn page(asked: &Value, entries: u32) -> Vec<u8> {
    let sort = |number: u32| format!("41{number:038x}");
    let after = asked["ExclusiveStartKey"]["Sort"]["S"].as_str();
    let first = after.map_or(0, |sort| u32::from_str_radix(&sort[30..], 16).unwrap() + 1);
    let last = entries.min(first + PAGE);
    let item = |number| json!({"Sort": {"S": sort(number)}, "RevokedAt": {"N": "1795464000"}, "Reason": {"N": "4"}});
    let mut answer = json!({
        "Items": (first..last).map(item).collect::<Vec<_>>(), "Count": last - first, "ScannedCount": last - first,
    });
    if last < entries {
        let key = &asked["ExpressionAttributeValues"][":key"];
        answer["LastEvaluatedKey"] = json!({"Key": key, "Sort": {"S": sort(last - 1)}});
    }
    serde_json::to_vec(&answer).unwrap()
}
