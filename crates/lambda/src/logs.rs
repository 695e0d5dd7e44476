//! Logs: one line of JSON for each event on standard output, with the request's id.
//!
//! The content of a request (its CSR, its token) is never logged; that of a certificate is. Of libraries, only warnings
//! and errors are logged: at lower levels, SDKs log whole requests.

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

/// Sets up logging for the life of the process. `level` is a name such as `DEBUG`; the default is `INFO`.
pub fn set_up(level: Option<&str>) -> Result<(), SetGlobalDefaultError> {
    let level = level.and_then(|name| name.parse::<Level>().ok()).unwrap_or(Level::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    let subscriber = tracing_subscriber::registry().with(filter(level)).with(lines);
    tracing::subscriber::set_global_default(subscriber)
}

/// Our own crates from `level` up, others from warnings up. The runtime's span of the invocation has the request's id.
fn filter(level: Level) -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("chancery_authority", level)
        .with_target("chancery_aws", level)
        .with_target("chancery_lambda", level)
        .with_target("chancery_x509", level)
        .with_target("lambda_runtime::layers", LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_not_heard_below_warnings() {
        let filter = filter(Level::TRACE);
        assert!(filter.would_enable("chancery_lambda::tls_cert", &Level::TRACE));
        assert!(filter.would_enable("lambda_runtime::layers::trace", &Level::INFO));
        for library in [
            "aws_smithy_runtime::client",
            "hyper",
            "aws_sdk_dynamodb",
            "lambda_runtime::runtime",
        ] {
            assert!(filter.would_enable(library, &Level::WARN));
            assert!(!filter.would_enable(library, &Level::INFO), "{library}");
        }
    }
}
