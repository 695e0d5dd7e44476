//! An authority in memory with its CAs.
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::sync::Arc;

use chancery_authority::Authority;
use chancery_authority::config::Config;
use chancery_authority::issue::{IssueError, Issued, Refusal};
use chancery_authority::port::Ports;
use chancery_authority::profile::Profiles;
use chancery_contract::notice::{self, Notice};
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_x509::time::UnixTime;

use crate::memory::MemoryPorts;
use crate::requester::{principal, token};

/// 2026-11-23 20:00:00.
pub const NOW: UnixTime = UnixTime(1_795_464_000);

/// Two P-256 CAs, quick to make.
pub const QUICK: &str = r#"
    [[ca]]
    name = "root-ca"
    algorithm = "p256"
    [[ca]]
    name = "issuing-ca"
    parent = "root-ca"
"#;

/// An authority with its CAs, and the deployment that it stands in.
pub struct Fixture {
    /// Its ports, which fail on demand.
    pub memory: MemoryPorts,
    /// One process of it.
    pub authority: Arc<Authority>,
    config: Config,
    profiles: Profiles,
}

impl Fixture {
    /// With the default configuration.
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// With that configuration.
    pub async fn with(config: &str) -> Self {
        Self::with_profiles(config, Profiles::built_in()).await
    }

    /// With that configuration and those profiles.
    pub async fn with_profiles(config: &str, profiles: Profiles) -> Self {
        let memory = MemoryPorts::new(NOW);
        let config = Config::from_toml(config).unwrap();
        let authority = open(memory.faulty_ports(), &config, &profiles).await;
        authority.initialise(&|_: &str| ()).await.unwrap();
        Self {
            memory,
            authority,
            config,
            profiles,
        }
    }

    /// Another process over the same deployment, e.g. after a crash: nothing is left of what the old one had in memory.
    pub async fn restart(&mut self) {
        self.memory.faults.clear();
        self.authority = open(self.memory.faulty_ports(), &self.config, &self.profiles).await;
    }

    /// The same with other profiles: their author has changed them.
    pub async fn restart_with(&mut self, profiles: Profiles) {
        self.profiles = profiles;
        self.restart().await;
    }

    /// Asks for a certificate, without an idempotency token.
    pub async fn issue(&self, request: &TlsCertRequest) -> Result<Issued, IssueError> {
        self.authority.issue_tls_cert(request, &principal(), None).await
    }

    /// Asks for a certificate with that idempotency token.
    pub async fn issue_with(&self, request: &TlsCertRequest, name: &str) -> Result<Issued, IssueError> {
        self.authority
            .issue_tls_cert(request, &principal(), Some(token(name)))
            .await
    }

    /// The refusal of a request that must not be granted. It leaves its record, and no signature.
    pub async fn refusal(&self, request: &TlsCertRequest) -> Refusal {
        let signatures = self.memory.keys.log().len();
        let refusal = match self.issue(request).await {
            Err(IssueError::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(self.memory.keys.log().len(), signatures, "nothing was signed");
        let recorded = self.authority.ports().ledger.rejections().latest(1).await.unwrap();
        assert_eq!(recorded[0].code, refusal.code());
        assert_eq!(recorded[0].reason, refusal.to_string());
        assert_eq!(recorded[0].principal, "token:tests");
        refusal
    }
}

async fn open(ports: Ports, config: &Config, profiles: &Profiles) -> Arc<Authority> {
    Arc::new(Authority::open(ports, config.clone(), profiles.clone()).await.unwrap())
}

/// The notices that were sent, as the contract renders them.
pub fn notices(memory: &MemoryPorts) -> Vec<Notice> {
    memory.notices.received().iter().map(notice::of).collect()
}
