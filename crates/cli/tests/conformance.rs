//! `tests/conformance/client`, as the suite calls it, on real bundles.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use signhere_pki::digest::HashAlgorithm;
use signhere_testkit::corpus::{self, BundleCase};
use support::{Ran, Workplace, finish};

#[test]
fn each_case_is_decided_right_by_artifact_and_by_digest() {
    let Some(folder) = corpus::folder_or_skip("the conformance client") else {
        return;
    };
    let place = Workplace::new();
    let cases = corpus::bundle_cases(&folder);
    let mut wrong = Vec::new();
    for case in &cases {
        // A case without a root of its own is for the one inside the program.
        let root = folder
            .join("bundles")
            .join(&case.name)
            .join("trusted_root.json");
        let root = root.exists().then_some(root);
        place.write("artifact", &case.artifact);
        let digest = HashAlgorithm::Sha256.digest(&case.artifact).to_string();
        for what in ["artifact", &digest] {
            let ran = verify(&place, case, root.as_deref(), what);
            // A crash, or a command line that is not understood, rejects too.
            let decided = ran.code == 0 || (10..40).contains(&ran.code);
            if !decided || (ran.code == 0) != case.accept {
                wrong.push(format!("{} by {what}: {ran:?}", case.name));
            }
        }
    }
    assert!(cases.len() > 30, "only {} cases", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_unknown_command_is_refused() {
    let ran = finish(client().arg("frobnicate").spawn().unwrap());
    assert!(ran.exits(2).stderr.contains("sign-bundle|verify-bundle"));
}

fn verify(place: &Workplace, case: &BundleCase, root: Option<&Path>, what: &str) -> Ran {
    let bundle = place.write("bundle", &case.bundle);
    let mut client = client();
    client.current_dir(place.path(""));
    client.arg("verify-bundle").arg("--bundle").arg(bundle);
    match &case.key {
        Some(key) => client.arg("--key").arg(place.write("key.pub", key)),
        None => client
            .args(["--certificate-identity", &case.identity])
            .args(["--certificate-oidc-issuer", &case.issuer]),
    };
    if let Some(root) = root {
        client.arg("--trusted-root").arg(root);
    }
    finish(client.arg(what).spawn().unwrap())
}

fn client() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut client = Command::new(root.join("tests/conformance/client"));
    client
        .env_clear()
        .env("PATH", support::search_path())
        .env("SIGNHERE_BIN", env!("CARGO_BIN_EXE_signhere"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    client
}
