//! What the tokens of an issuer speak of: one file a type of Fulcio's configuration.

mod buildkite_job;
mod chainguard;
mod ci_provider;
mod codefresh_workflow;
mod email;
mod github_workflow;
mod gitlab_pipeline;
mod kubernetes;
mod spiffe;
mod uri;
mod username;

use std::sync::Arc;

use signhere_pki::cert::San;

use super::claims::Claims;
use super::disbelief::Disbelief;

pub(super) use ci_provider::{CiProvider, EXTENSIONS, MAX_EXTENSIONS};
pub(super) use email::{Email, IssuerClaim};
pub(super) use spiffe::TrustDomain;
pub(super) use uri::{SubjectUri, may_speak_for};
pub(super) use username::Username;

/// A type of issuer, with what its configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Email(Email),
    Username(Username),
    Uri(SubjectUri),
    Spiffe(TrustDomain),
    Kubernetes,
    Chainguard,
    /// `ci-provider`, or one of the older types that are templates of their own.
    Ci {
        name: &'static str,
        provider: Arc<CiProvider>,
    },
}

/// Whom a token speaks of, in the terms of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) san: San,
    /// The issuer that the certificate names, when it is not the token's own.
    pub(super) issuer: Option<String>,
    /// What is said of a build, by the extension's number, in order.
    pub(super) extensions: Vec<(u32, String)>,
}

impl Kind {
    pub(super) const EMAIL: &'static str = "email";
    pub(super) const USERNAME: &'static str = "username";
    pub(super) const URI: &'static str = "uri";
    pub(super) const SPIFFE: &'static str = "spiffe";
    pub(super) const KUBERNETES: &'static str = "kubernetes";
    pub(super) const CHAINGUARD: &'static str = "chainguard-identity";
    pub(super) const CI_PROVIDER: &'static str = "ci-provider";
    /// The types that are a CI provider with a template of their own.
    pub(super) const BUILT_IN: [&'static str; 4] = [
        "github-workflow",
        "gitlab-pipeline",
        "buildkite-job",
        "codefresh-workflow",
    ];

    /// The provider behind one of [`BUILT_IN`](Self::BUILT_IN).
    pub(super) fn built_in(name: &str) -> Option<Self> {
        let name = Self::BUILT_IN.into_iter().find(|known| *known == name)?;
        let provider = match name {
            "github-workflow" => github_workflow::provider(),
            "gitlab-pipeline" => gitlab_pipeline::provider(),
            "buildkite-job" => buildkite_job::provider(),
            _ => codefresh_workflow::provider(),
        };
        let provider = Arc::new(provider.ok()?);
        Some(Self::Ci { name, provider })
    }

    /// Its name in Fulcio's configuration.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Email(_) => Self::EMAIL,
            Self::Username(_) => Self::USERNAME,
            Self::Uri(_) => Self::URI,
            Self::Spiffe(_) => Self::SPIFFE,
            Self::Kubernetes => Self::KUBERNETES,
            Self::Chainguard => Self::CHAINGUARD,
            Self::Ci { name, .. } => name,
        }
    }

    /// The claim that proof of possession signs, unless the configuration names another.
    pub(super) fn challenge_claim(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            _ => "sub",
        }
    }

    /// The same for one token: clients sign the e-mail address of a Chainguard identity that has one.
    pub(super) fn challenge_claim_of(&self, claims: Claims<'_>) -> &'static str {
        match self {
            Self::Chainguard if claims.value("email").is_some() => "email",
            _ => self.challenge_claim(),
        }
    }

    /// Whom the token with these claims speaks of.
    pub(super) fn subject(&self, issuer: &str, claims: Claims<'_>) -> Result<Subject, Disbelief> {
        let (san, issuer, extensions) = match self {
            Self::Email(email) => {
                let (san, issuer) = email.subject(claims)?;
                (san, issuer, Vec::new())
            }
            Self::Username(username) => (username.san(claims)?, None, Vec::new()),
            Self::Uri(uri) => (uri.san(claims)?, None, Vec::new()),
            Self::Spiffe(domain) => (domain.san(claims)?, None, Vec::new()),
            Self::Kubernetes => (kubernetes::san(claims)?, None, Vec::new()),
            Self::Chainguard => (chainguard::san(issuer, claims)?, None, Vec::new()),
            Self::Ci { provider, .. } => {
                let (san, extensions) = provider.subject(claims)?;
                (san, None, extensions)
            }
        };
        Ok(Subject {
            san,
            issuer,
            extensions,
        })
    }
}

#[cfg(test)]
mod tests;
