//! Checks of the code that do not run it.

use anyhow::{Context as _, Result};

use crate::{arrows, circles, dependencies, docs, layout, sandbox, shell};

/// The version of cargo-deny that is installed where none is on the PATH.
const CARGO_DENY: &str = "0.20.2";

/// Features that a default build of the command leaves out: the AWS SDK takes longer to build than everything else.
pub(crate) const EVERYTHING: [&str; 2] = ["--features", "chancery-cli/aws"];

/// Formatting, lints, documentation, dependency rules.
pub(crate) fn run() -> Result<()> {
    at_a_glance()?;
    clippy(&["--workspace", EVERYTHING[0], EVERYTHING[1]])?;
    in_full()?;
    docs::scripts()?;
    sandbox::check()?;
    dependencies()
}

/// Checks that need no compilation.
pub(crate) fn at_a_glance() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    layout::run()?;
    arrows::run()?;
    circles::run()?;
    dependencies::run()?;
    docs::pages()
}

/// Checks that a compilation for tests does not cover: the command as most users build it, with its tests, and the
/// documentation of programs.
pub(crate) fn in_full() -> Result<()> {
    clippy(&["--package", "chancery-cli"])?;
    shell::run(
        shell::cargo()
            .args(["doc", "--workspace", "--no-deps", "--quiet"])
            .args(EVERYTHING)
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn clippy(what: &[&str]) -> Result<()> {
    let mut clippy = shell::cargo();
    clippy.arg("clippy").args(what).arg("--all-targets");
    shell::run(clippy.args(["--", "--deny", "warnings"]))
}

/// Licenses, sources, banned crates, and advisories where their database can be reached.
pub(crate) fn dependencies() -> Result<()> {
    let deny = if shell::exists("cargo-deny") {
        "cargo-deny".into()
    } else {
        // Below cargo's own home, where every clone finds it, and apart from what the user has installed.
        let folder = shell::cargo_home()
            .context("there is neither CARGO_HOME nor a home directory to install cargo-deny in")?
            .join("chancery-tools")
            .join(format!("cargo-deny-{CARGO_DENY}"));
        let installed = folder.join("bin/cargo-deny");
        if !installed.is_file() {
            let mut install = shell::cargo();
            install.args([
                "install",
                "cargo-deny",
                "--locked",
                "--quiet",
                "--version",
                CARGO_DENY,
                "--root",
            ]);
            install.arg(&folder);
            // Unoptimized: it runs for a second, and building it is most of its cost.
            install.args([
                "--debug",
                "--config",
                "profile.dev.debug=0",
                "--config",
                "profile.dev.incremental=false",
            ]);
            install.env_remove("CARGO_TARGET_DIR");
            shell::run(&mut install)?;
        }
        installed.into_os_string()
    };
    shell::run(shell::program(&deny).args(["check", "bans", "licenses", "sources"]))?;
    if shell::succeeds(shell::program(&deny).args(["fetch", "db"])) {
        shell::run(shell::program(&deny).args(["check", "advisories"]))
    } else {
        shell::say(
            "SKIPPED: known vulnerabilities of dependencies (the advisory database cannot be reached from here)",
        );
        Ok(())
    }
}
