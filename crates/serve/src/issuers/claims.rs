//! The claims of a token that verified, as typed values.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::disbelief::Disbelief;

/// Bytes of a claim that goes into a certificate.
const MAX_CLAIM: usize = 2048;

/// The claims of a token that verified.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a>(&'a Map<String, Value>);

impl<'a> Claims<'a> {
    pub(super) fn new(claims: &'a Map<String, Value>) -> Self {
        Self(claims)
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A claim that must be a text, not empty.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, Disbelief> {
        text_of(name, self.value(name))
    }

    /// A claim that is a text, a number or a truth value, as text.
    pub(super) fn flat(&self, name: &str) -> Result<Option<Cow<'a, str>>, Disbelief> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let text = match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Value::Number(number) => match (number.is_f64(), number.as_f64()) {
                // Rust writes floating point numbers without an exponent, as Go does here.
                (true, Some(number)) => Cow::Owned(number.to_string()),
                _ => Cow::Owned(number.to_string()),
            },
            _ => return Err(Disbelief::claim(name, "a text, a number or a truth value")),
        };
        check(name, &text)?;
        Ok(Some(text))
    }
}

/// The text that the claim called `name` must be, not empty.
pub(super) fn text_of<'a>(name: &str, value: Option<&'a Value>) -> Result<&'a str, Disbelief> {
    let value = value.filter(|value| !value.is_null());
    let value = value.ok_or_else(|| Disbelief::missing(name))?;
    let text = value
        .as_str()
        .ok_or_else(|| Disbelief::claim(name, "a text"))?;
    if text.is_empty() {
        return Err(Disbelief::missing(name));
    }
    check(name, text)?;
    Ok(text)
}

fn check(name: &str, text: &str) -> Result<(), Disbelief> {
    if text.len() > MAX_CLAIM {
        return Err(Disbelief::claim(
            name,
            format!("at most {MAX_CLAIM} bytes long"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Disbelief::claim(name, "free of control characters"));
    }
    Ok(())
}
