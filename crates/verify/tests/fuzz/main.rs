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
mod mutator;
mod seeds;
#[path = "../../../../fuzz/targets.rs"]
mod targets;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mutator::Mutator;
use targets::{TARGETS, Target};

/// Changed inputs for each target: some seconds in all, without optimization.
const CHANGES: u64 = 1_500;

#[test]
fn every_target_holds_over_its_corpus_and_changes_to_it() {
    if std::env::var_os("WRITE_FUZZ_CORPUS").is_some() {
        seeds::write(&folder());
    }
    let names: BTreeSet<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(names, folders(), "one folder for each target");
    std::thread::scope(|scope| {
        for half in TARGETS.chunks(TARGETS.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(check));
        }
    });
}

fn check(target: &Target) {
    let corpus = inputs(&folder().join(target.name));
    assert!(!corpus.is_empty(), "{}", target.name);
    for (name, input) in &corpus {
        run(target, name, input);
    }
    let mut mutator = Mutator::new(&corpus, target.tokens);
    for number in 0..CHANGES {
        run(target, &format!("change {number}"), &mutator.input());
    }
}

fn run(target: &Target, what: &str, input: &[u8]) {
    let shown = Shown {
        target: target.name,
        what,
        input,
    };
    (target.run)(input);
    drop(shown);
}

/// Shows the input if the target panics over it.
struct Shown<'a> {
    target: &'a str,
    what: &'a str,
    input: &'a [u8],
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "{}: {}: {}",
                self.target,
                self.what,
                self.input.escape_ascii()
            );
        }
    }
}

/// What `targets.rs` calls a target is what a folder of the corpus is called. Those of commits and tags are in `git.rs`.
fn folders() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with("git-")).collect()
}

fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut inputs: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), std::fs::read(&path).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}
