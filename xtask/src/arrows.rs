//! Which crate of this workspace may use which: `docs/design/architecture.md`, "Rooms", says why.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::dependencies;

/// A crate, without the `chancery-` of its name, and the crates that it may use.
struct Room {
    name: &'static str,
    /// In what it is.
    uses: &'static [&'static str],
    /// In its tests, beside those.
    tests_use: &'static [&'static str],
}

const ROOMS: [Room; 15] = [
    Room {
        name: "x509",
        uses: &[],
        tests_use: &[],
    },
    Room {
        name: "lint",
        uses: &["x509"],
        tests_use: &[],
    },
    Room {
        name: "authority",
        uses: &["lint", "x509"],
        tests_use: &["contract", "testing"],
    },
    Room {
        name: "contract",
        uses: &["authority", "lint", "x509"],
        tests_use: &[],
    },
    Room {
        name: "local",
        uses: &["authority", "contract", "x509"],
        tests_use: &["testing"],
    },
    Room {
        name: "aws",
        uses: &["authority", "contract", "x509"],
        tests_use: &["testing"],
    },
    Room {
        name: "api",
        uses: &["authority", "x509"],
        tests_use: &[],
    },
    Room {
        name: "server",
        uses: &["api", "authority", "contract", "x509"],
        tests_use: &["local", "testing"],
    },
    Room {
        name: "deployment",
        uses: &["authority", "aws", "x509"],
        tests_use: &[],
    },
    Room {
        name: "lambda",
        uses: &["authority", "aws", "contract", "deployment", "x509"],
        tests_use: &["testing"],
    },
    Room {
        name: "watch",
        uses: &["authority", "x509"],
        tests_use: &[],
    },
    Room {
        name: "cli",
        uses: &[
            "api",
            "authority",
            "aws",
            "contract",
            "deployment",
            "lint",
            "local",
            "server",
            "watch",
            "x509",
        ],
        tests_use: &["testing"],
    },
    Room {
        name: "testing",
        uses: &["authority", "contract", "x509"],
        tests_use: &[],
    },
    Room {
        name: "benches",
        uses: &["authority", "contract", "local", "testing", "watch", "x509"],
        tests_use: &[],
    },
    Room {
        name: "xtask",
        uses: &[],
        tests_use: &[],
    },
];

/// The adapter that brings the AWS SDK: whoever uses it does so behind a feature, or a build without AWS would have it.
const AWS: &str = "aws";

/// The feature of `authority` by which a key store can be asked to sign what nobody checked, and who may turn it on.
const UNCHECKED: (&str, &str) = ("unchecked-signing", "testing");

/// Fails where a manifest has an arrow that is not in the table, or the table has a crate that is gone.
pub(crate) fn run() -> Result<()> {
    let reported = differences(&dependencies::metadata()?)?;
    ensure!(
        reported.is_empty(),
        "dependencies between crates (docs/design/architecture.md, \"Rooms\"; the table is in xtask/src/arrows.rs):\n{}",
        reported.join("\n")
    );
    Ok(())
}

fn differences(metadata: &Value) -> Result<Vec<String>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let mut reported = Vec::new();
    let mut found = BTreeSet::new();
    for package in packages {
        let name = room(text(&package["name"])?);
        found.insert(name);
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            reported.push(format!("{name} has no row that says what it may use"));
            continue;
        };
        let dependencies = package["dependencies"]
            .as_array()
            .context("a package has no dependencies")?;
        for dependency in dependencies {
            reported.extend(forbidden(room, dependency)?);
        }
        if turns_on_unchecked_signing(room, package) {
            reported.push(format!(
                "{name} turns on {}, which only {} may",
                UNCHECKED.0, UNCHECKED.1
            ));
        }
        if let Some(feature) = default_with_aws(room, package) {
            reported.push(format!("{name} has AWS by default, in its feature {feature}"));
        }
    }
    let gone = ROOMS.iter().filter(|room| !found.contains(room.name));
    reported.extend(gone.map(|room| format!("{} has a row and is no crate", room.name)));
    Ok(reported)
}

/// What is wrong with a dependency of a crate; nothing if it comes from elsewhere.
fn forbidden(room: &Room, dependency: &Value) -> Result<Option<String>> {
    if !dependency["source"].is_null() {
        return Ok(None);
    }
    let (name, used) = (room.name, self::room(text(&dependency["name"])?));
    let for_tests = dependency["kind"].as_str() == Some("dev");
    let may = room.uses.contains(&used) || for_tests && room.tests_use.contains(&used);
    let wrong = match (may, for_tests) {
        (false, true) => Some(format!("{name} uses {used} in its tests")),
        (false, false) => Some(format!("{name} uses {used}")),
        (true, false) if used == AWS && dependency["optional"] != true => {
            Some(format!("{name} uses {used}, and not behind a feature"))
        }
        (true, _) => None,
    };
    Ok(wrong)
}

/// Whether a crate has signatures made that nobody checked, in its dependencies or by a feature of its own.
fn turns_on_unchecked_signing(room: &Room, package: &Value) -> bool {
    let listed = |features: &Value| {
        let mut features = features.as_array().into_iter().flatten().filter_map(Value::as_str);
        features.any(|feature| feature.ends_with(UNCHECKED.0))
    };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let own = package["features"]
        .as_object()
        .into_iter()
        .flat_map(|features| features.values());
    room.name != UNCHECKED.1
        && (dependencies
            .into_iter()
            .any(|dependency| listed(&dependency["features"]))
            || own.into_iter().any(listed))
}

/// The feature by which the command would have AWS where nobody asked for it. The functions have it by default: they run there.
fn default_with_aws<'a>(room: &Room, package: &'a Value) -> Option<&'a str> {
    let default = package["features"]["default"].as_array()?;
    let mut features = default.iter().filter_map(Value::as_str);
    features.find(|feature| room.name != "lambda" && feature.contains(AWS))
}

fn room(package: &str) -> &str {
    package.strip_prefix("chancery-").unwrap_or(package)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("cargo metadata has a name that is no text")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_arrow_between_crates_is_meant() {
        run().unwrap();
    }

    fn reported(name: &str, dependencies: &Value, features: &Value) -> Vec<String> {
        let others = ROOMS.iter().filter(|room| format!("chancery-{}", room.name) != name);
        let mut packages: Vec<Value> = others
            .map(|room| json!({"name": format!("chancery-{}", room.name), "dependencies": []}))
            .collect();
        packages.push(json!({"name": name, "dependencies": dependencies, "features": features}));
        differences(&json!({ "packages": packages })).unwrap()
    }

    fn of(name: &str, kind: Option<&str>, optional: bool) -> Value {
        json!({"name": name, "source": null, "kind": kind, "optional": optional})
    }

    #[test]
    fn an_arrow_that_is_not_meant_is_named() {
        let none = json!({});
        let cli = |dependencies: Value| reported("chancery-cli", &dependencies, &none);
        assert_eq!(cli(json!([of("chancery-lambda", None, true)])), ["cli uses lambda"]);
        assert_eq!(
            cli(json!([of("chancery-lambda", Some("dev"), false)])),
            ["cli uses lambda in its tests"]
        );
        assert_eq!(
            cli(json!([of("chancery-aws", None, false)])),
            ["cli uses aws, and not behind a feature"]
        );
        let fine = json!([
            of("chancery-aws", None, true),
            of("chancery-local", None, false),
            {"name": "chancery-of-somebody-else", "source": "registry+https://example", "kind": null},
        ]);
        assert!(cli(fine).is_empty());
        let server = |dependencies: Value| reported("chancery-server", &dependencies, &none);
        assert_eq!(server(json!([of("chancery-aws", None, true)])), ["server uses aws"]);
        assert_eq!(
            server(json!([of("chancery-local", None, false)])),
            ["server uses local"]
        );
        assert!(server(json!([of("chancery-local", Some("dev"), false)])).is_empty());
    }

    #[test]
    fn crates_without_a_row_and_rows_without_a_crate_are_named() {
        assert_eq!(
            reported("chancery-new", &json!([]), &json!({})),
            ["new has no row that says what it may use"]
        );
        let packages = ROOMS.iter().skip(1);
        let packages = packages.map(|room| json!({"name": room.name, "dependencies": []}));
        let metadata = json!({"packages": packages.collect::<Vec<_>>()});
        assert_eq!(differences(&metadata).unwrap(), ["x509 has a row and is no crate"]);
        assert!(differences(&Value::Null).is_err());
    }

    #[test]
    fn nobody_but_the_tests_has_signed_what_nobody_checked() {
        let authority = |kind: Option<&str>| json!([{"name": "chancery-authority", "source": null, "kind": kind, "features": ["unchecked-signing"]}]);
        let none = json!({});
        for (name, kind) in [("local", None), ("local", Some("dev")), ("benches", None)] {
            assert_eq!(
                reported(&format!("chancery-{name}"), &authority(kind), &none),
                [format!("{name} turns on unchecked-signing, which only testing may")]
            );
        }
        assert!(reported("chancery-testing", &authority(None), &none).is_empty());
        let features = json!({"unchecked-signing": [], "default": ["unchecked-signing"]});
        assert_eq!(
            reported("chancery-authority", &json!([]), &features),
            ["authority turns on unchecked-signing, which only testing may"]
        );
        let features = json!({"unchecked-signing": []});
        assert!(reported("chancery-authority", &json!([]), &features).is_empty());
    }

    #[test]
    fn a_program_has_nothing_of_what_is_for_tests() {
        let none = json!({});
        let uses = json!([of("chancery-testing", None, false)]);
        assert_eq!(reported("chancery-server", &uses, &none), ["server uses testing"]);
        let uses = json!([of("chancery-testing", Some("dev"), false)]);
        assert!(reported("chancery-server", &uses, &none).is_empty());
    }

    #[test]
    fn aws_is_nobody_s_default_but_the_functions() {
        let features = json!({"default": ["aws"], "aws": []});
        assert_eq!(
            reported("chancery-cli", &json!([]), &features),
            ["cli has AWS by default, in its feature aws"]
        );
        assert!(reported("chancery-lambda", &json!([]), &features).is_empty());
    }
}
