//! A CRL's files: replaced only where the old version is known to have a lower number, and read back where needed.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io::BufReader;
use std::sync::Arc;

use aws_lc_rs::digest;
use chancery_x509::crl::{LongCrl, RevocationList};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::made::RecordedCrl;
use super::published::{BACKDATE, PublishedCrl};
use super::{PublishError, spool};
use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::config::Config;
use crate::port::ledger::{CrlRecord, CrlScope, crl_state};
use crate::port::publication::Stat;
use crate::port::{ETag, Precondition, PublicationError, PublishedName};

/// Attempts while other processes change the file concurrently.
const TURNS: usize = 8;

/// How a published file compares with the new CRL.
enum PublishedState {
    /// Its number is lower: the new CRL may be put under this condition.
    Lower(Precondition),
    /// It is the new CRL already: the answer to an earlier put was lost, and the put was retried.
    Ours(ETag),
    /// It has this number, which is not lower.
    NotLower(u64),
}

/// The content of a CRL's file.
struct PublishedFile {
    stat: Stat,
    /// The CRL, and the CA whose key signed it; `None` where no CA that publishes under that name signed it, or where
    /// it is longer than what is read back.
    crl: Option<(RevocationList, CaName)>,
}

impl PublishedFile {
    /// The CRL, if it was signed by that CA.
    fn of(self, ca: &Ca) -> Option<RevocationList> {
        let of_ca = self.crl.filter(|(_, signer)| signer == ca.name());
        of_ca.map(|(crl, _)| crl)
    }
}

impl Authority {
    /// Reads the file once into memory; parses and verifies a long one on a thread of its own, to block no other task.
    async fn read_published(&self, ca: &Arc<Ca>, name: &PublishedName) -> Result<Option<PublishedFile>, PublishError> {
        let publication = &self.ports().publication;
        let Some((stat, content)) = publication.read_within(name, publication.read_back()).await? else {
            return Ok(None);
        };
        let Some(content) = content else {
            return Ok(Some(PublishedFile { stat, crl: None }));
        };
        let signers = self.publishers(ca, name);
        let crl = spool::off_thread(entries_in(content.len()), move || {
            let crl = RevocationList::from_file(content).ok();
            Ok(crl.and_then(|crl| {
                let signer = signers.iter().find(|ca| crl.is_signed_by(ca.issuer.public_key()))?;
                let signer = signer.name().clone();
                Some((crl, signer))
            }))
        })
        .await?;
        Ok(Some(PublishedFile { stat, crl }))
    }

    /// This CA first, then other CAs that publish a CRL under that name: having a copy of a CRL there does not count.
    fn publishers(&self, ca: &Arc<Ca>, name: &PublishedName) -> Vec<Arc<Ca>> {
        let scopes = self.crl_scopes().into_iter();
        let others = scopes.filter(|scope| scope.issuer != *ca.name() && Config::crl_name(scope) == *name);
        let others = others.filter_map(|scope| self.ca(&scope.issuer));
        std::iter::once(ca.clone()).chain(others).collect()
    }

    /// A published CRL, if that CA signed it and it is not longer than what is read back.
    pub(super) async fn read_back(
        &self,
        ca: &Arc<Ca>,
        name: &PublishedName,
    ) -> Result<Option<RevocationList>, PublishError> {
        let read_published = self.read_published(ca, name).await?;
        Ok(read_published.and_then(|read_published| read_published.of(ca)))
    }

    /// A published CRL that is too long to be read back, streamed once, if that CA signed it: without its entries.
    async fn read_through(&self, ca: &Ca, name: &PublishedName, stat: &Stat) -> Result<Option<LongCrl>, PublishError> {
        let publication = &self.ports().publication;
        if stat.len > publication.read_through() {
            return Ok(None);
        }
        let content = match publication.open(name).await? {
            Some((opened, content)) if opened.etag == stat.etag => content,
            _ => {
                return Err(PublishError::Contended {
                    name: name.clone(),
                    turns: 1,
                });
            }
        };
        let (key, broken) = (ca.issuer.public_key().clone(), name.clone());
        spool::off_thread(u64::MAX, move || {
            LongCrl::read(BufReader::new(content), &key).map_err(|error| {
                PublishError::Publication(PublicationError::Failed {
                    name: broken,
                    detail: format!("its content broke off: {error}"),
                })
            })
        })
        .await
    }

    /// The published CRL; and what is wrong with it, if it is not the newest one that was published there.
    ///
    /// The authority never replaces a CRL with an older one, so an older one was put there by something else: entries
    /// of the newest that the ledger lacks may be missing from both. [`Staleness`](super::Staleness) reports a missing
    /// file. A file that is too long to be read back is recognised by its version as the one that was published there;
    /// the entries of any other cannot be kept.
    pub(super) async fn published_list(
        &self,
        ca: &Arc<Ca>,
        scope: &CrlScope,
        newest: Option<&CrlRecord>,
    ) -> Result<(Option<RevocationList>, Option<String>), PublishError> {
        let name = Config::crl_name(scope);
        let Some(read_published) = self.read_published(ca, &name).await? else {
            return Ok((None, None));
        };
        let is_noted = newest.is_some_and(|newest| newest.published.as_ref() == Some(&read_published.stat.etag));
        let newest = newest.filter(|_| !is_noted);
        let (limit, octets) = (self.ports().publication.read_back(), read_published.stat.len);
        if octets > limit {
            let wrong = format!(
                "{name} has {octets} octets, more than the {limit} that are read back, and is not the CRL last published there: \
                 if it is a CRL of this CA, its number is jumped over, and its entries are not kept. Compare the file's \
                 versions, and revoke missing certificates again"
            );
            return Ok((None, (!is_noted).then_some(wrong)));
        }
        let crl = read_published.of(ca);
        let Some(newest) = newest.cloned() else {
            return Ok((crl, None));
        };
        let octets = crl.as_ref().map_or(0, |crl| crl.as_der().len());
        let (crl, wrong) = spool::off_thread(entries_in(octets), move || {
            let wrong = not_newest(crl.as_ref(), &newest);
            Ok((crl, wrong))
        })
        .await?;
        let wrong = wrong.map(|read_published| {
            format!(
                "{name} contains {read_published}, although a newer CRL was published: another party replaced it, and may have removed \
                 revocations from the ledger as well. Compare the file's versions, and revoke missing certificates again"
            )
        });
        Ok((crl, wrong))
    }

    /// When the published CRL was made, according to itself; `None`: there is none. One that is too long to be read
    /// back is taken to be the recorded one if its version is the recorded one, and is otherwise streamed.
    pub async fn published_at(&self, scope: &CrlScope) -> Result<Option<UnixTime>, PublishError> {
        let name = Config::crl_name(scope);
        let ca = self.publishing_ca(scope)?;
        let Some(stat) = self.ports().publication.stat(&name).await? else {
            return Ok(None);
        };
        if let Some(crl) = self.read_back(&ca, &name).await? {
            return Ok(Some(crl.this_update().plus_seconds(BACKDATE)));
        }
        let state = crl_state(self.ports().ledger.crls(), scope).await?;
        let noted = state.published.filter(|crl| crl.published.as_ref() == Some(&stat.etag));
        if let Some(crl) = noted {
            return Ok(Some(crl.made_at));
        }
        let is_long = stat.len > self.ports().publication.read_back();
        if is_long && let Some(long) = self.read_through(&ca, &name, &stat).await? {
            return Ok(Some(long.facts().this_update().plus_seconds(BACKDATE)));
        }
        Err(PublishError::NotOurs { name })
    }

    /// The published CRL, read back and verified with the CA's key, if it lists all of those serial numbers.
    pub(super) async fn published_with(
        &self,
        ca: &Arc<Ca>,
        scope: &CrlScope,
        serials: &[Serial],
    ) -> Result<Option<PublishedCrl>, PublishError> {
        let name = Config::crl_name(scope);
        let Some(crl) = self.read_back(ca, &name).await? else {
            return Ok(None);
        };
        let now = self.ports().clock.now();
        let (Some(number), Some(next_update)) = (crl.number(), crl.next_update()) else {
            return Ok(None);
        };
        // Relying parties refuse one from the future and an expired one, whatever it lists.
        if crl.this_update() > now || next_update < now {
            return Ok(None);
        }
        let this_update = crl.this_update();
        let mut sought: HashSet<Serial> = serials.iter().copied().collect();
        let listed = spool::off_thread(entries_in(crl.as_der().len()), move || {
            let mut entries = 0;
            for entry in crl.entries() {
                // Entries after an unreadable one do not count: a reader of the CRL may stop there.
                let Ok(entry) = entry else { return Ok(None) };
                sought.remove(&entry.serial);
                entries += 1;
            }
            Ok(sought.is_empty().then_some(entries))
        })
        .await?;
        Ok(listed.map(|entries| PublishedCrl {
            number,
            this_update,
            next_update,
            entries,
            damaged: Vec::new(),
            superseded_by: None,
        }))
    }

    /// Publishes DER and PEM; returns the number of the published CRL if that is not lower.
    ///
    /// The PEM file's version is read before the DER file's number is known to be lower. A PEM file is put after its
    /// DER file, whose numbers only increase, so a PEM file of that version has a lower number too, and need not be
    /// read.
    pub(super) async fn publish_files(
        &self,
        ca: &Arc<Ca>,
        scope: &CrlScope,
        made: &RecordedCrl,
        before: Option<CrlRecord>,
    ) -> Result<Option<u64>, PublishError> {
        let publication = &self.ports().publication;
        let (der, pem) = (Config::crl_name(scope), Config::crl_pem_name(scope));
        let number = made.record.number;
        // The version is only usable where its number is lower.
        let mut known = before.filter(|crl| crl.number < number).and_then(|crl| crl.published);
        let mut turns = 0..TURNS;
        let contended = |name: &PublishedName| PublishError::Contended {
            name: name.clone(),
            turns: TURNS,
        };

        let (etag, pem_before) = loop {
            turns.next().ok_or_else(|| contended(&der))?;
            let pem_before = publication.stat(&pem).await?;
            let precondition = match self.compare_published(ca, &der, &made.record, known.take()).await? {
                PublishedState::NotLower(published) => return Ok(Some(published)),
                PublishedState::Ours(etag) => break (etag, pem_before),
                PublishedState::Lower(precondition) => precondition,
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
            precondition = match self.compare_published(ca, &pem, &made.record, None).await? {
                PublishedState::NotLower(published) => return Ok(Some(published)),
                PublishedState::Ours(_) => break,
                PublishedState::Lower(precondition) => precondition,
            };
        }

        // The files are published; if the ledger does not record that, the next publication has to read them.
        if let Err(error) = self.ports().ledger.crls().mark_published(scope, number, etag).await {
            tracing::warn!(%error, file = %der, number, "the CRL is published, but the ledger could not note that");
        }
        Ok(None)
    }

    /// Compares a published file with the new CRL's number: by its version where that is known to be a lower one, else
    /// by reading it. A file that is not a CRL of this CA may be replaced.
    async fn compare_published(
        &self,
        ca: &Arc<Ca>,
        name: &PublishedName,
        ours: &CrlRecord,
        known: Option<ETag>,
    ) -> Result<PublishedState, PublishError> {
        let publication = &self.ports().publication;
        if let Some(known) = known {
            let current = publication.stat(name).await?;
            if current.is_none_or(|current| current.etag == known) {
                return Ok(PublishedState::Lower(Precondition::Match(known)));
            }
        }
        let Some(PublishedFile { stat, crl }) = self.read_published(ca, name).await? else {
            return Ok(PublishedState::Lower(Precondition::Absent));
        };
        let numbered = match crl {
            Some((_, other)) if other != *ca.name() => {
                return Err(PublishError::OfAnotherCa {
                    name: name.clone(),
                    ca: ca.name().clone(),
                    other,
                });
            }
            Some((crl, _)) => crl.number().map(|number| (crl, number)),
            None => None,
        };
        let Some((published, number)) = numbered else {
            if stat.len > publication.read_back() {
                return self.compare_long(ca, name, ours, stat).await;
            }
            tracing::warn!(file = %name, "the published file is no CRL of its CA, and is replaced");
            return Ok(PublishedState::Lower(matching(Some(stat))));
        };
        if number < ours.number {
            return Ok(PublishedState::Lower(matching(Some(stat))));
        }
        let digest = ours.digest;
        let is_ours = spool::off_thread(entries_in(published.as_der().len()), move || {
            Ok(has_digest(&published, &digest))
        });
        if is_ours.await? {
            Ok(PublishedState::Ours(stat.etag))
        } else {
            Ok(PublishedState::NotLower(number))
        }
    }

    /// The same for a file that is too long to be read back.
    async fn compare_long(
        &self,
        ca: &Ca,
        name: &PublishedName,
        ours: &CrlRecord,
        stat: Stat,
    ) -> Result<PublishedState, PublishError> {
        let long = self.read_through(ca, name, &stat).await?;
        let number = long.as_ref().and_then(|long| long.facts().number());
        match (long, number) {
            (Some(long), Some(number)) => Ok(compare(number, &long.sha256(), ours, stat)),
            // The DER file decides; the PEM file was changed by another process since that was checked.
            _ if name.as_str().rsplit('.').next() == Some("pem") => Err(PublishError::Contended {
                name: name.clone(),
                turns: 1,
            }),
            _ => {
                tracing::error!(file = %name, octets = stat.len, "the published file is no CRL of its CA, or too long even to be read through, and is replaced");
                Ok(PublishedState::Lower(matching(Some(stat))))
            }
        }
    }
}

fn compare(number: u64, sha256: &[u8], ours: &CrlRecord, stat: Stat) -> PublishedState {
    if number < ours.number {
        PublishedState::Lower(matching(Some(stat)))
    } else if sha256 == ours.digest {
        PublishedState::Ours(stat.etag)
    } else {
        PublishedState::NotLower(number)
    }
}

/// Describes a published CRL that is neither the newest one recorded as published nor a later one.
fn not_newest(crl: Option<&RevocationList>, newest: &CrlRecord) -> Option<String> {
    let Some(crl) = crl else {
        return Some("no CRL of this CA".to_owned());
    };
    let Some(number) = crl.number() else {
        return Some("a CRL without a number".to_owned());
    };
    match number.cmp(&newest.number) {
        Ordering::Greater => None,
        Ordering::Equal if has_digest(crl, &newest.digest) => None,
        Ordering::Equal | Ordering::Less => Some(format!("CRL number {number}")),
    }
}

fn matching(stat: Option<Stat>) -> Precondition {
    stat.map_or(Precondition::Absent, |stat| Precondition::Match(stat.etag))
}

fn has_digest(crl: &RevocationList, sha256: &[u8; 32]) -> bool {
    digest::digest(&digest::SHA256, crl.as_der()).as_ref() == sha256
}

/// Most entries in a file of that many octets: the shortest entry has a serial number of one octet, and only its date.
pub(super) fn entries_in(octets: usize) -> u64 {
    const SHORTEST: usize = 20;
    (octets / SHORTEST) as u64
}
