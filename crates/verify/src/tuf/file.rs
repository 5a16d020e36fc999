use serde_json::{Map, Value, json};
use signhere_pki::digest::{Digest, HashAlgorithm};

use super::TufError;
use super::object::Object;
use crate::excerpt::excerpt;
use crate::proto_json::JsonError;

/// The most hashes of one file.
const MAX_HASHES: usize = 16;

/// What a timestamp or snapshot says of another document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaFile {
    /// The document's version.
    pub version: u64,
    /// The document's length in bytes, if said.
    pub length: Option<u64>,
    /// The document's hashes by functions that are known here; none if not said.
    pub hashes: Option<Vec<Digest>>,
}

/// What targets metadata says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFile {
    /// The file's length in bytes.
    pub length: u64,
    /// The file's hashes by functions that are known here.
    pub hashes: Vec<Digest>,
}

impl MetaFile {
    /// The description of a document of this version by its length and SHA-256.
    pub fn of(version: u64, bytes: &[u8]) -> Self {
        let file = TargetFile::of(bytes);
        Self {
            version,
            length: Some(file.length),
            hashes: Some(file.hashes),
        }
    }

    /// Checks that `bytes` is the document described, as far as it is described.
    ///
    /// # Errors
    /// [`TufError::Length`], [`TufError::Hash`], [`TufError::NoHash`].
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<(), TufError> {
        if let Some(length) = self.length {
            check_length(name, length, bytes)?;
        }
        match &self.hashes {
            Some(hashes) => check_hashes(name, hashes, bytes),
            None => Ok(()),
        }
    }

    pub(super) fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let version = object.count("version")?;
        if version == 0 {
            return Err(object.invalid("version", "an integer from one up").into());
        }
        let hashes = object.optional_object("hashes")?;
        Ok(Self {
            version,
            length: object.optional_count("length")?,
            hashes: hashes.map(|hashes| read_hashes(&hashes)).transpose()?,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut members = Map::new();
        members.insert("version".to_owned(), self.version.into());
        if let Some(length) = self.length {
            members.insert("length".to_owned(), length.into());
        }
        if let Some(hashes) = &self.hashes {
            members.insert("hashes".to_owned(), hashes_value(hashes));
        }
        Value::Object(members)
    }
}

impl TargetFile {
    /// The description of a file by its length and SHA-256.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: length(bytes),
            hashes: vec![HashAlgorithm::Sha256.digest(bytes)],
        }
    }

    /// Checks that `bytes` is the file described; `name` is for the error.
    ///
    /// # Errors
    /// [`TufError::Length`], [`TufError::Hash`], [`TufError::NoHash`].
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<(), TufError> {
        check_length(name, self.length, bytes)?;
        check_hashes(name, &self.hashes, bytes)
    }

    pub(super) fn read(object: &Object<'_>) -> Result<Self, TufError> {
        Ok(Self {
            length: object.count("length")?,
            hashes: read_hashes(&object.object("hashes")?)?,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        json!({ "length": self.length, "hashes": hashes_value(&self.hashes) })
    }
}

/// Every hash has to be the file's, and one at least has to be known.
fn check_hashes(name: &str, hashes: &[Digest], bytes: &[u8]) -> Result<(), TufError> {
    if hashes.is_empty() {
        return Err(TufError::NoHash {
            file: excerpt(name),
        });
    }
    for expected in hashes {
        let algorithm = expected.algorithm();
        if algorithm.digest(bytes) != *expected {
            return Err(TufError::Hash {
                file: excerpt(name),
                algorithm,
            });
        }
    }
    Ok(())
}

fn check_length(name: &str, expected: u64, bytes: &[u8]) -> Result<(), TufError> {
    let found = length(bytes);
    if found == expected {
        return Ok(());
    }
    Err(TufError::Length {
        file: excerpt(name),
        expected,
        found,
    })
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Hashes by functions that are not known say nothing here.
fn read_hashes(object: &Object<'_>) -> Result<Vec<Digest>, JsonError> {
    let mut hashes = Vec::new();
    for member in object.strings().take(MAX_HASHES) {
        let (name, hex) = member?;
        let Some(algorithm) = HashAlgorithm::from_name(name) else {
            continue;
        };
        let digest = Digest::from_hex(algorithm, hex);
        hashes.push(digest.map_err(|_| object.invalid(name, "a hexadecimal digest"))?);
    }
    Ok(hashes)
}

fn hashes_value(hashes: &[Digest]) -> Value {
    let members = hashes.iter();
    Value::Object(
        members
            .map(|digest| (digest.algorithm().name().to_owned(), digest.hex().into()))
            .collect(),
    )
}
