//! One target of `targets.rs`, `git.rs` or `agent.rs` under libFuzzer: the environment variable `FUZZ_TARGET` names it.

#![no_main]

#[path = "../agent.rs"]
mod agent;
#[path = "../git.rs"]
mod git;
#[path = "../targets.rs"]
mod targets;

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let all = targets();
        let known = all.iter().find(|(known, _, _)| *known == name);
        let (_, run, tokens) = known.unwrap_or_else(|| {
            let names: Vec<_> = all.iter().map(|(name, _, _)| *name).collect();
            panic!("FUZZ_TARGET is one of {}", names.join(", "))
        });
        if std::env::var_os("FUZZ_DICTIONARY").is_some() {
            dictionary(tokens);
        }
        TARGET.get_or_init(|| *run);
    },
    |input: &[u8]| {
        if let Some(run) = TARGET.get() {
            run(input);
        }
    }
);

type Named = (&'static str, fn(&[u8]), &'static [&'static str]);

/// Every target: its name, what it runs, the pieces of its form.
fn targets() -> Vec<Named> {
    macro_rules! of {
        ($module:ident) => {
            $module::TARGETS
                .iter()
                .map(|target| (target.name, target.run, target.tokens))
        };
    }
    of!(targets).chain(of!(git)).chain(of!(agent)).collect()
}

/// Writes the pieces of the form as libFuzzer reads them, and ends.
fn dictionary(tokens: &[&str]) {
    for token in tokens {
        let bytes: String = token.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        println!("\"{bytes}\"");
    }
    std::process::exit(0);
}
