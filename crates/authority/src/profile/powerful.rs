//! Extended key usages that affect parties beyond the holder of the certificate and its direct peers.

use const_oid::ObjectIdentifier;

/// Usages that give power over others' certificates, keys or machines, or every power: a profile must name them
/// explicitly.
pub(super) const USAGES: [ObjectIdentifier; 20] = [
    // OCSPSigning: the holder answers on the CA's behalf which certificates are revoked (RFC 6960 section 4.2.2.2).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9"),
    // anyExtendedKeyUsage: valid for every purpose, including that one (RFC 5280 section 4.2.1.12).
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    // DVCS and SCVP servers tell clients which certificates are valid (RFC 3029, RFC 5055).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.10"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.15"),
    // Certificate Request Agent (enrols on behalf of others), Smart Card Logon (logs on as whoever the certificate
    // names).
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.1"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2"),
    // Directory Service Email Replication: identifies a domain controller to others.
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.21.19"),
    // PKINIT: Kerberos clients, and KDCs (RFC 4556 sections 3.2.2 and 3.2.4).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.5"),
    // Key Recovery Agent, Private Key Archival, and BitLocker's Data Recovery Agent decrypt what others have encrypted.
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.21.6"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.21.5"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.67.1.2"),
    // Any application policy.
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.12.1"),
    // CMC certification authorities, registration authorities and key archives (RFC 6402 section 2.10), and CMP key
    // generation authorities (RFC 9480 section 2.2).
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.27"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.28"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.29"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.32"),
    // Endorsement and attestation keys: verifiers trust them to attest that a TPM holds another key.
    ObjectIdentifier::new_unwrap("2.23.133.8.1"),
    ObjectIdentifier::new_unwrap("2.23.133.8.3"),
    // Signing of precertificates (RFC 6962 section 3.1).
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.4"),
];

/// Arcs under which Windows decides, by usage alone, what it trusts: certificate trust lists, CAs that may issue for
/// others, recovery of keys and of files, drivers, system components, and early-launch code.
const WINDOWS: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.61"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.76"),
];

/// Usages under those arcs that ordinary certificates have: server gated cryptography, encrypting file system (the
/// user's own files), document signing, lifetime signing.
const HARMLESS: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.3"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.13"),
];

/// Whether a profile has to name that usage explicitly; `*` does not allow it.
///
/// `timeStamping`, `codeSigning` and `emailProtection` are not powerful: relying parties configure trust in a CA for
/// them separately, and callers of the drop-in contract request them by name.
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
