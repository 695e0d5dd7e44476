//! An authority in a data folder, put together from its parts.

mod passphrase;
mod ready;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use chancery_authority::Authority;
use chancery_authority::config::Config;
use chancery_authority::port::{Ledger as _, Ports};
use chancery_authority::profile::Profiles;
use chancery_local::folder::{DataFolder, FolderLock};
use chancery_local::ledger::SqliteLedger;
use chancery_local::publication::FolderPublication;
use chancery_local::tokens::Tokens;
use chancery_local::world::{SystemClock, SystemEntropy};
use tokio::runtime::Runtime;

use crate::arguments::{Arguments, InitArguments};
use crate::show;
pub(crate) use passphrase::ask;

/// An authority that is open, and what it stands on.
pub(crate) struct House {
    pub(crate) folder: DataFolder,
    pub(crate) ledger: SqliteLedger,
    pub(crate) authority: Arc<Authority>,
    pub(crate) tokens: Arc<Tokens>,
    /// What is wrong and does not keep it from working.
    pub(crate) warnings: Vec<String>,
    keys: settings::Keys,
    pub(crate) runtime: Runtime,
}

/// How many threads a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// A command that does one thing.
    One,
    /// A server.
    All,
}

/// The data folder that the arguments, the environment or custom name.
pub(crate) fn path(arguments: &Arguments) -> Result<PathBuf> {
    match &arguments.dir {
        Some(path) => Ok(path.clone()),
        None => Ok(DataFolder::default_path()?),
    }
}

impl House {
    /// Opens an authority that exists.
    pub(crate) fn open(arguments: &Arguments) -> Result<Self> {
        let folder = DataFolder::open(path(arguments)?)?;
        Self::assemble(folder, arguments, Threads::One)
    }

    /// Opens the authority in the folder for this process alone, creating what is not there yet, and makes sure that it can
    /// work: that its ledger is sound, and that the keys open and are those of its CAs. Safe to repeat after a failure at any
    /// point.
    pub(crate) fn create(arguments: &Arguments, init: &InitArguments, threads: Threads) -> Result<(FolderLock, Self)> {
        let folder = DataFolder::create(path(arguments)?)?;
        // Before anything is read or written: two processes that create, or serve, one authority must not meet.
        let lock = folder.lock()?;
        if folder.config()?.is_none() || was_never_created(&folder, init)? {
            let text = match &init.config {
                Some(file) => {
                    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
                }
                None => Config::default_toml().to_owned(),
            };
            Config::from_toml(&text).with_context(|| match &init.config {
                Some(file) => format!("{} cannot be used", file.display()),
                None => "the default configuration cannot be used".to_owned(),
            })?;
            settings::write(&folder, init, &arguments.passphrase)?;
            // Last: a folder with a configuration holds an authority.
            folder.write_config(&text)?;
        }
        let mut house = Self::assemble(folder, arguments, threads)?;
        let progress = show::Progress::start("Opening the authority");
        house.make_ready()?;
        let missing = house
            .authority
            .config()
            .cas()
            .iter()
            .any(|ca| house.authority.ca(ca.slug()).is_none());
        // A server publishes as its first duty, after it answers; without one, what a creation that was interrupted did
        // not publish is published here.
        if missing || threads == Threads::One {
            let say = |line: &str| progress.say(line);
            let creating = house.authority.initialise(&say);
            house
                .runtime
                .block_on(creating)
                .context("the authority cannot be created")?;
        }
        if missing {
            house.make_ready()?;
        }
        Ok((lock, house))
    }

    fn assemble(folder: DataFolder, arguments: &Arguments, threads: Threads) -> Result<Self> {
        let text = folder.config()?.unwrap_or_else(|| Config::default_toml().to_owned());
        let config =
            Config::from_toml(&text).with_context(|| format!("{} cannot be used", folder.config_file().display()))?;
        let mut profiles = Profiles::built_in();
        for (name, text) in folder.profile_texts()? {
            profiles = profiles.with(&name, &text)?;
        }
        profiles.check(&config)?;
        let settings = settings::read(&folder)?;
        let keys = settings.keys(&folder, &arguments.passphrase)?;
        let ledger = if folder.ledger_file().exists() {
            SqliteLedger::open(folder.ledger_file())
        } else {
            SqliteLedger::create(folder.ledger_file())
        }
        .context("the ledger cannot be opened")?;
        let publication = FolderPublication::open(folder.public())
            .with_context(|| format!("{} cannot be published to", folder.public().display()))?;
        let ports = Ports {
            keys: keys.store(),
            intent_keys: keys.intent_keys(),
            ledger: Arc::new(ledger.clone()),
            publication: Arc::new(publication),
            notices: settings.notices()?,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let runtime = match threads {
            Threads::One => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            Threads::All => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
        };
        let authority = runtime
            .block_on(Authority::open(ports, config, profiles))
            .context("the ledger cannot be read")?;
        let tokens = Arc::new(Tokens::new(&ledger));
        Ok(Self {
            folder,
            ledger,
            authority: Arc::new(authority),
            tokens,
            warnings: Vec::new(),
            keys,
            runtime,
        })
    }
}

/// Whether a creation failed before it made a CA, so that other choices, given now, take the place of those given then.
fn was_never_created(folder: &DataFolder, init: &InitArguments) -> Result<bool> {
    if (init.config.is_none() && init.pkcs11_module.is_none()) || !folder.ledger_file().exists() {
        return Ok(false);
    }
    let ledger = SqliteLedger::open(folder.ledger_file()).context("the ledger cannot be opened")?;
    let cas = chancery_local::wait(ledger.authorities()).context("the ledger cannot be read")?;
    Ok(cas.is_empty())
}
