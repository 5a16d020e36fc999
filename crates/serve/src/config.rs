//! How an instance is to be: where it listens, which services are on, what it bears.

mod error;
mod file;
mod read;
mod template;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use signhere_pki::cert::Certificate;
use signhere_pki::key::PublicKey;
use signhere_pki::time::Time;
use url::{Host, Url};

use crate::error::ServeError;
use crate::issuers::config::FulcioConfig;

pub use crate::http::limits::RateLimits;
pub use error::{ConfigError, ConfigProblem};
pub use template::{Written, template};

/// The name of the configuration file in an instance's folder.
pub const FILE: &str = "instance.toml";

/// How an instance is to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InstanceConfig {
    /// The address of the listener that [`crate::Instance::serve`] will be given.
    /// Bind first, then ask the listener: the port may be the system's choice.
    pub address: SocketAddr,
    /// What clients reach the instance at, when that is not the listener's own address.
    pub url: Option<Url>,
    /// The certificate that the listener shows; without one it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whose identity tokens the CA believes.
    pub issuers: IssuersConfig,
    /// Which services the instance runs itself.
    pub services: Services,
    /// Services of others that clients are sent to.
    pub external: External,
    /// The signature log.
    pub log: LogConfig,
    /// The instance as a witness for other logs.
    pub witness: WitnessConfig,
    /// What the instance bears before it refuses.
    pub limits: Limits,
    /// What one caller may ask of it.
    pub rates: RateLimits,
    /// What is written to the log of events.
    pub logging: Logging,
    /// How long before a new key signs clients are told of it.
    pub rotation_lead: Duration,
    /// The address that `/metrics` is answered on instead of [`InstanceConfig::address`], in plain HTTP.
    pub metrics: Option<SocketAddr>,
}

impl InstanceConfig {
    /// A configuration with every service on, the development issuer included, and the usual limits.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            url: None,
            tls: None,
            issuers: IssuersConfig::default(),
            services: Services::default(),
            external: External::default(),
            log: LogConfig::default(),
            witness: WitnessConfig::default(),
            limits: Limits::default(),
            rates: RateLimits::default(),
            logging: Logging::default(),
            rotation_lead: Duration::ZERO,
            metrics: None,
        }
    }

    /// What clients reach the instance at, without a slash at its end.
    pub fn base(&self) -> String {
        if let Some(url) = &self.url {
            return url.as_str().trim_end_matches('/').to_owned();
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The host name under which new logs are named: that of [`InstanceConfig::url`], unless it is an
    /// address or a name of this machine.
    pub fn public_host(&self) -> Option<&str> {
        match self.url.as_ref()?.host()? {
            Host::Domain(name) if !is_local_name(name) => Some(name),
            _ => None,
        }
    }

    /// Whether a request can only come from this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.address.ip().is_loopback() && self.url.as_ref().is_none_or(is_local)
    }

    /// Refuses what cannot be or is not safe. A configuration that [`InstanceConfig::load`] has read and
    /// that nobody changed passes.
    pub(crate) fn check(&self) -> Result<(), ServeError> {
        let ends_in_tls =
            self.tls.is_some() || self.url.as_ref().is_some_and(|url| url.scheme() == "https");
        let is_open = !self.address.ip().is_loopback();
        if is_open && (self.services.oidc || !ends_in_tls) {
            return Err(ServeError::NotLoopback {
                address: self.address,
            });
        }
        if self.services.ca && !self.services.ct && self.external.ct.is_none() {
            return Err(ServeError::ServiceNeeds {
                service: "ca",
                needs: "ct",
            });
        }
        Ok(())
    }
}

/// Where the certificate and key of the listener lie. They are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate in PEM, and the chain up to what clients trust.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// Whose identity tokens the CA believes, besides the development issuer's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuersConfig {
    /// Fulcio's own configuration file (`oidc-issuers`, `meta-issuers`, `ci-issuer-metadata`).
    pub fulcio: FulcioConfig,
    /// The issuer at which clients let people log in.
    pub login: Option<Url>,
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
    /// The TUF repository under `/tuf`.
    pub tuf: bool,
    /// Cosignatures for the logs of others.
    pub witness: bool,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            oidc: true,
            ca: true,
            ct: true,
            log: true,
            tsa: true,
            tuf: true,
            witness: false,
        }
    }
}

/// The services of others that take the place of the instance's own.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct External {
    /// A certificate authority.
    pub ca: Option<ExternalAuthority>,
    /// The certificate transparency log of that authority.
    pub ct: Option<ExternalLog>,
    /// A signature transparency log.
    pub log: Option<ExternalLog>,
    /// A timestamp authority.
    pub tsa: Option<ExternalAuthority>,
}

/// A certificate or timestamp authority of somebody else.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExternalAuthority {
    /// Where clients send their requests; a timestamp authority's full URL.
    pub url: Url,
    /// Its certificates, the root last.
    pub chain: Vec<Certificate>,
    /// Since when it is trusted.
    pub start: Time,
}

/// A log of somebody else.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExternalLog {
    /// Where clients send their entries.
    pub url: Url,
    /// The key that signs its checkpoints.
    pub key: PublicKey,
    /// Since when it is trusted.
    pub start: Time,
    /// The name it signs checkpoints under.
    pub origin: String,
    /// The major version of Rekor's API that it speaks.
    pub api_version: u32,
}

/// What the signature log does beyond logging.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogConfig {
    /// The folder that remembers how far each log had got, so that a restored older copy of the instance
    /// is noticed. Best on another disk.
    pub high_water: Option<PathBuf>,
    /// The policy that says which witnesses cosign checkpoints.
    pub witnesses: Option<PathBuf>,
    /// Whether a checkpoint is published even when the policy's quorum does not cosign it.
    pub fail_open: bool,
    /// How long a new checkpoint waits for the witnesses.
    pub witness_time: Duration,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            high_water: None,
            witnesses: None,
            fail_open: false,
            witness_time: Duration::from_secs(5),
        }
    }
}

/// What the instance cosigns for others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WitnessConfig {
    /// The logs that may ask, one verifier key a line.
    pub logs: Option<PathBuf>,
}

/// What is written to the log of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logging {
    /// How a line looks.
    pub format: LogFormat,
    /// Whether e-mail addresses may stand in it.
    pub emails: bool,
}

/// How a line of the log of events looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What an instance bears before it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections open at one time. When one more comes, the one that has been idle for the longest is closed.
    pub connections: usize,
    /// Bytes of a request's line and headers.
    pub header_bytes: usize,
    /// Time for a TLS handshake.
    pub handshake_time: Duration,
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
            connections: 4096,
            header_bytes: 128 * 1024,
            handshake_time: Duration::from_secs(10),
            header_time: Duration::from_secs(10),
            request_time: Duration::from_secs(20),
            drain_time: Duration::from_secs(10),
            queue: 4096,
            batch: 256,
        }
    }
}

/// Whether a URL names this machine.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_local_name(name),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// RFC 6761 section 6.3.
fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}
