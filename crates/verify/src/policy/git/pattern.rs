//! Patterns of refs and paths: exact, anchored at both ends, with `*` for a segment and `**` for several.

use std::fmt;

use super::super::path::{MAX_PATTERN_BYTES, is_unseen};

/// Together with the number of segments, this bounds how long a comparison takes.
const MAX_DEEP: usize = 2;

/// Refs or paths.
///
/// ASCII letters are compared without regard to case: on some file systems `SRC/` is `src/`, and a rule that applies
/// to more asks for more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitPattern(String);

/// Why a text is no pattern of refs or paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitPatternError {
    /// Empty, or more than [`MAX_PATTERN_BYTES`].
    #[error("a pattern has 1 to {MAX_PATTERN_BYTES} bytes")]
    Length,
    /// A control character, a backslash, or a character that is not seen.
    #[error("a pattern has no backslash and nothing that cannot be seen")]
    Character,
    /// `/` at either end, `//`, `.` or `..`.
    #[error("a pattern has no empty segment, no . and no ..")]
    Segment,
    /// A `*` beside other characters, or too many `**`.
    #[error("* stands for a whole segment, and ** for several, at most {MAX_DEEP} times")]
    Stars,
    /// A ref that does not begin with `refs/`.
    #[error("a ref is written in full: refs/heads/main, refs/tags/*")]
    Ref,
    /// A `**` in a ref that is not its end.
    #[error("in a ref, ** stands at the end alone")]
    DeepRef,
}

impl GitPattern {
    /// Reads a pattern of refs: `*` for one segment, `**` at the end for one or more.
    ///
    /// # Errors
    /// [`GitPatternError`] for the first rule that it breaks.
    pub fn of_refs(text: &str) -> Result<Self, GitPatternError> {
        let this = Self::of_paths(text)?;
        if !text.starts_with("refs/") || text.ends_with(".lock") {
            return Err(GitPatternError::Ref);
        }
        match text.strip_suffix("**").unwrap_or(text).contains("**") {
            true => Err(GitPatternError::DeepRef),
            false => Ok(this),
        }
    }

    /// Reads a pattern of paths: `*` for one segment, `**` for any number of them, at the end for one or more.
    ///
    /// # Errors
    /// [`GitPatternError`] for the first rule that it breaks.
    pub fn of_paths(text: &str) -> Result<Self, GitPatternError> {
        if !(1..=MAX_PATTERN_BYTES).contains(&text.len()) {
            return Err(GitPatternError::Length);
        }
        if text.chars().any(|c| c == '\\' || is_unseen(c)) {
            return Err(GitPatternError::Character);
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(GitPatternError::Segment);
        }
        let is_part = |part: &str| part.contains('*') && !matches!(part, "*" | "**");
        let deep = text.split('/').filter(|part| *part == "**").count();
        if deep > MAX_DEEP || text.split('/').any(is_part) {
            return Err(GitPatternError::Stars);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether this ref or path is meant.
    pub fn matches(&self, name: &[u8]) -> bool {
        let pattern: Vec<&[u8]> = self.0.as_bytes().split(|byte| *byte == b'/').collect();
        let segments: Vec<&[u8]> = name.split(|byte| *byte == b'/').collect();
        all_match(&pattern, &segments)
    }

    /// Whether everything that is meant is below this path, as far as the pattern names its folders: what was a folder may be
    /// a link or another repository, and then a change of it changes all that is below.
    pub fn leads_through(&self, path: &[u8]) -> bool {
        let mut pattern = self.0.as_bytes().split(|byte| *byte == b'/');
        let is_next = |segment: &[u8]| {
            let named = pattern.next().filter(|part| !part.starts_with(b"*"));
            named.is_some_and(|named| named.eq_ignore_ascii_case(segment))
        };
        path.split(|byte| *byte == b'/').all(is_next) && pattern.next().is_some()
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GitPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Goes back at most [`MAX_DEEP`] deep.
fn all_match(pattern: &[&[u8]], segments: &[&[u8]]) -> bool {
    match pattern.split_first() {
        None => segments.is_empty(),
        Some((&b"**", [])) => !segments.is_empty(),
        Some((&b"**", rest)) => (0..=segments.len())
            .any(|skipped| all_match(rest, segments.get(skipped..).unwrap_or_default())),
        Some((first, rest)) => segments.split_first().is_some_and(|(segment, left)| {
            (*first == b"*" || first.eq_ignore_ascii_case(segment)) && all_match(rest, left)
        }),
    }
}
