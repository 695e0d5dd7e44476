//! Issuance: the steps from a request to its certificate. Every front builds a [`Request`] from what it received.
//!
//! 1. [`IssuancePolicy::prepare`] decides, without any I/O: the CSR parses, proves possession, and carries a key that may be
//!    certified; the profile allows what the request asks for; the final TBSCertificate, with a placeholder signature,
//!    passes every lint. The result, [`Prepared`], can be used once.
//! 2. [`Authority::issue_prepared`] reserves: serial, key, token and TBSCertificate are recorded in the ledger before
//!    any signature exists. A crash from here on leaves an open intent, which a retry with its token, or the sweeper,
//!    resumes.
//! 3. It signs, verifies the signature with the CA's own public key, and completes the intent in the ledger.
//! 4. It reports events; a notice that fails never fails the certificate.
//!
//! A refused request leaves only its rejection record.

mod alt_names;
pub mod budget;
mod csr;
mod csr_file;
mod csr_names;
mod digest;
mod error;
mod extensions;
pub(crate) mod folding;
pub(crate) mod names;
mod prepare;
mod prepared;
mod purpose;
mod refusal;
mod reject;
mod renew;
mod request;
mod requested_names;
pub(crate) mod same_name;
mod server_names;
mod sign;
mod template;
pub(crate) mod throwaway;
mod usages;

use chancery_x509::name::Name;
use chancery_x509::serial::Serial;

pub use crate::authority::ServerNameSet;
pub use csr::Csr;
pub use csr_file::{CsrFile, CsrFileName, FoundCsr, NoCsrFileName};
pub use digest::RequestDigest;
pub use error::{InternalFault, IssueError};
pub use prepare::{IssuanceContext, IssuancePolicy};
pub use prepared::{KeyClaim, Prepared};
pub use purpose::TlsPurpose;
pub use refusal::Refusal;
pub use request::Request;
pub use requested_names::{ListedNames, RequestedNames};

use crate::authority::Authority;
use crate::port::Entropy;
use crate::port::ledger::{CertificateRecord, IdempotencyToken, TokenOrigin};
use crate::principal::Principal;
use crate::signing::attempt;

/// The result of an issuance: a certificate, and whether this call issued it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate's record in the ledger.
    pub record: CertificateRecord,
    /// Its subject, where this call decided it; `None` for one that was read from the ledger.
    pub subject: Option<Name>,
    /// Whether the certificate existed before this call, for the same token.
    pub replayed: bool,
    /// Whether a notice of its issuance was due and its delivery failed.
    pub notice_failed: bool,
    /// What was left out of the request, or changed, as text.
    pub warnings: Vec<String>,
}

impl Authority {
    /// Issues a certificate, or refuses and records why.
    ///
    /// With a token the call may be repeated after any error: the result is one certificate, whatever happened the
    /// first time.
    pub async fn issue(
        &self,
        request: &Request,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Issued, IssueError> {
        self.issue_with(request, principal, token, TokenOrigin::Caller).await
    }

    /// Like [`issue`](Self::issue), for an invocation whose caller sent no token: the runtime's id of the invocation
    /// serves as token. The runtime's own retries find the certificate that the first attempt made. No other caller can
    /// repeat the request, so the sweeper gives up an intent that was left open, and its key is free again.
    pub async fn issue_for_invocation(
        &self,
        request: &Request,
        principal: &Principal,
        token: IdempotencyToken,
    ) -> Result<Issued, IssueError> {
        self.issue_with(request, principal, Some(token), TokenOrigin::Invocation)
            .await
    }

    async fn issue_with(
        &self,
        request: &Request,
        principal: &Principal,
        token: Option<IdempotencyToken>,
        token_origin: TokenOrigin,
    ) -> Result<Issued, IssueError> {
        self.reload_cas_if_stale().await;
        let mut outcome = self
            .prepare_and_issue(request, principal, token.clone(), token_origin)
            .await;
        if self.reload_if_issuer_stopped(&outcome).await {
            outcome = self.prepare_and_issue(request, principal, token, token_origin).await;
        }
        if let Err(IssueError::Refused(refusal)) = &outcome {
            self.record_rejection(request.rejected(), refusal, principal).await;
        }
        outcome
    }

    async fn prepare_and_issue(
        &self,
        request: &Request,
        principal: &Principal,
        token: Option<IdempotencyToken>,
        token_origin: TokenOrigin,
    ) -> Result<Issued, IssueError> {
        let mut prepared = self.prepare(request, principal, token)?;
        prepared.token_origin = token_origin;
        self.issue_prepared(prepared).await
    }

    /// Decides on a request and builds what would be signed; neither stores nor signs anything, nor records a refusal.
    /// A caller with checks of its own makes them on the result, and then passes it to
    /// [`issue_prepared`](Self::issue_prepared).
    pub fn prepare(
        &self,
        request: &Request,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Prepared, IssueError> {
        let cas = self.cas();
        let policy = IssuancePolicy {
            config: self.config(),
            profiles: self.profiles(),
            cas: &cas,
        };
        let context = IssuanceContext {
            principal,
            token,
            now: self.ports().clock.now(),
            serial: self.draw_serial(),
            attempt: attempt::new_id(self.ports().entropy.as_ref()),
            request_id: self.ports().invocation.request_id(),
        };
        policy.prepare(request, context).inspect_err(warn_of_lint)
    }

    pub(crate) fn draw_serial(&self) -> Serial {
        draw_serial(self.ports().entropy.as_ref())
    }
}

/// Logged because the cause may be the request or a profile that makes such certificates, whose author should know.
fn warn_of_lint(error: &IssueError) {
    if let IssueError::Refused(Refusal::Lint { rule, detail, .. }) = error {
        tracing::warn!(rule, detail, "a certificate was not issued because of a lint");
    }
}

/// Draws 159 random bits, again if all of them are zero, which is no valid serial number.
pub fn draw_serial(entropy: &dyn Entropy) -> Serial {
    loop {
        let mut octets = [0; 20];
        entropy.fill(&mut octets);
        if let Some(serial) = Serial::from_random(octets) {
            return serial;
        }
    }
}
