//! What every [`Notices`] must do.

use std::sync::Arc;

use serde_json::json;

use crate::port::{Notice, Notices};

/// Tries every obligation of [`Notices`]. `received` tells what arrived at the other end, oldest first.
///
/// # Panics
/// Where one is broken.
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
