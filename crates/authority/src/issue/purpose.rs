//! What TLS uses a certificate for.

use chancery_x509::extension::{CLIENT_AUTH, SERVER_AUTH};
use const_oid::ObjectIdentifier;

/// The two purposes that TLS has: the extended key usages that most requests mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsPurpose {
    /// id-kp-clientAuth
    ClientAuth,
    /// id-kp-serverAuth
    ServerAuth,
}

impl TlsPurpose {
    /// Its extended key usage (RFC 5280 section 4.2.1.12).
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::ClientAuth => CLIENT_AUTH,
            Self::ServerAuth => SERVER_AUTH,
        }
    }
}
