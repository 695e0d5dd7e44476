//! The X.509 formats and rules that a certificate authority needs: no I/O, no clock, no randomness, no async. Functions
//! take bytes and times as parameters, and return bytes and typed errors.
//!
//! Read in this order:
//!
//! - [`time`], [`serial`], [`algorithm`]: the basic types;
//! - [`key`]: subject and CA public keys, and [`key::policy`], which decides which of them may be certified;
//! - [`csr`]: certification requests, parsed within a work budget;
//! - [`name`], [`san`], [`extension`]: the contents of a certificate;
//! - [`certificate`]: building TBSCertificates from a template, and parsing certificates;
//! - [`crl`]: writing revocation lists of any length in constant memory, and parsing them;
//! - [`inspect`]: describing the same objects for people;
//! - [`tlv`]: the reader of DER under all of these.
//!
//! Rules for final bytes are in the crate `chancery-lint`, which reads with [`tlv`] and with nothing else of this crate.

pub mod algorithm;
pub mod certificate;
pub mod crl;
pub mod csr;
pub mod extension;
pub mod inspect;
pub mod key;
pub mod name;
mod oid_names;
pub mod pem;
pub mod san;
pub mod serial;
pub mod time;
pub mod tlv;
