//! Limits on one request, whichever front received it.

use chancery_x509::csr::CsrBudget;

/// Octets of a CSR, PEM or DER.
pub const CSR: usize = 64 * 1024;
/// Number of alternative names.
pub const ALT_NAMES: usize = 256;

/// Bounds of a CSR's content. Its requested extensions are bounded even where they are not used.
pub(super) const CSR_CONTENT: CsrBudget = CsrBudget {
    octets: CSR,
    subject_attributes: 32,
    extensions: 32,
    alt_names: ALT_NAMES,
};
