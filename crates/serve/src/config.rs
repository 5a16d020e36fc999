//! How an instance is to be: where it listens, which services are on, what it bears.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::ServeError;

/// How an instance is to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InstanceConfig {
    /// The address of the listener that [`crate::Instance::serve`] will be given.
    /// Bind first, then ask the listener: every URL of the instance follows from it.
    pub address: SocketAddr,
    /// Which services are on.
    pub services: Services,
    /// What the instance bears before it refuses.
    pub limits: Limits,
}

impl InstanceConfig {
    /// A configuration with every service on and the usual limits.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            services: Services::default(),
            limits: Limits::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ServeError> {
        if !self.address.ip().is_loopback() {
            return Err(ServeError::NotLoopback {
                address: self.address,
            });
        }
        if self.services.ca && !self.services.ct {
            return Err(ServeError::ServiceNeeds {
                service: "ca",
                needs: "ct",
            });
        }
        Ok(())
    }
}

/// The services of an instance, each on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Services {
    /// The development OIDC issuer under `/oidc`.
    pub oidc: bool,
    /// The certificate authority. Needs `ct`.
    pub ca: bool,
    /// The certificate transparency log.
    pub ct: bool,
    /// The signature transparency log.
    pub log: bool,
    /// The timestamp authority.
    pub tsa: bool,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            oidc: true,
            ca: true,
            ct: true,
            log: true,
            tsa: true,
        }
    }
}

/// What an instance bears before it refuses.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// Connections open at one time; more wait in the system's accept queue.
    pub connections: usize,
    /// Bytes of a request's line and headers.
    pub header_bytes: usize,
    /// Time for a request's headers to arrive.
    pub header_time: Duration,
    /// Time for a request to be answered, from its headers to the answer's.
    pub request_time: Duration,
    /// Time for open requests to finish at shutdown.
    pub drain_time: Duration,
    /// Entries that wait for a log's sequencer; more are answered 503.
    pub queue: usize,
    /// Entries committed by a log in one batch.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            header_bytes: 128 * 1024,
            header_time: Duration::from_secs(10),
            request_time: Duration::from_secs(20),
            drain_time: Duration::from_secs(10),
            queue: 4096,
            batch: 256,
        }
    }
}
