//! A log that can be asked whether it holds an entry, and that sweeps behind itself: what the signature log and
//! the certificate log have in common.

use std::path::PathBuf;

use signhere_log::merkle::Hash;
use signhere_log::sequencer::{Appended, Sequencer, SequencerConfig, SequencerError, Storage};
use signhere_log::storage::StorageError;

use super::known::Known;
use crate::error::{ServeError, is_full};
use crate::pool::CommitError;
use crate::store::{Place, Sweeper};

/// By what an entry is found; none for what is not to be found.
pub(crate) type Identity = fn(&[u8]) -> Option<Hash>;

/// A sequencer, what it is known to hold, and its sweeper.
pub(crate) struct IndexedLog {
    sequencer: Sequencer,
    /// None before the sequencer is open.
    known: Option<Known>,
    sweeper: Sweeper,
    folder: PathBuf,
    identity: Identity,
}

impl IndexedLog {
    /// The log `name` at `place` in `storage`, and why it has stopped, if it has: on a full disk it cannot be opened
    /// before there is room, and can be read all the same.
    ///
    /// # Errors
    /// Those of [`Sequencer::open`] but for the full disk.
    pub(crate) fn open(
        name: &'static str,
        place: &Place,
        config: SequencerConfig,
        storage: Storage,
        identity: Identity,
    ) -> Result<(Self, Option<CommitError>), ServeError> {
        let mut log = Self {
            sweeper: Sweeper::new(&place.folder, config.layout.kind()),
            sequencer: Sequencer::stopped(config, storage),
            known: None,
            folder: place.folder.clone(),
            identity,
        };
        match log.sequencer.reopen() {
            Ok(()) => log.learn(),
            Err(error @ SequencerError::Storage(StorageError::Io { kind, .. }))
                if is_full(kind) =>
            {
                return Ok((log, Some(error.into())));
            }
            Err(error) => return Err(ServeError::open_log(name, place, &error)),
        }
        Ok((log, None))
    }

    /// The log itself, to be read.
    pub(crate) fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    /// Learns of what was logged without an answer: its batch waited for witnesses, or the storage failed.
    pub(crate) fn catch_up(&mut self) {
        if let Some(known) = &mut self.known {
            known.catch_up(&self.sequencer);
        }
    }

    /// Where the entry is thought to be: the log itself has to confirm it.
    pub(crate) fn find(&self, identity: &Hash) -> Option<u64> {
        self.known.as_ref()?.find(identity)
    }

    /// Appends entries under their identities. See [`Sequencer::append_batch`].
    pub(crate) fn append(
        &mut self,
        entries: Vec<(Hash, Vec<u8>)>,
    ) -> Result<Vec<Appended>, CommitError> {
        let (identities, entries): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let appended = self.sequencer.append_batch(entries)?;
        let indices = appended.iter().map(|appended| appended.index);
        let indices = identities.into_iter().zip(indices);
        if let Some(known) = &mut self.known {
            known.add(indices, self.sequencer.size());
        }
        self.sweep();
        Ok(appended)
    }

    /// Publishes what waits for witnesses.
    pub(crate) fn publish(&mut self) -> Result<(), CommitError> {
        Ok(self.sequencer.publish()?)
    }

    /// See [`crate::pool::Sequence::tend`].
    pub(crate) fn tend(&mut self) -> Result<(), CommitError> {
        self.sweep();
        self.publish()
    }

    /// See [`crate::pool::Sequence::reopen`].
    pub(crate) fn reopen(&mut self) -> Result<(), CommitError> {
        self.sequencer.reopen()?;
        if self.known.is_none() {
            self.learn();
        }
        Ok(())
    }

    /// Opens the cache, which compares itself with the open log.
    fn learn(&mut self) {
        let path = self.folder.join("known.sqlite");
        self.known = Some(Known::open(&path, &self.sequencer, self.identity));
    }

    fn sweep(&mut self) {
        self.sweeper.sweep(self.sequencer.settled_size());
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signhere_log::memory::MemoryStorage;
    use signhere_log::merkle::leaf_hash;
    use signhere_log::note::NoteSigner;
    use signhere_log::storage::Objects;
    use signhere_pki::key::{KeyKind, PrivateKey};

    use super::*;

    const NAME: &str = "log.example";

    /// Objects on a disk that is full until it is told otherwise, and fails in another way if `kind` says so.
    struct Full {
        objects: Arc<dyn Objects>,
        kind: ErrorKind,
        is_full: Arc<AtomicBool>,
    }

    impl Objects for Full {
        fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
            if self.is_full.load(Ordering::Relaxed) {
                return Err(StorageError::Io {
                    operation: "write",
                    path: path.to_owned(),
                    kind: self.kind,
                    message: "no room".to_owned(),
                });
            }
            self.objects.put(path, bytes)
        }

        fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StorageError> {
            self.objects.get(path)
        }

        fn sync(&self) -> Result<(), StorageError> {
            self.objects.sync()
        }
    }

    #[test]
    fn a_log_on_a_full_disk_is_opened_when_there_is_room_and_knows_what_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place {
            folder: dir.path().to_owned(),
            high_water: dir.path().join("mark"),
        };
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        let memory = MemoryStorage::new();
        let is_full = Arc::new(AtomicBool::new(false));
        let open = |kind| {
            let signer = NoteSigner::new(NAME, Box::new(key.clone())).unwrap();
            let storage = Storage {
                objects: Arc::new(Full {
                    objects: Arc::new(memory.objects()),
                    kind,
                    is_full: Arc::clone(&is_full),
                }),
                journal: Box::new(memory.journal()),
                lock: Box::new(memory.lock()),
                high_water: Some(Box::new(memory.high_water())),
            };
            let config = SequencerConfig::new(NAME, signer);
            IndexedLog::open("test", &place, config, storage, |entry| {
                Some(leaf_hash(entry))
            })
        };
        let entry = b"entry".to_vec();
        let hash = leaf_hash(&entry);
        let (mut log, failure) = open(ErrorKind::StorageFull).unwrap();
        assert_eq!(failure, None);
        log.append(vec![(hash, entry)]).unwrap();
        drop(log);

        is_full.store(true, Ordering::Relaxed);
        let reason = "cannot write tile/entries/000.p/1: no room".to_owned();
        let stopped = CommitError::Stopped(reason);
        let (mut log, failure) = open(ErrorKind::StorageFull).unwrap();
        assert_eq!((failure, log.find(&hash)), (Some(stopped.clone()), None));
        let refused = log.append(vec![([0; 32], b"other".to_vec())]).err();
        assert!(matches!(refused, Some(CommitError::Stopped(_))));
        assert_eq!(log.reopen(), Err(stopped));
        is_full.store(false, Ordering::Relaxed);
        assert_eq!(log.reopen(), Ok(()));
        assert_eq!((log.find(&hash), log.sequencer().size()), (Some(0), 1));
        drop(log);

        // What is wrong for good is said at once.
        is_full.store(true, Ordering::Relaxed);
        let refused = ServeError::File {
            action: "write",
            path: "checkpoint".into(),
            kind: ErrorKind::PermissionDenied,
        };
        assert_eq!(open(ErrorKind::PermissionDenied).err(), Some(refused));
    }
}
