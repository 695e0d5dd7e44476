//! `tls.json`: requests that operators keep in a file. Certificates that match one of them cause notices by default.

use chancery_authority::issue::{CsrFileName, ListedNames};
use chancery_x509::name::Subject;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::lists::{self, NoList};
use super::sans;

/// The file's name.
pub const TLS_JSON: &str = "tls.json";

/// Most entries for one CSR file that are checked against a request for it.
const ENTRIES_OF_FILE: usize = 64;

/// The names that an entry gives to its CSR file. Only entries with a file are parsed as this.
#[derive(Clone, Debug, Deserialize)]
struct OfFile {
    csr_file: Box<str>,
    /// With a profile, the CSR's is meant where there is none.
    common_name: Option<Box<str>>,
    country: Option<Box<str>>,
    email_address: Option<Box<str>>,
    locality: Option<Box<str>>,
    organization: Option<Box<str>>,
    organizational_unit: Option<Box<str>>,
    state: Option<Box<str>>,
    /// Kept as JSON text: parsed values would take several times the memory.
    sans: Option<Box<RawValue>>,
}

/// The fields that are read of one entry. The others only matter for issuance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TlsEntry {
    /// The common name.
    pub common_name: Box<str>,
    /// The organization, if given.
    #[serde(default)]
    pub organization: Option<Box<str>>,
    /// The organizational unit, if given.
    #[serde(default)]
    pub organizational_unit: Option<Box<str>>,
    /// The name of the CSR's file.
    #[serde(default)]
    pub csr_file: Option<Box<str>>,
}

/// A parsed file, its entries sorted by common name.
#[derive(Clone, Debug, Default)]
pub struct TlsList {
    entries: Vec<TlsEntry>,
    of_files: Vec<OfFile>,
    /// Descriptions of invalid entries (at most 100).
    pub damaged: Vec<String>,
}

impl TlsList {
    /// Parses the file.
    pub fn parse(octets: &[u8]) -> Result<Self, NoList> {
        let (mut entries, damaged) = lists::parse::<TlsEntry>(TLS_JSON, octets)?;
        // A separate index would be larger than the list: names may be of one octet.
        entries.sort_by(|one, other| one.common_name.cmp(&other.common_name));
        entries.shrink_to_fit();
        let (of_files, _) = lists::parse::<OfFile>(TLS_JSON, octets)?;
        Ok(Self {
            entries,
            of_files,
            damaged,
        })
    }

    /// Every entry.
    pub fn entries(&self) -> &[TlsEntry] {
        &self.entries
    }

    /// The names that the list gives to a CSR file, one item per entry.
    pub fn names_of(&self, file: &CsrFileName) -> Vec<ListedNames> {
        let of_file = self.of_files.iter().filter(|entry| *entry.csr_file == *file.as_str());
        let names = of_file.take(ENTRIES_OF_FILE).filter_map(|entry| {
            let text = |field: &Option<Box<str>>| field.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
            let sans: Option<Value> = match &entry.sans {
                Some(sans) => Some(serde_json::from_str(sans.get()).ok()?),
                None => None,
            };
            Some(ListedNames {
                subject: Subject {
                    common_name: text(&entry.common_name),
                    country: text(&entry.country),
                    email_address: text(&entry.email_address),
                    locality: text(&entry.locality),
                    organization: text(&entry.organization),
                    organizational_unit: text(&entry.organizational_unit),
                    state: text(&entry.state),
                },
                alt_names: sans::parse(sans.as_ref(), &mut Vec::new()).ok()?,
            })
        });
        names.collect()
    }

    /// Whether a request matches an entry: equal common names, and equal organization and unit where both sides give
    /// them.
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
    fn a_csr_file_has_the_names_of_its_entries() {
        let list = TlsList::parse(
            br#"[{"common_name":"a","csr_file":"a.csr","sans":["b.example.com"]},{"common_name":"b","csr_file":"a.csr"},
                {"common_name":"c","csr_file":"c.csr","sans":7},{"common_name":"d"},
                {"common_name":null,"profile":"device","csr_file":"n.csr","sans":"b.example.com"}]"#,
        )
        .unwrap();
        let names = |file: &str| {
            let names = list.names_of(&CsrFileName::new(file).unwrap());
            let common_names = names
                .into_iter()
                .map(|names| names.subject.common_name.unwrap_or_default());
            common_names.collect::<Vec<_>>()
        };
        assert_eq!(names("a.csr"), ["a", "b"]);
        assert_eq!(names("c.csr"), [""; 0], "an entry that cannot be read gives no names");
        assert_eq!(names("d"), [""; 0]);
        assert_eq!(names("n.csr"), [""], "the name is the CSR's, as its profile allows");
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
