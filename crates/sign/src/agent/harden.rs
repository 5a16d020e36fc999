//! Keeping what a process has in memory off the disk, and out of reach of debuggers.

use serde::{Deserialize, Serialize};

/// What was done, and what could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hardening {
    /// Whether a crash leaves no core file.
    pub no_core_dumps: bool,
    /// Whether other processes of the user cannot read its memory or attach a debugger.
    pub not_dumpable: bool,
    /// Whether its memory is kept off the swap.
    pub memory: MemoryLock,
}

/// Whether memory is kept off the swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum MemoryLock {
    /// All of it, now and later.
    Locked,
    /// None of it: the system lets this process lock too little.
    LimitTooLow {
        /// RLIMIT_MEMLOCK, in bytes.
        limit: u64,
    },
    /// None of it: the system refused.
    Refused {
        /// What the system said.
        error: String,
    },
    /// None of it: this is not done on this system.
    Unsupported,
}

impl Hardening {
    /// Nothing was done.
    pub const NONE: Self = Self {
        no_core_dumps: false,
        not_dumpable: false,
        memory: MemoryLock::Unsupported,
    };

    /// Does for this process what the system allows. Secrets come after this.
    #[cfg(target_os = "linux")]
    pub fn apply() -> Self {
        use rustix::process::{
            DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit,
        };

        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        Self {
            no_core_dumps: setrlimit(Resource::Core, none).is_ok(),
            not_dumpable: set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok(),
            memory: lock_memory(),
        }
    }

    /// Does for this process what the system allows: nothing that is known here.
    #[cfg(not(target_os = "linux"))]
    pub fn apply() -> Self {
        Self::NONE
    }
}

/// Locks all memory, where the limit cannot be met later: an allocation that meets it would end the process, and every
/// login with it.
#[cfg(target_os = "linux")]
fn lock_memory() -> MemoryLock {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use rustix::thread::{CapabilitySet, capabilities};

    let limit = getrlimit(Resource::Memlock);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // What the hard limit forbids stays forbidden, and is found out next.
    let _ = setrlimit(Resource::Memlock, raised);
    let limit = getrlimit(Resource::Memlock).current;
    let is_exempt =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    if let (Some(limit), false) = (limit, is_exempt) {
        return MemoryLock::LimitTooLow { limit };
    }
    // Only what is really used: the allocator reserves far more.
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    match mlockall(flags) {
        Ok(()) => MemoryLock::Locked,
        Err(error) => MemoryLock::Refused {
            error: error.to_string(),
        },
    }
}
