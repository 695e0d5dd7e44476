//! A deployment whose processes come and go, and what must hold of it whatever failed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::CaName;
use chancery_authority::config::Config;
use chancery_authority::port::{KeyName, KeyStore as _, KeyStoreError, PublishedName};
use chancery_aws::{CallBudget, Deployment};
use chancery_testing::sandbox::Signature;
use chancery_x509::certificate::{Certificate, TbsCertificate};
use chancery_x509::crl::RevocationList;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::pem;
use chancery_x509::serial::Serial;

use crate::fixture::Fixture;
use crate::sandbox::{Sandbox, patient};

type Item = BTreeMap<String, AttributeValue>;

/// Tables, keys and a bucket, and what was seen of them.
pub(crate) struct Resources {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) deployment: Deployment,
    bucket: String,
    /// The number of each published file when it was last looked at.
    numbers: Mutex<BTreeMap<String, u64>>,
}

/// A CA's key, and what it signed that no intent accounts for.
struct Key {
    arn: String,
    public: CaPublicKey,
    others: BTreeSet<Vec<u8>>,
}

/// An item of the journal that stands for a certificate.
struct Intent {
    issuer: String,
    serial: Serial,
    stage: String,
    tbs: Vec<u8>,
    receipt: Option<String>,
}

impl Resources {
    /// Without CAs.
    pub(crate) async fn empty(sandbox: &Arc<Sandbox>) -> Arc<Self> {
        Arc::new(Self {
            sandbox: sandbox.clone(),
            deployment: sandbox.deployment().await,
            bucket: sandbox.bucket().await,
            numbers: Mutex::default(),
        })
    }

    /// With CAs and their first CRLs.
    pub(crate) async fn new(sandbox: &Arc<Sandbox>) -> Arc<Self> {
        let resources = Self::empty(sandbox).await;
        let fixture = resources.process(&patient()).await;
        fixture.authority.initialise(&|_: &str| ()).await.unwrap();
        resources
    }

    /// A new process: it knows nothing from before.
    pub(crate) async fn process(&self, budget: &CallBudget) -> Fixture {
        Fixture::open(&self.sandbox, &self.deployment, &self.bucket, budget).await
    }

    /// A process that takes up what others left: it sweeps, and then publishes the CRLs of what it gave up.
    pub(crate) async fn recover(&self, context: &str) -> Fixture {
        let fixture = self.process(&patient()).await;
        let swept = fixture.authority.sweep_older_than(0).await.unwrap();
        assert_eq!(swept.failed, [], "{context}");
        for id in swept.lost {
            for (scope, outcome) in fixture.authority.publish_crls(Some(&id.issuer)).await {
                outcome.unwrap_or_else(|error| panic!("{context}: {scope:?}: {error}"));
            }
        }
        fixture
    }

    /// The serials on a CA's published CRL.
    pub(crate) async fn listed(&self, fixture: &Fixture, ca_name: &CaName) -> Vec<Serial> {
        let name = PublishedName::new(format!("{ca_name}.crl")).unwrap();
        let (_, der) = fixture.ports.publication.read(&name).await.unwrap().unwrap();
        let crl = RevocationList::parse(&der).unwrap();
        crl.entries().map(|entry| entry.unwrap().serial).collect()
    }

    /// Every signature stands for an intent or for a reserved CRL number; every certificate is in both tables, with the
    /// receipt of its signature; what is revoked or lost is what CRLs list; published CRLs are recorded, and their numbers
    /// never went backwards.
    pub(crate) async fn check(&self, context: &str) {
        let fixture = self.process(&patient()).await;
        let journal = self.sandbox.items(self.deployment.journal_table()).await;
        let rows = self.sandbox.rows(&self.deployment).await;
        let (signatures, trail) = (self.sandbox.signatures(), self.sandbox.trail());
        let mut keys = self.keys(&fixture).await;
        for signature in signatures.values() {
            if let Some(key) = keys.values_mut().find(|key| key.arn == signature.key) {
                key.others.insert(signature.message.clone());
            }
        }
        let given = |receipt: &str, key: &Key| -> &Signature {
            assert_eq!(
                trail.get(receipt),
                Some(&key.arn),
                "{context}: the receipt {receipt} is in the trail"
            );
            &signatures[receipt]
        };

        let intents: Vec<Intent> = journal
            .iter()
            .filter_map(|item| Intent::parse(item, &rows, context))
            .collect();
        let mut receipts = BTreeSet::new();
        for intent in &intents {
            let Some(key) = keys.get_mut(&intent.issuer) else {
                continue;
            };
            let input = TbsCertificate::from_der(intent.tbs.clone(), key.public.algorithm()).signing_input(&key.public);
            key.others.remove(input.as_bytes());
            if let Some(receipt) = &intent.receipt {
                assert!(
                    receipts.insert(receipt.clone()),
                    "{context}: two certificates with one receipt"
                );
                assert_eq!(
                    given(receipt, key).message,
                    input.as_bytes(),
                    "{context}: {}",
                    intent.serial
                );
            }
        }
        let complete: BTreeSet<String> = intents
            .iter()
            .filter(|intent| intent.stage == "complete")
            .map(|intent| intent.serial.to_string())
            .collect();
        let stored: BTreeSet<String> = rows.keys().map(|(_, serial)| serial.clone()).collect();
        assert_eq!(
            stored, complete,
            "{context}: rows are certificates whose intents are complete"
        );

        let mut digests = BTreeMap::new();
        for item in journal.iter().filter(|item| text(item, "Key").starts_with("crl#")) {
            let ca_name = text(item, "Key")["crl#".len()..].split('#').next().unwrap().to_owned();
            // Recorded before it is signed; by whom it was not recorded afterwards, it may have been.
            let input = item["SigningInput"].as_b().unwrap().as_ref().to_vec();
            if !item.contains_key("Digest") {
                keys.get_mut(&ca_name).unwrap().others.remove(&input);
                continue;
            }
            assert_eq!(
                given(&text(item, "Receipt"), &keys[&ca_name]).message,
                input,
                "{context}"
            );
            keys.get_mut(&ca_name).unwrap().others.remove(&input);
            let number: u64 = text(item, "Sort").parse().unwrap();
            digests.insert((ca_name, number), item["Digest"].as_b().unwrap().as_ref().to_vec());
        }
        for (ca_name, key) in &keys {
            assert!(
                key.others.is_empty(),
                "{context}: {ca_name} signed {} messages that are neither a certificate's intent nor a CRL's",
                key.others.len()
            );
        }
        Self::check_revoked(&journal, &rows, &intents, context);
        self.check_published(&fixture, &digests, context).await;
    }

    /// The CAs' keys, those that exist.
    async fn keys(&self, fixture: &Fixture) -> BTreeMap<String, Key> {
        let client = aws_sdk_kms::Client::new(&self.sandbox.config);
        let mut keys = BTreeMap::new();
        for ca_name in [self.deployment.root_ca(), self.deployment.issuing_ca()] {
            let public = match fixture.aws.keys.public_key(&KeyName(format!("alias/{ca_name}"))).await {
                Ok(public) => public,
                Err(KeyStoreError::NotFound(_)) => continue,
                Err(error) => panic!("{error}"),
            };
            let described = client
                .describe_key()
                .key_id(format!("alias/{ca_name}"))
                .send()
                .await
                .unwrap();
            let key = Key {
                arn: described.key_metadata.unwrap().arn.unwrap(),
                public,
                others: BTreeSet::new(),
            };
            keys.insert(ca_name.to_string(), key);
        }
        keys
    }

    fn check_revoked(journal: &[Item], rows: &BTreeMap<(String, String), Item>, intents: &[Intent], context: &str) {
        let listed = journal.iter().filter(|item| text(item, "Key").starts_with("revoked#"));
        let listed: BTreeSet<String> = listed.map(|item| text(item, "Sort")).collect();
        let padded = |serial: &Serial| data_encoding::HEXLOWER.encode(serial.as_padded());
        let revoked = rows.iter().filter(|(_, row)| row.contains_key("Revoked"));
        let mut wanted: BTreeSet<String> = revoked
            .map(|((_, serial), _)| padded(&serial.parse().unwrap()))
            .collect();
        wanted.extend(
            intents
                .iter()
                .filter(|intent| intent.stage == "lost")
                .map(|intent| padded(&intent.serial)),
        );
        assert_eq!(listed, wanted, "{context}: what is revoked or lost is what a CRL lists");
    }

    async fn check_published(&self, fixture: &Fixture, digests: &BTreeMap<(String, u64), Vec<u8>>, context: &str) {
        for scope in fixture.authority.crl_scopes() {
            for name in [Config::crl_name(&scope), Config::crl_pem_name(&scope)] {
                let Some((_, file)) = fixture.ports.publication.read(&name).await.unwrap() else {
                    continue;
                };
                let crl = RevocationList::parse(&file).unwrap();
                let number = crl.number().unwrap();
                let last = self.numbers.lock().unwrap().insert(name.to_string(), number);
                assert!(
                    last.is_none_or(|last| last <= number),
                    "{context}: {name} went from {last:?} to {number}"
                );
                let recorded = digests.get(&(scope.issuer.to_string(), number));
                let found = digest::digest(&digest::SHA256, crl.as_der());
                assert_eq!(
                    recorded.map(Vec::as_slice),
                    Some(found.as_ref()),
                    "{context}: {name} number {number}"
                );
            }
        }
    }
}

impl Intent {
    fn parse(item: &Item, rows: &BTreeMap<(String, String), Item>, context: &str) -> Option<Self> {
        let serial: Serial = text(item, "Key").strip_prefix("intent#")?.parse().unwrap();
        let stage = text(item, "Stage");
        let tbs = if stage == "complete" {
            let row = rows.iter().find(|((_, of), _)| *of == serial.to_string());
            let (_, row) = row.unwrap_or_else(|| panic!("{context}: the certificate {serial} has no row"));
            let pem = STANDARD.decode(row["Certificate"].as_b().unwrap());
            let der = pem::decode_all(&pem.unwrap()).unwrap().remove(0).der;
            Certificate::parse(&der).unwrap().tbs_der().to_vec()
        } else {
            item["Tbs"].as_b().unwrap().as_ref().to_vec()
        };
        Some(Self {
            issuer: text(item, "Issuer"),
            serial,
            tbs,
            receipt: (stage == "complete").then(|| text(item, "Receipt")),
            stage,
        })
    }
}

fn text(item: &Item, name: &str) -> String {
    item[name].as_s().unwrap().clone()
}
