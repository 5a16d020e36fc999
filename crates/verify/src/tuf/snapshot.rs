use std::collections::BTreeMap;

use serde_json::Value;

use super::metadata::Document;
use super::object::Object;
use super::{Header, MetaFile, Role, TufError};
use crate::excerpt::excerpt;
use crate::proto_json::JsonError;

/// The most documents that a snapshot describes.
const MAX_DOCUMENTS: usize = 1 << 17;

/// Which versions of the targets metadata belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Version and expiry.
    pub header: Header,
    /// The documents by name: `targets.json`, and one for each delegated role.
    pub meta: BTreeMap<String, MetaFile>,
}

impl Snapshot {
    /// What is said of a role's document.
    ///
    /// # Errors
    /// [`TufError::Json`] when nothing is.
    pub fn document(&self, role: &str) -> Result<&MetaFile, TufError> {
        let name = format!("{role}.json");
        let found = self.meta.get(&name);
        found.ok_or_else(|| {
            TufError::Json(JsonError::Missing {
                path: format!("signed.meta.{}", excerpt(&name)),
            })
        })
    }
}

impl Role for Snapshot {
    const TYPE: &'static str = "snapshot";
    const MAX_BYTES: usize = 4 << 20;

    fn header(&self) -> Header {
        self.header
    }
}

impl Document for Snapshot {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let mut meta = BTreeMap::new();
        for member in object.object("meta")?.objects(MAX_DOCUMENTS)? {
            let (name, file) = member?;
            meta.insert(name.to_owned(), MetaFile::read(&file)?);
        }
        Ok(Self {
            header: Header::read(object)?,
            meta,
        })
    }

    fn to_value(&self) -> Value {
        let mut members = self.header.to_members(Self::TYPE);
        let meta = self.meta.iter();
        let meta = meta.map(|(name, file)| (name.clone(), file.to_value()));
        members.insert("meta".to_owned(), Value::Object(meta.collect()));
        Value::Object(members)
    }
}
