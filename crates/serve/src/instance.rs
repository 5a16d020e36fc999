//! An instance: its state folder opened, its services put together, its listener served.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use signhere_pki::random::Random;
use signhere_pki::time::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::assembly::{Assembly, Documents};
use crate::config::InstanceConfig;
use crate::control::{ControlSocket, Rotate, Rotated};
use crate::endpoints::Endpoints;
use crate::error::ServeError;
use crate::http;
use crate::http::tls::Tls;
use crate::state::StateFolder;
use crate::state::keyring::{Founding, Keyring};
use crate::state::seal::Unlock;
use crate::upkeep::Upkeep;

/// Connections at one time to the address of the metrics: a scraper has one.
const METRICS_CONNECTIONS: usize = 64;

/// What an instance is that is made without being asked for anything.
const FOUNDING: Founding<'_> = Founding {
    organization: "signhere",
    host: None,
};

/// A private Sigstore, open on its state folder until it is dropped.
pub struct Instance {
    config: InstanceConfig,
    endpoints: Endpoints,
    documents: Documents,
    control: ControlSocket,
    tls: Option<Arc<Tls>>,
    upkeep: Arc<Upkeep>,
}

impl Instance {
    /// Opens the instance in the folder `dir`. Blocks while it reads, writes and recovers its logs.
    ///
    /// # Errors
    /// [`ServeError`]: the folder is in use, not an instance's or not whole, its keys stay sealed, or the
    /// configuration cannot be met.
    pub fn open(
        dir: &Path,
        config: InstanceConfig,
        unlock: &Unlock,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServeError> {
        config.check()?;
        let folder = StateFolder::take(dir)?;
        let keys = folder.keys()?.ok_or_else(|| ServeError::NoInstance {
            path: dir.to_path_buf(),
        })?;
        let keyring = Keyring::open(&keys, unlock)?;
        Self::assemble(folder, keyring, config, clock, random)
    }

    /// Opens the instance in the folder `dir`; makes a throw-away one ([`Unlock::File`]) if there is none.
    ///
    /// # Errors
    /// Those of [`Instance::open`].
    pub fn create_or_open(
        dir: &Path,
        config: InstanceConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServeError> {
        config.check()?;
        let folder = StateFolder::take(dir)?;
        let keys = match folder.keys()? {
            Some(keys) => keys,
            None => {
                let (now, random) = (clock.now(), random.as_ref());
                let make = |dir: &Path| Keyring::create(dir, FOUNDING, &Unlock::File, now, random);
                folder.make_keys(make)?.0
            }
        };
        let keyring = Keyring::open(&keys, &Unlock::File)?;
        Self::assemble(folder, keyring, config, clock, random)
    }

    fn assemble(
        folder: StateFolder,
        keyring: Keyring,
        config: InstanceConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServeError> {
        let control = ControlSocket::in_folder(folder.root());
        let tls = config
            .tls
            .as_ref()
            .map(Tls::load)
            .transpose()?
            .map(Arc::new);
        let assembly = Assembly::new(folder, keyring, config.clone(), Arc::clone(&clock), random)?;
        Ok(Self {
            config,
            endpoints: assembly.endpoints().clone(),
            documents: assembly.documents().clone(),
            control,
            tls,
            upkeep: Arc::new(Upkeep::new(assembly, clock)?),
        })
    }

    /// The URLs of the instance.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// `trusted_root.json`: whom to trust.
    pub fn trusted_root_json(&self) -> Vec<u8> {
        self.documents.now().trusted_root.clone()
    }

    /// `signing_config.v0.2.json`: where to sign.
    pub fn signing_config_json(&self) -> Vec<u8> {
        self.documents.now().signing_config.clone()
    }

    /// `trust_config.json`: both in one, as `sigstore --trust-config` reads it.
    pub fn client_trust_config_json(&self) -> Vec<u8> {
        self.documents.now().trust_config.clone()
    }

    /// The routes of all services, with the layers around them.
    pub fn router(&self) -> Router {
        self.upkeep.live().router()
    }

    /// Gives a service a new key, as `signhere serve rotate` does.
    ///
    /// # Errors
    /// [`ServeError`]: the key cannot be made or published; the one before goes on.
    pub fn rotate(&self, request: Rotate) -> Result<Rotated, ServeError> {
        self.upkeep.rotate(request)
    }

    /// Does what is due by now: takes new keys into use, re-signs what would expire. [`Instance::serve`] does it
    /// each second.
    ///
    /// # Errors
    /// [`ServeError`]: it could not be done, and everything goes on as before.
    pub fn look(&self) -> Result<(), ServeError> {
        self.upkeep.look()
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
        self.serve_from(listener, shutdown, || {}).await
    }

    /// The same; calls `ready` once requests are answered, on the listener and over the socket in the folder.
    ///
    /// # Errors
    /// As [`Instance::serve`].
    pub async fn serve_from(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
        ready: impl FnOnce(),
    ) -> Result<(), ServeError> {
        let fail = |e: std::io::Error| ServeError::Listener { kind: e.kind() };
        let found = listener.local_addr().map_err(fail)?;
        if found != self.config.address {
            return Err(ServeError::OtherListener {
                expected: self.config.address,
                found,
            });
        }
        let metrics = match self.config.metrics {
            Some(address) => Some(bind_metrics(address).await?),
            None => None,
        };
        let (stop, stopped) = watch::channel(());
        let measured = metrics.map(|listener| {
            let (observer, mut stopped) = (self.upkeep.assembly().observer(), stopped.clone());
            let mut config = self.config.clone();
            config.limits.connections = METRICS_CONNECTIONS;
            tokio::spawn(async move {
                let (routes, ended) = (observer.routes(), async move {
                    let _ = stopped.changed().await;
                });
                http::server::serve(listener, None, routes, &config, ended).await
            })
        });
        let keeping = tokio::spawn(Arc::clone(&self.upkeep).keep(stopped.clone()));
        let control = self.control.bind()?;
        let controlled = tokio::spawn(control.serve(Arc::clone(&self.upkeep), stopped));
        ready();

        let router = self.router();
        let tls = self.tls.clone();
        let served = http::server::serve(listener, tls, router, &self.config, shutdown).await;
        drop(stop);
        let ended = (controlled.await, keeping.await);
        let measured = match measured {
            Some(measured) => measured.await.map_err(|_| ServeError::Panicked)?,
            None => Ok(()),
        };
        let closed = tokio::task::spawn_blocking(move || drop(self)).await;
        served.and(measured).map_err(fail)?;
        match (ended, closed) {
            ((Ok(_), Ok(())), Ok(())) => Ok(()),
            _ => Err(ServeError::Panicked),
        }
    }
}

async fn bind_metrics(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|e| ServeError::MetricsListener {
        address,
        kind: e.kind(),
    })
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.upkeep.close();
    }
}

/// Gives a service of the stopped instance in `dir` a new key. It signs with it when it has been started again and
/// the time has come.
///
/// # Errors
/// Those of [`Instance::open`], [`ServeError::InUse`] above all.
pub fn rotate(
    dir: &Path,
    config: InstanceConfig,
    unlock: &Unlock,
    request: Rotate,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Rotated, ServeError> {
    Instance::open(dir, config, unlock, clock, random)?.rotate(request)
}
