//! What other users of the machine could do to a data folder from outside it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::secret_file;

/// The first folder above the path in which any user may replace the path, and its mode.
pub(super) fn replaceable_by_anybody(path: &Path) -> Option<(PathBuf, u32)> {
    let parent = secret_file::above(path)
        .into_iter()
        .find(secret_file::Parent::is_anybodys)?;
    Some((parent.path.clone(), parent.mode()))
}

/// Findings that do not prevent a start: folders above that a group or another user may change, and key files that
/// other users could read if they were copied out of the folder with their modes.
pub(super) fn warnings(path: &Path, keys: &Path) -> Vec<String> {
    let parents = secret_file::above(path).into_iter();
    let mut warnings: Vec<_> = parents.filter_map(|parent| parent.replaceable(path)).collect();
    let files = fs::read_dir(keys).into_iter().flatten().flatten();
    for file in files.map(|entry| entry.path()).filter(|file| is_secret(file)) {
        let Ok(facts) = fs::symlink_metadata(&file) else {
            continue;
        };
        if facts.is_file() {
            warnings.extend(secret_file::open_to_others(&file, &facts));
        }
    }
    warnings.sort();
    warnings
}

/// Sealed keys and the generated passphrase.
fn is_secret(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "key" || extension == "secret")
        || file
            .file_name()
            .is_some_and(|name| name == crate::keys::passphrase::STORED_FILE)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::folder::{DataFolder, FolderError};

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_parent_that_anybody_may_write_is_refused_and_a_group_s_is_told() {
        let base = tempfile::tempdir().unwrap();
        let parent = base.path().join("parent");
        let data = parent.join("data");
        let folder = DataFolder::create(&data).unwrap();
        folder.write_config("").unwrap();
        assert_eq!(folder.warnings(), [""; 0]);
        set(&parent, 0o777);
        let refused = DataFolder::open(&data).unwrap_err();
        assert!(
            matches!(refused, FolderError::ParentOpenToOthers { mode: 0o777, .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("chmod o-w"), "{refused}");
        // As /tmp is.
        set(&parent, 0o1777);
        assert_eq!(DataFolder::open(&data).unwrap().warnings(), [""; 0]);
        set(&parent, 0o770);
        let warnings = DataFolder::open(&data).unwrap().warnings();
        assert!(
            matches!(&warnings[..], [one] if one.contains("chmod g-w")),
            "{warnings:?}"
        );
        set(&parent, 0o700);
    }

    #[test]
    fn key_files_that_others_may_read_are_told() {
        let base = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(base.path().join("data")).unwrap();
        for name in ["a-ca.key", "passphrase", "a-ca.pub"] {
            fs::write(folder.keys().join(name), "").unwrap();
            set(&folder.keys().join(name), 0o644);
        }
        let warnings = folder.warnings();
        assert!(
            matches!(&warnings[..], [key, passphrase] if key.contains("a-ca.key") && passphrase.contains("chmod 600")),
            "{warnings:?}"
        );
        set(&folder.keys().join("a-ca.key"), 0o600);
        set(&folder.keys().join("passphrase"), 0o600);
        assert_eq!(folder.warnings(), [""; 0]);
    }
}
