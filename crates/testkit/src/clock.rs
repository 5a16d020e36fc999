//! A clock that moves only when told to.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use signhere_pki::time::{Clock, Time};

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct FakeClock {
    now: AtomicI64,
    elapsed_seconds: AtomicU64,
}

impl FakeClock {
    /// A clock that stands at `time`.
    pub const fn at(time: Time) -> Self {
        Self {
            now: AtomicI64::new(time.unix()),
            elapsed_seconds: AtomicU64::new(0),
        }
    }

    /// Sets the clock, back as well as forth, as somebody at the machine would: no time passes.
    pub fn set(&self, time: Time) {
        self.now.store(time.unix(), Ordering::SeqCst);
    }

    /// Lets `seconds` pass. When they are negative the clock is set back instead: time does not go there.
    pub fn advance(&self, seconds: i64) {
        self.set(self.now().plus_seconds(seconds));
        let passed = u64::try_from(seconds).unwrap_or(0);
        self.elapsed_seconds.fetch_add(passed, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Time {
        Time::from_unix(self.now.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.elapsed_seconds.load(Ordering::SeqCst))
    }
}
