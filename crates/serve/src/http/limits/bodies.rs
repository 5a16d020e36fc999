//! Bodies that are on their way: each has its time, and all together have their memory.
//!
//! A caller holds at most a part of what the others leave, so that the next one finds something. A part of the memory
//! is kept for callers that hold little: a few addresses with all that they may hold do not keep out a small body.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use hyper::body::{Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Sleep, sleep};

/// The part of the memory that is kept for callers that hold little.
const RESERVE: usize = 4;
/// The part of the memory, without what is kept, that one caller may hold of what the others leave.
const SHARE: usize = 3;
/// Bytes that a piece of a body takes, however small it is.
const PIECE: usize = 256;
/// The part of all memory that is little.
const LITTLE: usize = 1024;

/// The memory that bodies take.
#[derive(Debug)]
pub(super) struct Bodies {
    limit: usize,
    time: Duration,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    callers: HashMap<IpAddr, usize>,
}

/// Why a body was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It took too long.
    Late,
    /// There is no memory for it, or its caller has its share.
    TooMuch,
}

#[derive(Debug, Error)]
#[error("the body was cut")]
struct Cut;

impl Bodies {
    pub(super) fn new(limit: usize, time: Duration) -> Arc<Self> {
        Arc::new(Self {
            limit,
            time,
            held: Mutex::default(),
        })
    }

    /// The request with its body watched, and what is held for it until that is dropped. A request without
    /// a body is left alone.
    pub(super) fn watch(
        self: &Arc<Self>,
        caller: IpAddr,
        request: Request,
    ) -> (Request, Option<Arc<Charge>>) {
        if request.body().is_end_stream() {
            return (request, None);
        }
        let charge = Arc::new(Charge {
            bodies: Arc::clone(self),
            caller,
            bytes: Mutex::new(0),
            verdict: AtomicU8::new(0),
        });
        let watched = |body| {
            Body::new(Watched {
                body,
                charge: Arc::clone(&charge),
                deadline: None,
            })
        };
        (request.map(watched), Some(charge))
    }

    /// Adds to what a caller holds, unless that is too much.
    fn hold(&self, caller: IpAddr, bytes: usize) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held.callers.get(&caller).copied().unwrap_or(0);
        let own = before.saturating_add(bytes);
        let others = held.all.saturating_sub(before);
        let most = match own <= self.limit / LITTLE {
            true => self.limit.saturating_sub(others),
            false => {
                let open_to_all = self.limit - self.limit / RESERVE;
                open_to_all.saturating_sub(others) / SHARE
            }
        };
        if own > most {
            return false;
        }
        held.all = others.saturating_add(own);
        held.callers.insert(caller, own);
        true
    }

    fn release(&self, caller: IpAddr, bytes: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(bytes);
        if let Some(own) = held.callers.get_mut(&caller) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                held.callers.remove(&caller);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        let held = self.held.lock().unwrap();
        (held.all, held.callers.len())
    }
}

/// What one request holds, and whether its body was cut.
#[derive(Debug)]
pub(super) struct Charge {
    bodies: Arc<Bodies>,
    caller: IpAddr,
    bytes: Mutex<usize>,
    verdict: AtomicU8,
}

impl Charge {
    /// Why the body was cut, if it was.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        match self.verdict.load(Ordering::Relaxed) {
            1 => Some(Verdict::Late),
            2 => Some(Verdict::TooMuch),
            _ => None,
        }
    }

    fn cut(&self, verdict: Verdict) -> axum::Error {
        let number = match verdict {
            Verdict::Late => 1,
            Verdict::TooMuch => 2,
        };
        self.verdict.store(number, Ordering::Relaxed);
        axum::Error::new(Cut)
    }

    fn add(&self, bytes: usize) -> bool {
        let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let may = self.bodies.hold(self.caller, bytes);
        if may {
            *held = held.saturating_add(bytes);
        }
        may
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut().unwrap_or_else(PoisonError::into_inner);
        if bytes > 0 {
            self.bodies.release(self.caller, bytes);
        }
    }
}

/// A body on its way. Its clock starts when it is first waited for.
struct Watched {
    body: Body,
    charge: Arc<Charge>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.charge.verdict().is_some() {
            return Poll::Ready(Some(Err(axum::Error::new(Cut))));
        }
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if !self.charge.add(bytes.max(PIECE)) {
                    return Poll::Ready(Some(Err(self.charge.cut(Verdict::TooMuch))));
                }
                // A piece keeps the whole buffer that it was read into, which is thousands of times larger when
                // bytes come one by one.
                let own = frame.map_data(|piece| Bytes::copy_from_slice(&piece));
                Poll::Ready(Some(Ok(own)))
            }
            Poll::Pending => {
                let time = self.charge.bodies.time;
                let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(time)));
                match deadline.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(self.charge.cut(Verdict::Late)))),
                    Poll::Pending => Poll::Pending,
                }
            }
            ready => ready,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
