//! A plan for a terminal.

use std::fmt::Write as _;

use chancery_contract::plan::Verdict;

use super::{NOT_KNOWN, Planned, compared, counted, row};
use crate::show;
use crate::visible::plain;

/// A table of changes, the notes, and the totals.
pub(super) fn render(planned: &Planned) -> String {
    let plan = &planned.plan;
    let mut text = String::new();
    let mut say = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    if !planned.is_known {
        say(NOT_KNOWN);
        say("");
    }
    let order = Verdict::ALL.into_iter();
    let items = order.flat_map(|verdict| plan.items.iter().filter(move |item| item.verdict == verdict));
    let items: Vec<_> = items.filter(|item| row::is_told(item)).collect();
    if !items.is_empty() {
        let rows = items.iter().map(|item| {
            vec![
                item.verdict.name().to_owned(),
                row::place(item),
                plain(item.common_name.as_deref().unwrap_or_default()),
                all(&row::certificate(item)),
                all(&row::why(item)),
            ]
        });
        let head = ["Verdict", "Entry", "Common name", "Certificate", "Why"];
        say(&show::table(&head, rows).to_string());
    }
    for item in items {
        for note in row::notes(item) {
            say(&format!("{}: {}", row::place(item), plain(&note)));
        }
    }
    for warning in &plan.warnings {
        say(&format!("warning: {}", plain(warning)));
    }
    for line in plan.compared.iter().flat_map(compared) {
        say(&line);
    }
    say(&format!(
        "{}, decided by {}.",
        counted(plan),
        plain(&planned.decided_by)
    ));
    text
}

fn all(parts: &[String]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| plain(part)).collect();
    parts.join(", ")
}
