//! A long CRL on AWS: the test of one, at full length and with optimization.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::{setup, shell};

/// About as many entries as the longest CRL that is read back.
const ENTRIES: &str = "470000";

/// Runs it. `None`, and a line saying so, where the sandbox's packages are not installed.
pub(super) fn long_crl() -> Result<Option<Value>> {
    let judges = setup::judges();
    let Some(python) = judges.python else {
        println!("SKIPPED: a long CRL on AWS (the sandbox's packages are not installed)");
        return Ok(None);
    };
    let name = "long::a_long_crl_takes_the_memory_of_its_entries_and_little_more";
    let output = shell::cargo()
        .args(["test", "--release", "--package", "chancery-aws", "--test", "all", "--"])
        .args([name, "--exact", "--nocapture"])
        .env("CHANCERY_JUDGES", python)
        .env("CHANCERY_CRL_ENTRIES", ENTRIES)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{name} failed");
    let text = String::from_utf8(output.stdout)?;
    let figures = text.lines().find(|line| line.starts_with('{'));
    figures
        .map(|line| {
            println!("  {line}");
            Ok(serde_json::from_str(line)?)
        })
        .transpose()
}
