//! Requirements on every [`Notices`].

use std::fmt::Debug;
use std::sync::Arc;

use chancery_authority::event::{Event, MalformedRequest, RawField, RejectedRequest};
use chancery_authority::port::Notices;
use chancery_x509::name::Subject;

/// Tests every requirement of [`Notices`]. `rendered` is the form in which an event arrives at the receiver; `received`
/// returns what arrived there, oldest first.
///
/// # Panics
/// If a requirement is violated.
pub async fn notices<T: PartialEq + Debug>(
    make: impl AsyncFn() -> Arc<dyn Notices>,
    rendered: impl Fn(&Event) -> T,
    received: impl AsyncFn() -> Vec<T>,
) {
    let notices = make().await;
    let rejected = |common_name: &str, reason: &str| Event::RequestRejected {
        request: Box::new(RejectedRequest {
            subject: Subject {
                common_name: Some(common_name.to_owned()),
                organization: Some("Ünïcödé".to_owned()),
                ..Subject::default()
            },
            ..RejectedRequest::default()
        }),
        reason: reason.to_owned(),
    };
    let malformed = Event::MalformedRequestRejected {
        request: Box::new(MalformedRequest {
            common_name: RawField::Text("c".to_owned()),
            lifetime: RawField::Number("1".to_owned()),
            ..MalformedRequest::default()
        }),
        reason: "second".to_owned(),
    };
    let sent = [rejected("a, b", "first"), malformed];
    for event in &sent {
        notices
            .notify(event.clone())
            .await
            .unwrap_or_else(|error| panic!("a notice is delivered: {error}"));
    }
    let expected: Vec<T> = sent.iter().map(rendered).collect();
    assert_eq!(
        received().await,
        expected,
        "notices arrive whole, and in order where they are sent one after the other"
    );
}
