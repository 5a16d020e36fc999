use std::collections::BTreeSet;

use super::*;

#[test]
fn every_entry_says_everything_once() {
    let mut seen = BTreeSet::new();
    for entry in all() {
        let code = entry.code;
        assert!(seen.insert(code), "{code} is there twice");
        assert_eq!(normal(code), code);
        let letters = |c: char| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit();
        assert!(code.chars().all(letters), "{code}");
        for sentence in [entry.what, entry.why] {
            assert!(sentence.ends_with('.') || sentence.ends_with(')'), "{code}");
            assert!(sentence.len() > 10, "{code}");
        }
        let (Mend::Do(mend) | Mend::Nothing(mend)) = entry.mend;
        for text in entry.causes.iter().chain([&mend]) {
            assert!(!text.is_empty() && !text.ends_with('.'), "{code}: {text}");
            assert!(!text.contains('|'), "{code}: {text} would break the table");
        }
        assert!(!entry.causes.is_empty(), "{code}");
        assert!(!entry.exits.is_empty(), "{code}");
    }
}

#[test]
fn the_reference_is_made_from_the_catalogue() {
    let page = include_str!("../../../../../docs/reference/errors.md");
    assert_eq!(
        page,
        markdown(),
        "cargo run -q -- explain --markdown > docs/reference/errors.md"
    );
}

#[test]
fn a_code_that_is_nearly_right_is_found() {
    let near = |text: &str| nearest(&normal(text)).map(|entry| entry.code);
    assert_eq!(near("SH-IDENTITI"), Some("SH-IDENTITY"));
    assert_eq!(near("log_profo"), Some("SH-LOG-PROOF"));
    assert_eq!(near("SH-CERT-EXPIRD"), Some("SH-CERT-EXPIRED"));
    assert_eq!(near("E0308"), None);
    assert_eq!(near(""), None);
    assert_eq!(near(&"x".repeat(1 << 20)), None);
}

#[test]
fn distances() {
    assert_eq!(distance("", ""), 0);
    assert_eq!(distance("", "ab"), 2);
    assert_eq!(distance("ab", ""), 2);
    assert_eq!(distance("kitten", "sitting"), 3);
}
