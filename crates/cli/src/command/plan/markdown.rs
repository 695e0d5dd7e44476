//! A plan in Markdown, for a comment on a pull request.
//!
//! Text from others is in code spans, where it is neither markup nor HTML nor a mention. The whole fits into one
//! comment, and begins with a line by which a workflow finds the comment that it wrote before.

use std::fmt::Write as _;

use chancery_contract::plan::{Item, Plan, Verdict};

use super::{NOT_KNOWN, Planned, compared, counted, row};
use crate::visible::{code, whole_code};

/// Line by which a workflow recognizes its own comment.
const MARK: &str = "<!-- chancery plan -->";

/// Most octets, except for the last lines: a comment on GitHub has 65,536 characters.
const LIMIT: usize = 60_000;

/// Verdicts with an effect come first: none of them may be hidden behind those without.
const EFFECTIVE: [Verdict; 3] = [Verdict::Revoked, Verdict::Renewed, Verdict::Issued];

/// The comment.
pub(super) fn render(planned: &Planned, folder: &str) -> String {
    let plan = &planned.plan;
    let mut head = String::new();
    let _ = writeln!(head, "{MARK}\n### Certificates: {}\n", counted(plan));
    let mut text = String::new();
    let _ = writeln!(text, "{}, decided by {}.\n", code(folder), code(&planned.decided_by));
    if !planned.is_known {
        let _ = writeln!(text, "{NOT_KNOWN}\n");
    }
    for line in plan.compared.iter().flat_map(compared) {
        let _ = writeln!(text, "{line}\n");
    }
    let of = |verdict| {
        let items = plan.items.iter();
        let items = items.filter(move |item| item.verdict == verdict && row::is_told(item));
        items.collect::<Vec<_>>()
    };
    let hidden: usize = EFFECTIVE
        .into_iter()
        .map(|verdict| section(verdict, &of(verdict), whole_code, &mut text))
        .sum();
    if hidden > 0 {
        let _ = writeln!(
            head,
            "#### NOT SHOWN: {hidden} ENTRIES THAT WOULD BE ISSUED, RENEWED OR REVOKED\n\nThey do not fit into a comment: \
             look at every one of them with `chancery plan` before this is merged.\n"
        );
    }
    for verdict in Verdict::ALL {
        if !EFFECTIVE.contains(&verdict) {
            section(verdict, &of(verdict), code, &mut text);
        }
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
    head + &text
}

/// Lists removed entries by name.
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

/// Writes a table of the items that fit. Returns how many do not.
fn section(verdict: Verdict, items: &[&Item], shown: fn(&str) -> String, text: &mut String) -> usize {
    if items.is_empty() {
        return 0;
    }
    let _ = writeln!(text, "#### {}\n", title(verdict));
    text.push_str("| entry | common name | certificate | why |\n|---|---|---|---|\n");
    let mut hidden = 0;
    for item in items {
        let row = row_of(item, shown);
        if text.len() + row.len() > LIMIT {
            hidden += 1;
        } else {
            text.push_str(&row);
        }
    }
    if hidden > 0 {
        let _ = writeln!(text, "\n{hidden} more: `chancery plan` tells each.");
    }
    text.push('\n');
    hidden
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

fn row_of(item: &Item, shown: fn(&str) -> String) -> String {
    let why = [row::why(item), row::notes(item)].concat();
    format!(
        "| {} | {} | {} | {} |\n",
        shown(&row::place(item)),
        shown(item.common_name.as_deref().unwrap_or_default()),
        all(&row::certificate(item), shown),
        all(&why, shown)
    )
}

fn all(parts: &[String], shown: fn(&str) -> String) -> String {
    if parts.is_empty() {
        return "—".to_owned();
    }
    let parts: Vec<String> = parts.iter().map(|part| shown(part)).collect();
    parts.join(" ")
}
