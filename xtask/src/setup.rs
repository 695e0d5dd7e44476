//! What the tests use beside Rust: independent readers of what Chancery writes, and a software token.
//!
//! Each is installed where that can be done without asking (as root on Debian or Ubuntu, Python packages always in a
//! virtual environment of their own below `target/`); what cannot be had is said plainly, and its tests skip themselves.

use std::path::PathBuf;

use crate::shell;

/// A Debian package and the file by which it is known to be there.
struct Package {
    name: &'static str,
    probe: Probe,
    used_for: &'static str,
}

enum Probe {
    Program(&'static str),
    File(&'static [&'static str]),
}

const PACKAGES: [Package; 5] = [
    Package {
        name: "openssl",
        probe: Probe::Program("openssl"),
        used_for: "reading everything back with OpenSSL",
    },
    Package {
        name: "gnutls-bin",
        probe: Probe::Program("certtool"),
        used_for: "requests made by GnuTLS",
    },
    Package {
        name: "softhsm2",
        probe: Probe::File(&[
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        ]),
        used_for: "keys in a PKCS #11 token",
    },
    Package {
        name: "default-jre-headless",
        probe: Probe::Program("keytool"),
        used_for: "requests made by Java",
    },
    Package {
        name: "python3-venv",
        probe: Probe::Program("python3"),
        used_for: "the Python judges",
    },
];

/// What the Python judges are made of: readers of what Chancery writes, and the sandbox.
pub(crate) const JUDGES: &[&str] = &["tests/judges/requirements.txt", "sandbox/requirements.txt"];

/// Where the Python judges live, and what is missing.
pub(crate) struct Judges {
    /// `bin` folder of the virtual environment, if there is one.
    pub(crate) python: Option<PathBuf>,
    missing: Vec<String>,
}

impl Judges {
    /// Says what is missing and what is therefore skipped.
    pub(crate) fn report(&self) {
        if self.missing.is_empty() {
            println!("Everything that the tests use is installed.");
        }
        for line in &self.missing {
            println!("SKIPPED: {line}");
        }
    }
}

/// Installs what is missing and may be installed.
pub(crate) fn judges() -> Judges {
    let mut missing = Vec::new();
    let wanted: Vec<&Package> = PACKAGES.iter().filter(|package| !package.is_there()).collect();
    if !wanted.is_empty() && can_install() {
        let names = wanted.iter().map(|package| package.name);
        // A failure shows in what is still missing afterwards.
        shell::succeeds(shell::program("apt-get").args(["update", "-qq"]));
        shell::succeeds(
            shell::program("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["install", "-y", "-qq", "--no-install-recommends"])
                .args(names),
        );
    }
    for package in PACKAGES.iter().filter(|package| !package.is_there()) {
        missing.push(format!(
            "{} ({} is not installed and could not be)",
            package.used_for, package.name
        ));
    }
    let python = python("judges", JUDGES);
    if python.is_none() {
        missing.push("PyPI cryptography, pkilint and the sandbox (no virtual environment could be made)".to_owned());
    }
    Judges { python, missing }
}

impl Package {
    fn is_there(&self) -> bool {
        match self.probe {
            Probe::Program(name) => shell::exists(name),
            Probe::File(places) => places.iter().any(|place| std::path::Path::new(place).is_file()),
        }
    }
}

fn can_install() -> bool {
    shell::exists("apt-get") && std::env::var_os("CHANCERY_NO_INSTALL").is_none() && is_root()
}

fn is_root() -> bool {
    std::process::Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "0")
}

/// The `bin` folder of a virtual environment with what these lists ask for, made anew when one of them is another than it
/// was made from.
pub(crate) fn python(name: &str, lists: &[&str]) -> Option<PathBuf> {
    let folder = shell::target().join(name);
    let marker = folder.join("installed-requirements.txt");
    let lists: Vec<PathBuf> = lists.iter().map(|list| shell::root().join(list)).collect();
    let texts: Result<Vec<String>, _> = lists.iter().map(std::fs::read_to_string).collect();
    let wanted = texts.ok()?.concat();
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Some(folder.join("bin"));
    }
    let mut install = shell::program(folder.join("bin/pip"));
    install.args(["install", "--quiet"]);
    for list in &lists {
        install.arg("--requirement").arg(list);
    }
    let made =
        shell::succeeds(shell::program("python3").args(["-m", "venv"]).arg(&folder)) && shell::succeeds(&mut install);
    (made && std::fs::write(&marker, wanted).is_ok()).then(|| folder.join("bin"))
}
