//! `chancery --aws … ca`: the CAs of a deployment. Terraform makes their keys and the function `create-issuing-ca` the CAs;
//! which of them issues is written into the ledger with the caller's own permissions.

use std::process::ExitCode;

use anyhow::{Context as _, Error, Result, bail};
use chancery_authority::Authority;
use chancery_authority::belief::NotBelieved;
use chancery_authority::issuer::ActivationError;
use chancery_authority::port::LedgerError;
use serde_json::json;
use tokio::runtime::Runtime;

use super::{OpenAuthority, activated, changed, named, retired, show_list};
use crate::arguments::{Arguments, CaAddArguments, CaCommand};
use crate::deployment::Deployed;
use crate::{interrupt, show};

/// What a caller needs who changes the state of a CA.
const NEEDED: &str = "the state of a CA could not be changed. It takes dynamodb:PutItem and dynamodb:ConditionCheckItem on the \
     journal, in its partitions `authorities` and `closed-ca#…`, and kms:GetPublicKey on the keys of the CAs: the module's \
     output ca_operator_policy has it all, and the input operator_role_arns what a key's policy needs where key_administrators is set";

/// A deployment's authority.
struct OnAws {
    deployed: Deployed,
    authority: Authority,
}

impl OpenAuthority for OnAws {
    fn authority(&self) -> &Authority {
        &self.authority
    }

    fn runtime(&self) -> &Runtime {
        &self.deployed.runtime
    }
}

impl OnAws {
    fn open(arguments: &Arguments) -> Result<Self> {
        let deployed = Deployed::open(arguments)?;
        let authority = deployed.authority()?.authority;
        Ok(Self { deployed, authority })
    }
}

/// Lists, adds, activates or retires CAs of a deployment.
pub(super) fn run(arguments: &Arguments, command: &CaCommand) -> Result<ExitCode> {
    let on_aws = OnAws::open(arguments)?;
    match command {
        CaCommand::List => show_list(arguments, &on_aws),
        CaCommand::Add(add) => self::add(arguments, &on_aws, add),
        CaCommand::Activate { name, not_default } => activate(arguments, &on_aws, name, !not_default),
        CaCommand::Retire { name } => retire(arguments, &on_aws, name),
        CaCommand::Renew { .. } | CaCommand::CrossSign(_) => bail!(
            "`chancery ca renew` and `chancery ca cross-sign` work on a data folder: the keys of a deployment sign for its \
             functions alone"
        ),
    }
}

/// Has a CA made that the module's input `issuing_cas` has.
fn add(arguments: &Arguments, on_aws: &OnAws, add: &CaAddArguments) -> Result<ExitCode> {
    if add.parent.is_some() || add.algorithm.is_some() || add.days.is_some() || add.common_name.is_some() {
        bail!(
            "on AWS, Terraform says how a CA is made, below the root: leave --parent, --algorithm, --days and --common-name \
             out, and set info and key_spec of {} in the module's input issuing_cas",
            add.name
        );
    }
    let config = on_aws.authority.config();
    let ca_name = config.ca_name(&add.name)?;
    if let Some(ca) = on_aws.authority.ca(&ca_name) {
        bail!(
            "there is a CA {} already, and it is {}",
            ca.name(),
            ca.record.status.state
        );
    }
    if config.ca(&ca_name).is_none() {
        bail!(
            "{ca_name} has no key yet: put it into the module's input issuing_cas, apply, and repeat this\n\n  \
             issuing_cas = {{\n    {} = {{ info = {{ commonName = \"…\" }} }}\n  }}",
            add.name
        );
    }
    let progress = show::Progress::start("Having the CA made");
    on_aws.deployed.invoke("create-issuing-ca", &json!({}))?;
    drop(progress);
    on_aws.runtime().block_on(on_aws.authority.reload())?;
    let ca = on_aws
        .authority
        .ca(&ca_name)
        .context("the function ended well, and the CA is not there")?;
    changed(arguments, on_aws, ca.name(), || {
        format!(
            "{} is made and published, and {}: it issues nothing yet.\nNext: `chancery --aws … ca activate {}`.",
            ca.name(),
            ca.record.status.state,
            add.name
        )
    })
}

fn activate(arguments: &Arguments, on_aws: &OnAws, name: &str, by_default: bool) -> Result<ExitCode> {
    let ca = named(on_aws, name)?;
    let principal = on_aws.deployed.principal();
    interrupt::finish_what_is_begun();
    on_aws
        .runtime()
        .block_on(on_aws.authority.activate_issuer(ca.name(), by_default, &principal))
        .map_err(|error| match &error {
            ActivationError::Ledger(LedgerError::Unavailable { .. })
            | ActivationError::NotBelieved(NotBelieved::KeyStore { .. }) => Error::new(error).context(NEEDED),
            _ => Error::new(error),
        })?;
    activated(arguments, on_aws, &ca, by_default)
}

fn retire(arguments: &Arguments, on_aws: &OnAws, name: &str) -> Result<ExitCode> {
    let ca = named(on_aws, name)?;
    let principal = on_aws.deployed.principal();
    interrupt::finish_what_is_begun();
    on_aws
        .runtime()
        .block_on(on_aws.authority.retire_issuer(ca.name(), &principal))
        .map_err(|error| match &error {
            LedgerError::Unavailable { .. } => Error::new(error).context(NEEDED),
            _ => Error::new(error),
        })?;
    retired(arguments, on_aws, &ca)
}
