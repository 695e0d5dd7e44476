//! Extended key usages of a certificate.

use const_oid::ObjectIdentifier;

use super::{Refusal, Request};
use crate::profile::Profile;

/// The profile's own, then those of the requested purposes (or the profile's default where there are none), then the
/// requested extended key usages; without duplicates, each allowed by the profile.
pub(super) fn extended_key_usages(request: &Request, profile: &Profile) -> Result<Vec<ObjectIdentifier>, Refusal> {
    let mut usages = profile.extended_key_usages().to_vec();
    let mut add = |usage: ObjectIdentifier| {
        if !usages.contains(&usage) {
            usages.push(usage);
        }
    };
    if request.purposes.is_empty() {
        profile.default_extended_key_usages().iter().copied().for_each(&mut add);
    }
    request.purposes.iter().map(|purpose| purpose.oid()).for_each(&mut add);
    request.extended_key_usages.iter().copied().for_each(&mut add);
    check(&usages, profile)?;
    Ok(usages)
}

/// Those of a certificate to be renewed, and those that its profile has added to every certificate since.
pub(super) fn again(old: &[ObjectIdentifier], profile: &Profile) -> Result<Vec<ObjectIdentifier>, Refusal> {
    let mut usages = old.to_vec();
    let forced = profile.extended_key_usages().iter();
    usages.extend(forced.filter(|usage| !old.contains(usage)));
    check(&usages, profile)?;
    Ok(usages)
}

/// Checks each usage against the profile.
pub(super) fn check(usages: &[ObjectIdentifier], profile: &Profile) -> Result<(), Refusal> {
    match usages.iter().find(|usage| !profile.allows_extended_key_usage(usage)) {
        None => Ok(()),
        Some(usage) => Err(Refusal::UsageNotAllowed {
            profile: profile.name().to_owned(),
            usage: usage.to_string(),
        }),
    }
}
