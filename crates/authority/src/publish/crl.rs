//! One CRL: reserve its number → lint its frame → write → sign → verify → record → publish.
//!
//! What a failure or a crash leaves: until it is recorded, a number that no CRL has; then a recorded CRL that is not
//! published, in whose place the next one comes; then published files that the ledger does not know to be published,
//! which the next one reads back to see that their number is lower.

use std::sync::Arc;

use aws_lc_rs::digest;
use chancery_x509::algorithm::SigningInput;
use chancery_x509::crl::{CrlHeader, Framing, RevocationList, Scope};
use chancery_x509::time::UnixTime;

use super::spool::{self, Spooled, WholeCrl};
use super::{PublishError, frame, status};
use crate::authority::{Authority, Ca};
use crate::config::Config;
use crate::port::ledger::{CrlRecord, CrlReservation, CrlScope, LedgerError};
use crate::port::publication::Stat;
use crate::port::{ETag, Precondition, PublicationError, PublishedName, Signed};

/// Times that a file may be changed by others under our hands.
const TURNS: usize = 8;

/// Numbers that may be skipped to get past a published CRL that the ledger does not know of (it was restored).
const SKIPPED: u64 = 10_000;

/// A CRL that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedCrl {
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one will be there at the latest.
    pub next_update: UnixTime,
    /// Entries in it.
    pub entries: u64,
    /// Rows of the ledger that could not be read and are missing from it, in words (at most 100).
    pub damaged: Vec<String>,
    /// The number of a CRL that somebody else published meanwhile, where there was one: it is newer than this one, covers
    /// the same revocations, and stands in its place.
    pub superseded_by: Option<u64>,
}

/// How it is with a published file.
enum Standing {
    /// Ours may come, on this condition.
    Lower(Precondition),
    /// It is ours already: a put whose answer was lost, and which somebody on the way repeated.
    Ours(ETag),
    /// It has this number, which is not below ours.
    NotLower(u64),
}

impl Authority {
    /// Makes and publishes one CRL now.
    pub async fn publish_crl(&self, scope: &CrlScope) -> Result<PublishedCrl, PublishError> {
        let slot = self.slots.slot(scope);
        let mut published = slot.published.lock().await;
        self.publish_into(scope, &slot, &mut published).await
    }

    /// Makes sure that a published CRL covers everything that was revoked until now: publishes one, unless another call
    /// did while this one waited for it.
    pub(crate) async fn publish_changes(&self, scope: &CrlScope) -> Result<PublishedCrl, PublishError> {
        let slot = self.slots.slot(scope);
        let changes = slot.changes();
        let mut published = slot.published.lock().await;
        match &published.last {
            Some(last) if slot.covers(changes) => Ok(last.clone()),
            _ => self.publish_into(scope, &slot, &mut published).await,
        }
    }

    async fn publish_into(
        &self,
        scope: &CrlScope,
        slot: &super::slots::Slot,
        published: &mut super::slots::Published,
    ) -> Result<PublishedCrl, PublishError> {
        // Read before the number is reserved: what changes from now on, this CRL may miss.
        let changes = slot.changes();
        let outcome = self.make_and_publish(scope).await;
        match &outcome {
            Ok(crl) => {
                slot.cover(changes);
                slot.set_damaged(crl.damaged.clone());
                published.last = Some(crl.clone());
                tracing::info!(issuer = %scope.issuer, shard = scope.shard, number = crl.number, entries = crl.entries, "CRL published");
                for row in &crl.damaged {
                    tracing::error!(issuer = %scope.issuer, row, "a revocation cannot be read and is missing from the CRL");
                }
            }
            Err(error) => {
                tracing::error!(%error, issuer = %scope.issuer, shard = scope.shard, "a CRL was not published");
            }
        }
        outcome
    }

    async fn make_and_publish(&self, scope: &CrlScope) -> Result<PublishedCrl, PublishError> {
        let ca = self
            .ca(&scope.issuer)
            .ok_or_else(|| PublishError::UnknownCa(scope.issuer.clone()))?;
        let latest = self.ports().ledger.latest_crl(scope).await?;
        let made = self.make(&ca, scope, latest.as_ref()).await?;
        let number = made.record.number;
        let Some(published) = self.publish_files(&ca, scope, &made, latest).await? else {
            return Ok(made.published(None));
        };
        let known = self.ports().ledger.latest_crl(scope).await?;
        if published > number && known.is_some_and(|known| known.number >= published) {
            return Ok(made.published(Some(published)));
        }
        self.publish_above(&ca, scope, number, published).await
    }

    /// The published CRL has a number that the ledger has not come to: it is an older copy of itself. Its numbers are used
    /// up until they are above, since going backwards is what clients must never see.
    async fn publish_above(
        &self,
        ca: &Arc<Ca>,
        scope: &CrlScope,
        reserved: u64,
        published: u64,
    ) -> Result<PublishedCrl, PublishError> {
        let name = Config::crl_name(scope);
        if published - reserved > SKIPPED {
            return Err(PublishError::Ahead {
                name,
                published,
                reserved,
            });
        }
        tracing::warn!(file = %name, published, reserved, "the published CRL is ahead of the ledger; skipping its numbers");
        let now = self.ports().clock.now();
        for _ in reserved..published {
            self.ports().ledger.reserve_crl(scope, now, None).await?;
        }
        let made = self.make(ca, scope, None).await?;
        let superseded_by = self.publish_files(ca, scope, &made, None).await?;
        Ok(made.published(superseded_by))
    }

    /// Reserves the number, lints, writes, signs, verifies and records.
    async fn make(&self, ca: &Arc<Ca>, scope: &CrlScope, latest: Option<&CrlRecord>) -> Result<Made, PublishError> {
        let covers = self.covers(scope)?;
        let this_update = self.ports().clock.now();
        let next_update = this_update.plus_seconds(status::timing(self.config(), scope).lifetime);
        // Only a CRL that clients could see has shown them the end of an entry (RFC 5280 section 3.3).
        let expired_before = latest.filter(|crl| crl.published.is_some()).map(|crl| crl.this_update);
        let reservation = self
            .ports()
            .ledger
            .reserve_crl(scope, this_update, expired_before)
            .await?;
        let CrlReservation {
            number,
            mut revocations,
        } = reservation;
        let (entries, damaged) = (revocations.entries(), revocations.damaged().to_vec());

        let scratch = self.ports().publication.scratch().map_err(PublishError::Scratch)?;
        let spooled = {
            let ca = ca.clone();
            spool::off_thread(entries, move || {
                let header = CrlHeader {
                    issuer: &ca.issuer,
                    number,
                    this_update,
                    next_update,
                    scope: covers,
                };
                frame::lint(&header, &ca)?;
                spool::spool(&header, &mut *revocations, scratch)
            })
            .await?
        };
        let signed = self.sign_crl(ca, &spooled.input).await?;
        let (crl, digest) = self.frame(ca, entries, spooled, &signed).await?;
        let record = CrlRecord {
            scope: scope.clone(),
            number,
            this_update,
            next_update,
            entries,
            digest,
            receipt: signed.receipt,
            published: None,
        };
        self.ports().ledger.complete_crl(record.clone()).await?;
        Ok(Made { crl, record, damaged })
    }

    /// What the CRL says it covers. A CA's full CRL says nothing; where the CA has shards, every one of its CRLs names the
    /// URL that the certificates name, since none of them covers everything.
    fn covers(&self, scope: &CrlScope) -> Result<Scope, PublishError> {
        let sharded = self.config().ca(&scope.issuer).is_some_and(|ca| ca.crl().shards() > 0);
        if !sharded {
            return Ok(Scope::Full);
        }
        match self.config().crl_url(scope) {
            Some(distribution_point) => Ok(Scope::Shard { distribution_point }),
            None => Err(PublishError::ShardWithoutUrl(scope.issuer.clone())),
        }
    }

    async fn sign_crl(&self, ca: &Ca, input: &SigningInput) -> Result<Signed, PublishError> {
        let signed = self.ports().keys.sign(&ca.record.key, input).await?;
        if ca.issuer.public_key().verify(input, &signed.signature).is_err() {
            return Err(PublishError::BadSignature {
                key: ca.record.key.clone(),
                receipt: signed.receipt,
            });
        }
        Ok(signed)
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

    /// Publishes DER and PEM, or answers the number of a published CRL that is not below ours.
    ///
    /// The PEM file's version is taken before the DER file's number is known to be lower. A PEM file comes after its DER
    /// file, whose numbers only rise, so a PEM file of that version has a lower number too, and needs no reading.
    async fn publish_files(
        &self,
        ca: &Ca,
        scope: &CrlScope,
        made: &Made,
        latest: Option<CrlRecord>,
    ) -> Result<Option<u64>, PublishError> {
        let publication = &self.ports().publication;
        let (der, pem) = (Config::crl_name(scope), Config::crl_pem_name(scope));
        let number = made.record.number;
        let mut known = latest.and_then(|crl| crl.published);
        let mut turns = 0..TURNS;
        let contended = |name: &PublishedName| PublishError::Contended {
            name: name.clone(),
            turns: TURNS,
        };

        let (etag, pem_before) = loop {
            turns.next().ok_or_else(|| contended(&der))?;
            let pem_before = publication.stat(&pem).await?;
            let precondition = match self.standing(ca, &der, &made.record, known.take()).await? {
                Standing::NotLower(published) => return Ok(Some(published)),
                Standing::Ours(etag) => break (etag, pem_before),
                Standing::Lower(precondition) => precondition,
            };
            let body = made.crl.der().map_err(PublishError::Scratch)?;
            match publication.put(&der, body, precondition).await {
                Ok(etag) => break (etag, pem_before),
                Err(PublicationError::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        };

        let mut precondition = matching(pem_before);
        loop {
            let body = made.crl.pem().map_err(PublishError::Scratch)?;
            match publication.put(&pem, body, precondition).await {
                Ok(_) => break,
                Err(PublicationError::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            turns.next().ok_or_else(|| contended(&pem))?;
            precondition = match self.standing(ca, &pem, &made.record, None).await? {
                Standing::NotLower(published) => return Ok(Some(published)),
                Standing::Ours(_) => break,
                Standing::Lower(precondition) => precondition,
            };
        }

        // The files are there; a ledger that does not know costs the next publication a reading.
        if let Err(error) = self.ports().ledger.crl_published(scope, number, etag).await {
            tracing::warn!(%error, file = %der, number, "the CRL is published, but the ledger could not note that");
        }
        Ok(None)
    }

    /// Compares a published file with our number, by its version where that is known to be a lower one, else by reading it.
    /// What is no CRL of this CA is not one to be kept.
    async fn standing(
        &self,
        ca: &Ca,
        name: &PublishedName,
        ours: &CrlRecord,
        known: Option<ETag>,
    ) -> Result<Standing, PublishError> {
        let publication = &self.ports().publication;
        if let Some(known) = known {
            let current = publication.stat(name).await?;
            if current.is_none_or(|current| current.etag == known) {
                return Ok(Standing::Lower(Precondition::Match(known)));
            }
        }
        let Some((stat, content)) = publication.read(name).await? else {
            return Ok(Standing::Lower(Precondition::Absent));
        };
        let published = RevocationList::parse(&content)
            .ok()
            .filter(|crl| crl.is_signed_by(ca.issuer.public_key()));
        let Some((published, number)) = published.and_then(|crl| crl.number().map(|number| (crl, number))) else {
            tracing::warn!(file = %name, "the published file is no CRL of its CA and is replaced");
            return Ok(Standing::Lower(matching(Some(stat))));
        };
        if number < ours.number {
            Ok(Standing::Lower(matching(Some(stat))))
        } else if digest::digest(&digest::SHA256, published.as_der()).as_ref() == ours.digest {
            Ok(Standing::Ours(stat.etag))
        } else {
            Ok(Standing::NotLower(number))
        }
    }

    /// Whether something changed that no CRL published by this process covers.
    pub(crate) fn has_changes(&self, scope: &CrlScope) -> bool {
        let slot = self.slots.slot(scope);
        !slot.covers(slot.changes())
    }

    /// Whether a CRL has to be made.
    pub(super) async fn is_due(&self, scope: &CrlScope) -> Result<bool, LedgerError> {
        if self.has_changes(scope) {
            return Ok(true);
        }
        let latest = self.ports().ledger.latest_crl(scope).await?;
        let interval = status::timing(self.config(), scope).interval;
        let now = self.ports().clock.now();
        Ok(latest
            .filter(|crl| crl.published.is_some())
            .is_none_or(|crl| now >= crl.this_update.plus_seconds(interval)))
    }
}

/// A CRL that was recorded.
struct Made {
    crl: WholeCrl,
    record: CrlRecord,
    damaged: Vec<String>,
}

impl Made {
    fn published(self, superseded_by: Option<u64>) -> PublishedCrl {
        PublishedCrl {
            number: self.record.number,
            this_update: self.record.this_update,
            next_update: self.record.next_update,
            entries: self.record.entries,
            damaged: self.damaged,
            superseded_by,
        }
    }
}

fn matching(stat: Option<Stat>) -> Precondition {
    stat.map_or(Precondition::Absent, |stat| Precondition::Match(stat.etag))
}
