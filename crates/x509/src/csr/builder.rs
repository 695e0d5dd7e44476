//! Building certification requests: the part to be signed, and the request with its signature.
//!
//! Private keys stay with their holder, which signs the whole of [`CertificationRequestInfo::as_der`] with an algorithm
//! of its choice.

use const_oid::db::rfc5912::{ID_CE_SUBJECT_ALT_NAME, ID_EXTENSION_REQ};

use crate::key::SubjectPublicKey;
use crate::name::Name;
use crate::san::{self, AltName};
use crate::tlv::{Writer, tag};

/// A `CertificationRequestInfo` (RFC 2986 section 4.1), to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificationRequestInfo {
    der: Vec<u8>,
}

impl CertificationRequestInfo {
    /// A request for a certificate of `public_key` under `subject`, which may be empty, and `alt_names`, which are
    /// requested in a subjectAltName extension if there are any; critical if the subject is empty (RFC 5280 section
    /// 4.2.1.6).
    pub fn new(subject: &Name, public_key: &SubjectPublicKey, alt_names: &[AltName]) -> Self {
        let mut writer = Writer::with_capacity(subject.as_der().len() + public_key.as_der().len() + 128);
        writer.nested(tag::SEQUENCE, |info| {
            info.value(tag::INTEGER, &[0]);
            info.raw(subject.as_der());
            info.raw(public_key.as_der());
            info.nested(tag::context_constructed(0), |attributes| {
                if !alt_names.is_empty() {
                    write_extension_request(attributes, alt_names, subject.is_empty());
                }
            });
        });
        Self { der: writer.finish() }
    }

    /// The DER that is signed.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The DER `CertificationRequest` with that signature, made with the algorithm of the DER `AlgorithmIdentifier`
    /// `signature_algorithm`.
    pub fn assemble(&self, signature_algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.der.len() + signature.len() + 64);
        writer.nested(tag::SEQUENCE, |request| {
            request.raw(&self.der);
            request.raw(signature_algorithm);
            request.nested(tag::BIT_STRING, |bits| {
                bits.raw(&[0]);
                bits.raw(signature);
            });
        });
        writer.finish()
    }
}

fn write_extension_request(attributes: &mut Writer, alt_names: &[AltName], critical: bool) {
    attributes.nested(tag::SEQUENCE, |attribute| {
        attribute.oid(&ID_EXTENSION_REQ);
        attribute.nested(tag::SET, |values| {
            values.nested(tag::SEQUENCE, |extensions| {
                extensions.nested(tag::SEQUENCE, |extension| {
                    extension.oid(&ID_CE_SUBJECT_ALT_NAME);
                    if critical {
                        extension.value(tag::BOOLEAN, &[0xff]);
                    }
                    extension.nested(tag::OCTET_STRING, |value| san::write_all(value, alt_names));
                });
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509CertificationRequest};

    use super::*;
    use crate::algorithm::CaKeyAlgorithm;
    use crate::csr::{CertificationRequest, CsrBudget};
    use crate::key::test_keys::TestKey;
    use crate::name::Subject;
    use crate::san::AltNameType;

    fn name(common_name: &str) -> Name {
        let common_name = Some(common_name.to_owned());
        Subject {
            common_name,
            ..Subject::default()
        }
        .to_name()
        .unwrap()
    }

    fn nameless() -> Name {
        Name::from_der(&[0x30, 0]).unwrap()
    }

    fn make(private: &TestKey, algorithm: &[u8], subject: &Name, alt_names: &[AltName]) -> Vec<u8> {
        let public_key = SubjectPublicKey::from_der(&private.spki()).unwrap();
        let info = CertificationRequestInfo::new(subject, &public_key, alt_names);
        info.assemble(algorithm, &private.sign(info.as_der()))
    }

    #[test]
    fn what_is_built_is_read_back_for_every_kind_of_key() {
        for algorithm in CaKeyAlgorithm::ALL {
            let private = TestKey::generate(algorithm);
            let der = make(
                &private,
                algorithm.signature_algorithm_der(),
                &name("built.example.com"),
                &[],
            );
            let request = CertificationRequest::parse(&der, &CsrBudget::default()).unwrap();
            assert_eq!(request.subject(), &name("built.example.com"));
            assert_eq!(request.public_key().as_der(), private.spki());
            assert_eq!(request.requested_extensions(), []);
        }
        let ed25519 = make(
            &TestKey::ed25519(),
            b"\x30\x05\x06\x03\x2b\x65\x70",
            &name("ed25519"),
            &[],
        );
        assert!(CertificationRequest::parse(&ed25519, &CsrBudget::default()).is_ok());
    }

    #[test]
    fn another_parser_reads_the_alternative_names() {
        let parse = |kind, value| AltName::parse(kind, value).unwrap();
        let alt_names = [
            parse(AltNameType::Dns, "*.example.com"),
            parse(AltNameType::Ip, "192.0.2.1"),
            parse(AltNameType::Ip, "2001:db8::1"),
            parse(AltNameType::Email, "a@example.com"),
            parse(AltNameType::Uri, "https://example.com/a"),
            AltName::Directory(name("inside")),
        ];
        let private = TestKey::generate(CaKeyAlgorithm::P256);
        let algorithm = CaKeyAlgorithm::P256.signature_algorithm_der();
        for (subject, critical) in [(name("built.example.com"), false), (nameless(), true)] {
            let der = make(&private, algorithm, &subject, &alt_names);
            let request = CertificationRequest::parse(&der, &CsrBudget::default()).unwrap();
            assert_eq!(request.requested_extensions()[0].critical, critical);
            assert_eq!(request.requested_alt_names().as_deref(), Ok(&alt_names[..]));

            let (rest, judged) = X509CertificationRequest::from_der(&der).unwrap();
            assert!(rest.is_empty());
            let extensions: Vec<_> = judged.requested_extensions().unwrap().collect();
            let [ParsedExtension::SubjectAlternativeName(names)] = extensions[..] else {
                panic!("{extensions:?}");
            };
            let [
                GeneralName::DNSName("*.example.com"),
                GeneralName::IPAddress([192, 0, 2, 1]),
                GeneralName::IPAddress([0x20, 0x01, 0x0d, 0xb8, .., 1]),
                GeneralName::RFC822Name("a@example.com"),
                GeneralName::URI("https://example.com/a"),
                GeneralName::DirectoryName(directory),
            ] = &names.general_names[..]
            else {
                panic!("{names:?}");
            };
            assert_eq!(directory.to_string(), "CN=inside");
        }
    }
}
