//! An instance: its state folder opened, its services put together, its listener served.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use signhere_pki::build::CertificateAuthority;
use signhere_pki::random::Random;
use signhere_pki::time::Clock;
use signhere_pki::tsp::{DEFAULT_POLICY, TsaSigner};
use signhere_verify::trust::ClientTrustConfig;
use tokio::net::TcpListener;

use crate::ca::{Ca, TrustedIssuer};
use crate::config::InstanceConfig;
use crate::ct::CtLog;
use crate::endpoints::Endpoints;
use crate::error::ServeError;
use crate::http;
use crate::http::problem::Problem;
use crate::log::Log;
use crate::oidc::{CLIENT_ID, Issuer};
use crate::state::StateFolder;
use crate::state::files::{PUBLIC, write_durably};
use crate::state::keyring::{Founding, Keyring, OIDC};
use crate::state::manifest::Role;
use crate::state::seal::Unlock;
use crate::trust;
use crate::tsa::Tsa;

const TRUSTED_ROOT: &str = "trusted_root.json";
const SIGNING_CONFIG: &str = "signing_config.v0.2.json";
const TRUST_CONFIG: &str = "trust_config.json";

const FOUNDING: Founding<'_> = Founding {
    organization: "signhere",
    host: None,
};

/// A private Sigstore, open on its state folder until it is dropped.
pub struct Instance {
    config: InstanceConfig,
    endpoints: Endpoints,
    documents: Arc<Documents>,
    routes: Router,
    logs: Logs,
    // Last, so that nobody else gets the folder while a log still writes.
    _folder: StateFolder,
}

/// What clients read before they trust and sign.
struct Documents {
    trusted_root: Vec<u8>,
    signing_config: Vec<u8>,
    trust_config: Vec<u8>,
}

#[derive(Clone, Default)]
struct Logs {
    ct: Option<Arc<CtLog>>,
    signatures: Option<Arc<Log>>,
    tsa: Option<Arc<Tsa>>,
}

impl Instance {
    /// Opens the instance in the folder `dir`; makes its keys at the first start. Blocks while it reads,
    /// writes and recovers its logs.
    ///
    /// # Errors
    /// [`ServeError`]: the folder is in use, not an instance's or not whole, or the configuration cannot be met.
    pub fn create_or_open(
        dir: &Path,
        config: InstanceConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServeError> {
        config.check()?;
        let folder = StateFolder::take(dir)?;
        let now = clock.now();
        let keys = match folder.keys()? {
            Some(keys) => keys,
            None => {
                let made = folder.make_keys(|dir| {
                    Keyring::create(dir, FOUNDING, &Unlock::File, now, random.as_ref())
                })?;
                made.0
            }
        };
        let keyring = Keyring::open(&keys, &Unlock::File)?;
        let created = keyring.manifest().created;
        if now < created {
            return Err(ServeError::ClockBehind { created, now });
        }

        let endpoints = Endpoints::new(config.address, &keyring.manifest().id);
        let documents = Documents::new(&trust::client_trust_config(
            &keyring,
            &endpoints,
            config.services,
        )?);
        documents.write(folder.root())?;
        let documents = Arc::new(documents);
        let (services, logs) = services(&folder, &config, &endpoints, &keyring, clock, random)?;
        let routes = services
            .merge(documents_router(Arc::clone(&documents)))
            .merge(health_router(logs.clone()));
        Ok(Self {
            config,
            endpoints,
            documents,
            routes,
            logs,
            _folder: folder,
        })
    }

    /// The URLs of the instance.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// `trusted_root.json`: whom to trust.
    pub fn trusted_root_json(&self) -> &[u8] {
        &self.documents.trusted_root
    }

    /// `signing_config.v0.2.json`: where to sign.
    pub fn signing_config_json(&self) -> &[u8] {
        &self.documents.signing_config
    }

    /// `trust_config.json`: both in one, as `sigstore --trust-config` reads it.
    pub fn client_trust_config_json(&self) -> &[u8] {
        &self.documents.trust_config
    }

    /// The routes of all services, with the layers around them.
    pub fn router(&self) -> Router {
        http::with_layers(
            self.routes.clone(),
            self.endpoints.clone(),
            self.config.limits,
        )
    }

    /// Answers requests on `listener` until `shutdown` is ready; then finishes what was begun and closes the logs.
    ///
    /// # Errors
    /// [`ServeError::OtherListener`] when the instance was opened for another address,
    /// [`ServeError::Listener`] when the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let fail = |e: std::io::Error| ServeError::Listener { kind: e.kind() };
        let found = listener.local_addr().map_err(fail)?;
        if found != self.config.address {
            return Err(ServeError::OtherListener {
                expected: self.config.address,
                found,
            });
        }
        let served =
            http::server::serve(listener, self.router(), self.config.limits, shutdown).await;
        let closed = tokio::task::spawn_blocking(move || drop(self)).await;
        served.map_err(fail)?;
        closed.map_err(|_| ServeError::Listener {
            kind: std::io::ErrorKind::Other,
        })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.logs.close();
    }
}

impl Logs {
    fn close(&self) {
        if let Some(log) = &self.signatures {
            log.close();
        }
        if let Some(ct) = &self.ct {
            ct.close();
        }
    }

    fn is_well(&self) -> bool {
        let signatures = self.signatures.as_ref().and_then(|log| log.failure());
        let ct = self.ct.as_ref().and_then(|ct| ct.failure());
        signatures.is_none() && ct.is_none()
    }
}

impl Documents {
    fn new(config: &ClientTrustConfig) -> Self {
        Self {
            trusted_root: config.trusted_root.to_json(),
            signing_config: config.signing_config.to_json(),
            trust_config: config.to_json(),
        }
    }

    fn write(&self, dir: &Path) -> Result<(), ServeError> {
        write_durably(&dir.join(TRUSTED_ROOT), &self.trusted_root, PUBLIC)?;
        write_durably(&dir.join(SIGNING_CONFIG), &self.signing_config, PUBLIC)?;
        write_durably(&dir.join(TRUST_CONFIG), &self.trust_config, PUBLIC)
    }
}

/// The services that are on.
fn services(
    folder: &StateFolder,
    config: &InstanceConfig,
    endpoints: &Endpoints,
    keyring: &Keyring,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<(Router, Logs), ServeError> {
    let on = config.services;
    let now = clock.now();
    let active = |role: Role| {
        let shard = keyring.manifest().active(role, now);
        shard.ok_or_else(|| ServeError::make(role.name(), &"no key has begun to sign"))
    };
    let ca_chain = keyring.chain(&active(Role::Ca)?.name)?;
    let mut routes = Router::new();
    let mut logs = Logs::default();
    let mut issuers = Vec::new();

    if on.oidc {
        let issuer = Issuer::new(
            endpoints.clone(),
            keyring.key(OIDC)?,
            Arc::clone(&clock),
            Arc::clone(&random),
        );
        let audience = CLIENT_ID.to_owned();
        issuers.push(TrustedIssuer {
            url: endpoints.issuer(),
            audience,
            keys: issuer.keys().clone(),
        });
        routes = routes.merge(Arc::new(issuer).router());
    }
    if on.ct {
        let shard = active(Role::Ct)?;
        let ct = CtLog::open(
            &folder.service(&shard.name)?,
            &shard.origin,
            keyring.key(&shard.name)?,
            &ca_chain,
            Arc::clone(&clock),
            config.limits,
        )?;
        let ct = Arc::new(ct);
        routes = routes.merge(ct.router());
        if on.ca {
            let name = &active(Role::Ca)?.name;
            let authority =
                CertificateAuthority::new(keyring.certificate(name)?, Box::new(keyring.key(name)?));
            let authority = authority.map_err(|e| ServeError::make("the CA", &e))?;
            let (clock, random) = (Arc::clone(&clock), Arc::clone(&random));
            let ca = Ca::new(
                authority,
                &ca_chain,
                issuers,
                Arc::clone(&ct),
                clock,
                random,
            );
            routes = routes.merge(Arc::new(ca).router());
        }
        logs.ct = Some(ct);
    }
    if on.log {
        let shard = active(Role::Log)?;
        let log = Log::open(
            &folder.service(&shard.name)?,
            &shard.origin,
            keyring.key(&shard.name)?,
            config.limits,
        )?;
        let log = Arc::new(log);
        routes = routes.merge(Arc::clone(&log).router());
        logs.signatures = Some(log);
    }
    if on.tsa {
        let name = &active(Role::Tsa)?.name;
        let signer = TsaSigner {
            certificate: keyring.certificate(name)?,
            signer: Box::new(keyring.key(name)?),
            policy: DEFAULT_POLICY,
        };
        let since = keyring.manifest().created;
        let tsa = Arc::new(Tsa::new(
            signer,
            &keyring.chain(name)?,
            since,
            clock,
            random,
        ));
        routes = routes.merge(Arc::clone(&tsa).router());
        logs.tsa = Some(tsa);
    }
    Ok((routes, logs))
}

fn documents_router(documents: Arc<Documents>) -> Router {
    async fn trusted_root(State(documents): State<Arc<Documents>>) -> Response {
        json(&documents.trusted_root)
    }
    async fn signing_config(State(documents): State<Arc<Documents>>) -> Response {
        json(&documents.signing_config)
    }
    async fn trust_config(State(documents): State<Arc<Documents>>) -> Response {
        json(&documents.trust_config)
    }
    Router::new()
        .route("/trusted_root.json", get(trusted_root))
        .route("/signing_config.v0.2.json", get(signing_config))
        .route("/trust_config.json", get(trust_config))
        .with_state(documents)
}

/// GET /healthz: whether every log can still be written, and the clock be believed.
fn health_router(logs: Logs) -> Router {
    async fn health(State(logs): State<Logs>) -> Result<&'static str, Problem> {
        if !logs.is_well() {
            return Err(Problem::unavailable(
                "a log has stopped after a storage failure",
            ));
        }
        if let Some(jump) = logs.tsa.as_ref().and_then(|tsa| tsa.clock_jump()) {
            return Err(Problem::unavailable(jump));
        }
        Ok("ok\n")
    }
    Router::new()
        .route("/healthz", get(health))
        .with_state(logs)
}

fn json(document: &[u8]) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], document.to_vec()).into_response()
}
