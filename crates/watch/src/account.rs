//! The watch over the account: calls that change what the authority consists of, or what it is seen by, by the table of
//! `rules`.

mod names;

use std::collections::{HashMap, HashSet};

use crate::cloudtrail::{Category, Record};
use crate::expected::{Watched, WatchedFile, is_meant};
use crate::finding::{Causes, Finding};
use crate::id::Id;
use crate::matching::evidence;
use crate::rules::{self, Concern, Doer, ROOT_SIGN_IN, ROOT_USER, WatchRule};
use names::Names;

/// Events that are remembered, so that a repetition is no second finding. Of more, repetitions are counted.
const REMEMBERED: usize = 200_000;

/// Services that take on roles of the authority on their own behalf.
const SERVICES: [&str; 4] = [
    "lambda.amazonaws.com",
    "states.amazonaws.com",
    "scheduler.amazonaws.com",
    "events.amazonaws.com",
];

/// Watches an account.
pub struct Watch<'a> {
    watched: &'a Watched,
    names: HashMap<Concern, Names<'a>>,
    /// The rules by service.
    rules: HashMap<&'static str, Vec<&'static WatchRule>>,
    seen: HashSet<Id>,
    causes: Causes,
}

impl<'a> Watch<'a> {
    /// A watch over what is named there.
    pub fn new(watched: &'a Watched) -> Self {
        let mut by_service: HashMap<&'static str, Vec<&'static WatchRule>> = HashMap::new();
        for rule in rules::watch() {
            for call in rule.calls {
                let known = by_service.entry(call.source).or_default();
                if known.last().is_none_or(|last| last.rule.id != rule.rule.id) {
                    known.push(rule);
                }
            }
        }
        let names = [
            (Concern::Key, "kms", &watched.keys),
            (Concern::Function, "lambda", &watched.functions),
            (Concern::Role, "iam", &watched.roles),
            (Concern::Table, "dynamodb", &watched.tables),
            (Concern::Bucket, "s3", &watched.buckets),
            (Concern::Topic, "sns", &watched.topics),
            (Concern::Queue, "sqs", &watched.queues),
            (Concern::LogGroup, "logs", &watched.log_groups),
            (Concern::Schedule, "scheduler", &watched.schedules),
            (Concern::StateMachine, "states", &watched.state_machines),
            (Concern::EventRule, "events", &watched.event_rules),
            (Concern::Alarm, "cloudwatch", &watched.alarms),
        ];
        Self {
            watched,
            names: names
                .into_iter()
                .map(|(concern, service, names)| (concern, Names::new(service, names)))
                .collect(),
            rules: by_service,
            seen: HashSet::new(),
            causes: Causes::default(),
        }
    }

    /// Takes a record.
    pub fn record(&mut self, record: &Record) {
        let Some(rule) = self.rule(record) else { return };
        if self.seen.len() < REMEMBERED && !self.seen.insert(record.event_id) {
            return;
        }
        let is_deployer = is_by(record, &self.watched.deployers);
        let refused = record.error_code.as_deref();
        let what = self.about(rule.concerns, record);
        let severity = match (rule.expected, is_deployer, refused) {
            (Doer::Deployer, true, _) => rules::Severity::Low,
            (_, _, Some(_)) => rule.rule.severity.lower(),
            (_, _, None) => rule.rule.severity,
        };
        let who = record.identity.name();
        let cause = format!("{who} {what} {}", refused.unwrap_or_default());
        let title = || {
            let failed = if refused.is_some() { "Refused: " } else { "" };
            let of = if what.is_empty() {
                String::new()
            } else {
                format!(" ({what})")
            };
            format!("{failed}{}{of}", rule.rule.title)
        };
        let detail = refused.unwrap_or_default().to_owned();
        let finding = self
            .causes
            .add(&rule.rule, None, &cause, title, || evidence(record, detail));
        finding.severity = severity;
    }

    /// What was found, the worst first.
    pub fn finish(self) -> Vec<Finding> {
        self.causes.into_findings()
    }

    /// The rule for a record, if there is one.
    fn rule(&self, record: &Record) -> Option<&'static WatchRule> {
        let by_root = record.identity.kind.as_deref() == Some("Root") && record.identity.invoked_by.is_none();
        let named = |id: &str| rules::watch().find(|rule| rule.rule.id == id);
        if by_root && record.name == "ConsoleLogin" {
            return named(ROOT_SIGN_IN);
        }
        let rules = self.rules.get(record.source.as_str()).into_iter().flatten().copied();
        let mut rules = rules.filter(|rule| self.is_about(rule, record));
        let changes = record.category == Category::Management && record.read_only == Some(false);
        rules.next().or_else(|| named(ROOT_USER).filter(|_| by_root && changes))
    }

    fn is_about(&self, rule: &WatchRule, record: &Record) -> bool {
        let mut calls = rule.calls.iter();
        let called = calls.any(|call| {
            call.source == record.source
                && call.is_named(&record.name)
                && call.with.is_none_or(|parameter| record.parameters.has(parameter))
        });
        called && self.concerns(rule.concerns, record) && !self.is_usual(rule, record)
    }

    /// Whether a record is about something of ours. Where a record does not say what it is about, it may be.
    fn concerns(&self, concern: Concern, record: &Record) -> bool {
        match concern {
            Concern::Account => true,
            Concern::File | Concern::List => self.file(concern, record).is_some(),
            _ => {
                let known = self.names.get(&concern);
                let says_nothing = record.parameters.leaves().is_empty() && record.resources.is_empty();
                let is_meant = known.is_some_and(|names| names.found(record).is_some());
                let has_any = known.is_some_and(|names| !names.is_empty());
                is_meant || has_any && (says_nothing || !record.parameters.is_whole())
            }
        }
    }

    /// Whether those make such a call who always do.
    fn is_usual(&self, rule: &WatchRule, record: &Record) -> bool {
        match (rule.expected, rule.concerns) {
            (Doer::Functions, Concern::File) => {
                let file = self.file(Concern::File, record);
                file.is_some_and(|file| is_by(record, &file.writers))
            }
            (Doer::Functions, _) => is_by(record, &self.watched.writers),
            (Doer::Service, _) => {
                let by_service = record.identity.kind.as_deref() == Some("AWSService");
                let service = record.identity.invoked_by.as_deref().unwrap_or_default();
                by_service && SERVICES.contains(&service)
            }
            (Doer::Nobody | Doer::Deployer, _) => false,
        }
    }

    /// The file of ours that a record is about.
    fn file(&self, concern: Concern, record: &Record) -> Option<&'a WatchedFile> {
        let files = match concern {
            Concern::List => &self.watched.lists,
            _ => &self.watched.files,
        };
        let bucket = record.parameters.text("bucketName");
        // A call on many objects names none of them.
        let key = record.parameters.text("key");
        files.iter().find(|file| {
            let of_bucket = bucket == Some(file.bucket.as_str());
            of_bucket && key.is_none_or(|key| is_meant(&file.key, key))
        })
    }

    fn about(&self, concern: Concern, record: &Record) -> String {
        match concern {
            Concern::Account => String::new(),
            Concern::File | Concern::List => {
                let bucket = record.parameters.text("bucketName").unwrap_or_default();
                format!("{bucket}/{}", record.parameters.text("key").unwrap_or("*"))
            }
            _ => {
                let names = self.names.get(&concern);
                let found = names.and_then(|names| names.found(record));
                found.unwrap_or("of what, the record does not say").to_owned()
            }
        }
    }
}

/// Whether one of those roles or users called.
fn is_by(record: &Record, known: &[String]) -> bool {
    let identity = &record.identity;
    let names = [identity.role.as_deref(), identity.arn.as_deref()];
    let mut names = names.into_iter().flatten();
    names.any(|name| known.iter().any(|known| is_meant(known, name)))
}
