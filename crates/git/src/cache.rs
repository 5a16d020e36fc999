//! Verdicts that were reached before, so that the second look is free.
//!
//! A verdict is a function of the object, of whom is trusted, of the policy and of the ref that it was judged for; the key
//! is all of these. The files are the user's own, in a folder that nobody else can write to; a file or folder of somebody
//! else, or inside of the repository that is judged, is not used.
//!
//! A file is a header and records, each with its length and a digest. Several processes append to it at once, each under
//! the file's lock. One that is killed leaves a torn record at the end, which the next one cuts off.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use signhere_pki::digest::sha256;

use crate::object::ObjectId;

/// The largest file, in bytes: it begins anew when it would become larger.
pub const MAX_FILE: u64 = 96 << 20;
/// The largest verdict, in bytes. A larger one is not kept.
pub const MAX_VERDICT: usize = 64 * 1024;

/// What a file begins with, followed by the digest of its context.
const HEADER: &[u8; 16] = b"signhere git 1\n\0";
const START: usize = 48;
/// A record's length, its key, its digest: what there is besides the verdict.
const LENGTH: usize = 4;
const KEY: usize = 32;
const DIGEST: usize = 8;
/// What is appended at once, in bytes.
const BUFFER: usize = 128 * 1024;
/// More files are not kept: the oldest ones go.
const MAX_FILES: usize = 32;

/// What verdicts of one file have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context([u8; 32]);

/// What a verdict is kept under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; KEY]);

/// Verdicts of one context, kept in a file.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    context: Context,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// The file as far as it was read, or written here.
    bytes: Vec<u8>,
    /// Where the verdicts are in it.
    index: HashMap<Key, (usize, usize)>,
    /// Records that are still to be appended, and their index.
    pending: Vec<u8>,
    pending_index: HashMap<Key, (usize, usize)>,
}

/// Why verdicts cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The folder is inside of the repository that is judged.
    #[error("{} is inside of the repository that is judged", path.display())]
    Inside {
        /// The folder.
        path: PathBuf,
    },
    /// The folder or file belongs to another user, or others may write to it.
    #[error("{} is not this user's alone (owner {owner}, mode {mode:o})", path.display())]
    Open {
        /// The folder or file.
        path: PathBuf,
        /// The number of the user that it belongs to.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
    /// The folder or file is none, but a link or something else.
    #[error("{} is not what it should be", path.display())]
    Kind {
        /// The path.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
}

impl Context {
    /// The context of verdicts that were reached by `program` (its name and version: another one may decide otherwise)
    /// with the trust that has this digest, for a ref.
    #[must_use]
    pub fn new(program: &str, trust: &[u8; 32], reference: &str) -> Self {
        let mut text = Vec::new();
        for part in [program.as_bytes(), trust, reference.as_bytes()] {
            // Lengths keep the parts apart.
            text.extend_from_slice(&part.len().to_be_bytes());
            text.extend_from_slice(part);
        }
        Self(sha256(&text))
    }

    fn file_name(&self) -> String {
        let (start, _) = self.0.split_at(16);
        format!("{}.verdicts", hex::encode(start))
    }
}

impl Key {
    /// The key of the verdict about an object by the policy that has this digest.
    #[must_use]
    pub fn new(object: &ObjectId, policy: &[u8; 32]) -> Self {
        let id = object.as_bytes();
        let mut text = Vec::with_capacity(id.len().saturating_add(policy.len()));
        text.extend_from_slice(policy);
        text.extend_from_slice(id);
        Self(sha256(&text))
    }
}

impl Cache {
    /// Opens the verdicts of a context in `folder`, which is made if it is not there. None of `judged`, the folders of the
    /// repository that is judged, may hold it.
    ///
    /// # Errors
    /// [`CacheError`]: then everything is to be verified anew, and nothing is kept.
    pub fn open(folder: &Path, context: Context, judged: &[&Path]) -> Result<Self, CacheError> {
        make_private(folder)?;
        let real = folder.canonicalize().map_err(|e| io_error(folder, &e))?;
        let is_inside = |judged: &&Path| judged.canonicalize().is_ok_and(|j| real.starts_with(j));
        if judged.iter().any(is_inside) {
            return Err(CacheError::Inside { path: real });
        }
        let path = real.join(context.file_name());
        prune(&real, &path);
        let file = open_private(&path)?;
        let mut state = State {
            file,
            bytes: Vec::new(),
            index: HashMap::new(),
            pending: Vec::new(),
            pending_index: HashMap::new(),
        };
        state.read(&context).map_err(|e| io_error(&path, &e))?;
        Ok(Self {
            path,
            context,
            state: Mutex::new(state),
        })
    }

    /// The verdict that was kept under `key`, as it was given.
    #[must_use]
    pub fn find(&self, key: &Key) -> Option<Vec<u8>> {
        let state = self.state();
        if let Some(range) = state.pending_index.get(key) {
            return part(&state.pending, *range).map(<[u8]>::to_vec);
        }
        let range = state.index.get(key)?;
        let verdict = part(&state.bytes, *range)?;
        let end = range.1;
        let digest = part(&state.bytes, (end, end.checked_add(DIGEST)?))?;
        // Something else than a verdict may have been written here by a disk.
        (digest == digest_of(key, verdict)).then(|| verdict.to_vec())
    }

    /// Keeps a verdict. Only one that will never change may be kept: not one that could not be reached.
    ///
    /// # Errors
    /// When the file cannot be written; nothing is lost that was kept before.
    pub fn keep(&self, key: Key, verdict: &[u8]) -> Result<(), CacheError> {
        if verdict.len() > MAX_VERDICT {
            return Ok(());
        }
        let mut state = self.state();
        let length = u32::try_from(verdict.len()).unwrap_or(u32::MAX);
        state.pending.extend_from_slice(&length.to_be_bytes());
        state.pending.extend_from_slice(&key.0);
        let start = state.pending.len();
        state.pending.extend_from_slice(verdict);
        let end = state.pending.len();
        state.pending.extend_from_slice(&digest_of(&key, verdict));
        state.pending_index.insert(key, (start, end));
        if state.pending.len() < BUFFER {
            return Ok(());
        }
        self.append(&mut state)
    }

    /// Writes what is still to be written.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub fn flush(&self) -> Result<(), CacheError> {
        self.append(&mut self.state())
    }

    /// How many verdicts are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        let state = self.state();
        state.index.len().saturating_add(state.pending_index.len())
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn append(&self, state: &mut State) -> Result<(), CacheError> {
        if state.pending.is_empty() {
            return Ok(());
        }
        let outcome = state.append(&self.context);
        // What cannot be written is not tried again and again.
        state.pending.clear();
        state.pending_index.clear();
        outcome.map_err(|error| io_error(&self.path, &error))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // Nobody is left to tell; what is lost is found out again.
        let _ = self.flush();
    }
}

impl State {
    /// Reads the file from the start.
    fn read(&mut self, context: &Context) -> io::Result<()> {
        self.bytes.clear();
        self.index.clear();
        self.file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        // A file that is larger was not written by this program.
        let limit = MAX_FILE.saturating_mul(2);
        (&self.file).take(limit).read_to_end(&mut bytes)?;
        let is_ours = bytes.get(..START) == Some(&header(context));
        if is_ours {
            self.bytes = bytes;
            self.take_from(START);
        }
        Ok(())
    }

    /// Indexes the records from `start` on, and forgets what is no whole record.
    fn take_from(&mut self, start: usize) {
        let mut at = start;
        while let Some((key, range)) = record(&self.bytes, at) {
            self.index.insert(key, range);
            at = range.1.saturating_add(DIGEST);
        }
        self.bytes.truncate(at);
    }

    /// Appends what is pending after what others have appended meanwhile.
    fn append(&mut self, context: &Context) -> io::Result<()> {
        self.file.lock()?;
        let outcome = self.append_locked(context);
        let unlocked = self.file.unlock();
        outcome.and(unlocked)
    }

    fn append_locked(&mut self, context: &Context) -> io::Result<()> {
        let known = self.bytes.len();
        let length = self.file.metadata()?.len();
        let is_longer = u64::try_from(known).is_ok_and(|known| length >= known);
        if known >= START && is_longer {
            self.file
                .seek(SeekFrom::Start(u64::try_from(known).unwrap_or(u64::MAX)))?;
            (&self.file).take(MAX_FILE).read_to_end(&mut self.bytes)?;
            self.take_from(known);
        } else {
            // It was begun anew by somebody else, or is new.
            self.read(context)?;
        }
        let pending = std::mem::take(&mut self.pending);
        let total = self.bytes.len().saturating_add(pending.len());
        if self.bytes.len() < START || u64::try_from(total).unwrap_or(u64::MAX) > MAX_FILE {
            self.bytes = header(context).to_vec();
            self.index.clear();
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&self.bytes)?;
        }
        let start = self.bytes.len();
        let end = u64::try_from(start).unwrap_or(u64::MAX);
        // A torn record of one that was killed is cut off.
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        self.file.write_all(&pending)?;
        self.bytes.extend_from_slice(&pending);
        self.take_from(start);
        Ok(())
    }
}

/// The record at `at`: its key, and where its verdict is. `None` where it is not whole.
fn record(bytes: &[u8], at: usize) -> Option<(Key, (usize, usize))> {
    let rest = bytes.get(at..)?;
    let (length, rest) = rest.split_first_chunk::<LENGTH>()?;
    let (key, rest) = rest.split_first_chunk::<KEY>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    if length > MAX_VERDICT || rest.len() < length.checked_add(DIGEST)? {
        return None;
    }
    let start = at.checked_add(LENGTH)?.checked_add(KEY)?;
    Some((Key(*key), (start, start.checked_add(length)?)))
}

fn part(bytes: &[u8], (start, end): (usize, usize)) -> Option<&[u8]> {
    bytes.get(start..end)
}

fn digest_of(key: &Key, verdict: &[u8]) -> [u8; DIGEST] {
    let text = [&key.0[..], verdict].concat();
    let [a, b, c, d, e, f, g, h, ..] = sha256(&text);
    [a, b, c, d, e, f, g, h]
}

fn header(context: &Context) -> [u8; START] {
    let mut header = [0; START];
    let parts = HEADER.iter().chain(&context.0);
    for (byte, value) in header.iter_mut().zip(parts) {
        *byte = *value;
    }
    header
}

/// Makes a folder that is this user's alone, or checks that it is.
fn make_private(folder: &Path) -> Result<(), CacheError> {
    let failed = |error: io::Error| io_error(folder, &error);
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let metadata = fs::symlink_metadata(folder).map_err(failed)?;
    if !metadata.is_dir() {
        return Err(CacheError::Kind {
            path: folder.to_owned(),
        });
    }
    check_private(folder, &metadata)
}

/// Opens a file that is this user's alone, or makes it.
fn open_private(path: &Path) -> Result<File, CacheError> {
    let failed = |error: io::Error| io_error(path, &error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // The folder is this user's alone, so that nobody changes it between the look and the opening.
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(CacheError::Kind {
                path: path.to_owned(),
            });
        }
        _ => {}
    }
    let file = options.open(path).map_err(failed)?;
    check_private(path, &file.metadata().map_err(failed)?)?;
    Ok(file)
}

#[cfg(unix)]
fn check_private(path: &Path, metadata: &fs::Metadata) -> Result<(), CacheError> {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if owner == rustix::process::geteuid().as_raw() && mode & 0o077 == 0 {
        return Ok(());
    }
    Err(CacheError::Open {
        path: path.to_owned(),
        owner,
        mode,
    })
}

/// Other systems keep a user's folders from others by themselves.
#[cfg(not(unix))]
fn check_private(_: &Path, _: &fs::Metadata) -> Result<(), CacheError> {
    Ok(())
}

/// Removes the files that were not written to for longest, where there are too many. That one cannot be removed is no
/// reason to stop.
fn prune(folder: &Path, keep: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path != keep && path.extension().is_some_and(|e| e == "verdicts"))
        .filter_map(|path| {
            let metadata = fs::symlink_metadata(&path).ok()?;
            Some((metadata.modified().ok()?, path))
        })
        .collect();
    files.sort_unstable();
    let surplus = files.len().saturating_add(1).saturating_sub(MAX_FILES);
    for (_, path) in files.into_iter().take(surplus) {
        let _ = fs::remove_file(path);
    }
}

fn io_error(path: &Path, error: &io::Error) -> CacheError {
    CacheError::Io {
        path: path.to_owned(),
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
