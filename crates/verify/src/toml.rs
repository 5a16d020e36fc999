//! Values of a TOML file, each read once and with its place, so that a mistake can be shown in its line.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// How many characters it is about, at least 1.
    pub width: usize,
    /// The line.
    pub text: String,
}

/// What is wrong with a value, or its absence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TomlProblem {
    /// It is not TOML.
    #[error("it is not TOML: {reason}")]
    Syntax {
        /// What the parser said, in one line.
        reason: String,
    },
    /// A key that means nothing here.
    #[error("`{key}` is no key of {section}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The table, such as `[signers.release]`.
        section: String,
        /// The keys that are known here.
        known: Vec<&'static str>,
    },
    /// A value of another type.
    #[error("`{key}` has a value of the wrong type")]
    WrongType {
        /// The key.
        key: String,
        /// What its value has to be.
        expected: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// A value of the right type that is none of the possible ones.
    #[error("`{key}` has a value that cannot be")]
    Invalid {
        /// The key.
        key: String,
        /// What its value has to be.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// A key that is needed here.
    #[error("`{key}` is missing in {section}")]
    Missing {
        /// The key.
        key: &'static str,
        /// The table.
        section: String,
        /// What its value has to be.
        expected: &'static str,
    },
}

/// A table of which each key is asked for; what nobody has asked for is unknown.
pub(crate) struct Section<'a> {
    text: &'a str,
    /// Its key in the table around it.
    pub(crate) key: String,
    /// As errors call it: `[signers.release]`.
    name: String,
    table: &'a dyn TableLike,
    pub(crate) span: Range<usize>,
    known: Vec<&'static str>,
}

/// The value of a key.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    text: &'a str,
    pub(crate) key: String,
    item: &'a Item,
    pub(crate) span: Range<usize>,
}

/// A problem and the bytes of the file that it is about.
pub type At<P> = (Range<usize>, P);

/// Reads the text of a file.
///
/// # Errors
/// [`TomlProblem::Syntax`], and where it is.
pub fn parse(text: &str) -> Result<Document<&str>, At<TomlProblem>> {
    Document::parse(text).map_err(|error| {
        let reason = error.message().lines().collect::<Vec<_>>().join(", ");
        (
            error.span().unwrap_or_default(),
            TomlProblem::Syntax { reason },
        )
    })
}

impl Place {
    /// The part of a line that bytes `span` of `text` are; of what goes over several lines, the first.
    pub fn of(text: &str, span: Range<usize>) -> Self {
        let start = (0..=span.start.min(text.len()))
            .rev()
            .find(|index| text.is_char_boundary(*index))
            .unwrap_or(0);
        let (before, rest) = text.split_at(start);
        let head = before.rsplit('\n').next().unwrap_or_default();
        let tail = rest.split(['\n', '\r']).next().unwrap_or_default();
        let length = span.end.saturating_sub(start);
        let marked = tail.char_indices().take_while(|(at, _)| *at < length);
        Self {
            line: before.matches('\n').count().saturating_add(1),
            column: head.chars().count().saturating_add(1),
            width: marked.count().max(1),
            text: format!("{head}{tail}"),
        }
    }

    /// The line, and a second one with carets under the part that it is about.
    pub fn excerpt(&self) -> [String; 2] {
        let number = self.line.to_string();
        let before = self.text.chars().take(self.column.saturating_sub(1));
        // A tab stays one, or the carets would stand elsewhere.
        let pad: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
        [
            format!("{number} | {}", self.text),
            format!(
                "{} | {pad}{}",
                " ".repeat(number.len()),
                "^".repeat(self.width)
            ),
        ]
    }
}

impl TomlProblem {
    /// What should have been there.
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::UnknownKey { known, .. } => Some(format!("one of {}", known.join(", "))),
            Self::WrongType { expected, .. }
            | Self::Invalid { expected, .. }
            | Self::Missing { expected, .. } => Some((*expected).to_owned()),
            Self::Syntax { .. } => None,
        }
    }

    /// What was there instead.
    pub fn found(&self) -> Option<String> {
        match self {
            Self::UnknownKey { key, .. } => Some(key.clone()),
            Self::WrongType { found, .. } => Some((*found).to_owned()),
            Self::Invalid { found, .. } => Some(found.clone()),
            Self::Missing { .. } | Self::Syntax { .. } => None,
        }
    }
}

impl<'a> Section<'a> {
    /// The top of a file.
    pub(crate) fn top(text: &'a str, table: &'a dyn TableLike) -> Self {
        Self {
            text,
            key: String::new(),
            name: "the top of the file".to_owned(),
            table,
            span: 0..0,
            known: Vec::new(),
        }
    }

    /// The tables in the table `key`, by their names.
    pub(crate) fn tables(&mut self, key: &'static str) -> Result<Vec<Self>, At<TomlProblem>> {
        let Some(field) = self.take(key) else {
            return Ok(Vec::new());
        };
        let path = self.path_of(key);
        let inner = field.section(format!("[{path}]"))?.fields();
        let section = |field: &Field<'a>| field.section(format!("[{path}.{}]", field.key));
        inner.iter().map(section).collect()
    }

    /// The table `key`, or `None`.
    pub(crate) fn table(&mut self, key: &'static str) -> Result<Option<Self>, At<TomlProblem>> {
        let field = self.take(key);
        let path = self.path_of(key);
        let section = |field: Field<'a>| field.section(format!("[{path}]"));
        field.map(section).transpose()
    }

    /// Every value of the table, whatever its key is.
    pub(crate) fn fields(&self) -> Vec<Field<'a>> {
        let (text, table) = (self.text, self.table);
        let field = |(name, item): (&'a str, &'a Item)| {
            let span = item.span().or_else(|| table.key(name)?.span());
            Field {
                text,
                key: name.to_owned(),
                item,
                span: span.unwrap_or_default(),
            }
        };
        table.iter().map(field).collect()
    }

    /// How the table `key` in this one is called.
    fn path_of(&self, key: &str) -> String {
        let outer = self.name.strip_prefix('[');
        match outer.and_then(|name| name.strip_suffix(']')) {
            Some(outer) => format!("{outer}.{key}"),
            None => key.to_owned(),
        }
    }

    /// The value of `key`, or `None`.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let (name, item) = self.table.get_key_value(key)?;
        let span = item.span().or_else(|| name.span());
        Some(Field {
            text: self.text,
            key: key.to_owned(),
            item,
            span: span.unwrap_or_default(),
        })
    }

    /// The value of `key`, which has to be there.
    pub(crate) fn need(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Field<'a>, At<TomlProblem>> {
        self.take(key).ok_or_else(|| {
            let problem = TomlProblem::Missing {
                key,
                section: self.name.clone(),
                expected,
            };
            (self.span.clone(), problem)
        })
    }

    /// Refuses every key that nobody has asked for.
    pub(crate) fn finish(self) -> Result<(), At<TomlProblem>> {
        let unknown = self.table.iter().find(|(key, _)| !self.known.contains(key));
        let Some((key, item)) = unknown else {
            return Ok(());
        };
        let span = self.table.key(key).and_then(toml_edit::Key::span);
        let problem = TomlProblem::UnknownKey {
            key: key.to_owned(),
            section: self.name,
            known: self.known,
        };
        Err((span.or_else(|| item.span()).unwrap_or_default(), problem))
    }
}

impl<'a> Field<'a> {
    pub(crate) fn text(&self, expected: &'static str) -> Result<&'a str, At<TomlProblem>> {
        self.item.as_str().ok_or_else(|| self.wrong_type(expected))
    }

    /// The texts of an array, each with its place.
    pub(crate) fn texts(
        &self,
        expected: &'static str,
    ) -> Result<Vec<(&'a str, Range<usize>)>, At<TomlProblem>> {
        let array = self.item.as_array();
        let array = array.ok_or_else(|| self.wrong_type(expected))?;
        let texts = array.iter().map(|value| {
            let text = value.as_str().ok_or_else(|| self.wrong_type(expected))?;
            Ok((text, value.span().unwrap_or_else(|| self.span.clone())))
        });
        texts.collect()
    }

    pub(crate) fn integer(&self, expected: &'static str) -> Result<i64, At<TomlProblem>> {
        let value = self.item.as_integer();
        value.ok_or_else(|| self.wrong_type(expected))
    }

    pub(crate) fn boolean(&self, expected: &'static str) -> Result<bool, At<TomlProblem>> {
        self.item.as_bool().ok_or_else(|| self.wrong_type(expected))
    }

    /// The value as TOML writes it, where it is a time of TOML's own.
    pub(crate) fn datetime(&self) -> Option<String> {
        self.item.as_datetime().map(ToString::to_string)
    }

    /// The bytes of the file where bytes `within` of a text stand, or of the whole value where it is not
    /// written out as it is.
    pub(crate) fn inside(
        &self,
        whole: &Range<usize>,
        value: &str,
        within: Range<usize>,
    ) -> Range<usize> {
        let start = whole.start.saturating_add(1);
        let is_plain = self.text.get(start..start.saturating_add(value.len())) == Some(value);
        match is_plain {
            true => start.saturating_add(within.start)..start.saturating_add(within.end),
            false => whole.clone(),
        }
    }

    pub(crate) fn invalid(&self, expected: &'static str) -> At<TomlProblem> {
        let found = self.text.get(self.span.clone()).unwrap_or_default();
        let problem = TomlProblem::Invalid {
            key: self.key.clone(),
            expected,
            found: crate::excerpt::excerpt(found),
        };
        (self.span.clone(), problem)
    }

    fn section(&self, name: String) -> Result<Section<'a>, At<TomlProblem>> {
        let table = self.item.as_table_like();
        let table = table.ok_or_else(|| self.wrong_type("a table"))?;
        Ok(Section {
            text: self.text,
            key: self.key.clone(),
            name,
            table,
            span: self.span.clone(),
            known: Vec::new(),
        })
    }

    fn wrong_type(&self, expected: &'static str) -> At<TomlProblem> {
        let problem = TomlProblem::WrongType {
            key: self.key.clone(),
            expected,
            found: self.item.type_name(),
        };
        (self.span.clone(), problem)
    }
}
