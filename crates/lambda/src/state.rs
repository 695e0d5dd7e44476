//! What the functions of an authority share: the authority, its files and rows, and caches across invocations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use chancery_authority::authority::Ca;
use chancery_authority::port::{KeyName, LedgerError, Ports};
use chancery_authority::principal::attribute;
use chancery_authority::{Authority, CaName, Principal};
use chancery_deployment::settings::{AuthoritySettings, CaRole};
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;
use tokio::sync::Mutex;

use crate::failure::Failure;
use crate::files::Files;
use crate::function::Function;
use crate::metrics::{MeasuredKeyStore, Metrics};
use crate::rows::Rows;
use crate::tls_json::TlsJson;

/// Seconds for which the CAs' certificates are cached.
const CAS_KEPT: i64 = 600;

/// What a function needs from its surroundings.
#[derive(Clone)]
pub struct Dependencies {
    /// The settings from the environment.
    pub settings: AuthoritySettings,
    /// The authority's ports.
    pub ports: Ports,
    /// Operators' files, in the internal bucket.
    pub files: Arc<dyn Files>,
    /// Finds certificates by common name.
    pub rows: Arc<dyn Rows>,
    /// Receives each CA's public key.
    pub key_check: Arc<dyn KeyCheck>,
    /// Collects metrics.
    pub metrics: Metrics,
}

/// Receives the public key of each CA's certificate, so that a key store signs with no other key.
pub trait KeyCheck: Send + Sync {
    /// Signatures with the key of that name must verify with that public key.
    fn expect(&self, key: &KeyName, public_key: &CaPublicKey);
}

/// Ignores the keys: every signature is verified with the CA's certificate anyway, after it is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeyCheck;

impl KeyCheck for NoKeyCheck {
    fn expect(&self, _key: &KeyName, _public_key: &CaPublicKey) {}
}

/// One invocation, as the Lambda runtime describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The request id: the same in each of the runtime's own retries.
    pub request_id: String,
    /// The ARN by which the function was invoked, with a version or alias if the caller gave one.
    pub function_arn: String,
    /// The time by which every call must be done; `None`: not known.
    pub until: Option<Instant>,
}

/// The id of the invocation that the process works on; it works on one at a time. Every attempt to sign is recorded with it.
#[derive(Debug, Default)]
pub(crate) struct CurrentInvocation(std::sync::Mutex<Option<String>>);

impl CurrentInvocation {
    pub(crate) fn set(&self, request_id: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(request_id.to_owned());
    }
}

impl chancery_authority::port::Invocation for CurrentInvocation {
    fn request_id(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An open authority, and what its function needs beside it.
pub struct FunctionState {
    /// The authority, with the CAs that exist.
    pub authority: Authority,
    /// The settings from the environment.
    pub settings: AuthoritySettings,
    /// Operators' files, in the internal bucket.
    pub files: Arc<dyn Files>,
    /// Finds certificates by common name.
    pub rows: Arc<dyn Rows>,
    /// Collects metrics.
    pub metrics: Metrics,
    /// The cached `tls.json`.
    pub tls_json: TlsJson,
    key_check: Arc<dyn KeyCheck>,
    /// When the CAs were read last.
    looked_up: Mutex<UnixTime>,
    /// Number of refused intents that are in the metrics already.
    refused: AtomicU64,
    publishes_crls: bool,
}

impl FunctionState {
    /// Opens the authority: reads the CAs that exist. `tls_cert` also prepares to authenticate intents.
    pub async fn open(dependencies: Dependencies, function: Function) -> Result<Self, Failure> {
        let Dependencies {
            settings,
            mut ports,
            files,
            rows,
            key_check,
            metrics,
        } = dependencies;
        ports.keys = Arc::new(MeasuredKeyStore::new(ports.keys.clone(), metrics.clone()));
        let looked_up = Mutex::new(ports.clock.now());
        let (config, profiles) = (settings.config()?, settings.profiles());
        let authority = Authority::open(ports, config, profiles).await?;
        if function == Function::TlsCert
            && let Err(error) = authority.make_ready_to_issue().await
        {
            tracing::error!(%error, "nothing can be issued until intents can be authenticated");
        }
        let state = Self {
            authority,
            settings,
            files,
            rows,
            metrics,
            tls_json: TlsJson::default(),
            key_check,
            looked_up,
            refused: AtomicU64::new(0),
            publishes_crls: matches!(function, Function::RootCaCrl | Function::IssuingCaCrl),
        };
        state.expect_keys();
        Ok(state)
    }

    /// The names of the configured CAs of a role, the contract's first.
    pub fn configured(&self, role: CaRole) -> Vec<CaName> {
        let configured = role.configured(self.authority.config());
        configured.map(|ca| ca.name().clone()).collect()
    }

    /// One CA. The CAs are read again if this one is not known or the cache is old: another function may have created or
    /// replaced it.
    ///
    /// Its certificate and those above it are checked against their keys; the check fails if one was replaced.
    pub async fn ca(&self, ca_name: &CaName) -> Result<Option<Arc<Ca>>, Failure> {
        let ca = self.look_up(|authority| authority.ca(ca_name)).await?;
        self.believed(ca).await
    }

    /// The same for the CA that issues where a profile names no other, by the ledger.
    pub async fn issuing_ca(&self) -> Result<Option<Arc<Ca>>, Failure> {
        let ca = self.look_up(Authority::issuing_ca).await?;
        self.believed(ca).await
    }

    /// Reads the CAs again if one of a role is configured and not known.
    pub async fn know_all(&self, role: CaRole) -> Result<(), LedgerError> {
        for ca_name in self.configured(role) {
            self.look_up(|authority| authority.ca(&ca_name)).await?;
        }
        Ok(())
    }

    async fn believed(&self, ca: Option<Arc<Ca>>) -> Result<Option<Arc<Ca>>, Failure> {
        if let Some(ca) = &ca {
            match self.authority.believe(ca).await {
                // A CRL is published with what is known, and verified with the CA's certificate.
                Err(error) if !error.is_refuted() && self.publishes_crls => {
                    tracing::error!(%error, "a CA's certificate could not be compared with its key");
                }
                outcome => outcome?,
            }
        }
        Ok(ca)
    }

    async fn look_up(&self, find: impl Fn(&Authority) -> Option<Arc<Ca>>) -> Result<Option<Arc<Ca>>, LedgerError> {
        let now = self.authority.ports().clock.now();
        let mut looked_up = self.looked_up.lock().await;
        let known = find(&self.authority);
        let stale = now.0.saturating_sub(looked_up.0) >= CAS_KEPT;
        if known.is_some() && !stale {
            return Ok(known);
        }
        match self.authority.reload().await {
            Ok(()) => {
                *looked_up = now;
                self.expect_keys();
            }
            // The cached CAs are most probably still right.
            Err(error) if known.is_some() => tracing::warn!(%error, "the CAs could not be looked up again"),
            Err(error) => return Err(error),
        }
        Ok(find(&self.authority))
    }

    /// Counts, in the metrics, the refused intents since the last call: found in the ledger and not signed.
    pub fn count_refused_intents(&self) {
        let all = self.authority.refused_intents();
        let before = self.refused.swap(all, Ordering::Relaxed);
        match all.saturating_sub(before) {
            0 => {}
            count => self.metrics.intents_refused(count),
        }
    }

    fn expect_keys(&self) {
        for ca in self.authority.cas().iter() {
            self.key_check.expect(&ca.record.key, ca.issuer.public_key());
        }
    }

    /// Makes the next use read the CAs again: after an error that a replaced CA would explain.
    pub async fn reload_cas_next_time(&self) {
        *self.looked_up.lock().await = UnixTime(i64::MIN);
    }
}

/// The alias of the state machine, as Terraform creates it (`terraform/functions.tf`).
const STATE_MACHINE: &str = "state-machine";

impl Invocation {
    /// The caller, as far as a function knows it: any principal that may invoke it by that name and alias.
    pub fn principal(&self) -> Principal {
        // arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
        let name = self.function_arn.splitn(7, ':').nth(6).unwrap_or(&self.function_arn);
        let mut parts = self.function_arn.splitn(8, ':');
        let account = parts.nth(4).unwrap_or_default();
        Principal::function(name.chars().take(200).collect::<String>())
            .with(attribute::ACCOUNT, account)
            .with(attribute::FUNCTION_NAME, parts.nth(1).unwrap_or_default())
            .with(attribute::FUNCTION_ALIAS, parts.next().unwrap_or_default())
    }

    /// Whether the caller is the state machine: no other role may use its alias. The state machine only distinguishes
    /// answers from failures.
    pub fn is_of_state_machine(&self) -> bool {
        self.function_arn.splitn(8, ':').nth(7) == Some(STATE_MACHINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_functions_with_their_alias() {
        let principal = |function_arn: &str| {
            let invocation = Invocation {
                function_arn: function_arn.to_owned(),
                ..Invocation::default()
            };
            invocation.principal().to_string()
        };
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:p-tls-cert-dev";
        assert_eq!(principal(arn), "function:p-tls-cert-dev");
        assert_eq!(principal(&format!("{arn}:web")), "function:p-tls-cert-dev:web");
        assert_eq!(principal("local"), "function:local");
        let invoked = Invocation {
            function_arn: format!("{arn}:web"),
            ..Invocation::default()
        };
        let invoked = invoked.principal();
        let values = |name| invoked.attributes().values(name).to_vec();
        assert_eq!(values(attribute::FUNCTION_NAME), ["p-tls-cert-dev"]);
        assert_eq!(values(attribute::FUNCTION_ALIAS), ["web"]);
        assert_eq!(values(attribute::ACCOUNT).len(), 1);
    }

    #[test]
    fn the_state_machine_is_known_by_its_alias_alone() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:p-tls-cert-dev";
        for (function_arn, expected) in [
            (format!("{arn}:state-machine"), true),
            (arn.to_owned(), false),
            (format!("{arn}:p-tls-cert-dev"), false),
            (format!("{arn}:state-machine:"), false),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:state-machine".to_owned(),
                false,
            ),
        ] {
            let invocation = Invocation {
                function_arn,
                ..Invocation::default()
            };
            assert_eq!(
                invocation.is_of_state_machine(),
                expected,
                "{}",
                invocation.function_arn
            );
        }
    }
}
