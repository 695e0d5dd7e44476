//! Distinguished names (RFC 5280 section 4.1.2.4), and the seven attributes that a request can set.

/// A distinguished name, as the DER it came in or was built as.
///
/// The DER is kept because names are compared and copied as octets where it matters: a certificate's issuer
/// is its CA's subject, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    // H2 designs the fields
    der: Vec<u8>,
}

/// Why bytes are no name, or values make none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not a DER Name.
    #[error("the distinguished name is malformed")]
    Malformed,
    /// A value longer than X.520's upper bound (RFC 5280 appendix A).
    #[error("{attribute} has {actual} characters, at most {limit} are allowed")]
    TooLong {
        /// The attribute's field name, e.g. `common_name`.
        attribute: &'static str,
        /// Characters given.
        actual: usize,
        /// The upper bound.
        limit: usize,
    },
    /// A value that its attribute cannot hold: an empty one, a country that is not two letters, control characters, …
    #[error("{attribute} is invalid: {detail}")]
    Invalid {
        /// The attribute's field name.
        attribute: &'static str,
        /// What was wrong.
        detail: &'static str,
    },
}

impl Name {
    /// Parses a DER Name.
    pub fn from_der(_der: &[u8]) -> Result<Self, NameError> {
        todo!("H2")
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// RFC 4514 text: last RDN first, escaped; what the API answers as `Subject`.
    pub fn to_rfc4514(&self) -> String {
        todo!("H2")
    }

    /// The first value of each of the seven attributes, wherever it stands (multi-valued RDNs included).
    pub fn attributes(&self) -> Subject {
        todo!("H2")
    }

    /// Whether the name has no RDN at all.
    pub fn is_empty(&self) -> bool {
        todo!("H2")
    }
}

/// The attributes that a subject can have here. Encoded in the order of the drop-in contract:
/// CN, C, emailAddress, L, O, OU, ST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// CN, up to 64 characters.
    pub common_name: Option<String>,
    /// C, two letters.
    pub country: Option<String>,
    /// emailAddress, up to 255 characters, IA5String.
    pub email_address: Option<String>,
    /// L, up to 128 characters.
    pub locality: Option<String>,
    /// O, up to 64 characters.
    pub organization: Option<String>,
    /// OU, up to 64 characters.
    pub organizational_unit: Option<String>,
    /// ST, up to 128 characters.
    pub state: Option<String>,
}

impl Subject {
    /// Each value of `self` where there is one, else that of `fallback`.
    #[must_use]
    pub fn or(self, fallback: Subject) -> Self {
        Self {
            common_name: self.common_name.or(fallback.common_name),
            country: self.country.or(fallback.country),
            email_address: self.email_address.or(fallback.email_address),
            locality: self.locality.or(fallback.locality),
            organization: self.organization.or(fallback.organization),
            organizational_unit: self.organizational_unit.or(fallback.organizational_unit),
            state: self.state.or(fallback.state),
        }
    }

    /// Encodes: one attribute an RDN, PrintableString for C, IA5String for emailAddress, UTF8String otherwise.
    pub fn to_name(&self) -> Result<Name, NameError> {
        todo!("H2")
    }
}
