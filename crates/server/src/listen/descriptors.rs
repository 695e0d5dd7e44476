//! File descriptors: how many this process may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit, as far as the hard one allows, to what the server can make use of; how many there may be then.
///
/// Many systems start a service with 1,024, for the sake of programs that use select(2); this one does not. Where a service
/// manager forbids the call, the limit is what the service manager set.
pub fn raise(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let Some(soft) = limit.current else {
        return u64::MAX;
    };
    let reachable = limit.maximum.map_or(wanted, |hard| hard.min(wanted));
    let raised = Rlimit {
        current: Some(reachable),
        maximum: limit.maximum,
    };
    if reachable > soft && setrlimit(Resource::Nofile, raised).is_ok() {
        reachable
    } else {
        soft
    }
}
