//! JSON objects read by exact names and types: TUF has no second spelling of anything.

use std::borrow::Cow;

use signhere_pki::time::Time;

use crate::excerpt::excerpt;
use crate::proto_json::{JsonError, Node, Number};

/// An object and its place in the document.
#[derive(Clone)]
pub(super) struct Object<'n> {
    path: String,
    members: &'n [(Cow<'n, str>, Node<'n>)],
}

impl<'n> Object<'n> {
    /// The object that `node` is.
    pub(super) fn new(node: &'n Node<'n>, path: &str) -> Result<Self, JsonError> {
        let Node::Object(members) = node else {
            return Err(wrong_type(path.to_owned(), "an object", node));
        };
        Ok(Self {
            path: path.to_owned(),
            members,
        })
    }

    /// The place of a member.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            return excerpt(name);
        }
        format!("{}.{}", self.path, excerpt(name))
    }

    /// A member's value, if there is one.
    pub(super) fn optional(&self, name: &str) -> Option<&'n Node<'n>> {
        let found = self.members.iter().find(|(member, _)| member == name);
        found.map(|(_, node)| node)
    }

    /// A member's value.
    pub(super) fn required(&self, name: &str) -> Result<&'n Node<'n>, JsonError> {
        self.optional(name).ok_or_else(|| JsonError::Missing {
            path: self.path(name),
        })
    }

    pub(super) fn object(&self, name: &str) -> Result<Self, JsonError> {
        Self::new(self.required(name)?, &self.path(name))
    }

    pub(super) fn optional_object(&self, name: &str) -> Result<Option<Self>, JsonError> {
        let node = self.optional(name);
        node.map(|node| Self::new(node, &self.path(name)))
            .transpose()
    }

    /// The members of this object, each an object itself.
    pub(super) fn objects(
        &self,
        limit: usize,
    ) -> Result<impl Iterator<Item = Result<(&'n str, Self), JsonError>>, JsonError> {
        if self.members.len() > limit {
            return Err(JsonError::TooMany {
                path: self.path.clone(),
                limit,
                found: self.members.len(),
            });
        }
        let members = self.members.iter();
        Ok(members.map(|(name, node)| Ok((name.as_ref(), Self::new(node, &self.path(name))?))))
    }

    /// The members of this object, each a string.
    pub(super) fn strings(
        &self,
    ) -> impl Iterator<Item = Result<(&'n str, &'n str), JsonError>> + use<'_, 'n> {
        self.members
            .iter()
            .map(|(name, node)| Ok((name.as_ref(), text(node, || self.path(name))?)))
    }

    pub(super) fn string(&self, name: &str) -> Result<&'n str, JsonError> {
        text(self.required(name)?, || self.path(name))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, JsonError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Node::Bool(value)) => Ok(Some(*value)),
            Some(node) => Err(wrong_type(self.path(name), "a boolean", node)),
        }
    }

    /// A count, from zero up.
    pub(super) fn count(&self, name: &str) -> Result<u64, JsonError> {
        match self.required(name)? {
            Node::Number(Number::Unsigned(value)) => Ok(*value),
            Node::Number(_) => Err(self.invalid(name, "an integer from zero up")),
            node => Err(wrong_type(self.path(name), "a number", node)),
        }
    }

    pub(super) fn optional_count(&self, name: &str) -> Result<Option<u64>, JsonError> {
        let node = self.optional(name);
        node.map(|_| self.count(name)).transpose()
    }

    /// A time, RFC 3339.
    pub(super) fn time(&self, name: &str) -> Result<Time, JsonError> {
        Time::parse_rfc3339(self.string(name)?).map_err(|_| self.invalid(name, "an RFC 3339 date"))
    }

    /// A list of at most `limit` elements.
    pub(super) fn list(&self, name: &str, limit: usize) -> Result<&'n [Node<'n>], JsonError> {
        match self.required(name)? {
            Node::Array(elements) if elements.len() > limit => Err(JsonError::TooMany {
                path: self.path(name),
                limit,
                found: elements.len(),
            }),
            Node::Array(elements) => Ok(elements),
            node => Err(wrong_type(self.path(name), "an array", node)),
        }
    }

    /// A list of at most `limit` objects.
    pub(super) fn object_list(&self, name: &str, limit: usize) -> Result<Vec<Self>, JsonError> {
        let elements = self.list(name, limit)?.iter().enumerate();
        elements
            .map(|(index, node)| Self::new(node, &format!("{}[{index}]", self.path(name))))
            .collect()
    }

    /// A list of at most `limit` strings.
    pub(super) fn string_list(&self, name: &str, limit: usize) -> Result<Vec<&'n str>, JsonError> {
        let elements = self.list(name, limit)?.iter();
        elements
            .map(|node| text(node, || self.path(name)))
            .collect()
    }

    /// The error that a member is not what it should be.
    pub(super) fn invalid(&self, name: &str, expected: &'static str) -> JsonError {
        JsonError::Value {
            path: self.path(name),
            expected,
        }
    }
}

fn text<'n>(node: &'n Node<'n>, path: impl FnOnce() -> String) -> Result<&'n str, JsonError> {
    match node {
        Node::String(text) => Ok(text),
        other => Err(wrong_type(path(), "a string", other)),
    }
}

fn wrong_type(path: String, expected: &'static str, found: &Node<'_>) -> JsonError {
    JsonError::Type {
        path,
        expected,
        found: found.type_name(),
    }
}
