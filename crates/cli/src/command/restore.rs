//! `chancery restore`: restores from a backup and from the newest CRLs, and from nothing else.

use std::cell::RefCell;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chancery_authority::TokenScope;
use chancery_authority::port::Clock as _;
use chancery_local::backup::{self, GivenCrl, Restored, Restoring, Roots, SignedBy};
use chancery_local::tokens::TokenRecord;
use chancery_local::world::SystemClock;
use chancery_x509::certificate::Certificate;
use serde_json::{Value, json};

use super::{input, verify};
use crate::arguments::{Arguments, RestoreArguments};
use crate::{backend, interrupt, local_authority, show};

/// Restores a backup into an empty data folder.
pub(crate) fn run(arguments: &Arguments, restore: &RestoreArguments) -> Result<ExitCode> {
    backend::refuse_elsewhere(arguments, "restore")?;
    if restore.crl.is_empty() && !restore.without_crl {
        bail!(
            "what was revoked after the backup was taken would be valid again: give the newest published CRL of every CA \
             with --crl FILE, or say --without-crl"
        );
    }
    if !restore.crl.is_empty() && restore.root.is_empty() {
        bail!("the CRLs cannot be authenticated without the authority's root certificate: give it with --root FILE");
    }
    let mut crls = Vec::new();
    for file in &restore.crl {
        let lists = input::crls(file)?;
        let name = file.display().to_string();
        crls.extend(lists.into_iter().map(|list| GivenCrl {
            name: name.clone(),
            list,
        }));
    }
    let target = local_authority::path(arguments)?;
    let progress = RefCell::new(Some(show::Progress::start("Checking and copying")));
    let approve = |draft: &Path| {
        // A question and a spinner cannot share a line.
        progress.borrow_mut().take();
        // From here on the prompt, or a large ledger, may take long: an interruption then removes the draft at once.
        interrupt::remove_at_once(draft);
        approve(draft, &target, restore).map_err(|error| format!("{error:#}"))
    };
    let restoring = Restoring {
        roots: roots(&restore.root)?,
        unsigned: restore.unsigned,
        crls: (!restore.without_crl).then_some(crls),
        keep_tokens: restore.keep_tokens,
        now: SystemClock.now(),
        approve: &approve,
        is_interrupted: &interrupt::is_interrupted,
    };
    // Nothing to undo before this point.
    interrupt::undo_what_is_begun();
    let restored = backup::restore(&restore.folder, &target, &restoring, &|step| {
        if let Some(progress) = &*progress.borrow() {
            progress.say(&format!("Copying {} ({}/{})", step.file, step.done, step.total));
        }
    })?;
    progress.borrow_mut().take();
    if arguments.json {
        show::json(&as_json(&restored))?;
    } else {
        print_restored(&restored);
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks whether a backup could be restored.
pub(crate) fn check(arguments: &Arguments, restore: &RestoreArguments) -> Result<ExitCode> {
    let roots = roots(&restore.root)?;
    let progress = show::Progress::start("Checking");
    let verified = backup::verify(&restore.folder, roots.as_ref(), &|step| {
        progress.say(&format!("Checking {} ({}/{})", step.file, step.done, step.total));
    })?;
    drop(progress);
    let manifest = &verified.manifest;
    let octets: u64 = manifest.files.iter().map(|file| file.size).sum();
    if arguments.json {
        show::json(&json!({
            "path": restore.folder, "taken_at": manifest.created_at.to_string(), "files": manifest.files.len(), "octets": octets,
            "signed_by": verified.signed_by.as_ref().map(signer), "root_was_given": roots.is_some(),
            "differing_counts": verified.differing_counts,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} is sound: {}, {}, taken at {}.",
        restore.folder.display(),
        show::counted(manifest.files.len(), "file", "files"),
        show::counted(octets, "octet", "octets"),
        manifest.created_at
    );
    match (&verified.signed_by, roots) {
        (Some(signed), Some(_)) => println!("{}", signed_line(signed)),
        (Some(signed), None) => println!(
            "{} That root came with the backup: give the authority's with --root FILE to know whose backup it is.",
            signed_line(signed)
        ),
        (None, _) => println!("Nobody signed it: whoever could write it may have changed it."),
    }
    if let Some(counts) = &verified.differing_counts {
        println!("In its ledger, {counts}. A restore counts anew.");
    }
    Ok(ExitCode::SUCCESS)
}

fn roots(files: &[PathBuf]) -> Result<Option<Roots>> {
    let mut roots = Vec::new();
    for file in files {
        roots.extend(input::certificates(file)?);
    }
    (!roots.is_empty())
        .then(|| Roots::new(roots))
        .transpose()
        .context("--root cannot be used")
}

/// A PKCS #11 module is code: the author of `local.toml` has it run with the CA's rights.
fn approve(draft: &Path, target: &Path, restore: &RestoreArguments) -> Result<()> {
    let Some(module) = local_authority::pkcs11_module(draft)? else {
        return Ok(());
    };
    for folder in [draft, target] {
        local_authority::refuse_module_within(&module, folder)?;
    }
    if let Some(confirmed) = &restore.pkcs11_module {
        if is_same(confirmed, &module) {
            return Ok(());
        }
        bail!(
            "the backup's local.toml names the PKCS #11 module {}, not {}",
            show::visible(&module.display().to_string()),
            confirmed.display()
        );
    }
    let shown = show::visible(&module.display().to_string());
    if std::io::stdin().is_terminal() {
        let question = format!("Load the PKCS #11 module {shown}, which the backup's local.toml names, from now on?");
        if dialoguer::Confirm::new()
            .with_prompt(question)
            .default(false)
            .interact()?
        {
            return Ok(());
        }
        bail!("the PKCS #11 module {shown} was not confirmed");
    }
    bail!(
        "the backup's local.toml has the PKCS #11 module {shown} loaded: if that is the right one, confirm it with \
         --pkcs11-module {shown}"
    )
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn signer(signed: &SignedBy) -> Value {
    json!({ "ca": signed.ca.subject().to_rfc4514(), "root": root(&signed.root) })
}

fn root(root: &Certificate) -> Value {
    json!({ "subject": root.subject().to_rfc4514(), "sha256": verify::fingerprint(root) })
}

fn signed_line(signed: &SignedBy) -> String {
    format!(
        "Signed by {} under the root {}, SHA-256 {}.",
        show::visible(&signed.ca.subject().to_rfc4514()),
        show::visible(&signed.root.subject().to_rfc4514()),
        verify::fingerprint(&signed.root)
    )
}

fn as_json(restored: &Restored) -> Value {
    let crls = restored.crls.as_ref().map(|crls| {
        let crls = crls.iter().map(|crl| {
            json!({
                "file": crl.name, "authority": crl.issuer.as_str(), "shard": crl.shard, "number": crl.number,
                "this_update": crl.this_update.to_string(), "entries": crl.entries, "newly_revoked": crl.new,
                "unknown_compromised_keys": crl.unknown_keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        });
        crls.collect::<Vec<_>>()
    });
    let tokens = restored.tokens.iter().map(
        |token| json!({ "id": token.id, "name": token.name, "scopes": scopes(token), "kept": restored.tokens_kept }),
    );
    json!({
        "path": restored.path, "taken_at": restored.taken_at.to_string(), "crl_number_floor": restored.crl_number_floor,
        "removed": restored.removed, "left": restored.left,
        "signed_by": restored.signed_by.as_ref().map(signer), "crls": crls, "tokens": tokens.collect::<Vec<_>>(),
        "recounted": restored.recounted,
    })
}

fn visible_path(path: &Path) -> String {
    show::visible(&path.display().to_string())
}

/// Most serial numbers listed for people.
const UNKNOWN_KEYS: usize = 20;

fn scopes(token: &TokenRecord) -> Vec<&'static str> {
    token.scopes.iter().map(TokenScope::name).collect()
}

fn print_restored(restored: &Restored) {
    println!(
        "Restored to {} as it was at {}.",
        restored.path.display(),
        restored.taken_at
    );
    match &restored.signed_by {
        Some(signed) => println!("{}", signed_line(signed)),
        None => println!("Nobody signed this backup: look through what is in it before it is used."),
    }
    println!(
        "Certificates issued since then are not in it. CRL numbers go on from {}.",
        restored.crl_number_floor
    );
    if let Some(counts) = &restored.recounted {
        println!("In the backup's ledger, {counts}: they were counted anew.");
    }
    for path in &restored.removed {
        println!(
            "Removed {}, which a restore that ended in the middle had left.",
            visible_path(path)
        );
    }
    for path in &restored.left {
        println!(
            "{} holds keys of a restore: if none is under way, remove it.",
            visible_path(path)
        );
    }
    match &restored.crls {
        None => println!("Without CRLs: what was revoked since then is valid again."),
        Some(crls) => {
            for crl in crls {
                println!(
                    "{}: CRL number {} of {}, made at {}; of its {}, {} not revoked in the backup.",
                    show::visible(&crl.name),
                    crl.number,
                    crl.issuer,
                    crl.this_update,
                    show::counted(crl.entries, "entry", "entries"),
                    show::counted(crl.new, "was", "were")
                );
            }
            let unknown: Vec<_> = crls.iter().flat_map(|crl| &crl.unknown_keys).collect();
            if !unknown.is_empty() {
                println!(
                    "{} revoked because of a compromised key, and not in the backup: the key of each is not blocked. Find the \
                     certificate (logs, its holder), take the SHA-256 of its key from `chancery inspect`, and put it under \
                     blocked_keys in chancery.toml. A key is blocked by itself once its holder shows the certificate to the \
                     server. Serial numbers:",
                    show::counted(unknown.len(), "certificate was", "certificates were")
                );
                for serial in unknown.iter().take(UNKNOWN_KEYS) {
                    println!("  {serial}");
                }
                if let Some(more) = unknown.len().checked_sub(UNKNOWN_KEYS).filter(|more| *more > 0) {
                    println!("  and {more} more (--json has all)");
                }
            }
        }
    }
    let valid = restored.tokens.len();
    match (valid, restored.tokens_kept) {
        (0, _) => println!("There was no valid API token in it."),
        (_, true) => println!(
            "{} on, and so does every one that was revoked since then:",
            show::counted(valid, "API token goes", "API tokens go")
        ),
        (_, false) => println!(
            "{} ended; make another for each that is still wanted, with `chancery token create`:",
            show::counted(valid, "API token has", "API tokens have")
        ),
    }
    for token in &restored.tokens {
        println!(
            "  {}  {}  {}",
            show::visible(&token.id),
            show::visible(&token.name),
            scopes(token).join(", ")
        );
    }
}
