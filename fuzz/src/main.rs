//! One target of `targets.rs` under libFuzzer: the environment variable `FUZZ_TARGET` names it.

#![no_main]

#[path = "../targets.rs"]
mod targets;

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let known = targets::TARGETS.iter().find(|target| target.name == name);
        let target = known.unwrap_or_else(|| {
            let names: Vec<_> = targets::TARGETS.iter().map(|target| target.name).collect();
            panic!("FUZZ_TARGET is one of {}", names.join(", "))
        });
        TARGET.get_or_init(|| target.run);
    },
    |input: &[u8]| {
        if let Some(run) = TARGET.get() {
            run(input);
        }
    }
);
