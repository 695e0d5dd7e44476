//! Extensions: purposes (EKU), and custom ones that a requester may set if the CA allows it.

mod der;

use const_oid::ObjectIdentifier;

/// Longest value of a custom extension, in octets.
const MAX_VALUE: usize = 65_536;

/// A checked extension from a requester: its value is exactly one DER value, its OID not one that the CA sets itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomExtension {
    oid: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
}

/// Why a custom extension is refused. The texts are those of the drop-in contract where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// Not a valid object identifier.
    #[error("Custom extension OID {oid} is not a valid object identifier")]
    InvalidOid {
        /// As given.
        oid: String,
    },
    /// The CA sets this extension itself.
    #[error("Custom extension OID {oid} is reserved and cannot be set by callers")]
    Reserved {
        /// As given.
        oid: String,
    },
    /// The value is not exactly one DER value of at most 64 KiB.
    #[error("Custom extension OID {oid} has a value that is not DER")]
    NotDer {
        /// As given.
        oid: String,
    },
}

/// OIDs that the CA sets itself and requesters may not (the drop-in contract's list).
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
    /// Validates; `value` is the content of extnValue.
    pub fn new(oid: &str, critical: bool, value: Vec<u8>) -> Result<Self, ExtensionError> {
        let Ok(parsed) = ObjectIdentifier::new(oid) else {
            return Err(ExtensionError::InvalidOid {
                oid: oid.chars().take(100).collect(),
            });
        };
        if RESERVED.contains(&parsed) {
            return Err(ExtensionError::Reserved { oid: oid.to_owned() });
        }
        if value.len() > MAX_VALUE || !der::is_one_value(&value) {
            return Err(ExtensionError::NotDer { oid: oid.to_owned() });
        }
        Ok(Self {
            oid: parsed,
            critical,
            value,
        })
    }

    /// An extension of an issued certificate: it was checked then, or another CA issued it.
    pub(crate) fn read_back(oid: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Self {
        Self { oid, critical, value }
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

/// Extended key usages by name: the drop-in contract's names, and their OIDs (RFC 5280 section 4.2.1.12).
const EXTENDED_KEY_USAGES: [(&str, ObjectIdentifier); 10] = [
    ("TLS_WEB_SERVER_AUTHENTICATION", SERVER_AUTH),
    ("TLS_WEB_CLIENT_AUTHENTICATION", CLIENT_AUTH),
    ("CODE_SIGNING", CODE_SIGNING),
    ("EMAIL_PROTECTION", EMAIL_PROTECTION),
    ("TIME_STAMPING", TIME_STAMPING),
    ("OCSP_SIGNING", OCSP_SIGNING),
    ("IPSEC_END_SYSTEM", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.5")),
    ("IPSEC_TUNNEL", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.6")),
    ("IPSEC_USER", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.7")),
    ("ANY", ANY_EXTENDED_KEY_USAGE),
];

/// id-kp-serverAuth
pub const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
/// id-kp-clientAuth
pub const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
/// id-kp-codeSigning
pub const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// id-kp-emailProtection
pub const EMAIL_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4");
/// id-kp-timeStamping
pub const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
/// id-kp-OCSPSigning
pub const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
/// anyExtendedKeyUsage
pub const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// The extended key usage for a name or OID in a request: one of the contract's names (`TLS_WEB_SERVER_AUTHENTICATION`,
/// …), or a dotted OID. The caller handles `NONE`. `None`: neither.
pub fn extended_key_usage(name: &str) -> Option<ObjectIdentifier> {
    let known = EXTENDED_KEY_USAGES.iter().find(|(known, _)| *known == name);
    known.map(|(_, oid)| *oid).or_else(|| ObjectIdentifier::new(name).ok())
}

/// The contract's name of an extended key usage, if it has one.
pub fn extended_key_usage_name(oid: &ObjectIdentifier) -> Option<&'static str> {
    EXTENDED_KEY_USAGES
        .iter()
        .find(|(_, known)| known == oid)
        .map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const OID: &str = "1.3.6.1.4.1.99999.1";

    #[test]
    fn one_der_value_is_kept_as_it_is() {
        let extension = CustomExtension::new(OID, true, hex!("0c0161").to_vec()).unwrap();
        assert_eq!(extension.oid().to_string(), OID);
        assert!(extension.critical());
        assert_eq!(extension.value(), hex!("0c0161"));
    }

    #[test]
    fn oids_the_ca_sets_itself_are_reserved() {
        for oid in RESERVED {
            let oid = oid.to_string();
            let refused = CustomExtension::new(&oid, false, hex!("0500").to_vec()).unwrap_err();
            assert_eq!(refused, ExtensionError::Reserved { oid: oid.clone() });
            assert_eq!(
                refused.to_string(),
                format!("Custom extension OID {oid} is reserved and cannot be set by callers")
            );
        }
    }

    #[test]
    fn texts_that_are_no_oid_are_refused() {
        for oid in [
            "",
            "1",
            "a.b",
            "1.3.6.1.",
            "3.1.1",
            "1.40.1",
            "1.2.-3",
            " 1.2.3",
            "1.2.840.99999999999",
        ] {
            let refused = CustomExtension::new(oid, false, hex!("0500").to_vec());
            assert_eq!(refused, Err(ExtensionError::InvalidOid { oid: oid.to_owned() }));
        }
    }

    #[test]
    fn values_that_are_not_exactly_one_der_value_are_refused() {
        let large = vec![0; MAX_VALUE + 1];
        for value in [&hex!("")[..], &hex!("0500 00"), &hex!("0c0261"), b"text", &large] {
            let refused = CustomExtension::new(OID, false, value.to_vec());
            assert_eq!(refused, Err(ExtensionError::NotDer { oid: OID.to_owned() }));
        }
    }

    #[test]
    fn extended_key_usages_have_the_contracts_names() {
        for (name, oid) in EXTENDED_KEY_USAGES {
            assert_eq!(extended_key_usage(name), Some(oid));
            assert_eq!(extended_key_usage(&oid.to_string()), Some(oid));
            assert_eq!(extended_key_usage_name(&oid), Some(name));
        }
        assert_eq!(
            extended_key_usage("TIME_STAMPING").unwrap().to_string(),
            "1.3.6.1.5.5.7.3.8"
        );
        assert_eq!(
            extended_key_usage("IPSEC_USER").unwrap().to_string(),
            "1.3.6.1.5.5.7.3.7"
        );
        assert_eq!(extended_key_usage("NONE"), None);
        assert_eq!(extended_key_usage("serverAuth"), None);
        assert_eq!(extended_key_usage("1.2.3.4").unwrap().to_string(), "1.2.3.4");
    }
}
