//! Writes TBSCertificates (RFC 5280 section 4.1), their extensions in a fixed order.

use const_oid::ObjectIdentifier;

use super::{BasicConstraints, CertificateTemplate, TbsCertificate, constraints, oid};
use crate::algorithm::CaKeyAlgorithm;
use crate::name::Name;
use crate::san;
use crate::time::UnixTime;
use crate::tlv::{Writer, tag, time};

/// Values computed while checking a template, for encoding it.
pub(super) struct Checked {
    /// The DER Validity.
    pub(super) validity: Vec<u8>,
}

/// Generous size, in octets, of everything except the key, the names and the custom extensions.
const TYPICAL_REST: usize = 512;

/// The DER Validity: UTCTime until 2049, GeneralizedTime from 2050. `None`: a year that X.509 cannot encode.
pub(super) fn validity(not_before: UnixTime, not_after: UnixTime) -> Option<Vec<u8>> {
    let mut times = Vec::with_capacity(36);
    time::push(&mut times, not_before).ok()?;
    time::push(&mut times, not_after).ok()?;
    let mut writer = Writer::with_capacity(40);
    writer.value(tag::SEQUENCE, &times);
    Some(writer.finish())
}

/// The TBSCertificate of a checked template.
pub(super) fn tbs(
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
