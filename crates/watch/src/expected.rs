//! What is expected: the keys, who may sign what with them, and what else the authority consists of.

mod deployment;

use chancery_authority::CaName;
use chancery_authority::port::Purpose;
use chancery_x509::time::UnixTime;

pub use deployment::{CaFacts, DeploymentFacts};

/// Seconds within which a record may come late: the longest delays that were seen, and some more.
pub const SETTLING: i64 = 2 * 3600;

/// Attempts with lost answers and a signature that are no alarm yet.
pub const LOST_ALARM: usize = 10;

/// Seconds after a deployment's first attempt from which on every key must have attempts for its signatures.
pub const START_GRACE: i64 = 86_400;

/// What an authority looks like where nothing is wrong.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The CAs' keys.
    pub keys: Vec<ExpectedKey>,
    /// The functions that sign.
    pub functions: Vec<ExpectedFunction>,
    /// Everything that the watch is over.
    pub watched: Watched,
    /// Whether invocations are recorded.
    pub invocations: Invocations,
    /// From when on the records are complete; `None`: from the first one on.
    pub since: Option<UnixTime>,
    /// When the deployment's first attempt was recorded, as far as the caller knows; else the first one that is read.
    pub start: Option<UnixTime>,
    /// Seconds within which a record may come late.
    pub settling: i64,
    /// More attempts than that with lost answers and a signature are an alarm.
    pub lost_alarm: usize,
}

/// Whether a trail has the invocations of the authority's functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invocations {
    /// It has, and where there are none at all, somebody switched them off.
    Recorded,
    /// Where there are some they are matched; where there are none, the match is of two kinds of records.
    WhereSeen,
}

/// A CA's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedKey {
    /// The CA.
    pub ca: CaName,
    /// Its ARNs, aliases (`alias/…`), ids and names in the journal.
    pub names: Vec<String>,
    /// The signing algorithm that is used with it, as KMS calls it.
    pub algorithm: Option<String>,
    /// Who may sign with it. Empty: nobody is told apart.
    pub signers: Vec<Signer>,
    /// The start line, where it is known: before it no signature needs an attempt.
    pub start: Option<UnixTime>,
}

/// A function that may sign with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Its place in [`Expected::functions`].
    pub function: usize,
    /// What for.
    pub purposes: Vec<Purpose>,
}

/// A function that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFunction {
    /// Its ARN, without a version.
    pub arn: String,
    /// Its role's ARN.
    pub role: String,
    /// The role's unique id, `AROA…`, where it is known: a role that was deleted and made again has another.
    pub role_id: Option<String>,
    /// Whether one invocation has one thing signed at most.
    pub signs_once: bool,
}

/// What the watch is over: names and ARNs, in each of which one `*` stands for anything.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Keys, and their aliases.
    pub keys: Vec<String>,
    /// Functions.
    pub functions: Vec<String>,
    /// Their roles, and others that lead to them.
    pub roles: Vec<String>,
    /// Tables.
    pub tables: Vec<String>,
    /// Buckets.
    pub buckets: Vec<String>,
    /// Topics.
    pub topics: Vec<String>,
    /// Queues.
    pub queues: Vec<String>,
    /// Log groups.
    pub log_groups: Vec<String>,
    /// Schedules.
    pub schedules: Vec<String>,
    /// State machines.
    pub state_machines: Vec<String>,
    /// Rules of `EventBridge`.
    pub event_rules: Vec<String>,
    /// Alarms.
    pub alarms: Vec<String>,
    /// Files that the authority publishes.
    pub files: Vec<WatchedFile>,
    /// Lists and requests that the authority reads, and operators write.
    pub lists: Vec<WatchedFile>,
    /// ARNs of roles that write to the tables.
    pub writers: Vec<String>,
    /// ARNs of roles and users that change the deployment as their task. What they do is reported as low, unless nobody is expected
    /// to do it.
    pub deployers: Vec<String>,
}

/// A file in a bucket, and who may write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedFile {
    /// The bucket's name.
    pub bucket: String,
    /// The key; one `*` stands for anything.
    pub key: String,
    /// ARNs of the roles that write it.
    pub writers: Vec<String>,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            functions: Vec::new(),
            watched: Watched::default(),
            invocations: Invocations::WhereSeen,
            since: None,
            start: None,
            settling: SETTLING,
            lost_alarm: LOST_ALARM,
        }
    }
}

/// The part of an ARN by which a key is the same in every region.
pub(crate) fn key_id(name: &str) -> &str {
    name.rsplit_once(":key/").map_or(name, |(_, id)| id)
}

/// Whether a name is meant by a pattern in which one `*` stands for anything.
pub(crate) fn is_meant(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}
