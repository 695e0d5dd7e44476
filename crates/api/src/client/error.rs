//! What can go wrong with a request.

use std::io::ErrorKind;

use serde::Deserialize as _;
use serde_json::Value;
use ureq::http::{StatusCode, Uri};

use crate::problem::ErrorCode;

/// Why there is no answer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The client key cannot be read.
    #[error("the client key is no PEM private key")]
    ClientKey(#[source] ureq::Error),
    /// No answer came.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The answer is no JSON, is too long, or broke off.
    #[error("{server} answered {status} without JSON: is this a Chancery server?")]
    NotJson {
        /// The URL of the API.
        server: String,
        /// Its status.
        status: StatusCode,
        /// What is wrong with it.
        #[source]
        error: ureq::Error,
    },
    /// The answer is JSON, and not what the API describes.
    #[error(
        "{server} did what was asked, and answered what this version cannot read: is it a Chancery server of the same version?"
    )]
    OtherAnswer {
        /// The URL of the API.
        server: String,
        /// What is wrong with it.
        #[source]
        error: serde_json::Error,
    },
    /// The server answered with an error.
    #[error(transparent)]
    Refused(#[from] ServerError),
}

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server refused ({status}): {error}")]
pub struct ServerError {
    /// Status of the answer.
    pub status: u16,
    /// Its code; `None` where there is none: it is no Chancery server, or a proxy answered.
    pub code: Option<ErrorCode>,
    /// What is wrong and what to do about it.
    pub error: String,
}

impl ServerError {
    pub(super) fn new(status: u16, answer: &Value) -> Self {
        let error = answer.get("error").and_then(Value::as_str);
        Self {
            status,
            code: answer.get("code").and_then(|code| ErrorCode::deserialize(code).ok()),
            error: error.unwrap_or("no reason was given").to_owned(),
        }
    }

    /// Whether it shows that nothing was done, and nothing will be. Some of the other errors can occur while the request is
    /// processed.
    pub fn nothing_was_done(&self) -> bool {
        matches!(self.status, 400 | 401 | 403 | 404 | 413 | 415 | 422)
    }
}

/// A server that gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("{server} cannot be reached: {error}")]
pub struct ConnectionError {
    /// The URL of the API.
    pub server: String,
    /// How the connection failed.
    pub failure: ConnectionFailure,
    /// Whether a client certificate was shown.
    pub is_identified: bool,
    /// The proxy that was asked, without its password; host and port.
    pub proxy: Option<String>,
    /// What happened.
    error: ureq::Error,
}

/// How a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFailure {
    /// TLS failed here: the server's certificate is not trusted.
    NotTrusted,
    /// TLS failed at the server, which sent an alert.
    AlertReceived,
    /// The server closed the connection.
    Closed,
    /// Any other failure.
    Other,
}

impl ConnectionError {
    pub(super) fn new(server: &str, is_identified: bool, proxy: Option<String>, error: ureq::Error) -> Self {
        Self {
            server: server.to_owned(),
            failure: failure(&error),
            is_identified,
            proxy,
            error,
        }
    }

    /// The server's host.
    pub fn host(&self) -> String {
        let target: Option<Uri> = self.server.parse().ok();
        target
            .and_then(|target| target.host().map(str::to_owned))
            .unwrap_or_default()
    }
}

/// ureq reports a failed handshake as an I/O error.
fn failure(error: &ureq::Error) -> ConnectionFailure {
    let of_tls = |error: &rustls::Error| match error {
        rustls::Error::AlertReceived(_) => ConnectionFailure::AlertReceived,
        _ => ConnectionFailure::NotTrusted,
    };
    match error {
        ureq::Error::Rustls(error) => of_tls(error),
        ureq::Error::Io(error) => match (error.get_ref().and_then(|inner| inner.downcast_ref()), error.kind()) {
            (Some(error), _) => of_tls(error),
            (None, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) => {
                ConnectionFailure::Closed
            }
            (None, _) => ConnectionFailure::Other,
        },
        _ => ConnectionFailure::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_keeps_its_code_and_its_text() {
        let error = ServerError::new(409, &json!({ "error": "it is in use", "code": "key_in_use" }));
        assert_eq!(error.code, Some(ErrorCode::KeyInUse));
        assert_eq!(error.to_string(), "the server refused (409): it is in use");
        assert!(!error.nothing_was_done());
        let proxy = ServerError::new(403, &json!("go away"));
        assert_eq!((proxy.code.clone(), proxy.nothing_was_done()), (None, true));
        assert_eq!(proxy.to_string(), "the server refused (403): no reason was given");
    }
}
