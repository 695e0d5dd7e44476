//! The only way to a signature on a certificate.
//!
//! A CA's key signs a certificate only through `Signable`, which can only be obtained through the checks below. An
//! intent in a ledger is untrusted: otherwise an attacker who can write there could have anything signed, such as a
//! CA's certificate, a CRL or two octets. So an intent that is resumed, and did not just come from
//! [`Prepared`](crate::issue::Prepared), must
//! - carry an authentication code that only processes that may prepare certificates can make (`authentication`);
//! - have a TBSCertificate that parses as exactly one, and matches the intent's fields (`Signable::against`);
//! - equal, octet for octet, what the current rules produce for such names, usages and key, and pass every lint.

pub(crate) mod authentication;

use chancery_x509::algorithm::SigningInput;
use chancery_x509::certificate::{Certificate, CertificateError, KeyUsage, TbsCertificate};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::name::Name;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::authority::Ca;
use crate::issue::names::recorded_name_of;
use crate::port::ledger::{CertificateIntent, Kind, OpenIntent};
use crate::port::{KeyName, KeyStore, KeyStoreError, Receipt};

/// Why something is not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSignable {
    /// Not made by a process that may prepare certificates, or by a version that did not authenticate its intents.
    #[error("it carries no authentication code: somebody else wrote it, or a former version did")]
    NoCode,
    /// The code does not match what is recorded.
    #[error("its authentication code is not that of what is recorded: it was written or changed by somebody else")]
    WrongCode,
    /// The code's key is of a day that is too long past, or in the future.
    #[error(
        "its authentication code is not of the last {days} days: it waited longer than anything is waited for, a former version \
         made it, or somebody made it with a key of long ago", days = crate::port::IntentNonce::DAYS
    )]
    OldCode,
    /// Not a TBSCertificate, or one with trailing data.
    #[error("what is recorded to be signed is no TBSCertificate: {0}")]
    NotATbsCertificate(#[from] CertificateError),
    /// The TBSCertificate does not match the intent.
    #[error("the {what} in its TBSCertificate is not what is recorded beside it")]
    Differs {
        /// The field that differs.
        what: &'static str,
    },
    /// A leaf's intent with the TBSCertificate of a CA, or the reverse.
    #[error("its TBSCertificate is a CA's, and what is recorded beside it is not, or the other way round")]
    WrongKind,
    /// The current rules forbid it.
    #[error("it may not be issued: {0}")]
    Forbidden(String),
    /// Not the TBSCertificate that this authority would build.
    #[error("its TBSCertificate is not the one that this authority writes for such a certificate")]
    OtherOctets,
}

/// A TBSCertificate that may be signed, and the key to sign it with.
#[derive(Debug)]
pub(crate) struct Signable {
    key: KeyName,
    public: CaPublicKey,
    tbs: TbsCertificate,
    input: SigningInput,
}

/// A certificate just signed.
pub(crate) struct SignedCertificate {
    pub(crate) certificate: Vec<u8>,
    pub(crate) receipt: Receipt,
}

/// Why no signature was obtained.
pub(crate) enum SigningFailure {
    KeyStore(KeyStoreError),
    /// The key store's signature does not verify with the expected public key.
    BadSignature {
        receipt: Receipt,
    },
}

/// The signer: an existing CA, or a root for its own certificate.
#[derive(Clone, Copy)]
pub(crate) struct Signer<'a> {
    pub(crate) key: &'a KeyName,
    pub(crate) public: &'a CaPublicKey,
    pub(crate) name: &'a Name,
}

/// An intent's claims about its certificate.
struct Facts<'a> {
    serial: Serial,
    is_authority: bool,
    common_name: &'a str,
    key: KeyFingerprint,
    not_before: UnixTime,
    not_after: UnixTime,
}

impl<'a> Signer<'a> {
    pub(crate) fn of(ca: &'a Ca) -> Self {
        Self {
            key: &ca.record.key,
            public: ca.issuer.public_key(),
            name: ca.certificate().subject(),
        }
    }
}

impl Signable {
    /// For an intent that this process just prepared: checks its TBSCertificate against the recorded intent.
    pub(crate) fn prepared(
        tbs: TbsCertificate,
        intent: &CertificateIntent,
        signer: Signer<'_>,
    ) -> Result<Self, NotSignable> {
        let facts = Facts {
            serial: intent.id.serial,
            is_authority: is_authority(&intent.kind),
            common_name: &intent.common_name,
            key: intent.key,
            not_before: intent.not_before,
            not_after: intent.not_after,
        };
        Self::against(tbs, &facts, signer).map(|(signable, _)| signable)
    }

    /// For an authenticated intent from the ledger. `rebuild` builds what this authority would sign for it now.
    pub(crate) fn resumed(
        intent: &OpenIntent,
        signer: Signer<'_>,
        rebuild: impl FnOnce(&Certificate) -> Result<TbsCertificate, NotSignable>,
    ) -> Result<Self, NotSignable> {
        let facts = Facts {
            serial: intent.id.serial,
            is_authority: is_authority(&intent.kind),
            common_name: &intent.common_name,
            key: intent.key,
            not_before: intent.not_before,
            not_after: intent.not_after,
        };
        let tbs = TbsCertificate::from_der(intent.tbs.clone(), signer.public.algorithm());
        let (signable, certificate) = Self::against(tbs, &facts, signer)?;
        if rebuild(&certificate)?.as_der() != signable.tbs.as_der() {
            return Err(NotSignable::OtherOctets);
        }
        Ok(signable)
    }

    /// Parses the TBSCertificate, which must be exactly one, and checks it against what is recorded beside it.
    fn against(tbs: TbsCertificate, facts: &Facts<'_>, signer: Signer<'_>) -> Result<(Self, Certificate), NotSignable> {
        let certificate = tbs.read()?;
        let same = |is_same: bool, what: &'static str| {
            if is_same {
                Ok(())
            } else {
                Err(NotSignable::Differs { what })
            }
        };
        let subject = certificate.subject();
        let name = if facts.is_authority {
            subject.attributes().common_name.unwrap_or_default()
        } else {
            recorded_name_of(subject, certificate.alt_names())
        };
        same(certificate.issuer() == signer.name, "issuer")?;
        same(certificate.serial() == facts.serial, "serial number")?;
        same(KeyFingerprint::of(certificate.spki_der()) == facts.key, "public key")?;
        same(name == facts.common_name, "name")?;
        same(certificate.not_before() == facts.not_before, "notBefore")?;
        same(certificate.not_after() == facts.not_after, "notAfter")?;
        if has_powers_of_a_ca(&certificate) != facts.is_authority {
            return Err(NotSignable::WrongKind);
        }
        let signable = Self {
            key: signer.key.clone(),
            public: signer.public.clone(),
            input: tbs.signing_input(signer.public),
            tbs,
        };
        Ok((signable, certificate))
    }

    /// Signs and verifies the signature: a faulty key store must not release a certificate that does not verify, or
    /// whose signature leaks the key.
    pub(crate) async fn sign(self, keys: &dyn KeyStore) -> Result<SignedCertificate, SigningFailure> {
        let signed = keys
            .sign(&self.key, &self.input)
            .await
            .map_err(SigningFailure::KeyStore)?;
        if self.public.verify(&self.input, &signed.signature).is_err() {
            return Err(SigningFailure::BadSignature {
                receipt: signed.receipt,
            });
        }
        Ok(SignedCertificate {
            certificate: self.tbs.assemble(&signed.signature),
            receipt: signed.receipt,
        })
    }
}

fn is_authority(kind: &Kind) -> bool {
    matches!(kind, Kind::Authority { .. })
}

/// Whether a verifier might accept signatures by its key as a CA's.
fn has_powers_of_a_ca(certificate: &Certificate) -> bool {
    let usage = certificate.key_usage().unwrap_or_default();
    certificate
        .basic_constraints()
        .is_some_and(|constraints| constraints.ca)
        || usage.contains(KeyUsage::KEY_CERT_SIGN)
        || usage.contains(KeyUsage::CRL_SIGN)
}
