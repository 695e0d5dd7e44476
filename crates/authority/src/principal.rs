//! The principal of a request.

use std::fmt;

/// Who makes a request, as established by the front end; written into every intent, revocation and rejection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The user who runs the command on the authority's own data folder, by user name.
    Local(String),
    /// The holder of an API token, by the token's id.
    Token(String),
    /// The holder of a client certificate of this authority, by issuer and decimal serial: `chancery-issuing-ca/123`.
    Certificate(String),
    /// A caller with permission to invoke a function, by the function's name and the alias used, where there is one:
    /// `serverless-tls-cert-dev:serverless-tls-cert-dev`. AWS does not reveal the caller's identity to a function.
    Function(String),
    /// The user who runs the command on a deployment on AWS, by ARN.
    Aws(String),
    /// The authority itself: its own CA certificates, its HTTPS certificate, scheduled work.
    Authority,
}

impl fmt::Display for Principal {
    /// `local:alice`, `token:01J…`, `certificate:chancery-issuing-ca/123`, `function:NAME`, `aws:ARN`, `authority`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(user) => write!(f, "local:{user}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Certificate(serial) => write!(f, "certificate:{serial}"),
            Self::Function(name) => write!(f, "function:{name}"),
            Self::Aws(arn) => write!(f, "aws:{arn}"),
            Self::Authority => f.write_str("authority"),
        }
    }
}
