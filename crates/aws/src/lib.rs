//! The authority's ports on AWS: CA keys in KMS, the ledger in DynamoDB, published files in S3, notices through SNS.
//!
//! - [`deployment`]: the names of a deployment's resources (the drop-in contract's section "Names");
//! - [`keys`]: [`KmsKeyStore`]; [`intent_keys`]: [`KmsIntentKeys`]; [`ledger`]: [`DynamoLedger`]; [`publication`]: [`S3Publication`]; [`notices`]: [`SnsNotices`];
//! - [`bucket`]: reads objects that are not published files, such as `tls.json`;
//! - [`signed`]: single calls to services whose SDKs are not dependencies;
//! - [`call_budget`]: how long a call may take, retries included;
//! - [`meter`]: counts calls to AWS; [`world`]: clock and randomness.
//!
//! Every client is made from one [`aws_config::SdkConfig`], and sends nothing until it is used. [`Aws`] makes all of
//! them.

pub mod bucket;
pub mod call_budget;
pub mod deployment;
mod error_code;
mod http;
pub mod intent_keys;
mod key_policy;
pub mod keys;
pub mod ledger;
pub mod meter;
pub mod notices;
pub mod publication;
pub mod signed;
pub mod world;

use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use chancery_authority::port::{NoInvocation, Notices, Ports};

pub use bucket::Bucket;
pub use call_budget::CallBudget;
pub use deployment::Deployment;
pub use error_code::ErrorCode;
pub use intent_keys::KmsIntentKeys;
pub use keys::KmsKeyStore;
pub use ledger::DynamoLedger;
pub use meter::Meter;
pub use notices::{NoNotices, SnsNotices};
pub use publication::S3Publication;
pub use world::{SystemClock, SystemEntropy};

/// Reads the region, the credential sources and the endpoints from the environment and the shared configuration files,
/// as the AWS command line does. Sends no request.
pub async fn load_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http::SharedConnectors::new(CallBudget::default().connecting()))
        .load()
        .await
}

/// Every port of one deployment.
#[derive(Clone)]
pub struct Aws {
    /// CA keys, in KMS.
    pub keys: Arc<KmsKeyStore>,
    /// Derives the keys that authenticate intents, with an HMAC key in KMS.
    pub intent_keys: Arc<KmsIntentKeys>,
    /// The ledger, in DynamoDB.
    pub ledger: Arc<DynamoLedger>,
    /// Published files, in the external bucket.
    pub publication: Arc<S3Publication>,
    /// Notices: through SNS, or dropped where there is no topic.
    pub notices: Arc<dyn Notices>,
    /// Reads the internal bucket: `tls.json`, CSRs and revocation lists, which operators write.
    pub internal: Arc<Bucket>,
}

/// Names of a deployment's resources that do not follow from its project and environment.
#[derive(Clone, Debug)]
pub struct ResourceNames {
    /// Name of the bucket of published files.
    pub external_bucket: String,
    /// Name of the bucket of `tls.json`, `csrs/` and the revocation lists.
    pub internal_bucket: String,
    /// ARN of the SNS topic for notices; `None`: notices are dropped.
    pub topic_arn: Option<String>,
}

impl Aws {
    /// Makes every client. All of them share `budget`, whose deadline may be set again for every invocation.
    pub fn new(config: &SdkConfig, deployment: &Deployment, resources: ResourceNames, budget: &CallBudget) -> Self {
        let notices: Arc<dyn Notices> = match resources.topic_arn {
            Some(topic_arn) => Arc::new(SnsNotices::new(config, topic_arn, budget.clone())),
            None => Arc::new(NoNotices),
        };
        Self {
            keys: Arc::new(KmsKeyStore::new(config, budget.clone())),
            intent_keys: Arc::new(KmsIntentKeys::new(config, deployment.intents_alias(), budget.clone())),
            ledger: Arc::new(DynamoLedger::new(config, deployment, budget.clone())),
            publication: Arc::new(S3Publication::new(config, resources.external_bucket, budget.clone())),
            notices,
            internal: Arc::new(Bucket::new(config, resources.internal_bucket, budget.clone())),
        }
    }

    /// The ports of an authority, with the system's clock and random number generator.
    pub fn ports(&self) -> Ports {
        Ports {
            keys: self.keys.clone(),
            intent_keys: self.intent_keys.clone(),
            ledger: self.ledger.clone(),
            publication: self.publication.clone(),
            notices: self.notices.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            invocation: Arc::new(NoInvocation),
        }
    }
}
