//! Asks for a passphrase, where there is a terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;

use chancery_local::folder::DataFolder;
use chancery_local::keys::passphrase::{
    ENVIRONMENT, Passphrase, PassphraseError, PassphrasePrompt, PassphraseSource, Purpose, STORED_FILE,
};
use dialoguer::Password;

use crate::arguments::PassphraseArguments;
use crate::show;

/// The source of the passphrase or PIN: the arguments, else the environment, else the generated passphrase, else a
/// prompt.
pub(super) fn source(folder: &DataFolder, arguments: &PassphraseArguments) -> PassphraseSource {
    if let Some(descriptor) = &arguments.passphrase_fd {
        return PassphraseSource::Descriptor(descriptor.clone());
    }
    if let Some(file) = &arguments.passphrase_file {
        return PassphraseSource::File(file.clone());
    }
    if std::env::var_os(ENVIRONMENT).is_some() {
        return PassphraseSource::environment();
    }
    if folder.keys().join(STORED_FILE).is_file() {
        return PassphraseSource::stored(&folder.keys());
    }
    PassphraseSource::Prompt(Arc::new(Terminal))
}

struct Terminal;

impl PassphrasePrompt for Terminal {
    fn passphrase(&self, purpose: Purpose) -> Result<Passphrase, PassphraseError> {
        ask(match purpose {
            Purpose::Seal => ("Passphrase to seal the CA keys with", true),
            Purpose::Unseal => ("Passphrase of the CA keys", false),
            Purpose::Login => ("PIN of the token", false),
        })
    }
}

/// Asks at the terminal; twice where a typing error would lose a key.
pub(crate) fn ask((prompt, twice): (&str, bool)) -> Result<Passphrase, PassphraseError> {
    let unanswered = |detail: String| PassphraseError::NotAnswered { detail };
    if !std::io::stdin().is_terminal() {
        return Err(unanswered(format!(
            "there is no terminal to ask at; use --passphrase-fd, --passphrase-file or {ENVIRONMENT}"
        )));
    }
    let mut question = Password::new().with_prompt(prompt);
    if twice {
        question = question.with_confirmation("The same again", "These differ; once more");
    }
    let answer = show::without_progress(|| question.interact()).map_err(|error| unanswered(error.to_string()))?;
    let passphrase = Passphrase::new(answer.into_bytes())?;
    if let Some(weakness) = passphrase.weakness().filter(|_| twice) {
        eprintln!("warning: {weakness}");
    }
    Ok(passphrase)
}
