//! Fulcio's issuer configuration, read as Fulcio reads it, and with more care.
//!
//! It is YAML or JSON: `oidc-issuers` by URL, `meta-issuers` by a URL with wildcards, `ci-issuer-metadata` by the
//! name of a provider. `define` and names that begin with `x-` may hold anchors. A mistake is shown with its line.

mod error;
mod wire;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use serde_saphyr::{Location, Spanned};
use signhere_http::is_loopback;
use signhere_pki::cert::Certificate;
use url::Url;

use super::kind::{
    CiProvider, EXTENSIONS, Email, IssuerClaim, Kind, SubjectUri, TrustDomain, Username,
    may_speak_for,
};
use super::template::Template;
use super::wildcard::{NotAWildcard, Wildcard};
use wire::{Wire, WireIssuer, WireProvider};

pub use super::template::TemplateError;
pub use error::{ConfigError, ConfigProblem};

/// Issuers, of both kinds together.
const MAX_ISSUERS: usize = 1024;
/// Bytes of a value that is written in the configuration.
const MAX_VALUE: usize = 4096;

/// Whom Fulcio would believe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FulcioConfig {
    /// Those with a URL of their own and then those with wildcards, each in their order.
    pub(super) issuers: Vec<IssuerConfig>,
}

/// One issuer, or all those of a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IssuerConfig {
    pub(super) url: IssuerUrl,
    /// What `aud` must be or contain.
    pub(super) audience: String,
    pub(super) kind: Kind,
    /// The claim that proof of possession signs, when it is not that of the type.
    pub(super) challenge_claim: Option<String>,
    /// Certificate authorities in PEM, besides the system's, for its servers.
    pub(super) ca_cert: Option<String>,
    pub(super) subject_domain: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IssuerUrl {
    Exact(String),
    Wildcard(Wildcard),
}

impl FulcioConfig {
    /// The configuration in `yaml`, which may be JSON.
    ///
    /// # Errors
    /// [`ConfigError`] at the first mistake.
    pub fn parse(yaml: &str) -> Result<Self, ConfigError> {
        let wire = Wire::parse(yaml)?;
        let count = wire.oidc_issuers.0.len() + wire.meta_issuers.0.len();
        if count > MAX_ISSUERS {
            return Err(ConfigError {
                line: 1,
                column: 1,
                problem: ConfigProblem::TooMany {
                    limit: MAX_ISSUERS,
                    found: count,
                },
            });
        }
        let mut providers = BTreeMap::new();
        for (name, provider) in wire.ci_issuer_metadata.0 {
            let parsed = provider.parse(&name)?;
            providers.insert(name.value, Arc::new(parsed));
        }
        let mut issuers = Vec::new();
        for (url, issuer) in wire.oidc_issuers.0 {
            issuers.push(issuer.parse(&url, exact(&url)?, &providers)?);
        }
        for (url, issuer) in wire.meta_issuers.0 {
            issuers.push(issuer.parse(&url, wildcard(&url)?, &providers)?);
        }
        Ok(Self { issuers })
    }

    /// How many issuers and wildcards there are.
    pub fn len(&self) -> usize {
        self.issuers.len()
    }

    /// Whether nobody is believed.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }
}

impl FromStr for FulcioConfig {
    type Err = ConfigError;

    fn from_str(yaml: &str) -> Result<Self, ConfigError> {
        Self::parse(yaml)
    }
}

impl IssuerConfig {
    pub(super) fn new(url: IssuerUrl, audience: String, kind: Kind) -> Self {
        Self {
            url,
            audience,
            kind,
            challenge_claim: None,
            ca_cert: None,
            subject_domain: String::new(),
        }
    }
}

type Providers = BTreeMap<String, Arc<CiProvider>>;
type Text = Spanned<String>;

fn exact(url: &Text) -> Result<IssuerUrl, ConfigError> {
    let no_url = || ConfigProblem::NoUrl {
        found: url.value.clone(),
    };
    let parsed = Url::parse(&url.value).map_err(|_| at(url, no_url()))?;
    require_https(url, &parsed)?;
    let plain = parsed.has_host()
        && parsed.username().is_empty()
        && parsed.query().is_none()
        && parsed.fragment().is_none();
    match plain {
        true => Ok(IssuerUrl::Exact(url.value.clone())),
        false => Err(at(url, no_url())),
    }
}

fn wildcard(url: &Text) -> Result<IssuerUrl, ConfigError> {
    let found = url.value.clone();
    let wildcard = Wildcard::parse(&url.value).map_err(|problem| {
        let problem = match problem {
            NotAWildcard::NoUrl => ConfigProblem::NoUrl { found },
            NotAWildcard::Exact => ConfigProblem::NoWildcard { found },
            NotAWildcard::TooWide => ConfigProblem::TooWide { found },
        };
        at(url, problem)
    })?;
    let any = Url::parse(&url.value.replace('*', "x"));
    let any = any.map_err(|_| {
        let found = url.value.clone();
        at(url, ConfigProblem::NoUrl { found })
    })?;
    require_https(url, &any)?;
    Ok(IssuerUrl::Wildcard(wildcard))
}

/// Keys that came over a connection that anybody may have changed prove nothing.
fn require_https(written: &Text, url: &Url) -> Result<(), ConfigError> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        _ => {
            let found = written.value.clone();
            Err(at(written, ConfigProblem::NotHttps { found }))
        }
    }
}

impl WireIssuer {
    fn parse(
        self,
        key: &Text,
        url: IssuerUrl,
        providers: &Providers,
    ) -> Result<IssuerConfig, ConfigError> {
        let missing = |name| at(key, ConfigProblem::Missing { key: name });
        if let (Some(other), IssuerUrl::Exact(url)) = (&self.issuer_url, &url)
            && other.value != *url
        {
            let problem = ConfigProblem::OtherUrl {
                key: url.clone(),
                found: other.value.clone(),
            };
            return Err(at(other, problem));
        }
        let audience = present(self.client_id.as_ref())?.ok_or_else(|| missing("client-id"))?;
        let kind = self.kind(key, &url, providers)?;
        if let Some(claim) = present(self.issuer_claim.as_ref())?
            && !matches!(kind, Kind::Email(_))
        {
            return Err(at(claim, ConfigProblem::IssuerClaimOfOthers));
        }
        let ca_cert = match self.ca_cert.filter(|pem| !pem.value.is_empty()) {
            None => None,
            Some(pem) => match Certificate::list_from_pem(&pem.value) {
                Ok(_) => Some(pem.value),
                Err(_) => return Err(at(&pem, ConfigProblem::NoCertificate)),
            },
        };
        Ok(IssuerConfig {
            url,
            audience: audience.value.clone(),
            kind,
            challenge_claim: present(self.challenge_claim.as_ref())?
                .map(|claim| claim.value.clone()),
            ca_cert,
            subject_domain: self
                .subject_domain
                .map(|text| text.value)
                .unwrap_or_default(),
        })
    }

    fn kind(
        &self,
        key: &Text,
        url: &IssuerUrl,
        providers: &Providers,
    ) -> Result<Kind, ConfigError> {
        let missing = |name| at(key, ConfigProblem::Missing { key: name });
        let kind = present(self.kind.as_ref())?.ok_or_else(|| missing("type"))?;
        let domain =
            || present(self.subject_domain.as_ref())?.ok_or_else(|| missing("subject-domain"));
        match kind.value.as_str() {
            Kind::EMAIL => {
                let issuer_claim = match present(self.issuer_claim.as_ref())? {
                    None => None,
                    Some(path) => Some(path.value.parse::<IssuerClaim>().map_err(|()| {
                        let found = path.value.clone();
                        at(path, ConfigProblem::NoClaimPath { found })
                    })?),
                };
                Ok(Kind::Email(Email {
                    issuer_claim,
                    skip_verification: self.skip_email_verification.unwrap_or(false),
                }))
            }
            Kind::USERNAME => {
                let domain = domain()?;
                require_same_domain(key, domain, &domain.value, url)?;
                Ok(Kind::Username(Username {
                    domain: domain.value.clone(),
                }))
            }
            Kind::URI => {
                let domain = domain()?;
                let no_place = || {
                    let found = domain.value.clone();
                    at(domain, ConfigProblem::NoUriDomain { found })
                };
                let uri = SubjectUri::parse(&domain.value).ok_or_else(no_place)?;
                let place = Url::parse(&domain.value).map_err(|_| no_place())?;
                let host = place.host_str().ok_or_else(no_place)?;
                require_same_domain(key, domain, host, url)?;
                if !url.as_str().starts_with(&format!("{}://", place.scheme())) {
                    let problem = ConfigProblem::OtherDomain {
                        issuer: key.value.clone(),
                        found: domain.value.clone(),
                    };
                    return Err(at(domain, problem));
                }
                Ok(Kind::Uri(uri))
            }
            Kind::SPIFFE => {
                if let IssuerUrl::Wildcard(_) = url {
                    return Err(at(kind, ConfigProblem::SpiffeWildcard));
                }
                let domain = present(self.spiffe_trust_domain.as_ref())?;
                let domain = domain.ok_or_else(|| missing("spiffe-trust-domain"))?;
                let parsed = TrustDomain::parse(&domain.value).ok_or_else(|| {
                    let found = domain.value.clone();
                    at(domain, ConfigProblem::NoTrustDomain { found })
                })?;
                Ok(Kind::Spiffe(parsed))
            }
            Kind::KUBERNETES => Ok(Kind::Kubernetes),
            Kind::CHAINGUARD => Ok(Kind::Chainguard),
            Kind::CI_PROVIDER => {
                let name = present(self.ci_provider.as_ref())?;
                let name = name.ok_or_else(|| missing("ci-provider"))?;
                let provider = providers.get(&name.value).ok_or_else(|| {
                    let problem = ConfigProblem::UnknownProvider {
                        found: name.value.clone(),
                        known: providers.keys().cloned().collect(),
                    };
                    at(name, problem)
                })?;
                Ok(Kind::Ci {
                    name: Kind::CI_PROVIDER,
                    provider: Arc::clone(provider),
                })
            }
            other => Kind::built_in(other).ok_or_else(|| {
                let found = other.to_owned();
                at(kind, ConfigProblem::UnknownType { found })
            }),
        }
    }
}

impl IssuerUrl {
    fn as_str(&self) -> &str {
        match self {
            Self::Exact(url) => url,
            Self::Wildcard(wildcard) => wildcard.as_str(),
        }
    }
}

impl WireProvider {
    fn parse(self, name: &Text) -> Result<CiProvider, ConfigError> {
        let template = |text: &Text| {
            let parsed = text.value.parse::<Template>();
            parsed.map_err(|problem| at(text, ConfigProblem::Template(problem)))
        };
        let san = present(self.subject_alternative_name_template.as_ref())?;
        let san = san.ok_or_else(|| {
            let key = "subject-alternative-name-template";
            at(name, ConfigProblem::Missing { key })
        })?;
        let mut extensions = Vec::new();
        for (key, text) in self.extension_templates.0 {
            // Fulcio takes these two from the token whatever is written here.
            if ["issuer", "subject", "Issuer", "Subject"].contains(&key.value.as_str()) {
                continue;
            }
            let known = EXTENSIONS
                .iter()
                .find(|(yaml, json, _)| key.value == *yaml || key.value == *json);
            let (_, _, number) = known.ok_or_else(|| {
                let found = key.value.clone();
                at(&key, ConfigProblem::UnknownExtension { found })
            })?;
            if let Some(text) = text.filter(|text| !text.value.trim().is_empty()) {
                extensions.push((*number, template(&text)?));
            }
        }
        extensions.sort_by_key(|(number, _)| *number);
        let defaults = self.default_template_values.0.into_iter();
        Ok(CiProvider {
            required: &[],
            one_of: &[],
            defaults: defaults
                .map(|(name, value)| (name.value, value.unwrap_or_default()))
                .collect(),
            san: template(san)?,
            extensions,
        })
    }
}

/// Fulcio's rule: an issuer speaks for its own host, and for hosts with the same last two labels.
fn require_same_domain(
    key: &Text,
    domain: &Text,
    host: &str,
    url: &IssuerUrl,
) -> Result<(), ConfigError> {
    let issuer = Url::parse(&url.as_str().replace('*', "x"));
    let issuer = issuer
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    match issuer {
        Some(issuer) if may_speak_for(&issuer, host) => Ok(()),
        _ => {
            let problem = ConfigProblem::OtherDomain {
                issuer: key.value.clone(),
                found: domain.value.clone(),
            };
            Err(at(domain, problem))
        }
    }
}

/// A value that is written and not empty.
fn present(text: Option<&Text>) -> Result<Option<&Text>, ConfigError> {
    let text = text.filter(|text| !text.value.is_empty());
    if let Some(long) = text.filter(|text| text.value.len() > MAX_VALUE) {
        let problem = ConfigProblem::TooLong {
            limit: MAX_VALUE,
            found: long.value.len(),
        };
        return Err(at(long, problem));
    }
    Ok(text)
}

fn at(text: &Text, problem: ConfigProblem) -> ConfigError {
    ConfigError::at(text.referenced, problem)
}

impl ConfigError {
    fn at(location: Location, problem: ConfigProblem) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
            problem,
        }
    }
}

#[cfg(test)]
mod tests;
