//! `chancery backup`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_authority::port::{Clock as _, LedgerError};
use chancery_local::backup::{self, Backup, Signer};
use chancery_local::folder::DataFolder;
use chancery_local::world::SystemClock;
use serde_json::json;

use crate::arguments::Arguments;
use crate::local_authority::{self, LocalAuthority};
use crate::{backend, show};

/// Copies the authority while it runs.
pub(crate) fn run(arguments: &Arguments, target: &Path, unsigned: bool) -> Result<ExitCode> {
    backend::refuse_elsewhere(arguments, "backup")?;
    let (folder, signer) = if unsigned {
        (DataFolder::open(local_authority::path(arguments)?)?, None)
    } else {
        let local = LocalAuthority::open(arguments)?.print_warnings();
        // Before anything is copied: a wrong passphrase then leaves nothing behind.
        let signer = signer(&local).context("the backup cannot be signed; --unsigned takes one without a signature")?;
        (local.folder.clone(), Some(signer))
    };
    let progress = show::Progress::start("Copying");
    let taken = backup::back_up(&folder, target, signer.as_ref(), SystemClock.now(), &|step| {
        progress.say(&format!("Copying {} ({}/{})", step.file, step.done, step.total));
    })?;
    drop(progress);
    let signed_by = signer.as_ref().and_then(|signer| signer.chain.first());
    let signed_by = signed_by.map(|ca| ca.subject().to_rfc4514());
    if arguments.json {
        show::json(&json!({
            "path": taken.path, "files": taken.files, "octets": taken.octets, "holds_passphrase": taken.holds_passphrase,
            "signed_by": signed_by, "damage": taken.damage, "differing_counts": taken.differing_counts,
        }))?;
        return Ok(outcome(&taken));
    }
    println!(
        "{}, {}, in {}.",
        show::counted(taken.files, "file", "files"),
        show::counted(taken.octets, "octet", "octets"),
        taken.path.display()
    );
    match signed_by {
        Some(ca) => println!(
            "Signed by {}: keep the root certificate elsewhere, to restore it with.",
            show::visible(&ca)
        ),
        None => println!("Nobody signed it: whoever can write this copy can change it unnoticed."),
    }
    if taken.holds_passphrase {
        println!(
            "The generated passphrase is among them: whoever can read this copy can use the CA keys, and sign another."
        );
    }
    if let Some(counts) = &taken.differing_counts {
        println!("In the ledger, {counts}. A restore counts anew.");
    }
    if !taken.damage.is_empty() {
        let damage = show::visible(&taken.damage.join("; "));
        println!(
            "The ledger is damaged ({damage}), and so is this copy: no restore takes it. Keep the backups of before."
        );
    }
    Ok(outcome(&taken))
}

/// A timer that takes backups must fail on one that cannot be restored.
fn outcome(taken: &Backup) -> ExitCode {
    if taken.damage.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The signer, with its key opened: the issuing CA, or, where that is revoked, the nearest CA above it that is not. A
/// restore accepts no revoked one.
fn signer(local: &LocalAuthority) -> Result<Signer> {
    let issuing = local.authority.issuing_ca().context("there is no CA that issues yet")?;
    let (mut unrevoked, mut damage) = (None, None);
    for ca in local.authority.chain(issuing.name()) {
        match local.runtime.block_on(local.authority.revoked_in_chain(ca.name())) {
            Ok(None) => {
                unrevoked = Some(ca);
                break;
            }
            Ok(Some(_)) => {}
            // A CA whose revocation cannot be read is not used either.
            Err(error @ LedgerError::Damaged { .. }) => damage = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    let Some(ca) = unrevoked else {
        match damage {
            Some(damage) => return Err(damage).context("no CA of the chain is known to be unrevoked"),
            None => bail!("every CA of the chain is revoked"),
        }
    };
    local.make_key_ready(&ca)?;
    let chain = local.authority.chain(ca.name());
    Ok(Signer {
        chain: chain.iter().map(|ca| ca.certificate().clone()).collect(),
        ca_name: ca.name().clone(),
        key: ca.record.key.clone(),
        ports: local.authority.ports().clone(),
        ledger: local.ledger.clone(),
    })
}
