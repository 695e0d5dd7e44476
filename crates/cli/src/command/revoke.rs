//! `chancery revoke`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use super::input;
use crate::arguments::{Arguments, RevokeArguments};
use crate::backend::{self, text};
use crate::show::{self, visible};

/// Revokes a certificate.
pub(crate) fn run(arguments: &Arguments, revoke: &RevokeArguments) -> Result<ExitCode> {
    let invalidity_date = revoke.invalidity_date.as_deref();
    let serial = input::serial(&revoke.serial)?;
    let answer = backend::open(arguments)?.revoke(&serial, &revoke.reason, invalidity_date, revoke.only)?;
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
    tell_of_others(&answer);
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

/// Prints the family: certificates revoked with it, and those left valid.
fn tell_of_others(answer: &Value) {
    let list = |field: &str| answer[field].as_array().cloned().unwrap_or_default();
    let line = |other: &Value| println!("  {}", described(other));
    let revoked = list("also_revoked");
    if !revoked.is_empty() {
        println!("Revoked with it, since the key is compromised: {}.", revoked.len());
        revoked.iter().for_each(line);
    }
    let unreadable = list("unreadable");
    if !unreadable.is_empty() {
        println!(
            "Of what shares its fate, these rows cannot be read: {}.",
            unreadable.len()
        );
        for row in &unreadable {
            let outcome = if row["is_done"] == true {
                "revoked or given up all the same; mend it"
            } else {
                "nothing was done about it; mend it, and revoke again"
            };
            println!("  {}: {outcome}", visible(text(row, "/what")));
        }
    }
    let valid = list("still_valid");
    let more = answer["still_valid_is_incomplete"] == true;
    if !valid.is_empty() {
        let or_more = if more { " or more" } else { "" };
        println!("Still valid, and left alone: {}{or_more}.", valid.len());
        valid.iter().for_each(line);
        println!("If the key is compromised, revoke with --reason keyCompromise: that revokes all of these.");
    } else if more {
        println!("Whether anything else is valid for its key is not known: `chancery list` tells.");
    }
}

fn described(other: &Value) -> String {
    let why = if other["same_key"] == true {
        "the same key"
    } else {
        "descends from the key by renewal"
    };
    format!(
        "{} ({}), until {}: {why}",
        visible(text(other, "/serial_number")),
        visible(text(other, "/common_name")),
        visible(text(other, "/not_after")),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_what_is_revoked_with_it_are_visible() {
        let other = json!({
            "serial_number": "01", "common_name": "db\u{1b}[2J\u{202e}", "not_after": "2027-01-01T00:00:00Z", "same_key": true,
        });
        let told = described(&other);
        assert!(told.contains("db") && told.contains("the same key"), "{told}");
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    }
}
