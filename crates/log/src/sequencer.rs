//! The sequencer: takes entries in batches, and answers for each once it is durable and under a signed checkpoint.
//!
//! A batch goes through four steps. A crash between any two loses nothing that was answered:
//!
//! 1. its write-ahead record is appended to the journal;
//! 2. the lock moves from the old checkpoint to the new one: the commit point. The high-water mark follows;
//! 3. the tiles that it changed are put;
//! 4. the new checkpoint is published, once its witnesses have cosigned it.
//!
//! Now and then the tiles are synced, and only then the journal is cleared. [`Sequencer::open`] takes the
//! lock for the truth and applies what the journal still holds; see the module `recovery`.

mod recovery;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature::{Cosign, CosignError};
use crate::layout::Layout;
use crate::merkle::{EMPTY_ROOT, Hash};
use crate::note::NoteSigner;
use crate::proof;
use crate::reader::{LogReader, ReadError};
use crate::record::{Batch, RecordError};
use crate::static_ct;
use crate::storage::{Journal, Lock, Objects, StorageError};
use crate::tile::{CHECKPOINT_PATH, TileError, TileId, WIDTH};
use crate::tree::{NotKept, Tree};

/// What a log is. The origin, the key and the layout never change in a log's life.
pub struct SequencerConfig {
    /// The first line of the log's checkpoints.
    pub origin: String,
    /// Signs the checkpoints.
    pub signer: NoteSigner,
    /// The form of the entries.
    pub layout: Layout,
    /// Who confirms a checkpoint before it is published; nobody, if none.
    pub cosigner: Option<Box<dyn Cosign>>,
    /// Sync the tiles and clear the journal after this many batches.
    pub clear_after_batches: u32,
    /// The same, after this many bytes of records.
    pub clear_after_bytes: u64,
}

impl SequencerConfig {
    /// A log of entries with this origin and key, its journal cleared every 64 batches or 16 MiB.
    pub fn new(origin: impl Into<String>, signer: NoteSigner) -> Self {
        Self {
            origin: origin.into(),
            signer,
            layout: Layout::Entries,
            cosigner: None,
            clear_after_batches: 64,
            clear_after_bytes: 16 << 20,
        }
    }
}

impl fmt::Debug for SequencerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequencerConfig")
            .field("origin", &self.origin)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// Where a log lives.
pub struct Storage {
    /// The tiles and the published checkpoint.
    pub objects: Arc<dyn Objects>,
    /// The write-ahead records.
    pub journal: Box<dyn Journal>,
    /// The checkpoint that counts.
    pub lock: Box<dyn Lock>,
    /// The last checkpoint that may have been seen, kept apart from the rest: what was restored from an
    /// older copy is known by it. Without it nothing tells an older copy from the log.
    pub high_water: Option<Box<dyn Lock>>,
}

/// The one writer of a log.
pub struct Sequencer {
    config: SequencerConfig,
    storage: Storage,
    reader: LogReader,
    state: State,
    published: Published,
    journal: JournalFill,
    /// The size at which the tiles were last synced and the journal cleared.
    synced: u64,
    /// Set while storage is behind or ahead of `state`; stays set when a write failed.
    stopped: bool,
}

impl Sequencer {
    /// The log in `storage`, recovered to the lock's checkpoint; a new, empty log if `storage` is empty.
    ///
    /// # Errors
    /// The storage failed, or does not hold one history of this log: then nothing has been changed.
    pub fn open(config: SequencerConfig, storage: Storage) -> Result<Self, SequencerError> {
        let mut log = Self::stopped(config, storage);
        log.reopen()?;
        Ok(log)
    }

    /// The log in `storage` as if it had stopped: nothing is read yet, everything is refused until [`Self::reopen`]
    /// succeeds, which may be tried again and again. Until then its size is none.
    pub fn stopped(config: SequencerConfig, storage: Storage) -> Self {
        let reader = LogReader::new(Arc::clone(&storage.objects), config.layout);
        Self {
            config,
            storage,
            reader,
            synced: 0,
            state: State::empty(),
            published: Published::none(),
            journal: JournalFill::default(),
            stopped: true,
        }
    }

    /// Opens the log again after its storage failed, without letting go of it. Does nothing unless the log
    /// has stopped.
    ///
    /// # Errors
    /// As [`Self::open`]; the log stays stopped, and this may be tried again.
    pub fn reopen(&mut self) -> Result<(), SequencerError> {
        if !self.stopped {
            return Ok(());
        }
        let (state, published) = recovery::recover(&self.config, &mut self.storage, &self.reader)?;
        self.synced = state.tree.size();
        self.state = state;
        self.published = published;
        self.journal = JournalFill::default();
        self.stopped = false;
        Ok(())
    }

    /// Appends `entries` in this order, from index [`Self::size`] on. When it returns, they are durable
    /// and under a signed, published checkpoint, and each answer proves it.
    ///
    /// # Errors
    /// An entry is malformed, the batch too large or the key refuses: nothing is changed. With
    /// [`SequencerError::Unwitnessed`] nothing is changed, or the entries are durable but not published
    /// yet: [`Self::size`] tells, and [`Self::publish`] tries again. When the storage fails, the batch may or may not be in the log, and every later
    /// call is refused with [`SequencerError::Stopped`]: only [`Self::reopen`] finds out.
    pub fn append_batch(&mut self, entries: Vec<Vec<u8>>) -> Result<Vec<Appended>, SequencerError> {
        if self.stopped {
            return Err(SequencerError::Stopped);
        }
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        // At most one batch is ever durable without being published.
        self.publish()?;
        let next = self.state.extended(&self.config, &entries)?;
        let mut answers = next.answers(self.state.tree.size())?;
        let record = Batch {
            old_size: self.state.tree.size(),
            old_root: self.state.root,
            new_size: next.tree.size(),
            new_root: next.root,
            entries,
        };
        let record = record.encode()?;

        self.stopped = true;
        self.storage.journal.append(&record)?;
        let old = self.state.checkpoint.as_bytes();
        let new = next.checkpoint.as_bytes();
        self.storage.lock.replace(Some(old), new)?;
        if let Some(mark) = &mut self.storage.high_water {
            mark.replace(Some(old), new)?;
        }
        next.put_tiles(self.config.layout, self.storage.objects.as_ref())?;
        self.state = next;
        self.state.forget_filled();
        self.published.is_pending = true;
        self.journal.add(&record);
        self.stopped = false;

        self.publish()?;
        self.stopped = true;
        if self.journal.is_due(&self.config) {
            self.storage.objects.sync()?;
            self.storage.journal.clear()?;
            self.journal = JournalFill::default();
            self.synced = self.state.tree.size();
        }
        self.stopped = false;
        for answer in &mut answers {
            answer.checkpoint = Arc::clone(&self.published.note);
        }
        Ok(answers)
    }

    /// Publishes the checkpoint of all entries, cosigned, if it is not published yet.
    ///
    /// # Errors
    /// [`SequencerError::Unwitnessed`] leaves what was published before; the storage failed, as in
    /// [`Self::append_batch`].
    pub fn publish(&mut self) -> Result<(), SequencerError> {
        if self.stopped {
            return Err(SequencerError::Stopped);
        }
        if !self.is_pending() {
            return Ok(());
        }
        let size = self.state.tree.size();
        let mut note = self.state.checkpoint.to_string();
        if let Some(cosigner) = &mut self.config.cosigner {
            let consistency = |old| self.reader.consistency(old, size);
            note.extend(cosigner.cosign(&self.state.checkpoint, size, &consistency)?);
        }
        self.stopped = true;
        self.storage.objects.put(CHECKPOINT_PATH, note.as_bytes())?;
        self.published = Published {
            size,
            root: self.state.root,
            note: note.into(),
            is_pending: false,
        };
        self.stopped = false;
        Ok(())
    }

    /// Whether [`Self::publish`] has something to do: the last checkpoint still waits for its witnesses.
    pub fn is_pending(&self) -> bool {
        self.published.is_pending
    }

    /// The published checkpoint: a signed note. Empty while the first one still waits for its witnesses.
    pub fn checkpoint(&self) -> &Arc<str> {
        &self.published.note
    }

    /// The number of entries, published or not.
    pub fn size(&self) -> u64 {
        self.state.tree.size()
    }

    /// The number of entries under the published checkpoint.
    pub fn published_size(&self) -> u64 {
        self.published.size
    }

    /// The number of entries that are published and whose tiles survive a crash without the journal. The
    /// partial tiles of what is full at this size are never asked for again, not even by a recovery.
    pub fn settled_size(&self) -> u64 {
        self.synced.min(self.published.size)
    }

    /// The root of the Merkle tree of all entries.
    pub fn root(&self) -> Hash {
        self.state.root
    }

    /// Whether the storage failed, so that only [`Self::reopen`] can go on.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Reads the log's tiles, apart from the sequencer.
    pub fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// Entry `index`.
    ///
    /// # Errors
    /// Those of [`LogReader::entry`].
    pub fn read_entry(&self, index: u64) -> Result<Vec<u8>, SequencerError> {
        Ok(self.reader.entry(index, self.size())?)
    }

    /// The leaf hash of entry `index`.
    ///
    /// # Errors
    /// Those of [`LogReader::leaf_hash`].
    pub fn leaf_hash(&self, index: u64) -> Result<Hash, SequencerError> {
        Ok(self.reader.leaf_hash(index, self.size())?)
    }

    /// The proof that entry `index` is under the published checkpoint.
    ///
    /// # Errors
    /// Those of [`LogReader::inclusion`]; an entry that is not published yet is beyond the log.
    pub fn prove(&self, index: u64) -> Result<Appended, SequencerError> {
        Ok(Appended {
            index,
            tree_size: self.published.size,
            root: self.published.root,
            proof: self.reader.inclusion(index, self.published.size)?,
            checkpoint: Arc::clone(&self.published.note),
        })
    }
}

/// Where an entry is in the log, and the proof of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The entry's index, from zero.
    pub index: u64,
    /// The size of the tree that the proof is for.
    pub tree_size: u64,
    /// The root of that tree.
    pub root: Hash,
    /// The inclusion proof (RFC 9162 section 2.1.3).
    pub proof: Vec<Hash>,
    /// The signed checkpoint of that tree.
    pub checkpoint: Arc<str>,
}

/// Why a log cannot be opened or extended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SequencerError {
    /// Entry number `position` of the batch cannot be logged.
    #[error("entry {position} of the batch: {error}")]
    Entry {
        /// The entry's position in the batch, from zero.
        position: usize,
        /// What is wrong with it.
        error: TileError,
    },
    /// The log cannot have that many entries.
    #[error("the log is full at {size} entries")]
    Full {
        /// The log's size.
        size: u64,
    },
    /// Storage failed in an earlier call; the log has to be opened again.
    #[error("the log stopped after a storage failure and has to be opened again")]
    Stopped,
    /// There are tiles, a checkpoint or records, but no lock: it must be found again, never made anew.
    #[error("{found} is there, but the log's lock is missing")]
    LockMissing {
        /// What there is.
        found: String,
    },
    /// The lock's checkpoint is not one of this log and key.
    #[error("the lock's checkpoint: {0}")]
    LockCheckpoint(CheckpointError),
    /// The published checkpoint is not one of this log and key.
    #[error("the published checkpoint: {0}")]
    PublishedCheckpoint(CheckpointError),
    /// The witnesses have not cosigned: the entries are durable, but under no published checkpoint yet.
    #[error(transparent)]
    Unwitnessed(#[from] CosignError),
    /// The log has entries, but its high-water mark is not where it is kept.
    #[error("the log has {size} entries, but its high-water mark is missing")]
    HighWaterMissing {
        /// The lock's size.
        size: u64,
    },
    /// The high-water mark is not a checkpoint of this log and key.
    #[error("the high-water mark: {0}")]
    HighWaterMark(CheckpointError),
    /// The stored log is older than what has been signed: it was restored from an older copy.
    #[error("a checkpoint of {marked} entries has been signed, but the log stands at {lock}")]
    RolledBack {
        /// The size of the high-water mark.
        marked: u64,
        /// The lock's size.
        lock: u64,
    },
    /// More has been published than the lock knows of: the lock is older than the log.
    #[error("{published} entries are published, but the lock stands at {lock}")]
    StorageAhead {
        /// The published size.
        published: u64,
        /// The lock's size.
        lock: u64,
    },
    /// The same size, but two roots.
    #[error("two histories: the trees of {size} entries differ")]
    Fork {
        /// The size.
        size: u64,
        /// The root that the lock, or what follows from it, asks for.
        expected: Hash,
        /// The other root.
        found: Hash,
    },
    /// Tiles and journal end before the lock's checkpoint.
    #[error("the lock stands at {lock} entries, but tiles and journal end at {reached}")]
    Behind {
        /// The lock's size.
        lock: u64,
        /// How far the stored log goes.
        reached: u64,
    },
    /// A journal record that the lock has committed cannot be read.
    #[error("journal record {position}: {error}")]
    Record {
        /// The record's position, from zero.
        position: usize,
        /// What is wrong with it.
        error: RecordError,
    },
    /// A journal record does not fit the records before it, or the lock.
    #[error("journal record {position} contradicts the log")]
    Contradiction {
        /// The record's position, from zero.
        position: usize,
    },
    /// The batch is too large for one record.
    #[error(transparent)]
    Batch(#[from] RecordError),
    /// The checkpoint could not be signed.
    #[error(transparent)]
    Signing(#[from] CheckpointError),
    /// A stored tile is missing or malformed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A proof asks for a node outside of the batch. A defect of this crate.
    #[error(transparent)]
    NotKept(#[from] NotKept),
}

/// A log at one checkpoint, as far as extending it needs.
#[derive(Clone, Debug)]
struct State {
    tree: Tree,
    root: Hash,
    checkpoint: Arc<str>,
    /// The bytes of the last, partial tile of entries.
    partial: Vec<u8>,
    /// Tiles of entries that were filled since [`Self::forget_filled`].
    filled: Vec<(TileId, Vec<u8>)>,
}

impl State {
    /// A log without entries, and without a checkpoint.
    fn empty() -> Self {
        Self {
            tree: Tree::default(),
            root: EMPTY_ROOT,
            checkpoint: Arc::from(""),
            partial: Vec::new(),
            filled: Vec::new(),
        }
    }

    /// This log and `entries`, under a new signed checkpoint.
    fn extended(
        &self,
        config: &SequencerConfig,
        entries: &[Vec<u8>],
    ) -> Result<Self, SequencerError> {
        let mut next = self.clone();
        next.push(config.layout, entries)?;
        let checkpoint = Checkpoint {
            origin: config.origin.clone(),
            size: next.tree.size(),
            root: next.root,
            extensions: Vec::new(),
        };
        next.checkpoint = checkpoint.sign(&config.signer)?.into();
        Ok(next)
    }

    /// Adds entries and computes the root; leaves the checkpoint as it is.
    fn push(&mut self, layout: Layout, entries: &[Vec<u8>]) -> Result<(), SequencerError> {
        for (position, entry) in entries.iter().enumerate() {
            let fault = |error| SequencerError::Entry { position, error };
            let size = self.tree.size();
            let full = SequencerError::Full { size };
            if layout == Layout::StaticCt && size >= static_ct::MAX_SIZE {
                return Err(full);
            }
            let leaf = layout.leaf_hash(entry).map_err(fault)?;
            layout.push(&mut self.partial, entry).map_err(fault)?;
            if !self.tree.push(leaf) {
                return Err(full);
            }
            if self.tree.size().is_multiple_of(u64::from(WIDTH)) {
                let id =
                    TileId::new(layout.kind(), size / u64::from(WIDTH), WIDTH).map_err(fault)?;
                self.filled.push((id, std::mem::take(&mut self.partial)));
            }
        }
        self.root = self.tree.root()?;
        Ok(())
    }

    /// The proofs for all entries from index `from` on.
    fn answers(&self, from: u64) -> Result<Vec<Appended>, SequencerError> {
        let tree_size = self.tree.size();
        (from..tree_size)
            .map(|index| {
                Ok(Appended {
                    index,
                    tree_size,
                    root: self.root,
                    proof: proof::inclusion(&self.tree, index, tree_size)?,
                    checkpoint: Arc::clone(&self.checkpoint),
                })
            })
            .collect()
    }

    /// Puts every tile that changed since [`Self::forget_filled`].
    fn put_tiles(&self, layout: Layout, objects: &dyn Objects) -> Result<(), StorageError> {
        for (id, bytes) in &self.filled {
            objects.put(&id.to_string(), bytes)?;
        }
        let size = self.tree.size();
        if let Some(id) = TileId::of_log(layout.kind(), size / u64::from(WIDTH), size) {
            objects.put(&id.to_string(), &self.partial)?;
        }
        for (id, bytes) in self.tree.changed() {
            objects.put(&id.to_string(), &bytes)?;
        }
        Ok(())
    }

    fn forget_filled(&mut self) {
        self.tree.forget_filled();
        self.filled.clear();
    }
}

/// What anybody can read as the log's checkpoint.
#[derive(Clone, Debug)]
struct Published {
    size: u64,
    root: Hash,
    /// The note with its cosignatures; empty before there is one.
    note: Arc<str>,
    /// Whether this is not, or not sufficiently cosigned, the checkpoint of all entries.
    is_pending: bool,
}

impl Published {
    /// Nothing is published yet.
    fn none() -> Self {
        Self {
            size: 0,
            root: EMPTY_ROOT,
            note: Arc::from(""),
            is_pending: true,
        }
    }
}

/// What the journal holds since it was cleared.
#[derive(Clone, Copy, Debug, Default)]
struct JournalFill {
    batches: u32,
    bytes: u64,
}

impl JournalFill {
    fn add(&mut self, record: &[u8]) {
        self.batches = self.batches.saturating_add(1);
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(record.len()).unwrap_or(u64::MAX));
    }

    fn is_due(self, config: &SequencerConfig) -> bool {
        self.batches >= config.clear_after_batches || self.bytes >= config.clear_after_bytes
    }
}
