//! The recorded uses of CRLs that this process has read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chancery_x509::time::UnixTime;

use crate::ca_name::CaName;
use crate::port::ledger::{CrlScope, CrlUse};

/// The recorded uses that this process has read.
#[derive(Debug, Default)]
pub(crate) struct CrlUses(Mutex<BTreeMap<(CrlScope, Option<String>), UnixTime>>);

impl CrlUses {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(CrlScope, Option<String>), UnixTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn learn(&self, uses: impl IntoIterator<Item = CrlUse>) {
        let mut known = self.lock();
        for used in uses {
            let until = known.entry((used.scope, used.url)).or_insert(used.until);
            *until = used.until.max(*until);
        }
    }

    pub(crate) fn covers(&self, scope: &CrlScope, url: Option<&str>, end: UnixTime) -> bool {
        let key = (scope.clone(), url.map(str::to_owned));
        self.lock().get(&key).is_some_and(|until| *until >= end)
    }

    /// The uses of one CRL that certificates still valid at `now` may depend on.
    pub(crate) fn of(&self, scope: &CrlScope, now: UnixTime) -> Vec<CrlUse> {
        let known = self.lock();
        let own = known
            .range((scope.clone(), None)..)
            .take_while(|((of, _), _)| of == scope);
        let still_needed = own.filter(|(_, until)| **until >= now);
        let used = |((scope, url), until): (&(CrlScope, Option<String>), &UnixTime)| CrlUse {
            scope: scope.clone(),
            url: url.clone(),
            until: *until,
        };
        still_needed.map(used).collect()
    }

    /// When the last certificate of that CA that names a shard's CRL ends; `None` if there is none any more.
    pub(crate) fn shards_until(&self, issuer: &CaName, now: UnixTime) -> Option<UnixTime> {
        let known = self.lock();
        let of_shards = known
            .iter()
            .filter(|((scope, _), until)| scope.issuer == *issuer && scope.shard.is_some() && **until >= now);
        of_shards.map(|(_, until)| *until).max()
    }

    /// All uses that certificates still valid at `now` may depend on.
    pub(crate) fn still_needed(&self, now: UnixTime) -> Vec<CrlUse> {
        let known = self.lock();
        let still_needed = known.iter().filter(|(_, until)| **until >= now);
        let used = |((scope, url), until): (&(CrlScope, Option<String>), &UnixTime)| CrlUse {
            scope: scope.clone(),
            url: url.clone(),
            until: *until,
        };
        still_needed.map(used).collect()
    }
}
