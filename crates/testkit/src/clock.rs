//! A clock that moves only when told to.

use std::sync::atomic::{AtomicI64, Ordering};

use signhere_pki::time::{Clock, Time};

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct FakeClock(AtomicI64);

impl FakeClock {
    /// A clock that stands at `time`.
    pub const fn at(time: Time) -> Self {
        Self(AtomicI64::new(time.unix()))
    }

    /// Sets the clock, back as well as forth.
    pub fn set(&self, time: Time) {
        self.0.store(time.unix(), Ordering::SeqCst);
    }

    /// Moves the clock by `seconds`, backwards when negative.
    pub fn advance(&self, seconds: i64) {
        self.set(self.now().plus_seconds(seconds));
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Time {
        Time::from_unix(self.0.load(Ordering::SeqCst))
    }
}
