//! The authority's ports on AWS: CA keys in KMS, the ledger in DynamoDB, published files in S3, notices through SNS.
//!
//! - [`deployment`]: what things are called in a deployment (the drop-in contract's section "Names");
//! - [`keys`]: [`KmsKeyStore`]; [`intent_keys`]: [`KmsIntentKeys`]; [`ledger`]: [`DynamoLedger`]; [`publication`]: [`S3Publication`]; [`notices`]: [`SnsNotices`];
//! - [`bucket`]: reading objects that are no published files, such as `tls.json`;
//! - [`signed`]: single calls of services whose SDKs are left out;
//! - [`budget`]: how long a call may take, retries included.
//!
//! Every client is made from one [`aws_config::SdkConfig`] and calls nothing until it is used. [`Aws`] makes all of them.

pub mod bucket;
pub mod call_budget;
pub mod deployment;
mod http;
pub mod intent_keys;
pub mod keys;
pub mod ledger;
pub mod meter;
pub mod notices;
pub mod publication;
pub mod signed;
pub mod world;

use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use chancery_authority::port::{Notices, Ports};

pub use bucket::Bucket;
pub use call_budget::CallBudget;
pub use deployment::Deployment;
pub use intent_keys::KmsIntentKeys;
pub use keys::KmsKeyStore;
pub use ledger::DynamoLedger;
pub use meter::Meter;
pub use notices::{NoNotices, SnsNotices};
pub use publication::S3Publication;
pub use world::{SystemClock, SystemEntropy};

/// Reads region, credentials' whereabouts and endpoint from the environment and the shared configuration files, as the
/// AWS command line does. Calls nothing.
pub async fn load_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http::SharedConnectors::new(CallBudget::default().connecting()))
        .load()
        .await
}

/// Every port of one deployment.
#[derive(Clone)]
pub struct Aws {
    /// CA keys.
    pub keys: Arc<KmsKeyStore>,
    /// Keys that intents are authenticated with.
    pub intent_keys: Arc<KmsIntentKeys>,
    /// The record of truth.
    pub ledger: Arc<DynamoLedger>,
    /// Published files: the external bucket.
    pub publication: Arc<S3Publication>,
    /// News.
    pub notices: Arc<dyn Notices>,
    /// Requests and lists that people write: the internal bucket.
    pub internal: Arc<Bucket>,
}

/// Where a deployment keeps what its names do not tell.
#[derive(Clone, Debug)]
pub struct Places {
    /// Bucket of published files.
    pub external_bucket: String,
    /// Bucket of `tls.json`, `csrs/` and the lists of revocations.
    pub internal_bucket: String,
    /// Topic of notices; `None`: they are dropped.
    pub topic_arn: Option<String>,
}

impl Aws {
    /// Makes every client. `budget` is shared by all of them: its deadline may be set again for every invocation.
    pub fn new(config: &SdkConfig, deployment: &Deployment, places: Places, budget: &CallBudget) -> Self {
        let notices: Arc<dyn Notices> = match places.topic_arn {
            Some(topic_arn) => Arc::new(SnsNotices::new(config, topic_arn, budget.clone())),
            None => Arc::new(NoNotices),
        };
        Self {
            keys: Arc::new(KmsKeyStore::new(config, budget.clone())),
            intent_keys: Arc::new(KmsIntentKeys::new(config, deployment.intents_alias(), budget.clone())),
            ledger: Arc::new(DynamoLedger::new(config, deployment, budget.clone())),
            publication: Arc::new(S3Publication::new(config, places.external_bucket, budget.clone())),
            notices,
            internal: Arc::new(Bucket::new(config, places.internal_bucket, budget.clone())),
        }
    }

    /// What an authority stands on, with the system's clock and randomness.
    pub fn ports(&self) -> Ports {
        Ports {
            keys: self.keys.clone(),
            intent_keys: self.intent_keys.clone(),
            ledger: self.ledger.clone(),
            publication: self.publication.clone(),
            notices: self.notices.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}
