//! Files: read within bounds, digested in constant memory, written whole or
//! not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use signhere_pki::digest::{Digest, HashAlgorithm, Hasher};

use crate::error::CliError;
use crate::output::{Output, progress};

/// The extension of a bundle next to its file.
pub(crate) const BUNDLE_EXTENSION: &str = ".sigstore.json";

/// The buffer of a streaming read.
const CHUNK: usize = 256 * 1024;

/// `FILE.sigstore.json`.
pub(crate) fn bundle_path(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(BUNDLE_EXTENSION);
    PathBuf::from(name)
}

/// The whole of a file that is at most `limit` bytes long.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let failed = |error: io::Error| CliError::file("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    // By its size, before it is read; what has none, such as a pipe, is cut off while it is.
    if file.metadata().map_err(failed)?.len() > limit {
        return Err(CliError::too_large(path, limit));
    }
    read_from(file, path, limit)
}

/// The whole of a text file that is at most `limit` bytes long.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, CliError> {
    String::from_utf8(read(path, limit)?).map_err(|_| {
        CliError::file(
            "read",
            path,
            &io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"),
        )
    })
}

/// The whole of `source`, at most `limit` bytes; `path` names it in errors.
pub(crate) fn read_from(source: impl Read, path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    source
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::file("read", path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(CliError::too_large(path, limit));
    }
    Ok(bytes)
}

/// The digests of a file, one for each algorithm, read once in constant
/// memory. The path `-` is standard input.
pub(crate) fn digests(
    path: &Path,
    algorithms: &[HashAlgorithm],
    output: Output,
) -> Result<Vec<Digest>, CliError> {
    let failed = |error: io::Error| CliError::file("read", path, &error);
    let (source, length): (Box<dyn Read>, u64) = if path == Path::new("-") {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        (Box::new(file), metadata.len())
    };
    let bar = progress::bytes(output, &path.display().to_string(), length);
    let digests = digests_of(source, algorithms, |count| bar.inc(count)).map_err(failed)?;
    bar.finish_and_clear();
    Ok(digests)
}

/// The digests of what `source` holds; `seen` is told how many bytes were read.
pub(crate) fn digests_of(
    mut source: impl Read,
    algorithms: &[HashAlgorithm],
    seen: impl Fn(u64),
) -> io::Result<Vec<Digest>> {
    let mut hashers: Vec<Hasher> = algorithms.iter().map(|a| a.hasher()).collect();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let chunk = buffer.get(..count).unwrap_or_default();
        for hasher in &mut hashers {
            hasher.update(chunk);
        }
        seen(u64::try_from(count).unwrap_or_default());
    }
    Ok(hashers.into_iter().map(Hasher::finish).collect())
}

/// Writes a file whole or not at all: a temporary file beside it, synced, is
/// renamed over it. What is no regular file, such as `/dev/stdout`, is written
/// to as it is.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let written = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes)),
        // A link stays one: what it leads to is replaced.
        Ok(_) => fs::canonicalize(path).and_then(|path| replace(&path, bytes)),
        Err(_) => replace(path, bytes),
    };
    written.map_err(|error| CliError::file("write", path, &error))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".signhere-").suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Less what the process's mask takes away, as for any new file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder.unwrap_or_else(|| Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Makes a folder, and those above it, that nobody but its owner may look into, where there is none.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file that did not exist, readable by its owner alone when `secret`.
pub(crate) fn create_new(path: &Path, bytes: &[u8], secret: bool) -> Result<(), CliError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = secret;
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CliError::exists(path),
        _ => CliError::file("write", path, &error),
    })?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| CliError::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_lies_next_to_its_file() {
        assert_eq!(
            bundle_path(Path::new("a/b.tar.gz")),
            Path::new("a/b.tar.gz.sigstore.json")
        );
    }

    #[test]
    fn a_file_is_replaced_and_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write_atomically(&file, b"1").unwrap();
        write_atomically(&file, b"2").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&file, &link).unwrap();
            write_atomically(&link, b"3").unwrap();
            assert!(link.is_symlink());
            assert_eq!(fs::read(&file).unwrap(), b"3");
        }
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, if cfg!(unix) { 2 } else { 1 });
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        if cfg!(unix) {
            write_atomically(Path::new("/dev/null"), b"x").unwrap();
            assert!(!Path::new("/dev/null").is_file());
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(write_atomically(folder.path(), b"x").is_err());
        assert!(write_atomically(&folder.path().join("no/where"), b"x").is_err());
    }

    #[test]
    fn a_read_is_bounded() {
        let path = Path::new("x");
        assert_eq!(read_from(&b"1234"[..], path, 4), Ok(b"1234".to_vec()));
        assert_eq!(
            read_from(&b"12345"[..], path, 4),
            Err(CliError::too_large(path, 4))
        );
    }
}
