//! Records refused requests, and sends notices of them.

use super::Refusal;
use crate::authority::Authority;
use crate::event::{Event, MalformedRequest, RejectedRequest};
use crate::port::ledger::{REASON_KEPT, Rejection};
use crate::principal::Principal;

/// Longest common name in a record, in characters.
const RECORDED_NAME: usize = 255;

impl Authority {
    /// Records a refusal and sends a notice. [`issue`](Self::issue) does this itself; a front calls it for what it
    /// refuses itself (a CSR that cannot be parsed, a missing CSR file). A failure of the ledger or of the notice is
    /// logged and does not replace the refusal.
    pub async fn record_rejection(&self, request: RejectedRequest, refusal: &Refusal, principal: &Principal) {
        let reason = refusal.to_string();
        let common_name = request.subject.common_name.as_deref();
        self.record(common_name, refusal.code(), &reason, principal).await;
        if refusal.deserves_notice() {
            let request = Box::new(request);
            self.notify(Event::RequestRejected { request, reason }).await;
        }
    }

    /// The same for a request that is not well formed; `common_name` is the one that it gives, if it gives one, and
    /// `code` and `reason` say what is wrong with it.
    pub async fn record_malformed_request(
        &self,
        request: MalformedRequest,
        common_name: Option<&str>,
        (code, reason): (&'static str, String),
        principal: &Principal,
    ) {
        self.record(common_name, code, &reason, principal).await;
        let request = Box::new(request);
        self.notify(Event::MalformedRequestRejected { request, reason }).await;
    }

    async fn record(&self, common_name: Option<&str>, code: &str, reason: &str, principal: &Principal) {
        let rejection = Rejection {
            at: self.ports().clock.now(),
            principal: principal.to_string(),
            common_name: common_name.map(|name| name.chars().take(RECORDED_NAME).collect()),
            code: code.to_owned(),
            reason: reason.chars().take(REASON_KEPT).collect(),
        };
        if let Err(error) = self.ports().ledger.rejections().record(rejection).await {
            tracing::error!(%error, code, %principal, "a rejection could not be recorded");
        }
    }

    /// Sends a notice of an event; returns whether it was accepted.
    pub(crate) async fn notify(&self, event: Event) -> bool {
        let kind = event.name();
        match self.ports().notices.notify(event).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, event = kind, "a notice was not taken");
                false
            }
        }
    }
}
