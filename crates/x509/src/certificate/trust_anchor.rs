//! Checks whether a certificate can be a trust anchor.

use super::{Certificate, CertificateError, KeyUsage};
use crate::key::verify;

impl Certificate {
    /// Refuses a certificate that is not a root: one that is not marked as a CA (basicConstraints), is not marked as
    /// signing certificates (keyUsage with keyCertSign, which RFC 5280 section 4.2.1.3 requires of CAs), or was not
    /// signed with its own key.
    ///
    /// Equal subject and issuer prove nothing: a requester may have chosen both.
    pub fn check_trust_anchor(&self) -> Result<(), CertificateError> {
        let refused = |detail| Err(CertificateError::NotATrustAnchor { detail });
        if !self.basic_constraints().is_some_and(|constraints| constraints.ca) {
            return refused("its basicConstraints do not say that it is a CA");
        }
        if !self
            .key_usage()
            .is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN))
        {
            return refused("its keyUsage lacks keyCertSign");
        }
        if self.subject() != self.issuer() {
            return refused("it names another issuer than itself");
        }
        let key = self.public_key().map_err(CertificateError::CaKey)?;
        let algorithm = self.slice(&self.parts.signature_algorithm);
        match verify::verify(&key, algorithm, self.tbs_der(), self.signature()) {
            Ok(()) => Ok(()),
            Err(_) => refused("its signature is not by its own key"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::algorithm::CaKeyAlgorithm;

    #[test]
    fn a_root_is_a_trust_anchor() {
        for algorithm in [CaKeyAlgorithm::P256, CaKeyAlgorithm::P384, CaKeyAlgorithm::MlDsa44] {
            let root = TestCa::root(algorithm);
            root.issuer.certificate().check_trust_anchor().unwrap();
        }
    }

    #[test]
    fn what_only_looks_like_a_root_is_none() {
        let root = TestCa::root(CaKeyAlgorithm::P256);
        let subject = root.issuer.certificate().subject().clone();
        let named_like_it = root.below(CaKeyAlgorithm::P256, |template| template.subject = subject.clone());
        let mut leaf = leaf_template("leaf.example", &alt_names(&["dns:leaf.example"]));
        let ordinary = root.issue(&leaf);
        leaf.subject = subject;
        let without_usage = TestCa::root_with(CaKeyAlgorithm::P256, |template| {
            template.key_usage = KeyUsage::default();
        });
        for (certificate, detail) in [
            (
                named_like_it.issuer.certificate(),
                "its signature is not by its own key",
            ),
            (&root.issue(&leaf), "its basicConstraints do not say that it is a CA"),
            (&ordinary, "its basicConstraints do not say that it is a CA"),
            (without_usage.issuer.certificate(), "its keyUsage lacks keyCertSign"),
            (
                root.below(CaKeyAlgorithm::P256, |_| {}).issuer.certificate(),
                "it names another issuer than itself",
            ),
        ] {
            assert_eq!(
                certificate.check_trust_anchor(),
                Err(CertificateError::NotATrustAnchor { detail })
            );
        }
    }
}
