//! Rules over final bytes, one a file, each citing what it follows.

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal, but worth knowing.
    Notice,
    /// Legal, but unwise.
    Warning,
    /// Against a MUST: never issued here.
    Error,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name, e.g. `serial_too_long`.
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What the rule follows, e.g. `RFC 5280 section 4.1.2.2`.
    pub citation: &'static str,
    /// What was found, in words.
    pub message: String,
}

/// Lints a certificate's final DER. `issuer` is the DER of its CA's certificate, where known: rules that compare need it.
pub fn certificate(_der: &[u8], _issuer: Option<&[u8]>) -> Vec<Finding> {
    todo!("H4")
}

/// Lints a CRL's final DER, likewise.
pub fn crl(_der: &[u8], _issuer: Option<&[u8]>) -> Vec<Finding> {
    todo!("H4")
}
