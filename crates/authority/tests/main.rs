//! All tests of this crate from outside, in one program: each is linked against everything that it uses, and that takes longer than
//! compiling it. A new file of tests gets its line here.

mod attempts;
mod bad_input;
mod belief;
mod ca_certificates;
mod corpus;
mod crl_files;
mod csr_names;
mod fault_table;
mod faults;
mod fixture;
mod hierarchy;
mod issuance;
mod issuance_answers;
mod lessons;
mod lessons_keys;
mod lessons_names;
mod people;
mod placeholder_cas;
mod plan;
mod publication;
mod published_files;
mod renewal;
mod retired;
mod revocation;
mod rotation;
mod suites;
