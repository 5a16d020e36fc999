//! A client's files: one a role, replaced whole, so that every process sees a document or none.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use super::ClientError;

/// The folder of all roots in a cache that keeps them.
const ROOTS: &str = "roots";

/// A folder with the documents that a client believes, as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    dir: PathBuf,
    keeps_roots: bool,
}

/// Held by whoever changes a cache; let go of when dropped, or when the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Cache {
    /// The cache in `dir`, which knows the latest root only, as `root.json`.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            keeps_roots: false,
        }
    }

    /// The cache in `dir`, which keeps every root that the first one led to, so that the chain can be followed
    /// again without a network.
    pub fn with_roots(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            keeps_roots: true,
        }
    }

    /// The cache's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn create(&self) -> Result<(), ClientError> {
        let roots = self.dir.join(ROOTS);
        let dir = if self.keeps_roots { &roots } else { &self.dir };
        fs::create_dir_all(dir).map_err(|error| ClientError::file("make", dir, &error))
    }

    /// Waits until no other process changes the cache.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub async fn lock(&self) -> Result<Lock, ClientError> {
        let failed = |error: io::Error| ClientError::file("lock", &self.dir, &error);
        let file = self.lock_file().map_err(failed)?;
        let (done, locked) = oneshot::channel();
        // A thread of its own: who gives up waiting need not wait for it to end.
        std::thread::spawn(move || {
            let outcome = file.lock().map(|()| file);
            let _ = done.send(outcome);
        });
        match locked.await {
            Ok(outcome) => outcome.map(|file| Lock { _file: file }).map_err(failed),
            Err(_) => Err(failed(io::ErrorKind::Interrupted.into())),
        }
    }

    /// The folder itself, where the system can lock one: nothing is added to it.
    #[cfg(unix)]
    fn lock_file(&self) -> io::Result<File> {
        File::open(&self.dir)
    }

    #[cfg(not(unix))]
    fn lock_file(&self) -> io::Result<File> {
        fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.dir.join(".lock"))
    }

    /// A document of at most `limit` bytes; none that is not there, or longer.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn load(&self, file: &str, limit: usize) -> Result<Option<Vec<u8>>, ClientError> {
        let path = match root_version(file) {
            Some(_) if !self.keeps_roots => return Ok(None),
            Some(_) => self.dir.join(ROOTS).join(file),
            None => self.dir.join(file),
        };
        read(&path, u64::try_from(limit).unwrap_or(u64::MAX))
    }

    /// Puts a document in the place of the one before.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn store(&self, file: &str, version: u64, bytes: &[u8]) -> Result<(), ClientError> {
        if self.keeps_roots && file == "root.json" {
            let name = format!("{version}.root.json");
            write(&self.dir.join(ROOTS).join(name), bytes)?;
        }
        write(&self.dir.join(file), bytes)
    }

    /// Removes a document, if it is there.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn remove(&self, file: &str) -> Result<(), ClientError> {
        let path = self.dir.join(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ClientError::file("remove", &path, &error))
            }
            _ => Ok(()),
        }
    }
}

/// `7` of `7.root.json`.
fn root_version(file: &str) -> Option<u64> {
    file.strip_suffix(".root.json")?.parse().ok()
}

/// A file of at most `limit` bytes; none that is not there, or longer.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, ClientError> {
    let failed = |error: &io::Error| ClientError::file("read", path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let length = read.map_err(|error| failed(&error))?;
    Ok(u64::try_from(length)
        .is_ok_and(|length| length <= limit)
        .then_some(bytes))
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    let failed = |error: &io::Error| ClientError::file("write", path, error);
    let written = || -> io::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut builder = tempfile::Builder::new();
        let mut file = builder.prefix(".new-").suffix("").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|error| failed(&error))
}
