//! `chancery crl`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::arguments::{Arguments, CrlCommand};
use crate::backend::{self, text};
use crate::show;

/// Publishes CRLs, or shows their state.
pub(crate) fn run(arguments: &Arguments, command: &CrlCommand) -> Result<ExitCode> {
    let backend = match command {
        CrlCommand::Publish { .. } => backend::open(arguments)?,
        CrlCommand::Status => backend::open_to_read(arguments)?,
    };
    let answer = match command {
        CrlCommand::Publish { authority } => {
            let _progress = show::Progress::start("Making and publishing CRLs");
            backend.publish_crls(authority.as_deref())?
        }
        CrlCommand::Status => backend.crl_status()?,
    };
    let crls = answer["crls"].as_array().cloned().unwrap_or_default();
    // The table shows problems, and the exit code reports them to scripts.
    let bad = crls.iter().any(|crl| !text(crl, "/problem").is_empty());
    if arguments.json {
        show::json(&answer)?;
    } else {
        println!(
            "{}",
            show::table(
                &["CRL", "Number", "Entries", "Made", "Next", "Problem"],
                crls.iter().map(row)
            )
        );
    }
    if !arguments.json {
        for (name, transition) in transitions(&crls) {
            println!("Note: {}: {}.", show::visible(name), show::visible(transition));
        }
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Changes of the configuration that issued certificates outlast: CRL file and description.
pub(crate) fn transitions(crls: &[Value]) -> impl Iterator<Item = (&str, &str)> {
    crls.iter().flat_map(|crl| {
        let transitions = crl["transitions"].as_array().into_iter().flatten();
        transitions.filter_map(move |transition| Some((text(crl, "/name"), transition.as_str()?)))
    })
}

fn row(crl: &Value) -> Vec<String> {
    let number = |field: &str| {
        crl[field]
            .as_u64()
            .map_or_else(|| "-".to_owned(), |number| number.to_string())
    };
    vec![
        text(crl, "/name").to_owned(),
        number("number"),
        number("entries"),
        show::short_time(text(crl, "/this_update")),
        show::short_time(text(crl, "/next_update")),
        text(crl, "/problem").to_owned(),
    ]
}
