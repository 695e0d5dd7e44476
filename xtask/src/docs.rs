//! Checks the documentation: links have targets, every page can be reached from the README, and Terraform examples are
//! shown as they are in their files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// Folders without pages of this repository.
const ELSEWHERE: [&str; 4] = ["target", ".git", ".terraform", "dist"];

/// Checks all pages, and runs the tests of their scripts where node is installed.
pub(crate) fn run() -> Result<()> {
    pages()?;
    scripts()
}

/// Checks links, that every page can be reached, and blocks from examples.
pub(crate) fn pages() -> Result<()> {
    let root = shell::root();
    let mut pages = BTreeMap::new();
    gather(&root, &root, &mut pages)?;
    let mut wrong = broken(&root, &pages);
    wrong.extend(unreached(&pages));
    wrong.extend(foreign_blocks(&root, &pages)?);
    ensure!(wrong.is_empty(), "the documentation is wrong:\n{}", wrong.join("\n"));
    Ok(())
}

/// One page: its links, and its anchors.
struct Page {
    text: String,
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(text: String) -> Self {
        let prose = prose(&text);
        let mut anchors = BTreeSet::new();
        for line in prose.lines() {
            let title = line.trim_start_matches('#');
            if title.len() < line.len() && title.starts_with(' ') {
                let plain = anchor(title);
                let further = (1..).map(|number| format!("{plain}-{number}"));
                let free = std::iter::once(plain.clone())
                    .chain(further)
                    .find(|name| !anchors.contains(name));
                anchors.extend(free);
            }
        }
        Self {
            links: links(&prose),
            anchors,
            text,
        }
    }
}

fn gather(root: &Path, folder: &Path, pages: &mut BTreeMap<PathBuf, Page>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && !ELSEWHERE.contains(&name.as_str()) {
            gather(root, &path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            pages.insert(path.strip_prefix(root)?.to_owned(), Page::read(text));
        }
    }
    Ok(())
}

/// The text without code: without fenced blocks and `spans`.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// The targets in `[…](here)`.
fn links(prose: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose.lines() {
        // Inline code may look like a link; a link's title may be code.
        for part in line.split("](").skip(1) {
            if let Some((link, _)) = part.split_once(')') {
                links.push(link.to_owned());
            }
        }
    }
    links
}

/// A heading's anchor, as GitHub makes it.
fn anchor(title: &str) -> String {
    let lower = title.trim().to_lowercase();
    let kept = lower.chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ if letter.is_alphanumeric() => Some(letter),
        _ => None,
    });
    kept.collect()
}

/// Resolves `../terraform.md` in `docs/aws` to `docs/terraform.md`.
fn resolved(folder: &Path, link: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// A link of a page as a path from the root and an anchor; `None` for those that lead outside.
fn target(page: &Path, link: &str) -> Option<(PathBuf, Option<String>)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link
        .split_once('#')
        .map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let path = match file {
        "" => page.to_owned(),
        file => resolved(page.parent().unwrap_or(Path::new("")), file),
    };
    Some((path, anchor.map(str::to_owned)))
}

/// Links without a target.
fn broken(root: &Path, pages: &BTreeMap<PathBuf, Page>) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, page) in pages {
        for link in &page.links {
            let Some((file, anchor)) = target(path, link) else {
                continue;
            };
            let found = match (pages.get(&file), &anchor) {
                (Some(page), Some(anchor)) => page.anchors.contains(anchor),
                _ => root.join(&file).exists(),
            };
            if !found {
                broken.push(format!("{}: {link} leads nowhere", path.display()));
            }
        }
    }
    broken
}

/// Pages for users that no chain of links reaches from the README.
fn unreached(pages: &BTreeMap<PathBuf, Page>) -> Vec<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![PathBuf::from("README.md")];
    while let Some(path) = waiting.pop() {
        let Some(page) = pages.get(&path) else {
            continue;
        };
        if reached.insert(path.clone()) {
            waiting.extend(
                page.links
                    .iter()
                    .filter_map(|link| target(&path, link))
                    .map(|(file, _)| file),
            );
        }
    }
    let ours = pages
        .keys()
        .filter(|path| path.starts_with("docs") && !path.starts_with("docs/design"));
    let lost = ours.filter(|path| !reached.contains(*path));
    lost.map(|path| format!("{}: no link leads to it from the README", path.display()))
        .collect()
}

/// Blocks marked `hcl` below `docs/aws` that are in no example, line for line. Those marked `terraform` are fragments.
fn foreign_blocks(root: &Path, pages: &BTreeMap<PathBuf, Page>) -> Result<Vec<String>> {
    let examples = root.join("terraform/examples");
    let mut sources = Vec::new();
    for entry in fs::read_dir(&examples).with_context(|| format!("cannot read {}", examples.display()))? {
        let file = entry?.path().join("main.tf");
        if file.is_file() {
            sources.push(fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?);
        }
    }
    let mut foreign = Vec::new();
    for (path, page) in pages.iter().filter(|(path, _)| path.starts_with("docs/aws")) {
        for block in blocks(&page.text, "hcl") {
            if !sources.iter().any(|source| source.contains(&block)) {
                let first = block.lines().next().unwrap_or_default();
                foreign.push(format!(
                    "{}: the block that begins with {first:?} stands in no terraform/examples/*/main.tf",
                    path.display()
                ));
            }
        }
    }
    Ok(foreign)
}

/// Contents of the fenced blocks of that language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == opening {
            let inside = lines.by_ref().take_while(|line| *line != "```");
            blocks.push(inside.flat_map(|line| [line, "\n"]).collect());
        }
    }
    blocks
}

/// Runs the tests of the scripts that pages show, and of the page that calculates costs.
pub(crate) fn scripts() -> Result<()> {
    if !shell::exists("node") {
        shell::say("SKIPPED: the scripts in the documentation (node is not installed)");
        return Ok(());
    }
    shell::run(shell::program("node").args([
        "--test",
        "docs/aws/costs.test.mjs",
        "terraform/examples/mutual-tls-api-gateway/authorizer.test.mjs",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_become_anchors() {
        assert_eq!(
            anchor(" Mutual TLS: nginx as an example"),
            "mutual-tls-nginx-as-an-example"
        );
        assert_eq!(anchor(" `local.toml`"), "localtoml");
        assert_eq!(anchor(" Back up, and restore"), "back-up-and-restore");
        let page = Page::read("# A\n## B c\n### B c\n```\n# D\n```\n#E\n".to_owned());
        assert_eq!(page.anchors, ["a", "b-c", "b-c-1"].map(str::to_owned).into());
    }

    #[test]
    fn links_are_followed() {
        let pages = |files: &[(&str, &str)]| -> BTreeMap<PathBuf, Page> {
            let pages = files.iter();
            pages
                .map(|(path, text)| (PathBuf::from(path), Page::read((*text).to_owned())))
                .collect()
        };
        let nowhere = Path::new("/nonexistent");
        let good = pages(&[
            (
                "README.md",
                "[`a`](docs/a.md#one-two) and [out](https://example.com/x#y)",
            ),
            (
                "docs/a.md",
                "# One two\n[up](../README.md) [here](#one-two) [b](aws/b.md#b)",
            ),
            ("docs/aws/b.md", "# B\n[a](../a.md#one-two)\n```\n[no](link)\n```"),
        ]);
        // Links without an anchor are looked up among files; the pages of this test have only `../README.md`.
        assert_eq!(broken(&shell::root(), &good), Vec::<String>::new());
        assert_eq!(unreached(&good), Vec::<String>::new());
        let bad = pages(&[
            ("README.md", "[a](docs/a.md#two) [b](docs/b.md) [c](#none)"),
            ("docs/a.md", "# One"),
            ("docs/lost.md", ""),
        ]);
        assert_eq!(broken(nowhere, &bad).len(), 3);
        assert_eq!(unreached(&bad), ["docs/lost.md: no link leads to it from the README"]);
    }

    #[test]
    fn blocks_are_found_by_language() {
        let text = "```hcl\na = 1\n```\n```console\n$ b\n```\n```hcl\nc\nd\n```\n";
        assert_eq!(blocks(text, "hcl"), ["a = 1\n", "c\nd\n"]);
    }
}
