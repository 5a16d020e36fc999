//! One small value in one file, replaced in place: two slots that take turns, each with a number and a checksum.
//!
//! A torn write spoils the slot that was being written; the other still has the value before. Replacing costs
//! one write and one sync of blocks that are there already, where a renamed file costs two and an entry in
//! the file system's own journal.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signhere_log::storage::{Lock, StorageError};
use signhere_pki::digest::sha256;

use super::file::{PRIVATE, create, io, sync_dir};

/// The bytes of a slot: a whole number of the blocks that disks write.
const SLOT: usize = 16 << 10;
/// The first bytes of a slot in use.
const FORMAT: &[u8; 16] = b"signhere slot 1\n";
/// The bytes before the value: format, number, length, checksum.
const HEADER: usize = 16 + 8 + 4 + 32;

/// A value in a file.
#[derive(Debug)]
pub(super) struct FileLock {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<File>,
    may_be_plain: bool,
    _hold: Arc<File>,
}

impl FileLock {
    /// The value at `path`; `temporary` names a file beside which nothing else is made.
    pub(super) fn new(path: &Path, temporary: &Path, hold: Arc<File>) -> Self {
        Self {
            path: path.to_owned(),
            temporary: temporary.to_owned(),
            file: None,
            may_be_plain: false,
            _hold: hold,
        }
    }

    /// The same for a high-water mark, which a person may have made: then the whole file is the value.
    pub(super) fn high_water(path: &Path, temporary: &Path, hold: Arc<File>) -> Self {
        Self {
            may_be_plain: true,
            ..Self::new(path, temporary, hold)
        }
    }

    /// What the file holds; none if there is none.
    fn slots(&mut self) -> Result<Option<Slot>, StorageError> {
        if self.file.is_none() {
            let opened = OpenOptions::new().read(true).write(true).open(&self.path);
            match opened {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(io("open", &self.path, &error)),
            }
        }
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let bytes = contents(file).map_err(|error| io("read", &self.path, &error))?;
        if self.may_be_plain && bytes.len() < 2 * SLOT && !bytes.starts_with(FORMAT) {
            return Ok(Some(Slot {
                number: None,
                value: bytes,
            }));
        }
        Ok(Some(newest(&self.path, &bytes)?))
    }

    /// A new file, put in place whole.
    fn begin(&mut self, value: &[u8]) -> Result<(), StorageError> {
        let mut bytes = self.slot(0, value)?;
        bytes.resize(2 * SLOT, 0);
        let file = create(&self.temporary, PRIVATE)?;
        let written = file.write_all_at(&bytes, 0).and_then(|()| file.sync_all());
        written.map_err(|error| io("write", &self.temporary, &error))?;
        fs::rename(&self.temporary, &self.path)
            .map_err(|error| io("put in place", &self.path, &error))?;
        self.file = None;
        self.path.parent().map_or(Ok(()), sync_dir)
    }

    fn slot(&self, number: u64, value: &[u8]) -> Result<Vec<u8>, StorageError> {
        let fits = u32::try_from(value.len())
            .ok()
            .filter(|_| value.len() <= SLOT.saturating_sub(HEADER));
        let Some(length) = fits else {
            return Err(StorageError::TooLarge {
                path: self.path.display().to_string(),
                limit: u64::try_from(SLOT.saturating_sub(HEADER)).unwrap_or(u64::MAX),
                found: u64::try_from(value.len()).unwrap_or(u64::MAX),
            });
        };
        let number = number.to_be_bytes();
        let length = length.to_be_bytes();
        let checksum = sha256(&[&number[..], &length, value].concat());
        Ok([&FORMAT[..], &number, &length, &checksum, value].concat())
    }
}

impl Lock for FileLock {
    fn load(&mut self) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.slots()?.map(|slot| slot.value))
    }

    /// One step, because the hold keeps every other process out and `&mut` every other thread.
    fn replace(&mut self, old: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError> {
        let found = self.slots()?;
        if found.as_ref().map(|slot| slot.value.as_slice()) != old {
            return Err(StorageError::LockMoved);
        }
        let number = found.and_then(|slot| slot.number);
        let (Some(number), Some(file)) = (number, &self.file) else {
            return self.begin(new);
        };
        let number = number.saturating_add(1);
        let bytes = self.slot(number, new)?;
        let place = if number % 2 == 0 { 0 } else { SLOT };
        let place = u64::try_from(place).unwrap_or(u64::MAX);
        let written = file
            .write_all_at(&bytes, place)
            .and_then(|()| file.sync_data());
        written.map_err(|error| io("write", &self.path, &error))
    }
}

/// The value in a file of slots, read without a hold.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("open", path, &error)),
    };
    let bytes = contents(&file).map_err(|error| io("read", path, &error))?;
    Ok(Some(newest(path, &bytes)?.value))
}

/// The bytes of both slots, or as many as there are.
fn contents(file: &File) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; 2 * SLOT];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        let place = u64::try_from(read).unwrap_or(u64::MAX);
        match file.read_at(rest, place)? {
            0 => break,
            count => read = read.saturating_add(count),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

struct Slot {
    /// None for a file that is no slots.
    number: Option<u64>,
    value: Vec<u8>,
}

fn newest(path: &Path, bytes: &[u8]) -> Result<Slot, StorageError> {
    bytes
        .chunks(SLOT)
        .filter_map(parse)
        .max_by_key(|slot| slot.number)
        .ok_or_else(|| StorageError::Damaged {
            path: path.display().to_string(),
            offset: 0,
        })
}

fn parse(slot: &[u8]) -> Option<Slot> {
    let rest = slot.strip_prefix(FORMAT)?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<32>()?;
    let value = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    if sha256(&[&number[..], length, value].concat()) != *checksum {
        return None;
    }
    Some(Slot {
        number: Some(u64::from_be_bytes(*number)),
        value: value.to_vec(),
    })
}
