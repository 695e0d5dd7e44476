//! Notices by HTTP POST.
//!
//! The body is `{"subject": …, "message": …}`. Each notice has an identifier in the header `Chancery-Notice`, the same
//! for every attempt, so that a receiver can recognize a repetition. With a shared secret there is also
//! `Chancery-Signature: t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256, with the secret, of `SECONDS.BODY`: a receiver
//! that also refuses old SECONDS rejects replayed notices.
//!
//! `notify` puts a notice into a queue, so that a slow receiver never slows issuance; a full queue is its only failure.
//! A thread delivers in order, with a few attempts each, and logs the notices that it gives up. Dropping the sender
//! leaves a few seconds for the rest of the queue.

mod config;
mod delivery;
mod error;
mod trust;

use std::net::IpAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use async_trait::async_trait;
use chancery_authority::event::Event;
use chancery_authority::port::{NoticeError, Notices};
use chancery_contract::notice::{self, Notice};
use ureq::http::Uri;

pub use self::config::WebhookConfig;
use self::delivery::{Closing, Delivery};
pub use self::error::WebhookError;

/// Posts notices to one URL.
#[derive(Debug)]
pub struct WebhookNotices {
    queue: Option<mpsc::SyncSender<Notice>>,
    closing: Arc<Closing>,
    config: WebhookConfig,
    thread: Option<JoinHandle<()>>,
}

impl WebhookNotices {
    /// Checks the configuration and starts the delivery thread.
    pub fn start(config: WebhookConfig) -> Result<Self, WebhookError> {
        let uri: Uri = config.url.parse().map_err(|_| WebhookError::Url)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(WebhookError::Url)?;
        let here = is_loopback(host);
        let tls = match uri.scheme_str() {
            Some("https") => Some(trust::tls_config(config.ca_file.as_deref())?),
            Some("http") if here || config.allow_plain_http => None,
            Some("http") => return Err(WebhookError::PlainHttp { host: host.to_owned() }),
            _ => return Err(WebhookError::Url),
        };
        let closing = Arc::new(Closing::default());
        // The path of a webhook's URL is often its password: only the host is ever shown.
        let delivery = Delivery::new(&config, uri.clone(), host.to_owned(), here, tls, Arc::clone(&closing));
        let (queue, waiting) = mpsc::sync_channel(config.queue);
        let thread = std::thread::Builder::new()
            .name("chancery-webhook".to_owned())
            .spawn(move || delivery.deliver_all(&waiting))
            .map_err(WebhookError::Thread)?;
        Ok(Self {
            queue: Some(queue),
            closing,
            config,
            thread: Some(thread),
        })
    }
}

#[async_trait]
impl Notices for WebhookNotices {
    async fn notify(&self, event: Event) -> Result<(), NoticeError> {
        let failed = |detail: &str| {
            Err(NoticeError {
                detail: detail.to_owned(),
            })
        };
        let Some(queue) = &self.queue else {
            return failed("the webhook is closed");
        };
        match queue.try_send(notice::of(&event)) {
            Ok(()) => Ok(()),
            Err(mpsc::TrySendError::Full(_)) => failed("the webhook's queue is full: its receiver is slow or away"),
            Err(mpsc::TrySendError::Disconnected(_)) => failed("the webhook's thread has ended"),
        }
    }
}

impl Drop for WebhookNotices {
    /// Blocks for at most the closing time and one attempt.
    fn drop(&mut self) {
        self.closing.begin(self.config.closing);
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the webhook's thread had panicked");
        }
    }
}

/// Whether a URL's host is this machine.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Passphrase;

    #[test]
    fn urls_are_checked_at_once() {
        for bad in [
            "",
            "hooks.example.com",
            "ftp://127.0.0.1/",
            "https:///path",
            "file:///etc/passwd",
            "http://",
        ] {
            let started = WebhookNotices::start(WebhookConfig::new(bad));
            assert!(
                matches!(started, Err(WebhookError::Url)),
                "{bad:?}: {:?}",
                started.err()
            );
        }
        for near in [
            "http://127.0.0.1:1/x",
            "http://localhost/x",
            "http://[::1]:2/x",
            "http://127.8.9.1/",
        ] {
            WebhookNotices::start(WebhookConfig::new(near)).unwrap();
        }
        let far = WebhookConfig::new("http://hooks.example.com/x");
        let refused = WebhookNotices::start(far.clone());
        assert!(matches!(refused, Err(WebhookError::PlainHttp { host }) if host == "hooks.example.com"));
        WebhookNotices::start(WebhookConfig {
            allow_plain_http: true,
            ..far
        })
        .unwrap();
        // Names that merely resemble this machine's.
        for far in [
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
        ] {
            let refused = WebhookNotices::start(WebhookConfig::new(far));
            assert!(matches!(refused, Err(WebhookError::PlainHttp { .. })), "{far}");
        }
    }

    #[test]
    fn ca_files_are_checked_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = WebhookConfig {
            ca_file: Some(file.path().to_owned()),
            ..WebhookConfig::new("https://hooks.example.com/")
        };
        assert!(matches!(
            WebhookNotices::start(config.clone()),
            Err(WebhookError::NoCa { .. })
        ));
        let missing = WebhookConfig {
            ca_file: Some("/nowhere/ca.pem".into()),
            ..config
        };
        assert!(matches!(
            WebhookNotices::start(missing),
            Err(WebhookError::CaFile { .. })
        ));
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Passphrase::new("hush hush hush").unwrap();
        let config = WebhookConfig {
            secret: Some(secret),
            ..WebhookConfig::new("https://hooks.example.com/T0KEN")
        };
        let shown = format!("{config:?}");
        assert!(!shown.contains("hush") && !shown.contains("T0KEN"), "{shown}");
    }
}
