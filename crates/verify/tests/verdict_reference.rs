//! The reference page lists exactly the codes there are.

use std::collections::BTreeSet;

const SOURCES: [&str; 2] = [
    include_str!("../src/error/reason.rs"),
    include_str!("../src/bundle/error.rs"),
];
const PAGE: &str = include_str!("../../../docs/reference/verdict.md");

#[test]
fn every_code_is_documented() {
    let known: BTreeSet<&str> = SOURCES.iter().flat_map(|text| codes(text, '"')).collect();
    let documented: BTreeSet<&str> = codes(PAGE, '`').collect();
    assert!(known.len() > 50);
    assert_eq!(documented, known);
}

fn codes(text: &str, quote: char) -> impl Iterator<Item = &str> {
    text.split(quote)
        .filter(|part| part.starts_with("SH-") && !part.contains(char::is_whitespace))
}
