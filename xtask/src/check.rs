//! Everything that can be said of the code without running it.

use anyhow::Result;

use crate::{docs, layout, sandbox, shell};

/// The version of cargo-deny that is installed where none is on the PATH.
const CARGO_DENY: &str = "0.20.2";

/// What a default build of the command leaves out: the AWS SDK takes longer to build than all the rest.
pub(crate) const EVERYTHING: [&str; 2] = ["--features", "chancery-cli/aws"];

/// Formatting, lints, documentation, dependency rules.
pub(crate) fn run() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    layout::run()?;
    // Everything with all that it can have; then the command as most build it, the one package whose code depends on that.
    for what in [
        &["--workspace", EVERYTHING[0], EVERYTHING[1]][..],
        &["--package", "chancery-cli"],
    ] {
        let mut clippy = shell::cargo();
        clippy.arg("clippy").args(what).arg("--all-targets");
        shell::run(clippy.args(["--", "--deny", "warnings"]))?;
    }
    shell::run(
        shell::cargo()
            .args(["doc", "--workspace", "--no-deps", "--quiet"])
            .args(EVERYTHING)
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    docs::run()?;
    sandbox::check()?;
    dependencies()
}

/// Licences, sources, banned crates, and advisories where their database can be reached.
fn dependencies() -> Result<()> {
    let deny = if shell::exists("cargo-deny") {
        "cargo-deny".into()
    } else {
        let folder = shell::target().join("tools");
        let installed = folder.join("bin/cargo-deny");
        if !installed.is_file() {
            // Unoptimised: it runs once for a second, and building it is most of its cost.
            shell::run(
                shell::cargo()
                    .args([
                        "install",
                        "cargo-deny",
                        "--locked",
                        "--debug",
                        "--quiet",
                        "--version",
                        CARGO_DENY,
                        "--root",
                    ])
                    .arg(&folder)
                    // Its own target folder is below ours, so that a second run finds what a first one built.
                    .env("CARGO_TARGET_DIR", folder.join("build")),
            )?;
        }
        installed.into_os_string()
    };
    shell::run(shell::program(&deny).args(["check", "bans", "licenses", "sources"]))?;
    if shell::succeeds(shell::program(&deny).args(["fetch", "db"])) {
        shell::run(shell::program(&deny).args(["check", "advisories"]))
    } else {
        println!("SKIPPED: known vulnerabilities of dependencies (the advisory database cannot be reached from here)");
        Ok(())
    }
}
