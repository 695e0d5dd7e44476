//! From the contract's request to the authority's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::event::{MalformedRequest, RawField, RejectedRequest};
use chancery_authority::issue::{Csr, IssuanceContext, IssuancePolicy, IssueError, Issued, Prepared, Refusal, Request};
use chancery_authority::port::ledger::IdempotencyToken;
use chancery_authority::{Authority, Principal};
use chancery_x509::extension::{CustomExtension, ExtensionError, RESERVED};
use const_oid::ObjectIdentifier;
use serde_json::Value;

use crate::{CsrSource, Malformed, RequestedExtension, TlsCertRequest, budget, digest};

/// What the contract's fronts (HTTP API, command line, function) do with an authority.
pub trait IssueTlsCert {
    /// Issues a certificate, or refuses and records why: see [`Authority::issue`].
    fn issue_tls_cert(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> impl Future<Output = Result<Issued, IssueError>> + Send;

    /// The same for an invocation whose caller sent no token: see [`Authority::issue_for_invocation`].
    fn issue_tls_cert_for_invocation(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: IdempotencyToken,
    ) -> impl Future<Output = Result<Issued, IssueError>> + Send;

    /// Decides on a request, without any record: see [`Authority::prepare`].
    fn prepare_tls_cert(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Prepared, IssueError>;

    /// Records a refusal that is the front's own, and sends a notice.
    fn record_refusal(
        &self,
        request: &TlsCertRequest,
        refusal: &Refusal,
        principal: &Principal,
    ) -> impl Future<Output = ()> + Send;

    /// The same for a request that is not well formed.
    fn record_malformed(
        &self,
        request: &Value,
        malformed: &Malformed,
        principal: &Principal,
    ) -> impl Future<Output = ()> + Send;
}

impl IssueTlsCert for Authority {
    async fn issue_tls_cert(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Issued, IssueError> {
        let request = core_request(self, request, principal).await?;
        self.issue(&request, principal, token).await
    }

    async fn issue_tls_cert_for_invocation(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: IdempotencyToken,
    ) -> Result<Issued, IssueError> {
        let request = core_request(self, request, principal).await?;
        self.issue_for_invocation(&request, principal, token).await
    }

    fn prepare_tls_cert(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Prepared, IssueError> {
        let request = with_policy(self, |policy| request.to_request(policy))?;
        self.prepare(&request, principal, token)
    }

    async fn record_refusal(&self, request: &TlsCertRequest, refusal: &Refusal, principal: &Principal) {
        self.record_rejection(rejected(request), refusal, principal).await;
    }

    async fn record_malformed(&self, request: &Value, malformed: &Malformed, principal: &Principal) {
        let common_name = request.get("common_name").and_then(Value::as_str);
        let reason = (malformed.code(), malformed.to_string());
        self.record_malformed_request(readable(request), common_name, reason, principal)
            .await;
    }
}

/// The authority's request; a refusal is recorded.
async fn core_request(
    authority: &Authority,
    request: &TlsCertRequest,
    principal: &Principal,
) -> Result<Request, IssueError> {
    let converted = with_policy(authority, |policy| request.to_request(policy));
    if let Err(IssueError::Refused(refusal)) = &converted {
        authority.record_refusal(request, refusal, principal).await;
    }
    converted
}

fn with_policy<T>(authority: &Authority, decide: impl FnOnce(&IssuancePolicy<'_>) -> T) -> T {
    let cas = authority.cas();
    decide(&IssuancePolicy {
        config: authority.config(),
        profiles: authority.profiles(),
        cas: &cas,
    })
}

impl TlsCertRequest {
    /// The authority's request: the CSR verified, extensions decoded. Refuses what cannot be read, in the contract's
    /// order: an unknown profile before the CSR, and for each extension its OID, the allowlist, a repetition, base64, DER.
    pub fn to_request(&self, policy: &IssuancePolicy<'_>) -> Result<Request, IssueError> {
        policy.check_profile(self.profile.as_deref())?;
        let csr = match &self.csr {
            None => return Err(Refusal::NoCsr.into()),
            Some(CsrSource::Inline(octets)) => Csr::parse(octets).map_err(Refusal::from)?,
            Some(CsrSource::File(file)) => Csr::of_file(file.clone(), self.names())?,
        };
        Ok(Request {
            subject: self.subject.clone(),
            no_common_name: self.no_common_name,
            alt_names: self.alt_names.clone(),
            alt_names_from_csr: self.sans_from_csr,
            purposes: self.purposes.clone(),
            extended_key_usages: self.extended_key_usages.clone(),
            extensions: extensions(&self.extensions, self.profile.as_deref(), policy)?,
            lifetime_days: self.lifetime_days,
            profile: self.profile.clone(),
            allow_key_reuse: self.force_issue,
            notify_issued: self.notify_issued.unwrap_or(self.notices_by_default),
            notify_expiry: self.notify_expiry.unwrap_or(self.notices_by_default),
            left_out: self.warnings.clone(),
            ..Request::new(csr, digest::of_request(self))
        })
    }

    /// Decides on a request as [`IssuancePolicy::prepare`] does.
    pub fn prepare(&self, policy: &IssuancePolicy<'_>, context: IssuanceContext<'_>) -> Result<Prepared, IssueError> {
        policy.prepare(&self.to_request(policy)?, context)
    }
}

fn extensions(
    requested: &[RequestedExtension],
    profile: Option<&str>,
    policy: &IssuancePolicy<'_>,
) -> Result<Vec<CustomExtension>, Refusal> {
    let mut seen: Vec<ObjectIdentifier> = Vec::with_capacity(requested.len());
    let mut decoded = Vec::with_capacity(requested.len());
    for extension in requested {
        let given = || extension.oid.clone();
        let oid = ObjectIdentifier::new(&extension.oid).map_err(|_| ExtensionError::InvalidOid {
            oid: extension.oid.chars().take(80).collect(),
        })?;
        if RESERVED.contains(&oid) {
            return Err(ExtensionError::Reserved { oid: given() }.into());
        }
        policy.allows_extension(profile, oid, extension.critical)?;
        if seen.contains(&oid) {
            return Err(Refusal::DuplicateExtension { oid: given() });
        }
        seen.push(oid);
        let value = STANDARD
            .decode(&extension.value_b64)
            .map_err(|_| Refusal::ExtensionBase64 { oid: given() })?;
        decoded.push(CustomExtension::new(&extension.oid, extension.critical, value)?);
    }
    Ok(decoded)
}

/// What is reported of a refused request. A CSR over the budget may have any length, and is left out.
pub(crate) fn rejected(request: &TlsCertRequest) -> RejectedRequest {
    let csr = request.csr.as_ref().and_then(CsrSource::octets);
    RejectedRequest {
        subject: request.subject.clone(),
        lifetime_days: request.lifetime_days,
        purposes: request.purposes.clone(),
        alt_names: request.alt_names.clone(),
        csr: csr.filter(|csr| csr.len() <= budget::CSR).unwrap_or_default().to_vec(),
    }
}

/// What is reported of a request that is not well formed. People read notices, and services that carry them have low
/// size limits: long values are left out.
pub(crate) fn readable(request: &Value) -> MalformedRequest {
    let field = |name: &str| request.get(name).map(raw).unwrap_or_default();
    MalformedRequest {
        common_name: field("common_name"),
        lifetime: field("lifetime"),
        purposes: field("purposes"),
        alt_names: field("sans"),
        csr: match field("base64_csr_data") {
            RawField::Text(text) => text,
            RawField::Missing | RawField::Flag(_) | RawField::Number(_) | RawField::List(_) => String::new(),
        },
    }
}

fn raw(value: &Value) -> RawField {
    match value {
        Value::Bool(flag) => RawField::Flag(*flag),
        Value::Number(number) => RawField::Number(number.to_string()),
        Value::String(text) if text.len() <= 16 * 1024 => RawField::Text(text.clone()),
        Value::Array(values) if values.len() <= 64 => {
            let brief = values
                .iter()
                .map(|value| value.as_str().filter(|text| text.len() <= 255));
            let texts: Option<Vec<String>> = brief.map(|text| text.map(str::to_owned)).collect();
            texts.map_or(RawField::Missing, RawField::List)
        }
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => RawField::Missing,
    }
}
