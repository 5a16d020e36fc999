//! Lists of checksums, as `sha256sum`, `shasum`, BSD's tools and OpenSSL write them: what one signature over the list
//! says about the files that it names.

use std::collections::HashMap;

use signhere_pki::digest::{Digest, HashAlgorithm};

use crate::excerpt::excerpt;
use crate::policy::is_unseen;

/// No list is larger, in bytes.
pub const MAX_LIST_BYTES: usize = 4 << 20;
/// The most lines that a list may have.
pub const MAX_LINES: usize = 1 << 16;
/// The longest name of a file, in bytes.
const MAX_PATH: usize = 4096;

/// A list, well formed: no name leads out of its folder, and no file has two digests of one algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksums {
    /// What each line says, in order.
    pub entries: Vec<Checksum>,
}

/// One line: what a file's digest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The file, from the list's folder on: parts between slashes, none of them `.` or `..`.
    pub path: String,
    /// Its digest.
    pub digest: Digest,
    /// The line, from 1.
    pub line: usize,
}

impl Checksums {
    /// Tells whether a file of this name is taken for a list.
    pub fn is_name(file_name: &str) -> bool {
        let name = file_name.to_ascii_lowercase();
        let stem = name.strip_suffix(".txt").unwrap_or(&name);
        ["sha256", "sha384", "sha512"].iter().any(|algorithm| {
            let rest = stem.strip_prefix(algorithm);
            matches!(rest, Some("sum" | "sums" | ""))
                || ["", "sum", "sums"].iter().any(|end| {
                    stem.strip_suffix(end)
                        .and_then(|stem| stem.strip_suffix(algorithm))
                        .is_some_and(|stem| stem.ends_with(['.', '_', '-']))
                })
        }) || stem.ends_with("checksums")
            || stem.ends_with("checksum")
    }

    /// Reads a list.
    ///
    /// # Errors
    /// [`ChecksumsError`] for the first line that is none, names a file outside of the folder or one that another
    /// line has named, or has a digest that can be forged.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChecksumsError> {
        if bytes.len() > MAX_LIST_BYTES {
            return Err(ChecksumsError::TooLarge {
                limit: MAX_LIST_BYTES,
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ChecksumsError::NotText)?;
        let mut entries = Vec::new();
        let mut seen: HashMap<(String, HashAlgorithm), usize> = HashMap::new();
        for (text, line) in text.lines().zip(1..) {
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            if entries.len() == MAX_LINES {
                return Err(ChecksumsError::TooMany { limit: MAX_LINES });
            }
            let (path, digest) = entry(text, line)?;
            if let Some(first) = seen.insert((path.clone(), digest.algorithm()), line) {
                return Err(ChecksumsError::Duplicate {
                    path: excerpt(&path),
                    first,
                    line,
                });
            }
            entries.push(Checksum { path, digest, line });
        }
        if entries.is_empty() {
            return Err(ChecksumsError::Empty);
        }
        Ok(Self { entries })
    }

    /// Returns the files, each once, in the order of their first lines, with all digests that they should have.
    pub fn files(&self) -> Vec<(&str, Vec<Digest>)> {
        let mut files: Vec<(&str, Vec<Digest>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for entry in &self.entries {
            let place = *places.entry(&entry.path).or_insert(files.len());
            match files.get_mut(place) {
                Some((_, digests)) => digests.push(entry.digest),
                None => files.push((&entry.path, vec![entry.digest])),
            }
        }
        files
    }
}

/// Why a list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumsError {
    /// The list is larger than the limit, in bytes.
    #[error("the list is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The list has too many lines.
    #[error("the list has more than {limit} lines")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The list is not text.
    #[error("the list is not UTF-8 text")]
    NotText,
    /// The list names nothing.
    #[error("the list names no file")]
    Empty,
    /// A line is not a checksum and a name.
    #[error("line {line} is no checksum with a file's name")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// A line's digest is of an algorithm for which files can be made to fit, or of one that is not known.
    #[error("line {line} has a digest of an algorithm that does not protect a file")]
    Algorithm {
        /// The line, from 1.
        line: usize,
        /// The algorithm, or the digest's length.
        found: String,
    },
    /// A name leads out of the list's folder, or is no name that is shown as what it is.
    #[error("line {line} names a file that is not in the list's folder")]
    Path {
        /// The line, from 1.
        line: usize,
        /// The name.
        found: String,
    },
    /// A file is named twice.
    #[error("lines {first} and {line} both name `{path}`")]
    Duplicate {
        /// The file.
        path: String,
        /// The first line, from 1.
        first: usize,
        /// The second line, from 1.
        line: usize,
    },
}

/// `DIGEST  NAME`, `DIGEST *NAME`, either after a backslash with escapes in the name, or `ALGORITHM (NAME) = DIGEST`.
fn entry(text: &str, line: usize) -> Result<(String, Digest), ChecksumsError> {
    let malformed = || ChecksumsError::Line { line };
    let (is_escaped, rest) = match text.strip_prefix('\\') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let tagged = tagged(rest);
    let (digest, name) = match tagged {
        Some((algorithm, name, hex)) => (digest(hex, Some(algorithm), line)?, name),
        None => {
            let (hex, name) = rest.split_once(' ').ok_or_else(malformed)?;
            let name = name.strip_prefix([' ', '*']).ok_or_else(malformed)?;
            (digest(hex, None, line)?, name)
        }
    };
    let name = match is_escaped {
        true => unescaped(name).ok_or_else(malformed)?,
        false => name.to_owned(),
    };
    Ok((path(&name, line)?, digest))
}

/// `SHA256 (NAME) = HEX`, and OpenSSL's `SHA2-256(NAME)= HEX`.
fn tagged(text: &str) -> Option<(&str, &str, &str)> {
    let (algorithm, rest) = text.split_once('(')?;
    let algorithm = algorithm.strip_suffix(' ').unwrap_or(algorithm);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '/';
    if algorithm.is_empty() || !algorithm.chars().all(is_word) {
        return None;
    }
    let (name, hex) = rest.rsplit_once(')')?;
    let hex = hex.strip_prefix(" = ").or_else(|| hex.strip_prefix("= "))?;
    Some((algorithm, name, hex))
}

fn digest(hex: &str, tag: Option<&str>, line: usize) -> Result<Digest, ChecksumsError> {
    if hex.is_empty() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ChecksumsError::Line { line });
    }
    let by_length = HashAlgorithm::ALL
        .into_iter()
        .find(|algorithm| algorithm.len().checked_mul(2) == Some(hex.len()));
    let unknown = |found: String| ChecksumsError::Algorithm { line, found };
    let algorithm = match tag {
        None => by_length.ok_or_else(|| unknown(format!("{} hexadecimal digits", hex.len())))?,
        Some(tag) => {
            let name = tag.to_ascii_lowercase().replace("sha2-", "sha");
            HashAlgorithm::from_name(&name).ok_or_else(|| unknown(excerpt(tag)))?
        }
    };
    Digest::from_hex(algorithm, hex).map_err(|_| ChecksumsError::Line { line })
}

/// GNU's escapes, of the characters that would break a line.
fn unescaped(name: &str) -> Option<String> {
    let mut text = String::with_capacity(name.len());
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// A path below the list's folder. A backslash separates where others read the list, and control characters and those
/// that reorder others are not shown as what they are: neither is part of a name here.
fn path(name: &str, line: usize) -> Result<String, ChecksumsError> {
    let refused = || ChecksumsError::Path {
        line,
        found: excerpt(name),
    };
    let has_drive = name.as_bytes().get(1) == Some(&b':');
    if name.len() > MAX_PATH
        || name.starts_with('/')
        || name.contains('\\')
        || has_drive
        || name.chars().any(is_unseen)
    {
        return Err(refused());
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "." => {}
            "" | ".." => return Err(refused()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(refused());
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests;
