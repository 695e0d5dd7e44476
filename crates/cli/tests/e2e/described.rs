//! The API against its own description: schemathesis reads `docs/openapi.json` and asks a running server what that allows and
//! what it forbids, with every check that it has.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::Folder;
use crate::judge::Python;

/// Requests at least; fewer, and not all of the description was looked at.
const REQUESTS: u64 = 2_000;

/// Of each operation, in each phase that draws them at random.
const EXAMPLES: &str = "140";

/// A minute or two on two processors; what is not at its end by then never will be.
const TIMEOUT: Duration = Duration::from_mins(15);

#[test]
fn the_api_is_as_its_description_says() {
    let Some(python) = Python::found() else { return };
    let Some(schemathesis) = python.program("schemathesis") else {
        eprintln!("SKIPPED: schemathesis is not installed (cargo xtask setup)");
        return;
    };
    let folder = Folder::new();
    let server = folder.start();
    // What can be shown, renewed and revoked.
    for name in ["one.example", "two.example", "three.example"] {
        folder.text(&["request", name, "--out", name]);
    }
    let token = server.token("admin");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (printed, report) = (folder.path("told.txt"), folder.path("report.json"));
    let mut judge = Command::new(schemathesis)
        .arg("--config-file")
        .arg(repository.join("tests/judges/schemathesis.toml"))
        .arg("run")
        .arg(repository.join("docs/openapi.json"))
        .args(["--url", &server.https, "--checks", "all"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .arg("--tls-verify")
        .arg(folder.public("chancery-root-ca.crt"))
        // One: Python 3.11 parses with a counter that threads share, and fails where two do at a time.
        .args(["--workers", "1", "--seed", "1", "--max-examples", EXAMPLES])
        .args(["--generation-database", "none", "--continue-on-failure"])
        // How fast requests are made up and answered on a busy machine is not what is asked here.
        .args(["--request-timeout", "60", "--suppress-health-check", "too_slow"])
        .args(["--no-color", "--report", "json", "--report-json-path"])
        .arg(&report)
        .current_dir(folder.path(""))
        .stdout(File::create(&printed).unwrap())
        .stderr(File::create(folder.path("complaints.txt")).unwrap())
        .spawn()
        .unwrap();
    let ended = ended(&mut judge, TIMEOUT);
    let printed = std::fs::read_to_string(printed).unwrap();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}: {printed}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["complete"], true, "{printed}");
    for phase in ["examples", "coverage", "fuzzing", "stateful"] {
        assert_eq!(report["phases"][phase]["status"], "success", "{phase}: {printed}");
    }
    assert_eq!(
        report["operations"]["tested"], report["operations"]["total"],
        "{printed}"
    );
    let requests = report["test_cases"]["generated"].as_u64().unwrap();
    assert!(requests >= REQUESTS, "{requests} requests: {printed}");
    assert!(server.stop().success());
}

/// How it ended; `None` if it had to be ended.
fn ended(child: &mut Child, budget: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + budget;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}
