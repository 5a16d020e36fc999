use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use signhere_pki::key::{KeyDetails, KeyError};
use signhere_pki::time::Time;

use super::{JsonError, MAX_UNKNOWN_NAMES, Node, integer};
use crate::excerpt::excerpt;

/// The padded engines require the padding; the others refuse it.
const fn engine(alphabet: &alphabet::Alphabet, padding: DecodePaddingMode) -> GeneralPurpose {
    GeneralPurpose::new(
        alphabet,
        GeneralPurposeConfig::new().with_decode_padding_mode(padding),
    )
}

const STANDARD: GeneralPurpose = engine(&alphabet::STANDARD, DecodePaddingMode::RequireCanonical);
const STANDARD_BARE: GeneralPurpose = engine(&alphabet::STANDARD, DecodePaddingMode::RequireNone);
const URL: GeneralPurpose = engine(&alphabet::URL_SAFE, DecodePaddingMode::RequireCanonical);
const URL_BARE: GeneralPurpose = engine(&alphabet::URL_SAFE, DecodePaddingMode::RequireNone);

/// A message being read: each known field is taken out of it, what is left is unknown.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    path: String,
    members: Vec<(Cow<'a, str>, Node<'a>)>,
    unknown: Rc<RefCell<Vec<String>>>,
}

impl<'a> Message<'a> {
    pub(super) fn top(node: Node<'a>) -> Result<Self, JsonError> {
        let Node::Object(members) = node else {
            return Err(JsonError::Type {
                path: "document".to_owned(),
                expected: "an object",
                found: node.type_name(),
            });
        };
        Ok(Self {
            path: String::new(),
            members,
            unknown: Rc::default(),
        })
    }

    /// Tells whether a field is there, in either spelling and not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members
            .iter()
            .any(|(member, node)| is_named(member, name) && !matches!(node, Node::Null))
    }

    /// Returns the path of a field of this message.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            return name.to_owned();
        }
        format!("{}.{name}", self.path)
    }

    /// Takes a field's value; `None` when absent or `null`.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<Node<'a>>, JsonError> {
        let mut found = None;
        while let Some(at) = self
            .members
            .iter()
            .position(|(member, _)| is_named(member, name))
        {
            let (_, node) = self.members.remove(at);
            if found.replace(node).is_some() {
                return Err(JsonError::Duplicate {
                    name: self.path(name),
                });
            }
        }
        Ok(found.filter(|node| !matches!(node, Node::Null)))
    }

    /// Takes a message field; `None` when absent.
    pub(crate) fn message(&mut self, name: &str) -> Result<Option<Self>, JsonError> {
        let path = self.path(name);
        self.take(name)?
            .map(|node| self.child(path, node))
            .transpose()
    }

    /// Takes a message field that has to be there.
    pub(crate) fn required_message(&mut self, name: &str) -> Result<Self, JsonError> {
        self.message(name)?.ok_or_else(|| JsonError::Missing {
            path: self.path(name),
        })
    }

    /// Takes a repeated message field of at most `limit` elements.
    pub(crate) fn messages(&mut self, name: &str, limit: usize) -> Result<Vec<Self>, JsonError> {
        self.elements(name, limit)?
            .into_iter()
            .enumerate()
            .map(|(index, node)| self.child(format!("{}[{index}]", self.path(name)), node))
            .collect()
    }

    /// Takes a string field; empty when absent.
    pub(crate) fn string(&mut self, name: &str) -> Result<String, JsonError> {
        Ok(self.text(name)?.unwrap_or_default().into_owned())
    }

    /// Takes a string field that must not be empty.
    pub(crate) fn required_string(&mut self, name: &str) -> Result<String, JsonError> {
        let value = self.string(name)?;
        if value.is_empty() {
            return Err(JsonError::Missing {
                path: self.path(name),
            });
        }
        Ok(value)
    }

    /// Takes a bytes field; empty when absent.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, JsonError> {
        match self.text(name)? {
            Some(text) => decode(&text).ok_or_else(|| self.invalid(name, "base64")),
            None => Ok(Vec::new()),
        }
    }

    /// Takes a bytes field that must not be empty.
    pub(crate) fn required_bytes(&mut self, name: &str) -> Result<Vec<u8>, JsonError> {
        let value = self.bytes(name)?;
        if value.is_empty() {
            return Err(JsonError::Missing {
                path: self.path(name),
            });
        }
        Ok(value)
    }

    /// Takes a repeated bytes field of at most `limit` elements.
    pub(crate) fn byte_strings(
        &mut self,
        name: &str,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, JsonError> {
        self.elements(name, limit)?
            .into_iter()
            .map(|node| match node {
                Node::String(text) => decode(&text).ok_or_else(|| self.invalid(name, "base64")),
                other => Err(self.wrong_type(name, "a list of strings", &other)),
            })
            .collect()
    }

    /// Takes a repeated string field of at most `limit` elements.
    pub(crate) fn strings(&mut self, name: &str, limit: usize) -> Result<Vec<String>, JsonError> {
        self.elements(name, limit)?
            .into_iter()
            .map(|node| match node {
                Node::String(text) => Ok(text.into_owned()),
                other => Err(self.wrong_type(name, "a list of strings", &other)),
            })
            .collect()
    }

    /// Returns the message under the one name of a map.
    pub(crate) fn only_member(self) -> Result<Self, JsonError> {
        let found = self.members.len();
        let mut members = self.members;
        match (members.pop(), found) {
            (Some((name, Node::Object(members))), 1) => Ok(Self {
                path: excerpt(&name),
                members,
                unknown: self.unknown,
            }),
            (Some((name, other)), 1) => Err(JsonError::Type {
                path: excerpt(&name),
                expected: "an object",
                found: other.type_name(),
            }),
            (None, _) => Err(JsonError::Missing {
                path: "entry".to_owned(),
            }),
            _ => Err(JsonError::TooMany {
                path: "document".to_owned(),
                limit: 1,
                found,
            }),
        }
    }

    /// Returns the messages of a document whose top value is a list of at most `limit` of them.
    pub(super) fn list(elements: Vec<Node<'a>>, limit: usize) -> Result<Vec<Self>, JsonError> {
        let found = elements.len();
        if found > limit {
            return Err(JsonError::TooMany {
                path: "document".to_owned(),
                limit,
                found,
            });
        }
        let whole = Self {
            path: String::new(),
            members: Vec::new(),
            unknown: Rc::default(),
        };
        elements
            .into_iter()
            .enumerate()
            .map(|(index, node)| whole.child(format!("[{index}]"), node))
            .collect()
    }

    /// Takes an int64 field; zero when absent.
    pub(crate) fn int64(&mut self, name: &str) -> Result<i64, JsonError> {
        self.integer(name, "a 64-bit integer")
    }

    /// Takes an int64 field whose meaning excludes negative values; zero when absent.
    pub(crate) fn count(&mut self, name: &str) -> Result<u64, JsonError> {
        let value: i64 = self.integer(name, "a 64-bit integer")?;
        u64::try_from(value).map_err(|_| self.invalid(name, "an integer from zero up"))
    }

    /// Takes a uint32 field; zero when absent.
    pub(crate) fn uint32(&mut self, name: &str) -> Result<u32, JsonError> {
        self.integer(name, "an unsigned 32-bit integer")
    }

    /// Takes an enum field given by name or number, as its name; empty when absent.
    ///
    /// `names` pairs each number with its name; an unknown number is returned in decimal.
    pub(crate) fn enumeration(
        &mut self,
        name: &str,
        names: &[(i32, &str)],
    ) -> Result<String, JsonError> {
        match self.enum_value(name)? {
            None => Ok(String::new()),
            Some(EnumValue::Name(text)) => Ok(text),
            Some(EnumValue::Number(number)) => {
                let known = names.iter().find(|(value, _)| *value == number);
                Ok(known.map_or_else(|| number.to_string(), |(_, known)| (*known).to_owned()))
            }
        }
    }

    /// Takes a `PublicKeyDetails` field; the inner error is for details that are not supported.
    pub(crate) fn key_details(
        &mut self,
        name: &str,
    ) -> Result<Result<KeyDetails, KeyError>, JsonError> {
        Ok(match self.enum_value(name)? {
            None => KeyDetails::from_number(0),
            Some(EnumValue::Name(text)) => KeyDetails::from_name(&text),
            Some(EnumValue::Number(number)) => KeyDetails::from_number(number.into()),
        })
    }

    /// Takes a timestamp field (RFC 3339); `None` when absent.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Time>, JsonError> {
        self.text(name)?
            .map(|text| {
                Time::parse_rfc3339(&text).map_err(|_| self.invalid(name, "an RFC 3339 date"))
            })
            .transpose()
    }

    /// Takes the one member of a oneof that is set, as its name and value.
    pub(crate) fn one_of<'n>(
        &mut self,
        names: &[&'n str],
    ) -> Result<Option<(&'n str, Self)>, JsonError> {
        let mut set: Option<(&'n str, Message<'a>)> = None;
        for name in names {
            let Some(message) = self.message(name)? else {
                continue;
            };
            if let Some((first, _)) = set {
                return Err(JsonError::OneOf {
                    first: self.path(first),
                    second: self.path(name),
                });
            }
            set = Some((name, message));
        }
        Ok(set)
    }

    /// Ends the reading: what nobody took is remembered as unknown.
    pub(crate) fn finish(self) {
        let mut unknown = self.unknown.borrow_mut();
        for (name, _) in &self.members {
            if unknown.len() == MAX_UNKNOWN_NAMES {
                unknown.push("and more".to_owned());
            }
            if unknown.len() > MAX_UNKNOWN_NAMES {
                return;
            }
            unknown.push(excerpt(&self.path(name)));
        }
    }

    /// Ends the reading of a whole document and returns the paths of all unknown fields.
    pub(crate) fn finish_document(self) -> Vec<String> {
        let unknown = Rc::clone(&self.unknown);
        self.finish();
        unknown.take()
    }

    fn child(&self, path: String, node: Node<'a>) -> Result<Self, JsonError> {
        match node {
            Node::Object(members) => Ok(Message {
                path,
                members,
                unknown: Rc::clone(&self.unknown),
            }),
            other => Err(JsonError::Type {
                path,
                expected: "an object",
                found: other.type_name(),
            }),
        }
    }

    fn elements(&mut self, name: &str, limit: usize) -> Result<Vec<Node<'a>>, JsonError> {
        match self.take(name)? {
            None => Ok(Vec::new()),
            Some(Node::Array(elements)) if elements.len() > limit => Err(JsonError::TooMany {
                path: self.path(name),
                limit,
                found: elements.len(),
            }),
            Some(Node::Array(elements)) => Ok(elements),
            Some(other) => Err(self.wrong_type(name, "an array", &other)),
        }
    }

    fn enum_value(&mut self, name: &str) -> Result<Option<EnumValue>, JsonError> {
        match self.take(name)? {
            None => Ok(None),
            Some(Node::String(text)) => Ok(Some(EnumValue::Name(text.into_owned()))),
            Some(node @ Node::Number(_)) => integer::read(&node)
                .and_then(|value| i32::try_from(value).ok())
                .map(|number| Some(EnumValue::Number(number)))
                .ok_or_else(|| self.invalid(name, "an enum number")),
            Some(node) => Err(self.wrong_type(name, "an enum name or number", &node)),
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, JsonError> {
        match self.take(name)? {
            None => Ok(None),
            Some(Node::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(name, "a string", &other)),
        }
    }

    fn integer<T: TryFrom<i128> + Default>(
        &mut self,
        name: &str,
        expected: &'static str,
    ) -> Result<T, JsonError> {
        let Some(node) = self.take(name)? else {
            return Ok(T::default());
        };
        integer::read(&node)
            .and_then(|value| T::try_from(value).ok())
            .ok_or_else(|| self.invalid(name, expected))
    }

    fn invalid(&self, name: &str, expected: &'static str) -> JsonError {
        JsonError::Value {
            path: self.path(name),
            expected,
        }
    }

    fn wrong_type(&self, name: &str, expected: &'static str, found: &Node<'_>) -> JsonError {
        JsonError::Type {
            path: self.path(name),
            expected,
            found: found.type_name(),
        }
    }
}

/// An enum as it was written.
enum EnumValue {
    Name(String),
    Number(i32),
}

/// Decodes either alphabet, never both at once, with all of its padding or none of it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let url = text.contains(['-', '_']);
    let padded = text.ends_with('=');
    let engine = match (url, padded) {
        (false, true) => STANDARD,
        (false, false) => STANDARD_BARE,
        (true, true) => URL,
        (true, false) => URL_BARE,
    };
    engine.decode(text).ok()
}

/// Tells whether `member` is `name` (camelCase) or its snake_case spelling.
fn is_named(member: &str, name: &str) -> bool {
    if member == name {
        return true;
    }
    let mut member = member.bytes();
    for byte in name.bytes() {
        if byte.is_ascii_uppercase() && member.next() != Some(b'_') {
            return false;
        }
        if member.next() != Some(byte.to_ascii_lowercase()) {
            return false;
        }
    }
    member.next().is_none()
}
