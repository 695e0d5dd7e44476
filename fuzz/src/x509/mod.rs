//! What reads octets in `chancery-x509`, and what writes for others to read.

mod built;
mod draw;
mod lints;
mod names;
mod objects;

pub use built::{certificate_builder, crl_writer, csr_builder};
pub use lints::{lint_certificate, lint_crl};
pub use names::{alt_names, extension, name, rfc4514, serial};
pub use objects::{certificate, crl, csr, inspection, pem, pem_stream, public_key};

/// A chain made by OpenSSL: an RSA root, an EC issuing CA with name constraints, a leaf, and the issuing CA's CRL.
mod made_by_openssl {
    pub(super) const ROOT: &[u8] = include_bytes!("../../../crates/x509/tests/data/lint/root.der");
    pub(super) const ISSUING: &[u8] = include_bytes!("../../../crates/x509/tests/data/lint/issuing.der");
    pub(super) const LEAF: &[u8] = include_bytes!("../../../crates/x509/tests/data/lint/leaf.der");
    pub(super) const CRL: &[u8] = include_bytes!("../../../crates/x509/tests/data/lint/issuing.crl.der");
}
