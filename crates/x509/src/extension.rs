//! Extensions: purposes (EKU), and custom ones that a requester may set where the CA allows it.

use const_oid::ObjectIdentifier;

/// An extension set by the requester, checked: its value is one DER value, its OID not one the CA sets itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomExtension {
    // H2 may design the fields; constructors below
    oid: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
}

/// Why a custom extension is refused. The texts are those of the drop-in contract where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// Not an object identifier.
    #[error("Custom extension OID {oid} is not a valid object identifier")]
    InvalidOid {
        /// As given.
        oid: String,
    },
    /// Set by the CA itself.
    #[error("Custom extension OID {oid} is reserved and cannot be set by callers")]
    Reserved {
        /// As given.
        oid: String,
    },
    /// The value is not exactly one DER value.
    #[error("Custom extension OID {oid} has a value that is not DER")]
    NotDer {
        /// As given.
        oid: String,
    },
}

/// OIDs that the CA sets itself and no requester may (the drop-in contract's list).
pub const RESERVED: [ObjectIdentifier; 9] = [
    ObjectIdentifier::new_unwrap("2.5.29.14"),
    ObjectIdentifier::new_unwrap("2.5.29.15"),
    ObjectIdentifier::new_unwrap("2.5.29.17"),
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.31"),
    ObjectIdentifier::new_unwrap("2.5.29.32"),
    ObjectIdentifier::new_unwrap("2.5.29.35"),
    ObjectIdentifier::new_unwrap("2.5.29.37"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1"),
];

impl CustomExtension {
    /// Checks and keeps; `value` is the content of extnValue.
    pub fn new(_oid: &str, _critical: bool, _value: Vec<u8>) -> Result<Self, ExtensionError> {
        todo!("H2")
    }

    /// The object identifier.
    pub fn oid(&self) -> ObjectIdentifier {
        self.oid
    }

    /// Whether the extension is marked critical.
    pub fn critical(&self) -> bool {
        self.critical
    }

    /// The DER inside extnValue.
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// An extended key usage of that name or OID in a request: the contract's names
/// (`TLS_WEB_SERVER_AUTHENTICATION`, …), or a dotted OID. `NONE` is handled by the caller. `None`: neither.
pub fn extended_key_usage(_name: &str) -> Option<ObjectIdentifier> {
    todo!("H2")
}
