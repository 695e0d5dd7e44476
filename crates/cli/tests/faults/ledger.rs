//! Ledgers that are damaged, or of another program; backups put in the wrong place.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::mount::copy_folder;
use super::snapshot::{START, Snapshot, refused, says};
use crate::harness::Folder;

const PAGE: u64 = 4096;

fn overwrite(file: &Path, offset: u64, length: usize) {
    let mut file = fs::File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&vec![0x5a; length]).unwrap();
}

/// Restores the backup to a new folder, which goes on from where that was.
fn restores(folder: &Folder, before: &Snapshot) {
    fs::rename(folder.data(), folder.path("damaged")).unwrap();
    let root = "damaged/public/chancery-root-ca.crt";
    folder.text(&["restore", "copy", "--without-crl", "--root", root]);
    before.goes_on(folder);
}

#[test]
fn an_overwritten_header_is_refused_and_the_file_left_alone() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    folder.text(&["backup", "copy"]);
    let file = folder.data().join("ledger.sqlite3");
    overwrite(&file, 0, 100);
    let damaged = fs::read(&file).unwrap();
    for arguments in [
        &["list"][..],
        &["check"],
        &["init"],
        &["crl", "publish"],
        &["request", "a.example.com", "--out", "a"],
        &["backup", "second"],
        &START,
    ] {
        says(
            &refused(&folder, arguments),
            &["ledger.sqlite3 is not a ledger of Chancery", "chancery restore"],
        );
        assert!(fs::read(&file).unwrap() == damaged, "{arguments:?} changed the file");
    }
    restores(&folder, &before);
}

/// Whichever page it is.
#[test]
fn an_overwritten_page_is_found_by_start_and_check_and_the_file_left_alone() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    folder.text(&["backup", "copy"]);
    let size = fs::metadata(folder.data().join("ledger.sqlite3")).unwrap().len();
    let pages = size / PAGE;
    assert!(pages > 10, "{pages} pages");
    for page in (1..pages).step_by(5).chain([pages - 1]) {
        let damaged = Folder::new();
        copy_folder(&folder.data(), &damaged.data());
        let file = damaged.data().join("ledger.sqlite3");
        overwrite(&file, page * PAGE, usize::try_from(PAGE).unwrap());
        let octets = fs::read(&file).unwrap();
        says(
            &refused(&damaged, &START),
            &["ledger.sqlite3 is damaged", "keep a copy", "chancery restore"],
        );
        let check = damaged.chancery(&["check"]);
        assert!(!check.status.success(), "page {page}");
        assert!(fs::read(&file).unwrap() == octets, "page {page}: the file was changed");
    }
    restores(&folder, &before);
}

#[test]
fn an_emptied_ledger_is_not_begun_anew() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    folder.text(&["backup", "copy"]);
    let file = folder.data().join("ledger.sqlite3");
    fs::write(&file, b"").unwrap();
    for arguments in [&["init"][..], &START] {
        says(
            &refused(&folder, arguments),
            &["is not a ledger of Chancery", "chancery restore"],
        );
    }
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
    restores(&folder, &before);
}

#[test]
fn a_newer_program_s_ledger_is_refused_and_left_alone() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    let file = folder.data().join("ledger.sqlite3");
    let known = fs::read(&file).unwrap();
    // `user_version` in the header, big-endian.
    let mut newer = known.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&file, &newer).unwrap();
    for arguments in [
        &["list"][..],
        &["init"],
        &["request", "a.example.com", "--out", "a"],
        &START,
    ] {
        says(
            &refused(&folder, arguments),
            &["has format 99", "use a newer version of Chancery"],
        );
        assert!(fs::read(&file).unwrap() == newer, "{arguments:?} changed the file");
    }
    fs::write(&file, known).unwrap();
    before.goes_on(&folder);
}

#[test]
fn a_backup_is_not_restored_over_an_authority() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    fs::copy(folder.public("chancery-root-ca.crt"), folder.path("root.crt")).unwrap();
    folder.text(&["backup", "copy"]);
    says(
        &refused(&folder, &["restore", "copy", "--without-crl", "--root", "root.crt"]),
        &["data is not empty", "name a folder that is empty or does not exist"],
    );
    fs::create_dir(folder.path("unfinished")).unwrap();
    fs::rename(folder.data(), folder.path("aside")).unwrap();
    says(
        &refused(
            &folder,
            &["restore", "unfinished", "--without-crl", "--root", "root.crt"],
        ),
        &["no complete backup"],
    );
    overwrite(&folder.path("copy/ledger.sqlite3"), 5 * PAGE, 10);
    says(
        &refused(&folder, &["restore", "copy", "--without-crl", "--root", "root.crt"]),
        &["ledger.sqlite3 was changed since", "use another backup"],
    );
    assert!(!folder.data().exists(), "a restore that failed leaves nothing behind");
    fs::rename(folder.path("aside"), folder.data()).unwrap();
    before.goes_on(&folder);
}
