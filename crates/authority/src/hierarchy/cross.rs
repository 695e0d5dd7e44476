//! Cross-certificates: for a CA that has a certificate of another issuer, so that those who trust one of this
//! authority's CAs can verify what that CA issues (RFC 5280 section 3.2, RFC 4949 "cross-certificate").

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chancery_lint::{Severity, lint_certificate};
use chancery_x509::certificate::template::{NameConstraints, Subtree};
use chancery_x509::certificate::{
    BasicConstraints, Certificate, CertificateError, CertificateTemplate, Issuer, KeyUsage, TbsCertificate,
    TemplateError,
};
use chancery_x509::key::KeyError;
use chancery_x509::key::policy::WeakKey;
use chancery_x509::time::UnixTime;
use const_oid::ObjectIdentifier;

use super::build::BACKDATE;
use crate::authority::Authority;
use crate::belief::NotBelieved;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::issue::same_name::is_same;
use crate::issue::throwaway;
use crate::issuer::IssuerId;
use crate::port::ledger::{
    CertificateIntent, CertificateRecord, Completion, CrlScope, IntentId, IssuerState, Kind, LedgerError, Reservation,
    TokenOrigin,
};
use crate::port::{KeyStoreError, Receipt};
use crate::principal::Principal;
use crate::signing::{NotSignable, Signable, SignedCertificate, Signer, SigningError, attempt};

/// The profile that is recorded of cross-certificates.
const PROFILE: &str = "cross-certificate";

/// Attempts, for serial numbers that are taken.
const TURNS: usize = 4;

/// anyPolicy (RFC 5280 section 4.2.1.4).
const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");

const NAME_CONSTRAINTS: &str = "2.5.29.30";

/// Extensions whose content a cross-certificate has as well, or that its issuer decides: BC, KU, EKU, SKI, AKI, CP, NC,
/// CDP, AIA.
const CARRIED: [&str; 9] = [
    "2.5.29.19",
    "2.5.29.15",
    "2.5.29.37",
    "2.5.29.14",
    "2.5.29.35",
    "2.5.29.32",
    NAME_CONSTRAINTS,
    "2.5.29.31",
    "1.3.6.1.5.5.7.1.1",
];

/// What a cross-certificate is made from.
#[derive(Clone, Debug)]
pub struct CrossSignRequest {
    /// A certificate of the CA, from which subject, key, key identifier, usages and constraints are taken.
    pub certificate: Certificate,
    /// Most days that it is valid; it never outlives that certificate, nor its issuer. `None`: as long as these.
    pub days: Option<u32>,
    /// Most CAs below the CA; the certificate's own limit and the issuer's hold as well.
    pub path_len: Option<u8>,
    /// The names that the CA may certify for those who trust the issuer.
    pub names: CrossNames,
}

/// The names that a cross-certified CA may certify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrossNames {
    /// Those that the name constraints of the CA's certificate permit, and no names of the kinds that they permit none of.
    /// Refused where it has none, or they permit nothing in particular. A CA of this authority is certified as it is.
    Own,
    /// Those that these name constraints permit, and no names of the kinds that they permit none of: DNS names, IP
    /// addresses, e-mail addresses, URIs. Refused where the CA's certificate has name constraints.
    Constrained(NameConstraints),
    /// Any name, but for what its own name constraints say, as they are.
    Any,
}

/// A cross-certificate, and what it does not have of the certificate that it was made from.
#[derive(Clone, Debug)]
pub struct CrossSigned {
    /// Its record.
    pub record: CertificateRecord,
    /// Extensions that were left out, as dotted object identifiers. None of them is critical.
    pub left_out: Vec<String>,
}

/// Why no cross-certificate was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrossSignError {
    /// The certificate is not a CA's, or its key cannot be used.
    #[error("the certificate cannot be cross-signed: {0}")]
    NotACa(#[from] CertificateError),
    /// Self-signed, and its signature does not verify.
    #[error(
        "the certificate cannot be cross-signed: it says that it is self-signed, and its signature does not verify"
    )]
    BadSignature,
    /// It has expired, or its time has not come.
    #[error("the certificate cannot be cross-signed: it is valid from {not_before} to {not_after}")]
    NotValid {
        /// notBefore.
        not_before: UnixTime,
        /// notAfter.
        not_after: UnixTime,
    },
    /// Its subject has no common name.
    #[error("the certificate cannot be cross-signed: its subject has no common name, under which it would be recorded")]
    NoCommonName,
    /// It has the issuer's own key.
    #[error("{0} cannot cross-sign itself; to renew its certificate: `chancery ca renew`")]
    Itself(CaName),
    /// It has a critical extension that this version does not carry over.
    #[error(
        "the certificate cannot be cross-signed: its critical extension {0} limits it in a way that a cross-certificate of this \
         version would not"
    )]
    CriticalExtension(String),
    /// Nothing limits the names that the CA may certify.
    #[error(
        "nothing limits the names that this CA may certify: say which with `--permit` (for example dns:example.com), or with `--any-name` \
         that it may certify any"
    )]
    Unconstrained,
    /// Nothing is permitted: names that are only excluded leave all others.
    #[error("say which names are permitted (for example dns:example.com): to exclude some leaves all others")]
    NothingPermitted,
    /// A key that this authority's policy refuses.
    #[error("the certificate cannot be cross-signed: {0}")]
    Key(#[from] WeakKey),
    /// The name of one of this authority's CAs, and another key.
    #[error(
        "the certificate cannot be cross-signed: it has the name or the key identifier of {0}, a CA of this authority, and another key: \
         relying parties would take what one of them signs for the other's"
    )]
    SubjectOf(CaName),
    /// A key of this authority's, in a certificate that is not its CA's present one.
    #[error(
        "the certificate has the key of {0}, a CA of this authority, and is not its present certificate: take the published file"
    )]
    NotPresent(CaName),
    /// A CA of this authority that is retired.
    #[error("{0} is retired: nothing is certified for it")]
    Retired(CaName),
    /// It has name constraints, and others were asked for.
    #[error("the certificate has name constraints of its own, which are kept: do not ask for others")]
    OtherConstraints,
    /// There is no such issuer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The issuer's certificate is not believed.
    #[error(transparent)]
    NotBelieved(#[from] NotBelieved),
    /// The cross-certificate would not be valid.
    #[error("{issuer} cannot make that cross-certificate: {error}")]
    Template {
        /// Which CA.
        issuer: CaName,
        /// The template's error.
        error: TemplateError,
    },
    /// The cross-certificate would break a lint.
    #[error("the cross-certificate would break the rule {rule} ({citation}): {message}")]
    Lint {
        /// The lint's rule.
        rule: &'static str,
        /// The standard that the rule follows.
        citation: &'static str,
        /// What the lint found.
        message: String,
    },
    /// The TBSCertificate may not be signed.
    #[error("the cross-certificate is not signed: {0}")]
    NotSignable(#[from] NotSignable),
    /// The key store.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The key store made a signature that does not verify.
    #[error("the key of {issuer} made a signature that does not verify (receipt {receipt}); check the key store", receipt = receipt.0)]
    BadKey {
        /// Whose key signed.
        issuer: CaName,
        /// The signature's receipt.
        receipt: Receipt,
    },
}

impl Authority {
    /// Makes a cross-certificate for a CA, by one of this authority's CAs, and records it like every certificate: it is
    /// found and revoked by its serial number. Publishes nothing.
    pub async fn cross_sign(
        &self,
        issuer: &CaName,
        request: &CrossSignRequest,
        principal: &Principal,
    ) -> Result<CrossSigned, CrossSignError> {
        self.reload().await?;
        let ca = self
            .ca(issuer)
            .ok_or_else(|| LedgerError::NoSuchIssuer(issuer.clone()))?;
        self.believe(&ca).await?;
        if let Some(revoked) = self.revoked_in_chain(issuer).await? {
            return Err(LedgerError::IssuerRevoked { ca: revoked }.into());
        }
        let mut left_out = self.check_cross(&ca, request).await?;
        let mut taken = None;
        for _ in 0..TURNS {
            let (intent, tbs) = self.cross_intent(&ca, request, principal)?;
            let changed = changed(&request.certificate, &tbs)?;
            left_out.retain(|oid| !changed.contains(oid));
            left_out.extend(changed);
            let intent = self.authenticator.authenticate(intent).await?;
            let scope = scope_of(issuer);
            let url = self.config().crl_url(&scope);
            self.record_crl_use(scope, url.as_deref(), intent.not_after).await?;
            match self.ports().ledger.intents().reserve(intent.clone()).await {
                Ok(Reservation::New) => {
                    let record = self.sign_cross(&ca, &intent, tbs).await?;
                    tracing::info!(serial = %record.id.serial, %issuer, subject = record.common_name, %principal, "a cross-certificate was made");
                    return Ok(CrossSigned { record, left_out });
                }
                // Without a token, nothing earlier is found.
                Ok(Reservation::Open(_) | Reservation::Completed(_)) => {}
                Err(LedgerError::SerialTaken(serial)) => taken = Some(LedgerError::SerialTaken(serial)),
                Err(error) => return Err(error.into()),
            }
        }
        Err(taken
            .unwrap_or_else(|| LedgerError::NoSuchIssuer(issuer.clone()))
            .into())
    }

    /// Checks the certificate, and returns which of its extensions will be left out.
    async fn check_cross(&self, ca: &Ca, request: &CrossSignRequest) -> Result<Vec<String>, CrossSignError> {
        let certificate = &request.certificate;
        let subject = Issuer::new(certificate.clone())?;
        if certificate.issuer() == certificate.subject() && !certificate.is_signed_by(subject.public_key()) {
            return Err(CrossSignError::BadSignature);
        }
        let now = self.ports().clock.now();
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        if not_before > now || not_after <= now {
            return Err(CrossSignError::NotValid { not_before, not_after });
        }
        if certificate.subject().attributes().common_name.is_none() {
            return Err(CrossSignError::NoCommonName);
        }
        if IssuerId::of(subject.public_key()) == ca.id() {
            return Err(CrossSignError::Itself(ca.name().clone()));
        }
        if !certificate.has_whole_name_constraints() {
            return Err(CrossSignError::CriticalExtension(NAME_CONSTRAINTS.to_owned()));
        }
        self.config()
            .key_policy()
            .check(&certificate.public_key().map_err(unusable)?)?;
        let ours = self.own_subject(certificate).await?;
        match (subject.name_constraints(), &request.names) {
            (own, CrossNames::Own) if ours.is_none() && !own.is_some_and(limits_something) => {
                return Err(CrossSignError::Unconstrained);
            }
            (Some(_), CrossNames::Constrained(_)) => return Err(CrossSignError::OtherConstraints),
            (None, CrossNames::Constrained(constraints)) if constraints.permitted.is_empty() => {
                return Err(CrossSignError::NothingPermitted);
            }
            (_, CrossNames::Own | CrossNames::Any) | (None, CrossNames::Constrained(_)) => {}
        }
        let mut left_out = Vec::new();
        for extension in certificate.extensions() {
            let oid = extension.oid.to_string();
            if CARRIED.contains(&oid.as_str()) {
                continue;
            }
            if extension.critical {
                return Err(CrossSignError::CriticalExtension(oid));
            }
            left_out.push(oid);
        }
        Ok(left_out)
    }

    /// The CA of this authority that the certificate is of, if it is one: in use, not revoked, and with its present
    /// certificate.
    async fn own_subject(&self, certificate: &Certificate) -> Result<Option<CaName>, CrossSignError> {
        let cas = self.cas();
        let Some(own) = cas
            .iter()
            .find(|own| own.certificate().spki_der() == certificate.spki_der())
        else {
            let same_name = cas.iter().find(|own| is_taken_for(own.certificate(), certificate));
            return match same_name {
                None => Ok(None),
                Some(other) => Err(CrossSignError::SubjectOf(other.name().clone())),
            };
        };
        let name = own.name().clone();
        self.believe(own).await?;
        if own.certificate().as_der() != certificate.as_der() {
            return Err(CrossSignError::NotPresent(name));
        }
        if own.record.status.state == IssuerState::Retired {
            return Err(CrossSignError::Retired(name));
        }
        if let Some(revoked) = self.revoked_in_chain(&name).await? {
            return Err(LedgerError::IssuerRevoked { ca: revoked }.into());
        }
        Ok(Some(name))
    }

    fn cross_intent(
        &self,
        ca: &Ca,
        request: &CrossSignRequest,
        principal: &Principal,
    ) -> Result<(CertificateIntent, TbsCertificate), CrossSignError> {
        let template = self.cross_template(ca, request)?;
        let tbs = template
            .issued_by(&ca.issuer)
            .map_err(|error| CrossSignError::Template {
                issuer: ca.name().clone(),
                error,
            })?;
        lint(ca, &tbs)?;
        let intent = CertificateIntent {
            id: IntentId {
                issuer: ca.name().clone(),
                serial: template.serial,
            },
            kind: Kind::CrossCertificate,
            common_name: template.subject.attributes().common_name.unwrap_or_default(),
            profile: PROFILE.to_owned(),
            renews: None,
            key: template.public_key.fingerprint(),
            // The CA may have a cross-certificate already, or be one of this authority's.
            allow_key_reuse: true,
            tbs: tbs.as_der().to_vec(),
            signing_input: tbs.signing_input(ca.issuer.public_key()).as_bytes().to_vec(),
            attempt: attempt::origin(self.ports().signing(), ca.record.key.clone()),
            not_before: template.not_before,
            not_after: template.not_after,
            shard: None,
            principal: principal.clone(),
            token: None,
            token_origin: TokenOrigin::Caller,
            request_digest: [0; 32],
            notify_expiry: false,
            at: self.ports().clock.now(),
            authentication: None,
        };
        Ok((intent, tbs))
    }

    fn cross_template(&self, ca: &Ca, request: &CrossSignRequest) -> Result<CertificateTemplate, CrossSignError> {
        let certificate = &request.certificate;
        let is_ours = self
            .cas()
            .iter()
            .any(|own| own.certificate().spki_der() == certificate.spki_der());
        let now = self.ports().clock.now();
        let own = certificate.not_after().min(ca.certificate().not_after());
        let path_len = |certificate: &Certificate| certificate.basic_constraints().and_then(|is| is.path_len);
        // One below an issuer that has a limit has a lower one; where that cannot be, the template is refused.
        let below = path_len(ca.certificate()).map(|limit| limit.saturating_sub(1));
        let limits = [path_len(certificate), below, request.path_len];
        // A certificate without keyUsage leaves its key every use.
        let own_usage = certificate
            .key_usage()
            .unwrap_or(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN);
        let mut usage = KeyUsage::KEY_CERT_SIGN;
        for kept in [KeyUsage::CRL_SIGN, KeyUsage::DIGITAL_SIGNATURE] {
            if own_usage.contains(kept) {
                usage = usage | kept;
            }
        }
        let public_key = certificate.public_key().map_err(unusable)?;
        Ok(CertificateTemplate {
            serial: self.draw_serial(),
            subject: certificate.subject().clone(),
            public_key,
            not_before: now.plus_seconds(-BACKDATE),
            not_after: request.days.map_or(own, |days| own.min(now.plus_days(days.into()))),
            basic_constraints: Some(BasicConstraints {
                ca: true,
                path_len: limits.into_iter().flatten().min(),
            }),
            key_usage: usage,
            subject_key_identifier: certificate.subject_key_identifier().map(<[u8]>::to_vec),
            extended_key_usages: certificate.extended_key_usages().to_vec(),
            alt_names: Vec::new(),
            policies: policies(certificate)?,
            name_constraints: match &request.names {
                CrossNames::Constrained(constraints) => Some(closed(constraints)),
                CrossNames::Own if !is_ours => certificate.name_constraints()?.as_ref().map(closed),
                CrossNames::Own | CrossNames::Any => certificate.name_constraints()?,
            },
            crl_distribution_points: self.config().crl_url(&scope_of(ca.name())).into_iter().collect(),
            ca_issuers: self.config().crt_url(ca.name()).into_iter().collect(),
            ocsp: Vec::new(),
            custom_extensions: Vec::new(),
        })
    }

    async fn sign_cross(
        &self,
        ca: &Ca,
        intent: &CertificateIntent,
        tbs: TbsCertificate,
    ) -> Result<CertificateRecord, CrossSignError> {
        let signable = Signable::prepared(tbs, intent, Signer::of(ca))?;
        let SignedCertificate {
            certificate,
            receipt,
            attempt,
        } = match signable.sign(self.ports().signing()).await {
            Ok(signed) => signed,
            Err(SigningError::KeyStore(error)) => return Err(error.into()),
            Err(SigningError::Journal(error)) => return Err(error.into()),
            Err(SigningError::BadSignature { receipt, .. }) => {
                let issuer = ca.name().clone();
                return Err(CrossSignError::BadKey { issuer, receipt });
            }
        };
        let completion = Completion {
            id: intent.id.clone(),
            certificate,
            receipt,
            attempt: Some(attempt),
            at: self.ports().clock.now(),
        };
        Ok(self.ports().ledger.intents().complete(completion).await?)
    }
}

/// Whether verifiers may take one CA for the other: by its name, or by its key identifier.
fn is_taken_for(own: &Certificate, other: &Certificate) -> bool {
    let identifier = own.subject_key_identifier();
    is_same(own.subject(), other.subject()) || (identifier.is_some() && identifier == other.subject_key_identifier())
}

fn unusable(error: KeyError) -> CrossSignError {
    CrossSignError::NotACa(CertificateError::CaKey(error))
}

/// Whether name constraints permit some names of a kind, and not all.
fn limits_something(constraints: &NameConstraints) -> bool {
    let is_all = |of: &Subtree| match of {
        Subtree::Dns(base) | Subtree::Email(base) | Subtree::Uri(base) => base.is_empty() || base == ".",
        Subtree::Ip { prefix, .. } => *prefix == 0,
        Subtree::Directory(_) => false,
    };
    let is_kind = |of: &&Subtree| !matches!(of, Subtree::Directory(_));
    constraints.permitted.iter().any(|of| is_kind(&of)) && !constraints.permitted.iter().any(is_all)
}

/// The constraints, with no name of the kinds that they permit none of. Nobody has a name under `invalid` (RFC 6761
/// section 6.4), so that permitting it permits none; verifiers know a kind without any permitted subtree as unlimited.
fn closed(constraints: &NameConstraints) -> NameConstraints {
    let mut closed = constraints.clone();
    let permits = |kind: fn(&Subtree) -> bool| constraints.permitted.iter().any(kind);
    let nobody = || "invalid".to_owned();
    if !permits(|of| matches!(of, Subtree::Dns(_))) {
        closed.permitted.push(Subtree::Dns(nobody()));
    }
    if !permits(|of| matches!(of, Subtree::Email(_))) {
        closed.permitted.push(Subtree::Email(nobody()));
    }
    if !permits(|of| matches!(of, Subtree::Uri(_))) {
        closed.permitted.push(Subtree::Uri(nobody()));
    }
    let all = |address: IpAddr| Subtree::Ip { address, prefix: 0 };
    let is_v4 = |of: &Subtree| matches!(of, Subtree::Ip { address, .. } if address.is_ipv4());
    let is_v6 = |of: &Subtree| matches!(of, Subtree::Ip { address, .. } if address.is_ipv6());
    let families = [
        (
            constraints.permitted.iter().any(is_v4),
            all(Ipv4Addr::UNSPECIFIED.into()),
        ),
        (
            constraints.permitted.iter().any(is_v6),
            all(Ipv6Addr::UNSPECIFIED.into()),
        ),
    ];
    for (is_permitted, all) in families {
        if !is_permitted && !closed.excluded.contains(&all) {
            closed.excluded.push(all);
        }
    }
    closed
}

/// Extensions that are not as in the certificate, though carried over: usages, policies with their qualifiers.
fn changed(from: &Certificate, tbs: &TbsCertificate) -> Result<Vec<String>, CrossSignError> {
    const COMPARED: [&str; 4] = ["2.5.29.15", "2.5.29.37", "2.5.29.32", NAME_CONSTRAINTS];
    let made = tbs.read().map_err(NotSignable::from)?;
    let mut changed = Vec::new();
    for extension in from.extensions() {
        let oid = extension.oid.to_string();
        if !COMPARED.contains(&oid.as_str())
            || made
                .extensions()
                .any(|own| own.oid == extension.oid && own.value == extension.value)
        {
            continue;
        }
        if oid != NAME_CONSTRAINTS {
            changed.push(oid);
        }
    }
    Ok(changed)
}

/// Those of the certificate; where it has none, any. Every cross-certificate has some, and no certificate of an authority's
/// own CA: a backup that is signed under a cross-certificate is known by that.
fn policies(certificate: &Certificate) -> Result<Vec<ObjectIdentifier>, CertificateError> {
    let own = certificate.policies()?;
    Ok(if own.is_empty() { vec![ANY_POLICY] } else { own })
}

fn scope_of(issuer: &CaName) -> CrlScope {
    CrlScope {
        issuer: issuer.clone(),
        shard: None,
    }
}

fn lint(ca: &Ca, tbs: &TbsCertificate) -> Result<(), CrossSignError> {
    let certificate = tbs.assemble(&throwaway::signature(ca.issuer.public_key().algorithm()));
    let findings = lint_certificate(&certificate, Some(ca.certificate().as_der()));
    match findings.into_iter().find(|finding| finding.severity == Severity::Error) {
        None => Ok(()),
        Some(finding) => Err(CrossSignError::Lint {
            rule: finding.rule,
            citation: finding.citation,
            message: finding.message,
        }),
    }
}
