//! What was found, for people and for programs.

use anyhow::Result;
use chancery_watch::{Coverage, Evidence, Finding};
use chancery_x509::time::UnixTime;
use serde_json::json;

use super::seen::Seen;
use crate::arguments::Arguments;
use crate::show;

/// Evidence that people are shown of one finding; the JSON has more.
const SHOWN: usize = 3;

/// Prints findings and what they rest on.
pub(super) fn print(arguments: &Arguments, findings: &[Finding], coverage: &Coverage) -> Result<()> {
    if arguments.json {
        return show::json(&json!({ "findings": findings, "coverage": coverage }));
    }
    print_findings(findings);
    let span = |first: Option<UnixTime>, last: Option<UnixTime>| match (first, last) {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    };
    show::facts([
        (
            "Records",
            format!(
                "{}{}",
                coverage.records,
                span(coverage.first_record, coverage.last_record)
            ),
        ),
        ("Signatures", coverage.signatures.to_string()),
        ("Invocations", coverage.invocations.to_string()),
        (
            "Attempts",
            format!(
                "{}{}",
                coverage.attempts,
                span(coverage.first_attempt, coverage.last_attempt)
            ),
        ),
        ("Matching", coverage.matching.to_owned()),
        ("Pending", coverage.pending.to_string()),
        (
            "Lost",
            format!("{} signed, {} not", coverage.lost.len(), coverage.lost_unsigned),
        ),
        (
            "Settling",
            format!(
                "{} minutes; judged as of {}",
                coverage.settling_seconds / 60,
                of(coverage.now)
            ),
        ),
    ]);
    for (ca, before) in &coverage.before_start {
        println!(
            "note: {} by {} before its start line, {}, are not judged",
            show::counted(before.signatures, "signature", "signatures"),
            show::visible(ca),
            of(before.start)
        );
    }
    if coverage.is_of_a_key_store {
        println!(
            "note: the log is the key store's own, and nobody else saw the signatures: tamper-evident, not complete"
        );
    }
    for what in &coverage.not_seen {
        println!("not seen: {}", show::visible(what));
    }
    if coverage.foreign.count > 0 {
        println!(
            "note: {} events are none of CloudTrail's, and were left out",
            coverage.foreign.count
        );
    }
    Ok(())
}

/// Prints what others have seen.
pub(super) fn print_seen(arguments: &Arguments, findings: &[Finding], seen: &Seen) -> Result<()> {
    if arguments.json {
        return show::json(&json!({ "findings": findings, "seen": seen }));
    }
    print_findings(findings);
    show::facts([
        ("Certificates", seen.certificates.to_string()),
        ("Serial numbers", seen.serials.to_string()),
        ("Known", seen.known.to_string()),
        ("Of other CAs", seen.of_others.to_string()),
        ("Malformed", seen.malformed.to_string()),
    ]);
    if seen.not_judged > 0 {
        println!(
            "note: {} not known, and nothing says of which CA they are: give --issuer",
            show::counted(seen.not_judged, "serial number is", "serial numbers are")
        );
    }
    Ok(())
}

fn print_findings(findings: &[Finding]) {
    if findings.is_empty() {
        println!("Nothing was found.");
    }
    for finding in findings {
        let times = if finding.count == 1 {
            String::new()
        } else {
            format!(" ({} times)", finding.count)
        };
        println!(
            "{}: {}{times} [{}]",
            finding.severity.as_str(),
            show::visible(&finding.title),
            finding.rule
        );
        for evidence in finding.evidence.iter().take(SHOWN) {
            println!("  {}", show::visible(&line(evidence)));
        }
        println!("  do: {}", show::visible(finding.remedy));
    }
    println!();
}

fn line(evidence: &Evidence) -> String {
    let time = evidence.time.map(|time| time.to_string()).unwrap_or_default();
    let named = [
        ("", time.as_str()),
        ("", &evidence.call),
        ("by ", &evidence.principal),
        ("from ", &evidence.source_ip),
        ("in ", &evidence.region),
        ("", &evidence.subject),
        ("attempt ", &evidence.attempt),
        ("event ", &evidence.event_id),
        ("request ", &evidence.request_id),
        ("invocation ", &evidence.invocation),
        ("", &evidence.detail),
    ];
    let parts = named.into_iter().filter(|(_, value)| !value.is_empty());
    let parts: Vec<String> = parts.map(|(name, value)| format!("{name}{value}")).collect();
    parts.join(", ")
}

fn of(time: Option<UnixTime>) -> String {
    time.map_or_else(|| "which there is not yet".to_owned(), |time| time.to_string())
}
