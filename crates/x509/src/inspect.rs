//! Describes certificates, requests and CRLs for people and programs: every field, extensions by name.
//!
//! Nothing is trusted and little is refused: objects with unsupported keys, with signatures that do not verify, or
//! malformed in places, are described as far as possible, and their faults are listed in [`Inspection::problems`].

mod extensions;
mod foreign;
mod general_name;
mod key;
mod object;
mod text;
mod value;

use crate::certificate::Certificate;
use crate::crl::RevocationList;
use crate::csr::{CertificationRequest, CsrBudget};
use crate::pem::{self, PemError};
use crate::tlv::der;
use crate::tlv::tag;

pub use value::{ExtensionValue, Field, Value};

/// Most that an inspection shows; the rest is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InspectLimits {
    /// Entries of a CRL.
    pub crl_entries: usize,
    /// Extensions of an object, and values of an extension.
    pub list_items: usize,
    /// Octets of a value that is shown in hexadecimal.
    pub octets: usize,
    /// Blocks of a PEM file; [`NotInspectable::TooManyBlocks`] where there are more.
    pub blocks: usize,
}

impl Default for InspectLimits {
    /// 20 entries, 100 values, 48 octets, 1,000 blocks.
    fn default() -> Self {
        Self {
            crl_entries: 20,
            list_items: 100,
            octets: 48,
            blocks: 1000,
        }
    }
}

/// The type of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectKind {
    /// A certificate.
    Certificate,
    /// A certification request.
    CertificationRequest,
    /// A certificate revocation list.
    RevocationList,
    /// A SubjectPublicKeyInfo.
    PublicKey,
    /// A PEM block with another label, of which only the label is shown: private keys above all.
    Other,
}

impl ObjectKind {
    /// For programs: `certificate`, `certificationRequest`, `revocationList`, `publicKey`, `other`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::CertificationRequest => "certificationRequest",
            Self::RevocationList => "revocationList",
            Self::PublicKey => "publicKey",
            Self::Other => "other",
        }
    }
}

/// The description of an object, to be shown as text ([`Display`](std::fmt::Display)) or as JSON
/// ([`fields`](Self::fields) as an object, [`Value`]s in the obvious way).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The type of the object.
    pub kind: ObjectKind,
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// Its faults, as text.
    pub problems: Vec<String>,
    /// Its DER, for further checks; empty for [`ObjectKind::Other`].
    pub der: Vec<u8>,
}

/// Why a file could not be inspected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotInspectable {
    /// No known content was found.
    #[error("this is neither a certificate, nor a CSR, nor a CRL, in PEM or DER: {why}")]
    Unknown {
        /// What is wrong, as far as it can be determined.
        why: PemError,
    },
    /// A recognised format of another kind.
    #[error("this is {what}: {advice}")]
    Foreign {
        /// The format.
        what: &'static str,
        /// Which tool opens it.
        advice: &'static str,
    },
    /// A PEM file with more blocks than the limit.
    #[error("the file holds {actual} objects, at most {limit} are shown")]
    TooManyBlocks {
        /// The file's number of blocks.
        actual: usize,
        /// The limit.
        limit: usize,
    },
}

/// Describes every object in a PEM or DER file.
pub fn inspect(input: &[u8], limits: &InspectLimits) -> Result<Vec<Inspection>, NotInspectable> {
    if let Some(kind) = kind_of(input) {
        return Ok(vec![inspect_one(kind, input.to_vec(), limits)]);
    }
    let unknown = |why| foreign::recognised(input).unwrap_or(NotInspectable::Unknown { why });
    let blocks = pem::decode_all(input).map_err(unknown)?;
    if blocks.len() > limits.blocks {
        return Err(NotInspectable::TooManyBlocks {
            actual: blocks.len(),
            limit: limits.blocks,
        });
    }
    let first = blocks[0].label.clone();
    let inspections: Vec<Inspection> = blocks
        .into_iter()
        .map(|block| match kind_of_label(&block.label) {
            ObjectKind::Other => passed_over(&block.label),
            kind => inspect_one(kind, block.der, limits),
        })
        .collect();
    if inspections
        .iter()
        .all(|inspection| inspection.kind == ObjectKind::Other)
    {
        return Err(unknown(PemError::OtherLabel { label: first }));
    }
    Ok(inspections)
}

/// The type that a PEM label stands for (RFC 7468).
fn kind_of_label(label: &str) -> ObjectKind {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" => ObjectKind::Certificate,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => ObjectKind::CertificationRequest,
        "X509 CRL" => ObjectKind::RevocationList,
        "PUBLIC KEY" => ObjectKind::PublicKey,
        _ => ObjectKind::Other,
    }
}

/// The type of DER, according to the tags of its first elements.
fn kind_of(der: &[u8]) -> Option<ObjectKind> {
    /// `[0]`: a certificate's version at the front, or a request's attributes at the end.
    const VERSION_OR_ATTRIBUTES: u8 = tag::context_constructed(0);
    let mut outer = der::only(der, tag::SEQUENCE).ok()?.reader();
    let first = outer.expect(tag::SEQUENCE).ok()?;
    if outer.optional(tag::BIT_STRING).ok()?.is_some() {
        return outer.is_empty().then_some(ObjectKind::PublicKey);
    }
    let mut tags = first.reader();
    let mut next = || tags.read().ok().map(|element| element.tag);
    match (next()?, next()?, next()?, next()) {
        (VERSION_OR_ATTRIBUTES, tag::INTEGER, ..)
        | (tag::INTEGER, tag::SEQUENCE, tag::SEQUENCE, Some(tag::SEQUENCE)) => Some(ObjectKind::Certificate),
        (tag::SEQUENCE, tag::SEQUENCE, tag::UTC_TIME | tag::GENERALIZED_TIME, _)
        | (tag::INTEGER, tag::SEQUENCE, tag::SEQUENCE, Some(tag::UTC_TIME | tag::GENERALIZED_TIME)) => {
            Some(ObjectKind::RevocationList)
        }
        (tag::INTEGER, tag::SEQUENCE, tag::SEQUENCE, None | Some(VERSION_OR_ATTRIBUTES)) => {
            Some(ObjectKind::CertificationRequest)
        }
        _ => None,
    }
}

/// A block of another kind: only its label is shown, since it may be a private key.
fn passed_over(label: &str) -> Inspection {
    Inspection {
        kind: ObjectKind::Other,
        fields: vec![
            Field::new("label", "Label", label),
            Field::new("content", "Content", "not shown"),
        ],
        problems: Vec::new(),
        der: Vec::new(),
    }
}

fn inspect_one(kind: ObjectKind, der: Vec<u8>, limits: &InspectLimits) -> Inspection {
    let mut fields = Vec::new();
    let mut problems = Vec::new();
    let read = match kind {
        ObjectKind::Certificate => object::certificate(&der, limits, &mut fields),
        ObjectKind::CertificationRequest => object::request(&der, limits, &mut fields),
        ObjectKind::RevocationList => object::revocation_list(&der, limits, &mut fields),
        ObjectKind::PublicKey => object::public_key(&der, &mut fields),
        ObjectKind::Other => Ok(()),
    };
    match kind {
        ObjectKind::Certificate => problems.extend(Certificate::parse(&der).err().map(|error| error.to_string())),
        ObjectKind::CertificationRequest => {
            let proof = CertificationRequest::parse(&der, &budget(der.len()));
            fields.push(Field::new("proofOfPossession", "Proof of possession", proof.is_ok()));
            problems.extend(proof.err().map(|error| error.to_string()));
        }
        ObjectKind::RevocationList => problems.extend(strict_crl_error(&der)),
        ObjectKind::PublicKey | ObjectKind::Other => {}
    }
    if read.is_err() && problems.is_empty() && kind == ObjectKind::CertificationRequest {
        // The strict parser accepts the request, so a certificate can be issued for it.
        fields.push(Field::new(
            "omitted",
            "Not shown",
            "what follows is in a form that is not known here",
        ));
    } else if read.is_err() && problems.is_empty() {
        problems.push("malformed: what follows the fields shown is not as X.509 wants it".to_owned());
    }
    if kind != ObjectKind::PublicKey {
        fields.push(Field::new("sha256", "SHA-256", key::sha256(&der)));
        fields.push(Field::new("sha1", "SHA-1", key::sha1(&der)));
    }
    Inspection {
        kind,
        fields,
        problems,
        der,
    }
}

/// Inspecting a request costs little: its own size is the bound.
fn budget(octets: usize) -> CsrBudget {
    CsrBudget {
        octets,
        subject_attributes: octets,
        extensions: octets,
        alt_names: octets,
    }
}

fn strict_crl_error(der: &[u8]) -> Option<String> {
    match RevocationList::parse(der) {
        Ok(crl) => crl.entries().find_map(Result::err).map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    }
}
