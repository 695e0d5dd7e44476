//! Checks that an authority can work, when it is opened instead of at the first request.

use anyhow::{Context as _, Error, Result, bail};
use chancery_authority::authority::Ca;
use chancery_authority::port::KeyStoreError;
use tokio::task::JoinHandle;

use super::{LocalAuthority, settings};

impl LocalAuthority {
    /// Checks the ledger's structure, and opens the key of every CA that exists. A damaged ledger, or the issuing CA's
    /// key missing, is an error; a key of another CA may be away on purpose, and causes a warning.
    pub(super) fn make_ready(&mut self) -> Result<()> {
        let looking = self.runtime.spawn({
            let ledger = self.ledger.clone();
            async move { ledger.quick_check().await }
        });
        let cas = self.authority.cas();
        // All at once: each takes a passphrase derivation.
        let living = || cas.iter().filter(|ca| !self.authority.has_ended(ca));
        let opening: Vec<_> = living().map(|ca| self.open_key(ca)).collect();
        // The ledger first: without it, nothing else matters.
        self.runtime.block_on(looking)?.context("the ledger cannot be used")?;
        self.warnings = self.folder_warnings();
        let default = self.authority.issuing_ca();
        let configured = self.authority.config().issuing_ca().name();
        let known_warnings = self.warnings.len();
        let issuing = default.as_ref().map_or(configured, |ca| ca.name());
        let opened = living().cloned().collect::<Vec<_>>().into_iter().zip(opening);
        for (ca, opened) in opened {
            let Err(error) = self.runtime.block_on(opened)? else {
                continue;
            };
            let ca = &ca;
            if ca.name() == issuing {
                return Err(error);
            }
            let warning = self.without_key(ca, &error);
            self.warnings.push(warning);
        }
        for (ca_name, error) in self.runtime.block_on(self.authority.not_believed()) {
            if error.is_refuted() || ca_name == *issuing {
                return Err(error.into());
            }
            self.warnings.push(error.to_string());
        }
        if !cas.is_empty() {
            self.runtime
                .block_on(self.authority.make_ready_to_issue())
                .context("intents cannot be authenticated, without which nothing is issued")?;
        }
        // Creating missing CAs needs the passphrase once more.
        if self.warnings.len() == known_warnings && self.missing_cas().next().is_none() {
            self.keys.forget_passphrase();
        }
        Ok(())
    }

    /// Opens a CA's key, so that nothing is reserved for a signature that cannot be made.
    pub(crate) fn make_key_ready(&self, ca: &Ca) -> Result<()> {
        self.runtime.block_on(self.open_key(ca))?
    }

    fn open_key(&self, ca: &Ca) -> JoinHandle<Result<()>> {
        let (keys, ca_name) = (self.keys.clone(), ca.name().clone());
        let (name, certified) = (ca.record.key.clone(), ca.issuer.public_key().as_der().to_vec());
        self.runtime.spawn(async move {
            let open = async {
                let found = keys.unlock(&name).await.map_err(|error| explained(error, &keys))?;
                if found.as_der() != certified {
                    bail!(
                        "the key {name} is another one than its certificate has: put the right one back, as a backup has it"
                    );
                }
                Ok(())
            };
            open.await
                .with_context(|| format!("the key of {ca_name} cannot be used"))
        })
    }

    fn without_key(&self, ca: &Ca, error: &Error) -> String {
        let statuses = self.runtime.block_on(self.authority.crl_status());
        let ends = statuses
            .iter()
            .filter(|status| status.scope.issuer == *ca.name())
            .filter_map(|status| status.latest.as_ref())
            .map(|crl| crl.next_update)
            .min();
        let crl = ends.map_or_else(
            || "it has no CRL yet".to_owned(),
            |end| format!("its CRL ends at {end}"),
        );
        format!(
            "{error:#}. The other CAs work, but this one signs nothing until that is mended and Chancery started again; {crl}."
        )
    }
}

/// Adds what to do about a missing key.
fn explained(error: KeyStoreError, keys: &settings::Keys) -> Error {
    match (&error, keys) {
        (KeyStoreError::NotFound(key), settings::Keys::Sealed(_)) => Error::msg(format!(
            "{error}: put {key}.key back into the folder keys, as a backup has it"
        )),
        (KeyStoreError::NotFound(_), settings::Keys::Token(_)) => {
            Error::msg(format!("{error}: look whether local.toml names the right token"))
        }
        _ => error.into(),
    }
}
