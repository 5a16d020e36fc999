//! The reference lists every code that a verdict can have.

use std::collections::BTreeSet;

const SOURCES: [&str; 2] = [
    include_str!("../src/error/reason.rs"),
    include_str!("../src/bundle/error.rs"),
];
const PAGE: &str = include_str!("../../../docs/reference/errors.md");

#[test]
fn every_code_is_documented() {
    let known: BTreeSet<&str> = SOURCES.iter().flat_map(|text| codes(text, '"')).collect();
    let documented: BTreeSet<&str> = codes(PAGE, '`').collect();
    assert!(known.len() > 50);
    let missing: Vec<&str> = known.difference(&documented).copied().collect();
    assert_eq!(missing, Vec::<&str>::new());
}

fn codes(text: &str, quote: char) -> impl Iterator<Item = &str> {
    text.split(quote)
        .filter(|part| part.starts_with("SH-") && !part.contains(char::is_whitespace))
}
