//! Files of allowed signers: whose keys sign (ssh-keygen(1), "ALLOWED SIGNERS").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signhere_pki::time::Time;

use super::SshError;
use super::key::SshKey;

/// The largest file, in bytes, and the most lines in it.
const MAX_FILE: usize = 4 << 20;
const MAX_LINES: usize = 50_000;
/// How far local time may be before and behind UTC, in seconds.
const EAST: i64 = 14 * 3600;
const WEST: i64 = 12 * 3600;

/// A file of allowed signers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    entries: Vec<AllowedSigner>,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSigner {
    principals: Vec<String>,
    key: SshKey,
    namespaces: Option<Vec<String>>,
    validity: Validity,
    is_authority: bool,
}

/// From when to when a line counts, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// Not before this.
    pub after: Option<Time>,
    /// Not after this.
    pub before: Option<Time>,
}

/// Why a file of allowed signers cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowedSignersError {
    /// The file is larger than is read.
    #[error("the file has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The most that is read.
        limit: usize,
    },
    /// A line is malformed.
    #[error("line {line}: {fault}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// It ends before it says everything.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// A quotation mark is not closed.
    #[error("a quotation mark is not closed")]
    Quote,
    /// An option is unknown, or of a form that is.
    #[error("the option {0:?} is not known")]
    Option(String),
    /// An option is there twice.
    #[error("the option {0:?} is there twice")]
    Twice(&'static str),
    /// A time is none.
    #[error("{0:?} is no time: YYYYMMDD[HHMM[SS]][Z]")]
    Time(String),
    /// It ends before it begins.
    #[error("it is never valid: it ends before it begins")]
    Never,
    /// The key is malformed, or of another algorithm than the line says.
    #[error("the key: {0}")]
    Key(SshError),
}

impl AllowedSigners {
    /// Reads a file. Lines with keys of an algorithm that is not supported are left out: nothing can be signed by them.
    ///
    /// # Errors
    /// When the file is too large or a line is malformed: no line of such a file counts.
    pub fn parse(text: &str) -> Result<Self, AllowedSignersError> {
        if text.len() > MAX_FILE {
            return Err(AllowedSignersError::TooLarge {
                what: "bytes",
                limit: MAX_FILE,
            });
        }
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if index >= MAX_LINES {
                return Err(AllowedSignersError::TooLarge {
                    what: "lines",
                    limit: MAX_LINES,
                });
            }
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let entry = AllowedSigner::parse(line).map_err(|fault| AllowedSignersError::Line {
                line: index.saturating_add(1),
                fault,
            })?;
            entries.extend(entry);
        }
        Ok(Self { entries })
    }

    /// Returns the lines that count.
    #[must_use]
    pub fn entries(&self) -> &[AllowedSigner] {
        &self.entries
    }

    /// Returns the lines with this key that may sign in `namespace` at the time `at`. A line of a certificate authority is
    /// none of them.
    pub fn of<'a>(
        &'a self,
        key: &'a SshKey,
        namespace: &'a str,
        at: Time,
    ) -> impl Iterator<Item = &'a AllowedSigner> {
        let entries = self.entries.iter();
        entries.filter(move |entry| {
            !entry.is_authority
                && entry.key == *key
                && entry.admits(namespace)
                && entry.validity.contains(at)
        })
    }

    /// Returns whether the key is in a line at all, whatever that line is for and when.
    #[must_use]
    pub fn knows(&self, key: &SshKey) -> bool {
        self.entries.iter().any(|entry| entry.key == *key)
    }
}

impl AllowedSigner {
    /// Returns the patterns of names, as they are written: `*` stands for anything, `?` for one character, `!` excludes.
    #[must_use]
    pub fn principals(&self) -> &[String] {
        &self.principals
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &SshKey {
        &self.key
    }

    /// Returns when the line counts.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Returns whether the key may sign as `name`.
    #[must_use]
    pub fn is_of(&self, name: &str) -> bool {
        matches_list(&self.principals, name)
    }

    /// Returns the name that the line is of, where it is of one only.
    #[must_use]
    pub fn only_principal(&self) -> Option<&str> {
        match self.principals.as_slice() {
            [one] if !one.contains(['*', '?', '!']) => Some(one),
            _ => None,
        }
    }

    fn admits(&self, namespace: &str) -> bool {
        let namespaces = self.namespaces.as_ref();
        namespaces.is_none_or(|patterns| matches_list(patterns, namespace))
    }

    /// Reads a line. `None` where the key's algorithm is not supported.
    fn parse(line: &str) -> Result<Option<Self>, LineFault> {
        let (principals, rest) = word(line)?;
        let (second, after) = word(rest)?;
        let (options, algorithm, rest) = match is_algorithm(second) {
            true => (Options::default(), second, after),
            false => {
                let (algorithm, rest) = word(after)?;
                (Options::parse(second)?, algorithm, rest)
            }
        };
        let (key, _comment) = word(rest)?;
        let principals: Vec<String> = split_list(unquoted(principals));
        if principals.is_empty() {
            return Err(LineFault::Missing("principal"));
        }
        if algorithm.is_empty() || key.is_empty() {
            return Err(LineFault::Missing("key"));
        }
        let malformed = LineFault::Key(SshError::Malformed { what: "key" });
        let blob = STANDARD.decode(key).map_err(|_| malformed.clone())?;
        let key = match SshKey::from_blob(&blob) {
            Ok(key) if key.algorithm() == algorithm => key,
            Ok(_) => return Err(malformed),
            Err(SshError::Certificate | SshError::Algorithm { .. } | SshError::Key(_)) => {
                return Ok(None);
            }
            Err(error) => return Err(LineFault::Key(error)),
        };
        Ok(Some(Self {
            principals,
            key,
            namespaces: options.namespaces,
            validity: options.validity,
            is_authority: options.is_authority,
        }))
    }
}

impl Validity {
    /// Returns whether `time` is in it.
    #[must_use]
    pub fn contains(&self, time: Time) -> bool {
        self.after.is_none_or(|after| after <= time)
            && self.before.is_none_or(|before| time <= before)
    }
}

/// What stands between the names and the key.
#[derive(Default)]
struct Options {
    namespaces: Option<Vec<String>>,
    validity: Validity,
    is_authority: bool,
}

impl Options {
    fn parse(text: &str) -> Result<Self, LineFault> {
        let mut this = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (option, after) = option(rest)?;
            rest = after;
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(unquoted(value))),
                None => (option, None),
            };
            match (name.to_ascii_lowercase().as_str(), value) {
                ("cert-authority", None) => this.is_authority = true,
                ("namespaces", Some(value)) => {
                    let list = split_list(value);
                    if this.namespaces.replace(list).is_some() {
                        return Err(LineFault::Twice("namespaces"));
                    }
                }
                // A time without a zone is one of the place where somebody reads it. Here it counts wherever that is.
                ("valid-after", Some(value)) => {
                    let after = time(value, WEST)?;
                    if this.validity.after.replace(after).is_some() {
                        return Err(LineFault::Twice("valid-after"));
                    }
                }
                ("valid-before", Some(value)) => {
                    let before = time(value, EAST.saturating_neg())?;
                    if this.validity.before.replace(before).is_some() {
                        return Err(LineFault::Twice("valid-before"));
                    }
                }
                _ => return Err(LineFault::Option(option.chars().take(60).collect())),
            }
        }
        match (this.validity.after, this.validity.before) {
            (Some(after), Some(before)) if before <= after => Err(LineFault::Never),
            _ => Ok(this),
        }
    }
}

/// The first word, in which quotation marks hold spaces together, and what follows.
fn word(text: &str) -> Result<(&str, &str), LineFault> {
    let text = text.trim_start_matches([' ', '\t']);
    let end = end_of(text, &[' ', '\t'])?;
    Ok(text.split_at_checked(end).unwrap_or((text, "")))
}

/// The first option, and those after its comma.
fn option(text: &str) -> Result<(&str, &str), LineFault> {
    let end = end_of(text, &[','])?;
    let (first, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    Ok((first, rest.strip_prefix(',').unwrap_or(rest)))
}

/// Where the first of `ends` is that is outside of quotation marks.
fn end_of(text: &str, ends: &[char]) -> Result<usize, LineFault> {
    let mut is_quoted = false;
    for (position, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if !is_quoted && ends.contains(&c) => return Ok(position),
            _ => {}
        }
    }
    match is_quoted {
        true => Err(LineFault::Quote),
        false => Ok(text.len()),
    }
}

fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"');
    inner.and_then(|t| t.strip_suffix('"')).unwrap_or(text)
}

fn split_list(text: &str) -> Vec<String> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts.map(ToOwned::to_owned).collect()
}

/// Whether a word can only be the name of a key's algorithm, and no options.
fn is_algorithm(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-", "webauthn-sk-"]
        .iter()
        .any(|start| word.starts_with(start))
}

/// A time in UTC, or in a place whose time may be `shift` seconds away from it.
fn time(text: &str, shift: i64) -> Result<Time, LineFault> {
    let none = || LineFault::Time(text.chars().take(40).collect());
    let utc = text.strip_suffix(['Z', 'z']);
    let digits = utc.unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return Err(none());
    }
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("00");
    let rfc3339 = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    let time = Time::parse_rfc3339(&rfc3339).map_err(|_| none())?;
    Ok(match utc {
        Some(_) => time,
        None => time.plus_seconds(shift),
    })
}

/// Whether one of the patterns fits, and none that excludes.
fn matches_list(patterns: &[String], name: &str) -> bool {
    let mut is_match = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(excluded) if matches(excluded, name) => return false,
            Some(_) => {}
            None => is_match |= matches(pattern, name),
        }
    }
    is_match
}

/// Whether `name` fits the pattern. Takes time in proportion to the product of their lengths.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0_usize, 0_usize);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p = p.saturating_add(1);
            }
            Some(q) if *q == b'?' || q == c => {
                p = p.saturating_add(1);
                n = n.saturating_add(1);
            }
            _ => {
                let Some((star, from)) = retry else {
                    return false;
                };
                let from = from.saturating_add(1);
                retry = Some((star, from));
                p = star.saturating_add(1);
                n = from;
            }
        }
    }
    let rest = pattern.get(p..).unwrap_or_default();
    rest.iter().all(|byte| *byte == b'*')
}
