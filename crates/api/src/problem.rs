//! Errors as answers: a stable code for programs, a sentence for people.

use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Serialize};

/// The JSON of an error.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// What is wrong and what to do about it.
    #[schema(example = "Private key has already been used for a certificate")]
    pub error: String,
    /// Stable, for programs.
    #[schema(value_type = String, example = "key_in_use")]
    pub code: ErrorCode,
}

/// What kind of error it is: those of the API itself, and of the refusals those that a program may act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The request is malformed.
    BadRequest,
    /// It is well formed, but unusable for its purpose.
    Unusable,
    /// Neither client certificate nor valid token.
    Unauthenticated,
    /// The token lacks the scope.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The body arrived too slowly.
    TooSlow,
    /// The body is too long.
    TooLarge,
    /// The file is another version.
    PreconditionFailed,
    /// A root is not revoked.
    Root,
    /// The key is certified already.
    KeyInUse,
    /// The idempotency token is that of another request.
    TokenReused,
    /// The certificate was renewed already.
    AlreadyRenewed,
    /// The same request is in progress.
    InProgress,
    /// Busy, or something that is needed does not answer: it can be repeated.
    Unavailable,
    /// Something went wrong inside.
    Internal,
    /// Any other reason why a certificate is refused, or one that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl From<&str> for ErrorCode {
    fn from(text: &str) -> Self {
        let known: Result<Self, serde::de::value::Error> = Self::deserialize(text.into_deserializer());
        known.unwrap_or_else(|_| Self::Other(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_and_written_as_they_are_whether_known_or_not() {
        for (text, code) in [
            ("key_in_use", ErrorCode::KeyInUse),
            ("bad_request", ErrorCode::BadRequest),
            ("of_next_year", ErrorCode::Other("of_next_year".to_owned())),
        ] {
            assert_eq!(ErrorCode::from(text), code);
            let json = format!("{{\"error\":\"it is so\",\"code\":\"{text}\"}}");
            let body: ProblemBody = serde_json::from_str(&json).unwrap();
            assert_eq!(body.code, code);
            assert_eq!(serde_json::to_string(&body).unwrap(), json);
        }
    }
}
