//! Revocations that were made after a backup was taken: they stand on the published CRLs, and nowhere else.

use chancery_authority::Slug;
use chancery_authority::config::Config;
use chancery_authority::port::ledger::{AuthorityRecord, CrlScope, Ledger};
use chancery_x509::certificate::{Certificate, Issuer};
use chancery_x509::crl::{RevocationList, RevokedEntry};
use chancery_x509::time::UnixTime;

use super::{BackupError, Roots};
use crate::ledger::SqliteLedger;
use crate::ledger::restored::Listed;

/// A CRL that a restore is given.
#[derive(Clone, Debug)]
pub struct GivenCrl {
    /// What people know it by: its file.
    pub name: String,
    /// The CRL.
    pub list: RevocationList,
}

/// What was taken over from one CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenCrl {
    /// What people know it by: its file.
    pub name: String,
    /// Whose it is.
    pub issuer: Slug,
    /// The shard that it covers.
    pub shard: Option<u16>,
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub this_update: UnixTime,
    /// Serial numbers in it.
    pub entries: u64,
    /// Those of them that the backup did not know to be revoked.
    pub new: u64,
}

/// A CA of the ledger.
pub(super) struct KnownCa {
    pub(super) record: AuthorityRecord,
    pub(super) issuer: Issuer,
}

/// The CAs of a ledger, each below one of the roots where there are any to hold it against.
pub(super) fn cas(ledger: &SqliteLedger, roots: Option<&Roots>) -> Result<Vec<KnownCa>, BackupError> {
    let records = crate::wait(ledger.authorities())?;
    let foreign = |slug: &Slug, detail: String| BackupError::ForeignCa {
        slug: slug.clone(),
        detail,
    };
    let mut cas = Vec::with_capacity(records.len());
    for record in records {
        let certificate =
            Certificate::parse(&record.certificate).map_err(|error| foreign(&record.slug, error.to_string()))?;
        let issuer = Issuer::new(certificate).map_err(|error| foreign(&record.slug, error.to_string()))?;
        cas.push(KnownCa { record, issuer });
    }
    if let Some(roots) = roots {
        for ca in &cas {
            roots
                .of(&chain(&cas, ca))
                .map_err(|detail| foreign(&ca.record.slug, detail))?;
        }
    }
    Ok(cas)
}

/// Its own certificate first, the root's last. A circle of parents ends after as many as there are CAs.
fn chain(cas: &[KnownCa], of: &KnownCa) -> Vec<Certificate> {
    let mut chain = vec![of.issuer.certificate().clone()];
    let mut next = of.record.parent.as_ref();
    while let Some(parent) = cas.iter().find(|ca| Some(&ca.record.slug) == next) {
        if chain.len() == cas.len() {
            break;
        }
        chain.push(parent.issuer.certificate().clone());
        next = parent.record.parent.as_ref();
    }
    chain
}

/// A CRL whose CA and scope are known.
struct Matched<'a> {
    given: &'a GivenCrl,
    ca: &'a KnownCa,
    shard: Option<u16>,
    number: u64,
}

/// Enters every serial number of the CRLs into the ledger. Of every scope that the ledger has signed CRLs of, one must be given,
/// and none that is older than what the ledger itself knows to be published.
pub(super) fn take_over(
    ledger: &SqliteLedger,
    cas: &[KnownCa],
    crls: &[GivenCrl],
    now: UnixTime,
) -> Result<Vec<TakenCrl>, BackupError> {
    let matched = crls
        .iter()
        .map(|given| matched(cas, given))
        .collect::<Result<Vec<_>, _>>()?;
    for ca in cas {
        for scope in crate::wait(ledger.signed_scopes(&ca.record.slug))? {
            let name = Config::crl_name(&CrlScope {
                issuer: ca.record.slug.clone(),
                shard: scope.shard,
            });
            let newest = matched
                .iter()
                .filter(|crl| crl.ca.record.slug == ca.record.slug && crl.shard == scope.shard)
                .max_by_key(|crl| crl.number);
            let newest = newest.ok_or_else(|| BackupError::CrlMissing { name: name.to_string() })?;
            if let Some(published) = scope.published.filter(|&published| newest.number < published) {
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
            issuer: crl.ca.record.slug.clone(),
            shard: crl.shard,
            entries,
            ca_end: crl.ca.issuer.certificate().not_after(),
        };
        taken.push(TakenCrl {
            name: crl.given.name.clone(),
            issuer: crl.ca.record.slug.clone(),
            shard: crl.shard,
            number: crl.number,
            this_update: crl.given.list.this_update(),
            entries: count,
            new: crate::wait(ledger.take_over(listed, now))?,
        });
    }
    Ok(taken)
}

/// Whose CRL it is, and which part of its certificates it covers.
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
            shard_of(&ca.record.slug, url).ok_or_else(|| unusable("its distribution point is none of this CA's"))?
        }
    };
    Ok(Matched {
        given,
        ca,
        shard,
        number,
    })
}

/// The shard that a CRL's URL names: its last part is the file's name, wherever it is served.
#[expect(
    clippy::option_option,
    reason = "outside: whether the CA has such a CRL; inside: whether it is a shard"
)]
fn shard_of(issuer: &Slug, url: &str) -> Option<Option<u16>> {
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
        let slug = Slug::new("chancery-issuing-ca").unwrap();
        for (url, shard) in [
            ("http://pki.example.com/chancery-issuing-ca.crl", Some(None)),
            ("http://other.example/crl/chancery-issuing-ca-12.crl", Some(Some(12))),
            ("http://pki.example.com/chancery-issuing-ca-x.crl", None),
            ("http://pki.example.com/another.crl", None),
            ("", None),
        ] {
            assert_eq!(shard_of(&slug, url), shard, "{url}");
        }
    }
}
