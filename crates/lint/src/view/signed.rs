//! What certificates and CRLs have in common: a signed structure, its algorithm, its signature.

use chancery_x509::tlv::{Reader, tag};

use super::algorithm::Algorithm;
use super::der::{self, Explain as _, Malformed, single_value};

/// A signed structure, and the algorithm beside its signature.
pub(super) struct Signed<'a> {
    pub(super) tbs: Reader<'a>,
    pub(super) algorithm: Algorithm<'a>,
}

/// What is reported of a structure of another form.
pub(super) struct SignedForm {
    pub(super) outer: &'static str,
    pub(super) tbs: &'static str,
    pub(super) more: &'static str,
}

impl<'a> Signed<'a> {
    pub(super) fn parse(der: &'a [u8], form: &SignedForm) -> Result<Self, Malformed> {
        let mut outer = single_value(der, tag::SEQUENCE, form.outer)?;
        let tbs = outer.expect(tag::SEQUENCE).explain(form.tbs)?;
        let algorithm = Algorithm::read(&mut outer, "signatureAlgorithm is not a SEQUENCE")?;
        let signature = outer
            .expect(tag::BIT_STRING)
            .explain("signatureValue is not a BIT STRING")?;
        outer.finish().explain(form.more)?;
        if der::bit_string(signature.content)?.1 != 0 {
            return Err(Malformed("signatureValue is not of whole octets"));
        }
        Ok(Self {
            tbs: tbs.reader(),
            algorithm,
        })
    }
}
