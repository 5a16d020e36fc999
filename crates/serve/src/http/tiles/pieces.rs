//! A tile as the body of an answer, read piece by piece as its reader takes it: who is slow, or reads nothing,
//! holds one piece and not a tile.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use signhere_log::storage::{Objects, Part, StorageError};
use signhere_log::tile::TileId;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::http::problem::Problem;

/// Bytes of a piece.
pub(super) const PIECE: usize = 64 * 1024;

type Reading = JoinHandle<Result<Option<Part>, StorageError>>;

/// The beginning of a tile, up to `end`.
struct Pieces {
    objects: Arc<dyn Objects>,
    tile: TileId,
    next: Option<Bytes>,
    offset: u64,
    end: u64,
    reading: Option<Reading>,
}

/// The first `length` bytes of a tile, or all of them.
pub(super) async fn body(
    objects: Arc<dyn Objects>,
    tile: TileId,
    length: Option<u64>,
) -> Result<Body, Problem> {
    let first = read(&objects, tile, 0).await;
    let first = first
        .map_err(|_| Problem::internal())?
        .map_err(|_| Problem::internal())?
        .ok_or_else(Problem::not_found)?;
    let end = length.unwrap_or(first.total).min(first.total);
    Ok(Body::new(Pieces {
        objects,
        tile,
        next: Some(first.bytes.into()),
        offset: 0,
        end,
        reading: None,
    }))
}

fn read(objects: &Arc<dyn Objects>, tile: TileId, offset: u64) -> Reading {
    let objects = Arc::clone(objects);
    spawn_blocking(move || {
        let part = objects.part(&tile.to_string(), offset, PIECE)?;
        // Swept while it is being sent: the full tile begins with it. Where it ends is known by now.
        if part.is_none() && offset > 0 && !tile.is_full() {
            return objects.part(&tile.full().to_string(), offset, PIECE);
        }
        Ok(part)
    })
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let left = self.end.saturating_sub(self.offset);
        if left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = match self.next.take() {
            Some(piece) => piece,
            None => {
                let this = &mut *self;
                let reading = this
                    .reading
                    .get_or_insert_with(|| read(&this.objects, this.tile, this.offset));
                let Poll::Ready(found) = Pin::new(reading).poll(context) else {
                    return Poll::Pending;
                };
                self.reading = None;
                match found {
                    Ok(Ok(Some(part))) => part.bytes.into(),
                    _ => Bytes::new(),
                }
            }
        };
        if piece.is_empty() {
            // It was removed meanwhile, or cannot be read: the connection ends short of its announced length.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.offset >= self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end.saturating_sub(self.offset))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use signhere_log::memory::MemoryStorage;

    use super::*;

    #[tokio::test]
    async fn an_object_is_sent_in_pieces_and_no_more_than_asked_for() {
        let storage = MemoryStorage::new();
        let objects: Arc<dyn Objects> = Arc::new(storage.objects());
        let content: Vec<u8> = (0..=u8::MAX).cycle().take(2 * PIECE + 5).collect();
        objects.put("tile/entries/000", &content).unwrap();
        let tile = |path: &str| path.parse::<TileId>().unwrap();
        for length in [None, Some(1), Some(65_536), Some(100_000), Some(1 << 30)] {
            let mut body = body(Arc::clone(&objects), tile("tile/entries/000"), length)
                .await
                .unwrap();
            let expected = length.map_or(content.len(), |length| {
                usize::try_from(length).unwrap().min(content.len())
            });
            let announced = u64::try_from(expected).unwrap();
            assert_eq!(HttpBody::size_hint(&body).exact(), Some(announced));
            let mut first = Pin::new(&mut body);
            let frame = std::future::poll_fn(|context| first.as_mut().poll_frame(context)).await;
            let frame = frame.unwrap().unwrap().into_data().unwrap();
            assert!(frame.len() <= PIECE, "{}", frame.len());
            let rest = to_bytes(body, 1 << 20).await.unwrap();
            assert_eq!([&frame[..], &rest].concat(), content[..expected]);
        }
        let absent = body(objects, tile("tile/entries/001"), None).await;
        assert_eq!(absent.err(), Some(Problem::not_found()));
    }

    #[tokio::test]
    async fn an_object_that_goes_away_breaks_the_answer_off() {
        let storage = MemoryStorage::new();
        let objects: Arc<dyn Objects> = Arc::new(storage.objects());
        let path = "tile/entries/000";
        objects.put(path, &vec![1; 2 * PIECE]).unwrap();
        let body = body(Arc::clone(&objects), path.parse().unwrap(), None)
            .await
            .unwrap();
        objects.put(path, b"").unwrap();
        assert!(to_bytes(body, 1 << 20).await.is_err());
    }

    #[tokio::test]
    async fn a_partial_tile_that_is_swept_meanwhile_goes_on_as_the_full_one() {
        let storage = MemoryStorage::new();
        let objects: Arc<dyn Objects> = Arc::new(storage.objects());
        let partial: TileId = "tile/entries/000.p/255".parse().unwrap();
        let content: Vec<u8> = (0..=250).cycle().take(3 * PIECE).collect();
        let (beginning, _) = content.split_at(2 * PIECE + 7);
        objects.put(&partial.to_string(), beginning).unwrap();
        let body = body(Arc::clone(&objects), partial, None).await.unwrap();
        objects.put(&partial.full().to_string(), &content).unwrap();
        storage.sweep(256);
        assert_eq!(to_bytes(body, 1 << 20).await.unwrap(), beginning);
    }
}
