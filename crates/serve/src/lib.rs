//! A private Sigstore in one process, behind one loopback listener.
//!
//! | module | what is in it |
//! |---|---|
//! | [`config`] | where an instance listens, which services are on, what it bears |
//! | [`endpoints`] | the URLs of an instance, and the names its logs sign under |
//! | [`error`] | what keeps an instance from being made, opened or served |
//! | [`control`] | what an operator asks of a running instance |
//! | [`instance`] | opening an instance and serving it |
//! | [`setup`] | making an instance |
//! | [`keys`] | an instance's keys, for commands that do not serve it |
//! | `assembly` | the services, put together from keys, configuration and time |
//! | `upkeep` | what an instance does by itself: keys whose time has come, what would expire |
//! | `state` | the state folder: keys at rest, one holder |
//! | `trust` | what clients are told: whom to trust, where to sign |
//! | [`issuers`] | whom the CA believes: issuers, their keys, what their tokens say |
//! | `oidc` | the development OpenID Connect issuer |
//! | `ca` | the certificate authority |
//! | `ct` | the certificate transparency log |
//! | `log` | the signature transparency log |
//! | [`tuf`] | the TUF repository, by which clients learn whom to trust |
//! | `tsa` | the timestamp authority |
//! | `witness` | the witnesses that are asked, and the one for others |
//! | `pool` | the thread that sequences a log, and its queue |
//! | `store` | a log in files |
//! | [`backup`] | copies of an instance, made while it runs |
//! | [`status`] | what an instance says of itself |
//! | `observe` | health, metrics, one line of log a request |
//! | `web` | the pages at `/` |
//! | `http` | what all services share over HTTP |

pub mod backup;
pub mod config;
pub mod control;
pub mod endpoints;
pub mod error;
pub mod instance;
pub mod issuers;
pub mod keys;
pub mod setup;
pub mod status;
pub mod tuf;

mod assembly;
mod ca;
mod ct;
mod email;
mod http;
mod log;
mod observe;
mod oidc;
mod pool;
mod proto;
#[cfg(test)]
mod quiet;
mod state;
mod store;
mod trust;
mod tsa;
mod upkeep;
mod web;
mod witness;

pub use config::{ConfigError, InstanceConfig, Limits, Services};
pub use endpoints::Endpoints;
pub use error::ServeError;
pub use instance::{Instance, rotate};
pub use issuers::config::FulcioConfig;
pub use setup::{NewInstance, Setup};
pub use state::manifest::Role;
pub use state::seal::{Unlock, UnlockKind};
pub use store::{lock as log_lock, objects as log_objects};
