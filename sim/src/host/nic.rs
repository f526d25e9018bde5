//! A network card: both directions are queues with a bandwidth.

use broker_model::types::Instant;

use super::token_bucket::{Rate, TokenBucket};

/// What a network card can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NicProfile {
    /// Bandwidth of each direction.
    pub rate: Rate,
}

/// The network card of one host.
#[derive(Clone, Debug)]
pub struct Nic {
    out: TokenBucket,
    inwards: TokenBucket,
}

impl Nic {
    /// An idle card.
    #[must_use]
    pub const fn new(profile: NicProfile) -> Self {
        Self { out: TokenBucket::new(profile.rate), inwards: TokenBucket::new(profile.rate) }
    }

    /// Sends bytes; returns when the last one leaves.
    pub fn send(&mut self, now: Instant, bytes: u64) -> Instant {
        self.out.transfer(now, bytes)
    }

    /// Receives bytes that reach the host from `at` on; returns when the last one is in.
    pub fn receive(&mut self, at: Instant, bytes: u64) -> Instant {
        self.inwards.transfer(at, bytes)
    }

    /// The outgoing direction, for utilisation.
    #[must_use]
    pub const fn out(&self) -> &TokenBucket {
        &self.out
    }

    /// The incoming direction, for utilisation.
    #[must_use]
    pub const fn inwards(&self) -> &TokenBucket {
        &self.inwards
    }
}
