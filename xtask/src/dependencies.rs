//! `docs/design/dependencies.md` states the purpose of each direct dependency, and lists no other library.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::shell;

const PAGE: &str = "docs/design/dependencies.md";

/// Fails where the page and the manifests differ.
pub(crate) fn run() -> Result<()> {
    let page = fs::read_to_string(shell::root().join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
    let reported = differences(&direct(&metadata()?)?, &named(&page));
    ensure!(reported.is_empty(), "{PAGE}:\n{}", reported.join("\n"));
    Ok(())
}

/// Cargo's metadata of the workspace's own packages.
pub(crate) fn metadata() -> Result<Value> {
    let output = shell::cargo()
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")
}

/// Every external crate that a package depends on directly: for the program, its build, or its tests.
fn direct(metadata: &Value) -> Result<BTreeSet<String>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let dependencies = packages
        .iter()
        .filter_map(|package| package["dependencies"].as_array())
        .flatten();
    // Crates of this workspace come from no registry.
    let foreign = dependencies.filter(|dependency| !dependency["source"].is_null());
    Ok(foreign
        .filter_map(|dependency| dependency["name"].as_str())
        .map(str::to_owned)
        .collect())
}

/// Names in backticks in the second column of the page's tables.
fn named(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix('|'));
    let crates = rows.filter_map(|row| row.split('|').nth(1));
    crates
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

fn differences(direct: &BTreeSet<String>, named: &BTreeSet<String>) -> Vec<String> {
    let missing = direct
        .difference(named)
        .map(|name| format!("{name} is a dependency and has no row that says what for"));
    let gone = named
        .difference(direct)
        .map(|name| format!("{name} has a row and nothing here depends on it"));
    missing.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dependency_has_its_reason() {
        run().unwrap();
    }

    #[test]
    fn what_is_missing_and_what_is_gone_is_named() {
        let metadata = serde_json::json!({"packages": [
            {"dependencies": [
                {"name": "kept", "source": "registry+https://example"},
                {"name": "new", "source": "registry+https://example", "kind": "dev"},
                {"name": "chancery-x509", "source": null},
            ]},
            {"dependencies": [{"name": "kept", "source": "registry+https://example", "target": "cfg(unix)"}]},
        ]});
        let page = "# Page\n`prose` is no row\n\n| for | crate | because |\n|---|---|---|\n| a | `kept`, `gone` | not `other` |\n";
        assert_eq!(
            differences(&direct(&metadata).unwrap(), &named(page)),
            [
                "new is a dependency and has no row that says what for",
                "gone has a row and nothing here depends on it"
            ]
        );
        assert!(direct(&Value::Null).is_err());
    }
}
