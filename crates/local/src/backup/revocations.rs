//! Revocations that were made after a backup was taken: only the published CRLs have them.

use std::collections::HashSet;

use chancery_authority::CaName;
use chancery_authority::config::Config;
use chancery_authority::port::ledger::{CaRecord, CrlScope, CrlUse, Ledger};
use chancery_x509::certificate::{Certificate, Issuer};
use chancery_x509::crl::{RevocationList, RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{BackupError, Roots};
use crate::ledger::SqliteLedger;
use crate::ledger::restored::Listed;

/// A CRL given to a restore.
#[derive(Clone, Debug)]
pub struct GivenCrl {
    /// Its file name, for messages.
    pub name: String,
    /// The CRL.
    pub list: RevocationList,
}

/// What was taken over from one CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenCrl {
    /// Its file name, for messages.
    pub name: String,
    /// The CA that issued it.
    pub issuer: CaName,
    /// The shard that it covers.
    pub shard: Option<u16>,
    /// Its number.
    pub number: u64,
    /// Its thisUpdate.
    pub this_update: UnixTime,
    /// Serial numbers in it.
    pub entries: u64,
    /// Serial numbers that were not revoked in the backup.
    pub new: u64,
    /// Serial numbers of compromised keys that the backup does not know: each key is blocked once its certificate is
    /// presented.
    pub unknown_keys: Vec<Serial>,
}

/// A CA of the ledger.
pub(super) struct KnownCa {
    pub(super) record: CaRecord,
    pub(super) issuer: Issuer,
}

/// The CAs of a ledger; each must chain to one of the roots, where roots are given.
pub(super) fn cas(ledger: &SqliteLedger, roots: Option<&Roots>) -> Result<Vec<KnownCa>, BackupError> {
    let records = crate::block_on(ledger.issuers().list())?;
    let foreign = |ca_name: &CaName, detail: String| BackupError::ForeignCa {
        ca_name: ca_name.clone(),
        detail,
    };
    let mut cas = Vec::with_capacity(records.len());
    for record in records {
        let certificate =
            Certificate::parse(&record.certificate).map_err(|error| foreign(&record.ca_name, error.to_string()))?;
        let issuer = Issuer::new(certificate).map_err(|error| foreign(&record.ca_name, error.to_string()))?;
        cas.push(KnownCa { record, issuer });
    }
    if let Some(roots) = roots {
        for ca in &cas {
            roots
                .of(&chain(&cas, ca))
                .map_err(|detail| foreign(&ca.record.ca_name, detail))?;
        }
    }
    Ok(cas)
}

/// The certificates of a CA and the CAs above it: its own first, the root's last.
fn chain(cas: &[KnownCa], of: &KnownCa) -> Vec<Certificate> {
    let line = line(cas, of).into_iter();
    line.map(|ca| ca.issuer.certificate().clone()).collect()
}

/// A CA and the CAs above it: itself first, the root last. A cycle of parents ends after as many as there are CAs.
fn line<'a>(cas: &'a [KnownCa], of: &'a KnownCa) -> Vec<&'a KnownCa> {
    let mut line = vec![of];
    let mut next = of.record.parent.as_ref();
    while let Some(parent) = cas.iter().find(|ca| Some(&ca.record.ca_name) == next) {
        if line.len() == cas.len() {
            break;
        }
        line.push(parent);
        next = parent.record.parent.as_ref();
    }
    line
}

/// A CRL whose CA and scope are known.
pub(super) struct Matched<'a> {
    given: &'a GivenCrl,
    ca: &'a KnownCa,
    shard: Option<u16>,
    number: u64,
}

/// What decides which CRLs can still be obtained.
pub(super) struct Published {
    /// The scopes of the configuration; `None` where that cannot be read, and every scope counts as configured.
    pub(super) configured: Option<HashSet<CrlScope>>,
    /// When the backup was taken.
    pub(super) taken_at: UnixTime,
    /// The time of the restore.
    pub(super) now: UnixTime,
}

impl Published {
    /// Whether the scope may cover certificates that are valid now, or that were issued since. The CRL of an expired
    /// CA, or of a shard that no configuration and no valid certificate names, is no longer published, and not needed.
    fn has(&self, scope: &CrlScope, ca_end: UnixTime, uses: &[CrlUse], seen: UnixTime) -> bool {
        let is_configured = self
            .configured
            .as_ref()
            .is_none_or(|configured| configured.contains(scope));
        let mut uses = uses.iter().filter(|used| used.scope == *scope);
        ca_end >= seen && (scope.shard.is_none() || is_configured || uses.any(|used| used.until >= seen))
    }
}

/// Matches CRLs with their CAs; each must be of a CA of the backup.
pub(super) fn read<'a>(cas: &'a [KnownCa], crls: &'a [GivenCrl]) -> Result<Vec<Matched<'a>>, BackupError> {
    crls.iter().map(|given| matched(cas, given)).collect()
}

/// Refuses a signature under a CA that the CRLs list as revoked. For each CA below the root an issuer's CRL that would
/// list it must be given: the backup's own record of what was published is not trusted here.
pub(super) fn refuse_revoked(
    cas: &[KnownCa],
    crls: &[Matched<'_>],
    signer: &KnownCa,
    taken_at: UnixTime,
) -> Result<(), BackupError> {
    for pair in line(cas, signer).windows(2) {
        let (ca, parent) = (pair[0].issuer.certificate(), &pair[1].record.ca_name);
        // By key, not by name: records of the backup may name a CA twice.
        let mut of_issuer = crls.iter().filter(|crl| {
            let issuer = &crl.ca.issuer;
            ca.issuer() == issuer.certificate().subject() && ca.is_signed_by(issuer.public_key())
        });
        let full = of_issuer.clone().any(|crl| crl.shard.is_none());
        let listed = of_issuer.find_map(|crl| match crl.given.list.find(&ca.serial()) {
            Ok(None) => None,
            Ok(Some(entry)) => Some(Ok((crl, entry))),
            Err(error) => Some(Err(BackupError::CrlUnusable {
                file: crl.given.name.clone(),
                detail: error.to_string(),
            })),
        });
        let Some(listed) = listed else {
            if full {
                continue;
            }
            let name = Config::crl_name(&CrlScope {
                issuer: parent.clone(),
                shard: None,
            });
            return Err(BackupError::CrlMissing { name: name.to_string() });
        };
        let (crl, entry) = listed?;
        if !is_trusted_until(&entry, taken_at) {
            return Err(BackupError::RevokedSigner {
                subject: ca.subject().to_rfc4514(),
                file: crl.given.name.clone(),
                reason: entry.reason.name(),
            });
        }
    }
    Ok(())
}

/// Seconds by which a CRL may antedate an entry: no entry is later than its thisUpdate, which lies up to this long
/// before the CRL is made.
const DATED_BACK: i64 = 300;

/// Whether a revocation leaves signatures made at that time valid: with these reasons the key was always its owner's,
/// so that the time given under its signature is right.
fn is_trusted_until(entry: &RevokedEntry, signed_at: UnixTime) -> bool {
    match entry.reason {
        RevocationReason::AffiliationChanged
        | RevocationReason::Superseded
        | RevocationReason::CessationOfOperation => {
            signed_at < entry.revoked_at.plus_seconds(DATED_BACK)
                && entry.invalidity_date.is_none_or(|date| signed_at < date)
        }
        // Every other reason may mean that others have the key.
        _ => false,
    }
}

/// Enters every serial number of the CRLs into the ledger. A CRL must be given for every scope for which the ledger has
/// signed CRLs and one can still be obtained, and none may be older than the newest that the ledger knows to be
/// published.
pub(super) fn take_over(
    ledger: &SqliteLedger,
    cas: &[KnownCa],
    matched: Vec<Matched<'_>>,
    published: &Published,
) -> Result<Vec<TakenCrl>, BackupError> {
    let uses = crate::block_on(ledger.crls().uses())?;
    // A clock that is ahead must not make anything count as expired: the backup and the CRLs show the time, too.
    let newest = matched.iter().map(|crl| crl.given.list.this_update()).max();
    let seen = newest.map_or(published.taken_at, |newest| newest.max(published.taken_at));
    let seen = seen.min(published.now);
    for ca in cas {
        for scope in crate::block_on(ledger.signed_scopes(&ca.record.ca_name))? {
            let of = CrlScope {
                issuer: ca.record.ca_name.clone(),
                shard: scope.shard,
            };
            let newest = matched
                .iter()
                .filter(|crl| crl.ca.record.ca_name == ca.record.ca_name && crl.shard == scope.shard)
                .max_by_key(|crl| crl.number);
            let Some(newest) = newest else {
                if published.has(&of, ca.issuer.certificate().not_after(), &uses, seen) {
                    let name = Config::crl_name(&of).to_string();
                    return Err(BackupError::CrlMissing { name });
                }
                continue;
            };
            if let Some(published) = scope.published.filter(|&number| newest.number < number) {
                return Err(BackupError::CrlTooOld {
                    file: newest.given.name.clone(),
                    number: newest.number,
                    published,
                });
            }
        }
    }
    let mut taken = Vec::with_capacity(matched.len());
    for crl in matched {
        let unusable = |detail: String| BackupError::CrlUnusable {
            file: crl.given.name.clone(),
            detail,
        };
        let entries = crl.given.list.entries().collect::<Result<Vec<RevokedEntry>, _>>();
        let entries = entries.map_err(|error| unusable(error.to_string()))?;
        let count = entries.len() as u64;
        let listed = Listed {
            issuer: crl.ca.record.ca_name.clone(),
            shard: crl.shard,
            entries,
            ca_end: crl.ca.issuer.certificate().not_after(),
        };
        let outcome = crate::block_on(ledger.take_over(listed, published.now))?;
        taken.push(TakenCrl {
            name: crl.given.name.clone(),
            issuer: crl.ca.record.ca_name.clone(),
            shard: crl.shard,
            number: crl.number,
            this_update: crl.given.list.this_update(),
            entries: count,
            new: outcome.new,
            unknown_keys: outcome.unknown_keys,
        });
    }
    Ok(taken)
}

/// The CA that issued a CRL, and the part of its certificates that it covers.
fn matched<'a>(cas: &'a [KnownCa], given: &'a GivenCrl) -> Result<Matched<'a>, BackupError> {
    let list = &given.list;
    let unusable = |detail: &str| BackupError::CrlUnusable {
        file: given.name.clone(),
        detail: detail.to_owned(),
    };
    let ca = cas
        .iter()
        .find(|ca| ca.issuer.certificate().subject() == list.issuer() && list.is_signed_by(ca.issuer.public_key()))
        .ok_or_else(|| unusable("no CA of the backup signed it"))?;
    if list.is_delta() {
        return Err(unusable("it is a delta CRL; give the complete one"));
    }
    if !list.unknown_critical_extensions().is_empty() {
        return Err(unusable("it has a critical extension that is not known here"));
    }
    let number = list.number().ok_or_else(|| unusable("it has no CRL number"))?;
    let shard = match list.issuing_distribution_point() {
        None => None,
        Some(point) if point.indirect || point.only_some_reasons || point.only_attribute_certificates => {
            return Err(unusable(
                "it does not cover a part of the CA's certificates for all reasons",
            ));
        }
        Some(_) => {
            let url = list.distribution_point().unwrap_or_default();
            shard_of(&ca.record.ca_name, url).ok_or_else(|| unusable("its distribution point is none of this CA's"))?
        }
    };
    Ok(Matched {
        given,
        ca,
        shard,
        number,
    })
}

/// The shard in a CRL's URL: the last path segment is the file name, wherever it is served.
#[expect(
    clippy::option_option,
    reason = "outside: whether the CA has such a CRL; inside: whether it is a shard"
)]
fn shard_of(issuer: &CaName, url: &str) -> Option<Option<u16>> {
    let file = url.rsplit('/').next()?.strip_suffix(".crl")?;
    let rest = file.strip_prefix(issuer.as_str())?;
    if rest.is_empty() {
        return Some(None);
    }
    rest.strip_prefix('-')?.parse().ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_known_by_the_name_of_its_file() {
        let ca_name = CaName::new("chancery-issuing-ca").unwrap();
        for (url, shard) in [
            ("http://pki.example.com/chancery-issuing-ca.crl", Some(None)),
            ("http://other.example/crl/chancery-issuing-ca-12.crl", Some(Some(12))),
            ("http://pki.example.com/chancery-issuing-ca-x.crl", None),
            ("http://pki.example.com/another.crl", None),
            ("", None),
        ] {
            assert_eq!(shard_of(&ca_name, url), shard, "{url}");
        }
    }
}
