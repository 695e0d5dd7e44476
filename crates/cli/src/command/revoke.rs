//! `chancery revoke`.

use std::process::ExitCode;

use anyhow::Result;

use crate::arguments::{Arguments, RevokeArguments};
use crate::desk::{self, text};
use crate::show::{self, visible};

/// Revokes a certificate.
pub(crate) fn run(arguments: &Arguments, revoke: &RevokeArguments) -> Result<ExitCode> {
    let answer = desk::open(arguments)?.revoke(&revoke.serial, &revoke.reason, revoke.invalidity_date.as_deref())?;
    if arguments.json {
        show::json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let certificate = &answer["certificate"];
    let word = if answer["already_revoked"] == true {
        "was revoked already"
    } else {
        "is revoked"
    };
    println!(
        "Certificate {} ({}) {word}: {} at {}.",
        visible(text(certificate, "/serial_number")),
        visible(text(certificate, "/common_name")),
        visible(text(certificate, "/revocation/reason")),
        visible(text(certificate, "/revocation/revoked_at")),
    );
    match text(&answer, "/crl_problem") {
        "" => println!("The CRL that lists it is published."),
        problem => {
            println!(
                "The CRL that lists it is not published yet: {}. `chancery crl publish` tries again.",
                visible(problem)
            );
        }
    }
    match text(&answer, "/notice_problem") {
        "" => {}
        problem => println!("Note: {}.", visible(problem)),
    }
    Ok(ExitCode::SUCCESS)
}
