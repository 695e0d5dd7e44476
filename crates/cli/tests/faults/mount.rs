//! A small disk of its own for a data folder: a tmpfs that only the processes of one mount namespace see.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::harness::{Folder, Surroundings};

/// Octets that are written in vain before a disk is taken for one that is not the small one.
const BOUND: usize = 64 << 20;

/// A data folder on a disk of a few MiB.
pub(crate) struct SmallDisk {
    pub(crate) folder: Folder,
    process: Child,
    /// Closed, it ends the process and with that the namespace.
    _open: ChildStdin,
}

impl SmallDisk {
    /// `None` where this user may not make mount namespaces, which is said.
    pub(crate) fn new(mebibytes: u32) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        std::fs::create_dir(&data).unwrap();
        // As root, without a user namespace; else root in one of one's own.
        [("-m", vec!["-m"]), ("-rm", vec!["-U", "-m", "--preserve-credentials"])]
            .into_iter()
            .find_map(|(unshare, nsenter)| Some((hold(unshare, &data, mebibytes)?, nsenter)))
            .map(|((process, open), nsenter)| {
                let number = process.id().to_string();
                let mut runner = vec!["nsenter", "-t", &number];
                runner.extend(nsenter);
                // Entering a namespace leads to its root.
                runner.extend(["--", "sh", "-c", "cd \"$0\" && exec \"$@\""]);
                let mut runner: Vec<_> = runner.into_iter().map(Into::into).collect();
                runner.push(root.path().into());
                let surroundings = Surroundings {
                    runner,
                    seen_at: PathBuf::from(format!("/proc/{number}/root")),
                    ..Surroundings::default()
                };
                Self {
                    folder: Folder::within(root, surroundings),
                    process,
                    _open: open,
                }
            })
            .or_else(|| {
                eprintln!("SKIPPED: this user may not make mount namespaces (unshare -m)");
                None
            })
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut filling = File::create(self.filling()).unwrap();
        for octets in [vec![0_u8; 4096], vec![0]] {
            let mut written = 0;
            while filling.write_all(&octets).is_ok() {
                written += octets.len();
                assert!(written < BOUND, "this is not the small disk");
            }
        }
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filling()).unwrap();
    }

    fn filling(&self) -> PathBuf {
        self.folder.seen(&self.folder.data().join("filling"))
    }

    /// Mounts it anew: `ro` or `rw`. Fails while something is open for writing.
    pub(crate) fn remount(&self, how: &str) {
        let [runner, arguments @ ..] = self.folder.surroundings().runner.as_slice() else {
            unreachable!("it has a runner");
        };
        let done = Command::new(runner)
            .args(arguments)
            // The mount alone, not the disk behind it: that is another user's where the namespace is not root's.
            .args(["mount", "-o", &format!("remount,bind,{how}")])
            .arg(self.folder.data())
            .status()
            .unwrap();
        assert!(done.success(), "it cannot be mounted {how}");
    }

    /// A copy of the data folder on an ordinary disk.
    pub(crate) fn copied_out(&self) -> Folder {
        let copy = Folder::new();
        copy_folder(&self.folder.seen(&self.folder.data()), &copy.data());
        copy
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process that keeps a new namespace with the disk mounted at `data`.
fn hold(unshare: &str, data: &Path, mebibytes: u32) -> Option<(Child, ChildStdin)> {
    let script = "mount -t tmpfs -o \"size=$1m,mode=0700\" none \"$0\" && echo mounted && exec cat";
    let mut process = Command::new("unshare")
        .args([unshare, "sh", "-c", script])
        .arg(data)
        .arg(mebibytes.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let open = process.stdin.take()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take()?).read_line(&mut line).ok()?;
    if line == "mounted\n" {
        return Some((process, open));
    }
    let _ = process.wait();
    None
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}
