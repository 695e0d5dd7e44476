//! What was read, until when, and what was not: without it, "nothing was found" says nothing.

use std::collections::BTreeMap;

use chancery_x509::time::UnixTime;
use serde::Serialize;

use crate::cloudtrail::{Category, Entry, Record, Unreadable};
use crate::finding::time;

/// Regions, services and the like that are told apart; further ones are counted together.
const NAMES: usize = 100;

/// What of it is told by example.
const EXAMPLES: usize = 10;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Records that were read, repetitions included.
    pub records: u64,
    /// Time of the oldest record.
    #[serde(serialize_with = "time")]
    pub first_record: Option<UnixTime>,
    /// Time of the newest record.
    #[serde(serialize_with = "time")]
    pub last_record: Option<UnixTime>,
    /// From when on the records are said to be complete.
    #[serde(serialize_with = "time")]
    pub since: Option<UnixTime>,
    /// The time that everything was judged by.
    #[serde(serialize_with = "time")]
    pub now: Option<UnixTime>,
    /// Seconds within which a record may be late without being missed.
    pub settling_seconds: i64,
    /// Records by region.
    pub regions: BTreeMap<String, u64>,
    /// Records by service.
    pub sources: BTreeMap<String, u64>,
    /// Records of data events: of what is stored or run, and not managed.
    pub data_events: u64,
    /// Signatures by the CAs' keys.
    pub signatures: u64,
    /// Invocations of the authority's functions.
    pub invocations: u64,
    /// Whether the log is a key store's own, on this machine, which no other observer confirms.
    pub is_of_a_key_store: bool,
    /// Attempts in the journal.
    pub attempts: u64,
    /// Time of the oldest attempt that was read.
    #[serde(serialize_with = "time")]
    pub first_attempt: Option<UnixTime>,
    /// Time of the newest attempt that was read.
    #[serde(serialize_with = "time")]
    pub last_attempt: Option<UnixTime>,
    /// Attempts by keys that are not expected, which nothing was held against.
    pub attempts_elsewhere: u64,
    /// `three-way`: signatures, journal and invocations; `two-way`: signatures and journal; `none`: there was nothing to compare.
    pub matching: &'static str,
    /// Attempts whose fate is not known, and signatures that are too young to be judged.
    pub pending: u64,
    /// Attempts whose answers were lost, and for which the key store has a signature.
    pub lost: Vec<Lost>,
    /// Attempts whose answers were lost, and for which the key store made no signature.
    pub lost_unsigned: u64,
    /// Signatures before a key's start line, which are listed and never judged, by CA.
    pub before_start: BTreeMap<String, BeforeStart>,
    /// Events that are no deliveries of CloudTrail's.
    pub foreign: Unread,
    /// What could not be read.
    pub unreadable: Unread,
    /// What was not seen at all, and so could not be judged.
    pub not_seen: Vec<String>,
}

/// Signatures of a key before its start line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BeforeStart {
    /// The start line: from then on every signature needs an attempt.
    #[serde(serialize_with = "time")]
    pub start: Option<UnixTime>,
    /// How many.
    pub signatures: u64,
    /// The oldest.
    #[serde(serialize_with = "time")]
    pub first: Option<UnixTime>,
    /// The newest.
    #[serde(serialize_with = "time")]
    pub last: Option<UnixTime>,
}

/// An attempt whose answer was lost, and the signature that came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The CA.
    pub ca: String,
    /// The attempt.
    pub attempt: String,
    /// What was to be signed.
    pub subject: String,
    /// CloudTrail's id of the signature's record.
    pub event_id: String,
    /// Whether the signature's record names the attempt; else it was the only one that it can be of, or one of several.
    pub named: bool,
}

/// What was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// How many.
    pub count: u64,
    /// The first ones.
    pub examples: Vec<String>,
}

impl Unread {
    /// Counts one.
    pub fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(what());
        }
    }
}

impl Coverage {
    /// Counts an entry of a document.
    pub fn entry(&mut self, document: &str, entry: &Result<Entry, Unreadable>) {
        match entry {
            Ok(Entry::Record(record)) => self.record(record),
            Ok(Entry::Foreign { source, kind }) => {
                self.foreign.add(|| format!("{document}: {source:?}, {kind:?}"));
            }
            Err(unreadable) => self.unreadable.add(|| format!("{document}: {unreadable}")),
        }
    }

    fn record(&mut self, record: &Record) {
        self.records += 1;
        widen(&mut self.first_record, &mut self.last_record, record.time);
        count(&mut self.regions, &record.region);
        count(&mut self.sources, &record.source);
        if record.category == Category::Data {
            self.data_events += 1;
        }
    }

    /// Counts an attempt.
    pub(crate) fn attempt(&mut self, at: UnixTime) {
        self.attempts += 1;
        widen(&mut self.first_attempt, &mut self.last_attempt, at);
    }

    /// Says what was not seen: regions and classes of events.
    pub(crate) fn finish(&mut self) {
        let mut not_seen = Vec::new();
        let mut unless = |seen: bool, what: &str| {
            if !seen {
                not_seen.push(what.to_owned());
            }
        };
        if self.is_of_a_key_store {
            // Its own log is all that there is.
        } else if self.records > 0 {
            unless(
                self.regions.contains_key("us-east-1"),
                "us-east-1: IAM, Organizations and global STS events are recorded there alone",
            );
            unless(self.sources.contains_key("kms.amazonaws.com"), "events of KMS");
            unless(
                self.invocations > 0,
                "invocations of the functions (data events of Lambda)",
            );
            unless(self.sources.contains_key("iam.amazonaws.com"), "events of IAM");
        } else {
            unless(false, "CloudTrail: no record was given");
        }
        unless(self.attempts > 0, "attempts: the journal has none in this window");
        self.not_seen.append(&mut not_seen);
    }
}

fn count(names: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(known) = names.get_mut(name) {
        *known += 1;
    } else if names.len() < NAMES {
        names.insert(name.to_owned(), 1);
    } else {
        *names.entry("others".to_owned()).or_default() += 1;
    }
}

/// Lets a span of time reach a time.
pub(crate) fn widen(first: &mut Option<UnixTime>, last: &mut Option<UnixTime>, time: UnixTime) {
    *first = Some(first.map_or(time, |first| first.min(time)));
    *last = Some(last.map_or(time, |last| last.max(time)));
}
