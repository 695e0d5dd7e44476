//! A deployment on AWS, to be guarded: its ledger, and what is expected of its names.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use chancery_authority::CaName;
use chancery_authority::port::Clock as _;
use chancery_aws::SystemClock;
use chancery_watch::expected::{CaFacts, DeploymentFacts};
use chancery_x509::key::ca::CaPublicKey;

use super::authority::{GuardedAuthority, keys};
use crate::arguments::{Arguments, GuardArguments};
use crate::deployment::{Deployed, aws_error};

/// The functions that sign, whose roles are asked for.
const SIGN: [&str; 6] = [
    "create-root-ca",
    "create-issuing-ca",
    "root-ca-crl",
    "issuing-ca-crl",
    "tls-cert",
    "sweep",
];

/// Opens the deployment that the arguments name.
pub(super) fn open(arguments: &Arguments, guard: &GuardArguments) -> Result<GuardedAuthority> {
    let deployed = Deployed::open(arguments)?;
    let opened = deployed.authority()?;
    let settings = deployed.settings()?;
    let cas = keys(&opened.authority)?;
    let arns: Vec<String> = cas
        .iter()
        .map(|(name, public)| key_arn(&deployed, name, public))
        .collect::<Result<_>>()?;
    let mut further = guard.watch.clone();
    further.extend(settings.topic_arn.clone());
    let first = arns.first().map(String::as_str).unwrap_or_default();
    let mut fields = first.split(':').skip(1).map(str::to_owned);
    let partition = fields.next().unwrap_or_default();
    let region = fields.nth(1).unwrap_or_else(|| deployed.region().to_owned());
    let facts = DeploymentFacts {
        partition,
        region,
        account: fields.next().unwrap_or_default(),
        project: deployed.names.project().to_owned(),
        environment: deployed.names.environment().to_owned(),
        cas: cas
            .iter()
            .zip(arns)
            .map(|((name, key), arn)| CaFacts {
                name: name.clone(),
                key: Some(arn),
                algorithm: Some(key.algorithm()),
                is_root: opened
                    .authority
                    .config()
                    .cas()
                    .iter()
                    .any(|ca| ca.name() == name && ca.parent().is_none()),
            })
            .collect(),
        roles: roles(&deployed),
        tables: tables(&deployed, &settings),
        external_bucket: settings.external_bucket.clone(),
        internal_bucket: settings.internal_bucket.clone(),
        further,
        operators: guard.operators.clone(),
        deployers: guard.deployers.clone(),
    };
    Ok(GuardedAuthority {
        ledger: opened.aws.ledger.clone(),
        cas,
        expected: facts.expected(),
        signing_log: None,
        now: SystemClock.now(),
        runtime: deployed.runtime,
    })
}

/// The ARN of a CA's key, which records name it by. An alias that leads to another key than the certificate's is no clue: who moved
/// it would have the guard look elsewhere.
fn key_arn(deployed: &Deployed, ca: &CaName, public: &CaPublicKey) -> Result<String> {
    let client = aws_sdk_kms::Client::new(&deployed.config);
    let alias = format!("alias/{ca}");
    let asked = deployed.runtime.block_on(client.get_public_key().key_id(&alias).send());
    let arn = match asked {
        Ok(answer) => {
            if answer.public_key.as_ref().map(AsRef::as_ref) != Some(public.as_der()) {
                bail!(
                    "the alias of {ca}'s key leads to another key than that of its certificate: somebody moved it, and nothing can \
                     be said of the signatures until it is put back"
                );
            }
            answer.key_id
        }
        // KMS gives no public key of one that is disabled, or is to be deleted: a root that sleeps, an attack.
        Err(error) => {
            let described = deployed.runtime.block_on(client.describe_key().key_id(alias).send());
            let described = described.map_err(|_| aws_error(error));
            let described = described.with_context(|| format!("the key of {ca} cannot be asked for"))?;
            described.key_metadata.and_then(|key| key.arn)
        }
    };
    arn.with_context(|| format!("KMS does not say which key that of {ca} is"))
}

/// The roles of the functions that sign. Where the caller may not ask, they are called like the functions, as the module names them.
fn roles(deployed: &Deployed) -> HashMap<String, String> {
    let role = |function: &str| Some((function.to_owned(), deployed.role(function).ok()?));
    SIGN.into_iter().filter_map(role).collect()
}

fn tables(deployed: &Deployed, settings: &chancery_deployment::settings::AuthoritySettings) -> Vec<String> {
    let names = &deployed.names;
    vec![
        settings
            .certificate_table
            .clone()
            .unwrap_or_else(|| names.table().to_owned()),
        settings
            .journal_table
            .clone()
            .unwrap_or_else(|| names.journal_table().to_owned()),
    ]
}
