//! A private Sigstore in one process, behind one loopback listener.
//!
//! | module | what is in it |
//! |---|---|
//! | [`config`] | where an instance listens, which services are on, what it bears |
//! | [`endpoints`] | the URLs of an instance, and the names its logs sign under |
//! | [`error`] | what keeps an instance from being made, opened or served |
//! | [`instance`] | opening an instance and serving it |
//! | [`keys`] | an instance's keys, for commands that do not serve it |
//! | `state` | the state folder: keys at rest, one holder |
//! | `trust` | what clients are told: whom to trust, where to sign |
//! | `oidc` | the development OpenID Connect issuer |
//! | `ca` | the certificate authority |
//! | `ct` | the certificate transparency log |
//! | `log` | the signature transparency log |
//! | `tsa` | the timestamp authority |
//! | `witness` | the witnesses that are asked, and the one for others |
//! | `pool` | the thread that sequences a log, and its queue |
//! | `store` | a log in files |
//! | `http` | what all services share over HTTP |

pub mod config;
pub mod endpoints;
pub mod error;
pub mod instance;
pub mod keys;

mod ca;
mod ct;
mod email;
mod http;
mod log;
mod oidc;
mod pool;
mod proto;
#[cfg(test)]
mod quiet;
mod state;
mod store;
mod trust;
mod tsa;
mod witness;

pub use config::{ConfigError, InstanceConfig, Limits, Services};
pub use endpoints::Endpoints;
pub use error::ServeError;
pub use instance::Instance;
pub use state::seal::{Unlock, UnlockKind};
