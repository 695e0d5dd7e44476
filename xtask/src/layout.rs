//! Location of tests: every file below `tests/` must be a module of its crate's single test program, or it would never
//! run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::shell;

/// Fails where a file of tests belongs to no program.
pub(crate) fn run() -> Result<()> {
    let mut forgotten = Vec::new();
    for entry in fs::read_dir(shell::root().join("crates")).context("cannot read crates")? {
        forgotten.extend(unreached(&entry?.path())?);
    }
    ensure!(
        forgotten.is_empty(),
        "no `mod` leads to these files of tests, so that they never run (CONTRIBUTING.md, \"Where a test goes\"):\n{}",
        forgotten.join("\n")
    );
    Ok(())
}

/// Files below a crate's `tests` that no `mod` reaches from the program's root.
fn unreached(package: &Path) -> Result<Vec<String>> {
    let tests = package.join("tests");
    let mut files = BTreeSet::new();
    gather(&tests, &mut files)?;
    let mut waiting: Vec<PathBuf> = roots(package)?;
    let mut reached = BTreeSet::new();
    while let Some(file) = waiting.pop() {
        if reached.insert(file.clone()) {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            waiting.extend(modules(&file, &text));
        }
    }
    let lost = files.difference(&reached);
    Ok(lost.map(|file| file.display().to_string()).collect())
}

fn gather(folder: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(path);
        }
    }
    Ok(())
}

/// Root files of the manifest's test programs: the `path` after each `[[test]]`.
fn roots(package: &Path) -> Result<Vec<PathBuf>> {
    let manifest = package.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let sections = text.split("\n[").filter_map(|section| section.strip_prefix("[test]]"));
    let paths = sections
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("path = \""));
    Ok(paths.map(|path| package.join(path.trim_end_matches('"'))).collect())
}

/// The files that a file's `mod name;` lines refer to.
fn modules(file: &Path, text: &str) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    let mut named = None;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("#[path = \"") {
            named = path.strip_suffix("\"]");
            continue;
        }
        let plain = line.strip_prefix("pub(crate) ").unwrap_or(line);
        if let Some(name) = plain.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            let places = match named.take() {
                Some(path) => vec![folder.join(path)],
                None => vec![folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")],
            };
            found.extend(
                places
                    .into_iter()
                    .filter(|place| place.is_file())
                    .map(|place| resolved(&place)),
            );
        }
    }
    found
}

/// Resolves `..`, so that a file has only one name.
fn resolved(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == std::path::Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_tests_is_run() {
        run().unwrap();
    }

    #[test]
    fn a_forgotten_file_is_named() {
        let package = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = package.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "Cargo.toml",
            "[package]\n\n[[test]]\nname = \"all\"\npath = \"tests/main.rs\"\n\n[lints]\n",
        );
        write(
            "tests/main.rs",
            "#[cfg(unix)]\nmod one;\nmod support;\n#[path = \"far/main.rs\"]\nmod far;\n",
        );
        write("tests/one.rs", "//! mod two;\n// mod two;\n");
        write("tests/two.rs", "");
        write("tests/support/mod.rs", "pub(crate) mod inner;\n");
        write("tests/support/inner.rs", "");
        write(
            "tests/far/main.rs",
            "mod near;\n#[path = \"../support/mod.rs\"]\nmod again;\n",
        );
        write("tests/far/near.rs", "");
        write("tests/far/lost.rs", "");
        let lost = unreached(package.path()).unwrap();
        let names = ["tests/far/lost.rs", "tests/two.rs"].map(|name| package.path().join(name).display().to_string());
        assert_eq!(lost, names);
    }
}
