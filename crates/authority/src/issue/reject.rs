//! Records refused requests, and sends notices of them.

use chancery_x509::name::Subject;
use serde_json::Value;

use super::Refusal;
use crate::authority::Authority;
use crate::port::Notice;
use crate::port::ledger::{REASON_KEPT, Rejection};
use crate::principal::Principal;
use crate::wire::{Malformed, TlsCertRequest, notice};

/// Longest common name in a record, in characters.
const RECORDED_NAME: usize = 255;

impl Authority {
    /// Records a refusal and sends a notice. [`issue`](Self::issue) does this itself; a front end calls it for refusals
    /// of its own (a policy, a missing CSR file). A failure of the ledger or of the notice is logged and does not
    /// replace the refusal.
    pub async fn record_refusal(&self, request: &TlsCertRequest, refusal: &Refusal, principal: &Principal) {
        let reason = refusal.to_string();
        self.record(
            request.subject.common_name.as_deref(),
            refusal.code(),
            &reason,
            principal,
        )
        .await;
        if refusal.deserves_notice() {
            let subject = subject_text(&request.subject);
            self.tell(notice::request_rejected(request, &subject, &reason)).await;
        }
    }

    /// The same for a request that is not well formed.
    pub async fn record_malformed(&self, request: &Value, malformed: &Malformed, principal: &Principal) {
        let reason = malformed.to_string();
        let common_name = request.get("common_name").and_then(Value::as_str);
        self.record(common_name, malformed.code(), &reason, principal).await;
        self.tell(notice::malformed_request_rejected(request, &reason)).await;
    }

    async fn record(&self, common_name: Option<&str>, code: &str, reason: &str, principal: &Principal) {
        let rejection = Rejection {
            at: self.ports().clock.now(),
            principal: principal.to_string(),
            common_name: common_name.map(|name| name.chars().take(RECORDED_NAME).collect()),
            code: code.to_owned(),
            reason: reason.chars().take(REASON_KEPT).collect(),
        };
        if let Err(error) = self.ports().ledger.record_rejection(rejection).await {
            tracing::error!(%error, code, %principal, "a rejection could not be recorded");
        }
    }

    /// Sends a notice; returns whether it was accepted.
    pub(crate) async fn tell(&self, notice: Notice) -> bool {
        let subject = notice.subject;
        match self.ports().notices.notify(notice).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, subject, "a notice was not taken");
                false
            }
        }
    }
}

/// The requested subject as RFC 4514 text; empty if it does not make a valid name.
fn subject_text(subject: &Subject) -> String {
    subject.to_name().map(|name| name.to_rfc4514()).unwrap_or_default()
}
