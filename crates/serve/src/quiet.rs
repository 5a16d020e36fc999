//! For tests: locks on files, and processes being started.
//!
//! A process that is being started holds copies of its parent's open files, and with them the parent's locks,
//! until it runs its own program. A test that lets a lock go and takes it again must not meet that moment.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static STARTING: RwLock<()> = RwLock::new(());

/// While it is held, no process is started.
pub(crate) fn nothing_starts() -> RwLockReadGuard<'static, ()> {
    STARTING.read().unwrap_or_else(PoisonError::into_inner)
}

/// While it is held, a process may be started.
pub(crate) fn one_starts() -> RwLockWriteGuard<'static, ()> {
    STARTING.write().unwrap_or_else(PoisonError::into_inner)
}
