//! A repository as a client sees it: the chain of roots, and what the last of them vouches for.

use signhere_pki::time::Time;
use signhere_verify::tuf::{Metadata, Role, Root, Snapshot, Targets, Timestamp, TopRole};

use super::roots::ReadFile;
use super::{RepositoryError, Roots};

/// The current documents of a repository, each verified.
#[derive(Clone, Debug)]
pub struct View {
    /// The roots from the first one asked for to the current one.
    pub roots: Roots,
    /// Says which snapshot is the latest.
    pub timestamp: Metadata<Timestamp>,
    /// Says which targets metadata is the latest.
    pub snapshot: Metadata<Snapshot>,
    /// Describes the files.
    pub targets: Metadata<Targets>,
}

impl View {
    /// Reads and verifies what a repository has now. Expiry is not checked.
    ///
    /// `first` is the root to begin with, the first one of the repository if not given. `read` gives the bytes of a file
    /// under the repository's root and is told how many it may have; `None` stands for a file that is not there.
    ///
    /// # Errors
    /// [`RepositoryError`] for the first document that is missing or does not hold.
    pub fn read<E: From<RepositoryError>>(
        first: Option<&[u8]>,
        read: &mut ReadFile<'_, E>,
    ) -> Result<Self, E> {
        let roots = Roots::read(first, read)?;
        Self::read_under(roots, read)
    }

    /// Reads and verifies what the last of these roots vouches for.
    pub(super) fn read_under<E: From<RepositoryError>>(
        roots: Roots,
        read: &mut ReadFile<'_, E>,
    ) -> Result<Self, E> {
        let mut require = |name: &str, limit: usize| -> Result<Vec<u8>, E> {
            let bytes = read(name, limit)?;
            Ok(bytes.ok_or_else(|| RepositoryError::missing(name))?)
        };

        let bytes = require(TIMESTAMP, Timestamp::MAX_BYTES)?;
        let timestamp: Metadata<Timestamp> = parse(TIMESTAMP, &bytes)?;
        let described = &timestamp.signed().snapshot;
        let name = format!("{}.snapshot.json", described.version);
        let bytes = require(&name, Snapshot::MAX_BYTES)?;
        let matches = described.check(&name, &bytes);
        matches.map_err(RepositoryError::document(&name))?;
        let snapshot: Metadata<Snapshot> = parse(&name, &bytes)?;
        let matches = snapshot.check_version(described.version);
        matches.map_err(RepositoryError::document(&name))?;

        let described = snapshot.signed().document(TopRole::Targets.name());
        let described = described.map_err(RepositoryError::document(&name))?;
        let name = format!("{}.targets.json", described.version);
        let bytes = require(&name, Targets::MAX_BYTES)?;
        let matches = described.check(&name, &bytes);
        matches.map_err(RepositoryError::document(&name))?;
        let targets: Metadata<Targets> = parse(&name, &bytes)?;
        let matches = targets.check_version(described.version);
        matches.map_err(RepositoryError::document(&name))?;

        let view = Self {
            roots,
            timestamp,
            snapshot,
            targets,
        };
        view.verify_by(view.roots.current().signed())?;
        Ok(view)
    }

    /// Checks that the roles' documents are signed by the keys that `root` lists for them.
    pub(super) fn verify_by(&self, root: &Root) -> Result<(), RepositoryError> {
        use RepositoryError as E;
        let timestamp = root.authority(TopRole::Timestamp);
        let verified = self.timestamp.verify(&timestamp);
        verified.map_err(E::document(TIMESTAMP))?;
        let verified = self.snapshot.verify(&root.authority(TopRole::Snapshot));
        verified.map_err(E::document(&self.snapshot_name()))?;
        let verified = self.targets.verify(&root.authority(TopRole::Targets));
        verified.map_err(E::document(&self.targets_name()))
    }

    /// When each role's document expires.
    pub fn expiries(&self) -> [(TopRole, Time); 4] {
        [
            (TopRole::Root, self.roots.current().expires()),
            (TopRole::Targets, self.targets.expires()),
            (TopRole::Snapshot, self.snapshot.expires()),
            (TopRole::Timestamp, self.timestamp.expires()),
        ]
    }

    pub(super) fn snapshot_name(&self) -> String {
        format!("{}.snapshot.json", self.snapshot.version())
    }

    pub(super) fn targets_name(&self) -> String {
        format!("{}.targets.json", self.targets.version())
    }
}

/// The one document whose name does not change.
pub(super) const TIMESTAMP: &str = "timestamp.json";

fn parse<T: Role>(name: &str, bytes: &[u8]) -> Result<Metadata<T>, RepositoryError> {
    Metadata::parse(bytes).map_err(RepositoryError::document(name))
}
