//! The fuzz targets of the agent's protocol as plain tests: over their corpus, and over changes that are the same in every run.
//!
//! `WRITE_FUZZ_CORPUS=1` makes the corpus anew.

#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

#[path = "../../../fuzz/agent.rs"]
mod agent;
#[path = "../../verify/tests/fuzz/harness.rs"]
mod harness;
#[path = "../../verify/tests/fuzz/mutator.rs"]
mod mutator;

use agent::{TARGETS, Target};
use serde_json::value::RawValue;
use signhere_pki::cms::{DATA, SignedAttributes};
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::time::Time;
use signhere_sign::agent::harden::Hardening;
use signhere_sign::agent::protocol::{Answer, Kept, Request, Status, encode};
use signhere_sign::agent::{GitContent, LoginRequest, LogoutRequest, Refusal, SignRequest};
use signhere_testkit::forge::{Forge, Kind};
use zeroize::Zeroizing;

const NOW: Time = Time::from_unix(1_780_315_200);

#[test]
fn every_target_holds_over_its_corpus_and_changes_to_it() {
    if harness::writes() {
        write_requests();
        write_answers();
    }
    for Target { name, run, tokens } in TARGETS {
        harness::check(name, *run, tokens);
    }
}

fn write_requests() {
    let sha256 = |bytes: &[u8]| HashAlgorithm::Sha256.digest(bytes);
    let content = sha256(b"tree ...");
    let attributes = SignedAttributes::with_signing_time(DATA, &content, NOW).unwrap();
    let git = SignRequest {
        git: Some(GitContent {
            sha256: content.hex(),
            signed_at: NOW,
        }),
        prefer: Some("ada@example.test".to_owned()),
        ..SignRequest::of_artifact(&sha256(&attributes.to_set().unwrap()))
    };
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let statement = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"gitCommit":"4b825dc6"}}],"predicateType":"https://example.test"}"#;
    let login = LoginRequest {
        instance: Some("work".to_owned()),
        token: text("an identity token"),
        refresh_token: Some(text("a refresh token")),
    };
    let artifact = SignRequest::of_artifact(&sha256(b""));
    let statement = SignRequest::of_statement(statement);
    for (name, request) in [
        ("git", Request::Sign(git)),
        ("artifact", Request::Sign(artifact)),
        ("statement", Request::Sign(statement)),
        ("login", Request::Login(login)),
        ("logout", Request::Logout(LogoutRequest::default())),
        ("status", Request::Status {}),
        ("stop", Request::Stop {}),
    ] {
        put("agent-request", name, &encode(&request).unwrap());
    }
}

fn write_answers() {
    let bundle = String::from_utf8(Forge::new().bundle(Kind::PLAIN).to_bytes()).unwrap();
    let bundle = RawValue::from_string(bundle.trim_end().to_owned()).unwrap();
    let kept = Kept {
        instance: "work".to_owned(),
        identity: "ada@example.test".to_owned(),
        issuer: "https://issuer.test".to_owned(),
        since: NOW,
        idle_until: NOW,
        until: NOW,
        signs_until: NOW,
        certificate_until: NOW,
        renews: true,
        signatures: 1,
        certificates: 1,
    };
    let status = Status {
        pid: 1,
        program: "0.1.0".to_owned(),
        since: NOW,
        idle_seconds: 7_200,
        lifetime_seconds: 36_000,
        hardening: Hardening::NONE,
        logins: vec![kept.clone()],
    };
    let refused = Refusal::Busy { retry_after: 1 };
    for (name, answer) in [
        ("bundle", Answer::Bundle(bundle)),
        ("status", Answer::Status(Box::new(status))),
        ("logged-in", Answer::LoggedIn(kept)),
        ("logged-out", Answer::LoggedOut { count: 2 }),
        ("refused", Answer::Refused(refused)),
    ] {
        put("agent-answer", name, &encode(&answer).unwrap());
    }
}

fn put(target: &str, name: &str, line: &[u8]) {
    let folder = harness::folder().join(target);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), line.trim_ascii_end()).unwrap();
}
