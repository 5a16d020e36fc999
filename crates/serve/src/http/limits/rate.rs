//! How often callers may ask: the generic cell rate algorithm (ITU-T I.371), one time a caller.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Callers that are remembered. When as many are busy at one time, the others share one allowance.
const REMEMBERED: usize = 65_536;
/// Between two looks at all of them, which take a while.
const SWEEP: Duration = Duration::from_secs(1);

/// When each caller will have used up nothing.
#[derive(Debug)]
pub(super) struct Rates {
    /// Time that one request costs.
    interval: Duration,
    /// Time that may be owed.
    tolerance: Duration,
    owed: Mutex<Owed>,
}

#[derive(Debug, Default)]
struct Owed {
    callers: HashMap<IpAddr, Instant>,
    others: Option<Instant>,
    /// When those that owe nothing were forgotten.
    swept: Option<Instant>,
}

impl Rates {
    /// A rate of 0 is taken for 1, and so is a burst.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            tolerance: interval.saturating_mul(burst.max(1).saturating_sub(1)),
            owed: Mutex::default(),
        }
    }

    /// Allows a request, or says how long to wait.
    pub(super) fn take(&self, caller: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |swept: Instant| now.saturating_duration_since(swept) >= SWEEP;
        if owed.callers.len() >= REMEMBERED
            && !owed.callers.contains_key(&caller)
            && owed.swept.is_none_or(is_due)
        {
            owed.callers.retain(|_, until| *until > now);
            owed.swept = Some(now);
        }
        let is_full = owed.callers.len() >= REMEMBERED;
        let until = if is_full && !owed.callers.contains_key(&caller) {
            owed.others.get_or_insert(now)
        } else {
            owed.callers.entry(caller).or_insert(now)
        };
        let from = (*until).max(now);
        let ahead = from.duration_since(now);
        if let Some(wait) = ahead
            .checked_sub(self.tolerance)
            .filter(|wait| !wait.is_zero())
        {
            return Err(wait);
        }
        *until = from + self.interval;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.owed.lock().unwrap().callers.len()
    }
}
