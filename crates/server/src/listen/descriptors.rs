//! The limit on this process's file descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit, up to the hard one, to what the server can use; returns the limit in effect.
///
/// Many systems start a service with 1,024, for the sake of programs that use select(2); this one does not. Where a
/// service manager forbids the call, the limit stays as the service manager set it.
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
