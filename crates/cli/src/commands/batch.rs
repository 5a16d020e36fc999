//! Many pieces of work at once, their results in order.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// More at once would only wait for the same disk.
const MAX_WORKERS: usize = 16;

/// Does each piece of `work` on one of the machine's cores, and hands the results to `each` in the order of the work.
/// An error of `each` ends it: nothing new is begun.
pub(crate) fn in_order<W: Sync, R: Send, E>(
    work: &[W],
    run: impl Fn(&W) -> R + Sync,
    mut each: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = cores.min(MAX_WORKERS).min(work.len());
    if workers < 2 {
        return work.iter().map(run).try_for_each(each);
    }
    let next = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    // Results wait in a bounded queue, so that the workers do not run away from whoever prints them.
    let (sender, receiver) = mpsc::sync_channel::<(usize, R)>(workers.saturating_mul(4));
    thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while !is_over.load(Ordering::Relaxed) {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some(piece) = work.get(position) else {
                        return;
                    };
                    if sender.send((position, run(piece))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut due = 0_usize;
        let mut outcome = Ok(());
        for (position, result) in &receiver {
            waiting.insert(position, result);
            while outcome.is_ok()
                && let Some(result) = waiting.remove(&due)
            {
                due = due.saturating_add(1);
                outcome = each(result);
            }
            if outcome.is_err() {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
        drop(receiver);
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        let work: Vec<u64> = (0..500).collect();
        let mut results = Vec::new();
        let square = |n: &u64| {
            // The first ones take longest.
            let rounds = (500 - n) * 50;
            (0..rounds).fold(*n, |sum, _| std::hint::black_box(sum)) * n
        };
        let outcome: Result<(), ()> = in_order(&work, square, |result| {
            results.push(result);
            Ok(())
        });
        assert_eq!(outcome, Ok(()));
        let expected: Vec<u64> = work.iter().map(|n| n * n).collect();
        assert_eq!(results, expected);
    }

    #[test]
    fn an_error_ends_it() {
        let begun = AtomicUsize::new(0);
        let work = vec![(); 10_000];
        let mut taken = 0;
        let outcome = in_order(
            &work,
            |()| begun.fetch_add(1, Ordering::Relaxed),
            |_| {
                taken += 1;
                if taken == 3 { Err("full") } else { Ok(()) }
            },
        );
        assert_eq!((outcome, taken), (Err("full"), 3));
        assert!(begun.load(Ordering::Relaxed) < 10_000);
        assert_eq!(in_order(&[], |()| (), |()| Err("never")), Ok(()));
    }
}
