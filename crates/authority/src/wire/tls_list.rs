//! `tls.json`: requests that operators keep in a file. Certificates that match one of them are told of by default.

use serde::Deserialize;

use super::lists::{self, NoList};

/// The file's name.
pub const TLS_JSON: &str = "tls.json";

/// What is read of one entry. Everything else in it is for whoever issues by it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TlsEntry {
    /// The common name.
    pub common_name: Box<str>,
    /// The organization, where it is given.
    #[serde(default)]
    pub organization: Option<Box<str>>,
    /// The unit, where it is given.
    #[serde(default)]
    pub organizational_unit: Option<Box<str>>,
    /// The CSR's file.
    #[serde(default)]
    pub csr_file: Option<Box<str>>,
}

/// A parsed file, its entries in the order of their common names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsList {
    entries: Vec<TlsEntry>,
    /// Entries that are none, in words (at most 100).
    pub damaged: Vec<String>,
}

impl TlsList {
    /// Parses the file.
    pub fn parse(octets: &[u8]) -> Result<Self, NoList> {
        let (mut entries, damaged) = lists::parse::<TlsEntry>(TLS_JSON, octets)?;
        // An index beside it would be larger than the list: names may be of one octet.
        entries.sort_by(|one, other| one.common_name.cmp(&other.common_name));
        entries.shrink_to_fit();
        Ok(Self { entries, damaged })
    }

    /// Every entry.
    pub fn entries(&self) -> &[TlsEntry] {
        &self.entries
    }

    /// Whether a request matches an entry: the common name is equal, organization and unit are where both are given.
    pub fn matches(&self, common_name: &str, organization: Option<&str>, organizational_unit: Option<&str>) -> bool {
        let agree = |ours: Option<&str>, theirs: &Option<Box<str>>| match (ours, theirs.as_deref()) {
            (Some(ours), Some(theirs)) if !ours.is_empty() && !theirs.is_empty() => ours == theirs,
            _ => true,
        };
        let first = self.entries.partition_point(|entry| *entry.common_name < *common_name);
        let mut of_name = self.entries[first..]
            .iter()
            .take_while(|entry| *entry.common_name == *common_name);
        of_name.any(|entry| {
            agree(organization, &entry.organization) && agree(organizational_unit, &entry.organizational_unit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_match_by_name_and_by_what_both_give() {
        let list = TlsList::parse(
            br#"[{"common_name":"a","organization":"Acme, Inc.","lifetime":1},
                {"common_name":"b","organization":null,"organizational_unit":"X"},
                {"common_name":"c","csr_file":"c.csr"},
                {"common_name":"a","organization":"Other"}]"#,
        )
        .unwrap();
        assert!(list.matches("a", Some("Acme, Inc."), None));
        assert!(list.matches("a", Some("Other"), Some("any")));
        assert!(list.matches("a", None, None));
        assert!(!list.matches("a", Some("Third"), None));
        assert!(list.matches("b", Some("any"), Some("X")));
        assert!(!list.matches("b", None, Some("Y")));
        assert!(list.matches("c", Some("any"), Some("any")));
        assert!(!list.matches("C", None, None));
        assert!(!list.matches("", None, None));
    }

    #[test]
    fn one_damaged_entry_stops_no_other() {
        let text = br#"[{"common_name":"a"},["b"],{"common_name":1},{},null,{"common_name":"b","organization":[]},{"common_name":"z"}]"#;
        let list = TlsList::parse(text).unwrap();
        assert_eq!(list.entries().len(), 2);
        assert_eq!(list.damaged.len(), 5);
        assert!(list.matches("z", None, None));
        for nothing in ["", "{}", "null", "[", "[1,]", "\u{feff}[]"] {
            assert!(TlsList::parse(nothing.as_bytes()).is_err(), "{nothing}");
        }
    }

    #[test]
    fn each_of_ten_thousand_entries_is_found() {
        let entry = |number: usize| {
            format!(
                r#"{{"common_name":"host-{number}.example.com","lifetime":90,"purposes":["server_auth"],"csr_file":"host-{number}.csr","organization":"Acme"}}"#
            )
        };
        let text = format!("[{}]", (0..10_000).map(entry).collect::<Vec<_>>().join(","));
        let list = TlsList::parse(text.as_bytes()).unwrap();
        assert_eq!(list.entries().len(), 10_000);
        for number in 0..10_000 {
            assert!(list.matches(&format!("host-{number}.example.com"), Some("Acme"), None));
        }
        assert!(!list.matches("host-10000.example.com", Some("Acme"), None));
    }
}
