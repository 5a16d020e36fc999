//! What the plain tests of the fuzz targets have in common, in each crate that has targets.

use std::fs;
use std::path::{Path, PathBuf};

use super::mutator::Mutator;

/// Changed inputs for each target: some seconds in all, without optimization.
const CHANGES: u64 = 1_500;

/// Runs a target over its corpus, and over changes to it that are the same in every run.
pub(crate) fn check(name: &str, run: fn(&[u8]), tokens: &'static [&'static str]) {
    let corpus = inputs(&folder().join(name));
    assert!(!corpus.is_empty(), "{name}");
    let try_one = |what: &str, input: &[u8]| {
        let shown = Shown { name, what, input };
        run(input);
        drop(shown);
    };
    for (path, input) in &corpus {
        try_one(path, input);
    }
    let mut mutator = Mutator::new(&corpus, tokens);
    for number in 0..CHANGES {
        try_one(&format!("change {number}"), &mutator.input());
    }
}

/// The corpus of every target.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// Whether the corpus is to be made anew.
pub(crate) fn writes() -> bool {
    std::env::var_os("WRITE_FUZZ_CORPUS").is_some()
}

fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap();
    let mut inputs: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), fs::read(&path).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

/// Shows the input if the target panics over it.
struct Shown<'a> {
    name: &'a str,
    what: &'a str,
    input: &'a [u8],
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let input = self.input.escape_ascii();
            println!("{}: {}: {input}", self.name, self.what);
        }
    }
}
