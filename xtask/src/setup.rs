//! What the tests use besides Rust: independent readers of what Chancery writes, and a software token.
//!
//! Each is installed where that needs no question to the user (as root on Debian or Ubuntu; Python packages always in a
//! virtual environment of their own in the cache folder); what cannot be installed is reported, and its tests skip
//! themselves.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::{cache, shell};

/// A Debian package, and a file that shows that it is installed.
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

/// Requirements of the Python judges: readers of what Chancery writes, and the sandbox.
pub(crate) const JUDGES: &[&str] = &["tests/judges/requirements.txt", "sandbox/requirements.txt"];

/// Location of the Python judges, and what is missing.
pub(crate) struct Judges {
    /// `bin` folder of the virtual environment, if there is one.
    pub(crate) python: Option<PathBuf>,
    missing: Vec<String>,
}

impl Judges {
    /// Prints what is missing and what is skipped because of it.
    pub(crate) fn report(&self) {
        if self.missing.is_empty() {
            shell::say("Everything that the tests use is installed.");
        }
        for line in &self.missing {
            shell::say(&format!("SKIPPED: {line}"));
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
        missing.push(
            "PyPI cryptography, pkilint, schemathesis and the sandbox (no virtual environment could be made)"
                .to_owned(),
        );
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

/// The `bin` folder of a virtual environment with these requirements: made once for all clones, and anew when one of
/// the lists or Python changes. `target/NAME` links to it.
pub(crate) fn python(name: &str, lists: &[&str]) -> Option<PathBuf> {
    let made = environment(name, lists).and_then(|folder| cache::link(name, &folder).map(|()| folder));
    match made {
        Ok(folder) => Some(folder.join("bin")),
        Err(error) => {
            shell::say(&format!("no Python environment for {name}: {error:#}"));
            None
        }
    }
}

fn environment(name: &str, lists: &[&str]) -> Result<PathBuf> {
    let mut from = vec![version()?];
    for list in lists {
        let path = shell::root().join(list);
        from.push(std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    let from: Vec<&str> = from.iter().map(String::as_str).collect();
    cache::made(name, &from, |folder| {
        let mut venv = shell::program("python3");
        ensure!(
            shell::succeeds(venv.args(["-m", "venv"]).arg(folder)),
            "python3 -m venv failed (Debian: apt-get install python3-venv)"
        );
        let mut install = shell::program(folder.join("bin/pip"));
        // Packages that are never imported need not be compiled.
        install.args(["install", "--quiet", "--no-compile", "--disable-pip-version-check"]);
        for list in lists {
            install.arg("--requirement").arg(list);
        }
        shell::run(&mut install)
    })
}

/// Version of the interpreter that environments are made with.
fn version() -> Result<String> {
    let output = shell::program("python3")
        .arg("-VV")
        .output()
        .context("cannot start python3")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
