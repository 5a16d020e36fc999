use serde_json::{Value, json};

use super::metadata::Document;
use super::object::Object;
use super::{Header, MetaFile, Role, TufError};

/// The name that a timestamp describes the snapshot by.
const SNAPSHOT: &str = "snapshot.json";

/// Which snapshot is the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Version and expiry.
    pub header: Header,
    /// The latest snapshot.
    pub snapshot: MetaFile,
}

impl Role for Timestamp {
    const TYPE: &'static str = "timestamp";
    const MAX_BYTES: usize = 64 << 10;

    fn header(&self) -> Header {
        self.header
    }
}

impl Document for Timestamp {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let meta = object.object("meta")?;
        Ok(Self {
            header: Header::read(object)?,
            snapshot: MetaFile::read(&meta.object(SNAPSHOT)?)?,
        })
    }

    fn to_value(&self) -> Value {
        let mut members = self.header.to_members(Self::TYPE);
        let meta = json!({ SNAPSHOT: self.snapshot.to_value() });
        members.insert("meta".to_owned(), meta);
        Value::Object(members)
    }
}
