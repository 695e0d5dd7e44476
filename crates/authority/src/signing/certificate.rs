//! Certificates: a TBSCertificate is held against the intent that was recorded for it.

use chancery_x509::algorithm::SigningInput;
use chancery_x509::certificate::{Certificate, KeyUsage, TbsCertificate};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::name::Name;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{NotSignable, SigningError, attempt};
use crate::ca::Ca;
use crate::issue::names::recorded_name_of;
use crate::port::ledger::{Attempt, AttemptPosition, AttemptSubject, CertificateIntent, OpenIntent};
use crate::port::{KeyName, Receipt, SigningPorts};

/// A TBSCertificate that may be signed, and the key to sign it with.
#[derive(Debug)]
pub(crate) struct Signable {
    key: KeyName,
    public: CaPublicKey,
    tbs: TbsCertificate,
    input: SigningInput,
    attempt: NextAttempt,
}

/// The attempt that signs it.
#[derive(Debug)]
enum NextAttempt {
    /// It is recorded, with the intent.
    Recorded(Box<Attempt>),
    /// It has to be recorded: an earlier process did not come to its end.
    After {
        subject: AttemptSubject,
        attempts: u32,
        principal: String,
    },
}

/// A certificate just signed.
pub(crate) struct SignedCertificate {
    pub(crate) certificate: Vec<u8>,
    pub(crate) receipt: Receipt,
    pub(crate) attempt: AttemptPosition,
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
    is_ca: bool,
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
            is_ca: intent.kind.is_ca(),
            common_name: &intent.common_name,
            key: intent.key,
            not_before: intent.not_before,
            not_after: intent.not_after,
        };
        let attempt = intent.first_attempt();
        let is_of_signer = attempt.origin.key == *signer.key;
        let (signable, _) = Self::against(tbs, &facts, signer, NextAttempt::Recorded(Box::new(attempt)))?;
        if !is_of_signer || signable.input.as_bytes() != intent.signing_input {
            return Err(NotSignable::Differs { what: "attempt" });
        }
        Ok(signable)
    }

    /// For an authenticated intent from the ledger. `rebuild` builds what this authority would sign for it now.
    pub(crate) fn resumed(
        intent: &OpenIntent,
        signer: Signer<'_>,
        rebuild: impl FnOnce(&Certificate) -> Result<TbsCertificate, NotSignable>,
    ) -> Result<Self, NotSignable> {
        let facts = Facts {
            serial: intent.id.serial,
            is_ca: intent.kind.is_ca(),
            common_name: &intent.common_name,
            key: intent.key,
            not_before: intent.not_before,
            not_after: intent.not_after,
        };
        let tbs = TbsCertificate::from_der(intent.tbs.clone(), signer.public.algorithm());
        let attempt = NextAttempt::After {
            subject: AttemptSubject::of_certificate(intent.id.clone(), &intent.kind),
            attempts: intent.attempts,
            principal: intent.principal.to_string(),
        };
        let (signable, certificate) = Self::against(tbs, &facts, signer, attempt)?;
        if rebuild(&certificate)?.as_der() != signable.tbs.as_der() {
            return Err(NotSignable::OtherOctets);
        }
        Ok(signable)
    }

    /// Parses the TBSCertificate, which must be exactly one, and checks it against what is recorded beside it.
    fn against(
        tbs: TbsCertificate,
        facts: &Facts<'_>,
        signer: Signer<'_>,
        attempt: NextAttempt,
    ) -> Result<(Self, Certificate), NotSignable> {
        let certificate = tbs.read()?;
        let same = |is_same: bool, what: &'static str| {
            if is_same {
                Ok(())
            } else {
                Err(NotSignable::Differs { what })
            }
        };
        let subject = certificate.subject();
        let name = if facts.is_ca {
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
        if may_act_as_ca(&certificate) != facts.is_ca {
            return Err(NotSignable::WrongKind);
        }
        let signable = Self {
            key: signer.key.clone(),
            public: signer.public.clone(),
            input: tbs.signing_input(signer.public),
            tbs,
            attempt,
        };
        Ok((signable, certificate))
    }

    /// Has it signed.
    pub(crate) async fn sign(self, ports: SigningPorts<'_>) -> Result<SignedCertificate, SigningError> {
        let attempt = match self.attempt {
            NextAttempt::Recorded(attempt) => *attempt,
            NextAttempt::After {
                subject,
                attempts,
                principal,
            } => {
                let attempt = Attempt {
                    origin: attempt::origin(ports, self.key),
                    subject,
                    number: attempts.saturating_add(1),
                    signing_input: self.input.as_bytes().to_vec(),
                    principal: Some(principal),
                    at: ports.clock.now(),
                };
                ports.attempts.record(attempt.clone()).await?;
                attempt
            }
        };
        // In a box: it is seldom more than its first step, and every issuance would carry the rest.
        let made = Box::pin(attempt::sign(ports, attempt, &self.input, &self.public)).await?;
        Ok(SignedCertificate {
            certificate: self.tbs.assemble(&made.signed.signature),
            receipt: made.signed.receipt,
            attempt: made.position,
        })
    }
}

/// Whether a verifier might accept signatures by its key as a CA's.
fn may_act_as_ca(certificate: &Certificate) -> bool {
    let usage = certificate.key_usage().unwrap_or_default();
    certificate
        .basic_constraints()
        .is_some_and(|constraints| constraints.ca)
        || usage.contains(KeyUsage::KEY_CERT_SIGN)
        || usage.contains(KeyUsage::CRL_SIGN)
}
