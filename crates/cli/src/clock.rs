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

    /// Since the machine was started.
    #[cfg(target_os = "linux")]
    fn elapsed(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
        seconds.saturating_add(Duration::from_nanos(
            u64::try_from(time.tv_nsec).unwrap_or(0),
        ))
    }

    /// Since it was first asked. Whether sleep counts is for the system to say.
    #[cfg(not(target_os = "linux"))]
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge that hands the time to everything else"
    )]
    fn elapsed(&self) -> Duration {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }
}
