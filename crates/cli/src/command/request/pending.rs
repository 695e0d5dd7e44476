//! A request in progress. Key and CSR are on disk before it is sent: no certificate is issued whose key is lost, and
//! the same CSR gets a lost answer again.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use chancery_x509::certificate::Certificate;
use chancery_x509::csr::{CertificationRequest, CsrBudget};

use super::super::output_file;
use crate::bounded;

/// The CSR, from before the key is written until everything is.
const CSR: &str = "csr.pem.new";

/// Names of keys, and the names they have until their certificate is there. `renew` uses the first for its next key,
/// too.
const KEYS: [(&str, &str); 2] = [(KEY, "key.pem.new"), (SEALED_KEY, "key.kms.new")];
pub(super) const KEY: &str = "key.pem";
pub(super) const SEALED_KEY: &str = "key.kms";

/// State of a request's folder.
pub(super) struct Pending {
    folder: PathBuf,
    /// The CSR of an earlier run of the request, which was interrupted.
    interrupted: Option<CertificationRequest>,
    /// Whether the certificate for that CSR is already written.
    is_answered: bool,
    overwrite: bool,
    /// Folders that were made for it, innermost last.
    made: Vec<PathBuf>,
}

impl Pending {
    /// Reads the state, and creates nothing. Existing files are an error, except those of the same request.
    pub(super) fn inspect(folder: &Path, files: &[PathBuf], overwrite: bool) -> Result<Self> {
        let mut pending = Self {
            folder: folder.to_owned(),
            interrupted: None,
            is_answered: false,
            overwrite,
            made: Vec::new(),
        };
        let csr_file = folder.join(CSR);
        if csr_file.is_file() {
            let octets = bounded::read(&csr_file, bounded::TEXT)?;
            let csr = CertificationRequest::parse(&octets, &CsrBudget::default())
                .with_context(|| format!("{} cannot be used; remove it", csr_file.display()))?;
            pending.is_answered = pending
                .certificate()
                .is_some_and(|of| of.spki_der() == csr.public_key().as_der());
            pending.interrupted = Some(csr);
        } else if let Some((_, next)) = KEYS.iter().find(|(_, next)| is_there(&folder.join(next))) {
            bail!(
                "{} is the key of a renewal that was interrupted: end that with `chancery renew`, or remove the file",
                folder.join(next).display()
            );
        }
        // Dangling links count, too.
        let taken = files.iter().find(|file| is_there(file));
        if let Some(taken) = taken.filter(|_| !overwrite && !pending.is_answered) {
            bail!(
                "{} exists already; take another folder, or --overwrite",
                taken.display()
            );
        }
        if let Some(folder) = files.iter().find(|file| file.is_dir()) {
            bail!("{} is a folder; take another one for what is written", folder.display());
        }
        Ok(pending)
    }

    /// Whether existing files may be replaced now.
    pub(super) fn overwrites(&self) -> bool {
        self.overwrite || self.is_answered
    }

    /// The CSR of an interrupted request whose key is in the folder, or in a token.
    pub(super) fn interrupted(&self, is_on_token: bool) -> Result<Option<&CertificationRequest>> {
        let Some(csr) = &self.interrupted else { return Ok(None) };
        let has_key = KEYS.iter().any(|(_, next)| self.folder.join(next).is_file());
        if is_on_token && has_key {
            bail!(self.is_of_another());
        }
        // Without its key nothing was requested yet.
        Ok(Some(csr).filter(|_| is_on_token || has_key || self.is_answered))
    }

    /// The file of its key.
    pub(super) fn key_file(&self) -> PathBuf {
        let next = self.folder.join(KEYS[0].1);
        if next.is_file() { next } else { self.folder.join(KEY) }
    }

    /// Why an interrupted request cannot be continued.
    pub(super) fn is_of_another(&self) -> String {
        format!(
            "{} has the CSR of a request that was interrupted, and this is another one: repeat that as it was, or remove {CSR}, \
             and key.pem.new or key.kms.new, there",
            self.folder.display()
        )
    }

    /// Makes the folder, and in it CSR and key: failures here happen before anything is requested.
    pub(super) fn keep(&mut self, csr: &[u8], key: Option<(&str, &[u8])>) -> Result<()> {
        self.make_folder()?;
        let pem = chancery_x509::pem::encode("CERTIFICATE REQUEST", csr);
        output_file::write(&self.folder.join(CSR), pem.as_bytes(), false, true)?;
        for (name, next) in KEYS {
            if let Some((_, content)) = key.filter(|(key_name, _)| *key_name == name) {
                output_file::write(&self.folder.join(next), content, true, true)?;
            }
        }
        Ok(())
    }

    fn make_folder(&mut self) -> Result<()> {
        let missing = self
            .folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !is_there(folder));
        let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        for folder in missing.into_iter().rev() {
            std::fs::create_dir(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            self.made.push(folder);
        }
        if !self.folder.is_dir() {
            bail!("{} is no folder; take another one with --out", self.folder.display());
        }
        Ok(())
    }

    /// Gives the key its final name, once its certificate is written.
    pub(super) fn deliver_key(&self) -> Result<()> {
        for (name, next) in KEYS {
            let (key, next) = (self.folder.join(name), self.folder.join(next));
            if !next.is_file() {
                continue;
            }
            let moved = if self.overwrites() {
                std::fs::rename(&next, &key)
            } else {
                std::fs::hard_link(&next, &key).and_then(|()| std::fs::remove_file(&next))
            };
            moved.with_context(|| format!("{} cannot be moved to {}", next.display(), key.display()))?;
        }
        Ok(())
    }

    /// Removes the CSR when everything is written.
    pub(super) fn end(&self) -> Result<()> {
        let csr = self.folder.join(CSR);
        std::fs::remove_file(&csr).with_context(|| format!("{} cannot be removed", csr.display()))
    }

    /// Nothing was issued: removes what this run made. Files of an earlier run stay, since that one may have been
    /// answered.
    pub(super) fn discard(&self) {
        if self.interrupted.is_some() {
            return;
        }
        let files = [CSR].into_iter().chain(KEYS.map(|(_, next)| next));
        files.for_each(|name| drop(std::fs::remove_file(self.folder.join(name))));
        self.made
            .iter()
            .rev()
            .for_each(|folder| drop(std::fs::remove_dir(folder)));
    }

    fn certificate(&self) -> Option<Certificate> {
        let pem = bounded::read(&self.folder.join("cert.pem"), bounded::TEXT).ok()?;
        Certificate::parse(&pem).ok()
    }
}

/// Whether there is a file, a folder or a link, dangling or not.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
