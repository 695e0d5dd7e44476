//! Object identifiers, compared as octets.

use std::fmt;

use const_oid::ObjectIdentifier;

/// The contents of an OBJECT IDENTIFIER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oid<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Oid<'_> {
    /// Dotted, with the name if it has one: `2.5.29.15 (id-ce-keyUsage)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(oid) = ObjectIdentifier::from_bytes(self.0) else {
            return write!(f, "an OID of {} octets", self.0.len());
        };
        match const_oid::db::DB.by_oid(&oid) {
            Some(name) => write!(f, "{oid} ({name})"),
            None => write!(f, "{oid}"),
        }
    }
}

macro_rules! oids {
    ($($name:ident = $dotted:literal;)*) => {
        $(
            #[doc = $dotted]
            pub(crate) const $name: Oid<'static> = {
                const IDENTIFIER: &ObjectIdentifier = &ObjectIdentifier::new_unwrap($dotted);
                Oid(IDENTIFIER.as_bytes())
            };
        )*
    };
}

// Attribute types.
oids! {
    COMMON_NAME = "2.5.4.3";
    SURNAME = "2.5.4.4";
    SERIAL_NUMBER = "2.5.4.5";
    COUNTRY = "2.5.4.6";
    LOCALITY = "2.5.4.7";
    STATE = "2.5.4.8";
    STREET_ADDRESS = "2.5.4.9";
    ORGANIZATION = "2.5.4.10";
    ORGANIZATIONAL_UNIT = "2.5.4.11";
    TITLE = "2.5.4.12";
    BUSINESS_CATEGORY = "2.5.4.15";
    POSTAL_CODE = "2.5.4.17";
    NAME = "2.5.4.41";
    GIVEN_NAME = "2.5.4.42";
    INITIALS = "2.5.4.43";
    GENERATION_QUALIFIER = "2.5.4.44";
    DN_QUALIFIER = "2.5.4.46";
    PSEUDONYM = "2.5.4.65";
    EMAIL_ADDRESS = "1.2.840.113549.1.9.1";
    DOMAIN_COMPONENT = "0.9.2342.19200300.100.1.25";
}

// Extensions.
oids! {
    SUBJECT_DIRECTORY_ATTRIBUTES = "2.5.29.9";
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
    KEY_USAGE = "2.5.29.15";
    SUBJECT_ALT_NAME = "2.5.29.17";
    ISSUER_ALT_NAME = "2.5.29.18";
    BASIC_CONSTRAINTS = "2.5.29.19";
    CRL_NUMBER = "2.5.29.20";
    REASON_CODE = "2.5.29.21";
    INVALIDITY_DATE = "2.5.29.24";
    DELTA_CRL_INDICATOR = "2.5.29.27";
    ISSUING_DISTRIBUTION_POINT = "2.5.29.28";
    CERTIFICATE_ISSUER = "2.5.29.29";
    NAME_CONSTRAINTS = "2.5.29.30";
    CRL_DISTRIBUTION_POINTS = "2.5.29.31";
    CERTIFICATE_POLICIES = "2.5.29.32";
    POLICY_MAPPINGS = "2.5.29.33";
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
    POLICY_CONSTRAINTS = "2.5.29.36";
    EXTENDED_KEY_USAGE = "2.5.29.37";
    FRESHEST_CRL = "2.5.29.46";
    INHIBIT_ANY_POLICY = "2.5.29.54";
    AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1";
    SUBJECT_INFO_ACCESS = "1.3.6.1.5.5.7.1.11";
}

// Key purposes and access methods.
oids! {
    ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";
    SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
    CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
    EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4";
    TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
    AD_OCSP = "1.3.6.1.5.5.7.48.1";
    AD_CA_ISSUERS = "1.3.6.1.5.5.7.48.2";
}

// Public keys.
oids! {
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
    EC_PUBLIC_KEY = "1.2.840.10045.2.1";
    P256 = "1.2.840.10045.3.1.7";
    P384 = "1.3.132.0.34";
    P521 = "1.3.132.0.35";
    X25519 = "1.3.101.110";
    X448 = "1.3.101.111";
    ED25519 = "1.3.101.112";
    ED448 = "1.3.101.113";
    ML_DSA_44 = "2.16.840.1.101.3.4.3.17";
    ML_DSA_65 = "2.16.840.1.101.3.4.3.18";
    ML_DSA_87 = "2.16.840.1.101.3.4.3.19";
}

// Signatures.
oids! {
    MD2_WITH_RSA = "1.2.840.113549.1.1.2";
    MD5_WITH_RSA = "1.2.840.113549.1.1.4";
    SHA1_WITH_RSA = "1.2.840.113549.1.1.5";
    SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
    SHA384_WITH_RSA = "1.2.840.113549.1.1.12";
    SHA512_WITH_RSA = "1.2.840.113549.1.1.13";
    SHA224_WITH_RSA = "1.2.840.113549.1.1.14";
    RSASSA_PSS = "1.2.840.113549.1.1.10";
    DSA_WITH_SHA1 = "1.2.840.10040.4.3";
    ECDSA_WITH_SHA1 = "1.2.840.10045.4.1";
    ECDSA_WITH_SHA224 = "1.2.840.10045.4.3.1";
    ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
    ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3";
    ECDSA_WITH_SHA512 = "1.2.840.10045.4.3.4";
}
