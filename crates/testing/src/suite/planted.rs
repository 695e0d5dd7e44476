//! Intents that an attacker wrote into the ledger: none of them is ever signed.
//!
//! The caller provides the ledger; keys are in memory, where every signature is logged.

use std::sync::Arc;

use chancery_authority::authority::Authority;
use chancery_authority::config::Config;
use chancery_authority::issue::{Csr, IssueError, Request, RequestDigest};
use chancery_authority::port::ledger::{
    CertificateIntent, IdempotencyToken, IntentCode, IntentId, Ledger, Reservation, TokenOrigin,
};
use chancery_authority::port::{IntentKeys, IntentNonce, KeyStore, Ports};
use chancery_authority::principal::{Principal, attribute};
use chancery_authority::profile::Profiles;
use chancery_authority::signing::authentication;
use chancery_x509::certificate::{BasicConstraints, CertificateTemplate, KeyUsage, TbsCertificate};
use chancery_x509::key::{KeyFingerprint, SubjectPublicKey};
use chancery_x509::name::Subject;
use chancery_x509::time::UnixTime;

use crate::memory::{Fault, MemoryPorts};
use crate::requester::Requester;

const NOW: UnixTime = UnixTime(1_795_464_000);

/// The fixture of the suite.
struct PlantedFixture {
    memory: MemoryPorts,
    authority: Authority,
    /// An issued certificate, which a planted intent may claim to renew.
    issued: Option<IntentId>,
}

/// An attack: how it changes a genuine, authenticated intent, given the template of its certificate.
type Attack = fn(&PlantedFixture, &mut CertificateIntent, CertificateTemplate);

/// Attacks by someone who can write to the ledger but cannot compute codes.
const WITHOUT_THE_KEY: [(&str, Attack); 18] = [
    ("no code", |_, intent, _| intent.authentication = None),
    ("a code of chance", |_, intent, _| {
        intent.authentication = Some(IntentCode {
            nonce: IntentNonce::of_day(NOW, [1; 32]),
            code: [2; 32],
        });
    }),
    ("another nonce", |_, intent, _| {
        if let Some(code) = &mut intent.authentication {
            code.nonce = IntentNonce::of_day(NOW, [3; 32]);
        }
    }),
    ("a CA's TBSCertificate", |fixture, intent, template| {
        intent.tbs = ca_certificate(fixture, template);
    }),
    ("a TBSCertList", |fixture, intent, _| {
        intent.tbs = certificate_list(fixture);
    }),
    ("two octets", |_, intent, _| intent.tbs = vec![0x30, 0]),
    ("another common name", |_, intent, _| intent.common_name.push('x')),
    ("a longer life", |fixture, intent, mut template| {
        template.not_after = template.not_after.plus_days(1);
        intent.not_after = template.not_after;
        intent.tbs = issued(fixture, &template);
    }),
    ("another key", |fixture, intent, mut template| {
        template.public_key = Requester::new().public_key();
        intent.key = template.public_key.fingerprint();
        intent.tbs = issued(fixture, &template);
    }),
    ("another profile", |_, intent, _| {
        "tls-client".clone_into(&mut intent.profile);
    }),
    ("another principal", |_, intent, _| {
        intent.principal = Principal::token("somebody");
    }),
    ("an attribute of the principal more", |_, intent, _| {
        intent.principal = intent.principal.clone().with(attribute::TOKEN_SCOPES, "revoke");
    }),
    ("a principal without its attributes", |_, intent, _| {
        intent.principal = Principal::token(intent.principal.id());
    }),
    ("a predecessor", |fixture, intent, _| {
        intent.renews.clone_from(&fixture.issued);
    }),
    ("a token of the runtime's", |_, intent, _| {
        intent.token_origin = TokenOrigin::Invocation;
    }),
    ("another shard", |_, intent, _| intent.shard = Some(7)),
    ("another serial", |_, intent, _| {
        let mut octets = *intent.id.serial.as_padded();
        octets[19] ^= 1;
        intent.id.serial = ok(chancery_x509::serial::Serial::from_octets(&octets));
    }),
    ("a nonce of another day", |_, intent, _| {
        if let Some(code) = &mut intent.authentication {
            code.nonce = IntentNonce([3; 32]);
        }
    }),
];

/// Attacks with a correct code, as if a process that may prepare certificates had been tricked: not signed either.
const WITH_THE_KEY: [(&str, Attack); 13] = [
    ("a CA's TBSCertificate", |fixture, intent, mut template| {
        template.not_after = template.not_before.plus_days(3000);
        intent.not_after = template.not_after;
        intent.tbs = ca_certificate(fixture, template);
    }),
    ("a TBSCertList", |fixture, intent, _| {
        intent.tbs = certificate_list(fixture);
    }),
    ("two octets", |_, intent, _| intent.tbs = vec![0x30, 0]),
    ("nothing", |_, intent, _| intent.tbs.clear()),
    ("something behind it", |_, intent, _| intent.tbs.extend([0x05, 0])),
    ("another common name beside it", |_, intent, _| {
        intent.common_name.push('x');
    }),
    ("another validity beside it", |_, intent, _| {
        intent.not_after = intent.not_after.plus_seconds(1);
    }),
    ("another key beside it", |_, intent, _| {
        intent.key = KeyFingerprint([9; 32]);
    }),
    ("another issuer beside it", |fixture, intent, _| {
        intent.id.issuer = fixture.authority.config().cas()[0].name().clone();
    }),
    ("a life beyond every rule", |fixture, intent, mut template| {
        template.not_after = template.not_before.plus_days(3000);
        intent.not_after = template.not_after;
        intent.tbs = issued(fixture, &template);
    }),
    ("usages that no rule adds", |fixture, intent, mut template| {
        template.key_usage = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT;
        intent.tbs = issued(fixture, &template);
    }),
    ("a CRL elsewhere", |fixture, intent, mut template| {
        template.crl_distribution_points = vec!["http://elsewhere.example/x.crl".to_owned()];
        intent.tbs = issued(fixture, &template);
    }),
    ("a profile that there is not", |_, intent, _| {
        "none".clone_into(&mut intent.profile);
    }),
];

/// No leaf intent that an attacker wrote into this ledger is signed, neither by a sweep nor for its token; it is given
/// up, and reported. `config` describes the hierarchy, which is created; its issuing CA may have CAs below it.
///
/// # Panics
/// If such an intent is signed.
pub async fn planted_leaves(ledger: Arc<dyn Ledger>, config: Config) {
    let mut fixture = PlantedFixture::open(ledger, config).await;
    ok(fixture.authority.initialise(&|_: &str| ()).await);
    let issued = ok(fixture.authority.issue(&request(), &principal(), None).await);
    fixture.issued = Some(issued.record.id);
    let mut refused = 0;
    let attacks = WITHOUT_THE_KEY.iter().map(|attack| (attack, false));
    for ((name, attack), has_key) in attacks.chain(WITH_THE_KEY.iter().map(|attack| (attack, true))) {
        let (mut intent, template) = fixture.prepare(name).await;
        attack(&fixture, &mut intent, template);
        if has_key {
            intent = fixture.authenticated(intent).await;
        }
        let id = intent.id.clone();
        fixture.plant(intent, name).await;
        let signatures = fixture.memory.keys.log().len();
        let swept = ok(fixture.authority.sweep_older_than(0).await);
        assert_eq!(
            fixture.memory.keys.log().len(),
            signatures,
            "{name}: something was signed"
        );
        assert_eq!((&swept.completed, &swept.failed), (&vec![], &vec![]), "{name}");
        assert_eq!(swept.lost, std::slice::from_ref(&id), "{name}: it is given up");
        let named: Vec<&IntentId> = swept.refused.iter().map(|(id, _)| id).collect();
        assert_eq!(named, [&id], "{name}: it is reported");
        refused += 1;
        assert_eq!(fixture.authority.refused_intents(), refused, "{name}: it is counted");
        let certificate = ok(fixture.authority.certificate(id.serial).await);
        assert_eq!(certificate, None, "{name}");
    }

    // An intent that this authority prepared is completed, by this process or by another.
    let (genuine, _) = fixture.prepare("genuine").await;
    let id = genuine.id.clone();
    fixture.plant(genuine, "genuine").await;
    let another = fixture.another().await;
    let swept = ok(another.sweep_older_than(0).await);
    assert_eq!((swept.completed, swept.lost), (vec![id], vec![]));

    for (name, attack) in [WITHOUT_THE_KEY[0], WITHOUT_THE_KEY[3]] {
        fixture.token_leads_to_nothing(name, attack).await;
    }
}

/// In a ledger without CAs, no intent for a CA's certificate that an attacker wrote is signed; the CA is created as it
/// is configured.
///
/// # Panics
/// If such an intent is signed.
pub async fn planted_authority(ledger: Arc<dyn Ledger>, config: Config) {
    let fixture = PlantedFixture::open(ledger, config).await;
    let root = fixture.authority.config().cas()[0].clone();
    let key = ok(fixture.memory.keys.create(root.key(), root.algorithm()).await);
    let mut intent = fixture.intent_of_the_root().await;
    let subject = Subject {
        common_name: Some("Somebody Else's Root".to_owned()),
        ..Subject::default()
    };
    let template = CertificateTemplate {
        subject: ok(subject.to_name()),
        basic_constraints: Some(BasicConstraints {
            ca: true,
            path_len: None,
        }),
        key_usage: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
        ..fixture.blank(intent.id.serial, key.as_subject().clone(), &intent)
    };
    let tbs = ok(template.self_signed(&key));
    intent.tbs = tbs.as_der().to_vec();
    let planted = tbs.signing_input(&key);
    let id = intent.id.clone();
    fixture.plant(intent, "a root").await;

    ok(fixture.authority.initialise(&|_: &str| ()).await);
    let signed = fixture.memory.keys.log();
    assert!(
        signed.iter().all(|signature| signature.input != planted),
        "somebody else's root was signed"
    );
    let made = fixture.authority.ca(root.name()).map(|ca| ca.certificate().clone());
    let made = made.unwrap_or_else(|| panic!("there is no root"));
    assert_eq!(made.subject(), root.subject());
    assert_ne!(made.serial(), id.serial);
    assert_eq!(fixture.authority.refused_intents(), 1);
}

/// An attacker who plants intents under many nonces causes only a bounded number of calls to the key store in one
/// sweep, and none of the intents is signed.
///
/// # Panics
/// If an intent is signed, or a sweep makes more calls.
pub async fn planted_nonces(ledger: Arc<dyn Ledger>, config: Config, count: u8) {
    let fixture = PlantedFixture::open(ledger, config).await;
    ok(fixture.authority.initialise(&|_: &str| ()).await);
    for number in 0..count {
        let (mut intent, _) = fixture.prepare(&format!("nonce {number}")).await;
        intent.authentication = Some(IntentCode {
            nonce: IntentNonce::of_day(NOW, [number; 32]),
            code: [0; 32],
        });
        fixture.plant(intent, "a nonce").await;
    }
    let signatures = fixture.memory.keys.log().len();
    let mut lost = 0;
    for _ in 0..3 {
        let asked = fixture.memory.intent_keys.derived().len();
        let swept = ok(fixture.authority.sweep_older_than(0).await);
        let asked = fixture.memory.intent_keys.derived().len() - asked;
        assert!(asked <= 100, "{asked} calls in one sweep");
        lost += swept.lost.len();
    }
    assert_eq!(
        (lost, fixture.memory.keys.log().len()),
        (usize::from(count), signatures)
    );
}

impl PlantedFixture {
    async fn open(ledger: Arc<dyn Ledger>, config: Config) -> Self {
        let memory = MemoryPorts::new(NOW);
        let ports = Ports {
            ledger,
            ..memory.ports()
        };
        let authority = ok(Authority::open(ports, config, Profiles::built_in()).await);
        Self {
            memory,
            authority,
            issued: None,
        }
    }

    async fn another(&self) -> Authority {
        let (ports, config) = (self.authority.ports().clone(), self.authority.config().clone());
        ok(Authority::open(ports, config, Profiles::built_in()).await)
    }

    /// A genuine authenticated intent with a token, and the template of its certificate.
    async fn prepare(&self, name: &str) -> (CertificateIntent, CertificateTemplate) {
        let token = IdempotencyToken(format!("token for {name}"));
        let prepared = ok(self.authority.prepare(&request(), &principal(), Some(token)));
        let template = prepared.template().clone();
        (self.authenticated(prepared.intent()).await, template)
    }

    /// An intent with its code, as a process makes it that may prepare certificates.
    async fn authenticated(&self, mut intent: CertificateIntent) -> CertificateIntent {
        let nonce = IntentNonce::of_day(NOW, [9; 32]);
        let key = ok(self.memory.intent_keys.derive(&nonce).await);
        let code = key.code(&authentication::message(&intent.as_open()));
        intent.authentication = Some(IntentCode { nonce, code });
        intent
    }

    /// The intent for the root's certificate that this authority would record, without its code: another process records it in
    /// a ledger of its own, and dies.
    async fn intent_of_the_root(&self) -> CertificateIntent {
        let dying = MemoryPorts::new(NOW);
        dying.faults.at("intents.reserve", 1, Fault::DieAfter);
        let ports = Ports {
            keys: self.memory.keys.clone(),
            entropy: self.memory.entropy.clone(),
            ..dying.faulty_ports()
        };
        let config = self.authority.config().clone();
        let process = ok(Authority::open(ports, config, Profiles::built_in()).await);
        let made = process.initialise(&|_: &str| ()).await;
        assert!(made.is_err(), "the process died");
        let mut open = dying.ledger.open_intents();
        let mut intent = open.pop().unwrap_or_else(|| panic!("nothing was recorded"));
        intent.authentication = None;
        intent
    }

    async fn plant(&self, intent: CertificateIntent, name: &str) {
        let planted = ok(self.authority.ports().ledger.intents().reserve(intent).await);
        assert!(matches!(planted, Reservation::New), "{name}: {planted:?}");
    }

    /// A caller whose token belongs to a planted intent gets no certificate from it, and one of its own with the next
    /// call.
    async fn token_leads_to_nothing(&self, name: &str, attack: Attack) {
        let (request, token) = (request(), IdempotencyToken(format!("token to {name}")));
        let prepared = ok(self.authority.prepare(&request, &principal(), Some(token.clone())));
        let template = prepared.template().clone();
        let mut intent = self.authenticated(prepared.intent()).await;
        attack(self, &mut intent, template);
        let id = intent.id.clone();
        self.plant(intent, name).await;
        self.memory
            .clock
            .advance(self.authority.config().intent_grace_seconds() + 1);
        let signatures = self.memory.keys.log().len();
        let outcome = self.authority.issue(&request, &principal(), Some(token.clone())).await;
        assert!(
            matches!(outcome, Err(IssueError::Unavailable { .. })),
            "{name}: {outcome:?}"
        );
        assert_eq!(self.memory.keys.log().len(), signatures, "{name}: something was signed");
        let issued = ok(self.authority.issue(&request, &principal(), Some(token)).await);
        assert_ne!(issued.record.id, id, "{name}");
    }

    /// A template with only the fields of an intent.
    fn blank(
        &self,
        serial: chancery_x509::serial::Serial,
        public_key: SubjectPublicKey,
        intent: &CertificateIntent,
    ) -> CertificateTemplate {
        CertificateTemplate {
            serial,
            subject: self.authority.config().cas()[0].subject().clone(),
            public_key,
            not_before: intent.not_before,
            not_after: intent.not_after,
            basic_constraints: None,
            key_usage: KeyUsage::DIGITAL_SIGNATURE,
            subject_key_identifier: None,
            extended_key_usages: Vec::new(),
            alt_names: Vec::new(),
            policies: Vec::new(),
            name_constraints: None,
            crl_distribution_points: Vec::new(),
            ca_issuers: Vec::new(),
            ocsp: Vec::new(),
            custom_extensions: Vec::new(),
        }
    }
}

/// Setting up the fixture must succeed: an error violates a requirement.
fn ok<T, E: std::fmt::Display>(outcome: Result<T, E>) -> T {
    outcome.unwrap_or_else(|error| panic!("nothing is wrong, yet: {error}"))
}

fn principal() -> Principal {
    Principal::token("contract").with(attribute::TOKEN_SCOPES, "issue")
}

fn issued(fixture: &PlantedFixture, template: &CertificateTemplate) -> Vec<u8> {
    let ca = fixture
        .authority
        .issuing_ca()
        .unwrap_or_else(|| panic!("no issuing CA"));
    let tbs: TbsCertificate = ok(template.issued_by(&ca.issuer));
    tbs.as_der().to_vec()
}

fn ca_certificate(fixture: &PlantedFixture, template: CertificateTemplate) -> Vec<u8> {
    let template = CertificateTemplate {
        basic_constraints: Some(BasicConstraints {
            ca: true,
            path_len: Some(0),
        }),
        key_usage: KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
        subject_key_identifier: None,
        extended_key_usages: Vec::new(),
        ..template
    };
    issued(fixture, &template)
}

/// The TBSCertList of the issuing CA's published CRL.
fn certificate_list(fixture: &PlantedFixture) -> Vec<u8> {
    let ca = fixture
        .authority
        .issuing_ca()
        .unwrap_or_else(|| panic!("no issuing CA"));
    let name = format!("{}.crl", ca.name());
    let crl = fixture.memory.publication.content(&name);
    let crl = crl.unwrap_or_else(|| panic!("{name} is not published"));
    let inner = &crl[header(&crl).0..];
    let (start, length) = header(inner);
    inner[..start + length].to_vec()
}

/// Length of a DER header in octets, and the length that it contains.
fn header(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ ..0x80 => (2, usize::from(short)),
        long => {
            let digits = &der[2..2 + usize::from(long & 0x7f)];
            let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            (2 + digits.len(), length)
        }
    }
}

/// A request with a new key.
fn request() -> Request {
    let csr = Requester::new().csr("planted.example.com");
    let mut digest = RequestDigest::new("request");
    digest.value(&csr);
    Request::new(ok(Csr::parse(&csr)), digest.finish())
}
