//! From text to [`Template`].

use std::str::FromStr;

use thiserror::Error;

use super::{Expr, Form, Node, Template};

/// Bytes of a template.
const MAX_LEN: usize = 4096;
/// Parentheses and branches within one another.
const MAX_DEPTH: usize = 16;
const KNOWN: &str = ".claim, index, eq, ne, not, and, or, if, else, end";

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It is too long.
    #[error("the template has {found} bytes, {limit} are taken")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// Branches or parentheses within one another, too many.
    #[error("the template is nested deeper than {limit}")]
    TooDeep {
        /// How many may be within one another.
        limit: usize,
    },
    /// `{{` without `}}`, a quotation mark or a comment without its end.
    #[error("the template's {what} has no end")]
    NoEnd {
        /// What has no end.
        what: &'static str,
    },
    /// Something else than what may stand at that place.
    #[error("the template has {found} where {expected} is expected")]
    Unexpected {
        /// What may stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A word of Go's language that is not in the part that is known here.
    #[error("the template has {found:?}; known are {KNOWN}")]
    Unknown {
        /// The word.
        found: String,
    },
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MAX_LEN {
            return Err(TemplateError::TooLong {
                limit: MAX_LEN,
                found: text.len(),
            });
        }
        if !text.contains("{{") {
            return Ok(Self(Form::Claim(text.to_owned())));
        }
        let mut parts = split(text)?.into_iter();
        let (nodes, end) = list(&mut parts, 0)?;
        match end {
            End::Text => Ok(Self(Form::Nodes(nodes))),
            End::Closed => Err(unexpected("text", "end")),
            End::Else(_) => Err(unexpected("text", "else")),
        }
    }
}

/// A piece of a template: the text between actions, or what stands in one.
#[derive(Debug)]
enum Part {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Dot,
    Field(String),
    Word(String),
    Literal(String),
    Open,
    Close,
}

/// What ended a list of nodes.
enum End {
    Text,
    /// `end`.
    Closed,
    /// `else`, with the condition when `if` follows.
    Else(Option<Expr>),
}

fn split(mut rest: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut trims = false;
    while let Some((text, action)) = rest.split_once("{{") {
        let mut text = if trims { text.trim_start() } else { text };
        let action = match action.strip_prefix('-') {
            Some(action) if action.starts_with(char::is_whitespace) => {
                text = text.trim_end();
                action.trim_start()
            }
            _ => action,
        };
        parts.push(Part::Text(text.to_owned()));
        let (tokens, after) = match action.strip_prefix("/*") {
            Some(comment) => {
                let no_end = TemplateError::NoEnd { what: "comment" };
                let (_, after) = comment.split_once("*/").ok_or(no_end)?;
                (None, after)
            }
            None => {
                let (tokens, after) = tokens(action)?;
                (Some(tokens), after)
            }
        };
        let trimmed = after.trim_start();
        trims = trimmed.starts_with("-}}") && trimmed.len() < after.len();
        rest = trimmed
            .strip_prefix(if trims { "-}}" } else { "}}" })
            .ok_or(TemplateError::NoEnd { what: "action" })?;
        parts.extend(tokens.map(Part::Action));
    }
    let text = if trims { rest.trim_start() } else { rest };
    parts.push(Part::Text(text.to_owned()));
    Ok(parts)
}

/// The tokens of an action, and what stands behind them, white space included.
fn tokens(mut rest: &str) -> Result<(Vec<Token>, &str), TemplateError> {
    let mut tokens = Vec::new();
    loop {
        let text = rest.trim_start();
        if text.starts_with("}}") || text.starts_with("-}}") {
            return Ok((tokens, rest));
        }
        let mut chars = text.chars();
        let Some(first) = chars.next() else {
            return Err(TemplateError::NoEnd { what: "action" });
        };
        let (token, after) = match first {
            '(' => (Token::Open, chars.as_str()),
            ')' => (Token::Close, chars.as_str()),
            '"' => quoted(chars.as_str())?,
            '`' => {
                let no_end = TemplateError::NoEnd { what: "literal" };
                let (literal, after) = chars.as_str().split_once('`').ok_or(no_end)?;
                (Token::Literal(literal.to_owned()), after)
            }
            '.' => {
                let (name, after) = word(chars.as_str());
                let chained = after.starts_with('.');
                match name {
                    _ if chained => return Err(unexpected("a space", ".")),
                    "" => (Token::Dot, after),
                    _ => (Token::Field(name.to_owned()), after),
                }
            }
            _ => {
                let (name, after) = word(text);
                if name.is_empty() {
                    return Err(TemplateError::Unknown {
                        found: first.to_string(),
                    });
                }
                (Token::Word(name.to_owned()), after)
            }
        };
        tokens.push(token);
        rest = after;
    }
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    text.split_at(end.unwrap_or(text.len()))
}

/// A literal in quotation marks, behind the first of them.
fn quoted(text: &str) -> Result<(Token, &str), TemplateError> {
    let mut literal = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next() {
            Some('"') => return Ok((Token::Literal(literal), chars.as_str())),
            Some('\\') => match chars.next() {
                Some(c @ ('"' | '\\')) => literal.push(c),
                Some(c) => return Err(unexpected(r#"\" or \\"#, &format!("\\{c}"))),
                None => return Err(TemplateError::NoEnd { what: "literal" }),
            },
            Some(c) => literal.push(c),
            None => return Err(TemplateError::NoEnd { what: "literal" }),
        }
    }
}

/// The nodes up to the next `else` or `end` of this level, and which it was.
fn list(
    parts: &mut impl Iterator<Item = Part>,
    depth: usize,
) -> Result<(Vec<Node>, End), TemplateError> {
    if depth > MAX_DEPTH {
        return Err(TemplateError::TooDeep { limit: MAX_DEPTH });
    }
    let mut nodes = Vec::new();
    while let Some(part) = parts.next() {
        let tokens = match part {
            Part::Text(text) => {
                if !text.is_empty() {
                    nodes.push(Node::Text(text));
                }
                continue;
            }
            Part::Action(tokens) => tokens,
        };
        let keyword = match tokens.first() {
            Some(Token::Word(word)) => word.as_str(),
            _ => "",
        };
        match (keyword, tokens.as_slice()) {
            ("if", [_, condition @ ..]) => {
                nodes.push(branches(pipeline(condition)?, parts, depth)?)
            }
            ("end", [_]) => return Ok((nodes, End::Closed)),
            ("else", [_]) => return Ok((nodes, End::Else(None))),
            ("else", [_, Token::Word(word), condition @ ..]) if word == "if" => {
                return Ok((nodes, End::Else(Some(pipeline(condition)?))));
            }
            ("end" | "else", _) => return Err(unexpected("}}", "more")),
            _ => nodes.push(Node::Value(pipeline(&tokens)?)),
        }
    }
    Ok((nodes, End::Text))
}

fn branches(
    first: Expr,
    parts: &mut impl Iterator<Item = Part>,
    depth: usize,
) -> Result<Node, TemplateError> {
    let mut condition = first;
    let mut branches = Vec::new();
    loop {
        let (nodes, end) = list(parts, depth + 1)?;
        branches.push((condition, nodes));
        match end {
            End::Closed => return Ok(Node::If(branches, Vec::new())),
            End::Else(Some(next)) => condition = next,
            End::Else(None) => {
                let (otherwise, end) = list(parts, depth + 1)?;
                return match end {
                    End::Closed => Ok(Node::If(branches, otherwise)),
                    End::Else(_) => Err(unexpected("end", "else")),
                    End::Text => Err(TemplateError::NoEnd { what: "if" }),
                };
            }
            End::Text => return Err(TemplateError::NoEnd { what: "if" }),
        }
    }
}

/// The expression that the tokens are, all of them.
fn pipeline(tokens: &[Token]) -> Result<Expr, TemplateError> {
    let (expr, rest) = call(tokens, 0)?;
    match rest {
        [] => Ok(expr),
        [token, ..] => Err(unexpected("}}", &token.shown())),
    }
}

/// A function with its arguments, or one operand.
fn call(tokens: &[Token], depth: usize) -> Result<(Expr, &[Token]), TemplateError> {
    let Some((Token::Word(function), mut rest)) = tokens.split_first() else {
        return operand(tokens, depth);
    };
    if !["index", "eq", "ne", "not", "and", "or"].contains(&function.as_str()) {
        return Err(TemplateError::Unknown {
            found: function.clone(),
        });
    }
    if function == "index" {
        return match rest {
            [Token::Dot, Token::Literal(name), rest @ ..] => Ok((Expr::Index(name.clone()), rest)),
            _ => Err(unexpected(r#"index . "claim""#, "index")),
        };
    }
    let mut arguments = Vec::new();
    while !rest.is_empty() && rest.first() != Some(&Token::Close) {
        let (argument, after) = operand(rest, depth)?;
        arguments.push(argument);
        rest = after;
    }
    let count = arguments.len();
    let wrong_count = || {
        unexpected(
            "the right number of arguments",
            &format!("{function} with {count}"),
        )
    };
    let expr = match (function.as_str(), count) {
        ("eq", 2..) => Expr::Eq(arguments),
        ("and", 1..) => Expr::And(arguments),
        ("or", 1..) => Expr::Or(arguments),
        ("not", 1) => Expr::Not(Box::new(arguments.pop().ok_or_else(wrong_count)?)),
        ("ne", 2) => {
            let second = arguments.pop().ok_or_else(wrong_count)?;
            let first = arguments.pop().ok_or_else(wrong_count)?;
            Expr::Ne(Box::new((first, second)))
        }
        _ => return Err(wrong_count()),
    };
    Ok((expr, rest))
}

fn operand(tokens: &[Token], depth: usize) -> Result<(Expr, &[Token]), TemplateError> {
    const OPERAND: &str = ".claim, a literal or (";
    if depth > MAX_DEPTH {
        return Err(TemplateError::TooDeep { limit: MAX_DEPTH });
    }
    match tokens.split_first() {
        Some((Token::Field(name), rest)) => Ok((Expr::Field(name.clone()), rest)),
        Some((Token::Literal(text), rest)) => Ok((Expr::Literal(text.clone()), rest)),
        Some((Token::Open, rest)) => {
            let (expr, rest) = call(rest, depth + 1)?;
            match rest {
                [Token::Close, rest @ ..] => Ok((expr, rest)),
                _ => Err(TemplateError::NoEnd { what: "(" }),
            }
        }
        Some((token, _)) => Err(unexpected(OPERAND, &token.shown())),
        None => Err(unexpected(OPERAND, "nothing")),
    }
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Dot => ".".to_owned(),
            Self::Field(name) => format!(".{name}"),
            Self::Word(word) => word.clone(),
            Self::Literal(text) => format!("{text:?}"),
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
        }
    }
}

fn unexpected(expected: &'static str, found: &str) -> TemplateError {
    TemplateError::Unexpected {
        expected,
        found: found.to_owned(),
    }
}
