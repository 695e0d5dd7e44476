//! Every committed input of this crate's fuzz targets, run through the targets' own bodies.

use std::fs;

#[path = "../../../fuzz/src/x509/mod.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets take the module from a library")]
mod bodies;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

replay::replay! {
    bodies: alt_names, certificate, crl, csr, inspection, name, pem, pem_stream, public_key, rfc4514, serial,
}

/// Of this crate and of the others: a target that is not replayed would only be run by hand.
#[test]
fn every_target_is_built_and_replayed() {
    let fuzz = replay::corpus().join("..");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let mut targets = 0;
    for file in fs::read_dir(fuzz.join("fuzz_targets")).unwrap() {
        let path = file.unwrap().path();
        let target = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let (_, body) = text.split_once("chancery_fuzz::").unwrap();
        let (room, rest) = body.split_once("::").unwrap();
        assert!(rest.starts_with(&format!("{target}(")), "{target} runs another's body");
        assert!(
            manifest.contains(&format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"")),
            "{target}"
        );
        let replayed = fs::read_to_string(fuzz.join(format!("../crates/{room}/tests/corpus.rs"))).unwrap();
        let mut words = replayed.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        assert!(words.any(|word| word == target), "{target} is not replayed by {room}");
        targets += 1;
    }
    assert_eq!(
        targets,
        fs::read_dir(replay::corpus()).unwrap().count(),
        "each corpus has its target"
    );
}
