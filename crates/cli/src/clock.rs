//! The system clock: the one place of the program that reads the time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signhere_pki::time::{Clock, Time};

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge that hands the time to everything else"
    )]
    fn now(&self) -> Time {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            // A clock before 1970 is a broken clock: no certificate is valid then.
            .map_or(0, |elapsed: Duration| elapsed.as_secs());
        Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}
