use serde_json::{Map, Value, json};
use signhere_pki::time::Time;

use super::key::MAX_KEYS;
use super::object::Object;
use super::{KeyId, Keys, SPEC_VERSION, TufError};
use crate::excerpt::excerpt;

/// What every document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The document's version, from 1; it only grows.
    pub version: u64,
    /// When the document ceases to be believed.
    pub expires: Time,
}

/// One of the four roles whose keys the root lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopRole {
    /// Says whose keys the roles are of.
    Root,
    /// Says which snapshot is the latest.
    Timestamp,
    /// Says which versions of the targets belong together.
    Snapshot,
    /// Describes the files.
    Targets,
}

/// The keys of a role by their ids, and how many of them have to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    key_ids: Vec<KeyId>,
    threshold: u32,
}

/// Who may sign a document.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    pub(super) role: &'a str,
    pub(super) keys: &'a Keys,
    pub(super) role_keys: &'a RoleKeys,
}

impl Header {
    /// Whether the document is no longer to be believed at `now`.
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires <= now
    }

    pub(super) fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let spec_version = object.string("spec_version")?;
        if !is_version_1(spec_version) {
            return Err(TufError::SpecVersion {
                found: excerpt(spec_version),
            });
        }
        let version = object.count("version")?;
        if version == 0 {
            return Err(object.invalid("version", "an integer from one up").into());
        }
        Ok(Self {
            version,
            expires: object.time("expires")?,
        })
    }

    /// The members that every document begins with.
    pub(super) fn to_members(self, kind: &str) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("_type".to_owned(), kind.into());
        members.insert("spec_version".to_owned(), SPEC_VERSION.into());
        members.insert("version".to_owned(), self.version.into());
        members.insert("expires".to_owned(), self.expires.to_string().into());
        members
    }
}

impl TopRole {
    /// Every top-level role.
    pub const ALL: [Self; 4] = [Self::Root, Self::Timestamp, Self::Snapshot, Self::Targets];

    /// The role's name: `root`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }
}

impl RoleKeys {
    /// A role of these keys, of which `threshold` have to sign.
    ///
    /// # Errors
    /// [`TufError::NoThreshold`] for zero, [`TufError::DuplicateKey`].
    pub fn new(key_ids: Vec<KeyId>, threshold: u32) -> Result<Self, TufError> {
        Self::checked(key_ids, threshold, || "role".to_owned())
    }

    /// The ids of the keys.
    pub fn key_ids(&self) -> &[KeyId] {
        &self.key_ids
    }

    /// How many distinct keys have to sign.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    pub(super) fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let ids = object.string_list("keyids", MAX_KEYS)?;
        let key_ids = ids.into_iter().map(|id| KeyId(id.to_owned())).collect();
        let threshold = u32::try_from(object.count("threshold")?)
            .map_err(|_| object.invalid("threshold", "a 32-bit integer"))?;
        Self::checked(key_ids, threshold, || object.path("keyids"))
    }

    pub(super) fn to_value(&self) -> Value {
        json!({ "keyids": self.key_id_texts(), "threshold": self.threshold })
    }

    pub(super) fn key_id_texts(&self) -> Vec<&str> {
        self.key_ids.iter().map(KeyId::as_str).collect()
    }

    fn checked(
        key_ids: Vec<KeyId>,
        threshold: u32,
        path: impl FnOnce() -> String,
    ) -> Result<Self, TufError> {
        if threshold == 0 {
            return Err(TufError::NoThreshold { path: path() });
        }
        let mut sorted: Vec<&KeyId> = key_ids.iter().collect();
        sorted.sort_unstable();
        if let Some([id, _]) = sorted
            .windows(2)
            .filter_map(|pair| <[&KeyId; 2]>::try_from(pair).ok())
            .find(|[a, b]| a == b)
        {
            return Err(TufError::DuplicateKey {
                path: path(),
                id: excerpt(id.as_str()),
            });
        }
        Ok(Self { key_ids, threshold })
    }
}

impl<'a> Authority<'a> {
    /// The role's name.
    pub fn role(&self) -> &'a str {
        self.role
    }
}

/// `1.N` or `1.N.N`.
fn is_version_1(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), ["1", _] | ["1", _, _]) && parts.iter().all(|part| is_number(part))
}
