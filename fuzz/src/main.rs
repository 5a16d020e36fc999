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
        if std::env::var_os("FUZZ_DICTIONARY").is_some() {
            dictionary(target.tokens);
        }
        TARGET.get_or_init(|| target.run);
    },
    |input: &[u8]| {
        if let Some(run) = TARGET.get() {
            run(input);
        }
    }
);

/// Writes the pieces of the form as libFuzzer reads them, and ends.
fn dictionary(tokens: &[&str]) {
    for token in tokens {
        let bytes: String = token.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        println!("\"{bytes}\"");
    }
    std::process::exit(0);
}
