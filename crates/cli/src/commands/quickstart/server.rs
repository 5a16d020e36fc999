//! The private instance, running beside what uses it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use signhere_pki::random::SystemRandom;
use signhere_pki::time::Clock as _;
use signhere_serve::{InstanceConfig, ServeError, Setup, Unlock, keys};
use signhere_sign::instance::Instance;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::SystemClock;
use crate::commands::serve::unlock::{self, UnlockArgs};
use crate::commands::{Context, serve};
use crate::error::CliError;

/// The address that is tried first.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3003);
/// The same with whichever port is free.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// An instance that runs in this process.
pub(super) struct Server {
    /// What a client knows of it.
    pub(super) instance: Instance,
    /// `http://127.0.0.1:3003`
    pub(super) url: String,
    /// `127.0.0.1:3003`
    pub(super) address: String,
    /// The issuer of its identity tokens.
    pub(super) issuer: String,
    /// How long it took until it was ready.
    pub(super) start_time: Duration,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    /// Starts the instance of `dir`, on `address` if one is given; makes one for development if there is none.
    pub(super) async fn start(
        context: &Context,
        address: Option<SocketAddr>,
        dir: &Path,
    ) -> Result<Self, CliError> {
        let began = Instant::now();
        if !keys::is_made(dir)? {
            make(dir)?;
        }
        let unlock = unlock::find(context, dir, &UnlockArgs::default())?;
        let listener = match address {
            Some(address) => serve::bind(address).await?,
            None => bind_somewhere().await?,
        };
        let config = InstanceConfig::load(dir, listener.local_addr().ok());
        let config = config.map_err(ServeError::from)?;
        let server = serve::open(dir, config, &unlock, &listener)?;
        let address = listener
            .local_addr()
            .map_err(|error| CliError::internal(&error))?
            .to_string();
        let (url, issuer) = (server.endpoints().base(), server.endpoints().issuer());
        let instance = Instance::from_client_trust_config(&server.client_trust_config_json())?;
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(listener, async {
            // A sender that is gone asks for the same.
            let _ = stopped.await;
        }));
        Ok(Self {
            instance,
            url,
            address,
            issuer,
            start_time: began.elapsed(),
            stop,
            serving,
        })
    }

    /// Ends the instance; returns when its data is safe.
    pub(super) async fn stop(self) -> Result<(), CliError> {
        drop(self.stop);
        let served = self
            .serving
            .await
            .map_err(|error| CliError::internal(&error))?;
        Ok(served?)
    }
}

/// A throw-away instance: its login page believes everybody, and its keys lie open in the folder.
fn make(dir: &Path) -> Result<(), CliError> {
    serve::keep_out_of_git(dir)?;
    let mut setup = Setup::new(Unlock::File);
    setup.config.development = true;
    setup.make(dir, SystemClock.now(), &SystemRandom)?;
    Ok(())
}

async fn bind_somewhere() -> Result<TcpListener, CliError> {
    match TcpListener::bind(USUAL).await {
        Ok(listener) => Ok(listener),
        Err(_) => serve::bind(ANY).await,
    }
}
