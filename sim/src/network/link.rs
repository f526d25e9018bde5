//! Links: latency, cuts in either direction, extra delay. A link is directed.

use broker_model::types::{Duration, Instant};

use crate::prng::{mix, scale};

/// A machine in the network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostId(pub u32);

/// A distribution of latencies as a table of quantiles, so that a draw is integer arithmetic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LatencyTable(Vec<Duration>);

impl LatencyTable {
    /// A table of equally likely quantiles, in nanoseconds. Must not be empty.
    #[must_use]
    pub fn new(quantiles: Vec<Duration>) -> Self {
        assert!(!quantiles.is_empty(), "a distribution has at least one quantile");
        Self(quantiles)
    }

    /// Always the same latency.
    #[must_use]
    pub fn constant(latency: Duration) -> Self {
        Self(vec![latency])
    }

    /// The latency that these 64 random bits stand for.
    #[must_use]
    pub fn at(&self, bits: u64) -> Duration {
        self.0[scale(bits, self.0.len() as u64) as usize]
    }

    /// The median, for estimates.
    #[must_use]
    pub fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    cuts: u16,
    cut_at: Instant,
    extra: Duration,
    remote: bool,
}

/// All links of a run.
#[derive(Clone, Debug)]
pub struct Links {
    hosts: usize,
    links: Vec<Link>,
    near: LatencyTable,
    far: LatencyTable,
}

impl Links {
    /// Links between hosts that stand in racks. Hosts of one rack use `near`, others `far`;
    /// hosts without a rack count as far from every other.
    #[must_use]
    pub fn new(racks: &[Option<u32>], near: LatencyTable, far: LatencyTable) -> Self {
        let hosts = racks.len();
        let mut links = vec![Link::default(); hosts * hosts];
        for (from, from_rack) in racks.iter().enumerate() {
            for (to, to_rack) in racks.iter().enumerate() {
                links[from * hosts + to].remote =
                    from != to && (from_rack.is_none() || from_rack != to_rack);
            }
        }
        Self { hosts, links, near, far }
    }

    fn link(&self, from: HostId, to: HostId) -> &Link {
        &self.links[from.0 as usize * self.hosts + to.0 as usize]
    }

    fn link_mut(&mut self, from: HostId, to: HostId) -> &mut Link {
        &mut self.links[from.0 as usize * self.hosts + to.0 as usize]
    }

    /// Latency of the `counter`-th message of a connection with this key.
    #[must_use]
    pub fn latency(&self, from: HostId, to: HostId, key: u64, counter: u64) -> Duration {
        let link = self.link(from, to);
        let table = if link.remote { &self.far } else { &self.near };
        let bits = mix(key ^ counter.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        table.at(bits) + link.extra
    }

    /// Whether nothing gets through in this direction now.
    #[must_use]
    pub fn is_cut(&self, from: HostId, to: HostId) -> bool {
        self.link(from, to).cuts > 0
    }

    /// When the present cut began.
    #[must_use]
    pub fn cut_at(&self, from: HostId, to: HostId) -> Instant {
        self.link(from, to).cut_at
    }

    /// Cuts one direction. Cuts of several faults add up.
    pub fn cut(&mut self, from: HostId, to: HostId, now: Instant) {
        let link = self.link_mut(from, to);
        if link.cuts == 0 {
            link.cut_at = now;
        }
        link.cuts += 1;
    }

    /// Ends one cut of one direction; true if the link is whole again.
    pub fn mend(&mut self, from: HostId, to: HostId) -> bool {
        let link = self.link_mut(from, to);
        assert!(link.cuts > 0, "only a cut link can be mended");
        link.cuts -= 1;
        link.cuts == 0
    }

    /// Adds delay to one direction, or takes it away again.
    pub fn delay(&mut self, from: HostId, to: HostId, extra: Duration) {
        self.link_mut(from, to).extra = extra;
    }

    /// How many hosts there are.
    #[must_use]
    pub const fn hosts(&self) -> usize {
        self.hosts
    }
}
