//! The watch over the account, rule by rule. Where two rules fit one call, the first one counts.

mod access;
mod detection;
mod functions;
mod keys;
mod stored;

use super::{Call, WatchRule};

/// Every rule over the account.
pub fn watch() -> impl Iterator<Item = &'static WatchRule> {
    [
        keys::KEYS,
        functions::FUNCTIONS,
        access::ACCESS,
        stored::STORED,
        detection::DETECTION,
    ]
    .into_iter()
    .flatten()
}

/// The rule for whatever the account's root user does.
pub(crate) const ROOT_USER: &str = "root-user-used";

/// The rule for its sign-in.
pub(crate) const ROOT_SIGN_IN: &str = "root-user-signed-in";

const fn calls(source: &'static str, names: &'static [&'static str]) -> Call {
    Call {
        source,
        names,
        with: None,
    }
}
