use serde_json::{Value, json};

use super::metadata::Document;
use super::object::Object;
use super::{Authority, Header, Keys, Metadata, Role, RoleKeys, TopRole, TufError};

/// Whose keys the roles are of: what a client begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Version and expiry.
    pub header: Header,
    /// Whether snapshots, targets and files are stored under names with their version or hash.
    pub consistent_snapshot: bool,
    /// The keys of all roles.
    pub keys: Keys,
    /// Who signs the next root.
    pub root: RoleKeys,
    /// Who signs the timestamp.
    pub timestamp: RoleKeys,
    /// Who signs the snapshot.
    pub snapshot: RoleKeys,
    /// Who signs the targets.
    pub targets: RoleKeys,
}

impl Root {
    /// Who may sign a role's document.
    pub fn authority(&self, role: TopRole) -> Authority<'_> {
        Authority {
            role: role.name(),
            keys: &self.keys,
            role_keys: self.role(role),
        }
    }

    /// The keys of a role and its threshold.
    pub fn role(&self, role: TopRole) -> &RoleKeys {
        match role {
            TopRole::Root => &self.root,
            TopRole::Timestamp => &self.timestamp,
            TopRole::Snapshot => &self.snapshot,
            TopRole::Targets => &self.targets,
        }
    }
}

impl Metadata<Root> {
    /// Checks that a root is signed by its own root keys, as the first one of a chain has to be.
    ///
    /// # Errors
    /// [`TufError::Threshold`].
    pub fn verify_self(&self) -> Result<(), TufError> {
        self.verify(&self.signed().authority(TopRole::Root))
    }

    /// Checks that `next` continues this root: the next version, signed by the keys of both
    /// (specification section 5.3). Expiry is not checked: only the last root's counts.
    ///
    /// # Errors
    /// [`TufError::Version`], [`TufError::Threshold`].
    pub fn verify_next(&self, next: &Self) -> Result<(), TufError> {
        next.check_version(self.version().saturating_add(1))?;
        next.verify(&self.signed().authority(TopRole::Root))?;
        next.verify_self()
    }
}

impl Role for Root {
    const TYPE: &'static str = "root";
    const MAX_BYTES: usize = 512 << 10;

    fn header(&self) -> Header {
        self.header
    }
}

impl Document for Root {
    #[expect(private_interfaces, reason = "as in the trait")]
    fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let roles = object.object("roles")?;
        let role = |role: TopRole| RoleKeys::read(&roles.object(role.name())?);
        Ok(Self {
            header: Header::read(object)?,
            consistent_snapshot: object.boolean("consistent_snapshot")?.unwrap_or(false),
            keys: Keys::read(&object.object("keys")?)?,
            root: role(TopRole::Root)?,
            timestamp: role(TopRole::Timestamp)?,
            snapshot: role(TopRole::Snapshot)?,
            targets: role(TopRole::Targets)?,
        })
    }

    fn to_value(&self) -> Value {
        let mut members = self.header.to_members(Self::TYPE);
        let consistent_snapshot = self.consistent_snapshot.into();
        members.insert("consistent_snapshot".to_owned(), consistent_snapshot);
        members.insert("keys".to_owned(), self.keys.to_value());
        let roles = json!({
            "root": self.root.to_value(),
            "timestamp": self.timestamp.to_value(),
            "snapshot": self.snapshot.to_value(),
            "targets": self.targets.to_value(),
        });
        members.insert("roles".to_owned(), roles);
        Value::Object(members)
    }
}
