//! Custom extensions of a request: which ones the configuration's allowlist and the profile permit.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_x509::extension::{CustomExtension, ExtensionError, RESERVED};
use const_oid::ObjectIdentifier;

use super::Refusal;
use crate::config::Config;
use crate::profile::Profile;
use crate::wire::RequestedExtension;

/// Checks each extension in the contract's order: reserved OID, allowlist, duplicate, base64, DER.
pub(super) fn check(
    requested: &[RequestedExtension],
    profile: &Profile,
    config: &Config,
) -> Result<Vec<CustomExtension>, Refusal> {
    let mut seen: Vec<ObjectIdentifier> = Vec::with_capacity(requested.len());
    let mut checked = Vec::with_capacity(requested.len());
    for extension in requested {
        let given = || extension.oid.clone();
        let oid = ObjectIdentifier::new(&extension.oid).map_err(|_| ExtensionError::InvalidOid {
            oid: shortened(&given()),
        })?;
        if RESERVED.contains(&oid) {
            return Err(ExtensionError::Reserved { oid: given() }.into());
        }
        allowed(oid, extension.critical, profile, config)?;
        if seen.contains(&oid) {
            return Err(Refusal::DuplicateExtension { oid: given() });
        }
        seen.push(oid);
        let value = STANDARD
            .decode(&extension.value_b64)
            .map_err(|_| Refusal::ExtensionBase64 { oid: given() })?;
        checked.push(CustomExtension::new(&extension.oid, extension.critical, value)?);
    }
    Ok(checked)
}

/// Whether the custom extensions of a certificate to be renewed are still allowed.
pub(super) fn check_again(extensions: &[CustomExtension], profile: &Profile, config: &Config) -> Result<(), Refusal> {
    extensions
        .iter()
        .try_for_each(|extension| allowed(extension.oid(), extension.critical(), profile, config))
}

fn allowed(oid: ObjectIdentifier, critical: bool, profile: &Profile, config: &Config) -> Result<(), Refusal> {
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

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
