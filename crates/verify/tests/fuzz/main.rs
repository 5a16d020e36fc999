//! The fuzz targets as plain tests: over their corpus, and over changes to it that are the same in every run.
//!
//! `fuzz/README.md` says how to run them under libFuzzer. `WRITE_FUZZ_CORPUS=1` makes the corpus anew.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

#[path = "../forge/mod.rs"]
mod forge;
mod harness;
mod mutator;
mod seeds;
#[path = "../../../../fuzz/targets.rs"]
mod targets;

use std::collections::BTreeSet;

use targets::{TARGETS, Target};

#[test]
fn every_target_holds_over_its_corpus_and_changes_to_it() {
    if harness::writes() {
        seeds::write(&harness::folder());
    }
    let names: BTreeSet<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(names, folders(), "one folder for each target");
    std::thread::scope(|scope| {
        for half in TARGETS.chunks(TARGETS.len().div_ceil(2)) {
            scope.spawn(move || {
                for Target { name, run, tokens } in half {
                    harness::check(name, *run, tokens);
                }
            });
        }
    });
}

/// What `targets.rs` calls a target is what a folder of the corpus is called. Those of commits and
/// tags are in `git.rs`, those of the agent in `agent.rs`.
fn folders() -> BTreeSet<String> {
    let entries = std::fs::read_dir(harness::folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_here = |name: &String| !name.starts_with("git-") && !name.starts_with("agent-");
    names.filter(is_here).collect()
}
