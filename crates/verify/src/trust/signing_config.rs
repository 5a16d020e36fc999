use std::cmp::Reverse;
use std::fmt;

use serde_json::{Map, Value, json};
use signhere_pki::time::{Time, Validity};

use super::{MAX_TRUST_BYTES, TrustError, window};
use crate::excerpt::excerpt;
use crate::proto_json::{self, Message};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// The most services of one kind.
const MAX_SERVICES: usize = 64;

/// `ServiceSelector` of sigstore_trustroot.proto.
const SELECTORS: [(i32, &str); 4] = [
    (0, "SERVICE_SELECTOR_UNDEFINED"),
    (1, "ALL"),
    (2, "ANY"),
    (3, "EXACT"),
];

/// Where to sign: the services of an instance and how many of them to use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SigningConfig {
    /// Certificate authorities (Fulcio).
    pub ca_urls: Vec<Service>,
    /// OIDC providers.
    pub oidc_urls: Vec<Service>,
    /// Signature transparency logs (Rekor).
    pub rekor_tlog_urls: Vec<Service>,
    /// How many logs to use.
    pub rekor_tlog_config: Selector,
    /// Timestamp authorities; each URL is complete.
    pub tsa_urls: Vec<Service>,
    /// How many timestamp authorities to use.
    pub tsa_config: Selector,
    /// Paths of fields that this program does not know and ignored.
    pub unknown_fields: Vec<String>,
}

/// One service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The service's URL.
    pub url: String,
    /// The major version of its API.
    pub major_api_version: u32,
    /// When to use it, closed at both ends.
    pub valid_for: Validity,
    /// Who runs it.
    pub operator: String,
}

/// How many of the usable services to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selector {
    /// One of them.
    #[default]
    Any,
    /// Each of them.
    All,
    /// Exactly this many.
    Exact(u32),
}

/// A kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceKind {
    /// Certificate authority.
    Ca,
    /// OIDC provider.
    Oidc,
    /// Signature transparency log.
    Log,
    /// Timestamp authority.
    Tsa,
}

/// The API versions that a client speaks, per kind of service.
#[derive(Clone, Copy, Debug)]
pub struct Supported<'a> {
    /// Of certificate authorities.
    pub ca: &'a [u32],
    /// Of OIDC providers.
    pub oidc: &'a [u32],
    /// Of logs.
    pub log: &'a [u32],
    /// Of timestamp authorities.
    pub tsa: &'a [u32],
}

/// The services to use now, each list in order of preference and one per operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// The certificate authority, if the config lists any.
    pub ca: Option<Service>,
    /// The OIDC provider, if the config lists any.
    pub oidc: Option<Service>,
    /// The logs.
    pub logs: Vec<Service>,
    /// The timestamp authorities.
    pub tsas: Vec<Service>,
}

impl SigningConfig {
    /// Reads a signing config (v0.2) from its JSON.
    ///
    /// # Errors
    /// [`TrustError`] for the first rule that the document breaks.
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        let mut message = proto_json::document(json, MAX_TRUST_BYTES)?;
        let mut config = Self::read(&mut message)?;
        config.unknown_fields = message.finish_document();
        Ok(config)
    }

    /// Returns the config as v0.2 JSON.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    /// Returns the services to use at `now`, for a client of every version known here.
    ///
    /// # Errors
    /// As [`SigningConfig::select_supported`].
    pub fn select(&self, now: Time) -> Result<Selected, TrustError> {
        self.select_supported(now, &Supported::default())
    }

    /// Returns the services to use at `now`.
    ///
    /// Of each kind, those in their validity and of a supported version count; from each
    /// operator the one with the highest version and then the latest start; the latest start
    /// comes first. A kind that the config does not list at all is left empty, unless it asks for an
    /// exact number.
    ///
    /// # Errors
    /// [`TrustError::NoUsableService`] and [`TrustError::TooFewServices`].
    pub fn select_supported(
        &self,
        now: Time,
        supported: &Supported<'_>,
    ) -> Result<Selected, TrustError> {
        let one = |kind, services, versions| {
            select(kind, services, Selector::Any, now, versions)
                .map(|services| services.into_iter().next())
        };
        Ok(Selected {
            ca: one(ServiceKind::Ca, &self.ca_urls, supported.ca)?,
            oidc: one(ServiceKind::Oidc, &self.oidc_urls, supported.oidc)?,
            logs: select(
                ServiceKind::Log,
                &self.rekor_tlog_urls,
                self.rekor_tlog_config,
                now,
                supported.log,
            )?,
            tsas: select(
                ServiceKind::Tsa,
                &self.tsa_urls,
                self.tsa_config,
                now,
                supported.tsa,
            )?,
        })
    }

    pub(super) fn read(message: &mut Message<'_>) -> Result<Self, TrustError> {
        window::media_type(message, MEDIA_TYPE, &[])?;
        Ok(Self {
            ca_urls: services(message, "caUrls")?,
            oidc_urls: services(message, "oidcUrls")?,
            rekor_tlog_urls: services(message, "rekorTlogUrls")?,
            rekor_tlog_config: selector(message, "rekorTlogConfig")?,
            tsa_urls: services(message, "tsaUrls")?,
            tsa_config: selector(message, "tsaConfig")?,
            unknown_fields: Vec::new(),
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let services = |services: &[Service]| -> Vec<Value> {
            services.iter().map(Service::to_value).collect()
        };
        json!({
            "mediaType": MEDIA_TYPE,
            "caUrls": services(&self.ca_urls),
            "oidcUrls": services(&self.oidc_urls),
            "rekorTlogUrls": services(&self.rekor_tlog_urls),
            "rekorTlogConfig": self.rekor_tlog_config.to_value(),
            "tsaUrls": services(&self.tsa_urls),
            "tsaConfig": self.tsa_config.to_value(),
        })
    }
}

impl Selected {
    /// Returns the certificate authority.
    ///
    /// # Errors
    /// [`TrustError::NoService`] when the config lists none.
    pub fn require_ca(&self) -> Result<&Service, TrustError> {
        self.ca.as_ref().ok_or(TrustError::NoService {
            kind: ServiceKind::Ca,
        })
    }

    /// Returns the OIDC provider.
    ///
    /// # Errors
    /// [`TrustError::NoService`] when the config lists none.
    pub fn require_oidc(&self) -> Result<&Service, TrustError> {
        self.oidc.as_ref().ok_or(TrustError::NoService {
            kind: ServiceKind::Oidc,
        })
    }
}

impl Service {
    fn read(mut message: Message<'_>) -> Result<Self, TrustError> {
        let service = Self {
            url: message.required_string("url")?,
            major_api_version: message.uint32("majorApiVersion")?,
            valid_for: window::read(&mut message)?,
            operator: message.string("operator")?,
        };
        message.finish();
        Ok(service)
    }

    fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("url".to_owned(), self.url.as_str().into());
        value.insert("majorApiVersion".to_owned(), self.major_api_version.into());
        value.insert("validFor".to_owned(), window::to_value(&self.valid_for));
        if !self.operator.is_empty() {
            value.insert("operator".to_owned(), self.operator.as_str().into());
        }
        Value::Object(value)
    }
}

impl Selector {
    fn to_value(self) -> Value {
        match self {
            Self::Any => json!({ "selector": "ANY" }),
            Self::All => json!({ "selector": "ALL" }),
            Self::Exact(count) => json!({ "selector": "EXACT", "count": count }),
        }
    }
}

impl Default for Supported<'_> {
    fn default() -> Self {
        Self {
            ca: &[1],
            oidc: &[1],
            log: &[1, 2],
            tsa: &[1],
        }
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "certificate authority",
            Self::Oidc => "OIDC provider",
            Self::Log => "transparency log",
            Self::Tsa => "timestamp authority",
        })
    }
}

fn select(
    kind: ServiceKind,
    services: &[Service],
    selector: Selector,
    now: Time,
    supported: &[u32],
) -> Result<Vec<Service>, TrustError> {
    if services.is_empty() && !matches!(selector, Selector::Exact(_)) {
        return Ok(Vec::new());
    }
    let mut usable: Vec<&Service> = services
        .iter()
        .filter(|service| supported.contains(&service.major_api_version))
        .filter(|service| service.valid_for.contains(now))
        .collect();
    usable.sort_by_key(|service| Reverse((service.major_api_version, service.valid_for.start)));
    let mut selected: Vec<Service> = Vec::new();
    for service in usable {
        if !selected
            .iter()
            .any(|other| other.operator == service.operator)
        {
            selected.push(service.clone());
        }
    }
    selected.sort_by_key(|service| Reverse(service.valid_for.start));
    if selected.is_empty() && !services.is_empty() {
        return Err(TrustError::NoUsableService {
            kind,
            listed: services.len(),
        });
    }
    let wanted = match selector {
        Selector::All => return Ok(selected),
        Selector::Any => 1,
        Selector::Exact(count) => count,
    };
    let Some(wanted_len) = usize::try_from(wanted)
        .ok()
        .filter(|len| *len <= selected.len())
    else {
        return Err(TrustError::TooFewServices {
            kind,
            expected: wanted,
            found: selected.len(),
        });
    };
    selected.truncate(wanted_len);
    Ok(selected)
}

fn services(message: &mut Message<'_>, name: &str) -> Result<Vec<Service>, TrustError> {
    message
        .messages(name, MAX_SERVICES)?
        .into_iter()
        .map(Service::read)
        .collect()
}

/// An absent config means that one service is enough.
fn selector(message: &mut Message<'_>, name: &str) -> Result<Selector, TrustError> {
    let path = message.path(name);
    let Some(mut config) = message.message(name)? else {
        return Ok(Selector::Any);
    };
    let selector = config.enumeration("selector", &SELECTORS)?;
    let count = config.uint32("count")?;
    config.finish();
    match (selector.as_str(), count) {
        ("ANY", _) => Ok(Selector::Any),
        ("ALL", _) => Ok(Selector::All),
        ("EXACT", 1..) => Ok(Selector::Exact(count)),
        _ => Err(TrustError::Selector {
            path,
            found: excerpt(&selector),
        }),
    }
}
