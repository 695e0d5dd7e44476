//! `chancery freeze` and `chancery thaw`: stops every issuance at once, and lets it go on.

#[cfg(feature = "aws")]
mod aws;

use std::process::ExitCode;

use anyhow::{Result, bail};
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{Frozen, Thawing};
use serde_json::json;

use crate::arguments::{Arguments, FreezeArguments, ThawArguments};
use crate::{backend, interrupt, show};

/// Freezes issuance, or says whether it is.
pub(crate) fn freeze(arguments: &Arguments, freeze: &FreezeArguments) -> Result<ExitCode> {
    if arguments.aws.aws {
        return on_aws(arguments, freeze);
    }
    let Some(reason) = &freeze.reason else {
        let local = backend::local_to_read(arguments, "freeze")?;
        return show_state(arguments, local.runtime.block_on(local.authority.frozen())?.as_ref());
    };
    check_reason(reason)?;
    let local = backend::local(arguments, "freeze")?;
    interrupt::finish_what_is_begun();
    let frozen = local.runtime.block_on(local.authority.freeze(reason, &backend::user()));
    said(frozen)?;
    show_state(arguments, local.runtime.block_on(local.authority.frozen())?.as_ref())
}

/// Asks for the end of a freeze, or ends it.
pub(crate) fn thaw(arguments: &Arguments, thaw: &ThawArguments) -> Result<ExitCode> {
    if !thaw.reason.is_empty() {
        check_reason(&thaw.reason)?;
    }
    if arguments.aws.aws {
        return thaw_on_aws(arguments, thaw);
    }
    let local = backend::local(arguments, "thaw")?;
    interrupt::finish_what_is_begun();
    let user = backend::user();
    let thawing = local.authority.thaw(&thaw.reason, thaw.alone, &user);
    let thawing = local.runtime.block_on(thawing)?;
    show_thawing(arguments, thawing)
}

#[cfg(feature = "aws")]
fn on_aws(arguments: &Arguments, freeze: &FreezeArguments) -> Result<ExitCode> {
    aws::freeze(arguments, freeze)
}

#[cfg(feature = "aws")]
fn thaw_on_aws(arguments: &Arguments, thaw: &ThawArguments) -> Result<ExitCode> {
    aws::thaw(arguments, thaw)
}

#[cfg(not(feature = "aws"))]
fn on_aws(_arguments: &Arguments, _freeze: &FreezeArguments) -> Result<ExitCode> {
    Err(backend::without_aws())
}

#[cfg(not(feature = "aws"))]
fn thaw_on_aws(_arguments: &Arguments, _thaw: &ThawArguments) -> Result<ExitCode> {
    Err(backend::without_aws())
}

/// Octets of a reason: it stands in logs and messages.
const REASON: usize = 1000;

fn check_reason(reason: &str) -> Result<()> {
    if reason.trim().is_empty() || reason.len() > REASON || reason.contains(char::is_control) {
        bail!("--reason is one line of text, {REASON} octets at most");
    }
    Ok(())
}

/// That it is frozen already is what was wanted.
fn said(frozen: Result<(), LedgerError>) -> Result<()> {
    match frozen {
        Ok(()) => Ok(()),
        Err(LedgerError::Frozen(_)) => {
            eprintln!("Issuance was frozen already: who did that and why stays as it is.");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn show_state(arguments: &Arguments, frozen: Option<&Frozen>) -> Result<ExitCode> {
    if arguments.json {
        let asked = frozen.and_then(|frozen| frozen.thaw_asked.as_ref());
        show::json(&json!({
            "frozen": frozen.is_some(),
            "since": frozen.map(|frozen| frozen.by.at.to_string()),
            "by": frozen.map(|frozen| &frozen.by.principal),
            "reason": frozen.map(|frozen| &frozen.by.reason),
            "thaw_asked_at": asked.map(|asked| asked.at.to_string()),
            "thaw_asked_by": asked.map(|asked| &asked.principal),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(Frozen { by, thaw_asked }) = frozen else {
        println!("Issuance is not frozen.");
        return Ok(ExitCode::SUCCESS);
    };
    println!(
        "Issuance is frozen since {}, by {}: {}",
        by.at,
        show::visible(&by.principal),
        show::visible(&by.reason)
    );
    println!("Nothing is issued, renewed or signed for a CA; CRLs go on, and revoking too.");
    match thaw_asked {
        None => println!("To end it, two people run `chancery thaw`; one person: `chancery thaw --alone`."),
        Some(asked) => println!(
            "{} asked for its end at {}: another person ends it with `chancery thaw`.",
            show::visible(&asked.principal),
            asked.at
        ),
    }
    Ok(ExitCode::SUCCESS)
}

fn show_thawing(arguments: &Arguments, thawing: Thawing) -> Result<ExitCode> {
    if arguments.json {
        show::json(&json!({ "thawed": thawing == Thawing::Thawed }))?;
        return Ok(ExitCode::SUCCESS);
    }
    match thawing {
        Thawing::Thawed => println!("Issuance goes on."),
        Thawing::Asked => println!(
            "Recorded. Issuance stays frozen until another person runs `chancery thaw` within a day, or you decide alone: \
             `chancery thaw --alone`."
        ),
    }
    Ok(ExitCode::SUCCESS)
}
