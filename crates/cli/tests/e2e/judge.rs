//! The judges: OpenSSL, cryptography (from the Python index), pkilint.

use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_testing::judges;
use serde_json::Value;

use crate::harness::{Folder, has, succeeded, tool};

/// The Python judges, where `cargo xtask setup` installed them.
pub(crate) struct Python(PathBuf);

impl Python {
    /// `None`, and a line saying so, where there are none.
    pub(crate) fn found() -> Option<Self> {
        let folder = judges::folder();
        let found = folder.join("python").is_file();
        if !found {
            eprintln!("SKIPPED: the Python judges are not installed (cargo xtask setup)");
        }
        found.then_some(Self(folder))
    }

    /// A program of theirs, if it is installed.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.0.join(name)).filter(|program| program.is_file())
    }

    /// What `cryptography` reads in certificates and CRLs, chain and signatures checked.
    pub(crate) fn cryptography(&self, chain: &Path, crls: &[PathBuf], certificates: &[PathBuf]) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/judge.py");
        let mut command = Command::new(self.0.join("python"));
        command.arg(script).arg(chain).args(crls).arg("--").args(certificates);
        serde_json::from_slice(&succeeded(&command.output().unwrap()).stdout).unwrap()
    }

    /// `pkilint` must find nothing worse than a notice in a certificate.
    #[track_caller]
    pub(crate) fn lint_certificate(&self, file: &Path) {
        self.lint("lint_pkix_cert", &[], file);
    }

    /// Likewise in a CRL.
    #[track_caller]
    pub(crate) fn lint_crl(&self, file: &Path) {
        self.lint("lint_crl", &["--type", "CRL", "--profile", "PKIX"], file);
    }

    #[track_caller]
    fn lint(&self, program: &str, arguments: &[&str], file: &Path) {
        let mut command = Command::new(self.0.join(program));
        command
            .arg("lint")
            .args(arguments)
            .args(["--severity", "WARNING", "--format", "JSON"])
            .arg(file);
        let output = command.output().unwrap();
        let printed: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{program}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(
            printed["results"].as_array().map(Vec::len),
            Some(0),
            "{program} on {}: {printed:#}",
            file.display()
        );
    }
}

/// OpenSSL verifies a certificate against the chain and, with revocation, the CRLs in the folder.
pub(crate) fn openssl_verifies(folder: &Folder, certificate: &Path) -> Option<bool> {
    if !has("openssl") {
        return None;
    }
    // OpenSSL wants the CRLs in one PEM file.
    let crls = folder.path("crls.pem");
    let both = ["chancery-root-ca.crl.pem", "chancery-issuing-ca.crl.pem"]
        .map(|name| std::fs::read(folder.public(name)).unwrap());
    std::fs::write(&crls, both.concat()).unwrap();
    let output = Command::new("openssl")
        .args(["verify", "-x509_strict", "-crl_check_all", "-CAfile"])
        .arg(folder.public("chancery-ca-bundle.pem"))
        .arg("-CRLfile")
        .arg(&crls)
        .arg(certificate)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Some(true);
    }
    assert!(printed.contains("certificate revoked"), "openssl: {printed}");
    Some(false)
}

/// What OpenSSL prints of a file.
pub(crate) fn openssl_text(kind: &str, file: &Path) -> Option<String> {
    has("openssl").then(|| {
        let printed = tool(
            "openssl",
            &[
                kind,
                "-in",
                file.to_str().unwrap(),
                "-noout",
                "-text",
                "-nameopt",
                "RFC2253",
            ],
            Path::new("."),
        );
        String::from_utf8_lossy(&printed).into_owned()
    })
}
