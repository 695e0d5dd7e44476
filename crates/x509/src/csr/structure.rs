//! The structure of CertificationRequest (RFC 2986 section 4), parsed without copying and without recursion: elements
//! are counted by their headers before any of them is parsed.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_CE_SUBJECT_ALT_NAME, ID_EXTENSION_REQ};

use super::{CsrBudget, CsrError, RequestedExtension, within};
use crate::tlv::{NotDer, Reader, Tlv, tag};

/// The fields of a request, as slices of the request's DER.
pub(super) struct Request<'a> {
    /// CertificationRequestInfo, with tag and length: the message that is signed.
    pub(super) info: &'a [u8],
    /// Name, with tag and length.
    pub(super) subject: &'a [u8],
    /// SubjectPublicKeyInfo, with tag and length.
    pub(super) public_key: &'a [u8],
    pub(super) extensions: Vec<RequestedExtension>,
    /// AlgorithmIdentifier, with tag and length.
    pub(super) signature_algorithm: &'a [u8],
    pub(super) signature_algorithm_oid: ObjectIdentifier,
    pub(super) signature: &'a [u8],
}

/// Parses a whole request, without leading or trailing octets.
pub(super) fn read<'a>(der: &'a [u8], budget: &CsrBudget) -> Result<Request<'a>, CsrError> {
    let mut outermost = Reader::new(der);
    let mut request = outermost
        .expect(tag::SEQUENCE)
        .or_malformed("it is not one whole SEQUENCE")?
        .reader();
    outermost.finish().or_malformed("something follows its end")?;

    let info = request
        .expect(tag::SEQUENCE)
        .or_malformed("it has no CertificationRequestInfo")?;
    let signature_algorithm = request.expect(tag::SEQUENCE).or_malformed(BAD_ALGORITHM)?;
    let signature = request
        .read()
        .and_then(|value| value.whole_octets())
        .or_malformed("it has no signature")?;
    request.finish().or_malformed("something follows its signature")?;
    let signature_algorithm_oid = oid(&mut signature_algorithm.reader()).or_malformed(BAD_ALGORITHM)?;

    let mut fields = info.reader();
    let version = fields.expect(tag::INTEGER).or_malformed("it has no version")?;
    if version.content != [0] {
        return Err(malformed("its version is not 1 (encoded as 0)"));
    }
    let subject = fields.expect(tag::SEQUENCE).or_malformed(BAD_SUBJECT)?;
    let public_key = fields.expect(tag::SEQUENCE).or_malformed("it has no public key")?;
    // Some generators omit empty attributes, which RFC 2986 does not allow but which is harmless.
    let attributes = fields
        .optional(tag::context_constructed(0))
        .or_malformed(BAD_ATTRIBUTE)?;
    fields.finish().or_malformed("something follows its attributes")?;

    let subject_attributes = count_subject_attributes(&subject).or_malformed(BAD_SUBJECT)?;
    within("subject attributes", subject_attributes, budget.subject_attributes)?;
    let requested = attributes.map_or(Ok(None), |attributes| find_extension_request(&attributes))?;
    let extensions = requested.map_or(Ok(Vec::new()), |list| read_extensions(&list, budget))?;
    Ok(Request {
        info: info.raw,
        subject: subject.raw,
        public_key: public_key.raw,
        extensions,
        signature_algorithm: signature_algorithm.raw,
        signature_algorithm_oid,
        signature,
    })
}

const BAD_ALGORITHM: &str = "its signature algorithm is not an AlgorithmIdentifier";
pub(super) const BAD_SUBJECT: &str = "its subject is not a distinguished name";
const BAD_ATTRIBUTE: &str = "one of its attributes is not an Attribute";
pub(super) const BAD_EXTENSION: &str = "one of the extensions that it asks for is not an Extension";
pub(super) const BAD_ALT_NAME: &str = "the subjectAltName that it asks for is not a list of names";

fn count_subject_attributes(subject: &Tlv<'_>) -> Result<usize, NotDer> {
    let mut relative_names = subject.reader();
    let mut attributes = 0;
    while !relative_names.is_empty() {
        attributes += count(relative_names.expect(tag::SET)?.reader())?;
    }
    Ok(attributes)
}

/// The one Extensions in the one extensionRequest (RFC 2985 section 5.4.2: single-valued).
fn find_extension_request<'a>(attributes: &Tlv<'a>) -> Result<Option<Tlv<'a>>, CsrError> {
    let mut attributes = attributes.reader();
    let mut found = None;
    while !attributes.is_empty() {
        let (oid, values) = attribute(&mut attributes).or_malformed(BAD_ATTRIBUTE)?;
        if oid != ID_EXTENSION_REQ {
            continue;
        }
        let mut values = values.reader();
        let extensions = values
            .expect(tag::SEQUENCE)
            .or_malformed("its extensionRequest holds no Extensions")?;
        values
            .finish()
            .or_malformed("its extensionRequest has more than one value")?;
        if found.replace(extensions).is_some() {
            return Err(malformed("it has two extensionRequests"));
        }
    }
    Ok(found)
}

/// Attribute ::= SEQUENCE { type OBJECT IDENTIFIER, values SET OF ANY }
fn attribute<'a>(attributes: &mut Reader<'a>) -> Result<(ObjectIdentifier, Tlv<'a>), NotDer> {
    let mut fields = attributes.expect(tag::SEQUENCE)?.reader();
    let oid = oid(&mut fields)?;
    let values = fields.expect(tag::SET)?;
    fields.finish()?;
    Ok((oid, values))
}

fn read_extensions(list: &Tlv<'_>, budget: &CsrBudget) -> Result<Vec<RequestedExtension>, CsrError> {
    let number = count(list.reader()).or_malformed(BAD_EXTENSION)?;
    within("extensions", number, budget.extensions)?;

    let mut extensions: Vec<RequestedExtension> = Vec::with_capacity(number);
    let mut list = list.reader();
    while !list.is_empty() {
        let (oid, critical, value) = extension(&mut list).or_malformed(BAD_EXTENSION)?;
        if extensions.iter().any(|other| other.oid == oid) {
            return Err(CsrError::DuplicateExtension { oid: oid.to_string() });
        }
        if oid == ID_CE_SUBJECT_ALT_NAME {
            let names = Reader::only(value, tag::SEQUENCE)
                .and_then(count)
                .or_malformed(BAD_ALT_NAME)?;
            within("alternative names", names, budget.alt_names)?;
        }
        let value = value.to_vec();
        extensions.push(RequestedExtension { oid, critical, value });
    }
    Ok(extensions)
}

/// Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }; an explicit FALSE is not
/// DER, but common.
fn extension<'a>(list: &mut Reader<'a>) -> Result<(ObjectIdentifier, bool, &'a [u8]), NotDer> {
    let mut fields = list.expect(tag::SEQUENCE)?.reader();
    let oid = oid(&mut fields)?;
    let critical = match fields.optional(tag::BOOLEAN)?.map(|value| value.content) {
        Some([0xff]) => true,
        Some([0]) | None => false,
        Some(_) => return Err(NotDer::Unexpected),
    };
    let value = fields.expect(tag::OCTET_STRING)?.content;
    fields.finish()?;
    Ok((oid, critical, value))
}

fn oid(fields: &mut Reader<'_>) -> Result<ObjectIdentifier, NotDer> {
    ObjectIdentifier::from_bytes(fields.expect(tag::OID)?.content).map_err(|_| NotDer::Unexpected)
}

/// Counts values by their headers.
fn count(mut values: Reader<'_>) -> Result<usize, NotDer> {
    let mut count = 0;
    while !values.is_empty() {
        values.read()?;
        count += 1;
    }
    Ok(count)
}

fn malformed(detail: &'static str) -> CsrError {
    CsrError::Malformed { detail }
}

trait OrMalformed<T> {
    fn or_malformed(self, detail: &'static str) -> Result<T, CsrError>;
}

impl<T> OrMalformed<T> for Result<T, NotDer> {
    fn or_malformed(self, detail: &'static str) -> Result<T, CsrError> {
        self.map_err(|_: NotDer| malformed(detail))
    }
}
