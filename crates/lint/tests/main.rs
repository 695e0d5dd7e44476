//! All tests of this crate from outside, in one program: each is linked against everything that it uses, and that takes longer than
//! compiling it. A new file of tests gets its line here.

/// A CA with a key in memory.
#[path = "../../x509/tests/authority/mod.rs"]
mod authority;
mod built;
mod corpus;
mod lint_docs;
