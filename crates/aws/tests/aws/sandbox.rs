//! A sandbox, and deployments in it by their names.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chancery_aws::{CallBudget, Deployment, DynamoLedger};
use chancery_testing::sandbox;

/// A running sandbox.
pub(crate) struct Sandbox(sandbox::Sandbox);

impl Deref for Sandbox {
    type Target = sandbox::Sandbox;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Sandbox {
    /// `None`, and a line saying so, where what it runs on is not installed.
    pub(crate) fn start() -> Option<Self> {
        sandbox::Sandbox::start().map(Self)
    }

    /// A deployment of its own, with its two tables.
    pub(crate) async fn deployment(&self) -> Deployment {
        let deployment = Deployment::new(format!("p{}", self.number()), "dev", ["prod"]).unwrap();
        self.make_tables(&deployment).await;
        self.make_intents_key(&deployment).await;
        deployment
    }

    /// The two tables of a deployment.
    pub(crate) async fn make_tables(&self, deployment: &Deployment) {
        self.0.make_tables(deployment.table(), deployment.journal_table()).await;
    }

    /// The key that authenticates its intents.
    pub(crate) async fn make_intents_key(&self, deployment: &Deployment) {
        self.0.make_intents_key(&deployment.intents_alias()).await;
    }

    /// A ledger of its own.
    pub(crate) async fn ledger(&self) -> (DynamoLedger, Deployment) {
        let deployment = self.deployment().await;
        (DynamoLedger::new(&self.config, &deployment, patient()), deployment)
    }

    /// The rows of the certificate table, by their keys.
    pub(crate) async fn rows(
        &self,
        deployment: &Deployment,
    ) -> BTreeMap<(String, String), BTreeMap<String, AttributeValue>> {
        self.0.rows(deployment.table()).await
    }
}

/// Calls on a busy machine take their time.
pub(crate) fn patient() -> CallBudget {
    CallBudget::new(Duration::from_mins(1))
}
