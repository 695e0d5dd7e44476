//! An item of the report, as texts that are not escaped yet.

use chancery_contract::plan::{Existing, Item, Planned, Verdict};
use chancery_x509::time::UnixTime;

use crate::show;

/// Most warnings and findings shown for one item.
const NOTES: usize = 10;

/// Its position: `tls.json 3`.
pub(super) fn place(item: &Item) -> String {
    match item.entry {
        Some(entry) => format!("{} {entry}", item.list),
        None => item.list.to_owned(),
    }
}

/// The certificate concerned: a planned or an existing one.
pub(super) fn certificate(item: &Item) -> Vec<String> {
    if let (Some(planned), Verdict::Issued | Verdict::Renewed) = (&item.certificate, item.verdict) {
        return of_planned(planned);
    }
    let existing = item.existing.as_ref();
    let serial = existing.map(|existing| existing.serial_number.to_string());
    let serial = item.serial_number.clone().or(serial);
    let mut parts = Vec::new();
    parts.extend(serial.map(|serial| format!("serial number {serial}")));
    parts.extend(existing.map(end));
    parts
}

fn of_planned(planned: &Planned) -> Vec<String> {
    let mut parts = vec![
        planned.key.clone(),
        format!(
            "{}, to {}",
            show::counted(planned.lifetime_days, "day", "days"),
            day(planned.not_after)
        ),
        usages(planned),
        format!("profile {}", planned.profile),
        planned.issuer.clone(),
    ];
    if !planned.custom_extensions.is_empty() {
        parts.push(format!("extensions {}", planned.custom_extensions.join(" ")));
    }
    // All of them: the one left out could be the one that matters.
    parts.extend(planned.sans.iter().map(|name| format!("{} {}", name.kind, name.value)));
    if planned.sans.is_empty() {
        parts.push("no alternative name".to_owned());
    }
    parts
}

/// A time's date: the time of day is only that of this run.
fn day(time: UnixTime) -> String {
    time.to_string().chars().take_while(|letter| *letter != 'T').collect()
}

fn usages(planned: &Planned) -> String {
    let names = planned.extended_key_usages.iter().map(|usage| match usage.as_str() {
        "TLS_WEB_SERVER_AUTHENTICATION" => "server_auth",
        "TLS_WEB_CLIENT_AUTHENTICATION" => "client_auth",
        other => other,
    });
    names.collect::<Vec<_>>().join(" ")
}

fn end(existing: &Existing) -> String {
    let end = show::short_time(&existing.not_after.to_string());
    match existing.revoked {
        Some(reason) => format!("ends {end}, revoked ({reason})"),
        None => format!("ends {end}"),
    }
}

/// The reason for the verdict.
pub(super) fn why(item: &Item) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(item.reason.clone());
    if item.verdict == Verdict::Revoked {
        parts.extend(item.revocation_reason.map(str::to_owned));
    }
    if let Some(existing) = item.existing.as_ref().filter(|_| item.certificate.is_some()) {
        let serial = existing.serial_number;
        match item.verdict {
            Verdict::Renewed => parts.push(format!("follows {serial}, which {}", end(existing))),
            Verdict::Issued => parts.push(format!("beside {serial} of the same key, which {}", end(existing))),
            _ => {}
        }
    }
    parts
}

/// Warnings and lint findings.
pub(super) fn notes(item: &Item) -> Vec<String> {
    let warnings = item.warnings.iter().map(|warning| format!("warning: {warning}"));
    let findings = item.findings.iter().map(|found| {
        format!(
            "{}: {} ({}, {})",
            found.severity, found.message, found.rule, found.citation
        )
    });
    let mut notes: Vec<String> = warnings.chain(findings).collect();
    let more = notes.len().saturating_sub(NOTES);
    notes.truncate(NOTES);
    if more > 0 {
        notes.push(format!("and {more} more"));
    }
    notes
}

/// Whether it has a row of its own: unchanged items are only counted, unless they have warnings.
pub(super) fn is_told(item: &Item) -> bool {
    item.verdict != Verdict::Unchanged || !item.warnings.is_empty()
}
