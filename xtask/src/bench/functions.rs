//! The functions on AWS, in the sandbox, compared with a Python function that makes the calls of the Python CA.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;

use super::{last_line, report};
use crate::{lambda, setup, shell};

const HEADING: &str = "## The functions on AWS";

const ABOUT: &str = "The functions of `dist/chancery-lambda.zip` as the Terraform module deploys them, with 128 MB, in `sandbox/`. Times are what Lambda \
    reports: init from the start of a process to its first question, and from an event to its answer; cold is both, of a new process that opens all its \
    connections. Beside them, in the same run, a Python function with boto3 and cryptography that makes the same calls as the Python CA \
    (`benches/functions/yardstick.py`). Every certificate is for a P-256 key and a name of its own, signed by a P-256 key in KMS. The sandbox lets a function have a \
    whole core, and its answers take their own time, not AWS's: how long they took is told apart.";

/// What the Python CA itself took in such a sandbox when it was measured, on another day.
const PYTHON_CA: &str = "For reference, not of this run: the Python CA itself was measured in such a sandbox at 540 ms cold, 300 ms of them init, at 165 ms warm, \
    and with 74 MiB.";

/// Measures, and returns the section. `None`, and a line saying so, where what it needs is not installed.
pub(super) fn section(quick: bool, built: bool) -> Result<Option<String>> {
    let Some(python) = setup::judges().python else {
        println!("SKIPPED: the functions on AWS (the sandbox's packages are not installed)");
        return Ok(None);
    };
    if !shell::exists("terraform") && !shell::exists("tofu") {
        println!("SKIPPED: the functions on AWS (neither terraform nor tofu is installed)");
        return Ok(None);
    }
    let zip = if built && lambda::path().is_file() {
        lambda::path()
    } else {
        lambda::run(false)?
    };
    let script = |name: &str| {
        let mut command = shell::program(python.join("python"));
        command
            .arg(format!("benches/functions/{name}"))
            .arg(&zip)
            .env("PYTHONPATH", shell::root().join("sandbox"));
        command
    };
    let mut text = text(&last_line(script("measure.py").args(quick.then_some("--quick")))?);
    let entries = if quick { "300" } else { "10000" };
    text.push_str(&many(&last_line(script("many.py").args(["--entries", entries]))?));
    Ok(Some(text))
}

fn many(found: &Value) -> String {
    let peaks = found["peaks_mb"].as_object();
    let peak = peaks
        .into_iter()
        .flat_map(|peaks| peaks.values())
        .filter_map(Value::as_u64)
        .max();
    format!(
        "\nA `tls.json` of {:.0} entries, each with a CSR of its own: the state machine issued each once in {:.0} s, all that the sandbox does for it included, \
         and a second run, which found all of them issued, took {:.0} s. No function used more than {} MiB of its 128.\n",
        at(found, "/entries"),
        at(found, "/seconds/0"),
        at(found, "/seconds/1"),
        peak.unwrap_or_default(),
    )
}

fn text(found: &Value) -> String {
    let (chancery, python) = (&found["tls_cert"], &found["python"]);
    let mut text = format!("{HEADING}\n\n{} {ABOUT}\n\n", report::machine());
    let rounds = &found["rounds"];
    text.push_str("| a certificate | target | Chancery | Python function | ratio |\n|---|---:|---:|---:|---:|\n");
    for (name, target, path, per) in [
        ("init", "15 ms", "/init_ms/median", 1.0),
        ("init, the longest of {cold}", "", "/init_ms/worst", 1.0),
        ("cold", "40 ms", "/cold_ms/median", 1.0),
        ("cold, the longest of {cold}", "", "/cold_ms/worst", 1.0),
        ("of a cold one: the sandbox's answers", "", "/cold_aws_ms/median", 1.0),
        ("of a cold one: on a processor", "", "/cold_processor_ms/median", 1.0),
        ("warm", "15 ms", "/warm_ms/median", 1.0),
        ("warm, the longest of {warm}", "", "/warm_ms/worst", 1.0),
        ("of a warm one: the sandbox's answers", "", "/warm_aws_ms/median", 1.0),
        ("of a warm one: on a processor", "", "/warm_processor_ms", 1.0),
        ("memory at most", "24 MiB", "/peak_kib", 1024.0),
    ] {
        let name = name
            .replace("{cold}", &rounds["cold"].to_string())
            .replace("{warm}", &rounds["warm"].to_string());
        let unit = if per > 1.0 { "MiB" } else { "ms" };
        let (ours, theirs) = (at(chancery, path) / per, at(python, path) / per);
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "| {name} | {target} | {ours:.1} {unit} | {theirs:.1} {unit} | {:.1} |",
            theirs / ours
        );
    }
    let _ = writeln!(
        text,
        "\n{PYTHON_CA}\n\nThe zip has {:.2} MB (target: 8 MB), the program in it {:.1} MB.\n",
        at(found, "/zip") / 1e6,
        at(found, "/binary") / 1e6,
    );
    text.push_str(&calls(&[
        ("Chancery, warm", &chancery["warm_calls"]),
        ("Chancery, cold", &chancery["cold_calls"]),
        ("Python function, each", &python["warm_calls"]),
    ]));
    text.push_str(&crl(&found["crl"]));
    text
}

/// A table of the number of calls of each operation.
fn calls(columns: &[(&str, &Value)]) -> String {
    let mut names: Vec<&String> = columns
        .iter()
        .filter_map(|(_, calls)| calls.as_object())
        .flat_map(serde_json::Map::keys)
        .collect();
    names.sort_unstable();
    names.dedup();
    let titles: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
    let mut text = format!("| calls to AWS | {} |\n|---|", titles.join(" | "));
    text.push_str(&"---:|".repeat(columns.len()));
    text.push('\n');
    for name in names {
        let _ = write!(text, "| {} |", name.replace(' ', ": "));
        for (_, calls) in columns {
            let _ = write!(text, " {} |", calls[name].as_u64().unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

fn crl(found: &Value) -> String {
    let mut text = format!(
        "\nA run of `issuing_ca_crl` in a new process, over a ledger of {:.0} certificates of which {:.0} are revoked, made the calls below and read {:.0} items.\n\n\
         | a CRL | |\n|---|---:|\n",
        at(found, "/issued"),
        at(found, "/revoked"),
        at(found, "/items"),
    );
    for (name, path) in [
        ("init", "/init_ms/median"),
        ("cold", "/cold_ms/median"),
        (
            "the sandbox's answers, added up; many are made at the same time",
            "/cold_aws_ms/median",
        ),
    ] {
        let _ = writeln!(text, "| {name} | {:.1} ms |", at(found, path));
    }
    let _ = writeln!(
        text,
        "| memory at most | {:.1} MiB |\n",
        at(found, "/peak_kib") / 1024.0
    );
    text.push_str(&calls(&[("a CRL", &found["calls"])]));
    text
}

fn at(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_default()
}
