//! An authority on AWS, and those who ask it.

use std::sync::Arc;

use chancery_authority::Authority;
use chancery_authority::config::Config;
use chancery_authority::port::Ports;
use chancery_authority::profile::Profiles;
use chancery_aws::{Aws, CallBudget, Deployment, ResourceNames};
pub(crate) use chancery_testing::NOW;
use chancery_testing::memory::ManualClock;

use crate::sandbox::Sandbox;

/// An authority, its ports, and the names of its deployment.
pub(crate) struct Fixture {
    pub(crate) aws: Aws,
    pub(crate) ports: Ports,
    pub(crate) authority: Arc<Authority>,
    pub(crate) clock: Arc<ManualClock>,
    bucket: String,
}

impl Fixture {
    /// Opens the authority of that deployment as a new process does. What is in its tables stays.
    pub(crate) async fn open(sandbox: &Sandbox, deployment: &Deployment, bucket: &str, budget: &CallBudget) -> Self {
        let resources = ResourceNames {
            external_bucket: bucket.to_owned(),
            internal_bucket: bucket.to_owned(),
            topic_arn: None,
        };
        let aws = Aws::new(&sandbox.config, deployment, resources, budget);
        let clock = Arc::new(ManualClock::new(NOW));
        let ports = Ports {
            clock: clock.clone(),
            ..aws.ports()
        };
        let config = format!(
            "project = {:?}\nenvironment = {:?}\n",
            deployment.project(),
            deployment.environment()
        );
        let config = Config::from_toml(&config).unwrap();
        let authority = Authority::open(ports.clone(), config, Profiles::built_in())
            .await
            .unwrap();
        for ca in authority.cas().iter() {
            aws.keys.expect(&ca.record.key, ca.issuer.public_key());
        }
        Self {
            aws,
            ports,
            authority: Arc::new(authority),
            clock,
            bucket: bucket.to_owned(),
        }
    }

    /// Where it publishes.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// A new deployment with its CAs.
    pub(crate) async fn new(sandbox: &Sandbox, budget: &CallBudget) -> (Self, Deployment) {
        let (deployment, bucket) = (sandbox.deployment().await, sandbox.bucket().await);
        let fixture = Self::open(sandbox, &deployment, &bucket, budget).await;
        fixture.authority.initialise(&|_: &str| ()).await.unwrap();
        (fixture, deployment)
    }
}
