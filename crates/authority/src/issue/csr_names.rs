//! Which names a request may give to the key of a CSR.
//!
//! Having a CSR does not mean having its key: CSRs are kept in folders, buckets and tickets. An attacker who requests a
//! certificate for another's CSR under a different name cannot use it, but the ledger would reserve the key for that
//! name, and the owner would get no certificate any more. So the only names allowed are those that the CSR's owner
//! signed or that an operator's list contains, unless a profile allows others.

use chancery_x509::csr::CertificationRequest;
use chancery_x509::name::{Name, Subject};
use chancery_x509::san::{AltName, AltNameType};

use super::csr_file::{CsrFile, FoundCsr};
use super::requested_names::{ListedNames, RequestedNames};
use super::{IssueError, Refusal, budget, names};
use crate::profile::Profile;

/// Longest common name, in characters (RFC 5280 appendix A.1): no certificate has a longer one.
const COMMON_NAME: usize = 64;

/// The content of a CSR file, if a request for the names `asked` may use it. Every other caller gets the same answer,
/// whether the file is missing, damaged, or belongs to other names.
pub(super) fn of_file(asked: &ListedNames, file: &CsrFile) -> Result<CertificationRequest, IssueError> {
    let is_listed = is_nothing(asked) || file.listed.iter().any(|listed| within(asked, Some(listed), None));
    let found: Result<_, IssueError> = match &file.found {
        FoundCsr::Unread | FoundCsr::Missing { .. } => return Err(missing(file).into()),
        FoundCsr::TooLong { actual, limit, .. } => {
            let (actual, limit) = (*actual, *limit);
            Err(Refusal::CsrTooLong { actual, limit }.into())
        }
        FoundCsr::Unreadable { detail, .. } => Err(IssueError::Unavailable {
            detail: format!("the CSR file {} cannot be read: {detail}", file.name),
        }),
        FoundCsr::Content { octets, .. } => CertificationRequest::parse(octets, &budget::CSR_CONTENT)
            .map_err(|error| IssueError::from(Refusal::from(error))),
    };
    let reason = match found {
        Ok(csr) if is_listed || fits(asked, file, &csr) => return Ok(csr),
        Err(error) if is_listed => return Err(error),
        Ok(_) => {
            "the names asked for are neither the CSR's nor those of an entry of tls.json that names the file".to_owned()
        }
        Err(error) => error.detail().map_or_else(|| error.to_string(), str::to_owned),
    };
    tracing::warn!(file = %file.name, reason, "a CSR file is reported as missing: the caller may not use it");
    Err(missing(file).into())
}

fn missing(file: &CsrFile) -> Refusal {
    Refusal::CsrFileNotFound {
        name: file.name.clone(),
        place: file.found.place().to_owned(),
    }
}

/// Whether every requested name is in the CSR or in one and the same list entry.
fn fits(asked: &ListedNames, file: &CsrFile, csr: &CertificationRequest) -> bool {
    within(asked, None, Some(csr)) || file.listed.iter().any(|listed| within(asked, Some(listed), Some(csr)))
}

fn is_nothing(asked: &ListedNames) -> bool {
    *asked == ListedNames::default()
}

fn within(asked: &ListedNames, listed: Option<&ListedNames>, csr: Option<&CertificationRequest>) -> bool {
    let common_names: Vec<String> = csr.map(readable_common_names).unwrap_or_default();
    let nobody = ListedNames::default();
    let listed = listed.unwrap_or(&nobody);
    let common_name = &asked.subject.common_name;
    let known_common_name = common_name.is_none()
        || *common_name == listed.subject.common_name
        || common_name.as_ref().is_some_and(|name| common_names.contains(name));
    // Other subject fields do not identify an owner, and the former CA took them from the event.
    if !known_common_name {
        return false;
    }
    let RequestedNames::Listed(names) = &asked.alt_names else {
        return true;
    };
    let mut known = csr.map(alt_names).unwrap_or_default();
    if let RequestedNames::Listed(names) = &listed.alt_names {
        known.extend(names.iter().cloned());
    }
    let of_list = listed.subject.common_name.as_deref();
    known.extend(
        common_names
            .iter()
            .map(String::as_str)
            .chain(of_list)
            .flat_map(as_alt_names),
    );
    names.iter().all(|name| known.contains(name))
}

/// Refuses to record the key of a CSR that has names under a name that is not one of them: it is to be recorded under
/// `recorded`, in a certificate with that subject. A common name of the CSR that no certificate can have belongs to no
/// one, and may be replaced by one of its alternative names, where it has some. A CSR without names may be recorded
/// under any.
pub(super) fn check_recorded(
    csr: &CertificationRequest,
    profile: &Profile,
    subject: &Name,
    recorded: &str,
) -> Result<(), Refusal> {
    if profile.replaces_common_names() {
        return Ok(());
    }
    let common_names: Vec<String> = readable_common_names(csr)
        .into_iter()
        .filter(|name| !name.trim().is_empty() && name.chars().count() <= COMMON_NAME)
        .collect();
    let mut own = common_names.clone();
    // Alternative names count where the certificate has no common name, or the CSR has none.
    if common_names.is_empty() || subject.attributes().common_name.is_none() {
        let written = csr.requested_alt_names().unwrap_or_default();
        own.extend(written.iter().map(ToString::to_string));
        own.extend(alt_names(csr).iter().map(ToString::to_string));
        let as_alt_names = common_names.iter().flat_map(|name| as_alt_names(name));
        own.extend(as_alt_names.map(|name| name.to_string()));
    }
    let cut = |name: &str| name.chars().take(names::RECORDED_NAME).collect::<String>();
    let is_own = own.iter().any(|name| *name == recorded || cut(name) == recorded);
    let of_profile = profile.subject().common_name.as_deref() == Some(recorded);
    match own.first() {
        None => Ok(()),
        Some(_) if is_own || of_profile || nameless(csr, profile).is_some_and(|name| cut(&name) == recorded) => Ok(()),
        Some(first) => Err(Refusal::OtherCommonName {
            profile: profile.name().to_owned(),
            asked: recorded.to_owned(),
            own: first.clone(),
        }),
    }
}

/// The recorded name of a certificate without any names whose subject follows from the CSR and the profile.
fn nameless(csr: &CertificationRequest, profile: &Profile) -> Option<String> {
    let decided = names::subject((&Subject::default(), true), csr.subject(), profile, &mut Vec::new()).ok()?;
    Some(decided.name.to_rfc4514())
}

fn readable_common_names(csr: &CertificationRequest) -> Vec<String> {
    let names = csr.subject().common_names().flatten();
    names.map(std::borrow::Cow::into_owned).collect()
}

/// The alternative names that the CSR asks for, in canonical form; none if they cannot be read.
fn alt_names(csr: &CertificationRequest) -> Vec<AltName> {
    let names = csr.requested_alt_names().unwrap_or_default();
    let canonical = names
        .into_iter()
        .map(|name| AltName::parse(name.kind(), &name.to_string()));
    canonical.flatten().collect()
}

/// A common name as alternative names, of every type that it is valid for.
fn as_alt_names(common_name: &str) -> Vec<AltName> {
    [AltNameType::Dns, AltNameType::Ip, AltNameType::Email, AltNameType::Uri]
        .into_iter()
        .filter_map(|kind| AltName::parse(kind, common_name).ok())
        .collect()
}
