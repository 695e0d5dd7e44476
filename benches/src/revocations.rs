//! CRLs over a large ledger: time and memory that making one takes, in a process that does nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use chancery_authority::Authority;
use chancery_authority::CaName;
use chancery_authority::Principal;
use chancery_authority::config::Config;
use chancery_authority::port::ledger::{
    AttemptId, AttemptOrigin, CertificateIntent, Completion, IntentId, Kind, Reach, Revocation, TokenOrigin,
};
use chancery_authority::port::{Entropy as _, KeyName, Ledger as _, NoInvocation, Ports, Receipt};
use chancery_authority::profile::Profiles;
use chancery_local::folder::DataFolder;
use chancery_local::keys::passphrase::{Passphrase, PassphraseSource};
use chancery_local::keys::sealed::SealedKeyStore;
use chancery_local::ledger::SqliteLedger;
use chancery_local::publication::FolderPublication;
use chancery_local::world::{SystemClock, SystemEntropy};
use chancery_x509::crl::RevocationReason;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use serde_json::json;

/// Writes in flight while the ledger is filled.
const AT_ONCE: usize = 2_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Certificates in the ledger
    #[arg(long)]
    issued: usize,
    /// Those of them that are revoked
    #[arg(long)]
    revoked: usize,
    /// The second half, in a process of its own: measure over this folder
    #[arg(long, hide = true)]
    measure: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(folder) = &arguments.measure {
        return measure(folder, arguments);
    }
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(fill(folder.path(), arguments))?;
    let status = std::process::Command::new(std::env::current_exe()?)
        .args([
            "revocations",
            "--issued",
            &arguments.issued.to_string(),
            "--revoked",
            &arguments.revoked.to_string(),
            "--measure",
        ])
        .arg(folder.path())
        .status()?;
    if !status.success() {
        bail!("the measurement failed");
    }
    Ok(())
}

async fn open(folder: &Path) -> Result<(Authority, SqliteLedger, SealedKeyStore)> {
    let folder = DataFolder::create(folder.join("data"))?;
    let keys = SealedKeyStore::new(
        &folder.keys(),
        PassphraseSource::Given(Passphrase::new("a passphrase for measuring")?),
    );
    let ledger = if folder.ledger_file().exists() {
        SqliteLedger::open(folder.ledger_file())?
    } else {
        SqliteLedger::create(folder.ledger_file())?
    };
    let ports = Ports {
        keys: Arc::new(keys.clone()),
        intent_keys: Arc::new(keys.clone()),
        ledger: Arc::new(ledger.clone()),
        publication: Arc::new(FolderPublication::open(folder.public())?),
        notices: Arc::<chancery_testing::memory::MemoryNotices>::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        invocation: Arc::new(NoInvocation),
    };
    let authority = Authority::open(ports, Config::from_toml(Config::default_toml())?, Profiles::built_in()).await?;
    Ok((authority, ledger, keys))
}

/// Fills a ledger with that many certificates; their contents do not matter here.
async fn fill(folder: &Path, arguments: &Arguments) -> Result<()> {
    let (authority, ledger, _) = open(folder).await?;
    authority.initialise(&|_| {}).await?;
    let issuer = authority.issuing_ca().context("there is no issuing CA")?.name().clone();
    let mut next = 0;
    while next < arguments.issued {
        let end = (next + AT_ONCE).min(arguments.issued);
        let tasks: Vec<_> = (next..end)
            .map(|index| {
                tokio::spawn(certificate(
                    ledger.clone(),
                    issuer.clone(),
                    index,
                    index < arguments.revoked,
                ))
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        next = end;
    }
    Ok(())
}

async fn certificate(ledger: SqliteLedger, issuer: CaName, index: usize, revoked: bool) -> Result<()> {
    let mut octets = [0; 20];
    SystemEntropy.fill(&mut octets);
    let serial = Serial::from_random(octets).context("no serial")?;
    let mut key = [0; 32];
    SystemEntropy.fill(&mut key);
    let id = IntentId {
        issuer: issuer.clone(),
        serial,
    };
    let at = UnixTime(1_790_000_000);
    let tbs = tbs();
    ledger
        .intents()
        .reserve(CertificateIntent {
            id: id.clone(),
            kind: Kind::Leaf,
            common_name: format!("host-{index}.example.com"),
            profile: "tls".to_owned(),
            renews: None,
            key: KeyFingerprint(key),
            allow_key_reuse: false,
            tbs: tbs.clone(),
            signing_input: vec![0; 32],
            attempt: AttemptOrigin {
                id: AttemptId(std::array::from_fn(|index| key[index])),
                key: KeyName("measuring".to_owned()),
                request_id: None,
            },
            not_before: at,
            not_after: UnixTime(4_000_000_000),
            shard: None,
            principal: Principal::AUTHORITY,
            token: None,
            token_origin: TokenOrigin::Caller,
            request_digest: [0; 32],
            notify_expiry: false,
            at,
            authentication: None,
        })
        .await?;
    // SEQUENCE { tbs, ecdsa-with-SHA256, BIT STRING }: a signature of 70 octets of value 1.
    let mut certificate = tbs;
    certificate.extend_from_slice(&[
        0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03, 71, 0,
    ]);
    certificate.extend_from_slice(&[1; 70]);
    let len = u16::try_from(certificate.len())?.to_be_bytes();
    certificate.splice(0..0, [0x30, 0x82, len[0], len[1]]);
    ledger
        .intents()
        .complete(Completion {
            id,
            certificate,
            attempt: None,
            receipt: Receipt("measuring".to_owned()),
            at,
        })
        .await?;
    if revoked {
        let revocation = Revocation {
            at,
            reason: RevocationReason::KeyCompromise,
            invalidity_date: None,
            principal: "authority".to_owned(),
        };
        ledger
            .revocations()
            .revoke(&issuer, serial, revocation, Reach::Key)
            .await?;
    }
    Ok(())
}

/// A SEQUENCE as long as a usual TBSCertificate.
fn tbs() -> Vec<u8> {
    let content = [0x04_u8, 0x82, 0x01, 0x7c]
        .into_iter()
        .chain([0x5a; 380])
        .collect::<Vec<u8>>();
    [vec![0x30, 0x82, 0x01, 0x80], content].concat()
}

fn measure(folder: &Path, arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (authority, _, keys) = open(folder).await?;
        let ca = authority.issuing_ca().context("there is no issuing CA")?;
        keys.unseal(&ca.record.key).await?;
        // The key derivation's memory is released; the peak is measured anew from here.
        let idle = status("VmRSS:")?;
        let mut results = Vec::new();
        for _ in 0..2 {
            std::fs::write("/proc/self/clear_refs", "5").context("the peak cannot be reset")?;
            let started = Instant::now();
            let outcomes = authority.publish_crls(Some(ca.name())).await;
            let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
            let (_, outcome) = outcomes.into_iter().next().context("there is no CRL")?;
            let above_idle = status("VmHWM:")?.saturating_sub(idle);
            results.push((outcome?, milliseconds, above_idle));
        }
        let [(crl, first_ms, first_kib), (_, second_ms, second_kib)] = &results[..] else {
            bail!("there are not two CRLs");
        };
        let size = std::fs::metadata(folder.join("data/public").join(format!("{}.crl", ca.name())))?.len();
        println!(
            "{}",
            json!({
                "issued": arguments.issued, "entries": crl.entries, "octets": size, "idle_kib": idle,
                "milliseconds": first_ms, "peak_above_idle_kib": first_kib,
                "second_milliseconds": second_ms, "second_peak_above_idle_kib": second_kib,
            })
        );
        Ok(())
    })
}

/// A line of `/proc/self/status`, in KiB.
fn status(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .with_context(|| format!("no {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
