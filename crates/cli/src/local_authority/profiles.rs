//! Profiles of the data folder. Only issuing needs them: an authority with a broken one still lists, revokes and
//! publishes.

use anyhow::{Error, Result, bail};
use chancery_authority::config::Config;
use chancery_authority::profile::{DEFAULT_PROFILE, Profiles};
use chancery_local::folder::{DataFolder, ProfileText};

use super::LocalAuthority;

/// A profile in the folder that cannot be used.
pub(super) struct BrokenProfile {
    name: String,
    /// The file, and what is wrong with it.
    why: Error,
}

/// The built-in profiles and those of the folder, and which of the latter are broken. Nothing replaces a broken one,
/// not even a built-in one of its name: the operator wanted another.
pub(super) fn read(folder: &DataFolder, config: &Config) -> Result<(Profiles, Vec<BrokenProfile>)> {
    let mut profiles = Profiles::built_in();
    let mut broken = Vec::new();
    for ProfileText { name, text } in folder.profile_texts()? {
        let with = text.map_err(Error::from).and_then(|text| {
            let with = profiles.clone().with(&name, &text)?;
            with.check(config)?;
            Ok(with)
        });
        match with {
            Ok(with) => profiles = with,
            Err(error) => {
                let file = folder.profiles().join(format!("{name}.toml"));
                profiles = profiles.without(&name);
                let why = error.context(format!("{} cannot be used", file.display()));
                broken.push(BrokenProfile { name, why });
            }
        }
    }
    Ok((profiles, broken))
}

impl LocalAuthority {
    /// Refuses where any profile is broken: for a server, and for creating an authority.
    pub(super) fn refuse_broken_profiles(&mut self) -> Result<()> {
        if self.broken_profiles.is_empty() {
            return Ok(());
        }
        Err(self.broken_profiles.swap_remove(0).why)
    }

    /// Refuses to issue by a broken profile; without a name, by the default one.
    pub(crate) fn refuse_broken_profile(&self, name: Option<&str>) -> Result<()> {
        let name = name.unwrap_or(DEFAULT_PROFILE);
        if let Some(broken) = self.broken_profiles.iter().find(|broken| broken.name == name) {
            bail!("nothing is issued by the profile {name}: {:#}", broken.why);
        }
        Ok(())
    }

    /// Whether there is a profile that cannot be used.
    pub(crate) fn has_broken_profiles(&self) -> bool {
        !self.broken_profiles.is_empty()
    }

    /// Each profile that cannot be used, as text.
    pub(crate) fn broken_profiles(&self) -> impl Iterator<Item = String> {
        self.broken_profiles.iter().map(|broken| format!("{:#}", broken.why))
    }
}
