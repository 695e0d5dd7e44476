//! Circles between the files of a crate: what each file uses, from its `use` lines, must lead to no file twice.
//!
//! A file and the files below it count as one where they use each other, as privacy in Rust means them to; names that a
//! file hands on with `use` count as those of the file that has them. Paths written out in the code are not seen, nor is
//! what a crate's root hands on where it has the item itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::shell;

/// Fails where files of a crate use each other in a circle.
pub(crate) fn run() -> Result<()> {
    let mut circles = Vec::new();
    for entry in fs::read_dir(shell::root().join("crates")).context("cannot read crates")? {
        let package = entry?.path();
        let mut sources = BTreeMap::new();
        read(&package.join("src"), "", &mut sources)?;
        let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let found = circles_of(&sources).into_iter();
        circles.extend(found.map(|circle| format!("{name}: {}", circle.join(", "))));
    }
    ensure!(
        circles.is_empty(),
        "these files use each other in a circle: move what both need into a file that needs neither:\n{}",
        circles.join("\n")
    );
    Ok(())
}

/// The texts of the modules below a folder, by path (`ledger::crls`), without tests and comments.
fn read(folder: &Path, path: &str, sources: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let file = entry?.path();
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let module = if name == "lib" {
            String::new()
        } else {
            joined(path, &name)
        };
        if ["tests", "testing", "main"].contains(&name.as_str()) {
            continue;
        }
        if file.is_dir() {
            read(&file, &module, sources)?;
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            sources.insert(module, text);
        }
    }
    Ok(())
}

fn joined(path: &str, name: &str) -> String {
    [path, name]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join("::")
}

/// The modules of each circle.
fn circles_of(sources: &BTreeMap<String, String>) -> Vec<Vec<String>> {
    let imports: BTreeMap<&str, BTreeMap<String, String>> = sources
        .iter()
        .map(|(module, text)| (module.as_str(), imported(module, text, sources)))
        .collect();
    let uses: BTreeMap<&str, BTreeSet<&str>> = imports
        .iter()
        .map(|(module, names)| {
            let used = names.values().filter_map(|path| owner(path, &imports, 0));
            let is_other = |used: &&str| !used.is_empty() && !is_within(used, module) && !is_within(module, used);
            (*module, used.filter(is_other).collect())
        })
        .collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|module| (*module, reach(module, &uses))).collect();
    let mut circles = Vec::new();
    let mut done = BTreeSet::new();
    for (module, others) in &reached {
        let circle: Vec<&str> = others
            .iter()
            .copied()
            .filter(|other| reached[other].contains(module))
            .collect();
        if !circle.is_empty() && circle.iter().all(|each| done.insert(*each)) {
            circles.push(circle.into_iter().map(str::to_owned).collect());
        }
    }
    circles
}

/// Whether a module is that one, or below it.
fn is_within(module: &str, above: &str) -> bool {
    module
        .strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every module that one uses, directly or through others.
fn reach<'a>(from: &str, uses: &BTreeMap<&str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> = uses[from].iter().copied().collect();
    while let Some(module) = waiting.pop() {
        if reached.insert(module) {
            waiting.extend(&uses[module]);
        }
    }
    reached
}

/// The names that a module imports from its own crate, with their paths from the root.
fn imported(module: &str, text: &str, sources: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join(" ");
    let mut names = BTreeMap::new();
    let trees = code.split(';').filter_map(|statement| statement.rsplit_once("use "));
    for path in trees.flat_map(|(_, tree)| expanded(tree)) {
        let (path, alias) = path.split_once(" as ").unwrap_or((&path, ""));
        let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
        let mut base = module;
        match parts[0] {
            "crate" => base = "",
            "self" | "super" => {}
            child if sources.contains_key(&joined(module, child)) => {}
            _ => continue,
        }
        for _ in parts.iter().take_while(|part| **part == "super") {
            base = base.rsplit_once("::").map_or("", |(above, _)| above);
        }
        parts.retain(|part| !["crate", "self", "super"].contains(part));
        let last = parts.last().copied().unwrap_or_default();
        let name = if alias.is_empty() { last } else { alias.trim() };
        let full = joined(base, &parts.join("::"));
        // Under its path as well: two imports may have one name, such as `*`.
        names.insert(format!("={full}"), full.clone());
        names.insert(name.to_owned(), full);
    }
    names
}

/// The single paths of a tree with braces.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let mut depth = 0_usize;
    let parts = inner.split(|letter: char| {
        depth = match letter {
            '{' => depth + 1,
            '}' => depth.saturating_sub(1),
            _ => depth,
        };
        letter == ',' && depth == 0
    });
    let parts = parts.filter(|part| !part.trim().is_empty());
    parts
        .flat_map(|part| expanded(&format!("{prefix}{}", part.trim())))
        .collect()
}

/// The module that a path leads to, through whatever hands it on.
fn owner<'a>(path: &str, imports: &BTreeMap<&'a str, BTreeMap<String, String>>, depth: usize) -> Option<&'a str> {
    let mut module = path;
    loop {
        if let Some((module, names)) = imports.get_key_value(module) {
            let rest = path[module.len()..].trim_start_matches("::");
            let (name, further) = rest.split_once("::").unwrap_or((rest, ""));
            return match names.get(name).filter(|next| depth < 8 && *next != path) {
                Some(next) => owner(&joined(next, further), imports, depth + 1),
                None => Some(module),
            };
        }
        if module.is_empty() {
            return None;
        }
        module = module.rsplit_once("::").map_or("", |(above, _)| above);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        circles_of(
            &files
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn no_crate_has_a_circle() {
        run().unwrap();
    }

    #[test]
    fn a_circle_is_found_through_what_a_file_hands_on() {
        let direct = [
            ("", ""),
            ("a", "use crate::b::B;\n"),
            ("b", "use crate::a::{self, A as Other};\n"),
        ];
        assert_eq!(circles(&direct), [["a", "b"]]);
        // `m` hands on what `m::one` has, and `far` uses it; three files in a circle, over several lines.
        let handed_on = [
            ("", "pub use m::One;\n"),
            ("m", "mod one;\npub use one::One;\n"),
            (
                "m::one",
                "use std::io;\nuse super::two::{\n    Inner, // a comment\n    Two,\n};\n",
            ),
            ("m::two", "pub(super) use crate::far::Far;\n"),
            ("far", "use crate::{m::{One}};\n"),
        ];
        assert_eq!(circles(&handed_on), [["far", "m::one", "m::two"]]);
    }

    #[test]
    fn a_file_and_those_below_it_are_one_and_tests_and_comments_count_for_nothing() {
        let fine = [
            ("", "mod a;\nmod b;\npub use a::A;\n"),
            ("a", "mod child;\npub use child::Child;\nuse crate::b::B;\n"),
            ("a::child", "use super::A;\nuse crate::b::B;\n"),
            (
                "b",
                "// use crate::a::A;\nuse std::fmt;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n",
            ),
        ];
        assert_eq!(circles(&fine), Vec::<Vec<String>>::new());
    }
}
