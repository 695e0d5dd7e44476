//! Runs a body over the committed files of its corpus: for `tests/corpus.rs` of the crates.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// One test for each target: `replay! { bodies: csr, crl }`.
macro_rules! replay {
    ($bodies:ident: $($target:ident),+ $(,)?) => {
        $(
            #[test]
            fn $target() {
                replay::all(stringify!($target), $bodies::$target);
            }
        )+
    };
}

pub(crate) use replay;

pub(crate) fn all(target: &str, body: fn(&[u8])) {
    let folder = corpus().join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    // Nothing at all is an input too, and one that is never in a corpus: it cannot be told from a lost file.
    body(&[]);
    let failed: Vec<_> = files
        .into_iter()
        .filter(|file| {
            let octets = fs::read(file).expect("the file can be read");
            catch_unwind(|| body(&octets)).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "the panics above are of {failed:#?}");
}

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}
