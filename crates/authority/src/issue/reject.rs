//! What a refused request leaves behind: a record, and a notice.

use chancery_x509::name::Subject;
use serde_json::Value;

use super::Refusal;
use crate::authority::Authority;
use crate::port::Notice;
use crate::port::ledger::{REASON_KEPT, Rejection};
use crate::principal::Principal;
use crate::wire::{Malformed, TlsCertRequest, notice};

/// Characters of a common name that a record keeps.
const RECORDED_NAME: usize = 255;

impl Authority {
    /// Records a refusal and tells of it. [`issue`](Self::issue) does this itself; a front calls it for refusals of its
    /// own (a policy, a CSR file that is not there). Neither a ledger nor a notice that fails hides the refusal: both are
    /// logged.
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

    /// Records that a request was not well formed and tells of it, likewise.
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

    /// Hands a notice over; whether it was taken.
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

/// RFC 4514 text of the subject asked for, as far as it makes a name.
fn subject_text(subject: &Subject) -> String {
    subject.to_name().map(|name| name.to_rfc4514()).unwrap_or_default()
}
