//! Renewal: issues a certificate again with a new validity period.

use chancery_x509::certificate::Certificate;
use chancery_x509::serial::Serial;
use chancery_x509::time::DAY;

use super::csr::Csr;
use super::prepare::ApprovedRequest;
use super::{
    InternalFault, IssuanceContext, IssuancePolicy, IssueError, Issued, Prepared, Refusal, alt_names, csr_names,
    digest, extensions, names, usages,
};
use crate::authority::Authority;
use crate::event::RejectedRequest;
use crate::port::ledger::{CertificateRecord, IdempotencyToken, Kind};
use crate::principal::{Principal, PrincipalKind};
use crate::signing::attempt;

impl Authority {
    /// Issues a certificate with the same length of validity as that of `serial`, starting now, with the same subject,
    /// names, usages and custom extensions, under the same profile (its current rules apply). The key is that of the
    /// CSR (PEM or DER), or the same key without a CSR. The CSR's names are not used; but where it has names, and
    /// another key, the recorded name of the certificate must be among them, as for a new certificate.
    ///
    /// A certificate is not renewed if it has expired, if it or one that it descends from by renewal is revoked, or if
    /// it was renewed and its successor is neither expired nor revoked. A caller who presents the certificate itself
    /// may renew it in the [last part](crate::config::Config::renewable_from) of its lifetime without a CSR; every
    /// other caller proves possession of the key with a CSR. The front end decides whether the principal may renew that
    /// serial.
    pub async fn renew(
        &self,
        serial: Serial,
        csr: Option<&[u8]>,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Issued, IssueError> {
        let record = self.ports().ledger.certificates().get(None, serial).await?;
        let common_name = record.as_ref().map(|record| record.common_name.clone());
        self.reload_cas_if_stale().await;
        let attempt = async || {
            let prepared = self.prepare_renewal(serial, record.clone(), csr, principal, token.clone())?;
            self.issue_prepared(prepared).await
        };
        let mut outcome = attempt().await;
        if self.reload_if_issuer_stopped(&outcome).await {
            outcome = attempt().await;
        }
        if let Err(IssueError::Refused(refusal)) = &outcome {
            let mut request = RejectedRequest::default();
            request.subject.common_name = common_name;
            self.record_rejection(request, refusal, principal).await;
        }
        outcome
    }

    fn prepare_renewal(
        &self,
        serial: Serial,
        record: Option<CertificateRecord>,
        csr: Option<&[u8]>,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Prepared, IssueError> {
        let record = record
            .filter(|record| !record.certificate.is_empty())
            .ok_or(Refusal::NotFound { serial })?;
        let now = self.ports().clock.now();
        if record.kind != Kind::Leaf {
            return Err(Refusal::AuthorityCertificate { serial }.into());
        }
        if record.revocation.is_some() {
            return Err(Refusal::Revoked { serial }.into());
        }
        if record.not_after < now {
            return Err(Refusal::Expired { serial }.into());
        }
        match principal.kind() {
            PrincipalKind::Certificate => {
                let from = self.config().renewable_from(record.not_before, record.not_after);
                if now < from {
                    return Err(Refusal::RenewalTooEarly { serial, from }.into());
                }
            }
            // A local caller on the data folder has every CA's key: a proof would add nothing.
            PrincipalKind::Local => {}
            PrincipalKind::Token
            | PrincipalKind::Function
            | PrincipalKind::Aws
            | PrincipalKind::Authority
            | PrincipalKind::Unknown => {
                if csr.is_none() {
                    return Err(Refusal::RenewalWithoutProof { serial }.into());
                }
            }
        }
        let cas = self.cas();
        let policy = IssuancePolicy {
            config: self.config(),
            profiles: self.profiles(),
            cas: &cas,
        };
        let context = IssuanceContext {
            principal,
            token,
            now,
            serial: self.draw_serial(),
            attempt: attempt::new_id(self.ports().entropy.as_ref()),
            request_id: self.ports().invocation.request_id(),
        };
        policy
            .prepare_renewal(&record, csr, context)
            .inspect_err(super::warn_of_lint)
    }
}

impl IssuancePolicy<'_> {
    fn prepare_renewal(
        &self,
        record: &CertificateRecord,
        csr: Option<&[u8]>,
        context: IssuanceContext<'_>,
    ) -> Result<Prepared, IssueError> {
        let unreadable = |detail: String| IssueError::Internal {
            fault: InternalFault::Ledger,
            detail,
        };
        let old = Certificate::parse(&record.certificate)
            .map_err(|error| unreadable(format!("the certificate {} cannot be read: {error}", record.id)))?;
        let profile = self.profile(Some(&record.profile))?;
        let ca = self.issuing_ca(profile, &context)?;
        let old_key = old
            .public_key()
            .map_err(|error| unreadable(format!("the key of certificate {} cannot be read: {error}", record.id)))?;
        let csr = csr.map(Csr::parse).transpose().map_err(Refusal::from)?;
        let new_key = csr.as_ref().map(|csr| csr.verified().public_key());
        let public_key = new_key.unwrap_or(&old_key).clone();
        self.check_key(&public_key, profile)?;
        self.check_common_names(old.subject(), &record.common_name, profile, &mut Vec::new())?;
        names::check_again(old.subject(), profile)?;
        let extended_key_usages = usages::again(old.extended_key_usages(), profile)?;
        alt_names::check(old.alt_names(), profile)?;
        let custom_extensions = old.custom_extensions();
        extensions::check_again(&custom_extensions, profile, self.config)?;

        let approved = ApprovedRequest {
            profile,
            ca,
            subject: old.subject().clone(),
            common_name: record.common_name.clone(),
            allow_key_reuse: public_key == old_key,
            request_digest: digest::of_renewal(record.id.serial.as_padded(), public_key.as_der()),
            public_key,
            extended_key_usages,
            alt_names: old.alt_names().to_vec(),
            custom_extensions,
            lifetime_days: lifetime_days(&old, profile.backdate_seconds()),
            lifetime_asked: true,
            notify_expiry: record.notify_expiry,
            notify_issued: false,
            from_csr_file: false,
            warnings: Vec::new(),
        };
        let mut prepared = self.build_and_lint(approved, context)?;
        // Having a CSR does not mean having its key, which must not be recorded under a name other than its owner's.
        if let Some(csr) = csr.filter(|csr| *csr.verified().public_key() != old_key) {
            csr_names::check_recorded(csr.verified(), profile, old.subject(), &record.common_name)?;
        }
        prepared.renews = Some(record.id.clone());
        Ok(prepared)
    }
}

/// The old certificate's lifetime in whole days, without the backdating of notBefore.
fn lifetime_days(old: &Certificate, backdate_seconds: i64) -> u64 {
    let seconds = old
        .not_after()
        .0
        .saturating_sub(old.not_before().0)
        .saturating_sub(backdate_seconds);
    u64::try_from(seconds).unwrap_or(0).div_ceil(DAY as u64)
}
