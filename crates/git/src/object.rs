//! Commits and tags, read from their own bytes and never written anew.
//!
//! What git signs is the object without its signature. Every byte of that counts, so this keeps the object as it came
//! and only says which parts of it are what. What git and other readers could understand differently is refused: a
//! header twice, headers in another order, text outside of the headers' form (CVE-2026-44309).

mod error;
mod header;
mod id;
mod person;

use std::borrow::Cow;
use std::ops::Range;

pub use error::ObjectError;
pub use id::{ObjectFormat, ObjectId, ObjectIdError, ObjectKind};
pub use person::Person;

/// The largest object that is parsed, in bytes.
pub const MAX_OBJECT_LEN: usize = 64 << 20;
/// The most header lines with a name that an object may have.
pub const MAX_HEADERS: usize = 1024;
/// The most signed tags that a merge commit may embed.
pub const MAX_MERGETAGS: usize = 128;

/// The lines by which git knows where a tag's signature begins.
const ARMORS: [&[u8]; 4] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
];

/// A commit or a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    kind: ObjectKind,
    format: ObjectFormat,
    bytes: Vec<u8>,
    /// The commit's tree, or what the tag is of.
    target: (ObjectKind, ObjectId),
    parents: Vec<ObjectId>,
    author: Option<Person>,
    /// Of a tag: who tagged.
    committer: Option<Person>,
    name: Option<String>,
    /// Where the message begins; a tag's ends with the signature.
    message: Range<usize>,
    /// The parts that are signed.
    signed: Vec<Range<usize>>,
    /// By the format that they are of.
    signatures: Vec<(ObjectFormat, Vec<u8>)>,
    mergetags: Vec<Vec<u8>>,
}

impl Object {
    /// Parses the bytes of a commit or a tag, without git's loose-object header.
    ///
    /// # Errors
    /// [`ObjectError`] when they are not of git's form, or could be understood in two ways.
    pub fn parse(kind: ObjectKind, bytes: impl Into<Vec<u8>>) -> Result<Self, ObjectError> {
        let bytes = bytes.into();
        if bytes.len() > MAX_OBJECT_LEN {
            return Err(ObjectError::TooLong {
                found: bytes.len(),
                max: MAX_OBJECT_LEN,
            });
        }
        match kind {
            ObjectKind::Commit => Self::commit(bytes),
            ObjectKind::Tag => Self::tag(bytes),
            ObjectKind::Tree | ObjectKind::Blob => Err(ObjectError::Kind { found: kind }),
        }
    }

    /// Parses an object whose kind is told from its content, with or without the header of a loose object.
    ///
    /// # Errors
    /// [`ObjectError`] as [`Self::parse`], and when it is neither a commit nor a tag.
    pub fn parse_any(bytes: &[u8]) -> Result<Self, ObjectError> {
        let (kind, content) = header::kind_of(bytes)?;
        Self::parse(kind, content)
    }

    /// Returns what bytes are and how they are named, as far as their beginning tells, for objects that cannot be parsed:
    /// by SHA-256 where their first header names another object so.
    pub fn identify(bytes: &[u8]) -> Option<(ObjectKind, ObjectId)> {
        let (kind, content) = header::kind_of(bytes).ok()?;
        let line = content
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let name = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        let format = match name.len() {
            64 => ObjectFormat::Sha256,
            _ => ObjectFormat::Sha1,
        };
        Some((kind, ObjectId::of(format, kind, content)))
    }

    /// Returns the kind.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// Returns the hash function by which the object names others.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Returns the object's name, computed.
    pub fn id(&self) -> ObjectId {
        ObjectId::of(self.format, self.kind, &self.bytes)
    }

    /// Returns the whole object as it came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns what is signed: the object without any signature header, and a tag without the last armor.
    pub fn payload(&self) -> Cow<'_, [u8]> {
        match self.signed.as_slice() {
            [only] => Cow::Borrowed(self.part(only)),
            parts => Cow::Owned(
                parts
                    .iter()
                    .flat_map(|part| self.part(part))
                    .copied()
                    .collect(),
            ),
        }
    }

    /// Returns the signature over the object as it is in this format, as it was armored.
    ///
    /// An object may carry a second signature for a repository that is converted to the other hash function.
    pub fn signature(&self, format: ObjectFormat) -> Option<&[u8]> {
        let mut signatures = self.signatures.iter();
        let found = signatures.find(|(of, _)| *of == format);
        found.map(|(_, armor)| armor.as_slice())
    }

    /// Returns the signature that git checks in a repository of this object's own format.
    pub fn own_signature(&self) -> Option<&[u8]> {
        self.signature(self.format)
    }

    /// Returns the signed tags that a merge commit embeds, as tag objects of their own; not parsed.
    pub fn mergetags(&self) -> &[Vec<u8>] {
        &self.mergetags
    }

    /// Returns who wrote the commit; `None` for tags.
    pub fn author(&self) -> Option<&Person> {
        self.author.as_ref()
    }

    /// Returns who committed, or who tagged: tags of long ago may name nobody.
    pub fn committer(&self) -> Option<&Person> {
        self.committer.as_ref()
    }

    /// Returns the commit's parents, in order; none for tags.
    pub fn parents(&self) -> &[ObjectId] {
        &self.parents
    }

    /// Returns the commit's tree; `None` for tags.
    pub fn tree(&self) -> Option<&ObjectId> {
        (self.kind == ObjectKind::Commit).then_some(&self.target.1)
    }

    /// Returns what the tag is of; `None` for commits.
    pub fn target(&self) -> Option<(ObjectKind, &ObjectId)> {
        (self.kind == ObjectKind::Tag).then_some((self.target.0, &self.target.1))
    }

    /// Returns the tag's own name, such as `v1.0`; `None` for commits.
    pub fn tag_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the message, without the signature that ends a tag. It may hold anything.
    pub fn message(&self) -> &[u8] {
        self.part(&self.message)
    }

    fn commit(bytes: Vec<u8>) -> Result<Self, ObjectError> {
        let (headers, message) = header::read(&bytes)?;
        let mut rest = headers.as_slice();
        let tree = header::take(&mut rest, "tree")?.id(&bytes)?;
        let mut parents = Vec::new();
        while let [first, others @ ..] = rest
            && first.name == "parent"
        {
            parents.push(first.id(&bytes)?);
            rest = others;
        }
        let author = header::take(&mut rest, "author")?.person(&bytes)?;
        let committer = header::take(&mut rest, "committer")?.person(&bytes)?;
        if let Some(parent) = parents.iter().find(|id| id.format() != tree.format()) {
            return Err(ObjectError::Formats {
                expected: tree.format(),
                found: *parent,
            });
        }
        header::refuse(rest, &["tree", "parent", "author", "committer"])?;
        header::refuse_twice(rest, &["encoding", "gpgsig", "gpgsig-sha256"])?;

        let mut signatures = Vec::new();
        let mut mergetags = Vec::new();
        for header in rest {
            if let Some(format) = ObjectFormat::of_signature_header(&header.name) {
                signatures.push((format, header.unfolded(&bytes)));
            } else if header.name == "mergetag" {
                if mergetags.len() == MAX_MERGETAGS {
                    return Err(ObjectError::TooManyMergetags);
                }
                mergetags.push(header.unfolded(&bytes));
            }
        }
        let signed = header::without_signatures(rest, 0..bytes.len());
        Ok(Self {
            kind: ObjectKind::Commit,
            format: tree.format(),
            target: (ObjectKind::Tree, tree),
            parents,
            author: Some(author),
            committer: Some(committer),
            name: None,
            message: message..bytes.len(),
            signed,
            signatures,
            mergetags,
            bytes,
        })
    }

    fn tag(bytes: Vec<u8>) -> Result<Self, ObjectError> {
        let (headers, message) = header::read(&bytes)?;
        let mut rest = headers.as_slice();
        let target = header::take(&mut rest, "object")?.id(&bytes)?;
        let kind = header::take(&mut rest, "type")?.kind(&bytes)?;
        let name = header::take(&mut rest, "tag")?.text(&bytes)?;
        let mut tagger = None;
        if let [first, others @ ..] = rest
            && first.name == "tagger"
        {
            tagger = Some(first.person(&bytes)?);
            rest = others;
        }
        header::refuse(rest, &["object", "type", "tag", "tagger"])?;
        header::refuse_twice(rest, &["gpgsig", "gpgsig-sha256"])?;

        let format = target.format();
        let mut signatures = Vec::new();
        for header in rest {
            match ObjectFormat::of_signature_header(&header.name) {
                // A tag's own signature ends it, and one in its headers is for the other format.
                Some(of) if of == format => return Err(header.misplaced()),
                Some(of) => signatures.push((of, header.unfolded(&bytes))),
                None => {}
            }
        }
        let end = last_armor(&bytes, message);
        if let Some(armor) = bytes.get(end..).filter(|armor| !armor.is_empty()) {
            signatures.push((format, armor.to_vec()));
        }
        let signed = header::without_signatures(rest, 0..end);
        Ok(Self {
            kind: ObjectKind::Tag,
            format,
            target: (kind, target),
            parents: Vec::new(),
            author: None,
            committer: tagger,
            name: Some(name),
            message: message..end,
            signed,
            signatures,
            mergetags: Vec::new(),
            bytes,
        })
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

/// Where the last line begins that begins an armor: the end where there is none.
fn last_armor(bytes: &[u8], message: usize) -> usize {
    let mut found = bytes.len();
    let mut line = message;
    while let Some(rest) = bytes.get(line..).filter(|rest| !rest.is_empty()) {
        if ARMORS.iter().any(|armor| rest.starts_with(armor)) {
            found = line;
        }
        line = match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => line.saturating_add(end).saturating_add(1),
            None => bytes.len(),
        };
    }
    found
}

#[cfg(test)]
mod tests;
