"""Reads what Chancery wrote with PyPI cryptography: signatures, names, key identifiers, revocation.

usage: judge.py CHAIN.pem CRL.der... -- CERT.pem...

CHAIN holds the issuing CA's certificate and those above it, root last. Every certificate must chain to it; every CRL must be
signed by one of its CAs, with that CA's key identifier. Prints one JSON object; exits 1 with a message if anything is wrong.
"""

import json
import sys

from cryptography import x509
from cryptography.x509.oid import ExtensionOID


def check(condition, message):
    if not condition:
        sys.exit(f"judge: {message}")


def extension(thing, oid):
    return thing.extensions.get_extension_for_oid(oid).value


def main():
    arguments = sys.argv[1:]
    split = arguments.index("--")
    with open(arguments[0], "rb") as file:
        chain = x509.load_pem_x509_certificates(file.read())
    check(len(chain) >= 2, "the chain has fewer than two certificates")
    for child, parent in zip(chain, chain[1:]):
        child.verify_directly_issued_by(parent)
    chain[-1].verify_directly_issued_by(chain[-1])

    crls = []
    for path in arguments[1:split]:
        with open(path, "rb") as file:
            crl = x509.load_der_x509_crl(file.read())
        signer = next((ca for ca in chain if ca.subject == crl.issuer), None)
        check(signer is not None, f"{path}: no CA of the chain is its issuer")
        check(crl.is_signature_valid(signer.public_key()), f"{path}: the signature does not verify")
        aki = extension(crl, ExtensionOID.AUTHORITY_KEY_IDENTIFIER).key_identifier
        check(aki == extension(signer, ExtensionOID.SUBJECT_KEY_IDENTIFIER).digest, f"{path}: AKI is not its CA's SKI")
        check(crl.next_update_utc > crl.last_update_utc, f"{path}: it ends before it begins")
        crls.append(crl)

    told = []
    for path in arguments[split + 1 :]:
        with open(path, "rb") as file:
            certificate = x509.load_pem_x509_certificates(file.read())[0]
        issuer = next((ca for ca in chain if ca.subject == certificate.issuer), None)
        check(issuer is not None, f"{path}: no CA of the chain is its issuer")
        certificate.verify_directly_issued_by(issuer)
        aki = extension(certificate, ExtensionOID.AUTHORITY_KEY_IDENTIFIER).key_identifier
        check(aki == extension(issuer, ExtensionOID.SUBJECT_KEY_IDENTIFIER).digest, f"{path}: AKI is not its CA's SKI")
        ski = extension(certificate, ExtensionOID.SUBJECT_KEY_IDENTIFIER).digest
        check(ski == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest, f"{path}: SKI is not method 1")
        check(certificate.not_valid_after_utc <= issuer.not_valid_after_utc, f"{path}: it outlives its CA")
        entry = next(
            (
                entry
                for crl in crls
                if crl.issuer == certificate.issuer
                and (entry := crl.get_revoked_certificate_by_serial_number(certificate.serial_number))
            ),
            None,
        )
        reason = None
        if entry is not None:
            try:
                reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
            except x509.ExtensionNotFound:
                reason = "unspecified"
        told.append(
            {
                "subject": certificate.subject.rfc4514_string(),
                "serial": str(certificate.serial_number),
                "extensions": [ext.oid.dotted_string for ext in certificate.extensions],
                "revoked": reason,
            }
        )
    numbers = [extension(crl, ExtensionOID.CRL_NUMBER).crl_number for crl in crls]
    print(json.dumps({"certificates": told, "crl_numbers": numbers}))


main()
