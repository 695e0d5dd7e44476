//! `revoked.json` and `revoked-root-ca.json`: revocations that operators keep in a file.

use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::lists::{self, NoList};

/// The issuing CA's file.
pub const REVOKED_JSON: &str = "revoked.json";

/// The root CA's file.
pub const REVOKED_ROOT_CA_JSON: &str = "revoked-root-ca.json";

/// One entry. `reason` is one of RFC 5280's (`keyCompromise`, `superseded`, …), in any case; without it, unspecified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RevokedEntry {
    /// The certificate's common name; for a CA, its name.
    pub common_name: String,
    /// Its serial number, decimal, or hexadecimal with `0x`.
    #[serde(deserialize_with = "serial_number")]
    pub serial_number: Serial,
    /// The revocation reason.
    #[serde(default, deserialize_with = "reason")]
    pub reason: RevocationReason,
}

impl RevokedEntry {
    /// Parses the file: its entries, and descriptions of invalid ones (at most 100).
    pub fn parse_list(name: &'static str, octets: &[u8]) -> Result<(Vec<Self>, Vec<String>), NoList> {
        lists::parse(name, octets)
    }

    /// Parses one entry; the error is text.
    pub fn parse(value: &RawValue) -> Result<Self, String> {
        lists::entry(value)
    }
}

/// A text, or a number small enough for JSON parsers to preserve it.
fn serial_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Serial, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) if number.is_u64() => number.to_string(),
        other => {
            let other: String = other.to_string().chars().take(60).collect();
            return Err(D::Error::custom(format!(
                "serial_number must be a string of digits, not {other}"
            )));
        }
    };
    text.trim().parse().map_err(D::Error::custom)
}

/// A missing, null or empty reason means unspecified.
fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RevocationReason, D::Error> {
    let Some(name) = Option::<String>::deserialize(deserializer)? else {
        return Ok(RevocationReason::Unspecified);
    };
    if name.is_empty() {
        return Ok(RevocationReason::Unspecified);
    }
    RevocationReason::from_name(&name).ok_or_else(|| {
        let known = RevocationReason::ALL.map(RevocationReason::name).join(", ");
        let name: String = name.chars().take(60).collect();
        D::Error::custom(format!("{name:?} is no reason; use one of {known}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_the_contract_s_with_a_reason_where_one_is_given() {
        let text = br#"[
            {"common_name":"a","serial_number":"725732270238932467356021650679497159468001185756"},
            {"common_name":"b","serial_number":17,"reason":"KeyCompromise","comment":"lost"},
            {"common_name":"c","serial_number":" 0x1f ","reason":null}]"#;
        let (entries, damaged) = RevokedEntry::parse_list("revoked.json", text).unwrap();
        assert_eq!(damaged, Vec::<String>::new());
        assert_eq!(
            entries[0].serial_number.to_string(),
            "725732270238932467356021650679497159468001185756"
        );
        assert_eq!(entries[1].reason, RevocationReason::KeyCompromise);
        assert_eq!(entries[2].serial_number.to_string(), "31");
    }

    #[test]
    fn damaged_entries_stop_no_other() {
        let text = br#"[{"common_name":"a"},{"serial_number":"1"},{"common_name":"a","serial_number":7.257e47},
            {"common_name":"a","serial_number":"-4"},{"common_name":"a","serial_number":"0"},{"common_name":"a","serial_number":[]},
            {"common_name":"a","serial_number":"1","reason":"lost"},"a",null,{"common_name":"z","serial_number":"2"}]"#;
        let (entries, damaged) = RevokedEntry::parse_list("revoked.json", text).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(damaged.len(), 9, "{damaged:#?}");
        assert!(damaged.iter().all(|line| line.contains("revoked.json")));
        assert!(RevokedEntry::parse_list("revoked.json", b"{}").is_err());
    }
}
