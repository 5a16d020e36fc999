//! A writer that keeps what is written.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// What has been written to it and to its clones.
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// All of it so far; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Forgets the first `len` bytes.
    pub fn forget(&self, len: usize) {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let len = len.min(bytes.len());
        bytes.drain(..len);
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
