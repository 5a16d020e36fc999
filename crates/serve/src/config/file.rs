//! `instance.toml`, read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use signhere_pki::cert::Certificate;
use signhere_pki::key::PublicKey;
use signhere_pki::time::Time;
use signhere_verify::toml;

use super::error::{ConfigError, ConfigProblem};
use super::read::{Field, Section, Source};
use super::{
    ExternalAuthority, ExternalLog, FILE, InstanceConfig, Limits, LogFormat, Logging, RateLimits,
    TlsFiles, is_local,
};
use crate::issuers::config::FulcioConfig;
use crate::state::files;

/// Where an instance listens unless it is told otherwise.
pub(super) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3003);

/// No configuration file is larger.
const LIMIT: u64 = 256 * 1024;

const SHORT: &str = "a time span such as \"20s\", from \"1ms\" to \"1h\"";
const LONG: &str = "a time span such as \"1h\", at most \"30d\"";
const PEM_CHAIN: &str = "a file with certificates in PEM, the root last";
const PEM_KEY: &str = "a file with a public key in PEM";
const SERVICE_URL: &str = "an https:// URL, or http:// to this machine";

impl InstanceConfig {
    /// What `instance.toml` in the folder `dir` says. `listen`, the address on the command line, wins over
    /// the one in the file.
    ///
    /// # Errors
    /// [`ConfigError`] with the line that is wrong.
    pub fn load(dir: &Path, listen: Option<SocketAddr>) -> Result<Self, ConfigError> {
        let path = dir.join(FILE);
        let unreadable =
            |reason: String| ConfigError::of_file(&path, ConfigProblem::Unreadable { reason });
        let bytes = files::read_bounded(&path, LIMIT).map_err(|e| unreadable(e.to_string()))?;
        let bytes = bytes.ok_or_else(|| ConfigError::of_file(&path, ConfigProblem::Absent))?;
        let text = std::str::from_utf8(&bytes).map_err(|e| unreadable(e.to_string()))?;
        Self::parse(text, &path, listen)
    }

    /// What `text` says, which was read from `path`; other files that it names are read as well.
    pub(crate) fn parse(
        text: &str,
        path: &Path,
        listen: Option<SocketAddr>,
    ) -> Result<Self, ConfigError> {
        let source = Source { path, text };
        let document = toml::parse(text)
            .map_err(|(span, problem)| source.error(span, ConfigProblem::Toml(problem)))?;
        let mut top = Section::top(source, document.as_table());

        let listen_field = top.take("listen");
        let in_file = listen_field.as_ref().map(Field::address).transpose()?;
        let mut config = Self::new(listen.or(in_file).unwrap_or(LISTEN));
        let url_field = top.take("url");
        config.url = url_field
            .as_ref()
            .map(|field| {
                let expected = "an https:// URL without a path, or http:// to this machine";
                field.url(expected, |url| {
                    url.path() == "/" && (url.scheme() == "https" || is_local(url))
                })
            })
            .transpose()?;
        config.tls = tls(top.section("tls")?)?;
        let development = config.read_issuers(top.section("issuers")?)?;
        config.read_services(&mut top)?;
        (config.limits, config.rates) = limits(top.section("limits")?)?;
        config.logging = logging(top.section("logging")?)?;
        let mut rotation = top.section("rotation")?;
        if let Some(lead) = rotation.take("lead") {
            config.rotation_lead = lead.duration(Duration::ZERO..=days(30), LONG)?;
        }
        rotation.finish()?;
        let mut metrics = top.section("metrics")?;
        config.metrics = metrics.take("listen").map(|f| f.address()).transpose()?;
        metrics.finish()?;
        top.finish()?;

        // The command line has no line here.
        let at = match listen {
            Some(_) => None,
            None => listen_field.or(url_field),
        };
        config.check_reach(source, at.as_ref(), development.as_ref())?;
        Ok(config)
    }

    /// Returns the line that switches the development issuer on.
    fn read_issuers<'a>(
        &mut self,
        mut section: Section<'a>,
    ) -> Result<Option<Field<'a>>, ConfigError> {
        let development = section.take("development");
        self.services.oidc = development.as_ref().map_or(Ok(false), Field::bool)?;
        if let Some(file) = section.take("file") {
            let expected = "a file with Fulcio's issuer configuration in YAML";
            self.issuers.fulcio = file.content(expected, |yaml| {
                FulcioConfig::parse(yaml).map_err(|error| error.to_string())
            })?;
        }
        if let Some(login) = section.take("login") {
            self.issuers.login = Some(login.url(SERVICE_URL, is_safe)?);
        }
        section.finish()?;
        Ok(development)
    }

    fn read_services(&mut self, top: &mut Section<'_>) -> Result<(), ConfigError> {
        let mut ca = top.section("ca")?;
        self.external.ca = authority(&mut ca)?;
        let ca_enabled = ca.take("enabled");
        self.services.ca = own("ca", ca_enabled.as_ref(), self.external.ca.is_some())?;

        let mut ct = top.section("ct")?;
        self.external.ct = log(&mut ct, false)?;
        let ct_enabled = ct.take("enabled");
        self.services.ct = own("ct", ct_enabled.as_ref(), self.external.ct.is_some())?;
        if self.services.ca && !self.services.ct && self.external.ct.is_none() {
            let problem = ConfigProblem::CaWithoutCt;
            return Err(match &ct_enabled {
                Some(field) => field.error(problem),
                None => ct.error(problem),
            });
        }
        ca.finish()?;
        ct.finish()?;

        let mut section = top.section("log")?;
        self.external.log = log(&mut section, true)?;
        let enabled = section.take("enabled");
        self.services.log = own("log", enabled.as_ref(), self.external.log.is_some())?;
        if let Some(folder) = section.take("high_water") {
            self.log.high_water =
                Some(folder.path_elsewhere("the absolute path of a folder outside of this one")?);
        }
        if let Some(policy) = section.take("witnesses") {
            self.log.witnesses = Some(policy.file("a file with a witness policy")?);
        }
        if let Some(fail_open) = section.take("fail_open") {
            self.log.fail_open = fail_open.bool()?;
        }
        if let Some(time) = section.take("witness_time") {
            let range = Duration::from_secs(1)..=Duration::from_secs(15);
            self.log.witness_time = time.duration(range, "a time from \"1s\" to \"15s\"")?;
        }
        section.finish()?;

        let mut tsa = top.section("tsa")?;
        self.external.tsa = authority(&mut tsa)?;
        let enabled = tsa.take("enabled");
        self.services.tsa = own("tsa", enabled.as_ref(), self.external.tsa.is_some())?;
        tsa.finish()?;

        let mut tuf = top.section("tuf")?;
        let enabled = tuf.take("enabled");
        self.services.tuf = enabled.as_ref().map_or(Ok(true), Field::bool)?;
        tuf.finish()?;

        let mut witness = top.section("witness")?;
        let enabled = witness.take("enabled");
        self.services.witness = enabled.as_ref().map_or(Ok(false), Field::bool)?;
        if let Some(logs) = witness.take("logs") {
            self.witness.logs = Some(logs.file("a file with verifier keys of logs")?);
        }
        if self.services.witness && self.witness.logs.is_none() {
            witness.need("logs", "a file with verifier keys of logs")?;
        }
        witness.finish()
    }

    /// Who can reach the instance, and whether that is safe.
    fn check_reach(
        &self,
        source: Source<'_>,
        at: Option<&Field<'_>>,
        development: Option<&Field<'_>>,
    ) -> Result<(), ConfigError> {
        let is_open = !self.address.ip().is_loopback();
        let place = |field: Option<&Field<'_>>, problem: ConfigProblem| match field {
            Some(field) => field.error(problem),
            None => ConfigError::of_file(source.path, problem),
        };
        if self.services.oidc && !self.is_local() {
            let found = match (&self.url, is_open) {
                (Some(url), false) => url.to_string(),
                _ => self.address.to_string(),
            };
            return Err(place(
                development,
                ConfigProblem::DevelopmentInPublic { found },
            ));
        }
        let address = self.address;
        let ends_in_tls =
            self.tls.is_some() || self.url.as_ref().is_some_and(|url| url.scheme() == "https");
        if is_open && !ends_in_tls {
            return Err(place(at, ConfigProblem::PlainInPublic { address }));
        }
        if address.ip().is_unspecified() && self.url.is_none() {
            return Err(place(at, ConfigProblem::UrlNeeded { address }));
        }
        Ok(())
    }
}

/// Whether the instance runs a service itself.
fn own(
    service: &'static str,
    enabled: Option<&Field<'_>>,
    is_external: bool,
) -> Result<bool, ConfigError> {
    let Some(field) = enabled else {
        return Ok(!is_external);
    };
    let is_on = field.bool()?;
    if is_on && is_external {
        return Err(field.error(ConfigProblem::OwnAndExternal { service }));
    }
    Ok(is_on)
}

fn tls(mut section: Section<'_>) -> Result<Option<TlsFiles>, ConfigError> {
    if section.is_empty() {
        return Ok(None);
    }
    let (certificate, key) = (
        "a file with a certificate in PEM",
        "a file with its key in PEM",
    );
    let files = TlsFiles {
        certificate: section
            .need("certificate", certificate)?
            .file(certificate)?,
        key: section.need("key", key)?.file(key)?,
    };
    section.finish()?;
    Ok(Some(files))
}

fn authority(section: &mut Section<'_>) -> Result<Option<ExternalAuthority>, ConfigError> {
    let Some(mut part) = section.part("external")? else {
        return Ok(None);
    };
    let url = part.need("url", SERVICE_URL)?.url(SERVICE_URL, is_safe)?;
    let chain = part.need("chain", PEM_CHAIN)?.content(PEM_CHAIN, |pem| {
        let chain = Certificate::list_from_pem(pem).map_err(|e| e.to_string())?;
        signhere_pki::chain::Chain::new(&chain).map_err(|e| e.to_string())?;
        Ok(chain)
    })?;
    let start = match part.take("start") {
        Some(start) => start.time()?,
        // A chain has at least one certificate.
        None => chain
            .first()
            .map_or(Time::from_unix(0), Certificate::not_before),
    };
    part.finish()?;
    Ok(Some(ExternalAuthority { url, chain, start }))
}

fn log(section: &mut Section<'_>, is_rekor: bool) -> Result<Option<ExternalLog>, ConfigError> {
    const START: &str = "a time such as \"2026-01-01T00:00:00Z\"";
    const ORIGIN: &str = "the name that it signs checkpoints under";
    let Some(mut part) = section.part("external")? else {
        return Ok(None);
    };
    let url = part.need("url", SERVICE_URL)?.url(SERVICE_URL, is_safe)?;
    let key = part.need("key", PEM_KEY)?.content(PEM_KEY, |pem| {
        PublicKey::from_pem(pem).map_err(|e| e.to_string())
    })?;
    let start = part.need("start", START)?.time()?;
    let origin = match part.take("origin") {
        Some(origin) => origin.text(ORIGIN)?.to_owned(),
        None => default_origin(&url),
    };
    let mut api_version = 2;
    if is_rekor && let Some(version) = part.take("api_version") {
        api_version = match version.number(1..=2, "1 or 2")? {
            1 => 1,
            _ => 2,
        };
    }
    part.finish()?;
    Ok(Some(ExternalLog {
        url,
        key,
        start,
        origin,
        api_version,
    }))
}

/// The URL without its scheme, as logs are named by convention.
fn default_origin(url: &url::Url) -> String {
    let text = url.as_str().trim_end_matches('/');
    let (_, rest) = text.split_once("://").unwrap_or_default();
    rest.to_owned()
}

fn limits(mut section: Section<'_>) -> Result<(Limits, RateLimits), ConfigError> {
    let (mut limits, mut rates) = (Limits::default(), RateLimits::default());
    let counts = [
        ("connections", &mut limits.connections),
        ("connections_per_caller", &mut rates.connections),
        ("queue", &mut limits.queue),
    ];
    for (key, limit) in counts {
        if let Some(field) = section.take(key) {
            *limit = field.number(1..=1_000_000, "a number from 1 to 1000000")?;
        }
    }
    // As many of the largest entries as one record of the journal takes.
    if let Some(field) = section.take("batch") {
        limits.batch = field.number(1..=1024, "a number from 1 to 1024")?;
    }
    if let Some(field) = section.take("header_bytes") {
        let expected = "a number of bytes from 8192 to 1048576";
        limits.header_bytes = field.number(8192..=1_048_576, expected)?;
    }
    let times = [
        ("handshake_time", &mut limits.handshake_time),
        ("header_time", &mut limits.header_time),
        ("request_time", &mut limits.request_time),
        ("drain_time", &mut limits.drain_time),
        ("body_time", &mut rates.body_time),
    ];
    for (key, limit) in times {
        if let Some(field) = section.take(key) {
            let range = Duration::from_millis(1)..=Duration::from_secs(3600);
            *limit = field.duration(range, SHORT)?;
        }
    }
    if let Some(field) = section.take("body_bytes") {
        let expected = "a number of bytes from 16777216 to 17179869184";
        rates.body_bytes = field.number(16 << 20..=16 << 30, expected)?;
    }
    for (key, rate) in [
        ("requests_per_second", &mut rates.requests_per_second),
        ("burst", &mut rates.burst),
    ] {
        if let Some(field) = section.take(key) {
            let number = field.number(1..=1_000_000, "a number from 1 to 1000000")?;
            *rate = u32::try_from(number).unwrap_or(u32::MAX);
        }
    }
    for (key, networks) in [
        ("exempt", &mut rates.exempt),
        ("trusted_proxies", &mut rates.trusted_proxies),
    ] {
        if let Some(field) = section.take(key) {
            *networks = field.networks()?;
        }
    }
    section.finish()?;
    Ok((limits, rates))
}

fn logging(mut section: Section<'_>) -> Result<Logging, ConfigError> {
    let mut logging = Logging::default();
    if let Some(format) = section.take("format") {
        let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        logging.format = format.one_of(&words, "\"text\" or \"json\"")?;
    }
    if let Some(emails) = section.take("emails") {
        logging.emails = emails.bool()?;
    }
    section.finish()?;
    Ok(logging)
}

/// Tokens and signatures travel over TLS, unless they stay on this machine.
fn is_safe(url: &url::Url) -> bool {
    url.scheme() == "https" || is_local(url)
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3600)
}

#[cfg(test)]
mod tests;
