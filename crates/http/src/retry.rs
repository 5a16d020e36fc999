//! When to try again, and after how long.

use std::{pin::Pin, time::Duration};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use signhere_pki::random::Random;

/// How waiting is done; tests hand in one that does not wait.
pub trait Sleep: Send + Sync {
    /// Returns a future that is ready after `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Waits by the timer of the running tokio runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioSleep;

impl Sleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Exponential back-off with jitter, bounded in number and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is made at most, the first time included.
    pub attempts: u32,
    /// The wait before the second attempt, doubled each time after.
    pub first_wait: Duration,
    /// The longest wait. A service that asks for a longer one (`Retry-After`) is not tried again.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// The wait after `attempt` attempts (from 1): what the service asks for, or between half and
    /// all of the doubled wait. None if the service asks for more than the longest wait.
    pub(super) fn wait(
        &self,
        attempt: u32,
        retry_after: Option<Duration>,
        random: &dyn Random,
    ) -> Option<Duration> {
        if let Some(asked) = retry_after {
            return (asked <= self.longest_wait).then_some(asked);
        }
        let doublings = attempt.saturating_sub(1).min(16);
        let wait = self.first_wait.saturating_mul(1 << doublings);
        let wait = wait.min(self.longest_wait);
        let mut dice = [0; 1];
        // Without randomness all clients come back at once, which is no reason to fail.
        let _ = random.fill(&mut dice);
        let half = wait / 2;
        Some(half + half * u32::from(dice[0]) / 255)
    }
}

/// Whether a status may be better next time: too many requests, or the server's own fault.
/// 501 Not Implemented will not change by waiting.
pub(super) fn is_transient(status: u16) -> bool {
    status == 429 || (500..600).contains(&status) && status != 501
}

/// The wait a service asks for in seconds (RFC 9110, section 10.2.3). The other form, a date, is
/// read as no wish: our clock and the service's may differ.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
