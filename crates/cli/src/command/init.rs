//! `chancery init`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;

use crate::arguments::{Arguments, InitArguments};
use crate::local_authority::{LocalAuthority, Threads};
use crate::show;

/// Creates the authority, or completes one whose creation was interrupted.
pub(crate) fn run(arguments: &Arguments, init: &InitArguments) -> Result<ExitCode> {
    if arguments.url.is_some() {
        bail!("`chancery init` works on a data folder: leave --url out");
    }
    let (_lock, local) = LocalAuthority::create(arguments, init, Threads::One, || Ok(()))?;
    let cas = local.authority.cas();
    for warning in local.folder_warnings() {
        eprintln!("warning: {}", show::visible(&warning));
    }
    if arguments.json {
        let cas: Vec<_> = cas
            .iter()
            .map(|ca| json!({ "name": ca.name().as_str(), "subject": ca.certificate().subject().to_rfc4514(), "not_after": ca.certificate().not_after().to_string() }))
            .collect();
        show::json(&json!({ "dir": local.folder.path(), "authorities": cas }))?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("The authority is in {}.", local.folder.path().display());
    let rows = cas.iter().map(|ca| {
        let certificate = ca.certificate();
        vec![
            ca.name().to_string(),
            certificate.subject().to_rfc4514(),
            ca.issuer.public_key().algorithm().name().to_owned(),
            show::column_time(&certificate.not_after().to_string()),
        ]
    });
    println!("{}", show::table(&["CA", "Subject", "Key", "Expires (UTC)"], rows));
    let dir = arguments.dir.as_ref().map_or_else(String::new, |dir| {
        format!(" --dir {}", show::visible(&dir.display().to_string()))
    });
    println!(
        "\nNext: `chancery{dir} request NAME --out FOLDER` for a certificate, `chancery{dir} start` to serve the API and the \
         CRLs."
    );
    Ok(ExitCode::SUCCESS)
}
