//! Recognises files of other formats by their first octets, so that the user learns what they are and which tool opens
//! them.

use super::NotInspectable;
use crate::pem;
use crate::tlv::der;
use crate::tlv::{NotDer, Reader, tag};

const PRIVATE_ADVICE: &str =
    "nothing of it is shown; `openssl pkey -pubout` writes its public half, which can be inspected";
const PKCS7: NotInspectable = NotInspectable::Foreign {
    what: "PKCS #7, a collection of certificates or a signed or encrypted message",
    advice: "`openssl pkcs7 -print_certs` writes its certificates as PEM (-inform DER where it is no PEM)",
};
const OPEN_KEY: NotInspectable = NotInspectable::Foreign {
    what: "a private key, not encrypted",
    advice: PRIVATE_ADVICE,
};
const SEALED_KEY: NotInspectable = NotInspectable::Foreign {
    what: "a private key, encrypted with a passphrase",
    advice: PRIVATE_ADVICE,
};
const SSH_KEY: NotInspectable = NotInspectable::Foreign {
    what: "an OpenSSH public key",
    advice: "`ssh-keygen -e -m PKCS8` writes it as PEM, which can be inspected",
};
pub(super) const TRUSTED: NotInspectable = NotInspectable::Foreign {
    what: "a TRUSTED CERTIFICATE, OpenSSL's form of a certificate with trust settings behind it",
    advice: "`openssl x509` writes the certificate alone",
};

/// Recognises a file of another format.
pub(super) fn recognised(input: &[u8]) -> Option<NotInspectable> {
    let text = input.trim_ascii_start();
    if text.is_empty() {
        return Some(NotInspectable::Foreign {
            what: "an empty file",
            advice: "look whether the program that should have written it failed",
        });
    }
    if let Some(block) = pem::blocks(input).next() {
        return of_label(block.label(), input);
    }
    if [b"ssh-", b"ecds", b"sk-s", b"sk-e"]
        .iter()
        .any(|start| text.starts_with(*start))
        && text.contains(&b' ')
    {
        return Some(SSH_KEY);
    }
    match input {
        [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => Some(NotInspectable::Foreign {
            what: "a Java key store (JKS or JCEKS)",
            advice: "`keytool -exportcert -rfc` writes a certificate of it as PEM, `keytool -list -v` tells what is in it",
        }),
        _ => of_der(input).ok().flatten(),
    }
}

/// The format that a PEM label stands for, if it is not one of those that are inspected.
pub(super) fn of_label(label: &str, input: &[u8]) -> Option<NotInspectable> {
    const SEALED: &[u8] = b"Proc-Type: 4,ENCRYPTED";
    match label {
        "PRIVATE KEY" => Some(OPEN_KEY),
        "ENCRYPTED PRIVATE KEY" => Some(SEALED_KEY),
        "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY" => {
            let sealed = input.windows(SEALED.len()).any(|window| window == SEALED);
            Some(if sealed { SEALED_KEY } else { OPEN_KEY })
        }
        "OPENSSH PRIVATE KEY" => Some(NotInspectable::Foreign {
            what: "an OpenSSH private key",
            advice: "nothing of it is shown; `ssh-keygen -y` writes its public half",
        }),
        "SSH2 PUBLIC KEY" => Some(SSH_KEY),
        "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => Some(PKCS7),
        "TRUSTED CERTIFICATE" => Some(TRUSTED),
        label if label.starts_with("PGP ") => Some(NotInspectable::Foreign {
            what: "OpenPGP data",
            advice: "`gpg --show-keys` tells a key",
        }),
        _ => None,
    }
}

/// The format of DER that does not start like a certificate, request or CRL.
fn of_der(input: &[u8]) -> Result<Option<NotInspectable>, NotDer> {
    /// pkcs-7, RFC 2315 section 14: the arc of signedData and the other content types.
    const PKCS_7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
    let mut outer = der_reader(input)?;
    let first = outer.read()?;
    match first.tag {
        tag::OID if first.content.starts_with(PKCS_7) => Ok(Some(PKCS7)),
        // EncryptedPrivateKeyInfo (RFC 5958 section 3): an algorithm and octets.
        tag::SEQUENCE => {
            let sealed = outer.optional(tag::OCTET_STRING)?.is_some() && outer.is_empty();
            let named = first.reader().optional(tag::OID)?.is_some();
            Ok((sealed && named).then_some(SEALED_KEY))
        }
        tag::INTEGER => {
            let second = outer.read()?;
            match (first.content, second.tag) {
                // PFX (RFC 7292 section 4), version 3.
                ([3], tag::SEQUENCE) => Ok(Some(NotInspectable::Foreign {
                    what: "PKCS #12, a key and its certificates under a password",
                    advice: "`openssl pkcs12 -nokeys` writes its certificates as PEM",
                })),
                // PrivateKeyInfo (RFC 5958 section 2), versions 1 and 2; RSAPrivateKey (RFC 8017 appendix A.1.2);
                // ECPrivateKey (RFC 5915 section 3).
                ([0 | 1], tag::SEQUENCE) if outer.optional(tag::OCTET_STRING)?.is_some() => Ok(Some(OPEN_KEY)),
                ([0], tag::INTEGER) | ([1], tag::OCTET_STRING) => Ok(Some(OPEN_KEY)),
                _ => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// Java and Windows write PKCS #7 and #12 in BER with indefinite lengths; only the beginning is parsed.
fn der_reader(input: &[u8]) -> Result<Reader<'_>, NotDer> {
    match input {
        [0x30, 0x80, rest @ ..] => Ok(Reader::new(rest)),
        _ => Ok(der::only(input, tag::SEQUENCE)?.reader()),
    }
}
