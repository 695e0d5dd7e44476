//! `chancery token`.

use std::process::ExitCode;

use anyhow::Result;
use chancery_authority::{TokenScope, TokenScopes};
use chancery_local::tokens::{NewToken, TokenRecord};
use serde_json::{Value, json};

use crate::arguments::{Arguments, TokenCommand};
use crate::{backend, show};

/// Creates, lists and revokes API tokens.
pub(crate) fn run(arguments: &Arguments, command: &TokenCommand) -> Result<ExitCode> {
    let local = backend::local(arguments, "token")?;
    let ports = local.authority.ports();
    let now = ports.clock.now();
    match command {
        TokenCommand::Create { scopes, name, days } => {
            let new = NewToken {
                name: name.clone(),
                scopes: scopes.iter().copied().collect::<TokenScopes>(),
                expires_at: Some(now.plus_days(i64::from(*days))),
            };
            let (record, secret) = local
                .runtime
                .block_on(local.tokens.create(new, ports.entropy.as_ref(), now))?;
            if arguments.json {
                let mut shown = as_json(&record);
                shown["token"] = json!(secret.expose());
                show::json(&shown)?;
            } else {
                println!("{}", secret.expose());
                eprintln!(
                    "This token is shown only now. It allows {} until {}.",
                    names(&record),
                    expiry(&record)
                );
            }
        }
        TokenCommand::List => {
            let records = local.runtime.block_on(local.tokens.list())?;
            if arguments.json {
                show::json(&json!({ "tokens": records.iter().map(as_json).collect::<Vec<_>>() }))?;
            } else {
                let row = |record: &TokenRecord| {
                    let last = record
                        .last_used_at
                        .map(|time| show::column_time(&time.to_string()))
                        .unwrap_or_default();
                    let status = if record.is_valid(now) { "valid" } else { "ended" };
                    vec![
                        record.id.clone(),
                        record.name.clone(),
                        names(record),
                        status.to_owned(),
                        show::column_time(&expiry(record)),
                        last,
                    ]
                };
                println!(
                    "{}",
                    show::table(
                        &["Id", "Name", "Scopes", "Status", "Expires (UTC)", "Last used (UTC)"],
                        records.iter().map(row)
                    )
                );
            }
        }
        TokenCommand::Revoke { id } => {
            let record = local.runtime.block_on(local.tokens.revoke(id, now))?;
            if arguments.json {
                show::json(&as_json(&record))?;
            } else {
                println!("Token {} has ended.", record.id);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn names(record: &TokenRecord) -> String {
    let names: Vec<&str> = record.scopes.iter().map(TokenScope::name).collect();
    names.join(", ")
}

fn expiry(record: &TokenRecord) -> String {
    record
        .expires_at
        .map_or_else(|| "never".to_owned(), |time| time.to_string())
}

fn as_json(record: &TokenRecord) -> Value {
    json!({
        "id": record.id,
        "name": record.name,
        "scopes": record.scopes.iter().map(TokenScope::name).collect::<Vec<_>>(),
        "created_at": record.created_at.to_string(),
        "expires_at": record.expires_at.map(|time| time.to_string()),
        "last_used_at": record.last_used_at.map(|time| time.to_string()),
        "revoked_at": record.revoked_at.map(|time| time.to_string()),
    })
}
