//! A request under way. Key and CSR are on disk before anything is asked for: no certificate is made whose key is lost, and an answer
//! that was lost can be had again with the same CSR.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use chancery_x509::certificate::Certificate;
use chancery_x509::csr::{CertificationRequest, CsrBudget};

use super::super::wanted;
use crate::bounded;

/// The CSR, from before the key is written until everything is.
const CSR: &str = "csr.pem.new";

/// Names of keys, and what follows them until their certificate is there. `renew` calls its next key by the first.
const KEYS: [(&str, &str); 2] = [(KEY, "key.pem.new"), (SEALED_KEY, "key.kms.new")];
pub(super) const KEY: &str = "key.pem";
pub(super) const SEALED_KEY: &str = "key.kms";

/// What is in the folder of a request, and becomes of it.
pub(super) struct Pending {
    folder: PathBuf,
    /// The CSR of the same request, which was interrupted before.
    interrupted: Option<CertificationRequest>,
    /// Whether the certificate for that is written already.
    is_answered: bool,
    overwrite: bool,
    /// Folders that were made for it, the innermost last.
    made: Vec<PathBuf>,
}

impl Pending {
    /// Looks, and makes nothing. Files that are there already are told, but for those of the same request.
    pub(super) fn look(folder: &Path, files: &[PathBuf], overwrite: bool) -> Result<Self> {
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
        // Links that lead nowhere, too.
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

    /// What is written now may replace what is there.
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
        // Without its key nothing was asked for yet.
        Ok(Some(csr).filter(|_| is_on_token || has_key || self.is_answered))
    }

    /// The file of its key.
    pub(super) fn key_file(&self) -> PathBuf {
        let next = self.folder.join(KEYS[0].1);
        if next.is_file() { next } else { self.folder.join(KEY) }
    }

    /// Why an interrupted request is not gone on with.
    pub(super) fn is_of_another(&self) -> String {
        format!(
            "{} has the CSR of a request that was interrupted, and this is another one: repeat that as it was, or remove {CSR}, \
             and key.pem.new or key.kms.new, there",
            self.folder.display()
        )
    }

    /// The folder, and in it CSR and key: what fails here fails before anything is asked for.
    pub(super) fn keep(&mut self, csr: &[u8], key: Option<(&str, &[u8])>) -> Result<()> {
        self.make_folder()?;
        let pem = chancery_x509::pem::encode("CERTIFICATE REQUEST", csr);
        wanted::write(&self.folder.join(CSR), pem.as_bytes(), false, true)?;
        for (name, next) in KEYS {
            if let Some((_, content)) = key.filter(|(wanted, _)| *wanted == name) {
                wanted::write(&self.folder.join(next), content, true, true)?;
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

    /// The key by its own name, once its certificate is written.
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

    /// Everything is written.
    pub(super) fn end(&self) -> Result<()> {
        let csr = self.folder.join(CSR);
        std::fs::remove_file(&csr).with_context(|| format!("{} cannot be removed", csr.display()))
    }

    /// Nothing was issued: what this call made is removed. What an earlier one left stays, for that may have been answered.
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

/// A file, a folder, or a link to anything or nothing.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
