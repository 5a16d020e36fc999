//! A log's write-ahead records in one file.
//!
//! Each record stands behind its length (4 bytes, big-endian) and a checksum over the checksum before it and
//! itself; zeros follow the last one. The file keeps its length when it is cleared, so that an append writes
//! to blocks that are there already: the chain and the zeros tell a record from what older ones have left.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signhere_log::storage::{Journal, StorageError};
use signhere_pki::digest::sha256;

use super::file::{self, length, open_private};

/// The largest journal: far more than the sequencer lets one grow to.
const MAX_JOURNAL: u64 = 512 << 20;
/// The file grows by so much at a time.
const STEP: u64 = 1 << 20;
/// What of the file is kept when it is cleared.
const KEPT: u64 = 32 << 20;
/// Length and checksum.
const HEADER: usize = 4 + 32;
/// What the first record's checksum builds on.
const START: Checksum = [0; 32];

type Checksum = [u8; 32];

/// The records of one log.
#[derive(Debug)]
pub(super) struct FileJournal {
    path: PathBuf,
    file: File,
    /// Unknown before the first read, and after a failure.
    end: Option<End>,
    _hold: Arc<File>,
}

/// Where the last whole record ends.
#[derive(Clone, Copy, Debug)]
struct End {
    offset: u64,
    checksum: Checksum,
    /// The file's length.
    allocated: u64,
}

impl FileJournal {
    pub(super) fn open(path: &Path, hold: Arc<File>) -> Result<Self, StorageError> {
        Ok(Self {
            path: path.to_owned(),
            file: open_private(path)?,
            end: None,
            _hold: hold,
        })
    }

    fn fail(&self, operation: &'static str, error: &io::Error) -> StorageError {
        file::io(operation, &self.path, error)
    }

    fn too_large(&self, found: u64) -> StorageError {
        StorageError::TooLarge {
            path: self.path.display().to_string(),
            limit: MAX_JOURNAL,
            found,
        }
    }

    /// The records, and where they end.
    fn scan(&self) -> Result<(Vec<Vec<u8>>, End), StorageError> {
        let metadata = self.file.metadata();
        let allocated = metadata.map_err(|error| self.fail("read", &error))?.len();
        if allocated > MAX_JOURNAL {
            return Err(self.too_large(allocated));
        }
        let mut end = End {
            offset: 0,
            checksum: START,
            allocated,
        };
        let mut records = Vec::new();
        loop {
            match self.frame(end)? {
                Frame::Record { record, after } => {
                    records.push(record);
                    end = after;
                }
                Frame::Torn => return Ok((records, end)),
                Frame::Damaged => {
                    return Err(StorageError::Damaged {
                        path: self.path.display().to_string(),
                        offset: end.offset,
                    });
                }
            }
        }
    }

    fn frame(&self, at: End) -> Result<Frame, StorageError> {
        let Some((record, checksum)) = self.stored(at)? else {
            return Ok(Frame::Torn);
        };
        let after = End {
            offset: at.offset.saturating_add(frame_length(&record)),
            checksum,
            ..at
        };
        if chained(&at.checksum, &record) == checksum {
            return Ok(Frame::Record { record, after });
        }
        let followed = self
            .stored(after)?
            .is_some_and(|(record, checksum)| chained(&after.checksum, &record) == checksum);
        Ok(if followed {
            Frame::Damaged
        } else {
            Frame::Torn
        })
    }

    /// What stands at `at` as a record and its checksum, unchecked; none if there is no room for one.
    fn stored(&self, at: End) -> Result<Option<(Vec<u8>, Checksum)>, StorageError> {
        let left = at.allocated.saturating_sub(at.offset);
        let mut header = [0; HEADER];
        if left < length(&header) {
            return Ok(None);
        }
        let fail = |error| self.fail("read", &error);
        self.file
            .read_exact_at(&mut header, at.offset)
            .map_err(fail)?;
        let Some((size, checksum)) = header.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let size = u32::from_be_bytes(*size);
        if size == 0 || u64::from(size) > left.saturating_sub(length(&header)) {
            return Ok(None);
        }
        let Ok(checksum) = Checksum::try_from(checksum) else {
            return Ok(None);
        };
        let mut record = vec![0; usize::try_from(size).unwrap_or(0)];
        let place = at.offset.saturating_add(length(&header));
        self.file.read_exact_at(&mut record, place).map_err(fail)?;
        Ok(Some((record, checksum)))
    }

    /// Adds zeros until the file has room up to `end`.
    fn grow(&self, allocated: u64, end: u64) -> io::Result<u64> {
        let mut allocated = allocated;
        while allocated < end {
            let zeros = vec![0; usize::try_from(STEP).unwrap_or(0)];
            self.file.write_all_at(&zeros, allocated)?;
            allocated = allocated.saturating_add(STEP);
        }
        Ok(allocated)
    }
}

impl Journal for FileJournal {
    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        if self.end.is_none() {
            self.end = Some(self.scan()?.1);
        }
        // Taken until the write has succeeded: after a failure, what is there has to be read again.
        let Some(at) = self.end.take() else {
            return Ok(());
        };
        let checksum = chained(&at.checksum, record);
        let offset = at.offset.saturating_add(frame_length(record));
        let size = u32::try_from(record.len()).ok().filter(|size| *size > 0);
        let Some(size) = size.filter(|_| offset <= MAX_JOURNAL) else {
            self.end = Some(at);
            return Err(self.too_large(offset));
        };
        // Zeros behind it, so that what an older record may have left there is not read as the next.
        let frame = [&size.to_be_bytes()[..], &checksum, record, &[0; HEADER]].concat();
        let end = at.offset.saturating_add(length(&frame));
        let written = self.grow(at.allocated, end).and_then(|allocated| {
            self.file.write_all_at(&frame, at.offset)?;
            self.file.sync_data()?;
            Ok(allocated)
        });
        let allocated = written.map_err(|error| self.fail("append to", &error))?;
        self.end = Some(End {
            offset,
            checksum,
            allocated,
        });
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<Vec<u8>>, StorageError> {
        let (records, end) = self.scan()?;
        self.end = Some(end);
        Ok(records)
    }

    /// Without its first header nothing in the file is a record: the chain has no beginning.
    fn clear(&mut self) -> Result<(), StorageError> {
        self.end = None;
        let cleared = self.file.metadata().and_then(|metadata| {
            let allocated = metadata.len();
            let kept = if allocated > KEPT { 0 } else { allocated };
            if kept < allocated {
                self.file.set_len(kept)?;
            } else if kept > 0 {
                let zeros = [0; HEADER];
                let zeros = zeros.get(..usize::try_from(kept).unwrap_or(HEADER).min(HEADER));
                self.file.write_all_at(zeros.unwrap_or_default(), 0)?;
            }
            self.file.sync_all()?;
            Ok(kept)
        });
        let allocated = cleared.map_err(|error| self.fail("clear", &error))?;
        self.end = Some(End {
            offset: 0,
            checksum: START,
            allocated,
        });
        Ok(())
    }
}

/// What stands at some place of a journal.
enum Frame {
    /// A record, and where it ends.
    Record { record: Vec<u8>, after: End },
    /// The end: nothing, an append that never returned, or what was cleared. (Should it be the damaged last
    /// record of a batch that was committed, then the lock tells, and the log does not open.)
    Torn,
    /// A record that had been added, for a whole one follows it.
    Damaged,
}

fn chained(before: &Checksum, record: &[u8]) -> Checksum {
    sha256(&[&before[..], record].concat())
}

fn frame_length(record: &[u8]) -> u64 {
    length(record).saturating_add(length(&[0; HEADER]))
}
