//! What reads octets in `chancery-authority`: requests, and the files that operators write.

use std::sync::LazyLock;

use chancery_authority::config::Config;
use chancery_authority::issue::{CsrFileName, RequestedNames};
use chancery_authority::issue::{IssuancePolicy, IssueError};
use chancery_authority::port::LedgerError;
use chancery_authority::profile::{Profile, Profiles};
use chancery_authority::{Authority, CaName, Principal};
use chancery_contract::plan::{Planner, Proposal, Unreadable, Verdict};
use chancery_contract::{CsrSource, IssueTlsCert as _, RevokedEntry, TlsCertRequest, TlsList, budget, lists};
use chancery_lint::{Severity, lint_certificate};
use chancery_testing::NOW;
use chancery_testing::memory::MemoryPorts;
use chancery_x509::certificate::Certificate;

/// A CSR by OpenSSL that every profile takes.
const CSR: &[u8] = include_bytes!("../../crates/x509/tests/data/csr/openssl-p256.der");

/// With two CAs in memory, URLs in its certificates, and some extensions allowed.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let config = "public_url = \"http://ca.example.com/\"\ncustom_extension_allowlist = [\"1.3.6.1.4.1.99999.1\", \"1.3.6.1.4.1.99999.2\"]\n";
    let config = Config::from_toml(config).expect("the configuration is one");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a thread can wait");
    runtime.block_on(async {
        let authority = Authority::open(MemoryPorts::new(NOW).ports(), config, Profiles::built_in()).await;
        let authority = authority.expect("memory is available");
        authority.initialise(&|_| ()).await.expect("memory is available");
        authority
    })
});

/// A request that is well formed keeps every budget, and is either refused or becomes a certificate without a flaw.
pub fn request(octets: &[u8]) {
    let Ok(mut request) = TlsCertRequest::from_json(octets) else {
        return;
    };
    assert!(octets.len() <= budget::REQUEST);
    assert!(request.purposes.len() + request.extended_key_usages.len() <= 2 * budget::USAGES);
    assert!(request.extensions.len() <= budget::EXTENSIONS);
    if let RequestedNames::Listed(names) = &request.alt_names {
        assert!(names.len() <= budget::ALT_NAMES);
    }
    if let Some(CsrSource::Inline(csr)) = &request.csr {
        assert!(csr.len() <= budget::CSR);
    }
    if let Some(name) = request.csr_file() {
        assert!(
            !name.as_str().contains(['/', '\\', '\0']) && !name.as_str().starts_with('.'),
            "{name}"
        );
    }
    assert!(request.csr.is_some() || request.ca_chain_only);

    request.csr = Some(CsrSource::Inline(CSR.to_vec()));
    prepare(&request);
}

fn prepare(request: &TlsCertRequest) {
    let prepared = match AUTHORITY.prepare_tls_cert(request, &Principal::local("fuzzer"), None) {
        Ok(prepared) => prepared,
        Err(IssueError::Refused(refusal)) => {
            assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty());
            return;
        }
        Err(error) => panic!("neither refused nor prepared: {error} ({:?})", error.detail()),
    };
    let ca = prepared.ca().certificate();
    let der = prepared.assemble(&[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]);
    let certificate = Certificate::parse(&der).expect("what is built is read");
    assert!(certificate.not_before() <= NOW && NOW < certificate.not_after());
    assert!(certificate.not_after() <= ca.not_after());
    if let RequestedNames::Listed(names) = &request.alt_names {
        assert_eq!(certificate.alt_names(), names);
    }
    assert_eq!(certificate.custom_extensions().len(), request.extensions.len());
    let findings = lint_certificate(&der, Some(ca.as_der()));
    assert!(
        findings.iter().all(|finding| finding.severity < Severity::Error),
        "{findings:?}"
    );
}

/// A configuration that is valid has CAs with names of their own, parents first, and one that issues.
pub fn config(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let config = match Config::from_toml(text) {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let cas = config.cas();
    assert!(cas.iter().any(|ca| ca.name() == config.issuing_ca().name()));
    for (position, ca) in cas.iter().enumerate() {
        let before = &cas[..position];
        assert!(
            before
                .iter()
                .all(|other| other.name() != ca.name() && other.key() != ca.key())
        );
        if let Some(parent) = ca.parent() {
            assert!(
                before.iter().any(|other| other.name() == parent),
                "{parent} comes later"
            );
        }
        assert!(!ca.subject().is_empty());
        assert!((1..=36_500).contains(&ca.lifetime_days()));
        assert!(ca.crl().interval_seconds() > 0 && ca.crl().interval_seconds() <= ca.crl().lifetime_seconds());
        assert!(!ca.crl_scopes().is_empty());
        assert_eq!(config.crt_url(ca.name()).is_some(), config.public_url().is_some());
    }
    assert_eq!(
        config.crl_scopes().len(),
        cas.iter().map(|ca| ca.crl_scopes().len()).sum::<usize>()
    );
    // Whether the built-in profiles fit these CAs is for the check to say, in words.
    if let Err(error) = Profiles::built_in().check(&config) {
        assert!(!error.to_string().is_empty());
    }
}

/// A profile that is valid gives no more than it allows.
pub fn profile(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let profile = match Profile::from_toml("fuzzed", text) {
        Ok(profile) => profile,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(profile.name(), "fuzzed");
    assert!((1..=profile.max_lifetime_days()).contains(&profile.default_lifetime_days()));
    assert!(profile.backdate_seconds() >= 0);
    for usage in profile
        .extended_key_usages()
        .iter()
        .chain(profile.default_extended_key_usages())
    {
        assert!(profile.allows_extended_key_usage(usage), "{usage}");
    }
    assert!(
        profile.subject().to_name().is_ok(),
        "what every certificate has can be encoded"
    );
    assert!(profile.allows_custom_extensions() || !profile.allows_critical_custom_extensions());
    let all = Profiles::built_in().with("fuzzed", text).expect("it was valid before");
    assert!(all.named("fuzzed").is_some());
}

/// The small texts that become file names, rows and URLs have no way out of them.
pub fn file_names(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(ca_name) = CaName::new(text) {
        assert_eq!(ca_name.as_str(), text);
        assert!(
            text.bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
        );
        let _ = (Config::crt_name(&ca_name), ca_name.to_string());
    }
    if let Ok(name) = CsrFileName::new(text) {
        let joined = std::path::Path::new("csrs").join(name.as_str());
        assert_eq!(joined.parent(), Some(std::path::Path::new("csrs")), "{name}");
        assert!(!text.chars().any(char::is_control));
    }
}

/// A list that is one keeps its entries, and matches no name that it does not have.
pub fn operator_lists(octets: &[u8]) {
    if let Ok(list) = TlsList::parse(octets) {
        for entry in list.entries() {
            let (organization, unit) = (entry.organization.as_deref(), entry.organizational_unit.as_deref());
            assert!(list.matches(&entry.common_name, organization, unit));
        }
        assert!(
            !list.matches("\u{1}no such name", None, None)
                || list.entries().iter().any(|entry| entry.common_name.contains('\u{1}'))
        );
    }
    if let Ok((entries, damaged)) = RevokedEntry::parse_list("revoked.json", octets) {
        assert!(damaged.len() <= 100);
        for entry in entries {
            assert_ne!(entry.serial_number.to_string(), "0");
        }
    }
    plan(octets);
}

/// One text as each list, and as the CSR that its entries name.
struct Proposed<'a>(&'a [u8]);

impl Proposal for Proposed<'_> {
    fn list(&self, _name: &'static str) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(Some(self.0.to_vec()))
    }

    fn csr(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, Unreadable> {
        let csr = if name.as_str() == "a.csr" { CSR } else { self.0 };
        Ok(Some(csr.to_vec()))
    }

    fn csr_names(&self) -> Result<Vec<String>, Unreadable> {
        Ok(vec![String::from_utf8_lossy(self.0).into_owned()])
    }

    fn place(&self) -> String {
        "the folder csrs".to_owned()
    }
}

/// Every entry of a list gets a verdict, refusals say why, and a list is equal to itself.
fn plan(octets: &[u8]) {
    let authority = &*AUTHORITY;
    let cas = authority.cas();
    let planner = Planner {
        policy: IssuancePolicy {
            config: authority.config(),
            profiles: authority.profiles(),
            cas: &cas,
        },
        ledger: None,
        now: NOW,
        entropy: authority.ports().entropy.as_ref(),
    };
    let proposed = Proposed(octets);
    let planning = async {
        let plan = planner.plan(&proposed, None).await?;
        Ok::<_, LedgerError>((plan, planner.plan(&proposed, Some(&proposed)).await?))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let both = runtime.expect("a thread can wait").block_on(planning);
    let (plan, compared) = both.expect("nobody is asked");
    for item in &plan.items {
        assert!(item.verdict != Verdict::Refused || item.reason.as_ref().is_some_and(|reason| !reason.is_empty()));
    }
    match lists::entries("tls.json", octets) {
        Ok(entries) => {
            assert_eq!(plan.items.len(), 3 * entries.len());
            assert!(compared.items.is_empty());
        }
        Err(_) => assert_eq!(plan.items.len(), 3),
    }
}
