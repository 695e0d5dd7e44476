//! Custom extensions of a request: which ones the configuration's allowlist and the profile permit.

use chancery_x509::extension::CustomExtension;
use const_oid::ObjectIdentifier;

use super::Refusal;
use crate::config::Config;
use crate::profile::Profile;

/// Checks each extension: the allowlist, the profile, and that there is one of each OID.
pub(super) fn check(requested: &[CustomExtension], profile: &Profile, config: &Config) -> Result<(), Refusal> {
    for (index, extension) in requested.iter().enumerate() {
        check_one(extension.oid(), extension.critical(), profile, config)?;
        if requested[..index].iter().any(|before| before.oid() == extension.oid()) {
            return Err(Refusal::DuplicateExtension {
                oid: extension.oid().to_string(),
            });
        }
    }
    Ok(())
}

/// Whether the custom extensions of a certificate to be renewed are still allowed.
pub(super) fn check_again(extensions: &[CustomExtension], profile: &Profile, config: &Config) -> Result<(), Refusal> {
    extensions
        .iter()
        .try_for_each(|extension| check_one(extension.oid(), extension.critical(), profile, config))
}

/// Checks one extension.
pub(super) fn check_one(
    oid: ObjectIdentifier,
    critical: bool,
    profile: &Profile,
    config: &Config,
) -> Result<(), Refusal> {
    let profile_name = || profile.name().to_owned();
    if !config.custom_extension_allowlist().contains(&oid) {
        return Err(Refusal::ExtensionNotAllowlisted { oid: oid.to_string() });
    }
    if !profile.allows_custom_extensions() {
        return Err(Refusal::ExtensionsNotAllowed {
            profile: profile_name(),
        });
    }
    if critical && !profile.allows_critical_custom_extensions() {
        return Err(Refusal::CriticalExtension {
            profile: profile_name(),
            oid: oid.to_string(),
        });
    }
    Ok(())
}
