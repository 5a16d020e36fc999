//! Regular expressions of other tools, as far as they say what an identity of a trust file can say.

use super::{Identity, IdentityError};

/// Why a regular expression is not translated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegexpError {
    /// It does not begin with `^` or does not end with `$`.
    #[error("it is not anchored at both ends: anything may stand {where_}")]
    Anchor {
        /// `before it`, `after it`.
        where_: &'static str,
    },
    /// A dot that stands for any character.
    #[error("the dot after {before:?} stands for any character: a literal one is written \\.")]
    Dot {
        /// What stands before it.
        before: String,
    },
    /// Something that goes over segments, or stands for a part of one.
    #[error("{piece} stands for something else than one whole segment or ref name")]
    Piece {
        /// The piece.
        piece: String,
    },
    /// It says what no trust file can have.
    #[error(transparent)]
    Identity(IdentityError),
}

impl Identity {
    /// Returns the identity that takes what a regular expression (RE2) takes, or less where `*` is plainer.
    ///
    /// # Errors
    /// [`RegexpError`] for every expression that would take more than an identity can.
    pub fn from_regexp(text: &str) -> Result<Self, RegexpError> {
        let body = text.strip_prefix('^');
        let body = body.ok_or(RegexpError::Anchor {
            where_: "before it",
        })?;
        let body = body
            .strip_suffix('$')
            .filter(|body| !body.ends_with('\\'))
            .ok_or(RegexpError::Anchor { where_: "after it" })?;
        let mut out = String::new();
        let mut rest = body;
        while let Some(c) = rest.chars().next() {
            let piece = |piece: &str| RegexpError::Piece {
                piece: piece.to_owned(),
            };
            let after = |text: &'static str| rest.strip_prefix(text);
            if let Some(left) = after("[^/]+") {
                out.push('*');
                rest = left;
            } else if let Some(left) = after(".*").or_else(|| after(".+")) {
                let is_ref = out.ends_with("@refs/tags/") || out.ends_with("@refs/heads/");
                if !is_ref || !left.is_empty() {
                    return Err(piece(rest.get(..2).unwrap_or(".*")));
                }
                out.push('*');
                rest = left;
            } else if let Some(left) = after("[.]") {
                out.push('.');
                rest = left;
            } else if let Some(left) = rest.strip_prefix('\\') {
                // RE2: a backslash makes punctuation literal; before a letter or digit it is a class.
                let literal = left.chars().next().filter(char::is_ascii_punctuation);
                let literal = literal.ok_or_else(|| piece(rest.get(..2).unwrap_or("\\")))?;
                if literal == '*' {
                    return Err(piece("\\*"));
                }
                out.push(literal);
                rest = left.get(1..).unwrap_or_default();
            } else if c == '.' {
                let before: String = out.chars().rev().take(8).collect();
                let before = before.chars().rev().collect();
                return Err(RegexpError::Dot { before });
            } else if "*+?()[]{}|^$".contains(c) {
                return Err(piece(&c.to_string()));
            } else {
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
            // What is repeated is no single character any more.
            if let Some(repeat) = rest.chars().next().filter(|c| "*+?{".contains(*c)) {
                return Err(piece(&format!(
                    "{}{repeat}",
                    out.chars().last().unwrap_or(repeat)
                )));
            }
        }
        Self::parse(&out).map_err(RegexpError::Identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_translated() {
        for (regexp, identity) in [
            (
                r"^https://github\.com/acme/tool/\.github/workflows/release\.yml@refs/tags/.*$",
                "https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/*",
            ),
            (
                r"^https:\/\/github[.]com/acme/[^/]+/\.github/workflows/r\.yml@refs/heads/main$",
                "https://github.com/acme/*/.github/workflows/r.yml@refs/heads/main",
            ),
            (r"^alice@example\.com$", "alice@example.com"),
        ] {
            assert_eq!(
                Identity::from_regexp(regexp).map(|id| id.to_string()),
                Ok(identity.to_owned())
            );
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let refused = |text: &str| Identity::from_regexp(text).unwrap_err().to_string();
        for (regexp, reason) in [
            (
                ".*",
                "it is not anchored at both ends: anything may stand before it",
            ),
            (
                "https://github.com/acme/",
                "it is not anchored at both ends: anything may stand before it",
            ),
            (
                "^https://github\\.com/acme/",
                "it is not anchored at both ends: anything may stand after it",
            ),
            (
                "^https://github\\.com/acme\\$",
                "it is not anchored at both ends: anything may stand after it",
            ),
            (
                "^https://github.com/acme$",
                "the dot after \"//github\" stands for any character: a literal one is written \\.",
            ),
            (
                "^https://github\\.com/acme/.*$",
                ".* stands for something else than one whole segment or ref name",
            ),
            (
                "^.*@example\\.com$",
                ".* stands for something else than one whole segment or ref name",
            ),
            (
                "^https://a\\.b/(x|y)$",
                "( stands for something else than one whole segment or ref name",
            ),
            (
                "^https://a\\.b/x|.*$",
                "| stands for something else than one whole segment or ref name",
            ),
            (
                "^https://a\\.b/xy?$",
                "y? stands for something else than one whole segment or ref name",
            ),
            (
                "^https://a\\.b/x{2}$",
                "x{ stands for something else than one whole segment or ref name",
            ),
            (
                "^https://a\\.b/\\d$",
                "\\d stands for something else than one whole segment or ref name",
            ),
            (
                "^https://a\\.b/c/v[^/]+$",
                "* stands for a whole segment or a whole ref name, never for a part of one",
            ),
            (
                "^https://[^/]+/acme$",
                "* never stands in a host: whoever has the host has the identity",
            ),
            (
                "^https://a\\.b/[^/]+$",
                "* does not stand for the first segment: that is whose it is",
            ),
            (
                "^[^/]+@example\\.com$",
                "* stands in a URI's path alone: an address or a name is exact",
            ),
            (
                "(?i)^https://a\\.b/c$",
                "it is not anchored at both ends: anything may stand before it",
            ),
            (
                "^(?i)https://a\\.b/c$",
                "( stands for something else than one whole segment or ref name",
            ),
            ("^$", "an identity is not empty"),
        ] {
            assert_eq!(refused(regexp), reason, "{regexp}");
        }
    }
}
