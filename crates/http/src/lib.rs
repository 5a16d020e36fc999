//! The HTTP client of everything that asks others: bounded in time and size, and careful about where
//! it lets itself be sent.
//!
//! Three promises: an answer never takes more than the configured time and bytes; a request is
//! repeated only if it is marked safe to repeat; and an address learned from a remote document
//! never leads into a private network ([`Destination::Learned`]).

mod error;
mod guard;
mod retry;

use std::{sync::Arc, time::Duration};

use reqwest::{
    Certificate, Client, Method, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect::Policy,
};
use signhere_pki::random::Random;
use tokio::sync::OnceCell;
use url::Url;

pub use error::HttpError;
pub use guard::Destination;
pub use guard::is_loopback;
use guard::{PublicResolver, RefusedAddress};
pub use retry::{RetryPolicy, Sleep, TokioSleep};

/// The body size that answers are cut off at unless a request says otherwise: 4 MiB.
pub const DEFAULT_BODY_CAP: usize = 4 << 20;

const MAX_REDIRECTS: usize = 3;
const USER_AGENT: &str = concat!("signhere/", env!("CARGO_PKG_VERSION"));

/// How an [`HttpClient`] behaves; the defaults suit a person waiting at a terminal.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long one attempt may take from the first byte sent to the last byte read. A log that
    /// publishes every ten seconds answers within twenty.
    pub total_timeout: Duration,
    /// How often and how slowly to repeat what may be repeated.
    pub retry: RetryPolicy,
    /// Whom to believe about `https` servers.
    pub roots: TlsRoots,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            roots: TlsRoots::default(),
        }
    }
}

/// The certificate authorities that `https` servers are checked against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsRoots {
    /// The operating system's, or Mozilla's when the system has none (an empty container).
    #[default]
    System,
    /// Only those of this PEM bundle (what `SSL_CERT_FILE` names).
    Pem(Vec<u8>),
    /// Those of [`System`](Self::System) and of this PEM bundle.
    SystemAnd(Vec<u8>),
}

/// One request, made once or several times.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    method: Method,
    url: Url,
    destination: Destination,
    headers: HeaderMap,
    body: Vec<u8>,
    body_cap: usize,
    repeatable: bool,
}

impl HttpRequest {
    /// A GET, which is always safe to repeat.
    pub fn get(url: Url, destination: Destination) -> Self {
        Self {
            method: Method::GET,
            url,
            destination,
            headers: HeaderMap::new(),
            body: Vec::new(),
            body_cap: DEFAULT_BODY_CAP,
            repeatable: true,
        }
    }

    /// A POST, made once unless [`repeatable`](Self::repeatable).
    pub fn post(
        url: Url,
        destination: Destination,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            method: Method::POST,
            headers,
            body,
            repeatable: false,
            ..Self::get(url, destination)
        }
    }

    /// Marks a POST as safe to repeat: the service answers a repetition as it did the first time,
    /// or with something as good.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Refuses answers of more than `bytes`.
    #[must_use]
    pub fn body_cap(mut self, bytes: usize) -> Self {
        self.body_cap = bytes;
        self
    }

    /// Adds a header whose value is not secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds a bearer token (RFC 6750), kept out of every debug output. Fails if the token cannot
    /// stand in a header.
    pub fn bearer(mut self, token: &str) -> Result<Self, HttpError> {
        let credentials = zeroize::Zeroizing::new(format!("Bearer {token}"));
        let mut value =
            HeaderValue::from_str(&credentials).map_err(|_| HttpError::UnprintableToken)?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }
}

/// An answer with its whole body, whatever its status.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The HTTP status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the request's cap.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Without the body, which may hold a token.
impl std::fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An HTTP client. Connections and TLS roots are set up at first use: a session that speaks plain
/// HTTP to this machine never looks for certificate authorities.
pub struct HttpClient {
    config: HttpConfig,
    sleep: Arc<dyn Sleep>,
    random: Arc<dyn Random>,
    plain: OnceCell<Client>,
    tls: OnceCell<Client>,
    tls_public_only: OnceCell<Client>,
}

impl HttpClient {
    /// A client that waits by `sleep` between attempts and draws its jitter from `random`.
    pub fn new(config: HttpConfig, sleep: Arc<dyn Sleep>, random: Arc<dyn Random>) -> Self {
        Self {
            config,
            sleep,
            random,
            plain: OnceCell::new(),
            tls: OnceCell::new(),
            tls_public_only: OnceCell::new(),
        }
    }

    /// A client that waits as this one does, and is configured as `adjust` makes of this one's configuration.
    #[must_use]
    pub fn reconfigured(&self, adjust: impl FnOnce(&mut HttpConfig)) -> Self {
        let mut config = self.config.clone();
        adjust(&mut config);
        Self::new(config, Arc::clone(&self.sleep), Arc::clone(&self.random))
    }

    /// How this client waits.
    pub fn sleeper(&self) -> &Arc<dyn Sleep> {
        &self.sleep
    }

    /// How long one attempt may take.
    pub fn total_timeout(&self) -> Duration {
        self.config.total_timeout
    }

    /// Sends `request` and reads the whole answer, whatever its status. Transient failures and
    /// the statuses 429 and 5xx are tried again if the request is safe to repeat.
    pub async fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpError> {
        let mut attempt = 0;
        loop {
            let outcome = self.follow(request).await;
            attempt += 1;
            if !request.repeatable || attempt >= self.config.retry.attempts {
                return outcome;
            }
            let retry_after = match &outcome {
                Ok(answer) if retry::is_transient(answer.status) => {
                    retry::retry_after(&answer.headers)
                }
                Err(error) if error.is_transient() => None,
                _ => return outcome,
            };
            match self.config.retry.wait(attempt, retry_after, &*self.random) {
                Some(wait) => self.sleep.sleep(wait).await,
                None => return outcome,
            }
        }
    }

    async fn follow(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpError> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.attempt(request, &url).await?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED
            {
                return read(response, &url, request.body_cap).await;
            }
            let next = guard::redirect_target(&url, response.headers().get(LOCATION));
            match next {
                Ok(next) if request.method == Method::GET => url = next,
                Ok(next) => return Err(redirect_refused(&url, next.as_str())),
                Err(location) => return Err(redirect_refused(&url, &location)),
            }
        }
        Err(redirect_refused(&url, "one more address"))
    }

    async fn attempt(&self, request: &HttpRequest, url: &Url) -> Result<Response, HttpError> {
        let route = request.destination.route(url)?;
        let client = self.client(route).await?;
        client
            .request(request.method.clone(), url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send()
            .await
            .map_err(|error| transport_error(url, &error))
    }

    async fn client(&self, route: guard::Route) -> Result<&Client, HttpError> {
        match route {
            guard::Route::Plain => {
                self.plain
                    .get_or_try_init(async || {
                        // No TLS is spoken here, so that no roots are needed; and neither this
                        // machine nor a metadata server is ever reached through a proxy.
                        let builder = self.builder().no_proxy().tls_certs_only([]);
                        builder.build().map_err(|error| tls_error(&error))
                    })
                    .await
            }
            guard::Route::Tls => self.tls.get_or_try_init(async || self.tls(false)).await,
            guard::Route::TlsPublicOnly => {
                self.tls_public_only
                    .get_or_try_init(async || self.tls(true))
                    .await
            }
        }
    }

    fn tls(&self, public_only: bool) -> Result<Client, HttpError> {
        let builder = || match public_only {
            true => self.builder().dns_resolver(Arc::new(PublicResolver)),
            false => self.builder(),
        };
        let own = match &self.config.roots {
            TlsRoots::System => Vec::new(),
            TlsRoots::Pem(pem) | TlsRoots::SystemAnd(pem) => authorities(pem)?,
        };
        if let TlsRoots::Pem(_) = self.config.roots {
            let client = builder().tls_certs_only(own).build();
            return client.map_err(|error| tls_error(&error));
        }
        let mozilla = || {
            let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
            let roots = roots.filter_map(|der| Certificate::from_der(der).ok());
            builder().tls_certs_only(roots.chain(own.clone())).build()
        };
        let client = builder().tls_certs_merge(own.clone()).build();
        client
            .or_else(|_| mozilla())
            .map_err(|error| tls_error(&error))
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(self.config.connect_timeout)
            .timeout(self.config.total_timeout)
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
    }
}

/// The certificates of a PEM bundle; at least one.
fn authorities(pem: &[u8]) -> Result<Vec<Certificate>, HttpError> {
    let roots = Certificate::from_pem_bundle(pem).map_err(|error| tls_error(&error))?;
    if roots.is_empty() {
        return Err(HttpError::Tls {
            detail: "the file of certificate authorities holds none".to_owned(),
        });
    }
    Ok(roots)
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

async fn read(mut response: Response, url: &Url, cap: usize) -> Result<HttpAnswer, HttpError> {
    let too_large = || HttpError::BodyTooLarge {
        url: shown(url),
        cap,
    };
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |length| length > cap) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| transport_error(url, &error))?
    {
        if chunk.len() > cap - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpAnswer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body,
    })
}

/// The URL as errors show it: without user, password, query and fragment, which may be secret.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for URLs that cannot have a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

fn redirect_refused(url: &Url, location: &str) -> HttpError {
    HttpError::Redirect {
        url: shown(url),
        location: Url::parse(location).map_or_else(|_| location.to_owned(), |url| shown(&url)),
    }
}

fn tls_error(error: &reqwest::Error) -> HttpError {
    HttpError::Tls {
        detail: innermost(error).to_string(),
    }
}

fn transport_error(url: &Url, error: &reqwest::Error) -> HttpError {
    let cause = innermost(error);
    let url = shown(url);
    let detail = cause.to_string();
    if cause.is::<RefusedAddress>() {
        HttpError::PrivateAddress { url }
    } else if error.is_timeout() {
        HttpError::Timeout { url }
    } else if error.is_connect() {
        HttpError::Connect { url, detail }
    } else {
        HttpError::Broken { url, detail }
    }
}

/// The cause at the end of the chain: the ones before it only repeat the URL, with its query.
fn innermost<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}
