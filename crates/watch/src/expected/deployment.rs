//! What is expected of a deployment on AWS, from its names: the module in `terraform/` gives them, and says who may sign.

use std::collections::HashMap;

use chancery_authority::CaName;
use chancery_authority::port::Purpose;
use chancery_x509::algorithm::CaKeyAlgorithm;

use super::{Expected, ExpectedFunction, ExpectedKey, Signer, Watched, WatchedFile};

/// A deployment, as far as it has to be known.
#[derive(Clone, Debug)]
pub struct DeploymentFacts {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// Its project.
    pub project: String,
    /// Its environment.
    pub environment: String,
    /// Its CAs.
    pub cas: Vec<CaFacts>,
    /// Roles of functions that are not named like their functions, by function: `tls-cert` and so on.
    pub roles: HashMap<String, String>,
    /// Names of its tables.
    pub tables: Vec<String>,
    /// The bucket of published files.
    pub external_bucket: String,
    /// The bucket of lists and requests.
    pub internal_bucket: String,
    /// ARNs and names of further things to watch, whatever they are: a topic of another name, the bucket of a trail.
    pub further: Vec<String>,
    /// ARNs of roles that revoke, or change which CA issues, in the tables themselves.
    pub operators: Vec<String>,
    /// ARNs of roles that deploy.
    pub deployers: Vec<String>,
}

/// A CA of a deployment.
#[derive(Clone, Debug)]
pub struct CaFacts {
    /// Its name, which is that of its key's alias.
    pub name: CaName,
    /// Its key's ARN.
    pub key: Option<String>,
    /// Its key's algorithm.
    pub algorithm: Option<CaKeyAlgorithm>,
    /// Whether it is the root.
    pub is_root: bool,
}

/// The functions that sign, what with which keys, and whether one invocation has one thing signed.
const SIGNERS: [(&str, bool, Purpose, bool); 6] = [
    ("create-root-ca", true, Purpose::CaCertificate, false),
    ("create-issuing-ca", true, Purpose::CaCertificate, false),
    ("root-ca-crl", true, Purpose::Crl, false),
    ("issuing-ca-crl", false, Purpose::Crl, false),
    ("tls-cert", false, Purpose::Certificate, true),
    ("sweep", false, Purpose::Certificate, false),
];

/// Functions that a role of theirs writes to the tables with, besides those that sign.
const WRITERS: [&str; 1] = ["expiry"];

impl DeploymentFacts {
    /// What is expected of it.
    pub fn expected(&self) -> Expected {
        let functions = SIGNERS.map(|(name, _, _, signs_once)| ExpectedFunction {
            arn: self.function(name),
            role: self.role(name),
            role_id: None,
            signs_once,
        });
        Expected {
            keys: self.cas.iter().map(key).collect(),
            functions: functions.into(),
            watched: self.watched(),
            ..Expected::default()
        }
    }

    fn function(&self, name: &str) -> String {
        format!(
            "arn:{}:lambda:{}:{}:function:{}",
            self.partition,
            self.region,
            self.account,
            self.named(name)
        )
    }

    fn role(&self, function: &str) -> String {
        let role = || {
            format!(
                "arn:{}:iam::{}:role/{}",
                self.partition,
                self.account,
                self.named(function)
            )
        };
        self.roles.get(function).cloned().unwrap_or_else(role)
    }

    fn named(&self, name: &str) -> String {
        format!("{}-{name}-{}", self.project, self.environment)
    }

    /// Names of everything: what the module makes is called after project and environment.
    fn watched(&self) -> Watched {
        let ours = || vec![self.named("*")];
        let with = |more: &[String]| ours().into_iter().chain(more.iter().cloned()).collect();
        let keys = self.cas.iter().flat_map(|ca| key(ca).names);
        let writers = SIGNERS.iter().map(|(name, ..)| *name).chain(WRITERS);
        Watched {
            keys: keys.collect(),
            functions: ours(),
            roles: with(&self.roles.values().cloned().collect::<Vec<_>>()),
            tables: self.tables.clone(),
            buckets: [&self.external_bucket, &self.internal_bucket]
                .into_iter()
                .chain(&self.further)
                .cloned()
                .collect(),
            topics: with(&self.further),
            queues: ours(),
            log_groups: ours(),
            schedules: ours(),
            state_machines: ours(),
            event_rules: ours(),
            alarms: ours(),
            files: self.published(),
            lists: ["tls.json", "csrs/*", "revoked.json", "revoked-root-ca.json"]
                .map(|key| WatchedFile {
                    bucket: self.internal_bucket.clone(),
                    key: key.to_owned(),
                    writers: Vec::new(),
                })
                .into(),
            writers: writers
                .map(|name| self.role(name))
                .chain(self.operators.iter().cloned())
                .collect(),
            deployers: self.deployers.clone(),
        }
    }

    /// Published files, and who publishes them.
    fn published(&self) -> Vec<WatchedFile> {
        let file = |key: String, writers: &[&str]| WatchedFile {
            bucket: self.external_bucket.clone(),
            key,
            writers: writers.iter().map(|name| self.role(name)).collect(),
        };
        let mut files = Vec::new();
        for ca in &self.cas {
            let (creates, publishes) = if ca.is_root {
                ("create-root-ca", "root-ca-crl")
            } else {
                ("create-issuing-ca", "issuing-ca-crl")
            };
            files.push(file(format!("{}.crt", ca.name), &[creates]));
            files.push(file(format!("{}.crl*", ca.name), &[publishes]));
        }
        let bundle = format!("{}-ca-bundle*.pem", self.project);
        files.push(file(bundle, &["create-root-ca", "create-issuing-ca"]));
        files
    }
}

/// A CA's key, and who may sign what with it.
fn key(ca: &CaFacts) -> ExpectedKey {
    let signers = SIGNERS.iter().enumerate();
    let signers =
        signers
            .filter(|(_, (_, of_root, _, _))| *of_root == ca.is_root)
            .map(|(function, (_, _, purpose, _))| Signer {
                function,
                purposes: vec![*purpose],
            });
    let mut names = vec![format!("alias/{}", ca.name)];
    names.extend(ca.key.clone());
    ExpectedKey {
        ca: ca.name.clone(),
        names,
        algorithm: ca.algorithm.map(|algorithm| kms_algorithm(algorithm).to_owned()),
        signers: signers.collect(),
        start: None,
    }
}

/// What KMS calls the one algorithm that is used with such a key.
fn kms_algorithm(algorithm: CaKeyAlgorithm) -> &'static str {
    match algorithm {
        CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096 => "RSASSA_PKCS1_V1_5_SHA_256",
        CaKeyAlgorithm::P256 => "ECDSA_SHA_256",
        CaKeyAlgorithm::P384 => "ECDSA_SHA_384",
        CaKeyAlgorithm::P521 => "ECDSA_SHA_512",
        CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87 => "ML_DSA_SHAKE_256",
    }
}
