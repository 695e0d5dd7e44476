//! What reads octets in `chancery-x509`.

mod names;
mod objects;

pub use names::{alt_names, name, rfc4514, serial};
pub use objects::{certificate, crl, csr, inspection, pem, pem_stream, public_key};

/// A chain made by OpenSSL: an RSA root, and an EC issuing CA with name constraints.
mod made_by_openssl {
    pub(super) const ROOT: &[u8] = include_bytes!("../../../crates/x509/tests/data/chain/root.der");
    pub(super) const ISSUING: &[u8] = include_bytes!("../../../crates/x509/tests/data/chain/issuing.der");
}
