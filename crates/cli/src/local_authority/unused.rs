//! The options of an authority's creation apply once. A user who gives others later must learn that they have no
//! effect.

use std::path::Path;

use anyhow::Result;
use chancery_local::folder::DataFolder;
use chancery_local::keys::passphrase::STORED_FILE;

use super::settings;
use crate::arguments::InitArguments;
use crate::bounded;

/// The options that differ from what the authority in the folder was created with or has now, each as a sentence.
pub(super) fn choices(folder: &DataFolder, init: &InitArguments) -> Result<Vec<String>> {
    let mut unused = Vec::new();
    let exists = format!("the authority in {} exists already", folder.path().display());
    if let Some(file) = &init.config
        && !same_configuration(file, &folder.config()?.unwrap_or_default())?
    {
        unused.push(format!(
            "{exists}, and {} was not used: it differs from {}. Edit that one, or choose another folder with --dir",
            file.display(),
            folder.config_file().display()
        ));
    }
    if let (Some(module), Some(token)) = (&init.pkcs11_module, &init.pkcs11_token)
        && !settings::keeps_keys_in(folder.path(), module, token)?
    {
        unused.push(format!(
            "{exists}, and --pkcs11-module and --pkcs11-token were not used: its keys are where {} says",
            settings::file(folder.path()).display()
        ));
    }
    let stored = folder.keys().join(STORED_FILE);
    if init.ask_passphrase && stored.is_file() {
        unused.push(format!(
            "{exists}, and --ask-passphrase was not used: the generated passphrase in {} opens its keys",
            stored.display()
        ));
    }
    Ok(unused)
}

/// Whether two configurations are equal, apart from comments and blanks.
fn same_configuration(file: &Path, text: &str) -> Result<bool> {
    let given = bounded::text(file, bounded::TEXT)?;
    let read = |text: &str| text.parse::<toml::Table>().ok();
    Ok(given.as_str() == text || read(&given).is_some_and(|given| read(text) == Some(given)))
}
