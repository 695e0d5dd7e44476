//! The base that a proposal is compared with: entries that are in both are only counted.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Proposal;
use super::item::shortened;
use chancery_authority::issue::CsrFileName;

use crate::lists;

/// How a proposal differs from its base, in addition to its items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Number of entries that are in both, CSRs included.
    pub equal: usize,
    /// Entries of the base that the proposal lacks.
    pub removed: Vec<Removed>,
}

/// An entry that only the base has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The list's file name.
    pub list: &'static str,
    /// Its common name, if it has one.
    pub common_name: Option<String>,
}

/// The not yet matched entries of one list of the base, by digest, with their common names. Unordered.
#[derive(Default)]
pub(super) struct Base(HashMap<[u8; 32], Vec<Option<String>>>);

impl Base {
    /// Reads the list; the error is text.
    pub(super) fn read(name: &'static str, proposal: &dyn Proposal) -> Result<Self, String> {
        let Some(octets) = proposal.list(name).map_err(|error| error.to_string())? else {
            return Ok(Self::default());
        };
        let mut entries: HashMap<_, Vec<_>> = HashMap::new();
        for entry in lists::entries(name, &octets).map_err(|error| error.to_string())? {
            let value = value(entry);
            let key = digest(entry, value.as_ref(), proposal);
            entries
                .entry(key)
                .or_default()
                .push(value.as_ref().and_then(common_name));
        }
        Ok(Self(entries))
    }

    /// Whether the base has an entry of the proposal too; each entry of the base matches once.
    pub(super) fn take(&mut self, entry: &RawValue, proposal: &dyn Proposal) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let key = digest(entry, value(entry).as_ref(), proposal);
        let Some(left) = self.0.get_mut(&key) else {
            return false;
        };
        left.pop();
        if left.is_empty() {
            self.0.remove(&key);
        }
        true
    }

    /// The unmatched entries, without those that were changed: a new entry has their name.
    pub(super) fn removed(self, list: &'static str, new: &HashSet<&str>) -> Vec<Removed> {
        let names = self.0.into_values().flatten();
        let gone = names.filter(|name| name.as_deref().is_none_or(|name| !new.contains(name)));
        let mut removed: Vec<Removed> = gone.map(|common_name| Removed { list, common_name }).collect();
        removed.sort_by(|one, other| one.common_name.cmp(&other.common_name));
        removed
    }
}

fn value(entry: &RawValue) -> Option<Value> {
    serde_json::from_str(entry.get()).ok()
}

fn common_name(value: &Value) -> Option<String> {
    value.get("common_name").and_then(Value::as_str).map(shortened)
}

/// Digest of an entry's JSON value, independent of its formatting, and of its CSR.
fn digest(entry: &RawValue, value: Option<&Value>, proposal: &dyn Proposal) -> [u8; 32] {
    let text = value.map_or_else(|| entry.get().to_owned(), Value::to_string);
    let file = value.and_then(|value| value.get("csr_file")).and_then(Value::as_str);
    let csr = file
        .and_then(|file| CsrFileName::new(file).ok())
        .and_then(|name| proposal.csr(&name).ok().flatten());
    let mut context = Context::new(&SHA256);
    context.update(&(text.len() as u64).to_be_bytes());
    context.update(text.as_bytes());
    context.update(&[u8::from(csr.is_some())]);
    context.update(&csr.unwrap_or_default());
    let mut octets = [0; 32];
    octets.copy_from_slice(context.finish().as_ref());
    octets
}
