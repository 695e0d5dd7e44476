//! Names of object identifiers: a label for people, and the standards' identifier for programs.

use const_oid::ObjectIdentifier;
use const_oid::db::DB;

/// The names of an object identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// In dotted form; in hexadecimal where the octets are not an object identifier.
    pub(crate) oid: String,
    /// The standards' identifier.
    pub(crate) name: Option<&'static str>,
    /// Label for people; the standards' identifier if it has none.
    pub(crate) label: Option<&'static str>,
}

/// An algorithm or curve for display: its name and its OID, or only the OID.
pub(crate) fn display_name(oid: &str) -> String {
    label_of(oid).map_or_else(|| oid.to_owned(), |label| format!("{label} ({oid})"))
}

/// The label of an object identifier in dotted form.
pub(crate) fn label_of(oid: &str) -> Option<&'static str> {
    TABLE.iter().find(|(known, ..)| *known == oid).map(|(.., label)| *label)
}

impl Named {
    /// Looks up an object identifier's content octets.
    pub(crate) fn of(content: &[u8]) -> Self {
        let Ok(parsed) = ObjectIdentifier::from_bytes(content) else {
            return Self {
                oid: data_encoding::HEXLOWER.encode(content),
                name: None,
                label: None,
            };
        };
        let oid = parsed.to_string();
        if let Some((_, name, label)) = TABLE.iter().find(|(known, ..)| *known == oid) {
            return Self {
                oid,
                name: Some(name),
                label: Some(label),
            };
        }
        let name = DB.by_oid(&parsed);
        Self { oid, name, label: name }
    }

    /// The label, or the dotted OID if there is none.
    pub(crate) fn to_label(&self) -> String {
        self.label.map_or_else(|| self.oid.clone(), str::to_owned)
    }

    /// The standards' identifier, or the dotted OID if there is none.
    pub(crate) fn to_name(&self) -> String {
        self.name.map_or_else(|| self.oid.clone(), str::to_owned)
    }
}

/// Object identifier, the standards' identifier, label. Sorted by category, then by number.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str)] = &[
    // Extensions of certificates and CRLs.
    ("1.3.6.1.4.1.311.20.2", "enrollCerttypeExtension", "Microsoft certificate type"),
    ("1.3.6.1.4.1.311.21.1", "certsrvCaVersion", "Microsoft CA version"),
    ("1.3.6.1.4.1.311.21.7", "certificateTemplate", "Microsoft certificate template"),
    ("1.3.6.1.4.1.311.21.10", "applicationCertPolicies", "Microsoft application policies"),
    ("1.3.6.1.4.1.311.25.2", "ntdsCaSecurityExt", "Microsoft security identifier"),
    ("1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestampList", "Signed certificate timestamps"),
    ("1.3.6.1.4.1.11129.2.4.3", "ctPoison", "Certificate transparency poison"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess", "Authority information access"),
    ("1.3.6.1.5.5.7.1.3", "qcStatements", "Qualified certificate statements"),
    ("1.3.6.1.5.5.7.1.11", "subjectInfoAccess", "Subject information access"),
    ("1.3.6.1.5.5.7.1.24", "tlsFeature", "TLS features"),
    ("1.3.6.1.5.5.7.48.1.5", "ocspNoCheck", "OCSP no check"),
    ("2.5.29.9", "subjectDirectoryAttributes", "Subject directory attributes"),
    ("2.5.29.14", "subjectKeyIdentifier", "Subject key identifier"),
    ("2.5.29.15", "keyUsage", "Key usage"),
    ("2.5.29.16", "privateKeyUsagePeriod", "Private key usage period"),
    ("2.5.29.17", "subjectAltName", "Subject alternative names"),
    ("2.5.29.18", "issuerAltName", "Issuer alternative names"),
    ("2.5.29.19", "basicConstraints", "Basic constraints"),
    ("2.5.29.20", "cRLNumber", "CRL number"),
    ("2.5.29.21", "reasonCode", "Reason"),
    ("2.5.29.24", "invalidityDate", "Invalidity date"),
    ("2.5.29.27", "deltaCRLIndicator", "Delta CRL indicator"),
    ("2.5.29.28", "issuingDistributionPoint", "Issuing distribution point"),
    ("2.5.29.29", "certificateIssuer", "Certificate issuer"),
    ("2.5.29.30", "nameConstraints", "Name constraints"),
    ("2.5.29.31", "cRLDistributionPoints", "CRL distribution points"),
    ("2.5.29.32", "certificatePolicies", "Certificate policies"),
    ("2.5.29.33", "policyMappings", "Policy mappings"),
    ("2.5.29.35", "authorityKeyIdentifier", "Authority key identifier"),
    ("2.5.29.36", "policyConstraints", "Policy constraints"),
    ("2.5.29.37", "extKeyUsage", "Extended key usage"),
    ("2.5.29.46", "freshestCRL", "Freshest CRL"),
    ("2.5.29.54", "inhibitAnyPolicy", "Inhibit anyPolicy"),
    ("2.16.840.1.113730.1.1", "netscapeCertType", "Netscape certificate type"),
    ("2.16.840.1.113730.1.13", "netscapeComment", "Netscape comment"),
    // Extended key usages.
    ("1.3.6.1.4.1.311.10.3.4", "msEFS", "Microsoft encrypted file system"),
    ("1.3.6.1.4.1.311.20.2.2", "msSmartcardLogon", "Microsoft smart card logon"),
    ("1.3.6.1.5.2.3.4", "pkinitKPClientAuth", "Kerberos client authentication"),
    ("1.3.6.1.5.2.3.5", "pkinitKPKdc", "Kerberos KDC"),
    ("1.3.6.1.5.5.7.3.1", "serverAuth", "TLS server"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth", "TLS client"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning", "Code signing"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection", "E-mail protection"),
    ("1.3.6.1.5.5.7.3.5", "ipsecEndSystem", "IPsec end system"),
    ("1.3.6.1.5.5.7.3.6", "ipsecTunnel", "IPsec tunnel"),
    ("1.3.6.1.5.5.7.3.7", "ipsecUser", "IPsec user"),
    ("1.3.6.1.5.5.7.3.8", "timeStamping", "Time stamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSPSigning", "OCSP signing"),
    ("1.3.6.1.5.5.7.3.17", "ipsecIKE", "IPsec IKE"),
    ("1.3.6.1.5.5.7.3.21", "secureShellClient", "SSH client"),
    ("1.3.6.1.5.5.7.3.22", "secureShellServer", "SSH server"),
    ("1.3.6.1.5.5.7.3.36", "documentSigning", "Document signing"),
    ("2.5.29.37.0", "anyExtendedKeyUsage", "Any"),
    // Access methods, policies and qualifiers.
    ("1.3.6.1.5.5.7.2.1", "cps", "Practice statement"),
    ("1.3.6.1.5.5.7.2.2", "unotice", "User notice"),
    ("1.3.6.1.5.5.7.48.1", "ocsp", "OCSP"),
    ("1.3.6.1.5.5.7.48.2", "caIssuers", "CA issuers"),
    ("1.3.6.1.5.5.7.48.3", "timeStamping", "Time stamping"),
    ("1.3.6.1.5.5.7.48.5", "caRepository", "CA repository"),
    ("2.5.29.32.0", "anyPolicy", "anyPolicy"),
    ("2.23.140.1.2.1", "domain-validated", "CA/Browser Forum: domain validated"),
    ("2.23.140.1.2.2", "organization-validated", "CA/Browser Forum: organization validated"),
    // Other names.
    ("1.3.6.1.4.1.311.20.2.3", "userPrincipalName", "User principal name"),
    ("1.3.6.1.5.2.2", "krb5PrincipalName", "Kerberos principal name"),
    ("1.3.6.1.5.5.7.8.5", "xmppAddr", "XMPP address"),
    ("1.3.6.1.5.5.7.8.9", "smtpUTF8Mailbox", "UTF-8 mailbox"),
    // Attributes of certification requests.
    ("1.2.840.113549.1.9.2", "unstructuredName", "Unstructured name"),
    ("1.2.840.113549.1.9.7", "challengePassword", "Challenge password"),
    ("1.2.840.113549.1.9.8", "unstructuredAddress", "Unstructured address"),
    ("1.2.840.113549.1.9.14", "extensionRequest", "Requested extensions"),
    ("1.3.6.1.4.1.311.2.1.14", "certExtensions", "Requested extensions (Microsoft)"),
    ("1.3.6.1.4.1.311.13.2.3", "osVersion", "Microsoft OS version"),
    ("1.3.6.1.4.1.311.21.20", "requestClientInfo", "Microsoft client"),
    // Signature algorithms.
    ("1.2.840.10040.4.3", "dsa-with-sha1", "DSA with SHA-1"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1", "ECDSA with SHA-1"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256", "ECDSA with SHA-256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384", "ECDSA with SHA-384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512", "ECDSA with SHA-512"),
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption", "RSA with MD5"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption", "RSA with SHA-1"),
    ("1.2.840.113549.1.1.10", "id-RSASSA-PSS", "RSA-PSS"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption", "RSA with SHA-256"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption", "RSA with SHA-384"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption", "RSA with SHA-512"),
    ("2.16.840.1.101.3.4.3.1", "dsa-with-sha224", "DSA with SHA-224"),
    ("2.16.840.1.101.3.4.3.2", "dsa-with-sha256", "DSA with SHA-256"),
    // Keys, and algorithms whose signatures have the key's object identifier.
    ("1.2.840.10040.4.1", "id-dsa", "DSA"),
    ("1.2.840.10045.2.1", "id-ecPublicKey", "EC"),
    ("1.2.840.113549.1.1.1", "rsaEncryption", "RSA"),
    ("1.3.101.110", "id-X25519", "X25519"),
    ("1.3.101.111", "id-X448", "X448"),
    ("1.3.101.112", "id-Ed25519", "Ed25519"),
    ("1.3.101.113", "id-Ed448", "Ed448"),
    ("2.16.840.1.101.3.4.3.17", "id-ml-dsa-44", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "id-ml-dsa-65", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "id-ml-dsa-87", "ML-DSA-87"),
    // Curves.
    ("1.2.840.10045.3.1.7", "secp256r1", "P-256"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", "brainpoolP512r1"),
    ("1.3.132.0.10", "secp256k1", "secp256k1"),
    ("1.3.132.0.33", "secp224r1", "P-224"),
    ("1.3.132.0.34", "secp384r1", "P-384"),
    ("1.3.132.0.35", "secp521r1", "P-521"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_in_the_table_is_an_object_identifier_and_there_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (oid, name, label) in TABLE {
            let parsed = ObjectIdentifier::new(oid).unwrap();
            assert!(seen.insert(*oid), "{oid} is there twice");
            let named = Named::of(parsed.as_bytes());
            assert_eq!((named.to_name().as_str(), named.to_label().as_str()), (*name, *label));
        }
    }

    #[test]
    fn others_come_from_the_registry_or_stay_numbers() {
        let registered = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
        assert_eq!(Named::of(registered.as_bytes()).to_name(), "id-sha256");
        let unknown = ObjectIdentifier::new_unwrap("1.2.3.4.5.6");
        assert_eq!(Named::of(unknown.as_bytes()).to_label(), "1.2.3.4.5.6");
        assert_eq!(Named::of(&[0x80]).to_label(), "80");
    }
}
