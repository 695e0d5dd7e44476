//! `chancery list` and `chancery show`.

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::arguments::{Arguments, ListArguments};
use crate::backend::{self, Backend, Query, text};
use crate::{show, visible};

/// Certificates requested at a time.
const PAGE: usize = 500;

/// Lists and searches certificates.
pub(crate) fn run(arguments: &Arguments, list: &ListArguments) -> Result<ExitCode> {
    let backend = backend::open_to_read(arguments)?;
    let now = Timestamp::now();
    let query = Query {
        common_name: list.name.clone(),
        issuer: list.issuer.clone(),
        key_sha256: list.key.clone(),
        expires_from: list.expires_within.map(|_| now.to_string()),
        expires_before: list
            .expires_within
            .map(|days| (now + jiff::SignedDuration::from_hours(i64::from(days) * 24)).to_string()),
        revoked: if list.revoked {
            Some(true)
        } else if list.unrevoked {
            Some(false)
        } else {
            None
        },
    };
    let limit = if list.limit == 0 { usize::MAX } else { list.limit };
    let (certificates, more) = collect(backend.as_ref(), &query, limit)?;
    if arguments.json {
        show::json(&json!({ "certificates": certificates, "more": more }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if certificates.is_empty() {
        println!("No certificates found.");
        return Ok(ExitCode::SUCCESS);
    }
    let now = now.as_second();
    let rows = certificates.iter().map(|certificate| row(certificate, now));
    let mut table = show::table(
        &["Common name", "Status", "Expires", "", "Profile", "Serial number"],
        rows,
    );
    // A serial number that is broken into lines cannot be copied.
    println!(
        "{}",
        table.set_content_arrangement(comfy_table::ContentArrangement::Disabled)
    );
    if more {
        println!("There are more: narrow the search, or take --limit 0 for all.");
    }
    Ok(ExitCode::SUCCESS)
}

fn collect(backend: &dyn Backend, query: &Query, limit: usize) -> Result<(Vec<Value>, bool)> {
    let mut certificates = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = backend.search(query, after.as_deref(), PAGE.min(limit - certificates.len()))?;
        certificates.extend(page.certificates);
        after = page.next;
        if after.is_none() || certificates.len() >= limit {
            return Ok((certificates, after.is_some()));
        }
    }
}

fn row(certificate: &Value, now: i64) -> Vec<String> {
    let expires = text(certificate, "/not_after");
    let seconds = expires.parse::<Timestamp>().map_or(now, Timestamp::as_second);
    let name = match text(certificate, "/common_name") {
        "" => text(certificate, "/subject"),
        name => name,
    };
    vec![
        name.to_owned(),
        text(certificate, "/status").to_owned(),
        show::short_time(expires),
        show::relative(seconds, now),
        text(certificate, "/profile").to_owned(),
        text(certificate, "/serial_number").to_owned(),
    ]
}

/// Shows one certificate.
pub(crate) fn show(arguments: &Arguments, serial: &str) -> Result<ExitCode> {
    let certificate = backend::open_to_read(arguments)?.certificate(serial)?;
    if arguments.json {
        show::json(&certificate)?;
        return Ok(ExitCode::SUCCESS);
    }
    let field = |name: &str| text(&certificate, name).to_owned();
    show::facts([
        ("Common name", field("/common_name")),
        ("Subject", field("/subject")),
        ("Serial number", field("/serial_number")),
        ("Issuer", field("/issuer")),
        ("Profile", field("/profile")),
        ("Status", field("/status")),
        ("Valid from", field("/not_before")),
        ("Valid to", field("/not_after")),
        (
            "Expiry is told",
            certificate["notify_expiry"]
                .as_bool()
                .map_or_else(String::new, |told| if told { "yes" } else { "no" }.to_owned()),
        ),
        ("Issued", field("/issued_at")),
        ("Requested by", field("/requested_by")),
        ("Revoked", field("/revocation/revoked_at")),
        ("Reason", field("/revocation/reason")),
        ("Revoked by", field("/revocation/requested_by")),
        ("Key SHA-256", field("/key_sha256")),
    ]);
    println!("\n{}", visible::lines(text(&certificate, "/certificate").trim_end()));
    Ok(ExitCode::SUCCESS)
}
