//! Documentation and its examples, from what was compiled for the tests.
//!
//! `cargo doc` needs every dependency checked, which compiling them for tests does not leave behind, and takes minutes.
//! `cargo test --doc` uses the compiled ones, and passes their names to `rustdoc`: in its place, to this program, which
//! runs the real one first to document the package, with every lint of documentation on, and then to run its examples
//! if it has any.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::shell;

/// Set where this program was started in place of `rustdoc`.
const IN_PLACE: &str = "CHANCERY_XTASK_RUSTDOC";

/// Documents all packages, and runs their examples.
pub(crate) fn run(features: &[&str], settings: &[(&str, OsString)]) -> Result<()> {
    let mut command = shell::cargo();
    command
        .args(["test", "--workspace", "--doc", "--quiet"])
        .args(features)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .env("RUSTDOC", std::env::current_exe()?)
        .env(IN_PLACE, shell::target().join("documented"));
    shell::run(&mut command)
}

/// `main` calls this first: where the program was started as `rustdoc`, it does only that work.
pub(crate) fn in_place() -> Option<ExitCode> {
    let output = std::env::var_os(IN_PLACE)?;
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    Some(match stand_in(&arguments, Path::new(&output)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    })
}

fn stand_in(arguments: &[OsString], output: &Path) -> Result<bool> {
    if let Some(document) = documenting(arguments, output) {
        let well = rustdoc(&document)?;
        if !well || !has_examples(arguments)? {
            return Ok(well);
        }
    }
    rustdoc(arguments)
}

fn rustdoc(arguments: &[OsString]) -> Result<bool> {
    let mut command = Command::new("rustdoc");
    command.args(arguments).env_remove(IN_PLACE);
    let status = command.status().context("cannot start rustdoc")?;
    Ok(status.success())
}

/// The arguments for documenting the package that these arguments test; `None` where these are no test.
fn documenting(arguments: &[OsString], output: &Path) -> Option<Vec<OsString>> {
    arguments.iter().find(|argument| *argument == "--test")?;
    let mut kept = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_str().unwrap_or_default();
        match text {
            "--test" | "--no-run" | "--nocapture" => {}
            "--test-args" | "--test-run-directory" | "--test-runtool" | "--test-runtool-arg" | "--test-builder" => {
                rest.next();
            }
            _ if text.starts_with("--test-") => {}
            _ => kept.push(argument.clone()),
        }
    }
    let further = [
        OsStr::new("--deny=warnings"),
        OsStr::new("--out-dir"),
        output.as_os_str(),
    ];
    kept.extend(further.map(OsStr::to_owned));
    Some(kept)
}

/// Whether any source file of the package contains an example that would be run.
fn has_examples(arguments: &[OsString]) -> Result<bool> {
    let root = arguments.iter().map(Path::new).find(|argument| {
        let is_rust = argument.extension().is_some_and(|extension| extension == "rs");
        is_rust && argument.is_file()
    });
    let Some(folder) = root.and_then(Path::parent) else {
        return Ok(true);
    };
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let paths: Vec<PathBuf> = fs::read_dir(&folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        for path in paths {
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && shows(&fs::read_to_string(&path)?)
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether a comment opens a Rust code block: one of no other language, and not marked to be ignored.
fn shows(source: &str) -> bool {
    let mut open = false;
    for line in source.lines() {
        let line = line.trim_start();
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            open = false;
            continue;
        };
        if let Some(language) = text.trim_start().strip_prefix("```") {
            if open {
                open = false;
            } else if ["text", "json", "toml", "console", "ignore", "sh"].contains(&language.trim()) {
                open = true;
            } else {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_test_becomes_a_document_of_the_same_package() {
        let test = words(
            "--edition=2024 --crate-name a --test src/lib.rs --test-run-directory /a --no-run --test-args x \
             -L dependency=/deps --extern b=/deps/libb.rlib -C embed-bitcode=no --error-format human",
        );
        let document = documenting(&test, Path::new("/out")).unwrap();
        let expected = words(
            "--edition=2024 --crate-name a src/lib.rs -L dependency=/deps --extern b=/deps/libb.rlib -C embed-bitcode=no \
             --error-format human --deny=warnings --out-dir /out",
        );
        assert_eq!(document, expected);
        assert_eq!(documenting(&words("-vV"), Path::new("/out")), None);
    }

    #[test]
    fn examples_are_code_that_would_run() {
        assert!(shows("/// Adds.\n///\n/// ```\n/// add();\n/// ```\n"));
        assert!(shows("//! ```no_run\n//! run();\n//! ```\n"), "it is compiled");
        assert!(!shows(
            "//! ```text\n//! A ::= B\n//! ```\n//!\n//! ```ignore\n//! x\n//! ```\n"
        ));
        assert!(shows("//! ```text\n//! A ::= B\n//! ```\n//! ```\n//! x();\n//! ```\n"));
        assert!(!shows("let text = \"```\";\n"));
    }
}
