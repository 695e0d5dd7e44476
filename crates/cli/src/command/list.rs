//! `chancery list`.

use std::process::ExitCode;

use anyhow::Result;
use chancery_api::certificates::{CertificateEntry, SearchQuery};
use jiff::Timestamp;
use serde_json::json;

use crate::arguments::{Arguments, ListArguments};
use crate::backend::{self, Backend};
use crate::show;

/// Certificates requested at a time.
const PAGE: usize = 500;

/// Lists and searches certificates.
pub(crate) fn run(arguments: &Arguments, list: &ListArguments) -> Result<ExitCode> {
    let backend = backend::open_to_read(arguments)?;
    let now = Timestamp::now();
    let query = SearchQuery {
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
        ..SearchQuery::default()
    };
    let limit = if list.limit == 0 { usize::MAX } else { list.limit };
    let (certificates, more) = collect(backend.as_ref(), query, limit)?;
    // Only now: a ledger may have certificates of a CA that it has no longer.
    if let Some(issuer) = list.issuer.as_ref().filter(|_| certificates.is_empty()) {
        let existing = backend.ca_names()?;
        if !existing.contains(issuer) {
            return Err(backend::no_such_ca(issuer, &existing));
        }
    }
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
        &["Common name", "Status", "Expires (UTC)", "", "Profile", "Serial number"],
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

fn collect(backend: &dyn Backend, mut query: SearchQuery, limit: usize) -> Result<(Vec<CertificateEntry>, bool)> {
    let mut certificates = Vec::new();
    loop {
        query.limit = Some(PAGE.min(limit - certificates.len()));
        let page = backend.search(&query)?;
        certificates.extend(page.certificates);
        query.after = page.next;
        if query.after.is_none() || certificates.len() >= limit {
            return Ok((certificates, query.after.is_some()));
        }
    }
}

fn row(certificate: &CertificateEntry, now: i64) -> Vec<String> {
    let expires = &certificate.not_after;
    let seconds = expires.parse::<Timestamp>().map_or(now, Timestamp::as_second);
    let name = match certificate.common_name.as_str() {
        "" => &certificate.subject,
        _ => &certificate.common_name,
    };
    vec![
        name.clone(),
        certificate.status.name().to_owned(),
        show::column_time(expires),
        show::relative(seconds, now),
        certificate.profile.clone(),
        certificate.serial_number.clone(),
    ]
}
