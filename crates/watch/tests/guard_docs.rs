//! The tables of `docs/aws/guard.md` are written from the rules themselves.
//!
//! When a rule was added or changed, write them anew: `UPDATE_DOCS=1 cargo test -p chancery-watch --test all guard_docs`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use chancery_watch::rules::{self, Call, Doer, Rule};

const UPDATE: &str = "UPDATE_DOCS=1 cargo test -p chancery-watch --test all guard_docs";
const BEGIN: &str = "<!-- From here on written from the rules by `UPDATE_DOCS=1 cargo test -p chancery-watch --test all guard_docs`. A change made here by hand is lost. -->\n";

#[test]
fn the_page_has_every_rule_as_it_is() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/aws/guard.md");
    let page = fs::read_to_string(&path).unwrap();
    let (by_hand, committed) = page
        .split_once(BEGIN)
        .expect("the page has the line that begins the tables");
    let written = tables();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{by_hand}{BEGIN}{written}")).unwrap();
        return;
    }
    assert!(
        committed == written,
        "docs/aws/guard.md is out of date; write it anew with\n{UPDATE}"
    );
}

#[test]
fn every_rule_has_a_name_of_its_own_and_says_what_to_do() {
    let mut names = BTreeSet::new();
    let watched = rules::watch().map(|watched| &watched.rule);
    for rule in rules::MATCHING.into_iter().chain(watched) {
        assert!(names.insert(rule.id), "{} is there twice", rule.id);
        assert!(
            rule.id.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-'),
            "{}",
            rule.id
        );
        assert!(rule.remedy.ends_with('.') && !rule.title.ends_with('.'), "{}", rule.id);
        assert!(rules::RUNBOOKS.contains(&rule.runbook), "{}", rule.id);
    }
}

fn tables() -> String {
    let mut page = "\n## Rules of the comparison\n\n| rule | severity | what was found | first minute | then |\n|---|---|---|---|---|\n".to_owned();
    for rule in rules::MATCHING {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            rule.id,
            rule.severity.as_str(),
            rule.title,
            rule.remedy,
            link(rule)
        );
    }
    page += "\n## Rules over the account\n\nNames of calls are CloudTrail's; `*` stands for an API's date. A refused call is one step less severe.\n\n\
             | rule | severity | what was found | calls | about | expected of | first minute | then |\n|---|---|---|---|---|---|---|---|\n";
    for watched in rules::watch() {
        let rule = &watched.rule;
        let calls: Vec<String> = watched.calls.iter().map(calls).collect();
        let calls = if calls.is_empty() {
            "any".to_owned()
        } else {
            calls.join("; ")
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {calls} | {} | {} | {} | {} |",
            rule.id,
            rule.severity.as_str(),
            rule.title,
            watched.concerns.as_str(),
            expected(watched.expected),
            rule.remedy,
            link(rule)
        );
    }
    page += "\n## First hour, first day\n";
    for runbook in rules::RUNBOOKS {
        let _ = write!(
            page,
            "\n### {}\n\n**First hour.** {}\n\n**First day.** {}\n",
            runbook.name, runbook.first_hour, runbook.first_day
        );
    }
    page
}

fn calls(call: &Call) -> String {
    let service = call.source.split('.').next().unwrap();
    let names: Vec<String> = call.names.iter().map(|name| format!("`{name}`")).collect();
    let with = call
        .with
        .map_or(String::new(), |parameter| format!(" with `{parameter}`"));
    format!("{service}: {}{with}", names.join(", "))
}

fn expected(doer: Doer) -> &'static str {
    doer.as_str()
}

fn link(rule: &Rule) -> String {
    let name = rule.runbook.name;
    let anchor: String = name
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == ' ')
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect();
    format!("[{name}](#{anchor})")
}
