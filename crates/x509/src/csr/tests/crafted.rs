//! Requests with faults that a test chooses.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;

use crate::algorithm::CaKeyAlgorithm;
use crate::tlv::{Writer, tag};

/// A `CertificationRequestInfo` with faults that a test chooses.
pub(super) struct Info {
    pub(super) version: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) attributes: bool,
    pub(super) extension_requests: usize,
    pub(super) extensions: Vec<Extension>,
}

pub(super) struct Extension {
    pub(super) oid: &'static str,
    pub(super) critical: Option<u8>,
    pub(super) value: Vec<u8>,
}

impl Default for Info {
    fn default() -> Self {
        Self {
            version: vec![0],
            subject: vec![0x30, 0],
            attributes: true,
            extension_requests: 1,
            extensions: Vec::new(),
        }
    }
}

impl Default for Extension {
    fn default() -> Self {
        Self {
            oid: "2.5.29.17",
            critical: None,
            value: vec![0x30, 0],
        }
    }
}

impl Info {
    pub(super) fn encode(&self, spki: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.nested(tag::SEQUENCE, |info| {
            info.value(tag::INTEGER, &self.version);
            info.raw(&self.subject);
            info.raw(spki);
            if !self.attributes {
                return;
            }
            info.nested(tag::context_constructed(0), |attributes| {
                for _ in 0..self.extension_requests {
                    attributes.nested(tag::SEQUENCE, |attribute| {
                        attribute.oid(&rfc5912::ID_EXTENSION_REQ);
                        attribute.nested(tag::SET, |values| {
                            values.nested(tag::SEQUENCE, |list| {
                                self.extensions.iter().for_each(|extension| extension.encode(list));
                            });
                        });
                    });
                }
            });
        });
        writer.finish()
    }
}

impl Extension {
    fn encode(&self, list: &mut Writer) {
        list.nested(tag::SEQUENCE, |fields| {
            fields.oid(&ObjectIdentifier::new_unwrap(self.oid));
            if let Some(critical) = self.critical {
                fields.value(tag::BOOLEAN, &[critical]);
            }
            fields.value(tag::OCTET_STRING, &self.value);
        });
    }
}

pub(super) fn assemble(info: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.nested(tag::SEQUENCE, |request| {
        request.raw(info);
        request.raw(CaKeyAlgorithm::P256.signature_algorithm_der());
        request.value(tag::BIT_STRING, &[&[0], signature].concat());
    });
    writer.finish()
}
