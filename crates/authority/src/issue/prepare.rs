//! Decides on a request and builds the final TBSCertificate. Pure: no store, no clock, no randomness.

use std::sync::Arc;

use chancery_x509::certificate::{Certificate, CertificateTemplate, TbsCertificate};
use chancery_x509::extension::CustomExtension;
use chancery_x509::key::SubjectPublicKey;
use chancery_x509::key::policy::WeakKey;
use chancery_x509::name::Name;
use chancery_x509::san::AltName;
use chancery_x509::serial::Serial;
use chancery_x509::time::{DAY, UnixTime};
use const_oid::ObjectIdentifier;

use super::prepared::Prepared;
use super::template::{CertificateFields, LintExceptions, build, template};
use super::{InternalFault, IssueError, Refusal, Request, alt_names, extensions, names, same_name, usages};
use crate::ca::{Ca, chain_among, default_issuer};
use crate::config::Config;
use crate::port::ledger::{AttemptId, IdempotencyToken, IssuerState, OpenIntent, TokenOrigin};
use crate::principal::Principal;
use crate::profile::{DEFAULT_PROFILE, Profile, Profiles};
use crate::signing::NotSignable;

/// Everything that decisions on requests depend on: nothing else is looked at.
#[derive(Clone, Copy)]
pub struct IssuancePolicy<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The profiles.
    pub profiles: &'a Profiles,
    /// The CAs that exist.
    pub cas: &'a [Arc<Ca>],
}

/// The principal, the token, the time and the serial number of one issuance.
pub struct IssuanceContext<'a> {
    /// Who requests the certificate.
    pub principal: &'a Principal,
    /// The principal's token, if any.
    pub token: Option<IdempotencyToken>,
    /// The time of issuance.
    pub now: UnixTime,
    /// The serial number drawn for it.
    pub serial: Serial,
    /// The id of the first attempt to sign it.
    pub attempt: AttemptId,
    /// The id of the request, as its front knows it.
    pub request_id: Option<String>,
}

/// What a request, or a renewal, gets: decided, and not yet built and linted.
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent wishes of the request, each named"
)]
pub(super) struct ApprovedRequest<'a> {
    pub(super) profile: &'a Profile,
    pub(super) ca: &'a Arc<Ca>,
    pub(super) subject: Name,
    pub(super) common_name: String,
    pub(super) public_key: SubjectPublicKey,
    pub(super) extended_key_usages: Vec<ObjectIdentifier>,
    pub(super) alt_names: Vec<AltName>,
    pub(super) custom_extensions: Vec<CustomExtension>,
    pub(super) lifetime_days: u64,
    /// Whether the request gave that lifetime, and gets a warning if it is reduced.
    pub(super) lifetime_asked: bool,
    pub(super) request_digest: [u8; 32],
    pub(super) allow_key_reuse: bool,
    pub(super) notify_expiry: bool,
    pub(super) notify_issued: bool,
    pub(super) from_csr_file: bool,
    pub(super) warnings: Vec<String>,
}

impl IssuancePolicy<'_> {
    /// Decides on a request. Costs the verification of the CSR's signature, and building and linting one certificate.
    pub fn prepare(&self, request: &Request, context: IssuanceContext<'_>) -> Result<Prepared, IssueError> {
        let profile = self.profile(request.profile.as_deref())?;
        let ca = self.issuing_ca(profile, &context)?;
        if !request.may_use_csr() {
            return Err(IssueError::Internal {
                fault: InternalFault::CsrFile,
                detail: "a CSR file was allowed for other names than those of the request".to_owned(),
            });
        }
        let csr = request.csr.verified();
        self.check_key(csr.public_key(), profile)?;

        let mut warnings = request.left_out.clone();
        let asked = (&request.subject, request.no_common_name);
        let subject = names::subject(asked, csr.subject(), profile, &mut warnings)?;
        let alt_names = alt_names::decide(request, subject.common_name.as_deref(), profile, &mut warnings)?;
        let common_name = names::recorded_name(&subject, &alt_names)?;
        self.check_common_names(&subject.name, &common_name, profile, &mut warnings)?;
        let extended_key_usages = usages::extended_key_usages(request, profile)?;
        extensions::check(&request.extensions, profile, self.config)?;
        let approved = ApprovedRequest {
            profile,
            ca,
            subject: subject.name,
            public_key: csr.public_key().clone(),
            extended_key_usages,
            alt_names,
            custom_extensions: request.extensions.clone(),
            common_name,
            lifetime_days: request
                .lifetime_days
                .unwrap_or(u64::from(profile.default_lifetime_days())),
            lifetime_asked: request.lifetime_days.is_some(),
            request_digest: request.digest,
            allow_key_reuse: request.allow_key_reuse,
            notify_expiry: request.notify_expiry,
            notify_issued: request.notify_issued,
            from_csr_file: request.csr.is_of_file(),
            warnings,
        };
        let prepared = self.build_and_lint(approved, context)?;
        // Last, so that a request with another fault is refused for that.
        let recorded = (&prepared.template.subject, prepared.common_name.as_str());
        request.csr.check_recorded(profile, recorded)?;
        Ok(prepared)
    }

    /// Whether there are that profile, the default one without a name, and the CA that it issues from.
    /// [`prepare`](Self::prepare) begins with the same: a front that checks this first refuses in the same order.
    pub fn check_profile(&self, name: Option<&str>) -> Result<(), IssueError> {
        self.ca_of(self.profile(name)?).map(|_| ())
    }

    /// Whether a profile, the default one without a name, allows a custom extension of that OID. For fronts that refuse
    /// in an order of their own; [`prepare`](Self::prepare) checks every extension itself.
    pub fn allows_extension(
        &self,
        profile: Option<&str>,
        oid: ObjectIdentifier,
        critical: bool,
    ) -> Result<(), Refusal> {
        extensions::check_one(oid, critical, self.profile(profile)?, self.config)
    }

    /// Building the certificate checks the CA's own constraints; those of the CAs above it apply as well, whether or
    /// not the CAs between repeat them (RFC 5280 section 6.1.4).
    fn check_ancestors(&self, template: &CertificateTemplate, ca: &Ca) -> Result<(), Refusal> {
        for above in chain_among(self.cas, ca.name()).skip(1) {
            if let Some(constraints) = above.issuer.name_constraints() {
                template.check_name_constraints(constraints)?;
            }
        }
        Ok(())
    }

    pub(super) fn profile(&self, name: Option<&str>) -> Result<&Profile, Refusal> {
        let name = name.unwrap_or(DEFAULT_PROFILE);
        self.profiles.named(name).ok_or_else(|| Refusal::UnknownProfile {
            name: name.chars().take(80).collect(),
            known: self.profiles.names().collect::<Vec<_>>().join(", "),
        })
    }

    fn ca_of(&self, profile: &Profile) -> Result<&Arc<Ca>, IssueError> {
        let no_ca = |detail: String| IssueError::Internal {
            fault: InternalFault::NoCa,
            detail,
        };
        match profile.issuing_ca() {
            None => default_issuer(self.cas, self.config).ok_or_else(|| {
                no_ca(format!(
                    "the CA {} does not exist yet; initialise the authority",
                    self.config.issuing_ca().name()
                ))
            }),
            // A CA that was added after this process read its configuration is among those that exist.
            Some(name) => {
                let ca_name = self.config.ca_name(name).ok();
                let existing = self.cas.iter().find(|ca| Some(ca.name()) == ca_name.as_ref());
                existing.ok_or_else(|| {
                    no_ca(format!(
                        "profile {} names the CA {name:?}, which does not exist: add it to the configuration and make it, or \
                         name another",
                        profile.name()
                    ))
                })
            }
        }
    }

    /// The CA that issues by a profile. That it does not issue now may be outdated: the caller reads the CAs again. A request
    /// with a token is left to the ledger, which knows what the token got while the CA issued.
    pub(super) fn issuing_ca(&self, profile: &Profile, context: &IssuanceContext<'_>) -> Result<&Arc<Ca>, IssueError> {
        let ca = self.ca_of(profile)?;
        match ca.record.status.state {
            _ if context.token.is_some() => Ok(ca),
            IssuerState::Active => Ok(ca),
            state => Err(Refusal::IssuerNotActive {
                ca: ca.name().clone(),
                state,
            }
            .into()),
        }
    }

    /// The key must be of a kind that the profile certifies, not weak, and not one of the authority's CA keys.
    pub(super) fn check_key(&self, key: &SubjectPublicKey, profile: &Profile) -> Result<(), Refusal> {
        if !profile.key_classes().is_empty() && !profile.key_classes().contains(&key.kind().class()) {
            return Err(WeakKey::KindNotAllowed {
                kind: key.kind().to_string(),
            }
            .into());
        }
        self.config.key_policy().check(key)?;
        match self
            .cas
            .iter()
            .find(|ca| ca.issuer.public_key().as_der() == key.as_der())
        {
            None => Ok(()),
            Some(ca) => Err(Refusal::OwnKey { ca: ca.name().clone() }),
        }
    }

    /// Neither a common name of the subject nor the recorded name may be a CA's, and no common name may be too wide a
    /// wildcard.
    pub(super) fn check_common_names(
        &self,
        subject: &Name,
        recorded: &str,
        profile: &Profile,
        warnings: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        let ca_names = || self.cas.iter().map(|ca| ca.name().as_str());
        for common_name in subject.common_names().flatten() {
            names::not_a_ca(&common_name, self.config, ca_names())?;
        }
        names::not_a_ca(recorded, self.config, ca_names())?;
        for common_name in subject.common_names().flatten() {
            names::check_width(&common_name, profile, warnings)?;
        }
        Ok(())
    }

    /// No certificate may have a CA's subject: what it signs would be attributed to the CA, and its chain would be a
    /// loop.
    fn check_subject(&self, subject: &Name) -> Result<(), Refusal> {
        for ca in self.cas {
            let of_ca = ca.certificate().subject();
            if same_name::is_same(subject, of_ca) {
                return Err(Refusal::ReservedName {
                    name: subject.to_rfc4514(),
                });
            }
            if let Some(name) = same_name::common_name_in_common(subject, of_ca) {
                return Err(Refusal::ReservedName { name });
            }
        }
        Ok(())
    }

    /// Builds the TBSCertificate and lints it.
    pub(super) fn build_and_lint(
        &self,
        approved: ApprovedRequest<'_>,
        context: IssuanceContext<'_>,
    ) -> Result<Prepared, IssueError> {
        let ApprovedRequest { profile, ca, .. } = approved;
        self.check_subject(&approved.subject)?;
        let (not_before, not_after, reduced) = self.validity(&approved, context.now)?;
        let mut warnings = approved.warnings;
        warnings.extend(reduced);
        let shard = self
            .config
            .ca(ca.name())
            .and_then(|configured| configured.shard_of(context.serial));
        let template = template(
            self.config,
            profile,
            ca,
            shard,
            CertificateFields {
                serial: context.serial,
                subject: approved.subject,
                public_key: approved.public_key,
                not_before,
                not_after,
                extended_key_usages: approved.extended_key_usages,
                alt_names: approved.alt_names,
                custom_extensions: approved.custom_extensions,
            },
        );
        self.check_ancestors(&template, ca)?;
        let lint_exceptions = LintExceptions::of(profile);
        let (tbs, findings) = build(&template, ca, lint_exceptions)?;
        Ok(Prepared {
            ca: Arc::clone(ca),
            tbs,
            findings,
            template,
            lint_exceptions,
            common_name: approved.common_name,
            profile: profile.name().to_owned(),
            shard,
            principal: context.principal.clone(),
            token: context.token,
            token_origin: TokenOrigin::Caller,
            request_digest: approved.request_digest,
            renews: None,
            allow_key_reuse: approved.allow_key_reuse,
            at: context.now,
            attempt: context.attempt,
            request_id: context.request_id,
            notify_expiry: approved.notify_expiry,
            notify_issued: approved.notify_issued,
            from_csr_file: approved.from_csr_file,
            warnings,
        })
    }

    /// The TBSCertificate that this authority would sign for an interrupted intent, whose recorded one was parsed into
    /// `recorded`: the current rules apply to it as to a new request.
    pub(super) fn rebuild(
        &self,
        intent: &OpenIntent,
        recorded: &Certificate,
        ca: &Ca,
    ) -> Result<TbsCertificate, NotSignable> {
        self.rebuild_tbs(intent, recorded, ca)
            .map_err(|error| NotSignable::Forbidden(error.detail().map_or_else(|| error.to_string(), str::to_owned)))
    }

    fn rebuild_tbs(&self, intent: &OpenIntent, recorded: &Certificate, ca: &Ca) -> Result<TbsCertificate, IssueError> {
        let profile = self.profile(Some(&intent.profile))?;
        let public_key = recorded.public_key().map_err(|error| IssueError::Internal {
            fault: InternalFault::Ledger,
            detail: error.to_string(),
        })?;
        self.check_key(&public_key, profile)?;
        self.check_common_names(recorded.subject(), &intent.common_name, profile, &mut Vec::new())?;
        self.check_subject(recorded.subject())?;
        usages::check(recorded.extended_key_usages(), profile)?;
        alt_names::check(recorded.alt_names(), profile)?;
        let custom_extensions = recorded.custom_extensions();
        extensions::check_again(&custom_extensions, profile, self.config)?;
        let most = profile.max_lifetime_days().min(self.config.max_cert_lifetime());
        let longest = i64::from(most) * DAY + profile.backdate_seconds();
        let of_ca = ca.certificate();
        if intent.not_after.0.saturating_sub(intent.not_before.0) > longest
            || intent.not_before < of_ca.not_before()
            || intent.not_after > of_ca.not_after()
        {
            return Err(IssueError::Internal {
                fault: InternalFault::Ledger,
                detail: format!("its validity is beyond what the profile {} allows", profile.name()),
            });
        }
        let template = template(
            self.config,
            profile,
            ca,
            intent.shard,
            CertificateFields {
                serial: intent.id.serial,
                subject: recorded.subject().clone(),
                public_key,
                not_before: intent.not_before,
                not_after: intent.not_after,
                extended_key_usages: recorded.extended_key_usages().to_vec(),
                alt_names: recorded.alt_names().to_vec(),
                custom_extensions,
            },
        );
        self.check_ancestors(&template, ca)?;
        let lint_exceptions = LintExceptions::of(profile);
        Ok(build(&template, ca, lint_exceptions)?.0)
    }

    /// From slightly before now, for slow clocks, to the requested end: within the limits of the profile and the
    /// configuration, and never past the CA's own end.
    fn validity(
        &self,
        approved: &ApprovedRequest<'_>,
        now: UnixTime,
    ) -> Result<(UnixTime, UnixTime, Option<String>), Refusal> {
        let ca = approved.ca.certificate();
        if ca.not_after() <= now {
            return Err(Refusal::CaExpired {
                ca: approved.ca.name().clone(),
                not_after: ca.not_after(),
            });
        }
        let most = approved
            .profile
            .max_lifetime_days()
            .min(self.config.max_cert_lifetime());
        let days = approved.lifetime_days.clamp(1, u64::from(most));
        let wanted = now.plus_days(i64::try_from(days).unwrap_or(i64::MAX));
        let not_before = now
            .plus_seconds(-approved.profile.backdate_seconds())
            .max(ca.not_before());
        let not_after = wanted.min(ca.not_after());
        let reduced = if !approved.lifetime_asked {
            None
        } else if not_after < wanted {
            let asked = approved.lifetime_days;
            Some(format!(
                "{asked} days are asked for; the certificate ends with its CA, at {not_after}"
            ))
        } else if days < approved.lifetime_days {
            let asked = approved.lifetime_days;
            Some(format!(
                "{asked} days are asked for, {days} is what it gets, the most that profile and configuration allow"
            ))
        } else {
            None
        };
        Ok((not_before, not_after, reduced))
    }
}
