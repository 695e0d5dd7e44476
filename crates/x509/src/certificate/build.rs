//! Builds the TBSCertificate of a template (RFC 5280 section 4.1), its extensions in a fixed order.

use const_oid::ObjectIdentifier;

use super::template::{Checked, TemplateError, invalid};
use super::{BasicConstraints, CertificateTemplate, Issuer, TbsCertificate, constraints, oid};
use crate::algorithm::CaKeyAlgorithm;
use crate::key::ca::CaPublicKey;
use crate::name::Name;
use crate::san;
use crate::tlv::{Writer, tag};

/// Generous size, in octets, of everything except the key, the names and the custom extensions.
const TYPICAL_REST: usize = 512;

impl CertificateTemplate {
    /// The TBSCertificate of a root: issuer and subject are the same, `key` is the template's own key, SKI and AKI are
    /// both its identifier.
    pub fn self_signed(&self, key: &CaPublicKey) -> Result<TbsCertificate, TemplateError> {
        if self.public_key.as_der() != key.as_der() {
            return Err(invalid(
                "public_key",
                "a self-signed certificate is signed by the key that it holds",
            ));
        }
        let checked = self.check()?;
        let of_key = key.identifier();
        let identifier = self.subject_key_identifier.as_deref().unwrap_or(&of_key.0);
        Ok(tbs(self, &checked, &self.subject, identifier, key.algorithm()))
    }

    /// The TBSCertificate issued by `issuer`, within the limits of its certificate: its end, its path length, its name
    /// constraints. Constraints of CAs above it apply only if its own certificate repeats them; otherwise the caller
    /// must check them with [`check_name_constraints`](Self::check_name_constraints).
    pub fn issued_by(&self, issuer: &Issuer) -> Result<TbsCertificate, TemplateError> {
        let checked = self.check()?;
        let ca = issuer.certificate();
        if self.not_after > ca.not_after() {
            return Err(TemplateError::OutlivesCa {
                not_after: self.not_after,
                ca_not_after: ca.not_after(),
            });
        }
        self.check_path_length(ca)?;
        // A CA's certificate for itself, e.g. for a new key, is exempt (RFC 5280 section 6.1.3).
        let self_issued = self.is_ca() && self.subject == *ca.subject();
        if let Some(constraints) = issuer.name_constraints().filter(|_| !self_issued) {
            self.check_name_constraints(constraints)?;
        }
        let algorithm = issuer.public_key().algorithm();
        Ok(tbs(self, &checked, ca.subject(), &issuer.key_identifier(), algorithm))
    }
}

/// The TBSCertificate of a checked template.
fn tbs(
    template: &CertificateTemplate,
    checked: &Checked,
    issuer: &Name,
    authority_key_identifier: &[u8],
    signed_by: CaKeyAlgorithm,
) -> TbsCertificate {
    let names = issuer.as_der().len() + template.subject.as_der().len() + 64 * template.alt_names.len();
    let mut writer = Writer::with_capacity(names + template.public_key.as_der().len() + TYPICAL_REST);
    writer.nested(tag::SEQUENCE, |tbs| {
        // Version 3 is encoded as 2.
        tbs.nested(tag::context_constructed(0), |version| version.value(tag::INTEGER, &[2]));
        tbs.positive_integer(template.serial.significant());
        tbs.raw(signed_by.signature_algorithm_der());
        tbs.raw(issuer.as_der());
        tbs.raw(&checked.validity);
        tbs.raw(template.subject.as_der());
        tbs.raw(template.public_key.as_der());
        tbs.nested(tag::context_constructed(3), |explicit| {
            explicit.nested(tag::SEQUENCE, |list| {
                extensions(list, template, authority_key_identifier);
            });
        });
    });
    TbsCertificate {
        der: writer.finish(),
        signed_by,
    }
}

fn extensions(list: &mut Writer, template: &CertificateTemplate, authority_key_identifier: &[u8]) {
    if let Some(constraints) = template.basic_constraints {
        extension(list, &oid::BASIC_CONSTRAINTS, true, |value| {
            basic_constraints(value, constraints);
        });
    }
    if !template.key_usage.is_empty() {
        extension(list, &oid::KEY_USAGE, true, |value| template.key_usage.write(value));
    }
    if !template.extended_key_usages.is_empty() {
        extension(list, &oid::EXTENDED_KEY_USAGE, false, |value| {
            value.nested(tag::SEQUENCE, |usages| {
                template.extended_key_usages.iter().for_each(|usage| usages.oid(usage));
            });
        });
    }
    extension(list, &oid::SUBJECT_KEY_IDENTIFIER, false, |value| {
        let of_key = template.public_key.identifier();
        let identifier = template.subject_key_identifier.as_deref().unwrap_or(&of_key.0);
        value.value(tag::OCTET_STRING, identifier);
    });
    extension(list, &oid::AUTHORITY_KEY_IDENTIFIER, false, |value| {
        value.nested(tag::SEQUENCE, |fields| {
            fields.value(tag::context(0), authority_key_identifier);
        });
    });
    if !template.alt_names.is_empty() {
        let critical = template.subject.is_empty();
        extension(list, &oid::SUBJECT_ALT_NAME, critical, |value| {
            san::write_all(value, &template.alt_names);
        });
    }
    if !template.policies.is_empty() {
        extension(list, &oid::CERTIFICATE_POLICIES, false, |value| {
            policies(value, &template.policies);
        });
    }
    if let Some(own) = &template.name_constraints {
        extension(list, &oid::NAME_CONSTRAINTS, true, |value| {
            constraints::write(value, own);
        });
    }
    if !template.crl_distribution_points.is_empty() {
        extension(list, &oid::CRL_DISTRIBUTION_POINTS, false, |value| {
            distribution_points(value, &template.crl_distribution_points);
        });
    }
    if !(template.ca_issuers.is_empty() && template.ocsp.is_empty()) {
        extension(list, &oid::AUTHORITY_INFO_ACCESS, false, |value| {
            authority_information(value, template);
        });
    }
    for custom in &template.custom_extensions {
        extension(list, &custom.oid(), custom.critical(), |value| {
            value.raw(custom.value());
        });
    }
}

fn extension(list: &mut Writer, oid: &ObjectIdentifier, critical: bool, write: impl FnOnce(&mut Writer)) {
    list.nested(tag::SEQUENCE, |fields| {
        fields.oid(oid);
        if critical {
            fields.value(tag::BOOLEAN, &[0xff]);
        }
        fields.nested(tag::OCTET_STRING, write);
    });
}

fn basic_constraints(value: &mut Writer, constraints: BasicConstraints) {
    value.nested(tag::SEQUENCE, |fields| {
        if constraints.ca {
            fields.value(tag::BOOLEAN, &[0xff]);
        }
        match constraints.path_len {
            None => {}
            Some(0) => fields.value(tag::INTEGER, &[0]),
            Some(path_len) => fields.positive_integer(&[path_len]),
        }
    });
}

fn policies(value: &mut Writer, policies: &[ObjectIdentifier]) {
    value.nested(tag::SEQUENCE, |list| {
        for policy in policies {
            list.nested(tag::SEQUENCE, |information| information.oid(policy));
        }
    });
}

/// One distribution point for each URL, each with its own fullName.
fn distribution_points(value: &mut Writer, urls: &[String]) {
    value.nested(tag::SEQUENCE, |points| {
        for url in urls {
            points.nested(tag::SEQUENCE, |point| {
                point.nested(tag::context_constructed(0), |name| {
                    name.nested(tag::context_constructed(0), |full_name| san::write_uri(full_name, url));
                });
            });
        }
    });
}

fn authority_information(value: &mut Writer, template: &CertificateTemplate) {
    value.nested(tag::SEQUENCE, |descriptions| {
        for (method, urls) in [(oid::CA_ISSUERS, &template.ca_issuers), (oid::OCSP, &template.ocsp)] {
            for url in urls {
                descriptions.nested(tag::SEQUENCE, |description| {
                    description.oid(&method);
                    san::write_uri(description, url);
                });
            }
        }
    });
}
