//! The guard over many records.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::number;

/// Measures it, and writes its section.
pub(super) fn section(binaries: &Path, quick: bool) -> Result<String> {
    let records = if quick { "100000" } else { "1000000" };
    let measured = super::measure(binaries, &["guard", "--records", records])?;
    Ok(text(&measured, &super::report::machine()))
}

fn text(measured: &Value, machine: &str) -> String {
    format!(
        "## The guard\n\n{machine} `chancery guard` over a trail's compressed files, two fifths signatures, two fifths invocations, and a journal that \
         accounts for each, on one core, in a process that does nothing else.\n\n\
         | records | signatures | time | target | memory at most | target |\n|---:|---:|---:|---:|---:|---:|\n\
         | {:.0} | {:.0} | {:.1} s | 60 s | {:.1} MiB | 64 MiB |\n",
        number(measured, "records"),
        number(measured, "signatures"),
        number(measured, "seconds"),
        number(measured, "peak_kib") / 1024.0,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn the_section_has_what_was_measured() {
        let measured = json!({"records": 1_000_000, "signatures": 400_000, "seconds": 12.34, "peak_kib": 51_200});
        let text = text(&measured, "Machine.");
        assert!(text.starts_with("## The guard\n"), "{text}");
        assert!(
            text.ends_with("| 1000000 | 400000 | 12.3 s | 60 s | 50.0 MiB | 64 MiB |\n"),
            "{text}"
        );
    }
}
