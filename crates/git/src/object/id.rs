use std::fmt;
use std::str::FromStr;

use signhere_pki::digest;

/// The hash function by which a repository names its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectFormat {
    /// SHA-1: names, and nothing that a signature rests on.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
    /// A folder.
    Tree,
    /// A file's content.
    Blob,
}

/// The name of an object: a digest of its kind, length and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectId {
    /// In a repository of the format `sha1`.
    Sha1([u8; 20]),
    /// In a repository of the format `sha256`.
    Sha256([u8; 32]),
}

/// A text that is no object's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object's name is 40 or 64 lower-case hexadecimal digits")]
pub struct ObjectIdError;

impl ObjectFormat {
    /// Returns git's name for it: `sha1` or `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The format that a commit's signature header is for.
    pub(super) fn of_signature_header(name: &str) -> Option<Self> {
        match name {
            "gpgsig" => Some(Self::Sha1),
            "gpgsig-sha256" => Some(Self::Sha256),
            _ => None,
        }
    }
}

impl fmt::Display for ObjectFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ObjectKind {
    /// Returns git's name for it: `commit`, `tag`, `tree` or `blob`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tag => "tag",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }

    /// Returns the kind that git calls so.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut kinds = [Self::Commit, Self::Tag, Self::Tree, Self::Blob].into_iter();
        kinds.find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ObjectId {
    /// Returns the name of the object of this kind with these bytes.
    pub fn of(format: ObjectFormat, kind: ObjectKind, bytes: &[u8]) -> Self {
        let header = format!("{kind} {}\0", bytes.len());
        let parts = [header.as_bytes(), bytes];
        match format {
            ObjectFormat::Sha1 => Self::Sha1(digest::sha1(&parts)),
            ObjectFormat::Sha256 => Self::Sha256(digest::sha256_of_parts(&parts)),
        }
    }

    /// Returns the name that stands for no object in places where git writes one.
    pub fn zero(format: ObjectFormat) -> Self {
        match format {
            ObjectFormat::Sha1 => Self::Sha1([0; 20]),
            ObjectFormat::Sha256 => Self::Sha256([0; 32]),
        }
    }

    /// Tells whether it stands for no object.
    pub fn is_zero(&self) -> bool {
        self.as_bytes().iter().all(|byte| *byte == 0)
    }

    /// Returns the hash function.
    pub fn format(&self) -> ObjectFormat {
        match self {
            Self::Sha1(_) => ObjectFormat::Sha1,
            Self::Sha256(_) => ObjectFormat::Sha256,
        }
    }

    /// Returns the digest.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }
}

impl fmt::Display for ObjectId {
    /// In lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = ObjectIdError;

    fn from_str(text: &str) -> Result<Self, ObjectIdError> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(ObjectIdError);
        }
        let mut id = match text.len() {
            40 => Self::zero(ObjectFormat::Sha1),
            64 => Self::zero(ObjectFormat::Sha256),
            _ => return Err(ObjectIdError),
        };
        let bytes: &mut [u8] = match &mut id {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        };
        hex::decode_to_slice(text, bytes).map_err(|_| ObjectIdError)?;
        Ok(id)
    }
}
