//! What is left over once the whole journal was held against what was observed.

use std::collections::HashSet;

use chancery_x509::time::UnixTime;

use super::comparison::{Comparison, Open};
use super::tables::{Fault, Sign};
use crate::coverage::{Coverage, Lost, widen};
use crate::expected::{Invocations, START_GRACE};
use crate::finding::{Evidence, Finding};
use crate::id::Id;
use crate::rules::{self, Rule, Severity};

/// Seconds after which an attempt that was recorded before its signature is certainly read with the journal.
const WRITTEN: i64 = 300;

/// Seconds that an invocation lasts at most.
const INVOCATION: i64 = 900;

/// Seconds that the clocks of two services may differ.
const CLOCKS: i64 = 300;

/// Lost attempts that are listed.
const LISTED: usize = 1_000;

/// Signatures after the last invocation from which on it is plain that no more are recorded.
const PLAINLY: usize = 10;

impl Comparison<'_> {
    /// What was found, the worst first, and what it rests on.
    pub fn finish(mut self) -> (Vec<Finding>, Coverage) {
        self.judge_each();
        let mut left = self.unclaimed();
        self.find_lost(&mut left);
        self.report_left(&left);
        self.report_lost();
        self.report_invocations();
        self.report_unreadable();
        self.fill_coverage();
        (self.causes.into_findings(), self.coverage)
    }

    /// Signatures that are wrong by themselves, and refused ones.
    fn judge_each(&mut self) {
        for sign in &self.signs {
            let rule: &'static Rule = match sign.fault {
                Fault::Nothing => continue,
                Fault::Region => &rules::WRONG_REGION,
                Fault::Algorithm => &rules::WRONG_ALGORITHM,
                Fault::Function => &rules::WRONG_FUNCTION,
                Fault::Role => &rules::WRONG_ROLE,
                Fault::Denied => &rules::DENIED_SIGNATURE,
            };
            let ca = self.expected.keys[usize::from(sign.key)].ca.as_str();
            let evidence = self.details.get(&sign.event).cloned().unwrap_or_else(|| of(sign));
            let principal = match evidence.principal.as_str() {
                "" => "somebody",
                known => known,
            };
            let title = || format!("{} ({ca}): {principal}", rule.title);
            self.causes.add(rule, Some(ca), principal, title, || evidence.clone());
        }
    }

    /// The start line of each key; `None`: there is none yet.
    fn starts(&self) -> Vec<Option<UnixTime>> {
        let first = self.first.iter().flatten().min().copied();
        let deployment = self.expected.start.or(first);
        let keys = self.expected.keys.iter().zip(&self.first);
        keys.map(|(key, first)| {
            let latest = deployment.map(|start| start.plus_seconds(START_GRACE));
            let line = first.iter().chain(&latest).min().copied();
            key.start.or(line)
        })
        .collect()
    }

    /// Places of the signatures that no attempt has the receipt of, oldest first.
    fn unclaimed(&mut self) -> Vec<usize> {
        let starts = self.starts();
        let mut left = Vec::new();
        for (place, sign) in self.signs.iter().enumerate() {
            if sign.claimed || sign.fault == Fault::Denied || sign.time() < self.since {
                continue;
            }
            let start = starts[usize::from(sign.key)];
            if start.is_none_or(|start| sign.time() < start) {
                let ca = self.expected.keys[usize::from(sign.key)].ca.to_string();
                let before = self.coverage.before_start.entry(ca).or_default();
                before.start = start;
                before.signatures += 1;
                widen(&mut before.first, &mut before.last, sign.time());
            } else if sign.time().plus_seconds(WRITTEN) > self.now && sign.fault == Fault::Nothing {
                self.coverage.pending += 1;
            } else {
                left.push(place);
            }
        }
        left.sort_by_key(|&place| (self.signs[place].time(), self.signs[place].event));
        left
    }

    /// Takes away those that attempts with a lost answer can be of: those that their records name; by counting only where the log
    /// keeps no names, as else whoever signs beside the journal could hide there. One attempt has one signature at most.
    fn find_lost(&mut self, left: &mut Vec<usize>) {
        self.open.sort_by_key(|open| (open.key, open.at, open.id));
        for named in [true, false] {
            if !named && self.keeps_names {
                break;
            }
            left.retain(|&place| {
                let sign = self.signs[place];
                match self.lost(&sign, named) {
                    None => true,
                    Some(found) => {
                        self.take_lost(&sign, found, named);
                        false
                    }
                }
            });
        }
    }

    /// The attempt that a signature can be of.
    fn lost(&self, sign: &Sign, named: bool) -> Option<usize> {
        if sign.fault != Fault::Nothing || named && sign.marker == 0 {
            return None;
        }
        let earliest = (sign.key, sign.time().plus_seconds(-INVOCATION - CLOCKS));
        let from = self.open.partition_point(|open| (open.key, open.at) < earliest);
        let latest = sign.time().plus_seconds(CLOCKS);
        let within = self.open[from..]
            .iter()
            .take_while(|open| open.key == sign.key && open.at <= latest);
        let mut fitting = within
            .enumerate()
            .filter(|(_, open)| !open.taken && (sign.input == 0 || sign.input == open.input) && self.fits(sign, open));
        let found = fitting.find(|(_, open)| !named || marker(open) == sign.marker)?;
        Some(from + found.0)
    }

    /// Whether the function that signed may sign such a thing, and was invoked for it.
    fn fits(&self, sign: &Sign, open: &Open) -> bool {
        let Some(function) = sign.function() else { return true };
        let mut signers = self.key(sign.key).signers.iter();
        if !signers.any(|signer| signer.function == function && signer.purposes.contains(&open.purpose)) {
            return false;
        }
        if self.invokes.is_empty() {
            return true;
        }
        match self.invocation(Some(&open.invocation)) {
            Some(place) => usize::from(self.invokes[place].function) == function,
            None => !self.is_settled(sign.time()),
        }
    }

    fn take_lost(&mut self, sign: &Sign, found: usize, named: bool) {
        let open = &mut self.open[found];
        open.taken = true;
        let ca = self.expected.keys[usize::from(sign.key)].ca.to_string();
        let (attempt, subject) = (open.id.to_string(), open.subject.clone());
        if self.coverage.lost.len() < LISTED {
            self.coverage.lost.push(Lost {
                ca: ca.clone(),
                attempt: attempt.clone(),
                subject: subject.clone(),
                event_id: sign.event.to_string(),
                named,
            });
        }
        let invocation = open.invocation.clone();
        let evidence = Evidence {
            attempt,
            subject,
            invocation: invocation.clone(),
            detail: if named { "named by its record" } else { "counted" }.to_owned(),
            ..of(sign)
        };
        let title = || format!("Signatures by {ca} whose answers were lost");
        self.causes
            .add(&rules::LOST_ATTEMPTS, Some(&ca), "", title, || evidence.clone());
        if let Some(place) = self.invocation(Some(&invocation)) {
            let open = &self.open[found];
            let (number, subject) = (open.number, open.subject.clone());
            self.check_count(place, &ca, &subject, number, &|| evidence.clone());
        }
    }

    /// Those that nothing accounts for.
    fn report_left(&mut self, left: &[usize]) {
        let markers: HashSet<u32> = left.iter().map(|&place| self.signs[place].marker).collect();
        let has = |marker: u32| marker != 0 && markers.contains(&marker);
        let claimed = self.signs.iter().filter(|sign| sign.claimed && has(sign.marker));
        let taken = self.open.iter().filter(|open| open.taken).map(marker);
        let accounted: HashSet<u32> = claimed.map(|sign| sign.marker).chain(taken).collect();
        for &place in left {
            let sign = &self.signs[place];
            let key = &self.expected.keys[usize::from(sign.key)];
            let function = sign.function().map(|function| &self.expected.functions[function].arn);
            let who = function.map_or("somebody", String::as_str);
            let repeated = sign.marker != 0 && accounted.contains(&sign.marker);
            let rule: &'static Rule = if repeated {
                &rules::COUNT_EXCEEDED
            } else {
                &rules::UNACCOUNTED_SIGNATURE
            };
            let title = || {
                if repeated {
                    format!("The key of {} signed more than once for one attempt", key.ca)
                } else {
                    format!("The key of {} signed, and the journal has no attempt for it", key.ca)
                }
            };
            let details = &self.details;
            self.causes.add(rule, Some(key.ca.as_str()), who, title, || {
                details.get(&sign.event).cloned().unwrap_or_else(|| Evidence {
                    principal: function.cloned().unwrap_or_default(),
                    ..of(sign)
                })
            });
        }
    }

    /// What became of attempts without an answer; more than a few with a signature are an alarm.
    fn report_lost(&mut self) {
        for open in self.open.iter().filter(|open| !open.taken) {
            if open.at < self.since {
                continue;
            }
            let settled = open.at.plus_seconds(INVOCATION + self.expected.settling) <= self.now;
            if settled {
                self.coverage.lost_unsigned += 1;
            } else {
                self.coverage.pending += 1;
            }
        }
        let most = self.expected.lost_alarm as u64;
        self.causes.raise(&rules::LOST_ATTEMPTS, Severity::High, most);
    }

    /// Whether invocations are recorded as they should be.
    fn report_invocations(&mut self) {
        let mut last = None;
        for invoke in &self.invokes {
            widen(&mut None, &mut last, invoke.time());
        }
        let after = |sign: &&Sign| {
            let told = sign.function().is_some() && sign.fault != Fault::Denied && sign.time() >= self.since;
            told && self.is_settled(sign.time()) && last.is_none_or(|last| sign.time() > last.plus_seconds(INVOCATION))
        };
        let mut without: Vec<&Sign> = self.signs.iter().filter(after).collect();
        let enough = match (last, self.expected.invocations) {
            (None, Invocations::WhereSeen) => return,
            (None, Invocations::Recorded) => 1,
            (Some(_), _) => PLAINLY,
        };
        if without.len() < enough {
            return;
        }
        without.sort_by_key(|sign| sign.time());
        for sign in without {
            let title = || match last {
                None => "Functions signed, and no invocation of any is recorded".to_owned(),
                Some(last) => format!("Functions signed after {last}, and no invocation of any is recorded since"),
            };
            self.causes.add(&rules::INVOKE_MISSING, None, "", title, || of(sign));
        }
    }

    fn report_unreadable(&mut self) {
        let unreadable = &self.coverage.unreadable;
        for example in &unreadable.examples {
            let title = || "Records that cannot be read".to_owned();
            let evidence = || Evidence {
                detail: example.clone(),
                ..Evidence::default()
            };
            let finding = self.causes.add(&rules::UNREADABLE_RECORDS, None, "", title, evidence);
            finding.count = unreadable.count;
        }
    }

    fn fill_coverage(&mut self) {
        let signatures = self.signs.iter().filter(|sign| sign.fault != Fault::Denied).count();
        self.coverage.signatures = signatures as u64;
        self.coverage.invocations = self.invokes.len() as u64;
        self.coverage.since = Some(self.since);
        self.coverage.now = Some(self.now);
        self.coverage.settling_seconds = self.expected.settling;
        self.coverage.matching = if self.coverage.attempts == 0 && signatures == 0 {
            "none"
        } else if self.invokes.is_empty() {
            "two-way"
        } else {
            "three-way"
        };
        self.coverage.finish();
    }
}

fn marker(open: &Open) -> u32 {
    Id::from_octets(open.id.0).short()
}

fn of(sign: &Sign) -> Evidence {
    Evidence {
        time: Some(sign.time()),
        event_id: sign.event.to_string(),
        request_id: if sign.legible {
            sign.request.to_string()
        } else {
            String::new()
        },
        ..Evidence::default()
    }
}
