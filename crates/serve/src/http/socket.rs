//! A connection's socket, which waits for its client only so long.
//!
//! Whoever is answered before all of the body was read (413, say) often reads the answer only when all is sent. To
//! close at once would reset the connection and take the answer away, so what still comes is read and thrown away for
//! a while (RFC 9112 section 9.6).

use std::future::Future;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Bytes that are thrown away of one connection.
const THROWN_AWAY: usize = 128 << 20;
/// Bytes that are thrown away at once.
const PIECE: usize = 16 << 10;
/// How long a client may pause before it is taken to have nothing more to send.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a client is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Until it takes some more of an answer.
    pub(crate) answer: Duration,
    /// Until it has sent what nobody wants, after its answer.
    pub(crate) close: Duration,
}

/// A stream that gives up clients that do not take their answers, and closes so that answers arrive.
pub(crate) struct Socket<S> {
    stream: S,
    patience: Patience,
    /// Whether the client is in the midst of a request.
    is_sending: Arc<AtomicBool>,
    /// Runs while the client takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    closing: Option<Closing>,
}

struct Closing {
    left: usize,
    until: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<S> Socket<S> {
    /// At its end, more is read while `is_sending`.
    pub(crate) fn new(stream: S, patience: Patience, is_sending: Arc<AtomicBool>) -> Self {
        Self {
            stream,
            patience,
            is_sending,
            stuck: None,
            closing: None,
        }
    }

    /// What became of a write, unless the client has taken nothing for too long.
    fn taken<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<std::io::Result<T>>,
    ) -> Poll<std::io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let time = self.patience.answer;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl Closing {
    fn new(time: Duration) -> Self {
        let now = Instant::now();
        let until = now + time;
        Self {
            left: THROWN_AWAY,
            until,
            timer: Box::pin(sleep_until(until.min(now + PAUSE))),
        }
    }

    /// Ready when the client has sent all, or enough.
    fn poll<S: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<()> {
        let mut has_read = false;
        loop {
            let mut piece = [MaybeUninit::uninit(); PIECE];
            let mut piece = ReadBuf::uninit(&mut piece);
            match Pin::new(&mut *stream).poll_read(context, &mut piece) {
                Poll::Ready(Ok(())) if !piece.filled().is_empty() => {}
                // It has closed its side, or the connection broke.
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
            has_read = true;
            match self.left.checked_sub(piece.filled().len()) {
                Some(left) => self.left = left,
                None => return Poll::Ready(()),
            }
        }
        if has_read {
            let now = Instant::now();
            if now >= self.until {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.until.min(now + PAUSE));
        }
        self.timer.as_mut().poll(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.taken(context, written)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.taken(context, flushed)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = &mut *self;
        let closing = match &mut this.closing {
            Some(closing) => closing,
            closing @ None => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
                if !this.is_sending.load(Ordering::Relaxed) {
                    return Poll::Ready(Ok(()));
                }
                closing.insert(Closing::new(this.patience.close))
            }
        };
        closing.poll(context, &mut this.stream).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.taken(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Patience = Patience {
        answer: Duration::from_secs(20),
        close: Duration::from_secs(10),
    };

    /// How many seconds it takes to close a socket whose client sends `bytes` each so many seconds.
    async fn closing_takes(every: Option<u64>, bytes: usize) -> u64 {
        let (mut client, stream) = duplex(1 << 20);
        let mut socket = Socket::new(stream, PATIENCE, Arc::new(AtomicBool::new(true)));
        let sending = tokio::spawn(async move {
            let Some(every) = every else {
                std::future::pending().await
            };
            loop {
                client.write_all(&vec![0; bytes]).await?;
                if every > 0 {
                    sleep(Duration::from_secs(every)).await;
                }
            }
            #[expect(unreachable_code, reason = "names the error's type")]
            std::io::Result::Ok(())
        });
        let begun = Instant::now();
        socket.shutdown().await.unwrap();
        sending.abort();
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn what_still_comes_is_read_for_a_while() {
        assert_eq!(closing_takes(None, 0).await, 2, "silence");
        assert_eq!(closing_takes(Some(3), 1).await, 2, "a long pause");
        assert_eq!(closing_takes(Some(1), 1).await, 10, "a byte each second");
        assert_eq!(closing_takes(Some(0), 1 << 20).await, 0, "more than enough");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_said_all_is_not_waited_for() {
        let (_client, stream) = duplex(64);
        let mut socket = Socket::new(stream, PATIENCE, Arc::default());
        let begun = Instant::now();
        socket.shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn who_closes_is_let_go() {
        let (mut client, stream) = duplex(64);
        let mut socket = Socket::new(stream, PATIENCE, Arc::new(AtomicBool::new(true)));
        let sent = tokio::spawn(async move {
            client.write_all(&[7; 100_000]).await.unwrap();
            client.shutdown().await.unwrap();
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            rest
        });
        socket.write_all(b"answer").await.unwrap();
        socket.shutdown().await.unwrap();
        drop(socket);
        assert_eq!(sent.await.unwrap(), b"answer");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_take_the_answer_is_given_up() {
        let (mut client, stream) = duplex(4);
        let mut socket = Socket::new(stream, PATIENCE, Arc::new(AtomicBool::new(true)));
        let begun = Instant::now();
        let taking = tokio::spawn(async move {
            // Some of it, late.
            sleep(Duration::from_secs(15)).await;
            let mut some = [0; 2];
            client.read_exact(&mut some).await.unwrap();
            sleep(Duration::from_secs(100)).await;
        });
        let error = socket.write_all(b"an answer").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 35);
        taking.abort();
    }
}
