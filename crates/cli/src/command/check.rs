//! `chancery check`: checks the data folder for problems.

use std::process::ExitCode;

use anyhow::Result;
use chancery_api::crls::Crls;
use chancery_authority::NothingIssued;
use chancery_authority::config::ConfigFile;
use chancery_authority::port::LedgerError;
use chancery_local::backup::begun_restores;
use serde_json::json;

use crate::arguments::Arguments;
use crate::local_authority::LocalAuthority;
use crate::{backend, show};

/// Checks the ledger, open intents and CRLs.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let local = backend::local_to_read(arguments, "check")?;
    let progress = show::Progress::start("Examining the ledger");
    let mut problems = local.runtime.block_on(local.ledger.check())?;
    let unreadable = local.runtime.block_on(local.authority.find_unreadable_intents())?;
    problems.extend(
        unreadable
            .iter()
            .map(|what| format!("an open intent cannot be read: {what}")),
    );
    let counts = local
        .runtime
        .block_on(local.authority.ports().ledger.monitoring().counts())?;
    let statuses = local.runtime.block_on(local.authority.crl_status());
    let Crls { crls } = Crls::from_status(&statuses);
    for ca in local
        .authority
        .cas()
        .iter()
        .filter(|ca| local.authority.should_issue(ca))
    {
        match local.runtime.block_on(local.authority.revoked_in_chain(ca.name())) {
            Ok(revoked) => problems.extend(revoked.map(|revoked| {
                let ca = ca.name().clone();
                NothingIssued { ca, revoked }.to_string()
            })),
            Err(error @ LedgerError::Damaged { .. }) => problems.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    problems.extend(
        local
            .missing_cas()
            .map(|ca_name| local.not_created(&format!("the CA {ca_name} of the configuration was not created"))),
    );
    problems.extend(local.broken_profiles());
    let mut warnings = local.folder_warnings();
    warnings.extend(overridden_issuer(&local)?);
    let frozen = local.runtime.block_on(local.authority.frozen())?;
    warnings.extend(frozen.map(|frozen| {
        let by = frozen.by;
        format!(
            "issuance is frozen since {}, by {}: {}",
            by.at,
            show::visible(&by.principal),
            show::visible(&by.reason)
        )
    }));
    let beside = std::path::absolute(local.folder.path())?;
    let begun = beside.parent().map(begun_restores).unwrap_or_default();
    warnings.extend(begun.iter().map(|path| {
        format!(
            "{} holds keys of a restore: if none is under way, remove it",
            path.display()
        )
    }));
    drop(progress);
    for crl in &crls {
        if let Some(problem) = &crl.problem {
            problems.push(format!("{}: {problem}", crl.name));
        }
    }
    if arguments.json {
        show::json(&json!({
            "issued": counts.issued, "revoked": counts.revoked, "open_intents": counts.open_intents, "rejected": counts.rejected,
            "crls": crls, "problems": problems, "warnings": warnings,
        }))?;
    } else {
        show::facts([
            ("Issued", counts.issued.to_string()),
            ("Revoked", counts.revoked.to_string()),
            ("Open intents", counts.open_intents.to_string()),
            ("Rejected", counts.rejected.to_string()),
        ]);
        if problems.is_empty() {
            println!("{}", nothing_wrong(warnings.len()));
        }
        for problem in &problems {
            println!("problem: {}", show::visible(problem));
        }
        for warning in &warnings {
            println!("warning: {}", show::visible(warning));
        }
        for (name, transition) in super::crl::transitions(&crls) {
            println!("note: {}: {}", show::visible(name), show::visible(transition));
        }
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The conclusion where there are no problems; the warnings follow it.
fn nothing_wrong(warnings: usize) -> String {
    match warnings {
        0 => "Nothing is wrong.".to_owned(),
        _ => format!("Nothing is wrong; {}:", show::counted(warnings, "warning", "warnings")),
    }
}

/// Where the configuration names another CA as the one that issues by default than was activated as that.
fn overridden_issuer(local: &LocalAuthority) -> Result<Option<String>> {
    let text = local.folder.config()?.unwrap_or_default();
    let is_named = toml::from_str::<ConfigFile>(&text)?.issuing_ca.is_some();
    let configured = local.authority.config().issuing_ca().name();
    let default = local
        .authority
        .issuing_ca()
        .filter(|ca| is_named && ca.name() != configured);
    Ok(default.map(|default| {
        format!(
            "issuing_ca in the configuration names {configured}, and {} was activated as the CA that issues by default, which counts: \
             name that one, or `chancery ca activate {configured}`",
            default.name()
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_announced_where_nothing_is_wrong() {
        assert_eq!(nothing_wrong(0), "Nothing is wrong.");
        assert_eq!(nothing_wrong(1), "Nothing is wrong; 1 warning:");
        assert_eq!(nothing_wrong(2), "Nothing is wrong; 2 warnings:");
    }
}
