//! The committed description is the one that the code makes.

use std::path::Path;

#[test]
fn the_committed_description_is_that_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = chancery_server::api::openapi::json();
    if let Some(place) = std::env::var_os("CHANCERY_WRITE_OPENAPI") {
        std::fs::write(place, &made).unwrap();
    }
    let committed = std::fs::read_to_string(file).unwrap();
    assert!(committed == made, "run `cargo xtask openapi`");
}
