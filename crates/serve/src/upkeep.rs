//! What an instance does without being asked: it takes new keys into use when their time has come, and re-signs what
//! would expire.
//!
//! Everything follows from the manifest and the clock, so that a restart at any moment goes on where it was.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signhere_pki::time::Clock;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::assembly::{Assembly, Board};
use crate::control::{Rotate, Rotated};
use crate::error::ServeError;
use crate::http::live::LiveRoutes;

/// How often the clock is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// The one place where the parts of a running instance are changed.
pub(crate) struct Upkeep {
    assembly: Mutex<Assembly>,
    live: LiveRoutes,
    clock: Arc<dyn Clock>,
    board: Board,
}

impl Upkeep {
    /// Puts the services of `assembly` together as they are now.
    pub(crate) fn new(mut assembly: Assembly, clock: Arc<dyn Clock>) -> Result<Self, ServeError> {
        let live = LiveRoutes::new(assembly.routes(clock.now())?);
        Ok(Self {
            board: assembly.board(),
            assembly: Mutex::new(assembly),
            live,
            clock,
        })
    }

    /// The routes, now and after every change.
    pub(crate) fn live(&self) -> &LiveRoutes {
        &self.live
    }

    /// What the instance is made of.
    pub(crate) fn assembly(&self) -> MutexGuard<'_, Assembly> {
        self.assembly.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what is due by now. Blocks while it writes.
    pub(crate) fn look(&self) -> Result<(), ServeError> {
        let now = self.clock.now();
        let mut assembly = self.assembly();
        let noted = assembly.note_given(false);
        // Clients are told of a key before it signs, or it does not sign.
        assembly.publish(now)?;
        if assembly.has_to_change(now) {
            self.live.replace(assembly.routes(now)?);
            assembly.freeze_earlier_logs();
        }
        noted
    }

    /// Looks again and again until the other end of `stopped` is dropped; what cannot be done now is tried again
    /// the next time.
    pub(crate) async fn keep(self: Arc<Self>, mut stopped: watch::Receiver<()>) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.changed() => return,
            }
            let upkeep = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || upkeep.look()).await;
            let failure = match looked {
                Ok(looked) => looked.err(),
                Err(_) => Some(ServeError::Panicked),
            };
            self.board.note_upkeep(failure);
        }
    }

    /// Gives a service a new key: tells clients of it, and lets it sign when its time has come.
    pub(crate) fn rotate(&self, request: Rotate) -> Result<Rotated, ServeError> {
        let rotated = self.assembly().rotate(request, self.clock.now())?;
        self.look()?;
        Ok(rotated)
    }

    /// Commits what waits in the logs, then closes them.
    pub(crate) fn close(&self) {
        self.assembly().close();
    }
}
