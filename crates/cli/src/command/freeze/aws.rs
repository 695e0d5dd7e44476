//! The same for a deployment: the ledger refuses to reserve, and the CAs' keys refuse to sign for anybody but the functions that
//! make CRLs.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_authority::authority::Ca;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::Thawing;

use super::{check_reason, said, show_state, show_thawing};
use crate::arguments::{Arguments, FreezeArguments, ThawArguments};
use crate::deployment::{Deployed, DeployedAuthority};
use crate::interrupt;

/// What a caller needs.
const NEEDED: &str = "it takes kms:GetKeyPolicy and kms:PutKeyPolicy on the CAs' keys, which their administrators have (the module's input \
     key_administrators), and writing to the journal's partition `freeze`";

pub(super) fn freeze(arguments: &Arguments, freeze: &FreezeArguments) -> Result<ExitCode> {
    let deployed = Deployed::open(arguments)?;
    let opened = deployed.authority()?;
    let authority = &opened.authority;
    let Some(reason) = &freeze.reason else {
        return show_state(arguments, deployed.runtime.block_on(authority.frozen())?.as_ref());
    };
    check_reason(reason)?;
    let principal = deployed.principal();
    interrupt::finish_what_is_begun();
    // The ledger first: it stops all CAs at once. Whatever fails there, the keys are closed all the same.
    let recorded = said(deployed.runtime.block_on(authority.freeze(reason, &principal)));
    let mut open = Vec::new();
    for ca in authority.cas().iter() {
        if let Err(error) = close(&deployed, &opened, ca) {
            open.push(format!("{}: {error:#}", ca.name()));
        }
    }
    recorded.with_context(|| match open[..] {
        [] => "the freeze could not be recorded in the ledger; all keys are closed".to_owned(),
        _ => format!(
            "the freeze could not be recorded in the ledger; the keys are closed but for these: {}",
            open.join("; ")
        ),
    })?;
    let state = show_state(arguments, deployed.runtime.block_on(authority.frozen())?.as_ref())?;
    if !open.is_empty() {
        bail!(
            "the ledger refuses to issue, and these keys would still sign for whoever may use them: {}. For a key: {NEEDED}. \
             Repeat the command, or disable the key (`aws kms disable-key`), which stops its CRLs too",
            open.join("; ")
        );
    }
    Ok(state)
}

pub(super) fn thaw(arguments: &Arguments, thaw: &ThawArguments) -> Result<ExitCode> {
    let deployed = Deployed::open(arguments)?;
    let opened = deployed.authority()?;
    let principal = deployed.principal();
    interrupt::finish_what_is_begun();
    let thawing = opened.authority.thaw(&thaw.reason, thaw.alone, &principal);
    let thawing = match deployed.runtime.block_on(thawing) {
        Ok(thawing) => thawing,
        // The ledger is not frozen, and keys may be closed: a freeze could not be recorded, or a thaw did not come to the keys.
        Err(LedgerError::NotFrozen) if thaw.alone => Thawing::Thawed,
        Err(error @ LedgerError::NotFrozen) => {
            return Err(error).context("if the CAs' keys are still closed, open them with `chancery thaw --alone`");
        }
        Err(error) => return Err(error.into()),
    };
    if thawing == Thawing::Thawed {
        let mut closed = Vec::new();
        for ca in opened.authority.cas().iter() {
            let opening = opened.aws.keys.open_signing(&ca.record.key);
            if let Err(error) = deployed.runtime.block_on(opening) {
                closed.push(format!("{}: {error}", ca.name()));
            }
        }
        if deployed.runtime.block_on(opened.authority.frozen())?.is_some() {
            bail!(
                "somebody froze issuance again meanwhile, and the keys were opened: run `chancery freeze` again, which closes them"
            );
        }
        if !closed.is_empty() {
            bail!(
                "the ledger issues again, and these keys stay closed: {}. For a key: {NEEDED}. Repeat the command with --alone",
                closed.join("; ")
            );
        }
    }
    show_thawing(arguments, thawing)
}

/// Closes a CA's key to all but the role of the function that makes its CRLs.
fn close(deployed: &Deployed, opened: &DeployedAuthority, ca: &Ca) -> Result<()> {
    let function = if ca.record.parent.is_none() {
        "root-ca-crl"
    } else {
        "issuing-ca-crl"
    };
    let role = deployed.role(function)?;
    let closing = opened.aws.keys.close_signing(&ca.record.key, &role);
    deployed.runtime.block_on(closing)?;
    Ok(())
}
