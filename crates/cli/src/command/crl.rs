//! `chancery crl`.

use std::process::ExitCode;

use anyhow::Result;
use chancery_api::crls::CrlEntry;

use crate::arguments::{Arguments, CrlCommand};
use crate::backend::{self, PublishOutcome};
use crate::show;

/// Publishes CRLs, or shows their state.
pub(crate) fn run(arguments: &Arguments, command: &CrlCommand) -> Result<ExitCode> {
    let backend = match command {
        CrlCommand::Publish { .. } => backend::open(arguments)?,
        CrlCommand::Status => backend::open_to_read(arguments)?,
    };
    let outcome = match command {
        CrlCommand::Publish { issuer } => {
            let _progress = show::Progress::start("Making and publishing CRLs");
            backend.publish_crls(issuer.as_deref())?
        }
        CrlCommand::Status => PublishOutcome::Crls(backend.crl_status()?),
    };
    let crls = outcome.crls();
    // The table shows problems, and the exit code reports them to scripts.
    let bad = crls.iter().any(|crl| crl.problem.is_some());
    if arguments.json {
        show::json(&serde_json::to_value(&outcome)?)?;
    } else {
        println!(
            "{}",
            show::table(
                &[
                    "CRL",
                    "Number",
                    "Entries",
                    "This update (UTC)",
                    "Next update (UTC)",
                    "Problem"
                ],
                crls.iter().map(row)
            )
        );
    }
    if !arguments.json {
        for (name, transition) in transitions(crls) {
            println!("Note: {}: {}.", show::visible(name), show::visible(transition));
        }
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Changes of the configuration that issued certificates outlast: CRL file and description.
pub(crate) fn transitions(crls: &[CrlEntry]) -> impl Iterator<Item = (&str, &str)> {
    crls.iter().flat_map(|crl| {
        let transitions = crl.transitions.iter();
        transitions.map(|transition| (crl.name.as_str(), transition.as_str()))
    })
}

fn row(crl: &CrlEntry) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let time = |time: &Option<String>| show::column_time(time.as_deref().unwrap_or_default());
    vec![
        crl.name.clone(),
        number(crl.number),
        number(crl.entries),
        time(&crl.this_update),
        time(&crl.next_update),
        crl.problem.clone().unwrap_or_default(),
    ]
}
