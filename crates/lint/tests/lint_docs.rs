//! `docs/lints.md` says what every rule says: it is written from the rules themselves.
//!
//! When a rule was added or changed, write the file anew:
//! `UPDATE_DOCS=1 cargo test -p chancery-lint --test all lint_docs`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use chancery_lint::{Rule, Severity, Target, rules};

const UPDATE: &str = "UPDATE_DOCS=1 cargo test -p chancery-lint --test all lint_docs";

const INTRODUCTION: &str = "\
# Lints

<!-- Written from the rules by `UPDATE_DOCS=1 cargo test -p chancery-lint --test all lint_docs`. A change made here by hand is lost. -->

A certificate that is about to be signed gets a throw-away signature first, and is held against these rules octet by octet, by a
reader that is not the code that built it. A finding of severity *error* stops it before the CA's key is asked, and before anything
is recorded. Of a CRL everything but its entries is held against them before it is signed, so that the cost does not grow with them.
`chancery inspect FILE` holds any certificate or CRL, from anywhere, against the same rules.

| severity | means |
|---|---|
| error | against a MUST of the document cited: never issued |
| warning | legal, but unwise |
| notice | legal, but worth knowing |

Rules marked *with CA* compare with the certificate of the issuing CA, and are silent where that is not known.
";

#[test]
fn the_table_of_rules_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/lints.md");
    let written = page();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if let Some(line) = first_difference(&written, &committed) {
        panic!("docs/lints.md is out of date from line {line} on; write it anew with\n{UPDATE}");
    }
}

#[test]
fn every_rule_has_a_line_of_its_own() {
    let page = page();
    for rule in rules() {
        let start = format!("| `{}` |", rule.name);
        assert_eq!(
            page.lines().filter(|line| line.starts_with(&start)).count(),
            1,
            "{}",
            rule.name
        );
    }
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells = line.replace("\\|", "").matches('|').count();
        assert_eq!(cells, 6, "a cell of this line breaks the table: {line}");
    }
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (title, target) in [("Certificates", Target::Certificate), ("CRLs", Target::Crl)] {
        let mut rules: Vec<&Rule> = rules().filter(|rule| rule.target() == target).collect();
        rules.sort_unstable_by_key(|rule| rule.name);
        let count = rules.len();
        let _ = write!(
            page,
            "\n## {title}\n\n{count} rules.\n\n| rule | severity | applies to | follows | what must hold |\n|---|---|---|---|---|\n"
        );
        for rule in rules {
            page += &line(rule);
        }
    }
    page
}

fn line(rule: &Rule) -> String {
    let severity = match rule.severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let target = match rule.target() {
        Target::Certificate => "certificate",
        Target::Crl => "CRL",
    };
    let compares = if rule.needs_issuer() { ", with CA" } else { "" };
    format!(
        "| `{}` | {severity} | {target}{compares} | {} | {} |\n",
        rule.name,
        cell(rule.citation),
        cell(rule.summary)
    )
}

/// A bar would end the cell, a star or an angle bracket would be taken for markup.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}

/// The number of the first line that differs.
fn first_difference(written: &str, committed: &str) -> Option<usize> {
    if written == committed {
        return None;
    }
    let same = written
        .lines()
        .zip(committed.lines())
        .take_while(|(left, right)| left == right)
        .count();
    Some(same + 1)
}
