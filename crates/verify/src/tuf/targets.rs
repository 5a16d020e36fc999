use std::collections::BTreeMap;

use serde_json::Value;

use super::metadata::Document;
use super::object::Object;
use super::{Delegations, Header, Role, TargetFile, TufError};

/// The most files that one document describes.
const MAX_TARGETS: usize = 1 << 17;

/// What files there are, and who else may say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// Version and expiry.
    pub header: Header,
    /// The files by path.
    pub targets: BTreeMap<String, TargetFile>,
    /// Who else describes files; never written by this program.
    pub delegations: Option<Delegations>,
}

impl Role for Targets {
    const TYPE: &'static str = "targets";
    const MAX_BYTES: usize = 8 << 20;

    fn header(&self) -> Header {
        self.header
    }
}

impl Document for Targets {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let mut targets = BTreeMap::new();
        for member in object.object("targets")?.objects(MAX_TARGETS)? {
            let (path, file) = member?;
            targets.insert(path.to_owned(), TargetFile::read(&file)?);
        }
        let delegations = object.optional_object("delegations")?;
        Ok(Self {
            header: Header::read(object)?,
            targets,
            delegations: delegations
                .map(|delegations| Delegations::read(&delegations))
                .transpose()?,
        })
    }

    fn to_value(&self) -> Value {
        let mut members = self.header.to_members(Self::TYPE);
        let targets = self.targets.iter();
        let targets = targets.map(|(path, file)| (path.clone(), file.to_value()));
        members.insert("targets".to_owned(), Value::Object(targets.collect()));
        if let Some(delegations) = &self.delegations {
            members.insert("delegations".to_owned(), delegations.to_value());
        }
        Value::Object(members)
    }
}
