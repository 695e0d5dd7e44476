//! What `chancery-lint` finds, in any octets and in what `chancery-x509` builds.

mod built;
mod draw;
mod rules;

pub use built::{certificate_builder, crl_writer, csr_builder, extension};
pub use rules::{lint_certificate, lint_crl};

/// A chain made by OpenSSL: an RSA root, an EC issuing CA with name constraints, a leaf, and the issuing CA's CRL.
mod made_by_openssl {
    pub(super) const ROOT: &[u8] = include_bytes!("../../../crates/x509/tests/data/chain/root.der");
    pub(super) const ISSUING: &[u8] = include_bytes!("../../../crates/x509/tests/data/chain/issuing.der");
    pub(super) const LEAF: &[u8] = include_bytes!("../../../crates/x509/tests/data/chain/leaf.der");
    pub(super) const CRL: &[u8] = include_bytes!("../../../crates/x509/tests/data/chain/issuing.crl.der");
}
