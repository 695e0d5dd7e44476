//! `chancery show`.

use std::process::ExitCode;

use anyhow::Result;

use crate::arguments::Arguments;
use crate::{backend, show, visible};

/// Shows one certificate.
pub(crate) fn run(arguments: &Arguments, serial: &str) -> Result<ExitCode> {
    let certificate = backend::open_to_read(arguments)?.certificate(serial)?;
    if arguments.json {
        show::json(&serde_json::to_value(&certificate)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (revoked, reason, invalid_since, revoked_by) =
        certificate.revocation.map_or_else(Default::default, |revocation| {
            (
                revocation.revoked_at,
                revocation.reason,
                revocation.invalidity_date.unwrap_or_default(),
                revocation.requested_by,
            )
        });
    show::facts([
        ("Common name", certificate.common_name),
        ("Subject", certificate.subject),
        ("Serial number", certificate.serial_number),
        ("Issuer", certificate.issuer),
        ("Profile", certificate.profile),
        ("Status", certificate.status.name().to_owned()),
        ("Valid from", certificate.not_before),
        ("Valid to", certificate.not_after),
        (
            "Expiry is told",
            if certificate.notify_expiry { "yes" } else { "no" }.to_owned(),
        ),
        ("Issued", certificate.issued_at),
        ("Requested by", certificate.requested_by),
        ("Revoked", revoked),
        ("Reason", reason),
        ("Invalidity date", invalid_since),
        ("Revoked by", revoked_by),
        ("Key SHA-256", certificate.key_sha256),
    ]);
    println!("\n{}", visible::lines(certificate.certificate.trim_end()));
    Ok(ExitCode::SUCCESS)
}
