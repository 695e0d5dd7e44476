//! Checks of the Terraform module: formatting, validity of the module and its examples, its tests, and the findings of
//! a public scanner.
//!
//! The provider comes from a filesystem mirror where one is found (a folder that contains
//! `registry.terraform.io/hashicorp/aws`; `CHANCERY_TERRAFORM_MIRROR` names another one), otherwise from the registry.
//! No AWS account is needed: the tests mock the provider. What is not installed is reported and skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{setup, shell};

/// Path of the provider below a mirror's root.
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";

/// Usual locations of mirrors: Terraform's own implied ones first.
const MIRRORS: [&str; 3] = [
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/terraform/plugins",
];

/// The program to run, with what every call of it needs.
struct Terraform {
    program: &'static str,
    /// A configuration that names the mirror; `None`: the user's own configuration applies.
    configuration: Option<PathBuf>,
}

/// Every check of the module that needs no AWS. If thorough, each example is also validated as a root module of its
/// own, as users use it; otherwise all of them together, since starting the provider takes most of the time.
pub(crate) fn run(thorough: bool) -> Result<()> {
    documented()?;
    let Some(program) = ["terraform", "tofu"].into_iter().find(|name| shell::exists(name)) else {
        shell::say("SKIPPED: the Terraform module (neither terraform nor tofu is installed)");
        return Ok(());
    };
    let terraform = Terraform::new(program)?;
    shell::run(terraform.call(&module()).args(["fmt", "-check", "-recursive"]))?;

    let together = together()?;
    let mut validated = vec![module(), together];
    if thorough {
        validated.extend(examples()?);
    }
    for folder in validated {
        if !shell::succeeds(&mut terraform.init(&folder)) {
            ensure!(
                terraform.configuration.is_none(),
                "{program} init fails in {}; run it there to see why",
                folder.display()
            );
            shell::say(
                "SKIPPED: the Terraform module's tests (no mirror of the AWS provider, and no registry, can be reached)",
            );
            return scan();
        }
        // The tests validate the module first.
        if folder != module() || program != "terraform" {
            shell::run(terraform.call(&folder).args(["validate", "-no-color"]))?;
        }
    }
    if program == "terraform" {
        shell::run(terraform.call(&module()).args(["test", "-no-color"]))?;
    } else {
        shell::say(
            "SKIPPED: the Terraform module's tests (they use what terraform 1.11 has and tofu has not: override_during)",
        );
    }
    scan()
}

impl Terraform {
    fn new(program: &'static str) -> Result<Self> {
        let state = shell::target().join("terraform");
        fs::create_dir_all(&state).with_context(|| format!("cannot make {}", state.display()))?;
        let configuration = match mirror() {
            None => None,
            Some(mirror) => {
                let file = state.join("mirror.tfrc");
                let path = serde_json::to_string(&mirror)?;
                let text = format!("provider_installation {{\n  filesystem_mirror {{\n    path = {path}\n  }}\n}}\n");
                fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
                Some(file)
            }
        };
        Ok(Self { program, configuration })
    }

    /// A call in that folder; what it downloads goes below `target/`.
    fn call(&self, folder: &Path) -> Command {
        let data = folder.strip_prefix(shell::root()).unwrap_or(Path::new("elsewhere"));
        let mut command = shell::program(self.program);
        command
            .current_dir(folder)
            .env("TF_DATA_DIR", shell::target().join("terraform").join(data))
            .env("TF_INPUT", "0")
            // The provider sends a schema of many megabytes at every start, and spends a third of that time on garbage
            // collection.
            .env("GOGC", "400")
            .env("CHECKPOINT_DISABLE", "1");
        if let Some(configuration) = &self.configuration {
            command.env("TF_CLI_CONFIG_FILE", configuration);
        }
        command
    }

    fn init(&self, folder: &Path) -> Command {
        let mut command = self.call(folder);
        command.args(["init", "-backend=false", "-no-color"]);
        command
    }
}

fn module() -> PathBuf {
    shell::root().join("terraform")
}

/// The examples, each in a folder of its own.
fn examples() -> Result<Vec<PathBuf>> {
    let examples = module().join("examples");
    let mut folders = Vec::new();
    for entry in fs::read_dir(&examples).with_context(|| format!("cannot read {}", examples.display()))? {
        folders.push(entry?.path());
    }
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    Ok(folders)
}

/// A configuration that calls every example as a module, with an input for each variable that has no default.
fn together() -> Result<PathBuf> {
    let folder = shell::target().join("terraform-examples");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let up = "../".repeat(folder.components().count().saturating_sub(1));
    // Terraform would copy a module with an absolute path, without the module that it calls.
    let from_there = |path: &Path| format!("{up}{}", path.display().to_string().trim_start_matches('/'));
    let mut calls = serde_json::Map::new();
    let mut inputs = serde_json::Map::new();
    for example in examples()? {
        let name = example.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut call = serde_json::Map::new();
        call.insert("source".to_owned(), from_there(&example).into());
        for variable in required(&example)? {
            // Of unknown value, so that no validation of values applies.
            let input = format!("{name}_{variable}");
            call.insert(variable, format!("${{var.{input}}}").into());
            inputs.insert(input, serde_json::json!({}));
        }
        calls.insert(name, call.into());
    }
    let mut whole = serde_json::json!({"module": calls});
    if !inputs.is_empty() {
        whole["variable"] = inputs.into();
    }
    let file = folder.join("main.tf.json");
    fs::write(&file, whole.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(folder)
}

/// Names of an example's variables that have no default.
fn required(example: &Path) -> Result<Vec<String>> {
    let mut required = Vec::new();
    for entry in fs::read_dir(example).with_context(|| format!("cannot read {}", example.display()))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "tf") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for block in text.split("\nvariable \"").skip(1) {
            let block = block.split("\n}").next().unwrap_or_default();
            if let Some((name, rest)) = block.split_once('"')
                && !rest.lines().any(|line| line.trim_start().starts_with("default"))
            {
                required.push(name.to_owned());
            }
        }
    }
    Ok(required)
}

fn mirror() -> Option<PathBuf> {
    let named = std::env::var_os("CHANCERY_TERRAFORM_MIRROR").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".terraform.d/plugins"));
    let below_opt = fs::read_dir("/opt")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let places = named
        .into_iter()
        .chain(home)
        .chain(MIRRORS.map(PathBuf::from))
        .chain(below_opt);
    places.into_iter().find(|place| place.join(PROVIDER).is_dir())
}

/// Checks that every input and output is on the page about the module.
fn documented() -> Result<()> {
    let read = |path: PathBuf| fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()));
    let page = read(shell::root().join("docs/terraform.md"))?;
    for file in ["variables.tf", "variables-new.tf", "outputs.tf"] {
        for line in read(module().join(file))?.lines() {
            let declared = line
                .strip_prefix("variable \"")
                .or_else(|| line.strip_prefix("output \""));
            let Some((name, _)) = declared.and_then(|rest| rest.split_once('"')) else {
                continue;
            };
            ensure!(
                page.contains(&format!("| `{name}` |")),
                "docs/terraform.md does not tell of {name}, which is in {file}"
            );
        }
    }
    Ok(())
}

/// Runs checkov; every finding must be justified in the source.
fn scan() -> Result<()> {
    let Some(folder) = setup::python("checkov", &["tests/checkov/requirements.txt"]) else {
        shell::say("SKIPPED: scanning the Terraform module (PyPI checkov could not be installed)");
        return Ok(());
    };
    let mut command = shell::program(folder.join("checkov"));
    shell::run(
        command
            .current_dir(module())
            .args(["--directory", ".", "--config-file", ".checkov.yaml"]),
    )
}
