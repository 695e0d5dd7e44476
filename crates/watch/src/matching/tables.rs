//! Signatures and invocations in few octets each: a million records, half of each, take 44 MB.

use chancery_x509::time::UnixTime;

use crate::id::Id;

/// What is wrong with a signature by itself; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Nothing,
    Region,
    Algorithm,
    Function,
    Role,
    /// It was refused: there is no signature.
    Denied,
}

/// A signature, or a refused one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sign {
    /// The key store's id of the request.
    pub(super) request: Id,
    /// The record's.
    pub(super) event: Id,
    time: u32,
    /// The beginning of the attempt's id that the caller calls itself by; 0: none.
    pub(super) marker: u32,
    /// Its key's place.
    /// The beginning of the digest that was signed, where the log has it; 0: it has not.
    pub(super) input: u64,
    pub(super) key: u16,
    function: u8,
    pub(super) fault: Fault,
    pub(super) claimed: bool,
    /// The request's id can be shown.
    pub(super) legible: bool,
}

/// An invocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invoke {
    pub(super) request: Id,
    time: u32,
    event: u32,
    /// Digest of what its first attempt is for; 0: none was seen.
    pub(super) subject: u32,
    /// Its function's place.
    pub(super) function: u8,
    /// How often it was run, of one that is run in the background; 0: it was not.
    pub(super) runs: u8,
    /// Attempts for anything else.
    pub(super) others: u8,
    /// Signatures that attempts have the receipts of.
    pub(super) signed: u8,
}

impl Sign {
    pub(super) fn new(request: Id, event: Id, time: UnixTime, key: u16) -> Self {
        Self {
            request,
            event,
            time: small(time),
            marker: 0,
            input: 0,
            key,
            function: 0,
            fault: Fault::Nothing,
            claimed: false,
            legible: true,
        }
    }

    pub(super) fn time(&self) -> UnixTime {
        UnixTime(i64::from(self.time))
    }

    /// The place of the function that signed, if it is known.
    pub(super) fn function(&self) -> Option<usize> {
        usize::from(self.function).checked_sub(1)
    }

    pub(super) fn set_function(&mut self, function: Option<usize>) {
        self.function = function.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0);
    }
}

/// The beginning of a digest: too long to be found again by trying.
pub(super) fn beginning(digest: &[u8]) -> u64 {
    let mut octets = [0; 8];
    for (octet, of) in octets.iter_mut().zip(digest) {
        *octet = *of;
    }
    u64::from_be_bytes(octets) | 1
}

impl Invoke {
    pub(super) fn new(request: Id, event: Id, time: UnixTime, function: u8, runs: u8) -> Self {
        Self {
            request,
            time: small(time),
            event: event.short(),
            subject: 0,
            function,
            runs,
            others: 0,
            signed: 0,
        }
    }

    pub(super) fn time(&self) -> UnixTime {
        UnixTime(i64::from(self.time))
    }
}

/// Sorts signatures by their requests, each once. Of two records of one the one with the worse fault stays.
pub(super) fn sort_signs(signs: &mut Vec<Sign>) {
    signs.sort_unstable_by(|one, other| {
        let order = |sign: &Sign| (sign.request, std::cmp::Reverse(sign.fault), sign.event);
        order(one).cmp(&order(other))
    });
    signs.dedup_by_key(|sign| sign.request);
}

/// Sorts invocations by their requests, each once, with how often it was run.
pub(super) fn sort_invokes(invokes: &mut Vec<Invoke>) {
    let order = |invoke: &Invoke| (invoke.request, invoke.event, invoke.runs);
    invokes.sort_unstable_by_key(order);
    invokes.dedup_by_key(|invoke| order(invoke));
    invokes.dedup_by(|later, first| {
        let same = later.request == first.request && later.function == first.function;
        if same {
            first.runs = first.runs.saturating_add(later.runs);
            first.time = first.time.min(later.time);
        }
        same
    });
}

/// Seconds since 1970 in 32 bits, which last until 2106.
fn small(time: UnixTime) -> u32 {
    u32::try_from(time.0.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_few_octets() {
        assert!(size_of::<Sign>() <= 56 && size_of::<Invoke>() <= 32);
    }

    #[test]
    fn repetitions_are_one_and_runs_are_counted() {
        let id = Id::of;
        let at = UnixTime(1_795_464_000);
        let mut signs = vec![Sign::new(id("a"), id("1"), at, 0); 3];
        signs[1].fault = Fault::Role;
        sort_signs(&mut signs);
        assert_eq!((signs.len(), signs[0].fault), (1, Fault::Role));

        let invoke = |event, runs| Invoke::new(id("r"), id(event), at, 1, runs);
        let mut invokes = vec![
            invoke("1", 0),
            invoke("2", 1),
            invoke("3", 1),
            invoke("2", 1),
            invoke("1", 0),
        ];
        sort_invokes(&mut invokes);
        assert_eq!((invokes.len(), invokes[0].runs), (1, 2));
    }
}
