//! Which files a signer may sign: anchored patterns over names and paths.

use std::fmt;

/// The longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 512;
/// Together with the length, this bounds how long a comparison takes.
const MAX_STARS: usize = 4;

/// Files by name (`*.tar.gz`) or, with a `/`, by path from the folder of the trust file (`dist/*.whl`).
///
/// `*` stands for any characters within one segment. The pattern covers the whole name or path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePattern(String);

/// Why a text is no pattern of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilePatternError {
    /// Empty, or more than [`MAX_PATTERN_BYTES`].
    #[error("a pattern has 1 to {MAX_PATTERN_BYTES} bytes")]
    Length,
    /// A control character, a backslash, or a character that is not seen.
    #[error("a pattern has no backslash and nothing that cannot be seen")]
    Character,
    /// `/` at either end, `//`, `.` or `..`.
    #[error("a path in a pattern has no empty segment, no . and no ..")]
    Segment,
    /// `**`, or more than four in a segment.
    #[error(
        "* stands within one segment, at most {MAX_STARS} times in each, and ** is not understood"
    )]
    Stars,
}

impl FilePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`FilePatternError`] for the first rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, FilePatternError> {
        if !(1..=MAX_PATTERN_BYTES).contains(&text.len()) {
            return Err(FilePatternError::Length);
        }
        if text.chars().any(|c| c == '\\' || is_unseen(c)) {
            return Err(FilePatternError::Character);
        }
        if text
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
        {
            return Err(FilePatternError::Segment);
        }
        let is_wild = |segment: &str| segment.matches('*').count() > MAX_STARS;
        if text.contains("**") || text.split('/').any(is_wild) {
            return Err(FilePatternError::Stars);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the file of this path, from the folder of the trust file, is meant.
    ///
    /// `path` has `/` between segments, and no `.` or `..`.
    pub fn matches(&self, name: &str, path: Option<&str>) -> bool {
        if !self.0.contains('/') {
            return segment_matches(&self.0, name);
        }
        let Some(path) = path else { return false };
        self.0.split('/').count() == path.split('/').count()
            && self
                .0
                .split('/')
                .zip(path.split('/'))
                .all(|(pattern, segment)| segment_matches(pattern, segment))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it takes any name.
    pub fn takes_all(&self) -> bool {
        self.0 == "*"
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Each piece between stars is found as early as possible, which leaves the most to the others.
fn segment_matches(pattern: &str, segment: &str) -> bool {
    if segment.is_empty() || segment.contains('/') {
        return false;
    }
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == segment;
    };
    let Some(mut left) = segment.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
        let Some((_, after)) = left.split_once(piece) else {
            return false;
        };
        left = after;
    }
    left.ends_with(last)
}

/// Control characters, and those that reorder, join or are not seen.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}
