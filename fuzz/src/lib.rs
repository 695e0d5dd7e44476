//! Bodies of the fuzz targets: what must hold for any octets whatever.
//!
//! A body never fails on input that is refused; it panics where something that was accepted does not keep a promise. Each
//! is run twice: by its target in `fuzz_targets/`, over octets that libFuzzer makes up, and by `tests/corpus.rs` of its
//! crate, which includes its module by path, over the files in `corpus/` with every ordinary test run.

pub mod authority;
pub mod lambda;
pub mod lint;
pub mod local;
pub mod watch;
pub mod x509;
