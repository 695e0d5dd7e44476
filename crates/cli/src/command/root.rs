//! `chancery --aws … root`: a root whose key is disabled between its uses.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_authority::authority::Ca;
use chancery_authority::port::ledger::{AttemptId, AttemptPosition, AttemptRecord, Ledger, Outcome};
use chancery_x509::time::UnixTime;
use serde_json::{Value, json};

use crate::arguments::{Arguments, RootCommand};
use crate::deployment::{Deployed, DeployedAuthority};
use crate::{interrupt, show};

/// What a caller needs.
const NEEDED: &str = "it takes kms:EnableKey, kms:DisableKey and kms:DescribeKey on the root's key, with a second factor: the module's \
     output root_operator_policy has it all";

/// Attempts that are read at a time.
const PAGE: usize = 1_000;

/// Enables or disables the root's key, and says what it signed meanwhile.
pub(crate) fn run(arguments: &Arguments, command: &RootCommand) -> Result<ExitCode> {
    let deployed = Deployed::open(arguments)?;
    let opened = deployed.authority()?;
    let root = root(&opened)?;
    interrupt::finish_what_is_begun();
    match command {
        RootCommand::Wake => {
            let waking = opened.aws.keys.enable(&root.record.key);
            deployed.runtime.block_on(waking).context(NEEDED)?;
            if arguments.json {
                show::json(&json!({ "ca": root.name().as_str(), "enabled": true }))?;
            } else {
                let function = deployed.names.function("root-ca-crl");
                println!(
                    "The key of {} is enabled.\nNow another person has its CRL made (`aws lambda invoke --function-name {function} …`); then run `chancery --aws … root sleep`.",
                    root.name()
                );
            }
        }
        RootCommand::Sleep { hours } => {
            let closing = opened.aws.keys.disable(&root.record.key);
            deployed.runtime.block_on(closing).context(NEEDED)?;
            let now = opened.authority.ports().clock.now();
            let since = now.plus_seconds(-i64::from(*hours) * 3600);
            let attempts = signed_since(&deployed, &opened, &root, since, now)?;
            show_signatures(arguments, &root, &attempts, *hours)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn root(opened: &DeployedAuthority) -> Result<std::sync::Arc<Ca>> {
    let cas = opened.authority.cas();
    let root = cas.iter().find(|ca| ca.record.parent.is_none());
    match root {
        Some(root) => Ok(std::sync::Arc::clone(root)),
        None => bail!("the deployment has no root yet: start a run first"),
    }
}

/// What the root's key was asked to sign since then.
fn signed_since(
    deployed: &Deployed,
    opened: &DeployedAuthority,
    root: &Ca,
    since: UnixTime,
    now: UnixTime,
) -> Result<Vec<AttemptRecord>> {
    let mut after = Some(AttemptPosition {
        at: since,
        id: AttemptId([0; 16]),
    });
    let mut found = Vec::new();
    loop {
        let listing = opened.aws.ledger.attempts().list(after, now.plus_seconds(1), PAGE);
        let page = deployed
            .runtime
            .block_on(listing)
            .context("the key is disabled, and the journal cannot be read")?;
        for unreadable in &page.unreadable {
            eprintln!(
                "The journal has an attempt that cannot be read: {}",
                show::visible(unreadable)
            );
        }
        let of_root = |record: &AttemptRecord| record.attempt.subject.issuer() == root.name();
        found.extend(page.attempts.into_iter().filter(of_root));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

fn show_signatures(arguments: &Arguments, root: &Ca, attempts: &[AttemptRecord], hours: u32) -> Result<()> {
    if arguments.json {
        let signatures: Vec<Value> = attempts.iter().map(described).collect();
        return show::json(&json!({ "ca": root.name().as_str(), "enabled": false, "attempts": signatures }));
    }
    println!("The key of {} is disabled.", root.name());
    if attempts.is_empty() {
        println!("The journal has nothing that it was asked to sign in the last {hours} hours.");
        return Ok(());
    }
    println!("What it was asked to sign in the last {hours} hours; confirm each:");
    let rows = attempts.iter().map(|record| {
        let (outcome, receipt) = outcome(record);
        vec![
            show::column_time(&record.attempt.at.to_string()),
            record.attempt.subject.to_string(),
            outcome.to_owned(),
            show::visible(&receipt),
        ]
    });
    println!(
        "{}",
        show::table(&["At (UTC)", "What", "Outcome", "Request id of KMS"], rows)
    );
    Ok(())
}

fn described(record: &AttemptRecord) -> Value {
    let (outcome, receipt) = outcome(record);
    json!({
        "at": record.attempt.at.to_string(),
        "what": record.attempt.subject.to_string(),
        "principal": record.attempt.principal,
        "request_id": record.attempt.origin.request_id,
        "outcome": outcome,
        "receipt": receipt,
    })
}

fn outcome(record: &AttemptRecord) -> (&'static str, String) {
    match &record.outcome {
        None | Some((Outcome::Unknown { .. }, _)) => ("unknown", String::new()),
        Some((Outcome::Signed(receipt), _)) => ("signed", receipt.0.clone()),
        Some((Outcome::Refused { .. }, _)) => ("refused", String::new()),
    }
}
