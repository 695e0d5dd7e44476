//! Files that hold a secret - a key, a passphrase, a PIN, a token - and what other users could do to them.
//!
//! Every such file is opened here, so that a file that others may read or replace is never used without a warning in
//! the log. It is a warning and not an error: a container platform may choose modes that its user cannot change.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// In a folder with this mode bit, only a file's owner renames or removes it (`/tmp`).
const STICKY: u32 = 0o1000;

/// Opens such a file for reading, and logs a warning for each problem with its mode, its owner and the folders above
/// it.
pub fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    for warning in warnings(path, &file.metadata()?) {
        tracing::warn!("{warning}");
    }
    Ok(file)
}

/// Who else may read or replace it, with what to do about it. A pipe or a terminal is not checked: other users cannot
/// open it by name.
fn warnings(path: &Path, facts: &fs::Metadata) -> Vec<String> {
    if !facts.is_file() {
        return Vec::new();
    }
    let mut warnings: Vec<_> = open_to_others(path, facts).into_iter().collect();
    warnings.extend(above(path).into_iter().filter_map(|parent| parent.replaceable(path)));
    warnings
}

/// Which permissions of the file itself are too wide.
pub(crate) fn open_to_others(path: &Path, facts: &fs::Metadata) -> Option<String> {
    let mode = facts.mode() & 0o7777;
    let shown = path.display();
    if !is_trusted(facts.uid()) {
        return Some(format!(
            "user number {} owns {shown}, and may read and change it: copy it into a file of your own",
            facts.uid()
        ));
    }
    (mode & 0o077 != 0)
        .then(|| format!("{shown} has mode {mode:o}, and should be for its owner alone: `chmod 600 {shown}`"))
}

/// This user; or root, who has access anyway.
fn is_trusted(owner: u32) -> bool {
    [0, rustix::process::geteuid().as_raw()].contains(&owner)
}

/// A folder above a path.
pub(crate) struct Parent {
    pub(crate) path: PathBuf,
    facts: fs::Metadata,
}

/// The folders above a path, the path itself left out, with links resolved.
pub(crate) fn above(path: &Path) -> Vec<Parent> {
    let Ok(real) = path.canonicalize() else {
        return Vec::new();
    };
    let parents = real.ancestors().skip(1);
    parents
        .filter_map(|parent| {
            Some(Parent {
                path: parent.to_owned(),
                facts: fs::metadata(parent).ok()?,
            })
        })
        .collect()
}

impl Parent {
    pub(crate) fn mode(&self) -> u32 {
        self.facts.mode() & 0o7777
    }

    /// Whether any user may replace what is in it.
    pub(crate) fn is_anybodys(&self) -> bool {
        self.mode() & 0o002 != 0 && self.mode() & STICKY == 0
    }

    /// Who may replace `path`, which is somewhere below this folder, with what to do about it.
    pub(crate) fn replaceable(&self, path: &Path) -> Option<String> {
        let (shown, below, mode) = (self.path.display(), path.display(), self.mode());
        if !is_trusted(self.facts.uid()) {
            return Some(format!(
                "user number {} owns {shown} and may put something else in the place of {below}: move it to a folder whose \
                 parents are yours or root's",
                self.facts.uid()
            ));
        }
        if self.is_anybodys() {
            return Some(format!(
                "anybody may put something else in the place of {below} ({shown} has mode {mode:o}): `chmod o-w {shown}`"
            ));
        }
        (mode & 0o020 != 0 && mode & STICKY == 0).then(|| {
            format!(
                "group number {} may put something else in the place of {below} ({shown} has mode {mode:o}): `chmod g-w \
                 {shown}`, unless nobody else is in that group",
                self.facts.gid()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_secret_that_others_may_read_or_replace_is_told_of() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let file = folder.join("secret");
        fs::write(&file, "x").unwrap();
        let warned = |of_file: u32, of_folder: u32| {
            set(&file, of_file);
            set(&folder, of_folder);
            let warned = warnings(&file, &fs::metadata(&file).unwrap());
            set(&folder, 0o700);
            warned
        };
        for (of_file, of_folder, expected) in [
            (0o600, 0o700, &[][..]),
            (0o400, 0o755, &[]),
            (0o600, 0o1777, &[]),
            (0o644, 0o700, &["chmod 600"]),
            (0o640, 0o700, &["chmod 600"]),
            (0o600, 0o770, &["chmod g-w"]),
            (0o644, 0o777, &["chmod 600", "chmod o-w"]),
        ] {
            let warned = warned(of_file, of_folder);
            assert_eq!(warned.len(), expected.len(), "{of_file:o} in {of_folder:o}: {warned:?}");
            for (line, part) in warned.iter().zip(expected) {
                assert!(line.contains(part), "{line}");
            }
        }
        assert_eq!(
            warnings(Path::new("/dev/null"), &fs::metadata("/dev/null").unwrap()),
            [""; 0]
        );
    }
}
