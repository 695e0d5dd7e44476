//! Why a webhook could not be set up.

use std::io;
use std::path::PathBuf;

/// Why a webhook could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// No URL, or one of another scheme or without a host.
    #[error("the webhook's URL is no http:// or https:// URL with a host")]
    Url,
    /// Plain HTTP over a network.
    #[error("the webhook at {host} is plain http: use https, or allow plain http for it if that network is trusted")]
    PlainHttp {
        /// Host of the URL.
        host: String,
    },
    /// The file of CAs could not be read.
    #[error("the webhook's CA file {path} cannot be read: {source}")]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The file of CAs contains no certificate.
    #[error("{path} holds no certificate in PEM")]
    NoCa {
        /// Which file.
        path: PathBuf,
    },
    /// No list of CAs is in the places where systems keep it.
    #[error("this system has no list of trusted CAs: install it (Debian: ca-certificates), or give a CA file")]
    NoSystemCas,
    /// The delivery thread could not be started.
    #[error("no thread could be started: {0}")]
    Thread(io::Error),
}
