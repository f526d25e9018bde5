//! One answer that the world gives and a task waits for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// Locks what only one thread ever uses: the mutex is there because madsim asks for it.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.try_lock().expect("one thread, and nobody calls out while holding it")
}

struct Place<T> {
    value: Option<T>,
    waker: Option<Waker>,
    wanted: bool,
}

/// The world's end.
pub(super) struct Answer<T>(Arc<Mutex<Place<T>>>);

/// The task's end: a future of the answer.
#[must_use = "an answer that nobody awaits is not seen"]
pub struct Pending<T>(Arc<Mutex<Place<T>>>);

/// A question's two ends.
pub(super) fn question<T>() -> (Answer<T>, Pending<T>) {
    let place = Arc::new(Mutex::new(Place { value: None, waker: None, wanted: true }));
    (Answer(Arc::clone(&place)), Pending(place))
}

impl<T> Answer<T> {
    /// Gives the answer and wakes the task.
    pub(super) fn give(self, value: T) {
        let waker = {
            let mut place = locked(&self.0);
            place.value = Some(value);
            place.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether anybody still waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        locked(&self.0).wanted
    }
}

impl<T> Future for Pending<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut place = locked(&self.0);
        match place.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                place.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        let waker = {
            let mut place = locked(&self.0);
            place.wanted = false;
            place.waker.take()
        };
        drop(waker);
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("wanted", &self.is_wanted()).finish()
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}
