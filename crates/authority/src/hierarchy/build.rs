//! Builds a CA's certificate as the drop-in contract requires: keyUsage digitalSignature, keyCertSign, cRLSign
//! (critical), basicConstraints CA (critical), SKI, AKI, and the parent's CRL and certificate where they are served.

use aws_lc_rs::digest;
use chancery_lint::{Severity, lint_certificate};
use chancery_x509::certificate::{
    BasicConstraints, Certificate, CertificateTemplate, Issuer, KeyUsage, TbsCertificate,
};
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::HierarchyError;
use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::config::{CaConfig, Config};
use crate::issue::throwaway;
use crate::port::KeyName;
use crate::port::ledger::{CertificateIntent, CrlScope, IdempotencyToken, IntentId, Kind, OpenIntent, TokenOrigin};
use crate::principal::Principal;
use crate::signing::{Signer, attempt};

/// Seconds by which notBefore precedes the issuance, for peers whose clock is slow.
pub(super) const BACKDATE: i64 = 300;

/// The certificate that is to be made.
pub(crate) struct CaCertificateRequest<'a> {
    /// The CA.
    pub(crate) config: &'a CaConfig,
    /// The CA above; `None` for a root.
    pub(crate) parent: Option<&'a Ca>,
    /// Its key.
    pub(crate) key: &'a CaPublicKey,
    /// The CA with its present certificate, which the new one renews; `None`: the CA is being made.
    pub(crate) renews: Option<&'a Ca>,
    /// Who asked.
    pub(crate) principal: &'a Principal,
}

impl<'a> CaCertificateRequest<'a> {
    pub(super) fn ca_name(&self) -> &'a CaName {
        self.config.name()
    }

    /// Its key's name: that of a CA that exists is the recorded one, whatever the configuration calls it now.
    fn key_name(&self) -> &'a KeyName {
        self.renews.map_or(self.config.key(), |former| &former.record.key)
    }

    /// Who signs: the CA above, or a root itself.
    pub(super) fn signer(&self) -> Signer<'a> {
        match self.parent {
            Some(parent) => Signer::of(parent),
            None => Signer {
                key: self.key_name(),
                public: self.key,
                name: self.config.subject(),
            },
        }
    }
}

/// The intent for a CA's certificate, with a serial of its own; its TBSCertificate has passed every lint.
pub(crate) fn intent(
    authority: &Authority,
    request: &CaCertificateRequest<'_>,
) -> Result<(CertificateIntent, TbsCertificate), HierarchyError> {
    let &CaCertificateRequest {
        config,
        parent,
        key,
        renews,
        principal,
    } = request;
    let now = authority.ports().clock.now();
    let builder = CaCertificateBuilder {
        public: authority.config(),
        now,
        serial: authority.draw_serial(),
    };
    let (template, tbs) = builder.tbs(request)?;
    let intent = CertificateIntent {
        id: IntentId {
            issuer: parent.map_or_else(|| config.name().clone(), |parent| parent.name().clone()),
            serial: template.serial,
        },
        kind: Kind::Ca {
            ca_name: config.name().clone(),
            parent: config.parent().cloned(),
            key: request.key_name().clone(),
        },
        common_name: config.subject().attributes().common_name.unwrap_or_default(),
        profile: if parent.is_none() { "root-ca" } else { "issuing-ca" }.to_owned(),
        renews: renews.map(|former| IntentId {
            issuer: former.signer().clone(),
            serial: former.certificate().serial(),
        }),
        key: key.fingerprint(),
        // The key is certified again for the same CA.
        allow_key_reuse: renews.is_some(),
        tbs: tbs.as_der().to_vec(),
        signing_input: tbs.signing_input(request.signer().public).as_bytes().to_vec(),
        attempt: attempt::origin(authority.ports().signing(), request.signer().key.clone()),
        not_before: template.not_before,
        not_after: template.not_after,
        shard: None,
        principal: principal.clone(),
        token: Some(IdempotencyToken(match renews {
            None => format!("create {}", config.name()),
            // With an octet that no caller's token has.
            Some(former) => format!("renew\0{}\0{}", config.name(), former.certificate().serial()),
        })),
        token_origin: TokenOrigin::Caller,
        request_digest: request_digest(authority.config(), config, parent, key),
        notify_expiry: false,
        at: now,
        authentication: None,
    };
    Ok((intent, tbs))
}

/// The TBSCertificate that this authority would sign for an interrupted intent.
pub(super) fn again(
    public: &Config,
    request: &CaCertificateRequest<'_>,
    open: &OpenIntent,
) -> Result<TbsCertificate, HierarchyError> {
    let builder = CaCertificateBuilder {
        public,
        // A renewed certificate begins when the former one did.
        now: match request.renews {
            None => open.not_before.plus_seconds(BACKDATE),
            Some(_) => open.reserved_at,
        },
        serial: open.id.serial,
    };
    Ok(builder.tbs(request)?.1)
}

/// The inputs of a CA's certificate beside the CA's own configuration.
pub(super) struct CaCertificateBuilder<'a> {
    /// Where CRLs and certificates are served.
    pub(super) public: &'a Config,
    /// The time of issuance.
    pub(super) now: UnixTime,
    /// The serial number drawn for it.
    pub(super) serial: Serial,
}

impl CaCertificateBuilder<'_> {
    /// The TBSCertificate, which has passed every lint.
    fn tbs(&self, request: &CaCertificateRequest<'_>) -> Result<(CertificateTemplate, TbsCertificate), HierarchyError> {
        let &CaCertificateRequest {
            config,
            parent,
            key,
            renews,
            ..
        } = request;
        let mut template = self.template(config, parent, key);
        if let Some(former) = renews {
            let present = former.certificate();
            // What the CA issued names it by this, and must be within its limits and its time.
            template.subject_key_identifier = present.subject_key_identifier().map(<[u8]>::to_vec);
            template.basic_constraints = present.basic_constraints();
            template.name_constraints = former.issuer.name_constraints().cloned();
            template.not_before = template.not_before.min(present.not_before());
            if template.not_after <= present.not_after() {
                return Err(HierarchyError::NoLaterEnd {
                    ca_name: config.name().clone(),
                    present: present.not_after(),
                    renewed: template.not_after,
                });
            }
        }
        let built = match parent {
            None => template.self_signed(key),
            Some(parent) => template.issued_by(&parent.issuer),
        };
        let tbs = built.map_err(|error| HierarchyError::Template {
            ca_name: config.name().clone(),
            error,
        })?;
        lint(config, parent, key, &tbs)?;
        Ok((template, tbs))
    }

    pub(super) fn template(&self, config: &CaConfig, parent: Option<&Ca>, key: &CaPublicKey) -> CertificateTemplate {
        let Self { public, now, serial } = *self;
        let not_after = now.plus_days(config.lifetime_days().into());
        let of_parent = |ca: &Ca| CrlScope {
            issuer: ca.name().clone(),
            shard: None,
        };
        CertificateTemplate {
            serial,
            subject: config.subject().clone(),
            public_key: key.as_subject().clone(),
            not_before: now.plus_seconds(-BACKDATE),
            // A certificate never outlives its issuer.
            not_after: parent.map_or(not_after, |parent| not_after.min(parent.certificate().not_after())),
            basic_constraints: Some(BasicConstraints {
                ca: true,
                path_len: config.path_len(),
            }),
            key_usage: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
            subject_key_identifier: None,
            extended_key_usages: Vec::new(),
            alt_names: Vec::new(),
            policies: Vec::new(),
            name_constraints: config.name_constraints().cloned(),
            crl_distribution_points: parent
                .and_then(|parent| public.crl_url(&of_parent(parent)))
                .into_iter()
                .collect(),
            ca_issuers: parent
                .and_then(|parent| public.crt_url(parent.name()))
                .into_iter()
                .collect(),
            ocsp: Vec::new(),
            custom_extensions: Vec::new(),
        }
    }
}

fn lint(config: &CaConfig, parent: Option<&Ca>, key: &CaPublicKey, tbs: &TbsCertificate) -> Result<(), HierarchyError> {
    let signer = parent.map_or(key, |parent| parent.issuer.public_key());
    let certificate = tbs.assemble(&throwaway::signature(signer.algorithm()));
    let findings = lint_certificate(&certificate, parent.map(|parent| parent.certificate().as_der()));
    match findings.into_iter().find(|finding| finding.severity == Severity::Error) {
        None => Ok(()),
        Some(finding) => Err(HierarchyError::Lint {
            ca_name: config.name().clone(),
            rule: finding.rule,
            citation: finding.citation,
            message: finding.message,
        }),
    }
}

/// Whether this CA can work with the final certificate: the last check before it is recorded for good.
pub(super) fn check(config: &CaConfig, certificate: &[u8], key: &CaPublicKey) -> Result<(), HierarchyError> {
    let issuer = Certificate::parse(certificate)
        .and_then(Issuer::new)
        .map_err(|error| HierarchyError::Unusable {
            ca_name: config.name().clone(),
            error,
        })?;
    if issuer.public_key().as_der() != key.as_der() {
        return Err(HierarchyError::KeyChanged {
            ca_name: config.name().clone(),
            key: config.key().clone(),
        });
    }
    Ok(())
}

/// Covers everything that decides the certificate except its serial and times: an interrupted creation is resumed only
/// where it would make the same CA.
fn request_digest(public: &Config, config: &CaConfig, parent: Option<&Ca>, key: &CaPublicKey) -> [u8; 32] {
    let described = format!(
        "{} {:?} {:?} {:?} {:?}",
        config.lifetime_days(),
        config.path_len(),
        config.name_constraints(),
        config.key(),
        public.public_url(),
    );
    let parts = [
        config.name().as_str().as_bytes(),
        config.subject().as_der(),
        key.as_der(),
        parent.map_or(&[], |parent| parent.certificate().as_der()),
        described.as_bytes(),
    ];
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut octets = [0; 32];
    octets.copy_from_slice(context.finish().as_ref());
    octets
}
