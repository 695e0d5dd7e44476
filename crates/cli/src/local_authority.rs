//! An authority in a data folder, put together from its parts.

mod limits;
mod missing;
mod passphrase;
mod profiles;
mod ready;
mod settings;
mod unused;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use chancery_authority::Authority;
use chancery_authority::CaName;
use chancery_authority::config::{CaConfig, Config};
use chancery_authority::port::{Ledger as _, Ports};
use chancery_local::folder::{DataFolder, FolderLock};
use chancery_local::ledger::SqliteLedger;
use chancery_local::publication::FolderPublication;
use chancery_local::tokens::Tokens;
use chancery_local::world::{SystemClock, SystemEntropy};
use chancery_server::limits::Limits;
use chancery_server::request_id::CurrentRequest;
use chancery_x509::certificate::Certificate;
use tokio::runtime::Runtime;

use crate::arguments::{Arguments, InitArguments};
use crate::{bounded, show};
pub(crate) use passphrase::ask;
pub(crate) use settings::{pkcs11_module, refuse_module_within};

/// An open authority, and the parts it uses.
pub(crate) struct LocalAuthority {
    pub(crate) folder: DataFolder,
    pub(crate) ledger: SqliteLedger,
    pub(crate) authority: Arc<Authority>,
    pub(crate) tokens: Arc<Tokens>,
    /// Limits of a server for it.
    pub(crate) limits: Limits,
    /// Problems that do not prevent it from working.
    pub(crate) warnings: Vec<String>,
    keys: settings::Keys,
    broken_profiles: Vec<profiles::BrokenProfile>,
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

/// The data folder from the arguments, the environment or the default.
pub(crate) fn path(arguments: &Arguments) -> Result<PathBuf> {
    match &arguments.dir {
        Some(path) => Ok(path.clone()),
        None => Ok(DataFolder::default_path()?),
    }
}

/// The same, if there is an authority in it; a folder that the user named is returned in any case.
pub(crate) fn path_if_there(arguments: &Arguments) -> Option<PathBuf> {
    if let Some(path) = &arguments.dir {
        return Some(path.clone());
    }
    let path = DataFolder::default_path().ok();
    path.filter(|path| path.join("ledger.sqlite3").exists())
}

/// The root certificates of the authority in a folder, which is only read.
pub(crate) fn roots(path: &Path) -> Result<Vec<Certificate>> {
    let folder = DataFolder::open(path)?;
    let ledger = SqliteLedger::open_to_read(folder.ledger_file())?;
    let cas = chancery_local::block_on(ledger.issuers().list())?;
    let roots = cas.iter().filter(|ca| ca.parent.is_none());
    roots.map(|ca| Ok(Certificate::parse(&ca.certificate)?)).collect()
}

impl LocalAuthority {
    /// Opens an authority that exists.
    pub(crate) fn open(arguments: &Arguments) -> Result<Self> {
        let folder = DataFolder::open(path(arguments)?)?;
        missing::refuse(&folder)?;
        let ledger = open_ledger(&folder)?;
        Self::assemble(folder, ledger, arguments, Threads::One)?.created()
    }

    /// The same for commands that change nothing: they also work on a folder that is mounted read-only.
    pub(crate) fn open_to_read(arguments: &Arguments) -> Result<Self> {
        let folder = DataFolder::open(path(arguments)?)?;
        missing::refuse(&folder)?;
        let ledger = if folder.is_read_only() {
            SqliteLedger::open_to_read(folder.ledger_file()).context("the ledger cannot be opened")?
        } else {
            open_ledger(&folder)?
        };
        Self::assemble(folder, ledger, arguments, Threads::One)?.created()
    }

    /// Refuses a folder whose creation was interrupted before it had a CA: other commands would have nothing to work
    /// on.
    fn created(self) -> Result<Self> {
        if self.authority.cas().is_empty() {
            bail!("{}", self.not_created("the creation of the authority was not finished"));
        }
        Ok(self)
    }

    /// A message about what is missing, and how to create it.
    pub(crate) fn not_created(&self, what: &str) -> String {
        format!(
            "{what}: run `chancery --dir {} init` again",
            self.folder.path().display()
        )
    }

    /// The CAs of the configuration that were not created yet.
    pub(crate) fn missing_cas(&self) -> impl Iterator<Item = &CaName> {
        let configured = self.authority.config().cas().iter().map(CaConfig::name);
        configured.filter(|ca_name| self.authority.ca(ca_name).is_none())
    }

    /// Prints warnings about permissions that are too wide, and about settings under their former name: for every command
    /// but those that report them among other things.
    pub(crate) fn print_warnings(self) -> Self {
        for warning in self.folder_warnings() {
            eprintln!("warning: {}", show::visible(&warning));
        }
        self
    }

    /// Permissions of the folder that are too wide, and settings under their former name.
    pub(crate) fn folder_warnings(&self) -> Vec<String> {
        let mut warnings = self.folder.warnings();
        warnings.extend(settings::former_name(self.folder.path()));
        warnings
    }

    /// Opens the authority in the folder for this process alone, creating what is missing, and makes sure that it can
    /// work: that its ledger is sound, and that the keys open and match its CAs. Safe to repeat after a failure at any
    /// point.
    ///
    /// `first` runs before anything is written: where it fails, no authority is created.
    pub(crate) fn create(
        arguments: &Arguments,
        init: &InitArguments,
        threads: Threads,
        first: impl FnOnce() -> Result<()>,
    ) -> Result<(FolderLock, Self)> {
        let folder = DataFolder::create(path(arguments)?)?;
        // Before anything is read or written: two processes must not create, or serve, one authority at the same time.
        let lock = folder.lock()?;
        missing::refuse(&folder)?;
        first()?;
        let mut unused = Vec::new();
        if folder.config()?.is_none() || was_never_created(&folder, init)? {
            let text = match &init.config {
                Some(file) => bounded::text(file, bounded::TEXT)?,
                None => Config::default_toml().to_owned(),
            };
            Config::from_toml(&text).with_context(|| match &init.config {
                Some(file) => format!("{} cannot be used", file.display()),
                None => "the default configuration cannot be used".to_owned(),
            })?;
            settings::write(&folder, init, &arguments.passphrase)?;
            // Last: a folder with a configuration contains an authority.
            folder.write_config(&text)?;
        } else {
            unused = unused::choices(&folder, init)?;
            // A service passes these options at every start, and must start however its configuration has changed
            // since.
            if let Some(choice) = unused.first().filter(|_| threads == Threads::One) {
                bail!("{choice}");
            }
        }
        let ledger = open_ledger(&folder)?;
        let mut local = Self::assemble(folder, ledger, arguments, threads)?;
        local.refuse_broken_profiles()?;
        let progress = show::Progress::start("Opening the authority");
        local.make_ready()?;
        let missing = local.missing_cas().next().is_some();
        // A server publishes as its first duty, after it answers; without a server, files that an interrupted creation
        // did not publish are published here.
        if missing || threads == Threads::One {
            let say = |line: &str| progress.say(line);
            let creating = local.authority.initialise(&say);
            local
                .runtime
                .block_on(creating)
                .context("the authority cannot be created")?;
        }
        if missing {
            local.make_ready()?;
        }
        local.warnings.extend(unused);
        Ok((lock, local))
    }

    fn assemble(folder: DataFolder, ledger: SqliteLedger, arguments: &Arguments, threads: Threads) -> Result<Self> {
        let text = folder.config()?.unwrap_or_else(|| Config::default_toml().to_owned());
        let config =
            Config::from_toml(&text).with_context(|| format!("{} cannot be used", folder.config_file().display()))?;
        let (profiles, broken_profiles) = profiles::read(&folder, &config)?;
        let settings = settings::read(&folder)?;
        let limits = settings.limits()?;
        let keys = settings.keys(&folder, &arguments.passphrase)?;
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
            // A command works on no request of a client; a server that is started on this authority does.
            invocation: Arc::new(CurrentRequest),
        };
        let runtime = match threads {
            Threads::One => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            Threads::All => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
        };
        let authority = runtime
            .block_on(Authority::open(ports, config, profiles))
            .context("the ledger cannot be read")?;
        runtime
            .block_on(authority.check_crl_files())
            .with_context(|| format!("{} cannot be used", folder.config_file().display()))?;
        let tokens = Arc::new(Tokens::new(&ledger));
        Ok(Self {
            folder,
            ledger,
            authority: Arc::new(authority),
            tokens,
            limits,
            warnings: Vec::new(),
            keys,
            broken_profiles,
            runtime,
        })
    }
}

fn open_ledger(folder: &DataFolder) -> Result<SqliteLedger> {
    let opened = if folder.ledger_file().exists() {
        SqliteLedger::open(folder.ledger_file())
    } else {
        SqliteLedger::create(folder.ledger_file())
    };
    opened.context("the ledger cannot be opened")
}

/// Whether a creation failed before it made a CA, so that options given now replace those given then.
fn was_never_created(folder: &DataFolder, init: &InitArguments) -> Result<bool> {
    if (init.config.is_none() && init.pkcs11_module.is_none()) || !folder.ledger_file().exists() {
        return Ok(false);
    }
    let ledger = SqliteLedger::open(folder.ledger_file()).context("the ledger cannot be opened")?;
    let cas = chancery_local::block_on(ledger.issuers().list()).context("the ledger cannot be read")?;
    Ok(cas.is_empty())
}
