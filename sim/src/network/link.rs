//! Links: latency, cuts in either direction, extra delay. A link is directed.

use broker_model::types::{Duration, Instant, SECOND};

use crate::prng::{Outcomes, mix};

/// A machine in the network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostId(pub u32);

/// A distribution of latencies as a table of equally likely quantiles, in nanoseconds, so that a
/// draw is integer arithmetic.
pub type LatencyTable = Outcomes;

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    cuts: u16,
    extra: Duration,
    remote: bool,
    /// Bytes per second, zero where only the interfaces bound it.
    bytes_per_s: u64,
    free_at: Instant,
}

/// All links of a run.
#[derive(Clone, Debug)]
pub struct Links {
    hosts: usize,
    links: Vec<Link>,
    near: LatencyTable,
    far: LatencyTable,
    bytes_per_s: u64,
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
        Self { hosts, links, near, far, bytes_per_s: 0 }
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

    /// Cuts one direction. Cuts of several faults add up.
    pub fn cut(&mut self, from: HostId, to: HostId) {
        self.link_mut(from, to).cuts += 1;
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

    /// Bounds every link, in bytes per second.
    #[must_use]
    pub fn bounded(mut self, bytes_per_s: u64) -> Self {
        self.bytes_per_s = bytes_per_s.max(1);
        for link in &mut self.links {
            link.bytes_per_s = self.bytes_per_s;
        }
        self
    }

    /// Divides the bandwidth of one direction, `unbounded` bytes per second where links have no
    /// bound of their own, by `numerator / denominator`; a factor of one gives it back.
    pub fn narrow(
        &mut self,
        (from, to): (HostId, HostId),
        (numerator, denominator): (u64, u64),
        unbounded: u64,
    ) {
        let own = self.bytes_per_s;
        let link = self.link_mut(from, to);
        link.bytes_per_s = if numerator == denominator {
            own
        } else {
            let whole = if own == 0 { unbounded } else { own.min(unbounded) };
            (whole.saturating_mul(denominator) / numerator).max(1)
        };
    }

    /// Bytes that leave the sender at `at` pass the link behind everything before; returns when
    /// the last one is through.
    pub fn carry(&mut self, from: HostId, to: HostId, at: Instant, bytes: u64) -> Instant {
        let link = self.link_mut(from, to);
        if link.bytes_per_s == 0 {
            return at;
        }
        let took = u128::from(bytes) * u128::from(SECOND) / u128::from(link.bytes_per_s);
        link.free_at = link.free_at.max(at) + took as u64;
        link.free_at
    }

    /// How many hosts there are.
    #[must_use]
    pub const fn hosts(&self) -> usize {
        self.hosts
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, SECOND};

    use super::{HostId, LatencyTable, Links};

    const A: HostId = HostId(0);
    const B: HostId = HostId(1);

    fn links() -> Links {
        let table = || LatencyTable::new(&[5]);
        Links::new(&[Some(0), Some(0)], table(), table())
    }

    #[test]
    fn a_bound_holds_for_each_direction_by_itself() {
        let mut links = links().bounded(1_000);
        assert_eq!(links.carry(A, B, Instant(0), 500), Instant(SECOND / 2));
        assert_eq!(links.carry(A, B, Instant(0), 500), Instant(SECOND), "behind the first");
        assert_eq!(links.carry(B, A, Instant(0), 500), Instant(SECOND / 2));
    }

    #[test]
    fn a_narrow_link_gets_its_bandwidth_back() {
        let mut links = links();
        assert_eq!(links.carry(A, B, Instant(7), 1 << 40), Instant(7), "no bound of its own");
        links.narrow((A, B), (5, 2), 1_000);
        assert_eq!(links.carry(A, B, Instant(0), 400), Instant(SECOND));
        links.narrow((A, B), (1, 1), 1_000);
        assert_eq!(links.carry(A, B, Instant(7), 1 << 40), Instant(7));
    }
}
