//! The JSON form of protocol buffers, read strictly and in one pass.
//!
//! Accepted, as the format asks: `camelCase` and `snake_case` names, 64-bit integers as
//! numbers or strings, both base64 alphabets with or without padding, enums by name or number,
//! and `null` for an absent field. Refused, because two readers could disagree on it: a field
//! given twice (in either spelling), two members of a oneof, trailing data, a byte order mark,
//! white space inside base64, and anything deeper or larger than its [`Limits`]. Unknown fields
//! are ignored and their names kept.

mod error;
mod integer;
mod message;
mod node;
#[cfg(test)]
mod tests;

pub use error::JsonError;
pub(crate) use message::Message;
pub(crate) use node::{Key, Node, Number, Seed, duplicate, parse_as};

/// The deepest nesting that any document may have.
pub const MAX_DEPTH: usize = 64;

/// The most values (objects, arrays, members' values) that a document may hold.
const MAX_NODES: usize = 1 << 20;

/// The unknown field names that are kept; more are counted as one last line.
const MAX_UNKNOWN_NAMES: usize = 32;

/// Reads one document of at most `max_bytes` bytes whose top value is a message.
///
/// # Errors
/// [`JsonError`] with the place of the first thing refused.
pub(crate) fn document(json: &[u8], max_bytes: usize) -> Result<Message<'_>, JsonError> {
    Message::top(value(json, max_bytes)?)
}

/// The top value of a document: one message, or a list of them.
pub(crate) enum Top<'a> {
    One(Message<'a>),
    Many(Vec<Message<'a>>),
}

/// Reads one document of at most `max_bytes` bytes whose top value is a message or a list of at most `limit`.
///
/// # Errors
/// As [`document`].
pub(crate) fn one_or_many(
    json: &[u8],
    max_bytes: usize,
    limit: usize,
) -> Result<Top<'_>, JsonError> {
    match value(json, max_bytes)? {
        Node::Array(elements) => Message::list(elements, limit).map(Top::Many),
        node => Message::top(node).map(Top::One),
    }
}

/// Reads one document of at most `max_bytes` bytes, whatever its top value is.
///
/// # Errors
/// As [`document`].
pub(crate) fn value(json: &[u8], max_bytes: usize) -> Result<Node<'_>, JsonError> {
    if json.len() > max_bytes {
        return Err(JsonError::TooLarge {
            limit: max_bytes,
            found: json.len(),
        });
    }
    if json.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonError::ByteOrderMark);
    }
    node::parse(json)
}

/// Encodes bytes as ProtoJSON does: standard alphabet, padded.
pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
