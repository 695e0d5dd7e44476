//! The zip of the functions: one `bootstrap`, reproducible from the same sources, that runs on Amazon Linux 2023.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use object::LittleEndian;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, SectionHeader as _};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::shell;

/// The glibc version of `provided.al2023`.
const GLIBC: (u32, u32) = (2, 34);

/// Largest zip in octets: a bigger one starts more slowly.
const LIMIT: u64 = 8 * 1024 * 1024;

/// Path of the zip.
pub(crate) fn path() -> PathBuf {
    shell::root().join("dist/chancery-lambda.zip")
}

/// Builds, checks, and writes `dist/chancery-lambda.zip`.
pub(crate) fn run(verify: bool) -> Result<PathBuf> {
    let bootstrap = build(&shell::target().join("functions"))?;
    let zip = pack(&bootstrap)?;
    if verify {
        let elsewhere = tempfile::Builder::new().prefix("again").tempdir_in(shell::target())?;
        let again = pack(&build(elsewhere.path())?)?;
        ensure!(zip == again, "two builds of the same sources differ");
        shell::say("two builds are the same");
    }
    let path = path();
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    // A concurrent reader sees the old file or the new one.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&zip)?;
    readable(file.as_file())?;
    file.persist(&path)?;
    shell::say(&format!(
        "{}: {} octets, sha256 {}",
        path.display(),
        zip.len(),
        HEXLOWER.encode(&Sha256::digest(&zip))
    ));
    ensure!(zip.len() as u64 <= LIMIT, "the zip has more than {LIMIT} octets");
    Ok(path)
}

/// Builds the binary in a target folder of its own, because its flags differ from those of everyday builds.
fn build(target: &Path) -> Result<Vec<u8>> {
    let mut command = shell::cargo();
    command
        .args([
            "build",
            "--locked",
            "--profile",
            "lambda",
            "--package",
            "chancery-lambda",
            "--bin",
            "bootstrap",
        ])
        .arg("--target-dir")
        .arg(target)
        // The binary must not contain the path where it was built.
        .env("CARGO_ENCODED_RUSTFLAGS", remapped(target).join("\u{1f}"))
        .env("CFLAGS", c_flags(target));
    shell::run(&mut command)?;
    let path = target.join("lambda/bootstrap");
    let octets = fs::read(&path).with_context(|| format!("{} is missing", path.display()))?;
    let needed = newest_glibc(&octets)?;
    shell::say(&format!(
        "bootstrap: {} octets, needs glibc {}.{}",
        octets.len(),
        needed.0,
        needed.1
    ));
    if needed > GLIBC {
        bail!(
            "the binary needs glibc {}.{}, and provided.al2023 has {}.{}: build on an older distribution, such as Debian 12",
            needed.0,
            needed.1,
            GLIBC.0,
            GLIBC.1
        );
    }
    Ok(octets)
}

/// Folders of this machine, and what replaces them in the binary.
fn folders(target: &Path) -> Vec<(PathBuf, &'static str)> {
    let mut folders = vec![(shell::root(), "/chancery")];
    folders.extend(shell::cargo_home().map(|home| (home, "/cargo")));
    folders.push((target.to_owned(), "/target"));
    folders
}

fn remapped(target: &Path) -> Vec<String> {
    let flag = |(from, to): (PathBuf, &str)| format!("--remap-path-prefix={}={to}", from.display());
    folders(target).into_iter().map(flag).collect()
}

fn c_flags(target: &Path) -> String {
    let flag = |(from, to): (PathBuf, &str)| format!("-ffile-prefix-map={}={to}", from.display());
    folders(target).into_iter().map(flag).collect::<Vec<_>>().join(" ")
}

/// The newest glibc version whose symbols the binary needs.
fn newest_glibc(binary: &[u8]) -> Result<(u32, u32)> {
    let header = FileHeader64::<LittleEndian>::parse(binary).context("the binary is no 64-bit ELF")?;
    let endian = header.endian()?;
    let sections = header.sections(endian, binary)?;
    let mut newest = (0, 0);
    for section in sections.iter() {
        let Some((mut needs, link)) = section.gnu_verneed(endian, binary)? else {
            continue;
        };
        let strings = sections.strings(endian, binary, link)?;
        while let Some((_, mut versions)) = needs.next()? {
            while let Some(version) = versions.next()? {
                let name = version.name(endian, strings)?;
                newest = newest.max(glibc(name).unwrap_or_default());
            }
        }
    }
    ensure!(newest != (0, 0), "the binary tells of no version of the C library");
    Ok(newest)
}

/// `GLIBC_2.34` → (2, 34).
fn glibc(name: &[u8]) -> Option<(u32, u32)> {
    let version = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Writes a zip whose `bootstrap` starts the one compiled for the tests: the same program as the real one, but it does
/// not take the minutes that the real one's flags do, and it is small enough to be uploaded a hundred times.
pub(crate) fn for_tests() -> Result<PathBuf> {
    let bootstrap = shell::target().join("debug/bootstrap");
    ensure!(bootstrap.is_file(), "there is no {}", bootstrap.display());
    let quoted = bootstrap.display().to_string().replace('\'', r"'\''");
    let path = shell::target().join("functions-for-tests.zip");
    fs::write(&path, pack(format!("#!/bin/sh\nexec '{quoted}'\n").as_bytes())?)?;
    Ok(path)
}

/// Packs one executable file, `bootstrap`, with the zip format's earliest date.
fn pack(bootstrap: &[u8]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    zip.start_file("bootstrap", options)?;
    zip.write_all(bootstrap)?;
    Ok(zip.finish()?.into_inner())
}

/// A temporary file is readable by its owner only; the zip is no secret.
#[cfg(unix)]
fn readable(file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    Ok(())
}

#[cfg(not(unix))]
fn readable(_: &File) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_same_binary_makes_the_same_zip() {
        let binary: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let one = pack(&binary).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2100));
        assert_eq!(one, pack(&binary).unwrap(), "no time of day is in it");
        let mut archive = zip::ZipArchive::new(Cursor::new(one)).unwrap();
        assert_eq!(archive.len(), 1);
        let mut file = archive.by_index(0).unwrap();
        assert_eq!(
            (file.name().unwrap().as_ref(), file.unix_mode()),
            ("bootstrap", Some(0o100_755))
        );
        let mut unpacked = Vec::new();
        file.read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, binary);
    }

    #[test]
    fn versions_of_the_c_library_are_read() {
        assert_eq!(glibc(b"GLIBC_2.34"), Some((2, 34)));
        assert_eq!(glibc(b"GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc(b"GCC_3.0"), None);
        assert_eq!(glibc(b"GLIBC_PRIVATE"), None);
        // This test is itself a program that needs glibc.
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(newest_glibc(&own).unwrap() >= (2, 2));
        assert!(newest_glibc(b"#!/bin/sh\n").is_err());
    }
}
