//! The linted objects in the form for rules: parsed once, strictly, without copying.
//!
//! The reader of `chancery-x509` splits octets into values; these modules give them their X.509 meaning. Octets that are not
//! DER, or not the structure of RFC 5280, are [`Malformed`](der::Malformed); anything that can be parsed but violates a rule is left to
//! the rules.

pub(super) mod algorithm;
pub(super) mod certificate;
pub(super) mod crl;
pub(super) mod der;
pub(super) mod extension;
pub(super) mod general_name;
pub(super) mod issuer;
pub(super) mod name;
pub(super) mod oid;
pub(super) mod public_key;
mod signed;
pub(super) mod time;
