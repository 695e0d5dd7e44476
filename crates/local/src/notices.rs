//! Notices to the program's own log, and to webhooks.

mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::event::Event;
use chancery_authority::port::{NoticeError, Notices};
use chancery_contract::notice;

pub use webhook::{WebhookConfig, WebhookError, WebhookNotices};

/// Writes each notice to the program's log: one event at level `info`, target `chancery::notices`, with the fields
/// `subject` and `payload` (JSON).
#[derive(Clone, Copy, Debug, Default)]
pub struct LogNotices;

/// Passes each notice on to several receivers.
#[derive(Clone, Default)]
pub struct Several {
    all: Vec<Arc<dyn Notices>>,
}

impl Several {
    /// Notifies these, in this order.
    pub fn new(all: Vec<Arc<dyn Notices>>) -> Self {
        Self { all }
    }
}

#[async_trait]
impl Notices for LogNotices {
    async fn notify(&self, event: Event) -> Result<(), NoticeError> {
        let notice = notice::of(&event);
        tracing::info!(target: "chancery::notices", subject = notice.subject, payload = %notice.message);
        Ok(())
    }
}

#[async_trait]
impl Notices for Several {
    /// A receiver that fails does not keep the others from being notified; the error names every failure.
    async fn notify(&self, event: Event) -> Result<(), NoticeError> {
        let mut failures = Vec::new();
        for notices in &self.all {
            if let Err(error) = notices.notify(event.clone()).await {
                failures.push(error.detail);
            }
        }
        if failures.is_empty() {
            return Ok(());
        }
        Err(NoticeError {
            detail: failures.join("; "),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Event>>);
    struct Broken(&'static str);

    #[async_trait]
    impl Notices for Kept {
        async fn notify(&self, event: Event) -> Result<(), NoticeError> {
            self.0.lock().unwrap().push(event);
            Ok(())
        }
    }

    #[async_trait]
    impl Notices for Broken {
        async fn notify(&self, _: Event) -> Result<(), NoticeError> {
            Err(NoticeError {
                detail: self.0.to_owned(),
            })
        }
    }

    #[tokio::test]
    async fn one_failure_keeps_nobody_else_from_being_told() {
        let (first, last) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        let several = Several::new(vec![
            first.clone(),
            Arc::new(Broken("no route")),
            Arc::new(LogNotices),
            Arc::new(Broken("no answer")),
            last.clone(),
        ]);
        let event = Event::RequestRejected {
            request: Box::default(),
            reason: "no".to_owned(),
        };
        let error = several.notify(event.clone()).await.unwrap_err();
        assert_eq!(error.detail, "no route; no answer");
        assert_eq!(*first.0.lock().unwrap(), std::slice::from_ref(&event));
        assert_eq!(*last.0.lock().unwrap(), std::slice::from_ref(&event));
        Several::default().notify(event).await.unwrap();
    }
}
