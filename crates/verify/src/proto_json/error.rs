/// What made a JSON document unacceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The document is larger than its limit, in bytes.
    #[error("the document is {found} bytes long, more than {limit}")]
    TooLarge {
        /// The limit.
        limit: usize,
        /// The size found.
        found: usize,
    },
    /// The document starts with a byte order mark (RFC 8259, section 8.1).
    #[error("the document starts with a byte order mark")]
    ByteOrderMark,
    /// The text is not JSON (RFC 8259).
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The text ends inside a value.
    #[error("the JSON ends too early, at line {line}, column {column}")]
    Truncated {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Something follows the document's value.
    #[error("data follows the JSON value, at line {line}, column {column}")]
    TrailingData {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Values are nested more deeply than the limit.
    #[error("values are nested more than {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The document holds more values than the limit.
    #[error("the document holds more than {limit} values")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// A name occurs twice in one object, in either spelling.
    #[error("`{name}` is given twice")]
    Duplicate {
        /// The name, or its path where known.
        name: String,
    },
    /// A value has another type than its field.
    #[error("`{path}` is {found}, not {expected}")]
    Type {
        /// The field.
        path: String,
        /// The type the field has.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// A field without which the message means nothing is absent or empty.
    #[error("`{path}` is missing")]
    Missing {
        /// The field.
        path: String,
    },
    /// A list is longer than its limit.
    #[error("`{path}` has {found} elements, more than {limit}")]
    TooMany {
        /// The list.
        path: String,
        /// The limit.
        limit: usize,
        /// The length found.
        found: usize,
    },
    /// Two members of a oneof are set.
    #[error("`{first}` and `{second}` exclude each other")]
    OneOf {
        /// The member named first.
        first: String,
        /// The other member.
        second: String,
    },
    /// A value is not one that its field can hold (base64, integer range, enum name, date).
    #[error("`{path}` is not {expected}")]
    Value {
        /// The field.
        path: String,
        /// What it should be.
        expected: &'static str,
    },
}
