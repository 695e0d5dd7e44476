//! Requirements on every [`Notices`].

use std::sync::Arc;

use serde_json::json;

use crate::port::{Notice, Notices};

/// Tests every requirement of [`Notices`]. `received` returns what arrived at the receiver, oldest first.
///
/// # Panics
/// If a requirement is violated.
pub async fn notices(make: impl AsyncFn() -> Arc<dyn Notices>, received: impl AsyncFn() -> Vec<Notice>) {
    let notices = make().await;
    let sent = [
        Notice {
            subject: "Certificate Issued",
            message: json!({"Subject": "CN=a\\, b,O=Ünïcödé"}),
        },
        Notice {
            subject: "Certificate Revoked",
            message: json!({"CommonName": "a", "SerialNumber": "12"}),
        },
    ];
    for notice in &sent {
        notices
            .notify(notice.clone())
            .await
            .unwrap_or_else(|error| panic!("a notice is delivered: {error}"));
    }
    assert_eq!(
        received().await,
        sent,
        "notices arrive whole, and in order where they are sent one after the other"
    );
}
