//! Runs several guests abreast.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The usual number of guests abreast. It is three for two processors, because a guest waits for a quarter of its time.
pub(super) fn usual() -> NonZeroUsize {
    let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    processors.saturating_add(processors.get() / 2)
}

/// Call a function with each item, on as many threads as guests usually run, and return the results in the order of the items.
/// A panic of a call goes on in the caller.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, call: impl Fn(T) -> R + Sync) -> Vec<R> {
    let items: Mutex<VecDeque<(usize, T)>> = Mutex::new(items.into_iter().enumerate().collect());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        let mut results = Vec::new();
        while let Some((number, item)) = next() {
            results.push((number, call(item)));
        }
        results
    };
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..usual().get()).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    results.sort_unstable_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn keeps_the_order_and_skips_nothing() {
        let doubled = map((0..100).collect(), |number: u64| number * 2);
        assert_eq!(doubled, (0..100).map(|number| number * 2).collect::<Vec<_>>());
    }
}
