//! All tests of this crate from outside, in one program: each is linked against everything that it uses, and that takes longer than
//! compiling it. A new file of tests gets its line here.

mod authority;
mod corpus;
mod crl;
mod inspect;
