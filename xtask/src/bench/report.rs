//! The benchmarks page.

use std::fmt::Write as _;

use serde_json::Value;

use super::number;

pub(super) struct Report {
    pub(super) machine: String,
    pub(super) single: Value,
    pub(super) chancery: Value,
    pub(super) cfssl: Option<Value>,
    pub(super) openbao: Option<Value>,
    pub(super) start: Value,
    pub(super) crls: [Value; 2],
    pub(super) long_crl: Option<Value>,
    /// From [`super::guard::section`].
    pub(super) guard: String,
    /// From [`super::functions::section`].
    pub(super) functions: Option<String>,
}

impl Report {
    /// The page in Markdown.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "# Benchmarks\n\nWritten by `cargo xtask bench`. {}\n",
            self.machine
        );
        let _ = writeln!(
            text,
            "## Durable issuance over HTTPS\n\n64 connections, a distinct P-256 key for each certificate, load generator on the same machine; every \
             certificate is reserved and completed on disk (`synchronous=FULL`) before it is answered. The median of three rounds.\n\n\
             | | certificates a second | p50 | p99 | slowest | resident after the load |\n|---|---:|---:|---:|---:|---:|"
        );
        row(&mut text, "Chancery (HTTPS, stored durably)", &self.chancery);
        if let Some(openbao) = &self.openbao {
            row(&mut text, "OpenBao (HTTPS, raft storage, certificates stored)", openbao);
        }
        if let Some(cfssl) = &self.cfssl {
            row(&mut text, "cfssl (plain HTTP, nothing stored)", cfssl);
        }
        if let Some(openbao) = &self.openbao {
            let _ = writeln!(
                text,
                "\nChancery issues {:.1} times as many as OpenBao (aim: at least 4), run in turns with it, and then holds {:.2} of its memory (aim: at \
                 most 0.125).",
                ratio(&self.chancery, openbao, "per_second"),
                ratio(&self.chancery, openbao, "resident_kib"),
            );
        }
        if let Some(cfssl) = &self.cfssl {
            let _ = writeln!(
                text,
                "\nChancery issues {:.2} times as many as cfssl (aim: at least 1), run in turns with it.",
                ratio(&self.chancery, cfssl, "per_second"),
            );
        }
        let _ = writeln!(
            text,
            "\n## Issuance in process\n\nOne core, without the ledger: request parsed and verified, profile applied, certificate built, linted, signed, \
             signature verified, assembled; beside one signature verification, one key check and one signature alone.\n\n\
             | | a second |\n|---|---:|\n| whole issuance | {:.0} |\n| its cryptography alone | {:.0} |\n| ratio | {:.2} |",
            number(&self.single, "issued_per_second"),
            number(&self.single, "cryptography_alone_per_second"),
            number(&self.single, "ratio"),
        );
        let _ = writeln!(
            text,
            "\n## CRLs\n\nOne CRL made, signed, recorded and published as DER and as PEM, in a process that does nothing else; memory above idle. The first of its scope, and the second, which also reads the first one back and compares it with the ledger.\n\n\
             | certificates issued | entries | of its scope | time | size of the DER | memory above idle |\n|---:|---:|---|---:|---:|---:|"
        );
        for crl in &self.crls {
            for (which, prefix) in [("the first", ""), ("the second", "second_")] {
                let _ = writeln!(
                    text,
                    "| {:.0} | {:.0} | {which} | {:.0} ms | {:.1} MB | {:.1} MiB |",
                    number(crl, "issued"),
                    number(crl, "entries"),
                    number(crl, &format!("{prefix}milliseconds")),
                    number(crl, "octets") / 1e6,
                    number(crl, &format!("{prefix}peak_above_idle_kib")) / 1024.0,
                );
            }
        }
        if let Some(crl) = &self.long_crl {
            text.push_str(&on_aws(crl));
        }
        let _ = write!(text, "\n{}", self.guard);
        if let Some(functions) = &self.functions {
            let _ = write!(text, "\n{functions}");
        }
        let _ = writeln!(
            text,
            "\n## Start and rest\n\n`chancery start` over an authority that has issued the certificates above.\n\n\
             | | |\n|---|---:|\n| from the command to its first answer | {:.0} ms |\n\
             | of which the derivation of the passphrase, taken alone | {:.0} ms |\n| resident, idle | {:.1} MiB |",
            number(&self.start, "first_answer_ms"),
            number(&self.start, "unseal_ms"),
            number(&self.start, "idle_kib") / 1024.0,
        );
        text
    }
}

fn on_aws(crl: &Value) -> String {
    format!(
        "\n## A long CRL on AWS\n\nOne CRL read from DynamoDB in pages of 1 MB, signed by KMS, recorded, and put to S3 as DER and as PEM, against \
         `sandbox/`; the pages come from a server in the measured process, whose whole memory this is. The first of its scope, and the second, \
         which also reads the first one back: a longer one is compared by its version alone.\n\n\
         | entries | of its scope | time | size of the DER | memory at rest | memory at most |\n|---:|---|---:|---:|---:|---:|\n{}{}",
        long_row(crl, "the first", ""),
        long_row(crl, "the second", "second_"),
    )
}

fn long_row(crl: &Value, which: &str, prefix: &str) -> String {
    format!(
        "| {:.0} | {which} | {:.1} s | {:.1} MB | {:.1} MiB | {:.1} MiB |\n",
        number(crl, "entries"),
        number(crl, &format!("{prefix}milliseconds")) / 1e3,
        number(crl, "octets") / 1e6,
        number(crl, "idle_kib") / 1024.0,
        number(crl, &format!("{prefix}peak_kib")) / 1024.0,
    )
}

fn ratio(one: &Value, other: &Value, figure: &str) -> f64 {
    number(one, figure) / number(other, figure)
}

fn row(text: &mut String, name: &str, result: &Value) {
    let _ = writeln!(
        text,
        "| {name} | {:.0} | {:.1} ms | {:.1} ms | {:.1} ms | {:.0} MiB |",
        number(result, "per_second"),
        number(result, "p50_ms"),
        number(result, "p99_ms"),
        number(result, "max_ms"),
        number(result, "resident_kib") / 1024.0,
    );
}

/// The page with a section, which begins with its heading, in place of the one with the same heading, or at the end.
pub(super) fn with_section(page: &str, section: &str) -> String {
    let heading = section.lines().next().unwrap_or_default();
    let mut before = String::new();
    let mut after = String::new();
    let mut found = false;
    let mut inside = false;
    for line in page.split_inclusive('\n') {
        if line.starts_with("## ") {
            inside = line.trim_end() == heading;
            found |= inside;
        }
        if !inside {
            let part = if found { &mut after } else { &mut before };
            part.push_str(line);
        }
    }
    let parts = [before.trim_end(), section.trim_end(), after.trim_end()];
    let mut whole = parts.map(str::to_owned).join("\n\n").trim_end().to_owned();
    whole.push('\n');
    whole
}

/// Processor, cores and date.
pub(super) fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("an unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let day = std::process::Command::new("date")
        .args(["-u", "+%Y-%m-%d"])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!(
        "Machine: {model}, {cores} cores, Linux. Day: {}.",
        day.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_its_former_one() {
        let page = "# Page\n\n## One\n\n1\n\n## Two\n\n2\n\n### Of two\n\n## Three\n\n3\n";
        let new = "## Two\n\nnew\n";
        let whole = "# Page\n\n## One\n\n1\n\n## Two\n\nnew\n\n## Three\n\n3\n";
        assert_eq!(with_section(page, new), whole);
        assert_eq!(with_section(whole, new), whole);
        let last = "# Page\n\n## One\n\n1\n\n## Two\n\nnew\n";
        assert_eq!(with_section("# Page\n\n## One\n\n1\n", new), last);
    }
}
