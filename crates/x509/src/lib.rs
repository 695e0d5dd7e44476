//! Everything a certificate authority must know about X.509, and nothing else: no I/O, no clock, no
//! randomness, no async. Bytes and times come in as parameters, bytes and typed errors go out.
//!
//! Read in this order:
//!
//! - [`time`], [`serial`], [`algorithm`]: the small vocabulary;
//! - [`key`]: subject and CA public keys, and [`key::policy`], which says which of them may be certified;
//! - [`csr`]: certification requests, parsed within a work budget;
//! - [`name`], [`san`], [`extension`]: what goes into a certificate;
//! - [`certificate`]: building TBSCertificates from a template, and reading certificates back;
//! - [`crl`]: writing revocation lists of any length in constant memory, and reading them back;
//! - [`lint`]: rules over final bytes, one a file;
//! - [`inspect`]: the same objects told to people.

pub mod algorithm;
pub mod certificate;
pub mod crl;
pub mod csr;
pub mod extension;
pub mod inspect;
pub mod key;
pub mod lint;
pub mod name;
pub mod pem;
pub mod san;
pub mod serial;
pub mod time;
mod tlv;
