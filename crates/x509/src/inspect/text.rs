//! An inspection as aligned text.

use std::fmt::{self, Write};

use super::value::{Field, Value};
use super::{Inspection, ObjectKind};

/// Most characters of a list or a group on one line.
const LINE: usize = 80;
/// Longest label that determines the column of the values.
const LABEL: usize = 40;

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "Certificate",
            Self::CertificationRequest => "Certification request",
            Self::RevocationList => "Certificate revocation list",
            Self::PublicKey => "Public key",
            Self::Other => "Something else",
        })
    }
}

impl fmt::Display for Inspection {
    /// A heading, then label and value in columns, with groups indented by two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.kind)?;
        for problem in &self.problems {
            writeln!(f, "  Problem: {problem}")?;
        }
        let rows: Vec<Row<'_>> = self.fields.iter().map(Row::from).collect();
        write_rows(f, &rows, 2)
    }
}

struct Row<'a> {
    label: String,
    value: &'a Value,
}

impl<'a> From<&'a Field> for Row<'a> {
    fn from(field: &'a Field) -> Self {
        Self {
            label: field.label.to_owned(),
            value: &field.value,
        }
    }
}

/// The rows below a heading: a list's extensions, or the fields of a group that is too long for one line.
fn rows_below(value: &Value) -> Option<Vec<Row<'_>>> {
    match value {
        Value::Group(fields) if inline(value).chars().count() > LINE => Some(fields.iter().map(Row::from).collect()),
        Value::List { items, .. } => {
            let rows: Vec<Row<'_>> = items.iter().filter_map(extension_row).collect();
            (!rows.is_empty()).then_some(rows)
        }
        _ => None,
    }
}

fn extension_row(value: &Value) -> Option<Row<'_>> {
    let Value::Extension(extension) = value else {
        return None;
    };
    let critical = if extension.critical { " (critical)" } else { "" };
    Some(Row {
        label: format!("{}{critical}", extension.label),
        value: &extension.value,
    })
}

fn write_rows(out: &mut impl Write, rows: &[Row<'_>], indent: usize) -> fmt::Result {
    let width = rows
        .iter()
        .filter(|row| rows_below(row.value).is_none())
        .map(|row| row.label.chars().count())
        .filter(|&width| width <= LABEL)
        .max()
        .unwrap_or(0);
    for row in rows {
        if let Some(below) = rows_below(row.value) {
            writeln!(out, "{:indent$}{}", "", row.label)?;
            write_rows(out, &below, indent + 2)?;
            if let Value::List { omitted: 1.., .. } = row.value {
                writeln!(out, "{:1$}{2}", "", indent + 2, omitted_note(row.value))?;
            }
            continue;
        }
        let lines = lines(row.value);
        let first = lines.first().map_or("", String::as_str);
        writeln!(out, "{:indent$}{:width$}  {first}", "", row.label)?;
        for line in lines.iter().skip(1) {
            writeln!(out, "{:1$}{line}", "", indent + width + 2)?;
        }
    }
    Ok(())
}

/// A value's lines: a list of short items on one line, a list of groups or long items with one per line.
fn lines(value: &Value) -> Vec<String> {
    let Value::List { items, omitted } = value else {
        return vec![inline(value)];
    };
    let mut texts: Vec<String> = items.iter().map(inline).collect();
    if *omitted > 0 {
        texts.push(omitted_note(value));
    }
    let groups = items.iter().any(|item| matches!(item, Value::Group(_)));
    let length: usize = texts.iter().map(|text| text.chars().count() + 2).sum();
    if texts.is_empty() {
        return vec!["(none)".to_owned()];
    }
    if groups || length > LINE {
        return texts;
    }
    vec![texts.join(", ")]
}

fn omitted_note(value: &Value) -> String {
    match value {
        Value::List { omitted, .. } => format!("… and {omitted} more"),
        _ => String::new(),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Text(text) if text.is_empty() => "(empty)".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Flag(true) => "yes".to_owned(),
        Value::Flag(false) => "no".to_owned(),
        Value::List { .. } => lines(value).join(", "),
        Value::Group(fields) if fields.is_empty() => "(empty)".to_owned(),
        Value::Group(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}: {}", field.label, inline(&field.value)))
                .collect();
            fields.join(" · ")
        }
        Value::Extension(extension) => format!("{}: {}", extension.label, inline(&extension.value)),
    }
}
