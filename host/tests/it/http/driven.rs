//! The API as programs of others find it: one reads its document, and one asks whatever the document allows.

use std::path::{Path, PathBuf};
use std::process::Command;

use peers::python;
use reqwest::Method;

use super::{Served, served};
use crate::tidy::repository;

#[test]
fn the_document_is_one_of_openapi() {
    let Some(programs) = python::programs(env!("CARGO_TARGET_TMPDIR")) else { return };
    let document = repository().join("host/schema/openapi.json");
    let output = Command::new(programs.join("openapi-spec-validator")).arg(document).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// What schemathesis sends is odd and allowed, or odd and refused. What the original answers with a status from 500 on, and
/// `/health/ready` with 503, may have it.
#[tokio::test]
async fn whatever_is_asked_by_the_document_is_answered_as_the_document_says() {
    let Some(programs) = python::programs(env!("CARGO_TARGET_TMPDIR")) else { return };
    let served = served(&["Anna"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let odd = "status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";
    for (checks, paths) in [
        (format!("not_a_server_error,{odd}"), ["--exclude-path-regex", "^/(diag/|events$|health/ready$)"]),
        (odd.to_owned(), ["--include-path-regex", "^/(diag/|health/ready$)"]),
    ] {
        served.is_driven(programs, &checks, paths).await;
    }
    assert_eq!(served.get("/health/live").await.0, 200);
}

impl Served {
    async fn is_driven(&self, programs: &Path, checks: &str, paths: [&str; 2]) {
        let folder: PathBuf = tempfile::tempdir().unwrap().keep();
        let mut command = Command::new(programs.join("schemathesis"));
        command
            .args(["run", &format!("{}/api/openapi.json", self.base), "--checks", checks])
            .args(paths)
            .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1"])
            .args([
                "--continue-on-failure",
                "--suppress-health-check",
                "all",
                "--request-timeout",
                "30",
                "--no-color",
            ])
            // It keeps notes where it runs.
            .current_dir(&folder);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
