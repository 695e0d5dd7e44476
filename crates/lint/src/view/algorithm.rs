//! `AlgorithmIdentifiers` of signatures (RFC 5280 sections 4.1.1.2 and 4.1.2.3).

use chancery_x509::tlv::{Reader, Tlv, tag};

use super::der::{self, Explain as _, Malformed};
use super::oid::{self, Oid};

/// An `AlgorithmIdentifier`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Algorithm<'a> {
    /// All octets.
    pub(crate) der: &'a [u8],
    pub(crate) oid: Oid<'a>,
    pub(crate) parameters: Option<Tlv<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, Malformed> {
        let sequence = reader.expect(tag::SEQUENCE).explain(what)?;
        let mut fields = sequence.reader();
        let oid = fields
            .expect(tag::OID)
            .explain("an algorithm is not an OBJECT IDENTIFIER")?;
        let parameters = if fields.is_empty() { None } else { Some(fields.read()?) };
        fields
            .finish()
            .explain("an AlgorithmIdentifier has more than algorithm and parameters")?;
        Ok(Self {
            der: sequence.raw,
            oid: Oid(der::oid(oid.content)?),
            parameters,
        })
    }

    /// What is wrong with a signature algorithm's parameters, if anything; unknown algorithms are not checked.
    pub(crate) fn signature_parameters_fault(&self) -> Option<String> {
        let is_null = self.parameters.map(|parameters| parameters.raw == [tag::NULL, 0]);
        let fault = match (self.oid, is_null) {
            (
                oid::MD2_WITH_RSA
                | oid::MD5_WITH_RSA
                | oid::SHA1_WITH_RSA
                | oid::SHA224_WITH_RSA
                | oid::SHA256_WITH_RSA
                | oid::SHA384_WITH_RSA
                | oid::SHA512_WITH_RSA,
                None | Some(false),
            ) => "NULL",
            (
                oid::ECDSA_WITH_SHA1
                | oid::ECDSA_WITH_SHA224
                | oid::ECDSA_WITH_SHA256
                | oid::ECDSA_WITH_SHA384
                | oid::ECDSA_WITH_SHA512
                | oid::ED25519
                | oid::ED448
                | oid::ML_DSA_44
                | oid::ML_DSA_65
                | oid::ML_DSA_87,
                Some(_),
            ) => "absent",
            _ => return None,
        };
        Some(format!("the parameters of {} must be {fault}", self.oid))
    }

    /// Whether the signature uses a hash for which collisions can be produced.
    pub(crate) fn is_weak(&self) -> bool {
        matches!(
            self.oid,
            oid::MD2_WITH_RSA | oid::MD5_WITH_RSA | oid::SHA1_WITH_RSA | oid::DSA_WITH_SHA1 | oid::ECDSA_WITH_SHA1
        )
    }
}
