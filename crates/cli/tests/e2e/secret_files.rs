//! Files with secrets that others may read or replace: whichever command reads one tells so.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::{Folder, chancery, succeeded};

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What a command says on standard error; how it ends is of no account here.
fn printed(folder: &Folder, arguments: &[&str]) -> String {
    let output = if arguments.contains(&"--url") {
        chancery().args(arguments).output().unwrap()
    } else {
        folder.chancery(arguments)
    };
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn whichever_command_opens_the_folder_tells_of_its_keys() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "old.example.com", "--out", "old"]);
    set(&folder.data().join("keys/chancery-issuing-ca.key"), 0o644);
    let warning = "chancery-issuing-ca.key has mode 644, and should be for its owner alone: `chmod 600";
    for arguments in [
        &["request", "www.example.com", "--out", "www"][..],
        &["renew", "old"],
        &["list"],
        &["crl", "publish"],
        &["token", "list"],
        &["backup", "copy"],
        &["init"],
    ] {
        let output = folder.chancery(arguments);
        let stderr = String::from_utf8_lossy(&succeeded(&output).stderr).into_owned();
        assert_eq!(stderr.matches(warning).count(), 1, "{arguments:?}: {stderr}");
    }
    // There it is one of the findings.
    assert!(folder.text(&["check"]).contains(warning));
    set(&folder.data().join("keys/chancery-issuing-ca.key"), 0o600);
    assert_eq!(printed(&folder, &["list"]), "");
}

#[test]
fn secrets_outside_the_folder_are_told_of_too() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "www.example.com", "--out", "www"]);
    let place = folder.path("place");
    fs::create_dir(&place).unwrap();
    let file = |name: &str| {
        let file = place.join(name);
        fs::write(&file, "a secret of some length").unwrap();
        set(&file, 0o600);
        file.display().to_string()
    };
    let (token, password) = (file("token"), file("password"));
    let key = folder.path("www/key.pem");
    // Nobody listens there: what is told is told before.
    let with_token = ["--url", "https://127.0.0.1:1", "--token-file", &token, "list"];
    let with_password = ["request", "p12.example.com", "--out", "p12", "--pkcs12", &password];
    let with_key = ["renew", "www"];
    for (arguments, secret) in [
        (&with_token[..], Path::new(&token)),
        (&with_password, Path::new(&password)),
        (&with_key, &key),
    ] {
        let before = printed(&folder, arguments);
        assert!(!before.contains("chmod"), "{arguments:?}: {before}");
        let _ = fs::remove_dir_all(folder.path("p12"));
        set(secret, 0o640);
        let after = printed(&folder, arguments);
        let expected = format!("{} has mode 640", secret.file_name().unwrap().to_str().unwrap());
        assert!(
            after.contains(&expected) && after.contains("chmod 600"),
            "{arguments:?}: {after}"
        );
        set(secret, 0o600);
    }
    set(&place, 0o777);
    let after = printed(&folder, &with_token);
    assert!(
        after.contains("anybody may put something else in the place of"),
        "{after}"
    );
    set(&place, 0o700);
}
