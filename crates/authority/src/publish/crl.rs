//! One CRL: reserve its number → lint its frame → write → record the intent → sign → verify → record → publish.
//!
//! What a failure or a crash leaves, depending on the step: a number without a CRL; then the record of what may have
//! been signed; then a recorded CRL that is not published, which the next one replaces; then published files that the
//! ledger does not record as published, whose number the next publication reads back to see that it is lower.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_x509::crl::{Coverage, CrlHeader, Framing, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::{StreamExt as _, stream};

use super::due;
use super::listing::Listing;
use super::made::RecordedCrl;
use super::numbers::{self, Believed};
use super::published::{BACKDATE, PublishedCrl};
use super::scope_states::{Published, ScopeState};
use super::spool::{self, Spooled, WholeCrl};
use super::{PublishError, files, frame, status};
use crate::authority::Authority;
use crate::ca::Ca;
use crate::config::Config;
use crate::port::Signed;
use crate::port::ledger::{
    CrlIntent, CrlPlan, CrlRecord, CrlReservation, CrlScope, CrlState, LedgerError, RevokedEntries as _,
};
use crate::signing::attempt::{self, SignedAttempt};

/// Attempts to make a CRL while the published one turns out to be ahead of the ledger.
const JUMPS: usize = 3;

/// The highest number of a published CRL that the next may follow: above it too few numbers are left.
const HIGHEST: u64 = 1 << 62;

/// Entries lost by the ledger whose certificates are checked while one CRL is made; further ones stay listed unchecked,
/// and the next CRL checks them.
const LOOKED_AT: usize = 10_000;

/// Concurrent writes that restore entries to the ledger, and the time for them after a publication; the next one
/// continues.
const PUT_BACK: usize = 16;
const PUTTING_BACK: Duration = Duration::from_secs(20);

impl Authority {
    /// Makes and publishes one CRL now.
    pub async fn publish_crl(&self, scope: &CrlScope) -> Result<PublishedCrl, PublishError> {
        let scope_state = self.scope_states.of(scope);
        let mut published = scope_state.published.lock().await;
        self.publish_into(scope, &scope_state, &mut published).await
    }

    /// Ensures that a published CRL covers everything that was revoked until now, and that these serial numbers are in
    /// it: publishes one, unless a concurrent call does so while this one waits for it.
    pub(crate) async fn publish_changes(
        &self,
        scope: &CrlScope,
        serials: &[Serial],
    ) -> Result<PublishedCrl, PublishError> {
        let scope_state = self.scope_states.of(scope);
        let _awaiting = scope_state.await_listing(serials);
        let changes = scope_state.changes();
        let mut published = scope_state.published.lock().await;
        if let Some(last) = published.last.clone().filter(|_| scope_state.covers(changes))
            && self.are_listed(scope, &published, serials).await?
        {
            return Ok(last);
        }
        let crl = self.publish_into(scope, &scope_state, &mut published).await?;
        if self.are_listed(scope, &published, serials).await? {
            return Ok(crl);
        }
        Err(PublishError::NotListed {
            name: Config::crl_name(scope),
            number: crl.superseded_by.unwrap_or(crl.number),
        })
    }

    /// The same for serial numbers that were revoked before: where the published CRL lists them, none is made.
    pub(crate) async fn publish_unless_listed(
        &self,
        scope: &CrlScope,
        serials: &[Serial],
    ) -> Result<PublishedCrl, PublishError> {
        let ca = self.publishing_ca(scope)?;
        let scope_state = self.scope_states.of(scope);
        let guard = scope_state.published.lock().await;
        if let Some(crl) = self.published_with(&ca, scope, serials).await? {
            return Ok(crl);
        }
        drop(guard);
        self.publish_changes(scope, serials).await
    }

    /// Whether the serial numbers are in the published CRL: as this process wrote it, or, where another replaced it, as
    /// read back.
    async fn are_listed(
        &self,
        scope: &CrlScope,
        published: &Published,
        serials: &[Serial],
    ) -> Result<bool, PublishError> {
        let ours = published.last.as_ref().is_some_and(|crl| crl.superseded_by.is_none());
        if ours && serials.iter().all(|serial| published.seen.contains(serial)) {
            return Ok(true);
        }
        let ca = self.publishing_ca(scope)?;
        Ok(self.published_with(&ca, scope, serials).await?.is_some())
    }

    async fn publish_into(
        &self,
        scope: &CrlScope,
        scope_state: &ScopeState,
        published: &mut Published,
    ) -> Result<PublishedCrl, PublishError> {
        let _place = self.scope_states.place(scope).await;
        // Read before the number is reserved: this CRL may miss any later change.
        let changes = scope_state.changes();
        let awaited = scope_state.awaited_serials();
        let outcome = self.make_and_publish(scope, &awaited).await;
        match outcome {
            Ok((crl, seen)) => {
                scope_state.cover(changes);
                scope_state.set_damaged(crl.damaged.clone());
                published.last = Some(crl.clone());
                published.seen = seen;
                tracing::info!(issuer = %scope.issuer, shard = scope.shard, number = crl.number, entries = crl.entries, "CRL published");
                for row in &crl.damaged {
                    tracing::error!(issuer = %scope.issuer, row, "a revocation cannot be read as it should be");
                }
                Ok(crl)
            }
            Err(error) => {
                tracing::error!(%error, issuer = %scope.issuer, shard = scope.shard, "a CRL was not published");
                Err(error)
            }
        }
    }

    pub(super) fn publishing_ca(&self, scope: &CrlScope) -> Result<Arc<Ca>, PublishError> {
        self.ca(&scope.issuer)
            .ok_or_else(|| PublishError::UnknownCa(scope.issuer.clone()))
    }

    /// Makes CRLs until one is accepted, usually the first. If the published one has a number that is not lower, either
    /// another process reserved it later, and it serves as well; or the ledger was restored to an older state, and then
    /// its number is skipped, since clients must never see numbers decrease.
    async fn make_and_publish(
        &self,
        scope: &CrlScope,
        awaited: &HashSet<Serial>,
    ) -> Result<(PublishedCrl, HashSet<Serial>), PublishError> {
        let ca = self.publishing_ca(scope)?;
        let mut above = 0;
        for _ in 0..JUMPS {
            let believed = self.believed_crl_state(scope, above).await?;
            let mut made = match self.make(&ca, scope, &believed, above, awaited).await {
                // A counter that was set back assigned the number twice: this process draws another.
                Err(PublishError::Ledger(LedgerError::CrlNumberTaken { .. })) => continue,
                made => made?,
            };
            let outcome = self.publish_files(&ca, scope, &made, believed.state.published).await;
            // Afterwards, so that the CRL does not wait for entries to be restored.
            if outcome.is_ok() {
                self.relist(&ca, scope, std::mem::take(&mut made.kept)).await;
            }
            let Some(found) = outcome? else {
                return Ok(made.published(None));
            };
            let now = self.believed_crl_state(scope, found).await?.state;
            if found > made.record.number && is_later(&now, found, &made.record) {
                return Ok(made.published(Some(found)));
            }
            let (name, reserved) = (Config::crl_name(scope), made.record.number);
            if found >= HIGHEST {
                return Err(PublishError::Ahead {
                    name,
                    published: found,
                    reserved,
                });
            }
            tracing::warn!(file = %name, published = found, reserved, "the published CRL is ahead of the ledger; its number is jumped over");
            above = found;
        }
        Err(PublishError::Contended {
            name: Config::crl_name(scope),
            turns: JUMPS,
        })
    }

    /// Reserves the number, lints, writes, records the intent, signs, verifies and records.
    async fn make(
        &self,
        ca: &Arc<Ca>,
        scope: &CrlScope,
        believed: &Believed,
        above: u64,
        awaited: &HashSet<Serial>,
    ) -> Result<RecordedCrl, PublishError> {
        let state = &believed.state;
        let coverage = self.covers(scope).await?;
        let made_at = self.ports().clock.now();
        let not_before = ca.certificate().not_before();
        // Clock errors can seldom be detected; here one can.
        if made_at < not_before {
            return Err(PublishError::ClockBehind {
                ca: ca.name().clone(),
                not_before,
                now: made_at,
            });
        }
        let this_update = made_at.plus_seconds(-BACKDATE);
        let next_update = made_at.plus_seconds(status::timing(self.config(), scope).lifetime);
        let plan = CrlPlan {
            at: made_at,
            expired_before: Some(due::expired_before(made_at, state.published.as_ref())),
            // If the counter was set back, recorded numbers still count as assigned.
            above: above.max(state.number),
            at_most: believed.at_most,
        };
        let reservation = self.ports().ledger.crls().reserve(scope, plan).await?;
        let CrlReservation {
            number,
            not_believed,
            mark,
            revocations,
        } = reservation;
        let counter = not_believed.map(|counted| numbers::counter_damage(scope, counted, number));
        let numbers = believed.damage.clone().into_iter().chain(counter);
        let expected = revocations.entries();
        let (before, replaced) = self.published_list(ca, scope, state.published.as_ref()).await?;
        let compared = expected.max(
            before
                .as_ref()
                .map_or(0, |before| files::entries_in(before.as_der().len())),
        );
        let mut listing = {
            let awaited = awaited.clone();
            // The published list is dropped as soon as it is compared: it may be as long as the new one.
            let listing = move || Listing::new(revocations, this_update, &awaited, before.as_ref());
            spool::off_thread(compared, move || listing().map_err(PublishError::Revocations)).await?
        };
        for wrong in numbers.chain(replaced).chain(self.impossible_uses(scope)) {
            tracing::error!(wrong, "what is known of a CRL is not as it should be");
            listing.note(wrong);
        }
        let kept = self.keep_listed(ca, &mut listing, &plan).await?;
        let (entries, seen, damaged) = (listing.entries(), listing.seen().clone(), listing.damaged().to_vec());
        let scratch = self.ports().publication.scratch().map_err(PublishError::Scratch)?;
        let mut spooled = {
            let (ca, coverage) = (ca.clone(), coverage.clone());
            spool::off_thread(expected, move || {
                let header = CrlHeader {
                    issuer: &ca.issuer,
                    number,
                    this_update,
                    next_update,
                    scope: coverage,
                };
                frame::lint(&header, &ca)?;
                spool::spool(&header, &mut listing, scratch)
            })
            .await?
        };
        let SignedAttempt { signed, position } = self
            .sign_crl(ca, scope, number, made_at, &coverage, &mut spooled)
            .await?;
        let (crl, digest) = self.frame(ca, entries, spooled, &signed).await?;
        let record = CrlRecord {
            scope: scope.clone(),
            number,
            made_at,
            this_update,
            next_update,
            entries,
            digest,
            receipt: signed.receipt,
            mark: Some(mark),
            published: None,
        };
        self.ports().ledger.crls().complete(record.clone(), position).await?;
        Ok(RecordedCrl {
            crl,
            record,
            damaged,
            seen,
            kept,
        })
    }

    /// Keeps entries that the published CRL has and the ledger lacks, except those of certificates that ended so long
    /// ago that no CRL lists them; only a certificate signed by the CA's key proves that. Returns what is kept, with
    /// the known ends.
    async fn keep_listed(
        &self,
        ca: &Ca,
        listing: &mut Listing,
        plan: &CrlPlan,
    ) -> Result<Vec<(RevokedEntry, Option<UnixTime>)>, PublishError> {
        let missing = listing.missing();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let (looked_at, left) = missing.split_at(missing.len().min(LOOKED_AT));
        let ends = self.ends(ca, looked_at).await?;
        let left: HashSet<Serial> = left.iter().copied().collect();
        let is_over = |end: &UnixTime| plan.expired_before.is_some_and(|before| *end < before);
        let mut kept = listing.keep(
            |serial| !ends.verified.get(&serial).is_some_and(is_over),
            // A given-up intent has no certificate to prove an end: it stays listed as long as the CA, and that is not
            // damage.
            |serial| !left.contains(&serial) && !ends.given_up.contains(&serial),
        );
        kept.retain(|entry| !left.contains(&entry.serial));
        let end_of = |entry: RevokedEntry| (entry, ends.verified.get(&entry.serial).copied());
        Ok(kept.into_iter().map(end_of).collect())
    }

    /// Restores the kept entries to the ledger, within a time limit. Whatever is left or fails stays on the published
    /// CRL, and the next publication tries again.
    async fn relist(&self, ca: &Ca, scope: &CrlScope, kept: Vec<(RevokedEntry, Option<UnixTime>)>) {
        let until = Instant::now() + PUTTING_BACK;
        let ca_end = ca.certificate().not_after();
        let all = kept.len();
        let put_back = kept.into_iter().map(|(entry, end)| async move {
            if Instant::now() >= until {
                return false;
            }
            // No certificate outlives its issuer.
            let put_back = self.ports().ledger.revocations().relist(scope, &entry, end.unwrap_or(ca_end)).await;
            if let Err(error) = &put_back {
                tracing::error!(%error, serial = %entry.serial, "a revocation that the ledger lost could not be put back");
            }
            put_back.is_ok()
        });
        let done = stream::iter(put_back)
            .buffer_unordered(PUT_BACK)
            .filter(|done| std::future::ready(*done))
            .count()
            .await;
        if done < all {
            tracing::error!(issuer = %scope.issuer, left = all - done, "there are revocations that the ledger lost; the next CRL puts back more");
        }
    }

    /// Checks what is about to be signed, records it, and signs it: the signature is accounted for whatever happens next.
    async fn sign_crl(
        &self,
        ca: &Ca,
        scope: &CrlScope,
        number: u64,
        at: UnixTime,
        coverage: &Coverage,
        spooled: &mut Spooled,
    ) -> Result<SignedAttempt, PublishError> {
        let intent = CrlIntent {
            scope: scope.clone(),
            number,
            signing_input: spooled.input.as_bytes().to_vec(),
            at,
        };
        let origin = attempt::origin(self.ports().signing(), ca.record.key.clone());
        let signable = spooled
            .signable(&intent, origin.clone(), coverage, ca)
            .map_err(PublishError::Scratch)?;
        let signable = signable.map_err(|reason| PublishError::NotSignable {
            name: Config::crl_name(scope),
            reason,
        })?;
        self.ports().ledger.crls().intend(intent, origin).await?;
        Ok(signable.sign(self.ports().signing()).await?)
    }

    async fn frame(
        &self,
        ca: &Ca,
        entries: u64,
        spooled: Spooled,
        signed: &Signed,
    ) -> Result<(WholeCrl, [u8; 32]), PublishError> {
        let algorithm = ca.issuer.public_key().algorithm();
        let framing = Framing::new(algorithm, spooled.length, &signed.signature);
        spool::off_thread(entries, move || {
            let crl = spooled.frame(framing);
            let digest = crl.digest().map_err(PublishError::Scratch)?;
            Ok((crl, digest))
        })
        .await
    }
}

/// Whether the ledger records the CRL of that number as made after `ours`. The number alone does not prove it: if the
/// counter was set back, the published CRL may be old, and may lack what was revoked since.
fn is_later(state: &CrlState, number: u64, ours: &CrlRecord) -> bool {
    let known = [&state.latest, &state.published];
    known
        .into_iter()
        .flatten()
        .any(|crl| crl.number >= number && crl.made_at >= ours.made_at)
}
