//! The journal, held against what was observed.

use std::collections::HashMap;

use chancery_authority::port::ledger::{Attempt, AttemptId, AttemptRecord, Outcome};
use chancery_authority::port::{Purpose, Receipt};
use chancery_x509::time::UnixTime;

use super::observed::Observed;
use super::tables::{Fault, Invoke, Sign, beginning, sort_invokes, sort_signs};
use crate::coverage::Coverage;
use crate::expected::{Expected, ExpectedKey};
use crate::finding::{Causes, Evidence};
use crate::id::Id;
use crate::rules;

/// Seconds after the last record of any kind after which the records have ended, rather than lack one.
const SILENCE: i64 = 3600;

/// Signatures and invocations, and how much of them the journal accounts for.
pub struct Comparison<'a> {
    pub(super) expected: &'a Expected,
    pub(super) now: UnixTime,
    pub(super) since: UnixTime,
    pub(super) last: UnixTime,
    observed: Observed<'a>,
    pub(super) signs: Vec<Sign>,
    pub(super) invokes: Vec<Invoke>,
    pub(super) details: HashMap<Id, Evidence>,
    pub(super) open: Vec<Open>,
    /// The first attempt of each key.
    pub(super) first: Vec<Option<UnixTime>>,
    pub(super) causes: Causes,
    pub(super) coverage: Coverage,
    pub(super) claimed: u64,
    /// Whether the log keeps the names that callers give themselves: those of signatures with receipts are in it.
    pub(super) keeps_names: bool,
}

/// An attempt of which it is not known what became of it.
pub(super) struct Open {
    pub(super) key: u16,
    pub(super) at: UnixTime,
    pub(super) id: AttemptId,
    pub(super) subject: String,
    pub(super) purpose: Purpose,
    pub(super) invocation: String,
    pub(super) number: u32,
    pub(super) input: u64,
    pub(super) taken: bool,
}

impl<'a> Observed<'a> {
    /// Begins the comparison, as of a time.
    pub fn compare(mut self, now: UnixTime, coverage: Coverage) -> Comparison<'a> {
        sort_signs(&mut self.signs);
        sort_invokes(&mut self.invokes);
        Comparison::new(self, now, coverage)
    }
}

impl<'a> Comparison<'a> {
    fn new(mut observed: Observed<'a>, now: UnixTime, coverage: Coverage) -> Self {
        let expected = observed.expected;
        Self {
            expected,
            now,
            since: expected.since.or(observed.first).unwrap_or(now),
            last: observed.last.unwrap_or(UnixTime::FIRST),
            signs: std::mem::take(&mut observed.signs),
            invokes: std::mem::take(&mut observed.invokes),
            details: std::mem::take(&mut observed.details),
            observed,
            open: Vec::new(),
            first: vec![None; expected.keys.len()],
            causes: Causes::default(),
            coverage,
            claimed: 0,
            keeps_names: false,
        }
    }

    /// Takes an attempt.
    pub fn attempt(&mut self, record: &AttemptRecord) {
        let attempt = &record.attempt;
        self.coverage.attempt(attempt.at);
        let Some(key) = self.key_of(attempt) else {
            self.coverage.attempts_elsewhere += 1;
            return;
        };
        let first = &mut self.first[usize::from(key)];
        *first = Some(first.map_or(attempt.at, |first| first.min(attempt.at)));
        match &record.outcome {
            Some((Outcome::Signed(receipt), _)) => self.signed(key, attempt, receipt),
            Some((Outcome::Refused { .. }, _)) => {}
            Some((Outcome::Unknown { .. }, _)) | None => self.open.push(Open {
                key,
                at: attempt.at,
                id: attempt.origin.id,
                subject: attempt.subject.to_string(),
                purpose: attempt.subject.purpose(),
                invocation: attempt.origin.request_id.clone().unwrap_or_default(),
                number: attempt.number,
                input: beginning(&attempt.signing_input),
                taken: false,
            }),
        }
    }

    /// Takes note of an attempt in the journal that cannot be read.
    pub fn unreadable(&mut self, name: &str) {
        self.causes.add(
            &rules::ATTEMPT_UNREADABLE,
            None,
            "",
            || rules::ATTEMPT_UNREADABLE.title.to_owned(),
            || Evidence {
                detail: name.to_owned(),
                ..Evidence::default()
            },
        );
    }

    fn key_of(&self, attempt: &Attempt) -> Option<u16> {
        let name = attempt.origin.key.0.as_str();
        let alias = || self.observed.key(&format!("alias/{name}"));
        let by_ca = || {
            let mut keys = (0_u16..).zip(&self.expected.keys);
            keys.find(|(_, key)| key.ca == *attempt.subject.issuer())
        };
        let known = self.observed.key(name).or_else(alias);
        known.or_else(|| Some(by_ca()?.0))
    }

    pub(super) fn key(&self, place: u16) -> &'a ExpectedKey {
        &self.expected.keys[usize::from(place)]
    }

    pub(super) fn is_settled(&self, time: UnixTime) -> bool {
        time.plus_seconds(self.expected.settling) <= self.now
    }

    /// An attempt that has a receipt: its signature is looked for.
    fn signed(&mut self, key: u16, attempt: &Attempt, receipt: &Receipt) {
        let request = Id::of(&receipt.0);
        let found = self.signs.binary_search_by_key(&request, |sign| sign.request).ok();
        let Some(place) = found else {
            self.missing(key, attempt, receipt);
            return;
        };
        let sign = self.signs[place];
        let wrong = if sign.claimed {
            Some("another attempt has the same receipt")
        } else if sign.key != key {
            Some("its receipt is of a signature by another key")
        } else if sign.fault == Fault::Denied {
            Some("its receipt is of a request that was refused")
        } else if sign.input != 0 && sign.input != beginning(&attempt.signing_input) {
            Some("its receipt is of a signature over something else")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            self.forged(key, attempt, receipt, wrong);
            return;
        }
        self.signs[place].claimed = true;
        self.claimed += 1;
        self.keeps_names |= sign.marker != 0 && sign.marker == Id::from_octets(attempt.origin.id.0).short();
        self.check_purpose(&sign, attempt);
        self.check_invocation(&sign, attempt);
    }

    fn missing(&mut self, key: u16, attempt: &Attempt, receipt: &Receipt) {
        if !self.observed.given || attempt.at < self.since {
            return;
        }
        if !self.is_settled(attempt.at) {
            self.coverage.pending += 1;
            return;
        }
        if attempt.at > self.last.plus_seconds(SILENCE) {
            let last = self.last;
            self.causes.add(
                &rules::GUARD_SILENT,
                None,
                "",
                || format!("No record is newer than {last}, and the journal has signatures after that"),
                || of_attempt(attempt, receipt, ""),
            );
            return;
        }
        let ca = self.key(key).ca.as_str();
        self.causes.add(
            &rules::SIGNATURE_MISSING,
            Some(ca),
            "",
            || format!("The journal has receipts for signatures by {ca} that the key store's log has not"),
            || of_attempt(attempt, receipt, ""),
        );
    }

    fn forged(&mut self, key: u16, attempt: &Attempt, receipt: &Receipt, wrong: &str) {
        let ca = self.key(key).ca.as_str();
        self.causes.add(
            &rules::SIGNATURE_MISSING,
            Some(ca),
            wrong,
            || format!("An attempt of {ca} has no signature of its own: {wrong}"),
            || of_attempt(attempt, receipt, wrong),
        );
    }

    /// Whether the function that signed may sign such a thing.
    fn check_purpose(&mut self, sign: &Sign, attempt: &Attempt) {
        let key = self.key(sign.key);
        let Some(function) = sign.function() else { return };
        let purpose = attempt.subject.purpose();
        let mut signers = key.signers.iter().filter(|signer| signer.function == function);
        if signers.any(|signer| signer.purposes.contains(&purpose)) {
            return;
        }
        let name = &self.expected.functions[function].arn;
        self.causes.add(
            &rules::WRONG_FUNCTION,
            Some(key.ca.as_str()),
            &format!("purpose {name}"),
            || format!("{name} signed with the key of {} what it never signs", key.ca),
            || of_sign(sign, attempt, &format!("purpose {}", purpose.as_str())),
        );
    }

    /// Whether an invocation of the function that signed led to it, and to no more than it may.
    fn check_invocation(&mut self, sign: &Sign, attempt: &Attempt) {
        let key = self.key(sign.key);
        if self.invokes.is_empty() || key.signers.is_empty() {
            return;
        }
        let ca = key.ca.as_str();
        let Some(place) = self.invocation(attempt.origin.request_id.as_deref()) else {
            if !self.is_settled(sign.time()) {
                self.coverage.pending += 1;
                return;
            }
            self.causes.add(
                &rules::UNACCOUNTED_SIGNATURE,
                Some(ca),
                "invocation",
                || format!("The key of {ca} signed, the journal has it, and no function was invoked for it"),
                || of_sign(sign, attempt, "the invocation that the journal names is not recorded"),
            );
            return;
        };
        let invoke = self.invokes[place];
        let invoked = usize::from(invoke.function);
        if sign.function().is_some_and(|function| function != invoked) {
            let name = &self.expected.functions[invoked].arn;
            self.causes.add(
                &rules::WRONG_FUNCTION,
                Some(ca),
                &format!("invocation {name}"),
                || format!("The key of {ca} signed for an invocation of {name} with another function's credentials"),
                || of_sign(sign, attempt, &format!("invoked: {name}")),
            );
            return;
        }
        // A signature that succeeded is not tried again: a second one in the same invocation is for nobody, whatever it says that
        // it is for.
        let signed = &mut self.invokes[place].signed;
        *signed = signed.saturating_add(1);
        let most = self.invokes[place].runs.max(1);
        let function = &self.expected.functions[invoked];
        if function.signs_once && self.invokes[place].signed > most {
            self.causes.add(
                &rules::COUNT_EXCEEDED,
                Some(ca),
                &function.arn,
                || format!("An invocation of {} had more signed than one ever has", function.arn),
                || {
                    of_sign(
                        sign,
                        attempt,
                        "more signatures than this function makes in one invocation",
                    )
                },
            );
            return;
        }
        let subject = attempt.subject.to_string();
        self.check_count(place, ca, &subject, attempt.number, &|| {
            of_sign(sign, attempt, "more than this function signs in one invocation")
        });
    }

    /// Whether an invocation has more signed than its function ever has. Lambda runs one in the background again after a failure,
    /// and then it may have another thing signed.
    pub(super) fn check_count(
        &mut self,
        place: usize,
        ca: &str,
        subject: &str,
        number: u32,
        evidence: &dyn Fn() -> Evidence,
    ) {
        let invoke = &mut self.invokes[place];
        let function = &self.expected.functions[usize::from(invoke.function)];
        let subject = Id::of(subject).short() | 1;
        if invoke.subject == 0 {
            invoke.subject = subject;
        } else if invoke.subject != subject && (number == 1 || invoke.runs <= 1) {
            invoke.others = invoke.others.saturating_add(1);
            if function.signs_once && u16::from(invoke.others) + 1 > u16::from(invoke.runs.max(1)) {
                self.causes.add(
                    &rules::COUNT_EXCEEDED,
                    Some(ca),
                    &function.arn,
                    || format!("An invocation of {} had more signed than one ever has", function.arn),
                    evidence,
                );
            }
        }
    }

    /// Where the invocation of that id stands.
    pub(super) fn invocation(&self, request: Option<&str>) -> Option<usize> {
        let id = Id::of(request?);
        self.invokes.binary_search_by_key(&id, |invoke| invoke.request).ok()
    }
}

fn of_attempt(attempt: &Attempt, receipt: &Receipt, detail: &str) -> Evidence {
    Evidence {
        time: Some(attempt.at),
        request_id: receipt.0.clone(),
        invocation: attempt.origin.request_id.clone().unwrap_or_default(),
        attempt: attempt.origin.id.to_string(),
        subject: attempt.subject.to_string(),
        detail: detail.to_owned(),
        ..Evidence::default()
    }
}

fn of_sign(sign: &Sign, attempt: &Attempt, detail: &str) -> Evidence {
    Evidence {
        time: Some(sign.time()),
        event_id: sign.event.to_string(),
        request_id: if sign.legible {
            sign.request.to_string()
        } else {
            String::new()
        },
        invocation: attempt.origin.request_id.clone().unwrap_or_default(),
        attempt: attempt.origin.id.to_string(),
        subject: attempt.subject.to_string(),
        detail: detail.to_owned(),
        ..Evidence::default()
    }
}
