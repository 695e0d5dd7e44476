//! `[limits]` of `local.toml`: limits that suit this machine and its network.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Result, bail};
use chancery_server::limits::Limits;
use serde::Deserialize;

/// The server's limits as written; absent ones have their default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitSettings {
    connections: Option<u64>,
    connections_per_address: Option<u64>,
    silence_seconds: Option<u64>,
    body_seconds: Option<u64>,
    answer_seconds: Option<u64>,
    request_seconds: Option<u64>,
    least_rate: Option<u64>,
}

impl LimitSettings {
    /// Checks them, and applies them to the defaults.
    pub(super) fn limits(&self) -> Result<Limits> {
        let mut limits = Limits::default();
        let number = |name, value, range| within(name, value, range).map(usize::try_from);
        if let Some(value) = self.connections {
            limits.connections = number("connections", value, 16..=65_536)??;
        }
        if let Some(value) = self.connections_per_address {
            limits.connections_per_address = Some(number("connections_per_address", value, 1..=65_536)??);
        }
        let seconds = |name, value, range| within(name, value, range).map(Duration::from_secs);
        // Together at most thirty seconds: no silent connection stays longer.
        if let Some(value) = self.silence_seconds {
            limits.silence = seconds("silence_seconds", value, 1..=20)?;
        }
        if let Some(value) = self.body_seconds {
            limits.body_time = seconds("body_seconds", value, 1..=10)?;
        }
        if let Some(value) = self.answer_seconds {
            limits.answer_time = seconds("answer_seconds", value, 1..=55)?;
        }
        if let Some(value) = self.request_seconds {
            limits.request_time = seconds("request_seconds", value, 1..=300)?;
        }
        if let Some(value) = self.least_rate {
            limits.least_rate = within("least_rate", value, 1..=1_048_576)?;
        }
        Ok(limits)
    }
}

fn within(name: &str, value: u64, range: RangeInclusive<u64>) -> Result<u64> {
    if range.contains(&value) {
        return Ok(value);
    }
    bail!(
        "limits.{name} is {value}: write a number from {} to {}",
        range.start(),
        range.end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(text: &str) -> Result<Limits> {
        toml::from_str::<LimitSettings>(text)?.limits()
    }

    #[test]
    fn what_is_not_written_is_as_by_default() {
        assert_eq!(limits("").unwrap(), Limits::default());
        let limits = limits("connections = 100\nsilence_seconds = 2").unwrap();
        assert_eq!((limits.connections, limits.silence), (100, Duration::from_secs(2)));
        assert_eq!(limits.answer_time, Limits::default().answer_time);
    }

    #[test]
    fn every_limit_has_limits() {
        for text in [
            "connections = 15",
            "connections_per_address = 0",
            "silence_seconds = 21",
            "body_seconds = 11",
            "answer_seconds = 56",
            "request_seconds = 0",
            "least_rate = 0",
        ] {
            let message = limits(text).unwrap_err().to_string();
            assert!(
                message.contains(text.split(' ').next().unwrap()) && message.contains("write a number from"),
                "{message}"
            );
        }
        assert!(limits("conections = 100").is_err());
    }
}
