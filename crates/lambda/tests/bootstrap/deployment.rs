//! What Terraform makes of a deployment, as far as its functions need it.

use std::collections::BTreeMap;

use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use aws_sdk_s3::primitives::ByteStream;
use chancery_aws::Deployment;
use chancery_testing::sandbox::{CREDENTIALS, REGION, Sandbox};

use super::runtime::BootstrapProcess;

/// Keys, tables, buckets and a topic.
pub(crate) struct Deployed<'a> {
    sandbox: &'a Sandbox,
    pub(crate) names: Deployment,
    pub(crate) internal: String,
    external: String,
    topic: String,
}

impl<'a> Deployed<'a> {
    pub(crate) async fn new(sandbox: &'a Sandbox) -> Self {
        let names = Deployment::new(format!("p{}", sandbox.number()), "dev", ["prod"]).unwrap();
        sandbox.make_tables(names.table(), names.journal_table()).await;
        sandbox.make_intents_key(&names.intents_alias()).await;
        let kms = aws_sdk_kms::Client::new(&sandbox.config);
        for (ca, spec) in [
            (names.root_ca(), KeySpec::EccNistP384),
            (names.issuing_ca(), KeySpec::EccNistP256),
        ] {
            let key = kms
                .create_key()
                .key_spec(spec)
                .key_usage(KeyUsageType::SignVerify)
                .send()
                .await
                .unwrap();
            let id = key.key_metadata().unwrap().key_id().to_owned();
            let alias = format!("alias/{ca}");
            kms.create_alias()
                .alias_name(alias)
                .target_key_id(id)
                .send()
                .await
                .unwrap();
        }
        let topic = aws_sdk_sns::Client::new(&sandbox.config)
            .create_topic()
            .name("notices")
            .send()
            .await
            .unwrap();
        Self {
            sandbox,
            names,
            internal: sandbox.bucket().await,
            external: sandbox.bucket().await,
            topic: topic.topic_arn().unwrap().to_owned(),
        }
    }

    /// A fresh process of a function, with these changes to its environment.
    pub(crate) fn start(&self, handler: &str, changes: &[(&str, &str)]) -> BootstrapProcess {
        let own = [
            ("AWS_ENDPOINT_URL", self.sandbox.endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", CREDENTIALS.0),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.1),
            ("PROJECT", self.names.project()),
            ("ENVIRONMENT_NAME", "dev"),
            ("EXTERNAL_S3_BUCKET", self.external.as_str()),
            ("INTERNAL_S3_BUCKET", self.internal.as_str()),
            ("SNS_TOPIC_ARN", self.topic.as_str()),
        ];
        let all = own
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        BootstrapProcess::start(handler, &all.collect::<Vec<_>>())
    }

    /// How many calls of each service there were since this was asked last.
    pub(crate) fn take_calls(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.sandbox.take_calls() {
            let (service, _) = call.split_once(' ').unwrap();
            *counts.entry(service.to_owned()).or_default() += 1;
        }
        counts
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sandbox.config).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub(crate) async fn put_internal(&self, name: &str, content: &[u8]) {
        let body = ByteStream::from(content.to_vec());
        self.s3()
            .put_object()
            .bucket(&self.internal)
            .key(name)
            .body(body)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn published(&self, name: &str) -> Vec<u8> {
        let object = self
            .s3()
            .get_object()
            .bucket(&self.external)
            .key(name)
            .send()
            .await
            .unwrap();
        object.body.collect().await.unwrap().to_vec()
    }

    pub(crate) async fn secret(&self, text: &str) -> String {
        let client = aws_sdk_secretsmanager::Client::new(&self.sandbox.config);
        let secret = client
            .create_secret()
            .name("slack")
            .secret_string(text)
            .send()
            .await
            .unwrap();
        secret.arn().unwrap().to_owned()
    }
}
