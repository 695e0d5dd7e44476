//! One CA of the hierarchy, validated.

use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::template::NameConstraints;
use chancery_x509::name::Name;
use chancery_x509::serial::Serial;

use crate::ca_name::CaName;
use crate::port::KeyName;
use crate::port::ledger::CrlScope;

/// A CA as configured; whether it already exists is recorded in the ledger.
#[derive(Clone, Debug)]
pub struct CaConfig {
    pub(super) short_name: String,
    pub(super) ca_name: CaName,
    pub(super) parent: Option<CaName>,
    pub(super) key: KeyName,
    pub(super) algorithm: CaKeyAlgorithm,
    pub(super) subject: Name,
    pub(super) lifetime_days: u32,
    pub(super) path_len: Option<u8>,
    pub(super) name_constraints: Option<NameConstraints>,
    pub(super) crl: CrlConfig,
}

/// How a CA's CRLs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlConfig {
    pub(super) lifetime_seconds: i64,
    pub(super) interval_hours: u32,
    pub(super) shards: u16,
    pub(super) publish_on_revocation: bool,
}

impl CaConfig {
    /// The short name: `issuing-ca`.
    pub fn short_name(&self) -> &str {
        &self.short_name
    }

    /// The name: `chancery-issuing-ca`.
    pub fn name(&self) -> &CaName {
        &self.ca_name
    }

    /// The CA above; `None` for a root.
    pub fn parent(&self) -> Option<&CaName> {
        self.parent.as_ref()
    }

    /// Its key's name in the key store. An existing key of that name is used; otherwise one is created.
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// Its key's algorithm.
    pub fn algorithm(&self) -> CaKeyAlgorithm {
        self.algorithm
    }

    /// Its certificate's subject.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The lifetime of its certificate, in days.
    pub fn lifetime_days(&self) -> u32 {
        self.lifetime_days
    }

    /// pathLenConstraint of its certificate.
    pub fn path_len(&self) -> Option<u8> {
        self.path_len
    }

    /// nameConstraints of its certificate.
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        self.name_constraints.as_ref()
    }

    /// How its CRLs are made.
    pub fn crl(&self) -> CrlConfig {
        self.crl
    }

    /// The shard for a certificate of that serial, chosen at issuance and written into its distribution point; `None`
    /// where the CA has one full CRL. Serials are random, so their lowest octets are evenly distributed.
    pub fn shard_of(&self, serial: Serial) -> Option<u16> {
        if self.crl.shards == 0 {
            return None;
        }
        let octets = serial.as_padded();
        let low = u32::from_be_bytes([octets[16], octets[17], octets[18], octets[19]]);
        u16::try_from(low % u32::from(self.crl.shards)).ok()
    }

    /// The CRLs that this CA publishes. A sharded CA keeps the scope of its full CRL too, for certificates issued
    /// before it was sharded and for CA certificates.
    pub fn crl_scopes(&self) -> Vec<CrlScope> {
        let shards = (0..self.crl.shards).map(Some);
        std::iter::once(None)
            .chain(shards)
            .map(|shard| CrlScope {
                issuer: self.ca_name.clone(),
                shard,
            })
            .collect()
    }
}

impl CrlConfig {
    /// Seconds from thisUpdate to nextUpdate; at least twice the interval.
    pub fn lifetime_seconds(self) -> i64 {
        self.lifetime_seconds
    }

    /// Seconds between two CRLs.
    pub fn interval_seconds(self) -> i64 {
        i64::from(self.interval_hours) * 3600
    }

    /// Number of shards; 0: one full CRL.
    pub fn shards(self) -> u16 {
        self.shards
    }

    /// Whether a revocation publishes a CRL at once.
    pub fn publish_on_revocation(self) -> bool {
        self.publish_on_revocation
    }
}
