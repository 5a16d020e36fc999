//! The lines that git gives to a hook: from where to where a ref would be moved.

use crate::object::{ObjectFormat, ObjectId};

/// The most refs of one push.
pub const MAX_UPDATES: usize = 4096;
/// The longest name of a ref, in bytes.
const MAX_NAME: usize = 1024;

/// A ref that would be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Its full name.
    pub reference: String,
    /// Where it is; `None`: it is to be made.
    pub old: Option<ObjectId>,
    /// Where it would be; `None`: it is to be deleted.
    pub new: Option<ObjectId>,
}

/// Why a line is none of a push. Nothing of the push is let through then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// It is not `OLD NEW REF`.
    #[error("it is not two object ids and a ref")]
    Form,
    /// An id is none of this repository's.
    #[error("{found:?} is no object id of this repository")]
    Id {
        /// The text.
        found: String,
    },
    /// The ref is not written in full, or no name that git takes.
    #[error("{found:?} is no full name of a ref")]
    Name {
        /// The name.
        found: String,
    },
    /// There are more than [`MAX_UPDATES`].
    #[error("a push of more than {MAX_UPDATES} refs is not judged")]
    TooMany,
}

impl Update {
    /// Reads what git writes to a `pre-receive` hook: `OLD NEW REF`, a line each.
    ///
    /// # Errors
    /// [`UpdateError`] for the first line that is none.
    pub fn parse_all(text: &str, format: ObjectFormat) -> Result<Vec<Self>, UpdateError> {
        let mut updates = Vec::new();
        // Not by `lines`, which takes a carriage return for a part of the line's end.
        for line in text.split_terminator('\n') {
            if updates.len() == MAX_UPDATES {
                return Err(UpdateError::TooMany);
            }
            let mut words = line.splitn(3, ' ');
            let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next())
            else {
                return Err(UpdateError::Form);
            };
            updates.push(Self::new(name, old, new, format)?);
        }
        Ok(updates)
    }

    /// A ref that is moved from `old` to `new`, in hexadecimal; all zeros stand for nothing.
    ///
    /// # Errors
    /// [`UpdateError`] when one of them is not what it should be.
    pub fn new(
        name: &str,
        old: &str,
        new: &str,
        format: ObjectFormat,
    ) -> Result<Self, UpdateError> {
        let id = |text: &str| -> Result<Option<ObjectId>, UpdateError> {
            let id = text.parse::<ObjectId>().ok();
            let id = id.filter(|id| id.format() == format);
            let id = id.ok_or_else(|| UpdateError::Id {
                found: text.chars().take(80).collect(),
            })?;
            Ok(Some(id).filter(|id| !id.is_zero()))
        };
        let (old, new) = (id(old)?, id(new)?);
        if !is_name(name) {
            let found = name.chars().take(80).collect();
            return Err(UpdateError::Name { found });
        }
        Ok(Self {
            reference: name.to_owned(),
            old,
            new,
        })
    }
}

/// What git-check-ref-format(1) takes, under `refs/`.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.ends_with(".lock")
    };
    let is_bad = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    name.len() <= MAX_NAME
        && name.starts_with("refs/")
        && !name.contains("..")
        && !name.contains("@{")
        && !name.chars().any(is_bad)
        && name.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef01234567";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn the_lines_of_a_push_are_read() {
        let text =
            format!("{A} {A} refs/heads/main\n{ZERO} {A} refs/tags/v1\n{A} {ZERO} refs/heads/x\n");
        let updates = Update::parse_all(&text, ObjectFormat::Sha1).unwrap();
        let id: Option<ObjectId> = A.parse().ok();
        let found: Vec<_> = updates
            .iter()
            .map(|u| (u.old, u.new, u.reference.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (id, id, "refs/heads/main"),
                (None, id, "refs/tags/v1"),
                (id, None, "refs/heads/x")
            ]
        );
        assert_eq!(Update::parse_all("", ObjectFormat::Sha1), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_line_of_a_push_is_refused_whole() {
        let parse = |text: &str| Update::parse_all(text, ObjectFormat::Sha1);
        assert_eq!(parse("a b"), Err(UpdateError::Form));
        assert_eq!(parse("\n"), Err(UpdateError::Form));
        let long = A.repeat(2).chars().take(64).collect::<String>();
        for id in ["abc", "HEAD", &A.to_uppercase(), &long, ""] {
            let line = format!("{A} {id} refs/heads/main\n");
            let found = id.to_owned();
            assert_eq!(parse(&line), Err(UpdateError::Id { found }));
        }
        for name in [
            "main",
            "HEAD",
            "refs/heads/../main",
            "refs/heads//main",
            "refs/heads/main.lock",
            "refs/heads/a b",
            "refs/heads/\u{1b}[2J",
            "refs/heads/",
            "refs/heads/a\r",
        ] {
            let line = format!("{A} {A} {name}\n");
            assert!(
                matches!(parse(&line), Err(UpdateError::Name { .. })),
                "{name:?}"
            );
        }
        let many = format!("{A} {A} refs/heads/main\n").repeat(MAX_UPDATES + 1);
        assert_eq!(parse(&many), Err(UpdateError::TooMany));
    }
}
