//! A plan in Markdown, for a comment on a pull request.
//!
//! Whatever others wrote stands in code spans, where it is neither markup nor HTML nor a mention. The whole is short enough for
//! a comment, and begins with a line by which a workflow finds the comment that it wrote before.

use std::fmt::Write as _;

use chancery_authority::plan::{Item, Plan, Verdict};

use super::visible::code;
use super::{NOT_KNOWN, Planned, compared, counted, row};

/// What a workflow knows its own comment by.
const MARK: &str = "<!-- chancery plan -->";

/// Octets at most, but for the last lines: a comment on GitHub has 65,536 characters.
const LIMIT: usize = 60_000;

/// The comment.
pub(super) fn render(planned: &Planned, folder: &str) -> String {
    let plan = &planned.plan;
    let mut text = String::new();
    let _ = writeln!(text, "{MARK}\n### Certificates: {}\n", counted(plan));
    let _ = writeln!(text, "{}, decided by {}.\n", code(folder), code(&planned.decided_by));
    if !planned.is_known {
        let _ = writeln!(text, "{NOT_KNOWN}\n");
    }
    for line in plan.compared.iter().flat_map(compared) {
        let _ = writeln!(text, "{line}\n");
    }
    for verdict in Verdict::ALL {
        let items = plan
            .items
            .iter()
            .filter(|item| item.verdict == verdict && row::is_told(item));
        section(verdict, &items.collect::<Vec<_>>(), &mut text);
    }
    if !plan.warnings.is_empty() {
        text.push_str("#### Warnings\n\n");
        list(
            plan.warnings.iter().map(|warning| code(warning)),
            plan.warnings.len(),
            &mut text,
        );
    }
    removed(plan, &mut text);
    text
}

/// Entries that are gone, by name.
fn removed(plan: &Plan, text: &mut String) {
    let Some(compared) = plan.compared.as_ref().filter(|compared| !compared.removed.is_empty()) else {
        return;
    };
    text.push_str("#### Taken out\n\n");
    let lines = compared.removed.iter().map(|removed| {
        format!(
            "{} of {}",
            code(removed.common_name.as_deref().unwrap_or("an entry without a name")),
            code(removed.list)
        )
    });
    list(lines, compared.removed.len(), text);
}

fn list(lines: impl Iterator<Item = String>, count: usize, text: &mut String) {
    for (done, line) in lines.enumerate() {
        if text.len() + line.len() > LIMIT {
            let _ = writeln!(text, "- and {} more", count - done);
            break;
        }
        let _ = writeln!(text, "- {line}");
    }
    text.push('\n');
}

fn section(verdict: Verdict, items: &[&Item], text: &mut String) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "#### {}\n", title(verdict));
    text.push_str("| entry | common name | certificate | why |\n|---|---|---|---|\n");
    for (done, item) in items.iter().enumerate() {
        let row = row_of(item);
        if text.len() + row.len() > LIMIT {
            let _ = writeln!(text, "\n{} more: `chancery plan` tells each.", items.len() - done);
            break;
        }
        text.push_str(&row);
    }
    text.push('\n');
}

fn title(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refused => "Refused",
        Verdict::Revoked => "Would be revoked",
        Verdict::Renewed => "Would be renewed",
        Verdict::Issued => "Would be issued",
        Verdict::Skipped => "Skipped",
        Verdict::Unchanged => "Unchanged, with something to know",
    }
}

fn row_of(item: &Item) -> String {
    let why = [row::why(item), row::notes(item)].concat();
    format!(
        "| {} | {} | {} | {} |\n",
        code(&row::place(item)),
        code(item.common_name.as_deref().unwrap_or_default()),
        all(&row::certificate(item)),
        all(&why)
    )
}

fn all(parts: &[String]) -> String {
    if parts.is_empty() {
        return "—".to_owned();
    }
    let parts: Vec<String> = parts.iter().map(|part| code(part)).collect();
    parts.join(" ")
}
