//! Issuance: the way of a request to its certificate.
//!
//! 1. [`Rules::prepare`] decides, without any store: the CSR parses, proves possession, and carries a key fit to be
//!    certified; the profile allows what is asked for; the final TBSCertificate, with a throw-away signature, passes every
//!    lint. The result, [`Prepared`], can be used once.
//! 2. [`Authority::issue_prepared`] reserves: serial, key, token and TBSCertificate stand in the ledger before any
//!    signature exists. A crash from here on leaves an open intent, which a retry with its token, or the sweeper, takes up.
//! 3. It signs, verifies the signature with the CA's own public key, and completes the intent in the ledger.
//! 4. Notices go out; one that fails never fails the certificate.
//!
//! A request that is refused leaves one thing: its rejection.

mod csr_names;
mod digest;
mod error;
mod extensions;
mod folding;
pub(crate) mod names;
mod own_names;
mod prepare;
mod refusal;
mod reject;
mod renew;
mod same_name;
mod sign;
pub(crate) mod throwaway;
mod usages;

use chancery_x509::name::Name;
use chancery_x509::serial::Serial;

pub use error::IssueError;
pub use own_names::OwnNames;
pub use prepare::{IssuanceContext, KeyClaim, Prepared, Rules};
pub use refusal::Refusal;

use crate::authority::Authority;
use crate::port::Entropy;
use crate::port::ledger::{CertificateRecord, IdempotencyToken, TokenOrigin};
use crate::principal::Principal;
use crate::wire::TlsCertRequest;

/// A certificate, and how this call came by it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate as the ledger has it.
    pub record: CertificateRecord,
    /// Its subject, where this call decided it; `None` for one read back from the ledger.
    pub subject: Option<Name>,
    /// Whether the certificate existed before this call, for the same token.
    pub replayed: bool,
    /// Whether a notice of its issuance was due and could not be delivered.
    pub notice_failed: bool,
    /// What was left out of the request, in words.
    pub warnings: Vec<String>,
}

impl Authority {
    /// Issues a certificate, or refuses and records why.
    ///
    /// With a token the call may be repeated after any error: whatever happened the first time, there will be one
    /// certificate.
    pub async fn issue(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Issued, IssueError> {
        self.issue_with(request, principal, token, TokenOrigin::Caller).await
    }

    /// The same for an invocation whose caller sent no token: the runtime's id of it stands for one. The runtime's own
    /// retries find the certificate that the first try made; nobody else can come back with it, so the sweeper gives an
    /// intent that was left open up, and its key is free again.
    pub async fn issue_for_invocation(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: IdempotencyToken,
    ) -> Result<Issued, IssueError> {
        self.issue_with(request, principal, Some(token), TokenOrigin::Invocation)
            .await
    }

    async fn issue_with(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: Option<IdempotencyToken>,
        token_origin: TokenOrigin,
    ) -> Result<Issued, IssueError> {
        let outcome = match self.prepare(request, principal, token) {
            Ok(mut prepared) => {
                prepared.token_origin = token_origin;
                self.issue_prepared(prepared).await
            }
            Err(error) => Err(error),
        };
        if let Err(IssueError::Rejected(refusal)) = &outcome {
            self.record_refusal(request, refusal, principal).await;
        }
        outcome
    }

    /// Decides on a request and builds what would be signed; neither stores nor signs anything, nor records a refusal.
    /// Whoever has more to decide does it on the result, and then hands it to [`issue_prepared`](Self::issue_prepared).
    pub fn prepare(
        &self,
        request: &TlsCertRequest,
        principal: &Principal,
        token: Option<IdempotencyToken>,
    ) -> Result<Prepared, IssueError> {
        let cas = self.cas();
        let rules = Rules {
            config: self.config(),
            profiles: self.profiles(),
            cas: &cas,
        };
        let context = IssuanceContext {
            principal,
            token,
            now: self.ports().clock.now(),
            serial: self.draw_serial(),
        };
        rules.prepare(request, context).inspect_err(warn_of_lint)
    }

    pub(crate) fn draw_serial(&self) -> Serial {
        draw_serial(self.ports().entropy.as_ref())
    }
}

/// The request may be at fault, or a profile that makes such certificates: its author is to know.
fn warn_of_lint(error: &IssueError) {
    if let IssueError::Rejected(Refusal::Lint { rule, detail, .. }) = error {
        tracing::warn!(rule, detail, "a certificate was not issued because of a lint");
    }
}

/// 159 random bits. All of them zero is no serial; then it draws again.
pub(crate) fn draw_serial(entropy: &dyn Entropy) -> Serial {
    loop {
        let mut octets = [0; 20];
        entropy.fill(&mut octets);
        if let Some(serial) = Serial::from_random(octets) {
            return serial;
        }
    }
}
