//! Who makes room for whom.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use tokio::time::timeout;

use super::*;

async fn is_evicted(connection: &Connection) -> bool {
    let moment = Duration::from_millis(1);
    timeout(moment, connection.evicted()).await.is_ok()
}

fn room(all: usize, caller: usize, heads: usize) -> Arc<Connections> {
    Connections::new(Room { all, caller, heads })
}

fn from(last: u8) -> Origin {
    Origin {
        address: IpAddr::from([192, 0, 2, last]),
        is_exempt: false,
    }
}

async fn admit(all: &Arc<Connections>, origin: Origin) -> Arc<Connection> {
    all.admit(origin).await.unwrap()
}

#[tokio::test]
async fn the_longest_idle_one_makes_room() {
    let all = room(3, 4, 100);
    let (first, second, third) = (
        admit(&all, from(1)).await,
        admit(&all, from(1)).await,
        admit(&all, from(1)).await,
    );
    drop(first.begin());
    let busy = second.begin();
    // Idle are: the third, then the first.
    let fourth = admit(&all, from(1)).await;
    assert!(is_evicted(&third).await);
    assert!(!is_evicted(&first).await);
    drop(fourth.begin());
    let _fifth = admit(&all, from(1)).await.begin();
    assert!(is_evicted(&first).await);
    assert!(!is_evicted(&second).await);
    assert!(all.evict());
    assert!(is_evicted(&fourth).await);
    assert!(!all.evict(), "those with a request under way");
    drop(busy);
    assert!(second.is_idle());
    assert!(all.evict());
}

#[tokio::test]
async fn who_has_the_most_makes_room() {
    let all = room(4, 4, 100);
    let honest = admit(&all, from(1)).await;
    let mut crowd = Vec::new();
    for n in 0..20 {
        crowd.push(admit(&all, from(2)).await);
        let gone = is_evicted(&crowd[n.max(3) - 3]).await;
        assert_eq!(gone, n >= 3, "the crowd's number {n}");
    }
    let other = admit(&all, from(3)).await;
    assert!(is_evicted(&crowd[17]).await);
    assert!(!is_evicted(&honest).await && !is_evicted(&other).await);
    // Among those with as many as each other, who waits for its client the longest.
    drop(crowd.split_off(19));
    drop(honest.begin());
    let _more = [admit(&all, from(4)).await, admit(&all, from(5)).await];
    assert!(is_evicted(&crowd[18]).await);
    assert!(!is_evicted(&honest).await && !is_evicted(&other).await);
    drop(crowd);
}

#[tokio::test]
async fn a_caller_has_its_share_and_is_refused_when_all_of_it_is_at_work() {
    let all = room(100, 2, 100);
    let first = admit(&all, from(1)).await;
    let second = admit(&all, from(1)).await;
    let busy = first.begin();
    let third = admit(&all, from(1)).await;
    assert!(is_evicted(&second).await);
    let also_busy = third.begin();
    assert!(all.admit(from(1)).await.is_none());
    // What had to go counts no longer, though it is not gone yet.
    drop(second);
    assert!(all.admit(from(1)).await.is_none());
    admit(&all, from(2)).await;
    let exempt = Origin {
        is_exempt: true,
        ..from(1)
    };
    let more = admit(&all, exempt).await.begin();
    drop(also_busy);
    assert!(all.admit(from(1)).await.is_some());
    assert!(is_evicted(&third).await);
    drop((busy, more));
}

#[tokio::test]
async fn when_all_are_busy_the_next_one_waits_for_the_first_that_is_not() {
    let all = room(1, 2, 100);
    let only = admit(&all, from(1)).await;
    let busy = only.begin();
    let waiting = tokio::spawn({
        let all = Arc::clone(&all);
        async move { admit(&all, from(2)).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(busy);
    waiting.await.unwrap();
    assert!(is_evicted(&only).await);
}

#[tokio::test]
async fn those_that_are_about_to_go_have_a_number() {
    let all = room(1, 1, 100);
    let mut leaving = vec![admit(&all, from(1)).await];
    for _ in 0..LEAVING {
        leaving.push(admit(&all, from(1)).await);
    }
    assert!(all.admit(from(1)).await.is_none());
    let mut next = pin!(all.admit(from(2)));
    assert!(timeout(Duration::from_millis(1), &mut next).await.is_err());
    drop(leaving.remove(0));
    assert!(next.await.is_some());
}

#[tokio::test]
async fn a_closed_connection_frees_its_room() {
    let all = room(1, 1, 100);
    drop(admit(&all, from(1)).await);
    assert!(!all.evict());
    let other = admit(&all, from(1)).await;
    drop(other.begin());
    drop(other);
    admit(&all, from(1)).await;
    assert!(!all.evict());
    let state = all.state();
    assert_eq!((state.open, state.leaving, state.heads), (0, 0, 0));
    assert!(state.callers.is_empty() && state.ranks.is_empty());
}

#[tokio::test]
async fn a_request_counts_as_under_way_when_its_body_is_there() {
    let all = room(1, 1, 100);
    let only = admit(&all, from(1)).await;
    let exchange = only.exchange();
    let body = Body::from("whole");
    let mut body = exchange.arriving(body);
    assert!(only.is_idle());
    let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
    assert!(frame.is_some());
    assert!(!only.is_idle());
    drop(body);
    assert!(!only.is_idle());
    drop(exchange);
    assert!(only.is_idle());
    // Without a body it is there at once.
    let exchange = only.exchange();
    let body = exchange.arriving(Body::empty());
    assert!(!only.is_idle());
    drop((body, exchange));
    assert!(only.is_idle());
}

#[tokio::test]
async fn when_the_memory_for_heads_is_full_nobody_takes_more_than_a_share() {
    let all = room(4, 4, 100);
    let (first, second, third) = (
        admit(&all, from(1)).await,
        admit(&all, from(1)).await,
        admit(&all, from(1)).await,
    );
    assert!(first.received(60));
    assert!(second.received(40));
    assert!(!second.received(1));
    assert!(third.received(25));
    assert!(!third.received(1));
    // A body is not a head.
    let exchange = third.exchange();
    assert!(third.received(1_000));
    assert_eq!(all.state().heads, 127);
    // With its answer the head is gone, and with its connection.
    drop(exchange);
    drop(first);
    assert_eq!(all.state().heads, 41);
    assert!(second.received(59));
}
