//! Whom the CA believes: OpenID Connect issuers, and what their tokens say.
//!
//! | module | what is in it |
//! |---|---|
//! | [`config`] | Fulcio's issuer configuration |
//! | `kind` | one file a type of issuer: from claims to what a certificate says |
//! | `template` | the template language of CI providers |
//! | `keys`, `discovery` | an issuer's keys: fetched, kept, bounded |
//! | `cluster` | the API server of the Kubernetes cluster around the instance |
//! | `meta`, `wildcard` | issuers by a wildcard |
//! | `disbelief` | why a token is not believed |

mod claims;
mod cluster;
pub mod config;
mod disbelief;
mod discovery;
mod keys;
mod kind;
mod meta;
mod template;
mod wildcard;

use std::sync::Arc;
use std::time::Duration;

use der::asn1::ObjectIdentifier;
use serde_json::{Map, Value, json};
use signhere_http::{HttpClient, TlsRoots};
use signhere_pki::cert::San;
use signhere_pki::fulcio;
use signhere_pki::jwt::{Jwks, JwtExpect, UnverifiedJwt};
use signhere_pki::time::Clock;

use crate::error::ServeError;
use claims::Claims;
use cluster::Cluster;
use config::{FulcioConfig, IssuerConfig, IssuerUrl};
use discovery::{ChosenBy, Source};
use keys::Keys;
use kind::{Email, Kind, Subject};
use meta::MetaIssuer;

pub use disbelief::Disbelief;
pub use discovery::KeysError;
pub use keys::IssuerHealth;

/// Seconds that an issuer's clock may be off.
const LEEWAY: u32 = 60;
/// How long a connection to an issuer may take at most, and how long an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Every issuer that the CA believes.
pub struct Issuers {
    issuers: Vec<Issuer>,
    clock: Arc<dyn Clock>,
}

/// The instance's own issuer, for development.
pub struct DevelopmentIssuer {
    /// The `iss` of its tokens.
    pub url: String,
    /// The `aud` of its tokens.
    pub audience: String,
    /// The keys that they verify with.
    pub keys: Jwks,
}

/// Whom a believed token speaks of: what goes into the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The issuer that the certificate names.
    pub issuer: String,
    /// What proof of possession signs.
    pub challenge: String,
    /// The claim that it is the value of.
    pub challenge_claim: String,
    /// The certificate's one subject alternative name.
    pub san: San,
    /// Fulcio's extensions, by their number.
    pub extensions: Vec<(ObjectIdentifier, Vec<u8>)>,
}

struct Issuer {
    config: IssuerConfig,
    who: Who,
}

enum Who {
    One { url: String, keys: Arc<Keys> },
    Many(MetaIssuer),
}

impl Issuers {
    /// The issuers of `config`, after the one for development. Asks nobody yet.
    ///
    /// # Errors
    /// [`ServeError::Make`] when an issuer's address is none.
    pub fn new(
        config: FulcioConfig,
        development: Option<DevelopmentIssuer>,
        http: &HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServeError> {
        Self::in_cluster(config, development, http, clock, Cluster::default())
    }

    fn in_cluster(
        config: FulcioConfig,
        development: Option<DevelopmentIssuer>,
        http: &HttpClient,
        clock: Arc<dyn Clock>,
        cluster: Cluster,
    ) -> Result<Self, ServeError> {
        let cluster = Arc::new(cluster);
        let hurried = |roots: Option<TlsRoots>| {
            Arc::new(http.reconfigured(|config| {
                config.connect_timeout = config.connect_timeout.min(CONNECT_TIMEOUT);
                config.total_timeout = config.total_timeout.min(ANSWER_TIMEOUT);
                config.retry.attempts = 1;
                if let Some(roots) = roots {
                    config.roots = roots;
                }
            }))
        };
        let shared = hurried(None);
        let mut issuers = Vec::new();
        if let Some(own) = development {
            let keys = Arc::new(Keys::fixed(own.keys, Arc::clone(&clock)));
            let config = IssuerConfig::new(
                IssuerUrl::Exact(own.url.clone()),
                own.audience,
                Kind::Email(Email::default()),
            );
            let who = Who::One { url: own.url, keys };
            issuers.push(Issuer { config, who });
        }
        for config in config.issuers {
            let http = match &config.ca_cert {
                Some(pem) => hurried(Some(TlsRoots::SystemAnd(pem.clone().into_bytes()))),
                None => Arc::clone(&shared),
            };
            let who = match &config.url {
                IssuerUrl::Exact(url) => {
                    let source = Source::new(url, ChosenBy::Configuration, http);
                    let mut source = source.ok_or_else(|| ServeError::make("an issuer", &url))?;
                    // Whoever names an authority means an issuer like any other.
                    if config.ca_cert.is_none() {
                        source = source.in_cluster(&cluster);
                    }
                    let keys = Arc::new(Keys::of(source, Arc::clone(&clock)));
                    let url = url.clone();
                    Who::One { url, keys }
                }
                IssuerUrl::Wildcard(wildcard) => {
                    let clock = Arc::clone(&clock);
                    Who::Many(MetaIssuer::new(wildcard.clone(), http, clock))
                }
            };
            issuers.push(Issuer { config, who });
        }
        Ok(Self { issuers, clock })
    }

    /// Whom `token` speaks of. What it says of itself is checked before anybody is asked for keys.
    ///
    /// # Errors
    /// [`Disbelief`], which names the claim.
    pub async fn believe(&self, token: &str) -> Result<Principal, Disbelief> {
        let unverified = UnverifiedJwt::parse(token)?;
        let named = unverified.issuer().ok_or(Disbelief::UnknownIssuer)?;
        let issuer = self.find(named).ok_or(Disbelief::UnknownIssuer)?;
        unverified.check(&JwtExpect {
            issuer: named,
            audience: &issuer.config.audience,
            now: self.clock.now(),
            leeway_seconds: LEEWAY,
        })?;
        let keys = match &issuer.who {
            Who::One { keys, .. } => Arc::clone(keys),
            Who::Many(meta) => meta.keys(named)?,
        };
        let jwt = keys.verify(&unverified).await?;
        issuer.config.principal(named, jwt.claims())
    }

    /// What `GET /api/v2/configuration` answers.
    pub fn configuration(&self) -> Value {
        let issuers: Vec<_> = self
            .issuers
            .iter()
            .map(|issuer| issuer.config.to_json())
            .collect();
        json!({ "issuers": issuers })
    }

    /// How the keys of every issuer are that was asked for them, or will be.
    pub fn health(&self) -> Vec<IssuerHealth> {
        let health = self.issuers.iter().flat_map(|issuer| match &issuer.who {
            Who::One { keys, .. } => keys.health().into_iter().collect(),
            Who::Many(meta) => meta.health(),
        });
        health.collect()
    }

    /// The issuer called `url`: one of that very name before one by a wildcard, and these in their order.
    fn find(&self, url: &str) -> Option<&Issuer> {
        let exact = self
            .issuers
            .iter()
            .find(|issuer| matches!(&issuer.who, Who::One { url: known, .. } if known == url));
        exact.or_else(|| {
            self.issuers.iter().find(
                |issuer| matches!(&issuer.who, Who::Many(meta) if meta.wildcard().matches(url)),
            )
        })
    }
}

impl IssuerConfig {
    /// Whom a token of the issuer called `url` with these claims speaks of.
    fn principal(&self, url: &str, claims: &Map<String, Value>) -> Result<Principal, Disbelief> {
        let claims = Claims::new(claims);
        let challenge_claim = match &self.challenge_claim {
            Some(claim) => claim,
            None => self.kind.challenge_claim_of(claims),
        };
        let challenge = claims.text(challenge_claim)?;
        let token_subject = claims.text("sub")?;
        let Subject {
            san,
            issuer,
            extensions,
        } = self.kind.subject(url, claims)?;
        let issuer = issuer.unwrap_or_else(|| url.to_owned());

        let mut texts = extensions;
        texts.push((fulcio::ISSUER_V1, issuer.clone()));
        texts.push((fulcio::ISSUER_V2, issuer.clone()));
        texts.push((fulcio::TOKEN_SUBJECT, token_subject.to_owned()));
        texts.sort_by_key(|(number, _)| *number);
        let too_long = |_| Disbelief::TooLong {
            limit: kind::MAX_EXTENSIONS,
        };
        let encoded = texts
            .iter()
            .map(|(number, text)| fulcio::extension(*number, text).map_err(too_long));
        Ok(Principal {
            issuer,
            challenge: challenge.to_owned(),
            challenge_claim: challenge_claim.to_owned(),
            san,
            extensions: encoded.collect::<Result<_, _>>()?,
        })
    }

    fn to_json(&self) -> Value {
        let claim = self.challenge_claim.as_deref();
        let (name, url) = match &self.url {
            IssuerUrl::Exact(url) => ("issuerUrl", url.as_str()),
            IssuerUrl::Wildcard(wildcard) => ("wildcardIssuerUrl", wildcard.as_str()),
        };
        let skips = matches!(&self.kind, Kind::Email(email) if email.skip_verification);
        let domain = match &self.kind {
            Kind::Spiffe(domain) => domain.as_str(),
            _ => "",
        };
        json!({
            (name): url,
            "audience": self.audience,
            "challengeClaim": claim.unwrap_or_else(|| self.kind.challenge_claim()),
            "spiffeTrustDomain": domain,
            "issuerType": self.kind.name(),
            "subjectDomain": self.subject_domain,
            "skipEmailVerification": skips,
        })
    }
}

#[cfg(test)]
mod tests;
