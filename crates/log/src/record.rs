//! The write-ahead record of a batch: everything that is needed to apply it again.

use signhere_pki::digest::sha256;

use crate::merkle::Hash;

/// The largest batch, in entries.
pub const MAX_BATCH_ENTRIES: usize = 1 << 16;

/// The largest batch, in bytes of entries.
pub const MAX_BATCH_BYTES: usize = 64 << 20;

/// Entries, and the trees before and after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) old_size: u64,
    pub(crate) old_root: Hash,
    pub(crate) new_size: u64,
    pub(crate) new_root: Hash,
    pub(crate) entries: Vec<Vec<u8>>,
}

impl Batch {
    /// The record: a format line, sizes and roots, the entries behind their lengths, and the SHA-256 of it all.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let bytes = self
            .entries
            .iter()
            .fold(0, |sum: usize, e| sum.saturating_add(e.len()));
        if bytes > MAX_BATCH_BYTES || self.entries.len() > MAX_BATCH_ENTRIES {
            return Err(RecordError::TooLarge {
                entries: self.entries.len(),
                bytes,
            });
        }
        let mut out = Vec::with_capacity(bytes.saturating_add(128 + 4 * self.entries.len()));
        out.extend_from_slice(FORMAT);
        out.extend_from_slice(&self.old_size.to_be_bytes());
        out.extend_from_slice(&self.old_root);
        out.extend_from_slice(&self.new_size.to_be_bytes());
        out.extend_from_slice(&self.new_root);
        for entry in &self.entries {
            let length = u32::try_from(entry.len()).map_err(|_| RecordError::TooLarge {
                entries: self.entries.len(),
                bytes,
            })?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(entry);
        }
        let checksum = sha256(&out);
        out.extend_from_slice(&checksum);
        Ok(out)
    }

    /// The batch in a record.
    pub(crate) fn decode(record: &[u8]) -> Result<Self, RecordError> {
        let (body, checksum) = record
            .split_last_chunk::<32>()
            .ok_or(RecordError::Malformed)?;
        if sha256(body) != *checksum {
            return Err(RecordError::Checksum);
        }
        let batch = Self::read(body).ok_or(RecordError::Malformed)?;
        let entries = u64::try_from(batch.entries.len()).map_err(|_| RecordError::Malformed)?;
        if batch.old_size.checked_add(entries) != Some(batch.new_size) {
            return Err(RecordError::Malformed);
        }
        Ok(batch)
    }

    fn read(body: &[u8]) -> Option<Self> {
        let rest = body.strip_prefix(FORMAT)?;
        let (old_size, rest) = rest.split_first_chunk::<8>()?;
        let (old_root, rest) = rest.split_first_chunk::<32>()?;
        let (new_size, rest) = rest.split_first_chunk::<8>()?;
        let (new_root, mut rest) = rest.split_first_chunk::<32>()?;
        let mut entries = Vec::new();
        while !rest.is_empty() && entries.len() <= MAX_BATCH_ENTRIES {
            let (length, tail) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (entry, tail) = tail.split_at_checked(length)?;
            entries.push(entry.to_vec());
            rest = tail;
        }
        Some(Self {
            old_size: u64::from_be_bytes(*old_size),
            old_root: *old_root,
            new_size: u64::from_be_bytes(*new_size),
            new_root: *new_root,
            entries,
        })
    }
}

/// Why a write-ahead record is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// More entries, or bytes of them, than one batch may have.
    #[error("a batch of {entries} entries and {bytes} bytes is too large")]
    TooLarge {
        /// The entries.
        entries: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// The record is not what was written.
    #[error("the record's checksum does not match")]
    Checksum,
    /// The record is of another format.
    #[error("the record is not one of this format")]
    Malformed,
}

/// The first bytes of every record.
const FORMAT: &[u8] = b"signhere batch 1\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        Batch {
            old_size: 7,
            old_root: [1; 32],
            new_size: 10,
            new_root: [2; 32],
            entries: vec![b"one".to_vec(), Vec::new(), b"three".to_vec()],
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        assert_eq!(Batch::decode(&batch().encode().unwrap()), Ok(batch()));
    }

    #[test]
    fn no_torn_or_changed_record_is_read() {
        let record = batch().encode().unwrap();
        for length in 0..record.len() {
            assert!(Batch::decode(&record[..length]).is_err());
            let mut changed = record.clone();
            changed[length] ^= 0x10;
            assert_eq!(Batch::decode(&changed), Err(RecordError::Checksum));
        }
    }

    #[test]
    fn sizes_must_add_up() {
        let wrong = Batch {
            new_size: 11,
            ..batch()
        };
        assert_eq!(
            Batch::decode(&wrong.encode().unwrap()),
            Err(RecordError::Malformed)
        );
    }
}
