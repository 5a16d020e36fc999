//! Names of documents and targets: as files, where nothing may lead out of a folder, and as URL paths.

use std::fmt::Write as _;

/// The longest file name that is made here; file systems take 255 bytes.
const MAX_NAME: usize = 200;

/// A role's document in a folder and, but for a version in front, in a repository: `targets.json`,
/// `a%2Fb.json`.
pub fn document_name(role: &str) -> String {
    format!(
        "{}.json",
        shortened(encode(role.as_bytes(), |_| false), role)
    )
}

/// Any text as one name of a file or one segment of a URL's path: what RFC 3986 section 2.3 does not call
/// unreserved is percent-encoded. A name too long for a file system ends in its SHA-256 instead.
pub fn encode_name(text: &str) -> String {
    let mut name = encode(text.as_bytes(), |_| false);
    if matches!(name.as_str(), "." | "..") {
        name = name.replace('.', "%2E");
    }
    shortened(name, text)
}

/// `name`, which stands for `text`, as long as file systems take it.
fn shortened(name: String, text: &str) -> String {
    if name.len() <= MAX_NAME {
        return name;
    }
    let hash = hex::encode(signhere_pki::digest::sha256(text.as_bytes()));
    let start: String = name.chars().take(MAX_NAME - hash.len() - 1).collect();
    format!("{start}-{hash}")
}

/// A role's document in a repository.
pub(super) fn remote_name(role: &str, version: Option<u64>) -> String {
    let name = encode(role.as_bytes(), |_| false);
    match version {
        Some(version) => format!("{version}.{name}.json"),
        None => format!("{name}.json"),
    }
}

/// Where a target with this path may lie under the URL of targets, likeliest first.
///
/// The specification calls a path a relative URL, in which `%20` is a space; a repository that lists the names
/// of its files means a percent sign by it. Only a path with a percent sign has two places. `None` for a path that
/// leads elsewhere.
pub(super) fn url_paths(path: &str) -> Option<Vec<String>> {
    let bytes = path.as_bytes();
    let is_escape = |index: usize| {
        let digits = bytes.get(index + 1..index + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let in_path = |byte: u8| b"!$&'()*+,;=:@/".contains(&byte);
    let as_url = encode(bytes, |index| match bytes.get(index) {
        Some(b'%') => is_escape(index),
        Some(byte) => in_path(*byte),
        None => false,
    });
    let leads_elsewhere = |segment: &str| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        matches!(plain.as_str(), "." | "..")
    };
    if as_url.split('/').any(leads_elsewhere) {
        return None;
    }
    let as_name = encode(bytes, |index| {
        bytes.get(index).is_some_and(|byte| in_path(*byte))
    });
    let mut paths = vec![as_url];
    if !paths.contains(&as_name) {
        paths.push(as_name);
    }
    Some(paths)
}

/// Percent-encodes every byte that is not unreserved, but for those whose place `keep` names.
fn encode(bytes: &[u8], keep: impl Fn(usize) -> bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    for (index, byte) in bytes.iter().copied().enumerate() {
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || keep(index) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents() {
        for (role, name) in [
            ("targets", "targets.json"),
            ("a/b", "a%2Fb.json"),
            ("../root", "..%2Froot.json"),
            ("..", "...json"),
            ("\u{e9} ?#%", "%C3%A9%20%3F%23%25.json"),
        ] {
            assert_eq!(document_name(role), name);
        }
        assert_eq!(remote_name("a/b", Some(3)), "3.a%2Fb.json");
        assert_eq!(remote_name("..", None), "...json");
        assert_eq!(encode_name(".."), "%2E%2E");
        assert_eq!(encode_name("..."), "...");
        let long = encode_name(&"x/".repeat(300));
        assert_eq!(long.len(), MAX_NAME);
        assert_ne!(long, encode_name(&"x/".repeat(301)));
    }

    #[test]
    fn places_of_targets() {
        let paths = |path| url_paths(path).unwrap();
        for (path, expected) in [
            ("a.txt", &["a.txt"][..]),
            ("a/b/c.txt", &["a/b/c.txt"]),
            ("a b?c#d", &["a%20b%3Fc%23d"]),
            ("\u{e9}", &["%C3%A9"]),
            ("a%20b", &["a%20b", "a%2520b"]),
            ("100%", &["100%25"]),
            ("/a", &["/a"]),
            ("a\\b", &["a%5Cb"]),
            ("...", &["..."]),
        ] {
            assert_eq!(paths(path), expected, "{path}");
        }
        for path in ["..", "../a", "a/../b", "a/.", "%2e%2E/a", "a/.%2e/b"] {
            assert_eq!(url_paths(path), None, "{path}");
        }
    }
}
