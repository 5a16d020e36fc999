//! Where the socket is, and that nobody else can reach it or put another in its place.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
    PermissionsExt as _,
};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// The usual name of the socket with all powers.
pub const SOCKET: &str = "agent.sock";
/// The name of the socket for other machines, beside it.
pub const FORWARD_SOCKET: &str = "forward.sock";
/// What the agent that runs holds a lock on.
const LOCK: &str = "agent.lock";
/// Bytes of a Unix socket's path (`sun_path`).
const PATH_LIMIT: usize = 107;

/// A folder or socket that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The path has no folder and name of its own.
    #[error("{} is no absolute path of a socket", .path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// The path is longer than the system takes.
    #[error("{} is longer than the {limit} bytes that a socket's path may have", .path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
        /// The most bytes it may have.
        limit: usize,
    },
    /// A symbolic link stands where there must be none.
    #[error("{} is a symbolic link", .path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// Something else stands where the folder or the socket must be.
    #[error("{} is no {expected}", .path.display())]
    Kind {
        /// Its path.
        path: PathBuf,
        /// What must be there.
        expected: &'static str,
    },
    /// It belongs to another user.
    #[error("{} belongs to user {found}, not to {expected}", .path.display())]
    Owner {
        /// Its path.
        path: PathBuf,
        /// Who it must belong to.
        expected: u32,
        /// Who it belongs to.
        found: u32,
    },
    /// Others may change what is in it.
    #[error("{} is open to others (mode {mode:o})", .path.display())]
    Open {
        /// Its path.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// An agent runs there.
    #[error("an agent runs at {} already", .path.display())]
    Running {
        /// Its socket.
        path: PathBuf,
    },
    /// The process runs with the rights of another user than the one who started it.
    #[error("started by user {started_by} with the rights of user {rights_of}")]
    Borrowed {
        /// Who started it.
        started_by: u32,
        /// Whose rights it has.
        rights_of: u32,
    },
    /// The system refuses.
    #[error("cannot {doing} {}: {kind}", .path.display())]
    Io {
        /// What it refuses, a verb.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
}

/// Sockets in a folder of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    all: PathBuf,
    sign: PathBuf,
}

/// Sockets that are listened on; removed when this is dropped, if they are still there.
#[derive(Debug)]
pub struct Bound {
    place: Place,
    pub(super) all: UnixListener,
    pub(super) sign: UnixListener,
    files: [FileId; 2],
    _lock: File,
}

/// Device and inode: the folder of sockets may be emptied and used anew by another agent.
type FileId = (u64, u64);

impl Place {
    /// The place of a socket at `socket`, an absolute path.
    pub fn new(socket: &Path) -> Result<Self, SocketError> {
        let (Some(folder), Some(_), true) =
            (socket.parent(), socket.file_name(), socket.is_absolute())
        else {
            return Err(SocketError::Path {
                path: socket.to_owned(),
            });
        };
        let place = Self {
            folder: folder.to_owned(),
            all: socket.to_owned(),
            sign: folder.join(FORWARD_SOCKET),
        };
        for path in [&place.all, &place.sign] {
            if path.as_os_str().len() > PATH_LIMIT {
                return Err(SocketError::TooLong {
                    path: path.clone(),
                    limit: PATH_LIMIT,
                });
            }
        }
        Ok(place)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The socket with all powers.
    pub fn socket(&self) -> &Path {
        &self.all
    }

    /// The socket for other machines.
    pub fn forward_socket(&self) -> &Path {
        &self.sign
    }

    /// Makes the folder, if it is not there, and finds that it is this user's alone.
    pub fn prepare(&self) -> Result<(), SocketError> {
        let (started_by, rights_of) = (rustix::process::getuid(), own_uid());
        if started_by.as_raw() != rights_of {
            return Err(SocketError::Borrowed {
                started_by: started_by.as_raw(),
                rights_of,
            });
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(&self.folder)
            .map_err(|error| io_error("make", &self.folder, &error))?;
        check_folder(&self.folder, rights_of)
    }

    /// Listens, unless somebody else does. What one left who listens no more is replaced.
    ///
    /// # Errors
    /// [`SocketError::Running`] when an agent runs there.
    pub fn bind(self) -> Result<Bound, SocketError> {
        if self.all == self.sign {
            return Err(SocketError::Path { path: self.all });
        }
        self.prepare()?;
        let path = self.folder.join(LOCK);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let lock = lock.map_err(|error| io_error("open", &path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(SocketError::Running { path: self.all });
            }
            Err(TryLockError::Error(error)) => return Err(io_error("lock", &path, &error)),
        }
        let (all, all_file) = listen(&self.all)?;
        let (sign, sign_file) = listen(&self.sign)?;
        Ok(Bound {
            place: self,
            all,
            sign,
            files: [all_file, sign_file],
            _lock: lock,
        })
    }
}

impl Bound {
    /// Where it listens.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether its own socket is still where it was made: otherwise nobody finds this agent any more.
    pub(super) fn is_there(&self) -> bool {
        let [all, _] = self.files;
        file_id(&self.place.all).is_ok_and(|found| found == all)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        for (path, own) in [&self.place.all, &self.place.sign]
            .into_iter()
            .zip(self.files)
        {
            if file_id(path).is_ok_and(|found| found == own) {
                // A socket that stays behind misleads nobody: nothing answers there.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// The user whose rights this process has.
pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a socket of user `own` is at `path`; an error when something else is.
pub(super) fn is_own_socket(path: &Path, own: u32) -> Result<bool, SocketError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io_error("look at", path, &error)),
    };
    check_kind(path, &found, "socket", |found| {
        found.file_type().is_socket()
    })?;
    check_owner(path, &found, own)?;
    Ok(true)
}

pub(super) fn io_error(doing: &'static str, path: &Path, error: &io::Error) -> SocketError {
    SocketError::Io {
        doing,
        path: path.to_owned(),
        kind: error.kind(),
    }
}

fn listen(path: &Path) -> Result<(UnixListener, FileId), SocketError> {
    if is_own_socket(path, own_uid())? {
        // Some program that knows nothing of our lock may listen there.
        if UnixStream::connect(path).is_ok() {
            return Err(SocketError::Running {
                path: path.to_owned(),
            });
        }
        fs::remove_file(path).map_err(|error| io_error("remove", path, &error))?;
    }
    let fail = |error: io::Error| io_error("listen on", path, &error);
    let listener = UnixListener::bind(path).map_err(fail)?;
    // The folder is closed to others, before and after this.
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(fail)?;
    Ok((listener, file_id(path).map_err(fail)?))
}

fn file_id(path: &Path) -> io::Result<FileId> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// The folder is `own`'s alone, and nobody but them and root can put another in its place.
fn check_folder(folder: &Path, own: u32) -> Result<(), SocketError> {
    let look =
        |path: &Path| fs::symlink_metadata(path).map_err(|error| io_error("look at", path, &error));
    let found = look(folder)?;
    check_kind(folder, &found, "folder", Metadata::is_dir)?;
    check_owner(folder, &found, own)?;
    if found.mode() & 0o077 != 0 {
        return Err(SocketError::Open {
            path: folder.to_owned(),
            mode: found.mode() & 0o7777,
        });
    }
    let real = fs::canonicalize(folder).map_err(|error| io_error("follow", folder, &error))?;
    for above in real.ancestors().skip(1) {
        let found = look(above)?;
        if found.uid() != 0 {
            check_owner(above, &found, own)?;
        }
        // In a folder with the sticky bit, others may add but not replace.
        if found.mode() & 0o002 != 0 && found.mode() & 0o1000 == 0 {
            return Err(SocketError::Open {
                path: above.to_owned(),
                mode: found.mode() & 0o7777,
            });
        }
    }
    Ok(())
}

fn check_kind(
    path: &Path,
    found: &Metadata,
    expected: &'static str,
    is_expected: impl Fn(&Metadata) -> bool,
) -> Result<(), SocketError> {
    let path = path.to_owned();
    if found.is_symlink() {
        return Err(SocketError::Symlink { path });
    }
    if !is_expected(found) {
        return Err(SocketError::Kind { path, expected });
    }
    Ok(())
}

fn check_owner(path: &Path, found: &Metadata, expected: u32) -> Result<(), SocketError> {
    if found.uid() == expected {
        return Ok(());
    }
    Err(SocketError::Owner {
        path: path.to_owned(),
        expected,
        found: found.uid(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    fn place(folder: &Path) -> Place {
        Place::new(&folder.join(SOCKET)).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[tokio::test]
    async fn the_sockets_are_their_owners_alone_and_go_with_the_agent() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("run/signhere");
        let bound = place(&folder).bind().unwrap();
        assert_eq!(mode(&folder), 0o700);
        for socket in [SOCKET, FORWARD_SOCKET] {
            assert_eq!(mode(&folder.join(socket)), 0o600, "{socket}");
        }
        drop(bound);
        assert!(!folder.join(SOCKET).exists());
        assert!(!folder.join(FORWARD_SOCKET).exists());
    }

    #[tokio::test]
    async fn there_is_one_agent_and_what_a_dead_one_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("agent");
        let running = SocketError::Running {
            path: folder.join(SOCKET),
        };
        let first = place(&folder).bind().unwrap();
        assert_eq!(place(&folder).bind().unwrap_err(), running);
        drop(first);

        drop(UnixListener::bind(folder.join(SOCKET)).unwrap());
        assert!(folder.join(SOCKET).exists());
        drop(place(&folder).bind().unwrap());

        let _stranger = UnixListener::bind(folder.join(SOCKET)).unwrap();
        assert_eq!(place(&folder).bind().unwrap_err(), running);
    }

    #[test]
    fn what_is_open_to_others_or_leads_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["open", "private", "file-there"] {
            fs::create_dir(at(name)).unwrap();
            fs::set_permissions(at(name), Permissions::from_mode(0o700)).unwrap();
        }
        fs::set_permissions(at("open"), Permissions::from_mode(0o750)).unwrap();
        let refused = SocketError::Open {
            path: at("open"),
            mode: 0o750,
        };
        assert_eq!(place(&at("open")).prepare(), Err(refused));

        symlink(at("private"), at("link")).unwrap();
        let refused = SocketError::Symlink { path: at("link") };
        assert_eq!(place(&at("link")).prepare(), Err(refused));

        let socket = at("private").join(SOCKET);
        symlink("/dev/null", &socket).unwrap();
        let refused = SocketError::Symlink {
            path: socket.clone(),
        };
        assert_eq!(is_own_socket(&socket, own_uid()), Err(refused));

        let socket = at("file-there").join(SOCKET);
        fs::write(&socket, "").unwrap();
        let refused = SocketError::Kind {
            path: socket.clone(),
            expected: "socket",
        };
        assert_eq!(is_own_socket(&socket, own_uid()), Err(refused));

        fs::create_dir_all(at("crowd/agent")).unwrap();
        fs::set_permissions(at("crowd/agent"), Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(at("crowd"), Permissions::from_mode(0o777)).unwrap();
        let refused = SocketError::Open {
            path: fs::canonicalize(at("crowd")).unwrap(),
            mode: 0o777,
        };
        assert_eq!(place(&at("crowd/agent")).prepare(), Err(refused));
        fs::set_permissions(at("crowd"), Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(place(&at("crowd/agent")).prepare(), Ok(()));
    }

    #[test]
    fn what_belongs_to_another_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, own) = (dir.path().join("agent"), own_uid());
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        let refused = |expected, found| {
            let path = folder.clone();
            Err(SocketError::Owner {
                path,
                expected,
                found,
            })
        };
        assert_eq!(check_folder(&folder, own + 1), refused(own + 1, own));
        // Only root can give a folder away.
        if chown(&folder, Some(own + 1), None).is_ok() {
            assert_eq!(place(&folder).prepare(), refused(own, own + 1));
        }
    }

    #[test]
    fn paths_that_no_socket_can_have_are_refused() {
        let refused = |path: &Path| SocketError::Path {
            path: path.to_owned(),
        };
        for path in ["agent.sock", "/"].map(Path::new) {
            assert_eq!(Place::new(path), Err(refused(path)));
        }
        let path = Path::new("/run").join(FORWARD_SOCKET);
        let error = Place::new(&path).unwrap().bind().unwrap_err();
        assert_eq!(error, refused(&path));
        let path = Path::new("/tmp").join("x".repeat(103));
        let limit = 107;
        let refused = SocketError::TooLong {
            path: path.clone(),
            limit,
        };
        assert_eq!(Place::new(&path), Err(refused));
    }
}
