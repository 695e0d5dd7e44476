//! How an invocation of a function ends without an answer, as the function tells it and its caller reads it.

use serde_json::Value;

/// The kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The function's environment is wrong; an operator must correct it.
    Configuration,
    /// Throttled, or a service does not answer: the same call may succeed later.
    Unavailable,
    /// The deployment's tables are not made yet. To a caller it is the same as unavailable.
    NoLedger,
    /// A call with the same idempotency token is in progress.
    InProgress,
    /// Some entries of a file were not carried out, or something was damaged; everything else was done.
    Incomplete,
    /// The state machine's token was used for another request, and nothing was issued.
    TokenReused,
    /// Anything else.
    Internal,
}

impl FailureKind {
    /// The error's type in the function's answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "ConfigurationError",
            Self::Unavailable | Self::NoLedger => "UnavailableError",
            Self::InProgress => "InProgressError",
            Self::Incomplete => "IncompleteError",
            Self::TokenReused => "TokenReusedError",
            Self::Internal => "InternalError",
        }
    }

    /// The kind of that name, as a caller reads it in the function's answer; of several the first.
    pub fn from_name(name: &str) -> Option<Self> {
        let kinds = [
            Self::Configuration,
            Self::Unavailable,
            Self::InProgress,
            Self::Incomplete,
            Self::TokenReused,
            Self::Internal,
        ];
        kinds.into_iter().find(|kind| kind.name() == name)
    }
}

/// What the caller of a failed invocation gets: `{"errorType": …, "errorMessage": …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedInvocation {
    /// What a caller decides by: the name of a [`FailureKind`], or a name of Lambda's own.
    pub error_type: String,
    /// What happened, and what to do about it.
    pub error_message: String,
}

impl FailedInvocation {
    /// A failure of that kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            error_type: kind.name().to_owned(),
            error_message: message.into(),
        }
    }

    /// Reads the answer to an invocation that Lambda reports as failed. Whatever it is, the message has what there is of it.
    pub fn from_answer(answer: &[u8]) -> Self {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        let error_message = Some(text("errorMessage")).filter(|message| !message.is_empty());
        Self {
            error_type: text("errorType"),
            error_message: error_message.unwrap_or_else(|| answer.to_string()),
        }
    }

    /// The kind of failure; `None` where Lambda ended the function, or could not start it.
    pub fn kind(&self) -> Option<FailureKind> {
        FailureKind::from_name(&self.error_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_reads_the_kind_that_was_meant() {
        for kind in [
            FailureKind::Configuration,
            FailureKind::Unavailable,
            FailureKind::InProgress,
            FailureKind::Incomplete,
            FailureKind::TokenReused,
            FailureKind::Internal,
        ] {
            assert_eq!(FailureKind::from_name(kind.name()), Some(kind));
            assert_eq!(FailedInvocation::new(kind, "m").kind(), Some(kind));
        }
        assert_eq!(FailureKind::from_name("Runtime.ExitError"), None);
        assert_eq!(FailureKind::NoLedger.name(), FailureKind::Unavailable.name());
    }

    #[test]
    fn whatever_an_answer_is_its_message_says_something() {
        let read = |answer: &str| {
            let FailedInvocation {
                error_type,
                error_message,
            } = FailedInvocation::from_answer(answer.as_bytes());
            (error_type, error_message)
        };
        let error = |error_type: &str, message: &str| (error_type.to_owned(), message.to_owned());
        assert_eq!(
            read(r#"{"errorType":"InternalError","errorMessage":"m","stackTrace":[]}"#),
            error("InternalError", "m")
        );
        assert_eq!(
            read(r#"{"errorType":"Sandbox.Timedout"}"#),
            error("Sandbox.Timedout", r#"{"errorType":"Sandbox.Timedout"}"#)
        );
        assert_eq!(read(r#"{"errorMessage":"m"}"#), error("", "m"));
        assert_eq!(read("[7]"), error("", "[7]"));
        assert_eq!(read("no JSON"), error("", "null"));
    }
}
