//! Attempts: each request to a key store is recorded before it is made, and what became of it afterwards.
//!
//! A signature whose first attempt succeeds costs no call beyond those that record its intent and complete it. After a failure the
//! outcome is recorded, and the next attempt before it is made.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use chancery_x509::algorithm::SigningInput;
use chancery_x509::key::ca::CaPublicKey;

use super::SigningError;
use crate::port::ledger::{Attempt, AttemptId, AttemptOrigin, AttemptPosition, Outcome};
use crate::port::{Entropy, KeyName, KeyStoreError, Signed, SigningPorts, SigningRequest};

/// Most attempts of one call for one signature.
const ATTEMPTS: u32 = 5;

/// A signature, and the attempt that made it. The caller records its receipt, with what it completes.
pub(crate) struct SignedAttempt {
    pub(crate) signed: Signed,
    pub(crate) position: AttemptPosition,
}

/// A new id: a counter of this process, and 96 random bits. With the counter in front, attempts of one second are recorded beside each
/// other, as they come: at random places, a ledger would write one page for each.
pub(crate) fn new_id(entropy: &dyn Entropy) -> AttemptId {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let mut id = AttemptId([0; 16]);
    entropy.fill(&mut id.0);
    id.0[..4].copy_from_slice(&MADE.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    id
}

/// The origin of an attempt by this process.
pub(crate) fn origin(ports: SigningPorts<'_>, key: KeyName) -> AttemptOrigin {
    AttemptOrigin {
        id: new_id(ports.entropy),
        key,
        request_id: ports.invocation.request_id(),
    }
}

/// Has that input signed, and verifies the signature. The attempt is recorded already; where the key store is unavailable and says
/// that it is worth it, more follow, each recorded before it is made.
///
/// After an error the outcome of every attempt is recorded, as far as the journal can be reached: an attempt without an outcome
/// counts as unknown, too.
pub(crate) async fn sign(
    ports: SigningPorts<'_>,
    attempt: Attempt,
    input: &SigningInput,
    public: &CaPublicKey,
) -> Result<SignedAttempt, SigningError> {
    let (mut attempt, since, mut failed) = (attempt, Instant::now(), 0);
    loop {
        let key = attempt.origin.key.clone();
        let request = SigningRequest::new(attempt.subject.purpose(), key, input.clone(), attempt.origin.id);
        let error = match ports.keys.sign(&request).await {
            Ok(signed) if public.verify(input, &signed.signature).is_ok() => {
                return Ok(SignedAttempt {
                    signed,
                    position: attempt.position(),
                });
            }
            Ok(signed) => {
                conclude(ports, &attempt, Outcome::Signed(signed.receipt.clone())).await;
                return Err(SigningError::BadSignature {
                    key: attempt.origin.key,
                    receipt: signed.receipt,
                });
            }
            Err(error) => error,
        };
        conclude(ports, &attempt, outcome_of(&error)).await;
        failed += 1;
        let is_to_retry = matches!(error, KeyStoreError::Unavailable { .. })
            && failed < ATTEMPTS
            && ports.keys.wait_to_retry(failed, since.elapsed()).await;
        if !is_to_retry {
            return Err(error.into());
        }
        tracing::warn!(%error, subject = %attempt.subject, number = attempt.number, "an attempt to sign failed; another follows");
        attempt.origin.id = new_id(ports.entropy);
        attempt.number = attempt.number.saturating_add(1);
        attempt.at = ports.clock.now();
        ports.attempts.record(attempt.clone()).await?;
    }
}

/// Records an outcome. A failure to do so changes nothing: without an outcome an attempt counts as unknown.
async fn conclude(ports: SigningPorts<'_>, attempt: &Attempt, outcome: Outcome) {
    let now = ports.clock.now();
    if let Err(error) = ports.attempts.conclude(attempt.position(), outcome, now).await {
        tracing::warn!(%error, attempt = %attempt.origin.id, subject = %attempt.subject, "the outcome of an attempt to sign could not be recorded");
    }
}

/// What a key store's error says of a signature.
fn outcome_of(error: &KeyStoreError) -> Outcome {
    let detail = error.to_string();
    match error {
        KeyStoreError::NotFound(_)
        | KeyStoreError::AlreadyExists(_)
        | KeyStoreError::UnsupportedAlgorithm { .. }
        | KeyStoreError::WrongInput(_)
        | KeyStoreError::Denied { .. } => Outcome::Refused { detail },
        KeyStoreError::Unavailable { .. } | KeyStoreError::Damaged { .. } => Outcome::Unknown { detail },
    }
}
