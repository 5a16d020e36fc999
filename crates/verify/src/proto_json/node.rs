use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{JsonError, MAX_DEPTH, MAX_NODES};
use crate::excerpt::excerpt;

/// One JSON value, borrowing its strings from the document where they have no escapes.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object, its names distinct.
    Object(Vec<(Cow<'a, str>, Self)>),
}

/// A JSON number, as precise as it was written up to 64 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// Not negative, no fraction, no exponent.
    Unsigned(u64),
    /// Negative, no fraction, no exponent.
    Signed(i64),
    /// Anything else.
    Float(f64),
}

impl Node<'_> {
    /// Returns the name of the value's type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Parses a whole document.
pub(super) fn parse(json: &[u8]) -> Result<Node<'_>, JsonError> {
    parse_as(json, |values, deserializer| {
        values.deserialize(deserializer)
    })
}

/// Parses a whole document in which `read` keeps what it wants; whatever it passes over is read as strictly.
pub(crate) fn parse_as<'a, T>(
    json: &'a [u8],
    read: impl FnOnce(
        Seed<'_>,
        &mut serde_json::Deserializer<serde_json::de::SliceRead<'a>>,
    ) -> serde_json::Result<T>,
) -> Result<T, JsonError> {
    let mut state = State::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    // Depth is limited below, at a smaller number than serde_json's own.
    let values = Seed {
        state: &mut state,
        depth: 0,
    };
    let result = read(values, &mut deserializer);
    let node = match (result, state.refused) {
        (_, Some(error)) => return Err(error),
        (Err(error), None) if error.is_eof() => {
            return Err(JsonError::Truncated {
                line: error.line(),
                column: error.column(),
            });
        }
        (Err(error), None) => {
            return Err(JsonError::Syntax {
                line: error.line(),
                column: error.column(),
            });
        }
        (Ok(node), None) => node,
    };
    deserializer
        .end()
        .map_err(|error| JsonError::TrailingData {
            line: error.line(),
            column: error.column(),
        })?;
    Ok(node)
}

/// What the recursion shares: serde's errors are text, so ours wait here.
#[derive(Default)]
struct State {
    nodes: usize,
    refused: Option<JsonError>,
}

/// Reads a value.
pub(crate) struct Seed<'s> {
    state: &'s mut State,
    depth: usize,
}

impl Seed<'_> {
    /// Ends the reading.
    pub(crate) fn refuse<E: serde::de::Error>(self, error: JsonError) -> E {
        let message = E::custom(&error);
        self.state.refused = Some(error);
        message
    }

    /// Reads a value inside this one.
    pub(crate) fn inside<E: serde::de::Error>(&mut self) -> Result<Seed<'_>, E> {
        if self.depth == MAX_DEPTH {
            let error = JsonError::TooDeep { limit: MAX_DEPTH };
            let message = E::custom(&error);
            self.state.refused = Some(error);
            return Err(message);
        }
        Ok(Seed {
            state: self.state,
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        if self.state.nodes == MAX_NODES {
            return Err(self.refuse(JsonError::TooManyValues { limit: MAX_NODES }));
        }
        self.state.nodes += 1;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(Number::Unsigned(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(Number::Signed(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Node::Number(Number::Float(value)))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node<'de>, E> {
        Ok(Node::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Node<'de>, A::Error> {
        let mut elements = Vec::new();
        loop {
            let Some(element) = access.next_element_seed(self.inside()?)? else {
                return Ok(Node::Array(elements));
            };
            elements.push(element);
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Node<'de>, A::Error> {
        let mut members: Vec<(Cow<'de, str>, Node<'de>)> = Vec::new();
        while let Some(Key(name)) = access.next_key()? {
            members.push((name, access.next_value_seed(self.inside()?)?));
        }
        if let Some(name) = duplicate(&members, |(name, _)| name) {
            return Err(self.refuse(JsonError::Duplicate { name }));
        }
        Ok(Node::Object(members))
    }
}

/// An object's name; `Cow` alone would always be copied.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(value.to_owned())))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Returns a name that occurs twice: by pairs in a small object, by sorting in a large one.
pub(crate) fn duplicate<T>(members: &[T], name: impl Fn(&T) -> &str) -> Option<String> {
    if members.len() <= 16 {
        let mut rest = members;
        while let [first, tail @ ..] = rest {
            if tail.iter().any(|other| name(other) == name(first)) {
                return Some(excerpt(name(first)));
            }
            rest = tail;
        }
        return None;
    }
    let mut names: Vec<&str> = members.iter().map(name).collect();
    names.sort_unstable();
    names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(excerpt(a)),
        _ => None,
    })
}
