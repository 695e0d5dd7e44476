//! The settings of a function, from its environment variables. The names are the drop-in contract's; variables beyond
//! the contract are optional.

mod authority;
mod cas;
mod notify;

pub use authority::AuthoritySettings;
pub use cas::CaRole;
pub use notify::{Emojis, NotifySettings};

use std::str::FromStr;

/// Reads an environment variable; an empty one counts as missing.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a function cannot work with its environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A required variable is missing.
    #[error("the environment variable {name} is missing")]
    Missing {
        /// The variable's name.
        name: &'static str,
    },
    /// A variable has an invalid value.
    #[error("the environment variable {name} cannot be used: {detail}")]
    Invalid {
        /// The variable's name.
        name: &'static str,
        /// What is wrong and what to write instead.
        detail: String,
    },
    /// The values together describe no valid authority.
    #[error("the environment describes no authority: {detail}")]
    Config {
        /// What is wrong, from the check of the configuration.
        detail: String,
    },
}

fn invalid(name: &'static str, detail: impl Into<String>) -> SettingsError {
    SettingsError::Invalid {
        name,
        detail: detail.into(),
    }
}

/// A variable's text, trimmed; `None` if nothing is left.
fn text(variable: Variable<'_>, name: &str) -> Option<String> {
    let value = variable(name)?;
    let trimmed = value.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn required(variable: Variable<'_>, name: &'static str) -> Result<String, SettingsError> {
    text(variable, name).ok_or(SettingsError::Missing { name })
}

fn number<T: FromStr>(variable: Variable<'_>, name: &'static str, default: T) -> Result<T, SettingsError> {
    let Some(value) = text(variable, name) else {
        return Ok(default);
    };
    value
        .parse()
        .map_err(|_| invalid(name, format!("{value:?} is not a whole number within its limits")))
}

/// A variable's JSON; the default if the variable is missing.
fn json<T: serde::de::DeserializeOwned>(
    variable: Variable<'_>,
    name: &'static str,
    default: T,
) -> Result<T, SettingsError> {
    match text(variable, name) {
        None => Ok(default),
        Some(value) => serde_json::from_str(&value).map_err(|error| invalid(name, error.to_string())),
    }
}
