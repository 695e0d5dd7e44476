//! Decides without a deployment: by a configuration, and CAs that are made up or whose certificates are given. Makes no
//! network calls.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use chancery_authority::authority::Ca;
use chancery_authority::config::{Config, ConfigFile};
use chancery_authority::hierarchy::{placeholder_cas, placeholder_cas_from};
use chancery_authority::issue::IssuancePolicy;
use chancery_authority::port::{Clock as _, Entropy};
use chancery_authority::profile::Profiles;
use chancery_contract::plan::{Planner, Proposal};
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use chancery_local::world::{SystemClock, SystemEntropy};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::Certificate;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;

use super::{Folder, Planned};
use crate::arguments::{Arguments, PlanArguments};
use crate::bounded;

pub(super) fn plan(
    arguments: &Arguments,
    wanted: &PlanArguments,
    folder: &Folder,
    base: Option<&dyn Proposal>,
) -> Result<Planned> {
    let config = config(arguments, wanted)?;
    // The module's default.
    let profiles = Profiles::built_in().with_replaced_common_names();
    profiles.check(&config)?;
    let now = SystemClock.now();
    let cas = cas(wanted, &config, now, &SystemEntropy)?;
    let planner = Planner {
        policy: IssuancePolicy {
            config: &config,
            profiles: &profiles,
            cas: &cas,
        },
        ledger: None,
        now,
        entropy: &SystemEntropy,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let plan = runtime.block_on(planner.plan(folder, base))?;
    let decided_by = match (&wanted.config, &wanted.ca_bundle) {
        (Some(file), _) => file.display().to_string(),
        (None, Some(file)) => format!("the module's settings and {}", file.display()),
        (None, None) => "the module's settings".to_owned(),
    };
    Ok(Planned {
        plan,
        decided_by,
        is_known: false,
    })
}

/// The configuration file, or else the Terraform module's defaults with the given options.
fn config(arguments: &Arguments, wanted: &PlanArguments) -> Result<Config> {
    if let Some(file) = &wanted.config {
        let text = bounded::text(file, bounded::TEXT)?;
        return Config::from_toml(&text).with_context(|| format!("{} cannot be used", file.display()));
    }
    let defaults = ConfigFile::default();
    let config = Config::new(ConfigFile {
        project: arguments.aws.project.clone(),
        environment: arguments.aws.env.clone(),
        prod_environments: arguments.aws.production.clone(),
        max_cert_lifetime: wanted.max_cert_lifetime.unwrap_or(defaults.max_cert_lifetime),
        custom_extension_allowlist: wanted.allow_extensions.clone(),
        ..defaults
    });
    config.context("--project, --env, --max-cert-lifetime and --allow-extension make no configuration")
}

fn cas(wanted: &PlanArguments, config: &Config, now: UnixTime, entropy: &dyn Entropy) -> Result<Vec<Arc<Ca>>> {
    let Some(file) = &wanted.ca_bundle else {
        return placeholder_cas(config, now, entropy, &mut throwaway_public_key);
    };
    let context = || format!("{} cannot be used", file.display());
    let text = bounded::read(file, bounded::CERTIFICATES)?;
    let certificates = Certificate::parse_all(&text).with_context(context)?;
    placeholder_cas_from(config, &certificates).with_context(context)
}

/// The public key of a key pair that is discarded.
pub(super) fn throwaway_public_key(algorithm: CaKeyAlgorithm) -> Result<CaPublicKey> {
    let made = ClientKeyAlgorithm::from_name(algorithm.name())
        .with_context(|| format!("no key of algorithm {} can be made up", algorithm.name()))?;
    let key = ClientKey::generate(made).map_err(|error| anyhow!(error))?;
    Ok(CaPublicKey::from_der(key.public_key().as_der())?)
}
