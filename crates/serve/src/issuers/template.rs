//! The part of Go's `text/template` that the metadata of CI providers is written in.
//!
//! A text without `{{` is the name of a claim. In one with them stand `{{ .claim }}`, `{{ index . "a.b/c" }}`,
//! literals, and `{{ if }}`, `{{ else if }}`, `{{ else }}`, `{{ end }}` over `eq`, `ne`, `not`, `and`, `or`, with
//! parentheses, comments and the trimming `-`. Anything else is refused when the configuration is read.

mod parse;

use std::borrow::Cow;

use super::disbelief::Disbelief;

pub use parse::TemplateError;

/// Bytes of a text that a template makes.
const MAX_TEXT: usize = 4096;

/// A template, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// The name of a claim.
    Claim(String),
    Nodes(Vec<Node>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(String),
    Value(Expr),
    /// The branches in order, each behind its condition, and what stands after `else`.
    If(Vec<(Expr, Vec<Self>)>, Vec<Self>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expr {
    /// `.name`: a claim that must be there.
    Field(String),
    /// `index . "name"`: a claim, or nothing.
    Index(String),
    Literal(String),
    /// Whether the first is equal to one of the others.
    Eq(Vec<Self>),
    Ne(Box<(Self, Self)>),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

/// Where a template takes its values from.
pub(super) trait Values {
    /// The claim or default called `name`, as text; `None` when there is neither.
    fn text(&self, name: &str) -> Result<Option<Cow<'_, str>>, Disbelief>;
}

/// What becomes of `index` where there is no such claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// Nothing, as in Go.
    Empty,
    /// A refusal.
    Refused,
}

/// What an expression comes to.
enum Outcome<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
}

impl Template {
    /// The text that `values` make of the template.
    ///
    /// # Errors
    /// The claim that is missing or no text, or that the text would be longer than 4 KiB.
    pub(super) fn render(&self, values: &dyn Values, absent: Absent) -> Result<String, Disbelief> {
        let rendering = Rendering { values, absent };
        let mut text = String::new();
        match &self.0 {
            Form::Claim(name) => rendering.push(&rendering.required(name)?, &mut text)?,
            Form::Nodes(nodes) => rendering.nodes(nodes, &mut text)?,
        }
        Ok(text)
    }
}

struct Rendering<'a> {
    values: &'a dyn Values,
    absent: Absent,
}

impl<'a> Rendering<'a> {
    fn nodes(&self, nodes: &'a [Node], text: &mut String) -> Result<(), Disbelief> {
        for node in nodes {
            match node {
                Node::Text(literal) => self.push(literal, text)?,
                Node::Value(expr) => match self.outcome(expr)? {
                    Outcome::Text(value) => self.push(&value, text)?,
                    Outcome::Bool(value) => {
                        self.push(if value { "true" } else { "false" }, text)?
                    }
                },
                Node::If(branches, otherwise) => {
                    let mut taken = otherwise;
                    for (condition, nodes) in branches {
                        if self.outcome(condition)?.is_true() {
                            taken = nodes;
                            break;
                        }
                    }
                    self.nodes(taken, text)?;
                }
            }
        }
        Ok(())
    }

    fn push(&self, more: &str, text: &mut String) -> Result<(), Disbelief> {
        if more.len() > MAX_TEXT - text.len() {
            return Err(Disbelief::TooLong { limit: MAX_TEXT });
        }
        text.push_str(more);
        Ok(())
    }

    fn outcome(&self, expr: &'a Expr) -> Result<Outcome<'a>, Disbelief> {
        Ok(match expr {
            Expr::Field(name) => Outcome::Text(self.required(name)?),
            Expr::Index(name) if self.absent == Absent::Refused => {
                Outcome::Text(self.required(name)?)
            }
            Expr::Index(name) => Outcome::Text(self.values.text(name)?.unwrap_or_default()),
            Expr::Literal(text) => Outcome::Text(Cow::Borrowed(text)),
            Expr::Eq(terms) => {
                let mut terms = terms.iter();
                let first = terms.next().map(|term| self.outcome(term)).transpose()?;
                let mut equal = false;
                for term in terms {
                    equal |= first
                        .as_ref()
                        .zip(Some(self.outcome(term)?))
                        .is_some_and(|(a, b)| a.is_same(&b));
                }
                Outcome::Bool(equal)
            }
            Expr::Ne(pair) => {
                Outcome::Bool(!self.outcome(&pair.0)?.is_same(&self.outcome(&pair.1)?))
            }
            Expr::Not(term) => Outcome::Bool(!self.outcome(term)?.is_true()),
            Expr::And(terms) => self.first(terms, false)?,
            Expr::Or(terms) => self.first(terms, true)?,
        })
    }

    /// The first of `terms` that is as `wanted`, else the last.
    fn first(&self, terms: &'a [Expr], wanted: bool) -> Result<Outcome<'a>, Disbelief> {
        let mut last = Outcome::Bool(!wanted);
        for term in terms {
            last = self.outcome(term)?;
            if last.is_true() == wanted {
                break;
            }
        }
        Ok(last)
    }

    fn required(&self, name: &str) -> Result<Cow<'a, str>, Disbelief> {
        let value = self.values.text(name)?;
        value.ok_or_else(|| Disbelief::missing(name))
    }
}

impl Outcome<'_> {
    /// As Go sees it: the empty text is false.
    fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Bool(value) => *value,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
