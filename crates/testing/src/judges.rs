//! Judges in Python, where `cargo xtask setup` installed them.
#![allow(clippy::missing_panics_doc, reason = "a test that cannot be set up has failed")]

use std::path::{Path, PathBuf};

/// The `bin` folder with the packages of Python judges and sandbox; it may not be there. A folder that somebody names in
/// `CHANCERY_JUDGES` must have them: who names one does not want these tests skipped.
pub fn folder() -> PathBuf {
    named(std::env::var_os("CHANCERY_JUDGES").map(PathBuf::from))
}

fn named(folder: Option<PathBuf>) -> PathBuf {
    let Some(named) = folder else {
        return Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/judges/bin");
    };
    assert!(
        named.join("python").is_file(),
        "CHANCERY_JUDGES names {}, which has no python: name the bin folder of the judges' virtual environment",
        named.display()
    );
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "has no python")]
    fn judges_that_are_named_and_not_there_are_no_reason_to_skip() {
        named(Some(PathBuf::from("/dev/null")));
    }
}
