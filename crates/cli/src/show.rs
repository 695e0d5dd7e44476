//! Output for people: tables, times, errors, progress.

use std::io::{IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Error;
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use tracing_subscriber::EnvFilter;

pub(crate) use crate::visible::visible;
use crate::visible::{self, VisibleJson, VisibleLog};

/// Logs to standard error: warnings and errors, more on demand.
pub(crate) fn logging(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("CHANCERY_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(colours)
        .with_writer(move || VisibleLog::new(std::io::stderr(), colours))
        .init();
}

/// When the reader of a pipe has gone, `println!` panics. The command then ends without an error.
pub(crate) fn leave_quietly_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The standard library panics with this text, and has no type for it.
        let message = panic.payload_as_str().unwrap_or_default();
        if message.starts_with("failed printing to stdout") && message.contains("Broken pipe") {
            leave();
        }
        usual(panic);
    }));
}

/// Prints an error to standard error: for people with its causes on lines of their own, for programs as JSON.
pub(crate) fn error(error: &Error, json: bool) {
    let mut causes: Vec<String> = Vec::new();
    let mut last = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Many errors include their cause.
        if !last.contains(&cause) {
            causes.push(cause.clone());
        }
        last = cause;
    }
    if json {
        let message = serde_json::json!({ "error": error.to_string(), "causes": causes });
        // If this fails, there is nowhere else to report it.
        let _ = write_json(&mut std::io::stderr().lock(), &message, CompactFormatter);
        return;
    }
    eprintln!("error: {}", visible::lines(&error.to_string()));
    for cause in causes {
        eprintln!("  because {}", visible::lines(&cause));
    }
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let written = write_json(&mut std::io::stdout().lock(), value, PrettyFormatter::new());
    written.or_else(|error| if nobody_reads(&error) { leave() } else { Err(error) })
}

/// Whether writing failed because the pipe has no reader any more.
fn nobody_reads(error: &Error) -> bool {
    let of_json = error.downcast_ref().and_then(serde_json::Error::io_error_kind);
    let of_io = error.downcast_ref().map(std::io::Error::kind);
    of_json.or(of_io) == Some(std::io::ErrorKind::BrokenPipe)
}

/// Ends a command whose reader has gone: it had what it wanted, as with `chancery list | head`.
#[allow(clippy::exit)] // no reader is left for an error message
fn leave() -> ! {
    std::process::exit(0)
}

fn write_json(out: &mut impl Write, value: &impl Serialize, formatter: impl Formatter) -> anyhow::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, VisibleJson(formatter));
    value.serialize(&mut serializer)?;
    writeln!(out)?;
    Ok(())
}

/// Prints one line of JSON and flushes it: for programs that wait for it.
pub(crate) fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    write_json(&mut out, value, CompactFormatter)?;
    out.flush()?;
    Ok(())
}

/// A table without lines, as wide as the terminal.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().map(|title| Cell::new(title.to_uppercase())));
    for row in rows {
        table.add_row(row.iter().map(|cell| visible(cell)));
    }
    table
}

/// Prints labels and values, one pair a line.
pub(crate) fn facts(rows: impl IntoIterator<Item = (&'static str, String)>) {
    for (label, value) in rows {
        if !value.is_empty() {
            println!("{label:<16}{}", visible(&value));
        }
    }
}

/// The spinner on this process's terminal, of which there is one: a prompt must be able to suspend it.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Prompts at the terminal with the spinner suspended: it would overwrite the prompt.
pub(crate) fn without_progress<T>(ask: impl FnOnce() -> T) -> T {
    let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match drawn {
        Some(bar) => bar.suspend(ask),
        None => ask(),
    }
}

/// A spinner with a message during slow work; silent where there is no terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts.
    pub(crate) fn start(message: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.set_message(message.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Self(bar)
    }

    /// Sets the message.
    pub(crate) fn say(&self, message: &str) {
        self.0.set_message(message.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.finish_and_clear();
    }
}

/// A number with its noun: `1 file`, `2 files`.
pub(crate) fn counted<N: Copy + std::fmt::Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    let noun = if number == N::from(1) { one } else { many };
    format!("{number} {noun}")
}

/// Whole days from now to a time in Unix seconds, as text: `in 29 days`, `3 days ago`, `today`.
pub(crate) fn relative(seconds: i64, now: i64) -> String {
    match (seconds - now).div_euclid(86_400) {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        -1 => "yesterday".to_owned(),
        days if days > 0 => format!("in {}", counted(days, "day", "days")),
        days => format!("{} ago", counted(-days, "day", "days")),
    }
}

/// `2026-11-23 20:00 UTC` from RFC 3339 in UTC; other text is returned as it is.
pub(crate) fn short_time(rfc3339: &str) -> String {
    let minutes = column_time(rfc3339);
    if minutes == rfc3339 { minutes } else { minutes + " UTC" }
}

/// The same without `UTC`, for columns whose heading says it.
pub(crate) fn column_time(rfc3339: &str) -> String {
    match rfc3339.get(..16) {
        Some(start) if rfc3339.ends_with('Z') => start.replace('T', " "),
        Some(_) | None => rfc3339.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_say_that_they_are_utc() {
        assert_eq!(short_time("2026-11-23T20:00:59Z"), "2026-11-23 20:00 UTC");
        assert_eq!(column_time("2026-11-23T20:00:59Z"), "2026-11-23 20:00");
        for other in ["", "never", "2026-11-23T20:00:59+01:00"] {
            assert_eq!(
                (short_time(other).as_str(), column_time(other).as_str()),
                (other, other)
            );
        }
    }

    #[test]
    fn one_is_one_and_all_else_are_many() {
        for (number, expected) in [(0_usize, "0 entries"), (1, "1 entry"), (2, "2 entries")] {
            assert_eq!(counted(number, "entry", "entries"), expected);
        }
        assert_eq!(relative(2 * 86_400, 0), "in 2 days");
        assert_eq!(relative(-2 * 86_400, 0), "2 days ago");
    }
}
