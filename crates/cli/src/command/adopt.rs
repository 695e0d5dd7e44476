//! `chancery adopt`: checks a deployment that another CA made, and takes its certificates into the journal.

mod state;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use aws_sdk_kms::types::{KeyMetadata, KeyState, KeyUsageType};
use chancery_authority::config::Config;
use chancery_authority::port::ledger::{CaRecord, CrlScope};
use chancery_authority::port::{KeyStore as _, Ledger as _, Publication as _};
use chancery_aws::ledger::{Adoption, AdoptionMode};
use chancery_deployment::settings::AuthoritySettings;
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationList;
use chancery_x509::key::ca::CaPublicKey;
use serde_json::json;

use crate::arguments::{AdoptArguments, Arguments};
use crate::deployment::{Deployed, DeployedAuthority, aws_error};
use crate::{bounded, show};
use state::{ExpectedResource, State};

/// Checks everything, and adopts rows if `--apply` is given and the checks found no problem.
pub(crate) fn run(arguments: &Arguments, adopt: &AdoptArguments) -> Result<ExitCode> {
    if !arguments.aws.aws {
        bail!("`chancery adopt` is for a deployment on AWS: give --aws, --project and --env");
    }
    // An unreadable file is reported before any call to AWS.
    let state = adopt.state.as_deref().map(State::read).transpose()?;
    let deployed = Deployed::open(arguments)?;
    let progress = show::Progress::start("Looking over CAs, keys and CRLs");
    let (opened, settings) = (deployed.authority()?, deployed.settings()?);
    let mut problems = Vec::new();
    let cas = deployed.runtime.block_on(opened.aws.ledger.issuers().list())?;
    for ca_name in [deployed.names.root_ca(), deployed.names.issuing_ca()] {
        match cas.iter().find(|ca| ca.ca_name == *ca_name) {
            Some(ca) => check_ca(&deployed, &opened, ca, &mut problems)?,
            None => problems.push(format!(
                "{}: there is no row of CA {ca_name} that counts CRLs, holds its certificate and is signed by the CA above",
                deployed.names.table()
            )),
        }
    }
    check_keygen(&deployed, &mut problems);
    if let Some(state) = &state {
        check_state(&deployed, &settings, state, &mut problems);
    }

    // Adoption relies on the rows' CAs: as long as those have problems, nothing is written.
    let mode = match (adopt.apply && problems.is_empty(), adopt.again) {
        (false, _) => AdoptionMode::DryRun,
        (true, false) => AdoptionMode::Resume,
        (true, true) => AdoptionMode::Again,
    };
    progress.say("Going through the rows");
    let say = |adoption: &Adoption| progress.say(&format!("Going through the rows: {}", adoption.rows));
    let adoption = deployed.runtime.block_on(opened.aws.ledger.adopt(mode, None, &say))?;
    let is_adopted = deployed.runtime.block_on(opened.aws.ledger.is_adopted())?;
    drop(progress);
    let report = Report {
        problems,
        adoption,
        applied: mode != AdoptionMode::DryRun,
        is_adopted,
    };
    report.print(arguments, adopt)?;
    Ok(if report.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Report {
    /// What prevents adopting.
    problems: Vec<String>,
    adoption: Adoption,
    applied: bool,
    is_adopted: bool,
}

impl Report {
    fn print(&self, arguments: &Arguments, adopt: &AdoptArguments) -> Result<()> {
        let Adoption {
            rows,
            adopted,
            known,
            malformed,
            ..
        } = &self.adoption;
        if arguments.json {
            return show::json(&json!({
                "applied": self.applied, "adopted_before": self.is_adopted && !self.applied, "problems": self.problems,
                "rows": rows, "adopted": adopted, "known": known, "malformed": malformed, "complete": self.is_adopted,
            }));
        }
        let verb = if self.applied { "Adopted" } else { "To be adopted" };
        show::facts([
            ("Rows", rows.to_string()),
            (verb, adopted.to_string()),
            ("Known already", known.to_string()),
            ("Left alone", malformed.len().to_string()),
        ]);
        for row in malformed {
            println!("left alone: {}", show::visible(row));
        }
        for problem in &self.problems {
            println!("problem: {}", show::visible(problem));
        }
        match (self.applied, adopt.apply) {
            (true, _) => println!("Every row is adopted: CRLs are made without reading the whole table now."),
            (false, true) => println!("Nothing was written: the problems come first."),
            (false, false) if *adopted == 0 && self.is_adopted => println!("There is nothing to adopt."),
            (false, false) => println!("Nothing was written: --apply does it."),
        }
        Ok(())
    }
}

/// Checks that the KMS key is that of the CA's certificate, that the published files are its own, and that its CRL
/// numbers will rise.
fn check_ca(deployed: &Deployed, opened: &DeployedAuthority, ca: &CaRecord, problems: &mut Vec<String>) -> Result<()> {
    let ca_name = &ca.ca_name;
    let certificate = Certificate::parse(&ca.certificate).with_context(|| format!("the certificate of {ca_name}"))?;
    let own = CaPublicKey::from_der(certificate.spki_der()).with_context(|| format!("the key of {ca_name}"))?;
    match deployed.runtime.block_on(opened.aws.keys.public_key(&ca.key)) {
        Ok(key) if key == own => {}
        Ok(_) => problems.push(format!(
            "{}: the key is not that of the CA's certificate; point the alias to the one that is",
            ca.key
        )),
        Err(error) => problems.push(format!("{}: {error}", ca.key)),
    }
    let publication = &opened.aws.publication;
    let name = Config::crt_name(ca_name);
    match deployed.runtime.block_on(publication.read(&name)) {
        Ok(Some((_, octets))) if Certificate::parse(&octets).is_ok_and(|of| of.as_der() == ca.certificate) => {}
        Ok(Some(_)) => problems.push(format!(
            "{name}: what is published is not the certificate in the CA's row"
        )),
        Ok(None) => problems.push(format!("{name}: it is not published; run the state machine")),
        Err(error) => problems.push(format!("{name}: {error}")),
    }
    let name = Config::crl_name(&CrlScope {
        issuer: ca_name.clone(),
        shard: None,
    });
    let counted = deployed.runtime.block_on(opened.aws.ledger.crl_number(ca_name))?;
    match deployed.runtime.block_on(publication.read(&name)) {
        // The CA has published nothing yet.
        Ok(None) => {}
        Err(error) => problems.push(format!("{name}: {error}")),
        Ok(Some((_, octets))) => match RevocationList::parse(&octets) {
            Err(error) => problems.push(format!("{name}: {error}")),
            Ok(crl) if !crl.is_signed_by(&own) => {
                problems.push(format!("{name}: it is not signed with the key of {ca_name}"));
            }
            Ok(crl) if crl.number() > counted => problems.push(format!(
                "{name}: its number is {}, and the CA's row counts {}: set CRLNumber there to the published one at least",
                crl.number().unwrap_or_default(),
                counted.unwrap_or_default()
            )),
            Ok(_) => {}
        },
    }
    Ok(())
}

/// Clients have key pairs generated under this key, and everything stored is encrypted with it.
fn check_keygen(deployed: &Deployed, problems: &mut Vec<String>) {
    let alias = deployed.names.keygen_alias();
    match describe(deployed, &alias) {
        Err(error) => problems.push(format!("{alias}: {error:#}")),
        Ok(key) if key.key_usage() != Some(&KeyUsageType::EncryptDecrypt) => {
            problems.push(format!("{alias}: it is no key to encrypt with"));
        }
        Ok(key) if key.key_state() != Some(&KeyState::Enabled) => {
            problems.push(format!(
                "{alias}: the key is not enabled; enable it, or cancel its deletion"
            ));
        }
        Ok(_) => {}
    }
}

fn describe(deployed: &Deployed, key: &str) -> Result<KeyMetadata> {
    let client = aws_sdk_kms::Client::new(&deployed.config);
    let call = client.describe_key().key_id(key);
    let answer = deployed.runtime.block_on(call.send()).map_err(aws_error)?;
    answer.key_metadata.context("KMS describes no key")
}

/// Checks that irreplaceable resources are in the state, where the module looks for them: otherwise Terraform makes
/// second ones.
fn check_state(deployed: &Deployed, settings: &AuthoritySettings, state: &State, problems: &mut Vec<String>) {
    let names = &deployed.names;
    let keys = [
        ("module.kms_rsa_root_ca", format!("alias/{}", names.root_ca())),
        ("module.kms_rsa_issuing_ca", format!("alias/{}", names.issuing_ca())),
        ("module.kms_tls_keygen", names.keygen_alias()),
    ];
    let mut things = Vec::new();
    for (module, alias) in keys {
        match describe(deployed, &alias) {
            Ok(key) => things.push(ExpectedResource::new(
                module,
                "aws_kms_key.encryption",
                "key_id",
                key.key_id(),
            )),
            Err(error) => problems.push(format!("{alias}: {error:#}")),
        }
        things.push(ExpectedResource::new(
            module,
            "aws_kms_alias.encryption",
            "name",
            &alias,
        ));
    }
    things.push(ExpectedResource::new(
        "module.dynamodb",
        "aws_dynamodb_table.ca",
        "name",
        names.table(),
    ));
    let bucket = |module, name: &str| ExpectedResource::new(module, "aws_s3_bucket.bucket", "bucket", name);
    things.push(bucket("module.internal_s3", &settings.internal_bucket));
    let external = bucket("module.external_s3[0]", &settings.external_bucket);
    // A bucket that another deployment owns is in that one's state.
    if state.has_type_in(&external) {
        things.push(external);
    }
    if let Some(topic) = &settings.topic_arn {
        things.push(ExpectedResource::new(
            "module.sns_ca_notifications",
            "aws_sns_topic.sns_topic",
            "arn",
            topic,
        ));
    }
    problems.extend(things.iter().filter_map(|expected| state.fault_of(expected)));
}

impl State {
    fn read(file: &Path) -> Result<Self> {
        let text = bounded::read(file, bounded::STATE)?;
        Self::parse(&text).with_context(|| {
            format!(
                "{} is no Terraform state; `terraform state pull` writes one",
                file.display()
            )
        })
    }
}
