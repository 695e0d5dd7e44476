//! `chancery backup` and `chancery restore`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use chancery_authority::port::Clock as _;
use chancery_local::backup;
use chancery_local::folder::DataFolder;
use chancery_local::world::SystemClock;
use serde_json::json;

use crate::arguments::Arguments;
use crate::{house, show};

/// Copies the authority while it runs.
pub(crate) fn backup(arguments: &Arguments, target: &Path) -> Result<ExitCode> {
    on_a_folder(arguments, "backup")?;
    let folder = DataFolder::open(house::path(arguments)?)?;
    let progress = show::Progress::start("Copying");
    let taken = backup::back_up(&folder, target, SystemClock.now(), &|step| {
        progress.say(&format!("Copying {} ({}/{})", step.file, step.done, step.total));
    })?;
    drop(progress);
    if arguments.json {
        show::json(&json!({
            "path": taken.path, "files": taken.files, "octets": taken.octets, "holds_passphrase": taken.holds_passphrase,
        }))?;
    } else {
        println!(
            "{} files, {} octets, in {}.",
            taken.files,
            taken.octets,
            taken.path.display()
        );
        if taken.holds_passphrase {
            println!("The generated passphrase is among them: whoever can read this copy can use the CA keys.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts a copy into an empty data folder.
pub(crate) fn restore(arguments: &Arguments, source: &Path) -> Result<ExitCode> {
    on_a_folder(arguments, "restore")?;
    let target = house::path(arguments)?;
    let progress = show::Progress::start("Checking and copying");
    let restored = backup::restore(source, &target, SystemClock.now(), &|step| {
        progress.say(&format!("Copying {} ({}/{})", step.file, step.done, step.total));
    })?;
    drop(progress);
    if arguments.json {
        show::json(&json!({
            "path": restored.path, "taken_at": restored.taken_at.to_string(), "crl_number_floor": restored.crl_number_floor,
        }))?;
    } else {
        println!(
            "Restored to {} as it was at {}.",
            restored.path.display(),
            restored.taken_at
        );
        println!(
            "Certificates issued since then are not in it. CRL numbers go on from {}.",
            restored.crl_number_floor
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Says whether a copy could be restored.
pub(crate) fn check(arguments: &Arguments, source: &Path) -> Result<ExitCode> {
    let progress = show::Progress::start("Checking");
    let manifest = backup::verify(source, &|step| {
        progress.say(&format!("Checking {} ({}/{})", step.file, step.done, step.total));
    })?;
    drop(progress);
    let octets: u64 = manifest.files.iter().map(|file| file.size).sum();
    if arguments.json {
        show::json(&json!({
            "path": source, "taken_at": manifest.created_at.to_string(), "files": manifest.files.len(), "octets": octets,
        }))?;
    } else {
        println!(
            "{} is sound: {} files, {octets} octets, taken at {}.",
            source.display(),
            manifest.files.len(),
            manifest.created_at
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn on_a_folder(arguments: &Arguments, command: &str) -> Result<()> {
    if arguments.url.is_some() {
        bail!("`chancery {command}` works on a data folder: run it on the server's machine, without --url");
    }
    Ok(())
}
