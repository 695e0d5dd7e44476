//! Extended key usages that are believed by others than who talks to the certificate's holder.

use const_oid::ObjectIdentifier;

/// Usages that give power over others' certificates, keys or machines, or every power: allowed only where a profile names them.
pub(super) const USAGES: [ObjectIdentifier; 20] = [
    // OCSPSigning: its holder answers for the CA which certificates are revoked (RFC 6960 section 4.2.2.2).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9"),
    // anyExtendedKeyUsage: good for everything, that included (RFC 5280 section 4.2.1.12).
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    // DVCS and SCVP servers say for others which certificates are valid (RFC 3029, RFC 5055).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.10"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.15"),
    // Certificate Request Agent (enrols for others), Smart Card Logon (is whoever its name says).
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.1"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2"),
    // Directory Service Email Replication: a domain controller to others.
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.21.19"),
    // PKINIT: Kerberos clients, and KDCs (RFC 4556 sections 3.2.2 and 3.2.4).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.5"),
    // Key Recovery Agent, Private Key Archival, and BitLocker's Data Recovery Agent open what others have sealed.
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.21.6"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.21.5"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.67.1.2"),
    // Any application policy.
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.12.1"),
    // Whoever is a CA to CMC, registers for one, or archives keys (RFC 6402 section 2.10), or makes others' keys (RFC 9480
    // section 2.2).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.27"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.28"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.29"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.32"),
    // Endorsement and attestation keys: that another key is held by a TPM is believed to them.
    ObjectIdentifier::new_unwrap("2.23.133.8.1"),
    ObjectIdentifier::new_unwrap("2.23.133.8.3"),
    // Signing of precertificates (RFC 6962 section 3.1).
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.4"),
];

/// Arcs below which Windows decides, by usages alone, what it trusts itself: lists of roots, CAs that may issue for others, recovery
/// of keys and of files, drivers, parts of the system, and code that is loaded before everything else.
const WINDOWS: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.61"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.76"),
];

/// What people have certificates for below those arcs: server gated cryptography, encrypting file system (one's own files), document
/// signing, lifetime signing.
const HARMLESS: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.3"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.13"),
];

/// Whether a profile has to name that usage; `*` alone does not allow it.
///
/// `timeStamping`, `codeSigning` and `emailProtection` are none: whoever trusts this CA for them says so where it is trusted, and the
/// drop-in contract has callers name them.
pub(super) fn is_powerful(usage: &ObjectIdentifier) -> bool {
    let of_windows = WINDOWS
        .iter()
        .any(|arc| usage.arcs().take(arc.arcs().count()).eq(arc.arcs()));
    USAGES.contains(usage) || (of_windows && !HARMLESS.contains(usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_below_the_arcs_of_windows_are_powerful_but_for_those_listed() {
        let is_powerful = |usage| is_powerful(&ObjectIdentifier::new_unwrap(usage));
        for powerful in [
            "1.3.6.1.4.1.311.10.3.1",
            "1.3.6.1.4.1.311.10.3.4.1",
            "1.3.6.1.4.1.311.10.3.5",
            "1.3.6.1.4.1.311.10.3.5.1",
            "1.3.6.1.4.1.311.10.3.39",
            "1.3.6.1.4.1.311.61.1.1",
            "1.3.6.1.4.1.311.61.4.1",
            "1.3.6.1.4.1.311.76.8.1",
        ] {
            assert!(is_powerful(powerful), "{powerful}");
        }
        for harmless in [
            "1.3.6.1.4.1.311.10.3.4",
            "1.3.6.1.4.1.311.10.3.12",
            "1.3.6.1.4.1.311.10.30",
            "1.3.6.1.4.1.311.67.1.1",
            "1.3.6.1.4.1.311.54.1.2",
            "1.3.6.1.5.5.7.3.1",
            "1.3.6.1.5.5.7.3.3",
            "1.3.6.1.5.5.7.3.4",
            "1.3.6.1.5.5.7.3.8",
            "1.3.6",
        ] {
            assert!(!is_powerful(harmless), "{harmless}");
        }
    }
}
