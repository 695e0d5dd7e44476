//! `chancery guard`: holds signatures, journal and invocations against each other, and watches the account.

mod authority;
#[cfg(feature = "aws")]
mod aws;
mod report;
mod seen;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_authority::port::ledger::{AttemptId, AttemptPosition};
use chancery_local::keys::log::{LogError, SigningLog};
use chancery_watch::account::Watch;
use chancery_watch::cloudtrail::{Entry, Limits, Records};
use chancery_watch::expected::{Expected, Invocations, START_GRACE};
use chancery_watch::finding;
use chancery_watch::matching::{Comparison, Observed, Signature};
use chancery_watch::{Coverage, Finding, Severity};
use chancery_x509::time::UnixTime;

use crate::arguments::{Arguments, GuardArguments, GuardCommand};
use crate::show;
use authority::GuardedAuthority;

/// Attempts that are read at a time.
const PAGE: usize = 1_000;

/// Seconds before the records begin from which on the journal is read: what is attempted is signed at once.
const BEFORE: i64 = 3_600;

/// The exit code where something was found that is worse than low.
const FOUND: u8 = 3;

/// Compares, or looks for what others have seen.
pub(crate) fn run(arguments: &Arguments, guard: &GuardArguments) -> Result<ExitCode> {
    if arguments.url.is_some() {
        bail!(
            "`chancery guard` reads the ledger itself: run it on the server's machine, without --url and CHANCERY_URL"
        );
    }
    let authority = authority::open(arguments, guard)?;
    if let Some(GuardCommand::Seen(seen)) = &guard.command {
        let (findings, seen) = seen::look(&authority, seen)?;
        report::print_seen(arguments, &findings, &seen)?;
        return Ok(code(&findings));
    }
    let progress = show::Progress::start("Reading records");
    let (findings, coverage) = judge(&authority, guard)?;
    drop(progress);
    report::print(arguments, &findings, &coverage)?;
    Ok(code(&findings))
}

fn code(findings: &[Finding]) -> ExitCode {
    if findings.iter().any(|finding| finding.severity > Severity::Low) {
        ExitCode::from(FOUND)
    } else {
        ExitCode::SUCCESS
    }
}

/// Reads everything once, and compares.
fn judge(authority: &GuardedAuthority, guard: &GuardArguments) -> Result<(Vec<Finding>, Coverage)> {
    let now = guard.now.unwrap_or(authority.now);
    let mut expected = authority.expected.clone();
    expected.since = guard.since;
    if guard.invocations {
        expected.invocations = Invocations::Recorded;
    }
    let start = first_attempt(authority, now)?;
    expected.start = start;
    let mut observed = Observed::new(&expected);
    let mut watch = Watch::new(&expected.watched);
    let mut coverage = Coverage::default();
    for file in &guard.records {
        read(file, &mut observed, &mut watch, &mut coverage)?;
    }
    if let Some(folder) = authority.signing_log.as_deref().filter(|_| guard.records.is_empty()) {
        coverage.is_of_a_key_store = true;
        read_log(folder, now, &mut observed, &mut coverage)?;
    }
    if authority.signing_log.is_none() && coverage.first_record.is_none() {
        bail!(
            "no record was read, so nothing is known: give CloudTrail's records with --records, trail files or what \
             `aws cloudtrail lookup-events` says"
        );
    }
    let from = coverage.first_record.filter(|_| !coverage.is_of_a_key_store);
    let from = read_from(guard.since.or(from), start, &expected);
    let mut comparison = observed.compare(now, coverage);
    read_journal(authority, from, now, &mut comparison)?;
    let (mut findings, coverage) = comparison.finish();
    findings.extend(watch.finish());
    finding::sort(&mut findings);
    Ok((findings, coverage))
}

/// Reads one document.
fn read(file: &Path, observed: &mut Observed<'_>, watch: &mut Watch<'_>, coverage: &mut Coverage) -> Result<()> {
    let name = file.display().to_string();
    let source: Box<dyn Read> = if name == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).with_context(|| format!("cannot read {name}"))?)
    };
    for entry in Records::new(source, Limits::default()) {
        coverage.entry(&name, &entry);
        if let Ok(Entry::Record(record)) = entry {
            observed.record(&record);
            watch.record(&record);
        }
    }
    Ok(())
}

/// Reads the log of the keys in a data folder. A line of it that is none stops no other.
fn read_log(folder: &Path, now: UnixTime, observed: &mut Observed<'_>, coverage: &mut Coverage) -> Result<()> {
    observed.whole_log(now);
    let log = SigningLog::new(folder);
    if !log.path().exists() {
        return Ok(());
    }
    for entry in SigningLog::entries(folder)? {
        match entry {
            Ok(entry) => observed.signature(&Signature {
                receipt: &entry.receipt,
                key: &entry.key,
                input: &entry.input,
                time: UnixTime(entry.time.as_second()),
            }),
            Err(error @ LogError::Torn { .. }) => coverage.unreadable.add(|| error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// When the journal begins.
fn first_attempt(authority: &GuardedAuthority, now: UnixTime) -> Result<Option<UnixTime>> {
    let listing = authority.ledger.attempts().list(None, now, 1);
    let page = authority
        .runtime
        .block_on(listing)
        .context("the journal cannot be read")?;
    Ok(page.attempts.first().map(|record| record.attempt.at))
}

/// From where on the journal is read: its whole beginning, where that decides from when on a key's signatures need attempts.
fn read_from(since: Option<UnixTime>, start: Option<UnixTime>, expected: &Expected) -> Option<AttemptPosition> {
    let since = since?.plus_seconds(-BEFORE);
    let is_known = expected.keys.iter().all(|key| key.start.is_some());
    let is_later = start.is_some_and(|start| since > start.plus_seconds(START_GRACE));
    (is_known || is_later).then_some(AttemptPosition {
        at: since,
        id: AttemptId([0; 16]),
    })
}

fn read_journal(
    authority: &GuardedAuthority,
    from: Option<AttemptPosition>,
    now: UnixTime,
    comparison: &mut Comparison<'_>,
) -> Result<()> {
    let mut after = from;
    loop {
        let listing = authority.ledger.attempts().list(after, now.plus_seconds(1), PAGE);
        let page = authority
            .runtime
            .block_on(listing)
            .context("the journal cannot be read")?;
        page.unreadable.iter().for_each(|name| comparison.unreadable(name));
        page.attempts.iter().for_each(|record| comparison.attempt(record));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
