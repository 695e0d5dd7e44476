//! The fault table: every call that an operation makes meets every fault, once, and again and again until the operation
//! gives up as a process does that dies there. Another process then sweeps, the operation is repeated, and the deployment
//! must be as if nothing had happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chancery_authority::Authority;
use chancery_authority::issue::{IssueError, Refusal};
use chancery_authority::port::ledger::Search;
use chancery_authority::port::{KeyName, KeyStore, KeyStoreError, Ledger as _, Ports, Signed, SigningRequest};
use chancery_authority::profile::Profiles;
use chancery_aws::CallBudget;
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_testing::{principal, request, token};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::resources::Resources;
use crate::sandbox::{Sandbox, patient};

/// What strikes once, and is asked again.
const ONCE: [&str; 6] = ["throttled", "failed", "failed-done", "lost", "unreachable", "conflict"];

/// What strikes until nobody asks any more: nothing of it is done, or all of it, and nobody is told.
const ALWAYS: [&str; 2] = ["throttled", "lost"];

/// Calls that do nothing: who dies at one leaves what somebody leaves who dies at the write before it.
const READING: [&str; 9] = [
    "dynamodb BatchGetItem",
    "dynamodb GetItem",
    "dynamodb Query",
    "dynamodb Scan",
    "kms DescribeKey",
    "kms GenerateMac",
    "kms GetPublicKey",
    "s3 GetObject",
    "s3 HeadObject",
];

/// Calls that AWS also refuses for meeting another at the same thing.
const CONFLICTING: [&str; 3] = ["dynamodb PutItem", "dynamodb UpdateItem", "s3 PutObject"];

/// Seconds until a slow call is done, which is longer than it is waited for.
const SLOW: u64 = 2;

/// Parts of a table that are gone through at the same time.
const LANES: usize = 3;

/// An operation, what it needs, and what it must come to.
struct Table<'a, P, A, V> {
    name: &'a str,
    sandbox: &'a Sandbox,
    prepare: P,
    /// Whether it succeeded.
    act: A,
    verify: V,
}

impl<T, P, A, V> Table<'_, P, A, V>
where
    P: AsyncFn() -> (Arc<Resources>, T),
    A: AsyncFn(&Fixture, &T) -> bool,
    V: AsyncFn(&Resources, &Fixture, &T, &str),
{
    /// The cases of one lane.
    async fn run(&self, lane: usize) {
        let calls = self.calls().await;
        for (number, case) in cases(&calls).into_iter().enumerate() {
            if number % LANES == lane {
                self.case(&case).await;
            }
        }
    }

    /// How often it makes which call.
    async fn calls(&self) -> BTreeMap<String, u32> {
        let (resources, facts) = (self.prepare)().await;
        let fixture = resources.process(&patient()).await;
        self.sandbox.take_calls();
        assert!((self.act)(&fixture, &facts).await, "{}", self.name);
        let mut calls = BTreeMap::new();
        for call in self.sandbox.take_calls() {
            *calls.entry(call).or_default() += 1;
        }
        calls
    }

    async fn case(&self, case: &Case) {
        let context = &format!("{}: {}", self.name, case.name);
        let (resources, facts) = (self.prepare)().await;
        let budget = match case.end {
            End::Late => CallBudget::new(Duration::from_secs(3)),
            End::AskedAgain | End::Death => patient(),
        };
        let fixture = resources.process(&budget).await;
        for fault in &case.faults {
            self.sandbox.post_fault(fault);
        }
        let done = (self.act)(&fixture, &facts).await;
        let left = self.sandbox.clear_faults();
        drop(fixture);
        match case.end {
            End::AskedAgain => {
                assert!(
                    done && left == 0,
                    "{context}: done: {done}, faults that did not strike: {left}"
                );
                let fixture = resources.process(&patient()).await;
                return self.repeated(context, &resources, &fixture, &facts).await;
            }
            // What nobody waits for any more comes after all.
            End::Late => tokio::time::sleep(Duration::from_secs(SLOW)).await,
            End::Death => {}
        }
        resources.check(context).await;
        let fixture = resources.recover(context).await;
        self.repeated(context, &resources, &fixture, &facts).await;
    }

    async fn repeated(&self, context: &str, resources: &Resources, fixture: &Fixture, facts: &T) {
        assert!((self.act)(fixture, facts).await, "{context}: repeated");
        (self.verify)(resources, fixture, facts, context).await;
        resources.check(context).await;
        let open = fixture
            .aws
            .ledger
            .intents()
            .list_open(None, UnixTime(i64::MAX), 10)
            .await
            .unwrap()
            .intents;
        assert_eq!(open.len(), 0, "{context}: an intent is still open");
    }
}

/// Faults that strike one run of an operation.
struct Case {
    name: String,
    faults: Vec<Value>,
    end: End,
}

/// What they lead to.
enum End {
    /// Each strikes once and the call is made again: the operation succeeds.
    AskedAgain,
    /// The call is given up, and done later.
    Late,
    /// The operation gives up, or does without.
    Death,
}

fn cases(calls: &BTreeMap<String, u32>) -> Vec<Case> {
    let mut cases = Vec::new();
    for skip in 0..*calls.values().max().unwrap() {
        for kind in ONCE.into_iter().chain(["slow"]) {
            let calls = calls
                .iter()
                .filter(|(_, times)| **times > skip)
                .map(|(call, _)| call.as_str());
            let calls = calls.filter(|call| kind != "conflict" || CONFLICTING.contains(call));
            // Of what can go wrong with reading, these two stand for all: an answer that says so, and none.
            let calls = calls.filter(|call| matches!(kind, "throttled" | "lost") || !READING.contains(call));
            cases.push(Case {
                name: format!("{kind} at call {skip} of each operation"),
                faults: calls.map(|call| fault(call, kind, skip, 1)).collect(),
                end: if kind == "slow" { End::Late } else { End::AskedAgain },
            });
        }
    }
    for (call, times) in calls {
        if READING.contains(&call.as_str()) {
            continue;
        }
        for skip in 0..*times {
            for kind in ALWAYS {
                cases.push(Case {
                    name: format!("{kind} from call {skip} of {call} on"),
                    faults: vec![fault(call, kind, skip, u32::MAX)],
                    end: End::Death,
                });
            }
        }
    }
    cases.retain(|case| !case.faults.is_empty());
    cases
}

/// Runs the lanes beside each other, each with a sandbox of its own: much of a case is waiting for the next attempt.
async fn in_lanes(lane: impl AsyncFn(Arc<Sandbox>, usize)) {
    let lanes = (0..LANES).map(async |number| {
        if let Some(sandbox) = Sandbox::start() {
            lane(Arc::new(sandbox), number).await;
        }
    });
    join_all(lanes).await;
}

fn fault(call: &str, kind: &str, skip: u32, times: u32) -> Value {
    let (service, operation) = call.split_once(' ').unwrap();
    json!({"service": service, "operation": operation, "kind": kind, "skip": skip, "times": times, "delay": SLOW})
}

/// A key store that signs nothing.
struct Mute(Arc<dyn KeyStore>);

#[async_trait]
impl KeyStore for Mute {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        self.0.create(key, algorithm).await
    }

    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.0.public_key(key).await
    }

    async fn sign(&self, _: &SigningRequest) -> Result<Signed, KeyStoreError> {
        Err(KeyStoreError::Unavailable {
            detail: "it does not sign".to_owned(),
        })
    }

    async fn wait_to_retry(&self, _: u32, _: Duration) -> bool {
        false
    }
}

/// Certificates of that name.
async fn named(fixture: &Fixture, common_name: &str) -> usize {
    let query = Search {
        common_name: Some(common_name.to_owned()),
        ..Search::default()
    };
    fixture
        .authority
        .search(&query, None, 10)
        .await
        .unwrap()
        .certificates
        .len()
}

/// A name that nobody has.
fn name(count: &AtomicU32) -> String {
    format!("host{}.example.com", count.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread")]
async fn issuing_with_a_token() {
    in_lanes(async |sandbox: Arc<Sandbox>, lane: usize| {
        let (resources, count) = (Resources::new(&sandbox).await, AtomicU32::new(0));
        let issue = async |fixture: &Fixture, (name, request): &(String, TlsCertRequest)| {
            fixture
                .authority
                .issue_tls_cert(request, &principal(), Some(token(name)))
                .await
                .is_ok()
        };
        Table {
            name: "issuance with a token",
            sandbox: &sandbox,
            prepare: async || {
                let name = name(&count);
                (resources.clone(), (name.clone(), request(&name)))
            },
            act: issue,
            verify: async |_: &Resources, fixture: &Fixture, (name, _): &(String, TlsCertRequest), context: &str| {
                assert_eq!(named(fixture, name).await, 1, "{context}: one certificate");
            },
        }
        .run(lane)
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn issuing_without_a_token() {
    in_lanes(async |sandbox: Arc<Sandbox>, lane: usize| {
        let (resources, count) = (Resources::new(&sandbox).await, AtomicU32::new(0));
        Table {
            name: "issuance without a token",
            sandbox: &sandbox,
            prepare: async || {
                let name = name(&count);
                (resources.clone(), request(&name))
            },
            // Who has no token and no answer, and asks again, is told that there is a certificate for that key.
            act: async |fixture: &Fixture, request: &TlsCertRequest| {
                let outcome = fixture.authority.issue_tls_cert(request, &principal(), None).await;
                matches!(outcome, Ok(_) | Err(IssueError::Refused(Refusal::KeyInUse)))
            },
            verify: async |_: &Resources, fixture: &Fixture, _: &TlsCertRequest, context: &str| {
                let last = count.load(Ordering::Relaxed) - 1;
                assert_eq!(
                    named(fixture, &format!("host{last}.example.com")).await,
                    1,
                    "{context}: one certificate"
                );
            },
        }
        .run(lane)
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_and_publishing_the_crl() {
    in_lanes(async |sandbox: Arc<Sandbox>, lane: usize| {
        let (resources, count) = (Resources::new(&sandbox).await, AtomicU32::new(0));
        let before = resources.process(&patient()).await;
        Table {
            name: "revocation and its CRL",
            sandbox: &sandbox,
            prepare: async || {
                let issued = before
                    .authority
                    .issue_tls_cert(&request(&name(&count)), &principal(), None)
                    .await;
                (resources.clone(), issued.unwrap().record.id.serial)
            },
            act: async |fixture: &Fixture, serial: &Serial| {
                let reason = RevocationReason::KeyCompromise;
                let outcome = fixture.authority.revoke(*serial, reason, None, &principal()).await;
                // A CRL that failed undoes no revocation, and is made by the next run.
                outcome.is_ok_and(|revoked| revoked.crl.is_none_or(|crl| crl.is_ok()))
            },
            verify: async |resources: &Resources, fixture: &Fixture, serial: &Serial, context: &str| {
                let issuing = resources.deployment.issuing_ca();
                for (_, outcome) in fixture.authority.publish_crls(Some(issuing)).await {
                    outcome.unwrap_or_else(|error| panic!("{context}: {error}"));
                }
                assert!(
                    resources.listed(fixture, issuing).await.contains(serial),
                    "{context}: it is listed"
                );
            },
        }
        .run(lane)
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_the_cas() {
    in_lanes(async |sandbox: Arc<Sandbox>, lane: usize| {
        Table {
            name: "creation of the CAs",
            sandbox: &sandbox,
            prepare: async || (Resources::empty(&sandbox).await, ()),
            act: async |fixture: &Fixture, (): &()| {
                for ca in fixture.authority.config().cas() {
                    if fixture.authority.create_ca(ca.name(), &|_: &str| ()).await.is_err() {
                        return false;
                    }
                }
                true
            },
            verify: async |resources: &Resources, fixture: &Fixture, (): &(), context: &str| {
                let cas: Vec<_> = fixture.authority.cas().iter().map(|ca| ca.name().clone()).collect();
                let wanted = [
                    resources.deployment.root_ca().clone(),
                    resources.deployment.issuing_ca().clone(),
                ];
                assert_eq!(cas, wanted, "{context}");
            },
        }
        .run(lane)
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeping_what_a_dead_process_left() {
    in_lanes(async |sandbox: Arc<Sandbox>, lane: usize| {
        let (resources, count) = (Resources::new(&sandbox).await, AtomicU32::new(0));
        let dying = resources.process(&patient()).await;
        let ports = Ports {
            keys: Arc::new(Mute(dying.ports.keys.clone())),
            ..dying.ports.clone()
        };
        let dying = Authority::open(ports, dying.authority.config().clone(), Profiles::built_in())
            .await
            .unwrap();
        Table {
            name: "sweep",
            sandbox: &sandbox,
            prepare: async || {
                let names = [name(&count), name(&count)];
                for (name, token) in names.iter().zip([None, Some(token(&names[1]))]) {
                    dying
                        .issue_tls_cert(&request(name), &principal(), token)
                        .await
                        .unwrap_err();
                }
                (resources.clone(), names)
            },
            act: async |fixture: &Fixture, _: &[String; 2]| {
                let swept = fixture.authority.sweep_older_than(0).await;
                swept.is_ok_and(|swept| swept.failed.is_empty())
            },
            verify: async |resources: &Resources, fixture: &Fixture, [lost, kept]: &[String; 2], context: &str| {
                assert_eq!(
                    named(fixture, lost).await,
                    0,
                    "{context}: nobody could come back for it"
                );
                assert_eq!(named(fixture, kept).await, 1, "{context}: who has the token finds it");
                for (_, outcome) in fixture
                    .authority
                    .publish_crls(Some(resources.deployment.issuing_ca()))
                    .await
                {
                    outcome.unwrap_or_else(|error| panic!("{context}: {error}"));
                }
            },
        }
        .run(lane)
        .await;
    })
    .await;
}
