//! What the handlers share.

use std::sync::Arc;

use chancery_authority::Authority;
use chancery_authority::issue::{CsrFileName, FoundCsr};

use crate::changes::Changes;
use crate::files::copies::Copies;
use crate::health::HealthCache;
use crate::load::Load;
use crate::metrics::Metrics;
use crate::publications::Publications;
use crate::tls::ServerIdentity;
use crate::tokens::Tokens;

/// State that the handlers share.
#[derive(Clone)]
pub struct AppState {
    pub(crate) authority: Arc<Authority>,
    pub(crate) tokens: Arc<dyn Tokens>,
    pub(crate) requests: Arc<dyn RequestFiles>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) copies: Arc<Copies>,
    pub(crate) changes: Changes,
    pub(crate) health: Arc<HealthCache>,
    pub(crate) publications: Arc<Publications>,
    pub(crate) identity: Arc<ServerIdentity>,
}

/// Reads the CSR that a request names with `csr_file`.
pub trait RequestFiles: Send + Sync {
    /// The CSR under that name. May block.
    fn find(&self, name: &CsrFileName) -> FoundCsr;
}

impl AppState {
    /// The state for handlers, with fresh counters and caches.
    pub fn new(authority: Arc<Authority>, tokens: Arc<dyn Tokens>, requests: Arc<dyn RequestFiles>) -> Self {
        Self {
            authority,
            tokens,
            requests,
            metrics: Arc::new(Metrics::new()),
            copies: Arc::default(),
            changes: Changes::default(),
            health: Arc::default(),
            publications: Arc::default(),
            identity: Arc::default(),
        }
    }

    /// Sets the certificate that HTTPS is served with; `/health` reports its problems.
    #[must_use]
    pub fn shown_as(mut self, identity: Arc<ServerIdentity>) -> Self {
        self.identity = identity;
        self
    }

    /// Counters of what was refused or cut off, for the listeners.
    pub fn load(&self) -> &Load {
        self.metrics.load()
    }

    /// The requests with unsafe methods in progress, to be waited for before the process ends.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The counters, for events outside of requests.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}
