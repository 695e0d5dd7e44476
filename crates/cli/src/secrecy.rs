//! Passphrases, PINs, tokens and keys are in this process's memory: no copy of it may get onto a disk.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Disables core dumps of this process, and prevents other processes of the same user from reading its memory.
///
/// Every command may hold a secret, and none needs a core dump. Where the system refuses, the command continues and
/// logs a warning.
pub(crate) fn leave_no_copy_of_memory() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let limited = setrlimit(Resource::Core, none);
    let undumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = limited.and(undumpable) {
        tracing::warn!(%error, "core dumps of this process cannot be forbidden");
    }
}
