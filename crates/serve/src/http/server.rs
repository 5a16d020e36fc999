//! The listener loop: bounded connections, bounded handshakes and headers, and an end that finishes what was begun.

use std::convert::Infallible;
use std::future::Future;
use std::io::{ErrorKind, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service as _;

use super::connections::{Connection, Connections, Counted, Room};
use super::problem::Problem;
use super::socket::{Patience, Socket};
use super::tls::Tls;
use crate::config::{InstanceConfig, Limits};

/// How long to leave a listener alone that has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of request lines and headers that are held at one time, for each connection that there may be.
const HEAD_BYTES: usize = 8 << 10;
/// Whole heads that there is memory for at the least.
const HEADS: usize = 16;
/// How long a connection that makes room has to end by itself.
const EVICTION_TIME: Duration = Duration::from_millis(50);
/// File descriptors that are kept for the logs.
#[cfg(target_os = "linux")]
const RESERVED_FILES: u64 = 256;
/// File descriptors that are asked for besides, for connections that are about to end.
#[cfg(target_os = "linux")]
const SPARE_FILES: u64 = 4096;

/// Answers requests until `shutdown` is ready, then lets open ones finish within the drain time.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    config: &InstanceConfig,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let keeping = tls.clone().map(|tls| tokio::spawn(tls.keep()));
    let served = accept(listener, tls, router, config, shutdown).await;
    if let Some(keeping) = keeping {
        keeping.abort();
    }
    served
}

async fn accept(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    config: &InstanceConfig,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let limits = config.limits;
    let all = possible(limits.connections);
    let heads = all.saturating_mul(HEAD_BYTES);
    let connections = Connections::new(Room {
        all,
        caller: config.rates.connections,
        heads: heads.max(limits.header_bytes.saturating_mul(HEADS)),
    });
    let callers = config.rates.callers();
    let patience = Patience {
        answer: limits.request_time,
        close: config.rates.body_time,
    };
    let refusal = match tls {
        None => Problem::crowded().to_http1(),
        Some(_) => Vec::new(),
    };
    let (stop, stopping) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) if is_of_one_connection(&e) => continue,
            Err(e) if is_exhaustion(&e) => {
                connections.evict();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Err(e) => return Err(e),
        };
        let admitted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            admitted = connections.admit(callers.origin(peer.ip())) => admitted,
        };
        let Some(connection) = admitted else {
            refuse(stream, &refusal);
            continue;
        };
        let one = One {
            connection,
            peer,
            router: router.clone(),
            limits,
            patience,
            stopping: stopping.clone(),
        };
        tokio::spawn(one.serve(stream, tls.clone()));
    }
    drop((listener, stopping));
    let _ = stop.send(());
    // What is still open after the drain time is cut; nothing it was answered is undone by that.
    let _ = timeout(limits.drain_time, stop.closed()).await;
    Ok(())
}

/// Closes a connection that there is no room for with an answer, as far as that can be had without waiting.
fn refuse(stream: TcpStream, answer: &[u8]) {
    if let Ok(mut stream) = stream.into_std() {
        // What does not fit into a socket's empty buffer is not worth a task.
        let _ = stream.write(answer);
        let _ = stream.shutdown(Shutdown::Write);
    }
}

/// One connection.
struct One {
    connection: Arc<Connection>,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    patience: Patience,
    /// Changes when the listener ends.
    stopping: watch::Receiver<()>,
}

impl One {
    async fn serve(mut self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        let time = match tls {
            Some(_) => self.limits.handshake_time,
            None => self.limits.header_time,
        };
        // A client that says nothing costs no buffers.
        let spoken = tokio::select! {
            spoken = timeout(time, stream.readable()) => matches!(spoken, Ok(Ok(()))),
            () = self.connection.evicted() => false,
            _ = self.stopping.changed() => false,
        };
        if spoken {
            Box::pin(self.converse(stream, tls)).await;
        }
    }

    async fn converse(mut self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        // Answers are written whole: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let stream = Socket::new(stream, self.patience, self.connection.is_sending());
        let Some(tls) = tls else {
            return self.answer(stream).await;
        };
        let handshake = timeout(self.limits.handshake_time, tls.acceptor().accept(stream));
        let accepted = tokio::select! {
            accepted = handshake => accepted,
            () = self.connection.evicted() => return,
            _ = self.stopping.changed() => return,
        };
        // A handshake that fails or takes too long concerns its client alone.
        if let Ok(Ok(stream)) = accepted {
            Box::pin(self.answer(stream)).await;
        }
    }

    async fn answer(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (connection, peer, router) = (Arc::clone(&self.connection), self.peer, self.router);
        let stream = Counted::new(stream, Arc::clone(&connection));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let exchange = connection.exchange();
            let answer = router
                .clone()
                .call(request.map(|body| exchange.arriving(body)));
            async move {
                let answer: Response = answer.await?;
                drop(exchange);
                Ok::<_, Infallible>(answer)
            }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_time)
            .max_buf_size(self.limits.header_bytes)
            .serve_connection(TokioIo::new(stream), service);
        let mut serving = pin!(serving);
        tokio::select! {
            // A connection that breaks concerns its client alone.
            _ = &mut serving => return,
            () = self.connection.evicted() => {}
            _ = self.stopping.changed() => {
                serving.as_mut().graceful_shutdown();
                let _ = serving.await;
                return;
            }
        }
        // A request that came at the last moment is still answered.
        while timeout(EVICTION_TIME, &mut serving).await.is_err() {
            if self.connection.is_idle() {
                return;
            }
        }
    }
}

/// How many connections of `wanted` the system gives file descriptors for, after the soft limit was raised.
#[cfg(target_os = "linux")]
fn possible(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = u64::try_from(wanted).unwrap_or(u64::MAX);
    let needed = needed.saturating_add(RESERVED_FILES + SPARE_FILES);
    let limit = getrlimit(Resource::Nofile);
    let Some(now) = limit.current else {
        return wanted;
    };
    let raised = limit.maximum.map_or(needed, |most| most.min(needed));
    let new = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    let files = match raised > now && setrlimit(Resource::Nofile, new).is_ok() {
        true => raised,
        false => now,
    };
    let room = usize::try_from(files.saturating_sub(RESERVED_FILES)).unwrap_or(usize::MAX);
    if room < wanted {
        tracing::warn!(
            wanted,
            room,
            "the limit of open files allows fewer connections"
        );
    }
    room.clamp(1, wanted)
}

/// How many connections of `wanted` the system gives file descriptors for: it is asked when there are none left.
#[cfg(not(target_os = "linux"))]
fn possible(wanted: usize) -> usize {
    wanted
}

fn is_of_one_connection(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}

fn is_exhaustion(error: &std::io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) || error.kind() == ErrorKind::OutOfMemory
}

#[cfg(test)]
mod tests;
