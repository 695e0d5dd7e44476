//! What the functions of an authority share: it, its files and rows, what is kept from one invocation to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chancery_authority::authority::Ca;
use chancery_authority::config::CaConfig;
use chancery_authority::port::{KeyName, LedgerError, Ports};
use chancery_authority::{Authority, Principal};
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;
use tokio::sync::Mutex;

use crate::failure::Failure;
use crate::files::Files;
use crate::function::Function;
use crate::metrics::{Measured, Metrics};
use crate::rows::Rows;
use crate::settings::{AuthoritySettings, CaRole};
use crate::tls_json::TlsJson;

/// Seconds for which the CAs' certificates are kept before they are looked up again.
const CAS_KEPT: i64 = 600;

/// What a function stands on.
#[derive(Clone)]
pub struct Dependencies {
    /// What the environment says.
    pub settings: AuthoritySettings,
    /// The authority's ports.
    pub ports: Ports,
    /// Operators' files.
    pub files: Arc<dyn Files>,
    /// Certificates by name.
    pub rows: Arc<dyn Rows>,
    /// Is told of the CAs' keys.
    pub key_check: Arc<dyn KeyCheck>,
    /// Metrics.
    pub metrics: Metrics,
}

/// Learns which public key each CA's certificate has, so that no other key signs for it.
pub trait KeyCheck: Send + Sync {
    /// Whatever is signed with that key is verified with that public key.
    fn expect(&self, key: &KeyName, public_key: &CaPublicKey);
}

/// Learns nothing: every signature is verified with the CA's certificate all the same, once it is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeyCheck;

impl KeyCheck for NoKeyCheck {
    fn expect(&self, _key: &KeyName, _public_key: &CaPublicKey) {}
}

/// One invocation, as the runtime tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The request's id: the same for each of the runtime's own retries.
    pub request_id: String,
    /// The function as it was invoked: its ARN, with a version or alias where one was named.
    pub function_arn: String,
    /// When it ends; `None`: nobody says.
    pub until: Option<Instant>,
}

/// An authority that is open, and what goes with it.
pub struct FunctionState {
    /// The authority.
    pub authority: Authority,
    /// What the environment says.
    pub settings: AuthoritySettings,
    /// Operators' files.
    pub files: Arc<dyn Files>,
    /// Certificates by name.
    pub rows: Arc<dyn Rows>,
    /// Metrics.
    pub metrics: Metrics,
    /// `tls.json` as it was read last.
    pub tls_json: TlsJson,
    key_check: Arc<dyn KeyCheck>,
    /// When the CAs were looked up last.
    looked_up: Mutex<UnixTime>,
    /// Refused intents that were measured already.
    refused: AtomicU64,
    publishes_crls: bool,
}

impl FunctionState {
    /// Opens the authority: reads the CAs that exist.
    pub async fn open(dependencies: Dependencies, function: Function) -> Result<Self, Failure> {
        let Dependencies {
            settings,
            mut ports,
            files,
            rows,
            key_check,
            metrics,
        } = dependencies;
        ports.keys = Arc::new(Measured::new(ports.keys.clone(), metrics.clone()));
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

    /// The configuration of one of the two CAs.
    pub fn ca_config(&self, role: CaRole) -> &CaConfig {
        let named = self.authority.config().ca_named(role.name());
        named.unwrap_or_else(|| self.authority.config().issuing_ca())
    }

    /// One of the two CAs, looked up again where it was not there before, or some time has passed: it may have been
    /// created, or replaced, by another function.
    ///
    /// Its certificate is believed, and so are those above it: a failure tells of one that was replaced.
    pub async fn ca(&self, role: CaRole) -> Result<Option<Arc<Ca>>, Failure> {
        let ca = self.look_up(role).await?;
        if let Some(ca) = &ca {
            match self.authority.believe(ca).await {
                // A CRL goes out with what is known, and is verified with the CA's certificate.
                Err(error) if !error.is_refuted() && self.publishes_crls => {
                    tracing::error!(%error, "a CA's certificate could not be compared with its key");
                }
                outcome => outcome?,
            }
        }
        Ok(ca)
    }

    async fn look_up(&self, role: CaRole) -> Result<Option<Arc<Ca>>, LedgerError> {
        let ca_name = self.ca_config(role).name().clone();
        let now = self.authority.ports().clock.now();
        let mut looked_up = self.looked_up.lock().await;
        let known = self.authority.ca(&ca_name);
        let stale = now.0.saturating_sub(looked_up.0) >= CAS_KEPT;
        if known.is_some() && !stale {
            return Ok(known);
        }
        match self.authority.reload().await {
            Ok(()) => {
                *looked_up = now;
                self.expect_keys();
            }
            // What was known a while ago is most probably still true.
            Err(error) if known.is_some() => tracing::warn!(%error, "the CAs could not be looked up again"),
            Err(error) => return Err(error),
        }
        Ok(self.authority.ca(&ca_name))
    }

    /// Measures the intents that were found in the ledger and not signed since this was asked last.
    pub fn measure_refused(&self) {
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

    /// Lets the CAs be looked up again before they are used next: after an error that one which was replaced explains.
    pub async fn doubt_cas(&self) {
        *self.looked_up.lock().await = UnixTime(i64::MIN);
    }
}

/// The alias that is the state machine's, as Terraform makes it (`terraform/functions.tf`).
const STATE_MACHINE: &str = "state-machine";

impl Invocation {
    /// Who asks, as far as a function is told: whoever may invoke it by that name.
    pub fn principal(&self) -> Principal {
        // arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
        let name = self.function_arn.splitn(7, ':').nth(6).unwrap_or(&self.function_arn);
        Principal::Function(name.chars().take(200).collect())
    }

    /// Whether the state machine asks, whose alias nobody else is permitted to use. It reads of an answer only that there is
    /// one.
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
