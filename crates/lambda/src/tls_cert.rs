//! `tls_cert`: issues a certificate.
//!
//! A refused request gets an answer, `{"error": …}`; only errors that are not about the request are failures.

use chancery_authority::Principal;
use chancery_authority::issue::{CsrFileName, FoundCsr};
use chancery_authority::issue::{InternalFault, IssueError, Issued, Refusal};
use chancery_authority::port::ledger::{IdempotencyToken, TokenOrigin};
use chancery_contract::{
    ChainAnswer, ErrorAnswer, IssueTlsCert as _, Malformed, TlsCertAnswer, TlsCertRequest, caller_token, request_value,
};
use chancery_deployment::failure::FailureKind;
use serde_json::Value;

use crate::failure::Failure;
use crate::files::{CSR_LIMIT, FilesError};
use crate::state::{FunctionState, Invocation};

/// Answers an event, given as JSON text.
pub async fn handle(state: &FunctionState, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
    let principal = invocation.principal();
    let event = match request_value(event) {
        Ok(event) => event,
        Err(malformed) => return Ok(refuse_malformed(state, &Value::Null, &malformed, &principal).await),
    };
    let request = TlsCertRequest::from_value(&event).and_then(|request| Ok((request, token(&event, invocation)?)));
    let (mut request, token) = match request {
        Ok(request) => request,
        Err(malformed) => return Ok(refuse_malformed(state, &event, &malformed, &principal).await),
    };
    if state.issuing_ca().await?.is_none() {
        return Ok(no_ca(state));
    }
    if request.ca_chain_only {
        // An issuance does so by itself.
        state.authority.reload_cas_if_stale().await;
        return ChainAnswer::new(&state.authority, &request).map_or_else(|| Ok(no_ca(state)), |chain| answer(&chain));
    }
    read_operator_files(state, &mut request).await?;
    let issued = match token {
        (token, TokenOrigin::Caller) => state.authority.issue_tls_cert(&request, &principal, Some(token)).await,
        (token, TokenOrigin::Invocation) => {
            state
                .authority
                .issue_tls_cert_for_invocation(&request, &principal, token)
                .await
        }
    };
    match issued {
        Ok(issued) => answer_of(state, &issued, &request),
        Err(IssueError::Refused(refusal)) => {
            state.metrics.rejected(refusal.code());
            tracing::info!(code = refusal.code(), reason = %refusal, %principal, "request refused");
            if matches!(refusal, Refusal::TokenReused) && invocation.is_of_state_machine() {
                // The state machine would count an answer as success, and this entry of `tls.json` as done.
                return Err(Failure::new(FailureKind::TokenReused, refusal.to_string()));
            }
            Ok(error(&refusal))
        }
        Err(IssueError::Internal {
            fault: InternalFault::NoCa,
            ..
        }) => Ok(no_ca(state)),
        Err(error) => {
            tracing::error!(
                code = error.code(),
                detail = error.detail(),
                "no certificate was issued"
            );
            if matches!(error, IssueError::Internal { .. }) {
                state.reload_cas_next_time().await;
            }
            Err(Failure::from(&error))
        }
    }
}

/// The caller's idempotency token, or one from the invocation: the same in each of the runtime's retries, and known to
/// no caller.
fn token(event: &Value, invocation: &Invocation) -> Result<(IdempotencyToken, TokenOrigin), Malformed> {
    Ok(match caller_token(event)? {
        Some(token) => (IdempotencyToken(format!("caller {token}")), TokenOrigin::Caller),
        None => (
            IdempotencyToken(format!("request {}", invocation.request_id)),
            TokenOrigin::Invocation,
        ),
    })
}

/// Adds what the operators' files contain about the request: the CSR if it names a file, the names that `tls.json`
/// gives to that file, and whether to send notices. The request's own choice about notices takes precedence over
/// `tls.json`.
///
/// If `tls.json` cannot be read now and is needed only for the choice about notices, the cached list decides. For a CSR
/// file it is an error: the file's names are not known without it.
async fn read_operator_files(state: &FunctionState, request: &mut TlsCertRequest) -> Result<(), Failure> {
    let of_file = request.csr_file().cloned();
    if of_file.is_none() && request.notify_expiry.is_some() && request.notify_issued.is_some() {
        return Ok(());
    }
    let list = match state.tls_json.current(state.files.as_ref()).await {
        Ok(list) => list,
        Err(error) if of_file.is_some() => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "tls.json cannot be read; the cached version decides whether to send notices");
            state.tls_json.last().await
        }
    };
    let subject = &request.subject;
    let listed = list.matches(
        subject.common_name.as_deref().unwrap_or_default(),
        subject.organization.as_deref(),
        subject.organizational_unit.as_deref(),
    );
    request.notices_by_default = listed;
    if let Some(name) = of_file {
        let found = read_csr_file(state, &name).await?;
        request.resolve_csr(found, list.names_of(&name));
    }
    Ok(())
}

async fn read_csr_file(state: &FunctionState, name: &CsrFileName) -> Result<FoundCsr, Failure> {
    let place = state.files.place();
    match state.files.read(&format!("csrs/{name}"), CSR_LIMIT).await {
        Ok(Some(octets)) => Ok(FoundCsr::Content { octets, place }),
        Ok(None) => Ok(FoundCsr::Missing { place }),
        Err(FilesError::TooLong { actual, limit, .. }) => Ok(FoundCsr::TooLong { actual, limit, place }),
        // The bucket does not answer, or this function may not read it: that is no statement about the file.
        Err(error) => Err(error.into()),
    }
}

fn answer_of(state: &FunctionState, issued: &Issued, request: &TlsCertRequest) -> Result<Value, Failure> {
    if !issued.replayed {
        state.metrics.issued(issued.record.id.issuer.as_str());
    }
    for warning in &issued.warnings {
        tracing::warn!(serial = %issued.record.id.serial, warning, "not all of the request is in the certificate");
    }
    answer(&TlsCertAnswer::new(&state.authority, issued, request))
}

async fn refuse_malformed(state: &FunctionState, event: &Value, malformed: &Malformed, principal: &Principal) -> Value {
    state.metrics.rejected(malformed.code());
    tracing::info!(code = malformed.code(), reason = %malformed, %principal, "request refused");
    state.authority.record_malformed(event, malformed, principal).await;
    error(malformed)
}

fn no_ca(state: &FunctionState) -> Value {
    let ca_name = state.authority.config().issuing_ca().name();
    state.metrics.rejected("no_ca");
    tracing::error!(ca = %ca_name, "the issuing CA does not exist yet");
    error(&format!("CA {ca_name} not found"))
}

fn error(reason: &dyn std::fmt::Display) -> Value {
    let answer = ErrorAnswer {
        error: reason.to_string(),
    };
    serde_json::json!(answer)
}

fn answer(answer: &impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))
}
