//! `chancery revoke`.

use std::process::ExitCode;

use anyhow::Result;
use chancery_api::revoke::{AffectedCertificate, RevokeAnswer, RevokeRequest};

use super::input;
use crate::arguments::{Arguments, RevokeArguments};
use crate::backend;
use crate::show::{self, visible};

/// Revokes a certificate.
pub(crate) fn run(arguments: &Arguments, revoke: &RevokeArguments) -> Result<ExitCode> {
    let request = RevokeRequest {
        reason: Some(revoke.reason.clone()),
        invalidity_date: revoke.invalidity_date.clone(),
        only: revoke.only,
    };
    let serial = input::serial(&revoke.serial)?;
    let revocation = backend::open(arguments)?.revoke(&serial, &request)?;
    if arguments.json {
        show::json(&serde_json::to_value(&revocation)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let answer = &revocation.answer;
    let certificate = &answer.certificate;
    let word = if answer.already_revoked {
        "was revoked already"
    } else {
        "is revoked"
    };
    let (reason, revoked_at) = certificate.revocation.as_ref().map_or(("", ""), |revocation| {
        (revocation.reason.as_str(), revocation.revoked_at.as_str())
    });
    println!(
        "Certificate {} ({}) {word}: {} at {}.",
        visible(&certificate.serial_number),
        visible(&certificate.common_name),
        visible(reason),
        visible(revoked_at),
    );
    print_others(answer);
    match &answer.crl_problem {
        None => println!("The CRL that lists it is published."),
        Some(problem) => {
            println!(
                "The CRL that lists it is not published yet: {}. `chancery crl publish` tries again.",
                visible(problem)
            );
        }
    }
    if let Some(problem) = &revocation.notice_problem {
        println!("Note: {}.", visible(problem));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the family: certificates revoked with it, and those left valid.
fn print_others(answer: &RevokeAnswer) {
    let line = |other: &AffectedCertificate| println!("  {}", described(other));
    let revoked = &answer.also_revoked;
    if !revoked.is_empty() {
        println!("Revoked with it, for the same key: {}.", revoked.len());
        revoked.iter().for_each(line);
    }
    let unreadable = &answer.unreadable;
    if !unreadable.is_empty() {
        println!(
            "Of what shares its fate, these rows cannot be read: {}.",
            unreadable.len()
        );
        for row in unreadable {
            let outcome = if row.is_done {
                "revoked or given up all the same; mend it"
            } else {
                "nothing was done about it; mend it, and revoke again"
            };
            println!("  {}: {outcome}", visible(&row.what));
        }
    }
    let valid = &answer.still_valid;
    let more = answer.still_valid_is_incomplete;
    if !valid.is_empty() {
        let or_more = if more { " or more" } else { "" };
        println!("Still valid, and left alone: {}{or_more}.", valid.len());
        valid.iter().for_each(line);
        println!("If the key is compromised, revoke with --reason keyCompromise: that revokes all of these.");
    } else if more {
        println!("Whether anything else is valid for its key is not known: `chancery list` tells.");
    }
}

fn described(other: &AffectedCertificate) -> String {
    let why = if other.same_key {
        "the same key"
    } else {
        "descends from the key by renewal"
    };
    format!(
        "{} ({}), until {}: {why}",
        visible(&other.serial_number),
        visible(&other.common_name),
        visible(&other.not_after),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_is_revoked_with_it_are_visible() {
        let other = AffectedCertificate {
            serial_number: "01".to_owned(),
            issuer: "issuing-ca".to_owned(),
            common_name: "db\u{1b}[2J\u{202e}".to_owned(),
            not_after: "2027-01-01T00:00:00Z".to_owned(),
            same_key: true,
        };
        let line = described(&other);
        assert!(line.contains("db") && line.contains("the same key"), "{line}");
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
    }
}
