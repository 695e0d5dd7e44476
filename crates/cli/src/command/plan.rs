//! `chancery plan`: what merging the lists that operators keep under review would do.

mod folder;
mod markdown;
mod offline;
mod row;
mod table;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::{Result, bail};
use chancery_contract::plan::{Compared, Item, Plan, Proposal, Verdict};
use serde::Serialize;

use crate::arguments::{Arguments, PlanArguments};
use crate::show;
use folder::Folder;

/// A plan, and the settings that decided it.
struct Planned {
    plan: Plan,
    /// Source of the settings, for people: `the deployment serverless-dev`.
    decided_by: String,
    /// Whether earlier issuances and revocations are known.
    is_known: bool,
}

/// Prints the plan. The exit code tells whether any entry is refused.
pub(crate) fn run(arguments: &Arguments, wanted: &PlanArguments) -> Result<ExitCode> {
    if arguments.json && wanted.markdown {
        bail!("--json and --markdown cannot be combined: choose one");
    }
    // Clap does not check global options before the command for conflicts with the command's own.
    if arguments.aws.aws && wanted.has_settings() {
        bail!(
            "with --aws the deployment's settings and CAs decide: leave --config, --ca-bundle, --max-cert-lifetime and --allow-extension out"
        );
    }
    if arguments.url.is_some() {
        bail!("`chancery plan` decides by a deployment on AWS (--aws), or by itself, without --url");
    }
    let folder = Folder::open(&wanted.folder)?;
    let base = wanted.base.as_deref().map(Folder::open).transpose()?;
    // A check that passes because it was given the wrong folder is worse than one that fails.
    if !folder.has_lists() && base.as_ref().is_none_or(|base| !base.has_lists()) {
        bail!(
            "there is no tls.json, revoked.json or revoked-root-ca.json in {}: name the folder that holds them",
            folder.shown()
        );
    }
    let progress = show::Progress::start("Deciding on every entry");
    let base = base.as_ref().map(|base| base as &dyn Proposal);
    let planned = if arguments.aws.aws {
        on_aws(arguments, &folder, base)?
    } else {
        offline::plan(arguments, wanted, &folder, base)?
    };
    drop(progress);
    if arguments.json {
        show::json(&Report::of(&planned))?;
    } else if wanted.markdown {
        print!("{}", markdown::render(&planned, &folder.shown()));
    } else {
        print!("{}", table::render(&planned));
    }
    Ok(if planned.plan.is_refused() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

#[cfg(feature = "aws")]
fn on_aws(arguments: &Arguments, folder: &Folder, base: Option<&dyn Proposal>) -> Result<Planned> {
    use anyhow::Context as _;
    use chancery_authority::issue::IssuancePolicy;
    use chancery_contract::plan::Planner;

    let deployed = crate::deployment::Deployed::open(arguments)?;
    let opened = deployed.authority()?;
    let (authority, cas) = (&opened.authority, opened.authority.cas());
    let planner = Planner {
        policy: IssuancePolicy {
            config: authority.config(),
            profiles: authority.profiles(),
            cas: &cas,
        },
        ledger: Some(opened.aws.ledger.as_ref()),
        now: authority.ports().clock.now(),
        entropy: authority.ports().entropy.as_ref(),
    };
    let plan = deployed
        .runtime
        .block_on(planner.plan(folder, base))
        .context("the deployment's ledger cannot be read")?;
    Ok(Planned {
        plan,
        decided_by: format!("the deployment {}-{}", arguments.aws.project, arguments.aws.env),
        is_known: true,
    })
}

#[cfg(not(feature = "aws"))]
fn on_aws(_: &Arguments, _: &Folder, _: Option<&dyn Proposal>) -> Result<Planned> {
    Err(crate::backend::without_aws())
}

/// Printed once where no ledger was available.
const NOT_KNOWN: &str = "Offline: earlier issuances and revocations are not known. 'Issued' and 'revoked' assume that nothing \
     was done yet; use --aws to check for renewals, existing certificates and serial numbers.";

/// The plan as JSON.
#[derive(Serialize)]
struct Report<'a> {
    decided_by: &'a str,
    /// Whether earlier issuances and revocations are known.
    issued_is_known: bool,
    counts: Counts,
    items: &'a [Item],
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<&'a Compared>,
}

#[derive(Serialize)]
struct Counts {
    refused: usize,
    revoked: usize,
    renewed: usize,
    issued: usize,
    skipped: usize,
    unchanged: usize,
}

impl<'a> Report<'a> {
    fn of(planned: &'a Planned) -> Self {
        let plan = &planned.plan;
        Self {
            decided_by: &planned.decided_by,
            issued_is_known: planned.is_known,
            counts: Counts {
                refused: plan.count(Verdict::Refused),
                revoked: plan.count(Verdict::Revoked),
                renewed: plan.count(Verdict::Renewed),
                issued: plan.count(Verdict::Issued),
                skipped: plan.count(Verdict::Skipped),
                unchanged: plan.count(Verdict::Unchanged),
            },
            items: &plan.items,
            warnings: &plan.warnings,
            compared: plan.compared.as_ref(),
        }
    }
}

/// `2 refused, 1 issued`: what needs attention first.
fn counted(plan: &Plan) -> String {
    let counts = Verdict::ALL.map(|verdict| (plan.count(verdict), verdict));
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, verdict)| format!("{count} {}", verdict.name()))
        .collect();
    if parts.is_empty() {
        "nothing to do".to_owned()
    } else {
        parts.join(", ")
    }
}

/// What removing entries means, and how many are in both folders.
fn compared(compared: &Compared) -> Vec<String> {
    let mut parts = vec![format!(
        "{} in the base.",
        show::counted(compared.equal, "entry is as it is", "entries are as they are")
    )];
    if !compared.removed.is_empty() {
        parts.push(format!(
            "{} taken out: that revokes no certificate, and takes no revocation back.",
            show::counted(compared.removed.len(), "entry is", "entries are")
        ));
    }
    parts
}
