//! Requirements of RFC 5280 section 6.1 on a path that webpki does not check: webpki reduces a trust anchor to a name
//! and a key, and ignores keyUsage of the CAs below it.

use chancery_x509::certificate::{Certificate, KeyUsage, RawExtension};
use chancery_x509::time::UnixTime;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use webpki::VerifiedPath;

/// Extensions that may be critical in a root: those that webpki or [`refused`] handles, and those that do not restrict
/// a path.
const KNOWN: [ObjectIdentifier; 6] = [
    rfc5280::ID_CE_KEY_USAGE,
    rfc5280::ID_CE_SUBJECT_ALT_NAME,
    rfc5280::ID_CE_BASIC_CONSTRAINTS,
    rfc5280::ID_CE_NAME_CONSTRAINTS,
    rfc5280::ID_CE_CERTIFICATE_POLICIES,
    rfc5280::ID_CE_EXT_KEY_USAGE,
];

/// Why a path that webpki accepts is refused; `None` if it is not.
pub(super) fn refused(path: &VerifiedPath<'_>, root: &Certificate, now: UnixTime) -> Option<String> {
    if now < root.not_before() {
        return Some(format!("the root begins only at {}", root.not_before()));
    }
    if now > root.not_after() {
        return Some(format!("the root ended at {}", root.not_after()));
    }
    let unknown = |extension: &RawExtension<'_>| extension.critical && !KNOWN.contains(&extension.oid);
    if let Some(extension) = root.extensions().find(unknown) {
        return Some(format!(
            "the root has the critical extension {}, which is not known here",
            extension.oid
        ));
    }
    let mut below_root = 0_u8;
    for intermediate in path.intermediate_certificates() {
        let Ok(intermediate) = Certificate::parse(&intermediate.der()) else {
            return Some("a CA certificate in the chain cannot be read".to_owned());
        };
        let may_sign = |usage: KeyUsage| usage.contains(KeyUsage::KEY_CERT_SIGN);
        if !intermediate.key_usage().is_none_or(may_sign) {
            return Some("a CA in the chain may not sign certificates: its keyUsage lacks keyCertSign".to_owned());
        }
        if intermediate.subject() != intermediate.issuer() {
            below_root = below_root.saturating_add(1);
        }
    }
    let path_len = root.basic_constraints().and_then(|constraints| constraints.path_len);
    path_len
        .is_some_and(|most| below_root > most)
        .then(|| "the root's path length constraint does not allow this chain".to_owned())
}
