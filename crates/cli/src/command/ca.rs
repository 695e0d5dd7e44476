//! `chancery ca`: CAs that come into use and go out of it.

#[cfg(feature = "aws")]
mod aws;
mod certificates;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use chancery_authority::authority::Ca;
use chancery_authority::config::{CaConfig, Config, ConfigFile};
use chancery_authority::port::ledger::{IssuerState, Search};
use chancery_authority::{Authority, CaName};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::arguments::{Arguments, CaAddArguments, CaCommand};
use crate::local_authority::LocalAuthority;
use crate::{backend, interrupt, show};

/// An open authority, in a data folder or on AWS.
trait OpenAuthority {
    fn authority(&self) -> &Authority;
    fn runtime(&self) -> &Runtime;
}

impl OpenAuthority for LocalAuthority {
    fn authority(&self) -> &Authority {
        &self.authority
    }

    fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// Lists, adds, activates or retires CAs.
pub(crate) fn run(arguments: &Arguments, command: &CaCommand) -> Result<ExitCode> {
    if arguments.aws.aws {
        return on_aws(arguments, command);
    }
    match command {
        CaCommand::List => list(arguments),
        CaCommand::Add(add) => self::add(arguments, add),
        CaCommand::Activate { name, not_default } => activate(arguments, name, !not_default),
        CaCommand::Retire { name } => retire(arguments, name),
        CaCommand::Renew { name } => certificates::renew(arguments, name),
        CaCommand::CrossSign(cross) => certificates::cross_sign(arguments, cross),
    }
}

#[cfg(feature = "aws")]
fn on_aws(arguments: &Arguments, command: &CaCommand) -> Result<ExitCode> {
    aws::run(arguments, command)
}

#[cfg(not(feature = "aws"))]
fn on_aws(_arguments: &Arguments, _command: &CaCommand) -> Result<ExitCode> {
    Err(backend::without_aws())
}

fn list(arguments: &Arguments) -> Result<ExitCode> {
    let local = backend::local_to_read(arguments, "ca")?;
    show_list(arguments, &local)
}

fn show_list(arguments: &Arguments, opened: &impl OpenAuthority) -> Result<ExitCode> {
    let default = opened.authority().issuing_ca();
    let is_default = |ca: &Ca| default.as_ref().is_some_and(|default| default.name() == ca.name());
    let cas = opened.authority().cas();
    if arguments.json {
        let cas: Result<Vec<Value>> = cas.iter().map(|ca| described(opened, ca, is_default(ca))).collect();
        show::json(&json!({ "cas": cas? }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::new();
    for ca in cas.iter() {
        rows.push(vec![
            ca.name().to_string(),
            state(opened, ca)?.to_owned(),
            if is_default(ca) { "yes" } else { "" }.to_owned(),
            ca.record.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
            ca.issuer.public_key().algorithm().name().to_owned(),
            show::column_time(&ca.certificate().not_after().to_string()),
        ]);
    }
    let columns = ["CA", "State", "Default", "Parent", "Key", "Expires (UTC)"];
    println!("{}", show::table(&columns, rows));
    Ok(ExitCode::SUCCESS)
}

/// Its state, or `revoked` where its certificate is.
fn state(opened: &impl OpenAuthority, ca: &Ca) -> Result<&'static str> {
    let revoked = opened
        .runtime()
        .block_on(opened.authority().revoked_in_chain(ca.name()))?;
    Ok(if revoked.is_some_and(|revoked| revoked == *ca.name()) {
        "revoked"
    } else {
        ca.record.status.state.name()
    })
}

fn described(opened: &impl OpenAuthority, ca: &Ca, is_default: bool) -> Result<Value> {
    let changed = ca.record.status.changed.as_ref();
    Ok(json!({
        "name": ca.name().as_str(),
        "id": ca.id().to_string(),
        "state": state(opened, ca)?,
        "default": is_default,
        "changed_at": changed.map(|(at, _)| at.to_string()),
        "changed_by": changed.map(|(_, principal)| principal),
        "parent": ca.record.parent.as_ref().map(CaName::as_str),
        "key": ca.record.key.0,
        "algorithm": ca.issuer.public_key().algorithm().name(),
        "subject": ca.certificate().subject().to_rfc4514(),
        "not_before": ca.certificate().not_before().to_string(),
        "not_after": ca.certificate().not_after().to_string(),
        "certificates": certificates::of_key(opened, ca)?,
    }))
}

fn add(arguments: &Arguments, add: &CaAddArguments) -> Result<ExitCode> {
    let principal = backend::user();
    // Held from before the configuration is read: two that add CAs must not lose one of them.
    let _changing = backend::local(arguments, "ca")?.folder.lock_config()?;
    let local = backend::local(arguments, "ca")?;
    let config = local.authority.config();
    let ca_name = config.ca_name(&add.name)?;
    if let Some(ca) = local.authority.ca(&ca_name) {
        bail!(
            "there is a CA {} already, and it is {}",
            ca.name(),
            ca.record.status.state
        );
    }
    let default = local.authority.issuing_ca().context("there is no CA that issues yet")?;
    if default.record.status.state != IssuerState::Active {
        bail!(
            "{} issues by default and is {}: activate a CA first",
            default.name(),
            default.record.status.state
        );
    }
    let former = local.folder.config()?.unwrap_or_default();
    // Where the CA is configured already, an earlier run was interrupted.
    let parent = match config.ca(&ca_name) {
        Some(configured) => configured.short_name().to_owned(),
        None => parent_of(&local, add, &default)?,
    };
    let text = match config.ca(&ca_name) {
        Some(_) => None,
        None => Some(with_ca(&former, add, &parent, config, &default)?),
    };
    if text.is_some() {
        may_make_cas(&local, &parent)?;
    }
    interrupt::finish_what_is_begun();
    local.runtime.block_on(async {
        // The configuration names the last CA where it names none: that must not be the new one.
        if toml::from_str::<ConfigFile>(&former)?.issuing_ca.is_none() {
            local.authority.keep_default_issuer(&principal).await?;
        }
        anyhow::Ok(local.authority.announce_issuer(&ca_name, &principal).await?)
    })?;
    if let Some(text) = &text {
        local.folder.write_config(text)?;
    }
    let made = make(arguments, &ca_name);
    if made.is_err() && text.is_some() {
        local.runtime.block_on(local.authority.reload())?;
        // A server would not start with a CA that cannot be made.
        if local.authority.ca(&ca_name).is_none() {
            local.folder.write_config(&former)?;
        }
    }
    let (local, ca) = made?;
    if arguments.json {
        show::json(&described(&local, &ca, false)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} is made and published, and {}: it issues nothing yet. It is {}, and ends on {}.",
        ca.name(),
        ca.record.status.state,
        ca.certificate().subject().to_rfc4514(),
        show::short_time(&ca.certificate().not_after().to_string())
    );
    if local.folder.served_since()?.is_some() {
        println!("Start the server again, so that it has the new key.");
    }
    println!("Next: `chancery ca activate {}`.", add.name);
    Ok(ExitCode::SUCCESS)
}

/// Makes and publishes a CA that the configuration has.
fn make(arguments: &Arguments, ca_name: &CaName) -> Result<(LocalAuthority, Arc<Ca>)> {
    let local = backend::local(arguments, "ca")?;
    let progress = show::Progress::start("Making the CA");
    local.runtime.block_on(async {
        let say = |line: &str| progress.say(line);
        local.authority.create_ca(ca_name, &say).await?;
        for (name, outcome) in local.authority.publish_certificates().await {
            outcome.with_context(|| format!("{name} could not be published"))?;
        }
        for (scope, outcome) in local.authority.publish_due_crls().await {
            outcome.with_context(|| format!("{} could not be published", Config::crl_name(&scope)))?;
        }
        anyhow::Ok(())
    })?;
    let ca = local
        .authority
        .ca(ca_name)
        .context("the CA was made and is not there")?;
    drop(progress);
    Ok((local, ca))
}

/// The CA above the new one, by its short name.
fn parent_of(local: &LocalAuthority, add: &CaAddArguments, default: &Ca) -> Result<String> {
    if let Some(parent) = &add.parent {
        return Ok(parent.clone());
    }
    let config = local.authority.config();
    let above = default.record.parent.as_ref().and_then(|parent| config.ca(parent));
    let above = above.context("say with --parent which CA is above it")?;
    Ok(above.short_name().to_owned())
}

/// Refuses a parent that cannot sign the certificate of another CA, before anything is changed.
fn may_make_cas(local: &LocalAuthority, parent: &str) -> Result<()> {
    let parent = named(local, parent)?;
    let state = parent.record.status.state;
    if state != IssuerState::Active {
        bail!("{} is {state}: it makes no CA", parent.name());
    }
    let revoked = local.runtime.block_on(async {
        local.authority.believe(&parent).await?;
        anyhow::Ok(local.authority.revoked_in_chain(parent.name()).await?)
    })?;
    if let Some(revoked) = revoked {
        bail!("{revoked} is revoked: nothing is issued under it");
    }
    if parent
        .issuer
        .certificate()
        .basic_constraints()
        .is_some_and(|is| is.path_len == Some(0))
    {
        bail!(
            "no CA may be below {}: its certificate has a path length of 0. Name the CA above it with --parent",
            parent.name()
        );
    }
    local.make_key_ready(&parent)
}

/// The configuration with another CA at its end, which is checked as a whole. Below the CA that issues by default it is like
/// that one: what limits it, its subject's other attributes, its CRLs.
fn with_ca(former: &str, add: &CaAddArguments, parent: &str, config: &Config, default: &Ca) -> Result<String> {
    let mut text = former.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let tables: toml::Table = toml::from_str(&text)?;
    let written = tables.get("ca").and_then(toml::Value::as_array);
    if written.is_none_or(Vec::is_empty) {
        // The CAs that there are where none is written: with the first table they have to be.
        for ca in config.cas() {
            write_table(&mut text, implied(config, ca))?;
        }
    }
    let is_default = |table: &&toml::Table| {
        let name = table.get("name").and_then(toml::Value::as_str);
        config
            .ca(default.name())
            .is_some_and(|ca| name == Some(ca.short_name()))
    };
    let like = written
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_table)
        .find(is_default);
    let mut table = like
        .filter(|table| table.get("parent").and_then(toml::Value::as_str) == Some(parent))
        .cloned();
    let table = table.get_or_insert_default();
    // Its own: the key, and by the common name the subject.
    table.remove("key");
    table.insert("name".into(), add.name.clone().into());
    table.insert("parent".into(), parent.into());
    if let Some(algorithm) = &add.algorithm {
        table.insert("algorithm".into(), algorithm.clone().into());
    }
    if let Some(days) = add.days {
        table.insert("lifetime_days".into(), i64::from(days).into());
    }
    let subject = table
        .entry("subject")
        .or_insert_with(|| toml::Table::new().into())
        .as_table_mut()
        .context("ca.subject is no table")?;
    subject.remove("common_name");
    if let Some(common_name) = &add.common_name {
        subject.insert("common_name".into(), common_name.clone().into());
    }
    if subject.is_empty() {
        table.remove("subject");
    }
    write_table(&mut text, table.clone())?;
    Config::from_toml(&text).context("such a CA cannot be added to the configuration")?;
    Ok(text)
}

/// The table of a CA that no table describes.
fn implied(config: &Config, ca: &CaConfig) -> toml::Table {
    let mut table = toml::Table::new();
    table.insert("name".into(), ca.short_name().into());
    if let Some(parent) = ca.parent().and_then(|parent| config.ca(parent)) {
        table.insert("parent".into(), parent.short_name().into());
    }
    table.insert("algorithm".into(), ca.algorithm().name().into());
    table.insert("lifetime_days".into(), i64::from(ca.lifetime_days()).into());
    let path_len = ca
        .path_len()
        .map_or_else(|| "none".into(), |limit| i64::from(limit).into());
    table.insert("path_len".into(), path_len);
    table
}

fn write_table(text: &mut String, table: toml::Table) -> Result<()> {
    let array = toml::Value::Array(vec![table.into()]);
    let of_ca = toml::Table::from_iter([("ca".to_owned(), array)]);
    write!(text, "\n{}", toml::to_string(&of_ca)?)?;
    Ok(())
}

fn activate(arguments: &Arguments, name: &str, by_default: bool) -> Result<ExitCode> {
    let local = backend::local(arguments, "ca")?;
    let ca = named(&local, name)?;
    local.make_key_ready(&ca)?;
    refuse_newer_than_server(&local, &ca)?;
    interrupt::finish_what_is_begun();
    let principal = backend::user();
    local
        .runtime
        .block_on(local.authority.activate_issuer(ca.name(), by_default, &principal))?;
    activated(arguments, &local, &ca, by_default)
}

fn activated(arguments: &Arguments, opened: &impl OpenAuthority, ca: &Ca, by_default: bool) -> Result<ExitCode> {
    changed(arguments, opened, ca.name(), || {
        let which = if by_default {
            " where a profile names no other CA"
        } else {
            " where a profile names it"
        };
        format!("{} is active: it issues{which}.", ca.name())
    })
}

/// A running server opened the keys that there were when it started.
fn refuse_newer_than_server(local: &LocalAuthority, ca: &Ca) -> Result<()> {
    let Some(since) = local.folder.served_since()? else {
        return Ok(());
    };
    // The first certificate for its key: the present one may have been renewed since.
    let query = Search {
        key: Some(ca.issuer.public_key().fingerprint()),
        oldest_first: true,
        ..Search::default()
    };
    let first = local.runtime.block_on(local.authority.search(&query, None, 1))?;
    let made = first.certificates.first().map_or(0, |record| record.issued_at.0);
    let since = since.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    if i64::try_from(since.as_secs()).unwrap_or(i64::MAX) <= made {
        bail!(
            "the server that runs on this folder was started before {} was made, and has not its key: start it again first",
            ca.name()
        );
    }
    Ok(())
}

fn retire(arguments: &Arguments, name: &str) -> Result<ExitCode> {
    let local = backend::local(arguments, "ca")?;
    let ca = named(&local, name)?;
    interrupt::finish_what_is_begun();
    let principal = backend::user();
    local
        .runtime
        .block_on(local.authority.retire_issuer(ca.name(), &principal))?;
    for profile in local.authority.profiles().names() {
        let issuer = local.authority.issuer_of(Some(profile));
        if issuer.is_some_and(|issuer| issuer.name() == ca.name()) {
            eprintln!(
                "warning: profile {profile} names {}: nothing is issued by it until it names another CA",
                ca.name()
            );
        }
    }
    retired(arguments, &local, &ca)
}

fn retired(arguments: &Arguments, opened: &impl OpenAuthority, ca: &Ca) -> Result<ExitCode> {
    changed(arguments, opened, ca.name(), || {
        format!(
            "{} is retiring: it issues nothing more. Its CRLs go on until its last certificate has ended.",
            ca.name()
        )
    })
}

fn changed(
    arguments: &Arguments,
    opened: &impl OpenAuthority,
    ca_name: &CaName,
    say: impl FnOnce() -> String,
) -> Result<ExitCode> {
    if arguments.json {
        let ca = opened.authority().ca(ca_name).context("the CA is gone")?;
        let default = opened.authority().issuing_ca();
        let is_default = default.is_some_and(|default| default.name() == ca_name);
        show::json(&described(opened, &ca, is_default)?)?;
    } else {
        println!("{}", say());
    }
    Ok(ExitCode::SUCCESS)
}

/// The CA of a short or whole name.
fn named(opened: &impl OpenAuthority, name: &str) -> Result<Arc<Ca>> {
    let authority = opened.authority();
    let short = authority.config().ca_name(name).ok();
    let by_short_name = short.and_then(|ca_name| authority.ca(&ca_name));
    let ca = by_short_name.or_else(|| authority.ca(&CaName::new(name).ok()?));
    ca.with_context(|| {
        let known: Vec<String> = authority.cas().iter().map(|ca| ca.name().to_string()).collect();
        format!("there is no CA {name}: there are {}", known.join(", "))
    })
}
