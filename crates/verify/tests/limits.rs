//! Documents that are cut off, too large or too deep: each refused with its exact reason, in bounded time and memory.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use serde_json::Value;
use signhere_testkit::forge::{Forge, Kind, RootVersion};
use signhere_verify::bundle::{Bundle, BundleError, MAX_BUNDLE_BYTES};
use signhere_verify::trust::{MAX_TRUST_BYTES, TrustError, TrustedRoot};
use signhere_verify::verifier::Artifact;
use signhere_verify::{JsonError, MAX_DEPTH};

use forge::{V2, policy, verifier};

/// The cap on values in one document.
const MAX_VALUES: usize = 1 << 20;

fn bundle(json: &[u8]) -> JsonError {
    match Bundle::parse(json) {
        Err(BundleError::Json(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn root(json: &[u8]) -> JsonError {
    match TrustedRoot::parse(json) {
        Err(TrustError::Json(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// How a bundle and a trusted root are refused.
const READERS: [fn(&[u8]) -> JsonError; 2] = [bundle, root];

/// Every proper prefix ends too early, and says so.
#[test]
fn cut_off_documents() {
    let forge = Forge::new();
    let text = forge.bundle(V2).to_bytes();
    for length in 0..text.len() {
        let error = bundle(&text[..length]);
        assert!(
            matches!(error, JsonError::Truncated { .. }),
            "{length}: {error:?}"
        );
    }
    let text = forge.trusted_root(RootVersion::V0_1).to_string();
    for length in 0..text.len() {
        let error = root(&text.as_bytes()[..length]);
        assert!(
            matches!(error, JsonError::Truncated { .. }),
            "{length}: {error:?}"
        );
    }
}

/// Something after the document, or before it.
#[test]
fn more_than_the_document() {
    let forge = Forge::new();
    let documents = [
        forge.bundle(V2).json.to_string(),
        forge.trusted_root(RootVersion::V0_1).to_string(),
    ];
    for (document, error) in documents.iter().zip(READERS) {
        for after in ["{}", "x", "\0", ",", "]", document.as_str()] {
            let found = error(format!("{document}{after}").as_bytes());
            assert!(
                matches!(found, JsonError::TrailingData { .. }),
                "{after:?}: {found:?}"
            );
        }
        let found = error(format!("\u{feff}{document}").as_bytes());
        assert_eq!(found, JsonError::ByteOrderMark);
    }
}

/// The cap holds to the byte: white space fills a valid document up to it.
#[test]
fn large_documents() {
    let forge = Forge::new();
    let forged = forge.bundle(Kind::PLAIN);
    let trusted = forge.trusted_root(RootVersion::V0_1);
    let mut text = forged.to_bytes();
    text.resize(MAX_BUNDLE_BYTES, b' ');
    let verdict = verifier(&trusted).verify_json(
        &text,
        &Artifact::Bytes(signhere_testkit::forge::ARTIFACT),
        &policy(&forged),
    );
    assert_eq!(verdict.failure, None);
    text.push(b' ');
    let too_large = |limit| JsonError::TooLarge {
        limit,
        found: limit + 1,
    };
    assert_eq!(bundle(&text), too_large(MAX_BUNDLE_BYTES));

    let mut text = trusted.to_string().into_bytes();
    text.resize(MAX_TRUST_BYTES, b' ');
    assert!(TrustedRoot::parse(&text).is_ok());
    text.push(b' ');
    assert_eq!(root(&text), too_large(MAX_TRUST_BYTES));
}

/// One level more than allowed, and so many that recursion without a limit would end the process.
#[test]
fn deep_documents() {
    let forge = Forge::new();
    let documents = [forge.bundle(V2).json, forge.trusted_root(RootVersion::V0_1)];
    let too_deep = JsonError::TooDeep { limit: MAX_DEPTH };
    for (document, error) in documents.into_iter().zip(READERS) {
        let with = |unknown: &str| {
            let mut document = document.clone();
            document["unknown"] = Value::from("here");
            document.to_string().replace("\"here\"", unknown)
        };
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            // The document itself is one level, and what is innermost another.
            let nested =
                |depth: usize| with(&format!("{}7{}", open.repeat(depth), close.repeat(depth)));
            let deepest = nested(MAX_DEPTH - 1);
            let is_read = Bundle::parse(deepest.as_bytes()).is_ok()
                || TrustedRoot::parse(deepest.as_bytes()).is_ok();
            assert!(is_read, "{open}");
            for depth in [MAX_DEPTH, 100_000, 500_000] {
                assert_eq!(error(nested(depth).as_bytes()), too_deep, "{open} {depth}");
            }
            let unclosed = with(&open.repeat(500_000));
            assert_eq!(error(unclosed.as_bytes()), too_deep, "{open}");
        }
    }
}

/// The worst that fits under the cap: very many values, names or characters that have to be unescaped.
#[test]
fn documents_full_of_small_values() {
    let fill = |limit: usize, unit: &str, before: &str, after: &str| {
        let count = (limit - before.len() - after.len() - 1) / unit.len();
        format!("{before}{}7{after}", unit.repeat(count))
    };
    let too_many = JsonError::TooManyValues { limit: MAX_VALUES };
    let list = |limit, unit, name: &str| fill(limit, unit, &format!(r#"{{"{name}":["#), "]}");
    for unit in ["7,", "[],", "{},", "null,"] {
        let found = bundle(list(MAX_BUNDLE_BYTES, unit, "unknown").as_bytes());
        assert_eq!(found, too_many, "{unit}");
    }
    for unit in ["7,", "[],", "{},"] {
        let found = root(list(MAX_TRUST_BYTES, unit, "tlogs").as_bytes());
        assert_eq!(found, too_many, "{unit}");
    }

    // Names cost a sort when they are many, not a comparison with each other.
    let names = |same: bool| {
        let members = (0..900_000).map(|at| if same { 7 } else { at });
        let members: Vec<String> = members.map(|at| format!(r#""{at}":7"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let nameless = BundleError::MediaType {
        found: String::new(),
    };
    assert_eq!(
        Bundle::parse(names(false).as_bytes()).unwrap_err(),
        nameless
    );
    let twice = JsonError::Duplicate {
        name: "7".to_owned(),
    };
    assert_eq!(bundle(names(true).as_bytes()), twice);

    let escapes = format!(r#"{{"mediaType":"{}"}}"#, "\\u0041".repeat(2_700_000));
    let long_name = BundleError::MediaType {
        found: "A".repeat(128),
    };
    assert_eq!(Bundle::parse(escapes.as_bytes()).unwrap_err(), long_name);
    assert_memory_was_bounded();
}

/// What this process took at most, whichever tests ran in it, is far from what a machine has.
fn assert_memory_was_bounded() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        println!("SKIPPED the peak of memory: no /proc here");
        return;
    };
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kibibytes: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("at most {kibibytes} KiB");
    assert!(kibibytes < 512 << 10, "{kibibytes} KiB");
}
