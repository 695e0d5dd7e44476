//! The linted objects as rules see them: read once, strictly, nothing copied.
//!
//! [`tlv`] reads DER values; everything else gives them their X.509 meaning. What is no DER, or not the
//! structure of RFC 5280, is [`Malformed`](tlv::Malformed); what is readable but against a rule is left to the rules.

pub(super) mod algorithm;
pub(super) mod certificate;
pub(super) mod crl;
pub(super) mod extension;
pub(super) mod general_name;
pub(super) mod issuer;
pub(super) mod name;
pub(super) mod oid;
pub(super) mod public_key;
pub(super) mod time;
pub(super) mod tlv;
