use super::{MAX_HEADERS, MAX_MERGETAGS, ObjectFormat, ObjectId, ObjectKind};

/// Why bytes are not taken for a commit or a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// More bytes than are read.
    #[error("object of {found} bytes, at most {max} are read")]
    TooLong {
        /// The length found.
        found: usize,
        /// The largest length.
        max: usize,
    },
    /// An object of a kind that is never signed.
    #[error("a {found}, which carries no signature")]
    Kind {
        /// The kind.
        found: ObjectKind,
    },
    /// Neither a commit nor a tag begins so.
    #[error("neither a commit nor a tag")]
    Unknown,
    /// A loose object of another length than its header says.
    #[error("loose object of {found} bytes, its header says {expected:?}")]
    Length {
        /// What the header says.
        expected: String,
        /// The length found.
        found: usize,
    },
    /// The object ends within a header.
    #[error("the object ends within the header at byte {at}")]
    Unended {
        /// Where the line begins.
        at: usize,
    },
    /// A line that is no header.
    #[error("the line at byte {at} is not a header")]
    Line {
        /// Where it begins.
        at: usize,
    },
    /// More headers than an object may have.
    #[error("more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    /// More embedded tags than a commit may have.
    #[error("more than {MAX_MERGETAGS} embedded tags")]
    TooManyMergetags,
    /// A header that must be there is not, or not in its place.
    #[error("no header {name} where it has to be")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A header again, or in a place that is not its own.
    #[error("header {name} twice or out of its place")]
    Misplaced {
        /// Its name.
        name: String,
    },
    /// A header whose value is not of its form.
    #[error("header {name} is malformed")]
    Value {
        /// Its name.
        name: String,
    },
    /// Names of objects by two hash functions.
    #[error("{found} in an object of the format {expected}")]
    Formats {
        /// The format of the first.
        expected: ObjectFormat,
        /// One of another.
        found: ObjectId,
    },
}
