//! Knowing when async code waits again: every task of a service is wrapped, and its waker counts.
//!
//! madsim polls what is ready in random order, the driver included, so the driver must know
//! whether anything of a service is still to be polled before it goes on.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::answer::locked;

/// Tasks of one life of one instance.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    woken: AtomicUsize,
    alive: AtomicUsize,
}

impl Gauge {
    /// Tasks that were woken and not polled since.
    pub(super) fn woken(&self) -> usize {
        self.woken.load(Ordering::Relaxed)
    }

    /// Tasks whose futures exist.
    pub(super) fn alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Bell {
    gauge: Arc<Gauge>,
    rung: AtomicBool,
    host: Mutex<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        if !self.rung.swap(true, Ordering::Relaxed) {
            self.gauge.woken.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn silence(&self) {
        if self.rung.swap(false, Ordering::Relaxed) {
            self.gauge.woken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let host = locked(&self.host).clone();
        // A task whose future is gone has no host, and nothing to do.
        if let Some(host) = host {
            self.ring();
            host.wake();
        }
    }
}

/// A task of a service.
pub(super) struct Counted<F: Future<Output = ()>> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
}

impl<F: Future<Output = ()>> Counted<F> {
    /// A task that is about to be spawned: it counts as woken until its first poll.
    pub(super) fn new(gauge: &Arc<Gauge>, future: F) -> Self {
        gauge.alive.fetch_add(1, Ordering::Relaxed);
        let bell =
            Bell { gauge: Arc::clone(gauge), rung: AtomicBool::new(false), host: Mutex::new(None) };
        bell.ring();
        Self { future: Box::pin(future), bell: Arc::new(bell) }
    }
}

impl<F: Future<Output = ()>> Future for Counted<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.bell.silence();
        let stale = locked(&self.bell.host).replace(cx.waker().clone());
        drop(stale);
        let waker = Waker::from(Arc::clone(&self.bell));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl<F: Future<Output = ()>> Drop for Counted<F> {
    fn drop(&mut self) {
        let host = locked(&self.bell.host).take();
        drop(host);
        self.bell.silence();
        self.bell.gauge.alive.fetch_sub(1, Ordering::Relaxed);
    }
}
