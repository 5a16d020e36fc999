//! The identity that the place we run in already has: CI jobs, cloud workloads, pods.
//!
//! Each provider says what it found: nothing, a token, or a place that should have one and does
//! not, with the change that gives it one. The environment is handed in ([`Env`]).

mod buildkite;
mod circleci;
mod env;
mod github;
mod gitlab;
mod google;
mod kubernetes;
mod spiffe;
#[cfg(test)]
mod tests;

use std::fmt;

use signhere_http::HttpClient;
use signhere_pki::time::Time;
use zeroize::Zeroizing;

use super::{IdentityToken, TokenError};
use crate::service::ServiceError;
pub use env::{Env, EnvError, Running, SystemEnv};
pub use spiffe::WorkloadApiError;

/// A place that gives identities to what runs in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI/CD.
    GitLab,
    /// Buildkite.
    Buildkite,
    /// CircleCI.
    CircleCi,
    /// A service account of Google Cloud.
    Google,
    /// A SPIFFE workload.
    Spiffe,
    /// A Kubernetes service account.
    Kubernetes,
}

impl Provider {
    /// All providers, in the order they are asked: a CI job may well run in a pod on a cloud
    /// machine, and the job is who it is.
    pub const ALL: [Self; 7] = [
        Self::GitHub,
        Self::GitLab,
        Self::Buildkite,
        Self::CircleCi,
        Self::Kubernetes,
        Self::Spiffe,
        Self::Google,
    ];

    async fn ask(self, asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
        match self {
            Self::GitHub => github::ask(asked).await,
            Self::GitLab => gitlab::ask(asked),
            Self::Buildkite => buildkite::ask(asked).await,
            Self::CircleCi => circleci::ask(asked).await,
            Self::Google => google::ask(asked).await,
            Self::Spiffe => spiffe::ask(asked).await,
            Self::Kubernetes => kubernetes::ask(asked),
        }
    }

    /// The change that makes the identity usable.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::GitHub => github::REMEDY,
            Self::GitLab => gitlab::REMEDY,
            Self::Buildkite => buildkite::REMEDY,
            Self::CircleCi => circleci::REMEDY,
            Self::Google => google::REMEDY,
            Self::Spiffe => spiffe::REMEDY,
            Self::Kubernetes => kubernetes::REMEDY,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub Actions",
            Self::GitLab => "GitLab CI/CD",
            Self::Buildkite => "Buildkite",
            Self::CircleCi => "CircleCI",
            Self::Google => "Google Cloud",
            Self::Spiffe => "SPIFFE",
            Self::Kubernetes => "Kubernetes",
        })
    }
}

/// An identity that was found.
#[derive(Clone, Debug)]
pub struct Ambient {
    /// Where.
    pub provider: Provider,
    /// Its token.
    pub token: IdentityToken,
}

/// A place that should give an identity does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{provider} detected, but it gives no identity: {problem}; {}", .provider.remedy())]
pub struct AmbientError {
    /// Where.
    pub provider: Provider,
    /// Why not.
    pub problem: AmbientProblem,
}

/// Why a place gives no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmbientProblem {
    /// An environment variable is not set.
    #[error("{0} is not set")]
    MissingVariable(String),
    /// An environment variable makes no sense.
    #[error("{name} cannot be used: {detail}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// Why not.
        detail: String,
    },
    /// A file or a command of the place fails.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// Its token service fails.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// What it gave cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The SPIFFE Workload API gives no JWT-SVID.
    #[error("the Workload API at {address}: {problem}")]
    WorkloadApi {
        /// Its address.
        address: String,
        /// Why not.
        problem: WorkloadApiError,
    },
}

/// What every provider is given.
struct Asked<'a> {
    env: &'a dyn Env,
    http: &'a HttpClient,
    audience: &'a str,
}

impl Asked<'_> {
    /// Whether a variable is set to something that means yes.
    fn is_set(&self, name: &str) -> bool {
        let value = self.env.var(name);
        value.is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
    }

    /// A variable that must be there.
    fn required(&self, name: &str) -> Result<String, AmbientProblem> {
        let value = self.env.var(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| AmbientProblem::MissingVariable(name.to_owned()))
    }
}

/// A token not yet looked at.
type Secret = Zeroizing<String>;

/// The identity of the place we run in, for `audience`. None if the place is not known to give
/// any; an error if it should and does not.
pub async fn detect(
    env: &dyn Env,
    http: &HttpClient,
    audience: &str,
    now: Time,
) -> Result<Option<Ambient>, AmbientError> {
    let asked = Asked {
        env,
        http,
        audience,
    };
    for provider in Provider::ALL {
        let fail = |problem| AmbientError { provider, problem };
        let Some(secret) = provider.ask(&asked).await.map_err(fail)? else {
            continue;
        };
        let token = IdentityToken::parse(&secret, audience, now);
        let token = token.map_err(|error| fail(error.into()))?;
        return Ok(Some(Ambient { provider, token }));
    }
    Ok(None)
}

/// A token out of bytes that a file, a command or a service gave.
fn secret(bytes: Vec<u8>) -> Result<Secret, AmbientProblem> {
    let bytes = Zeroizing::new(bytes);
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.trim().to_owned())),
        Err(_) => Err(TokenError::Malformed("not UTF-8".to_owned()).into()),
    }
}
