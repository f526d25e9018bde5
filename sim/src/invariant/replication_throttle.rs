//! What a leader gives of throttled replicas to followers outside of its ISR stays within its rate,
//! and so does what a follower takes that is behind, but for what was under way.
//!
//! Source: KIP-73; Kafka, `ReplicationQuotaManager`, `SimpleRate`. A rate is what the windows have
//! since the oldest of them began, over that time and one window at least. It is looked at before a
//! fetch is answered, or sent: so when the rate is exceeded each fetcher on the other side may have
//! one answer under way, and gets no other until it is not exceeded any more.

use std::collections::VecDeque;

use broker_model::broker::Broker;
use broker_model::config::{FOLLOWER_RATE, LEADER_RATE, ThrottledReplicas};
use broker_model::note::Note;
use broker_model::partition::Replica;
use broker_model::types::{Duration, Instant, MILLISECOND, NodeId, PartitionId, SECOND};

use super::{Interest, Invariant, View};

/// How often it is looked at who has throttled replicas.
const LOOK: Duration = 100 * MILLISECOND;

/// The windows of a broker's throttles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Windows {
    /// The length of one.
    size: Duration,
    /// The length of all.
    span: Duration,
    /// Answers of a peer that may be under way: one for each of its fetchers.
    under_way: u32,
}

impl Windows {
    fn of(broker: &Broker) -> Self {
        let size = broker.config().replication_quota_window_size;
        let span = size * u64::from(broker.config().replication_quota_window_num);
        Self { size, span, under_way: broker.config().num_replica_fetchers }
    }
}

/// What came of one peer.
#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    /// When the last one came: what comes at one time is of one.
    last: Option<Instant>,
    /// How many came since the rate is exceeded.
    since_exceeded: u32,
}

/// One side of a broker: what it gave, or took, lately.
#[derive(Clone, Debug, Default)]
struct Side {
    /// Nothing was throttled until then.
    free_until: Instant,
    /// When something was throttled last.
    throttled_at: Option<Instant>,
    /// When, and how many bytes.
    lately: VecDeque<(Instant, u64)>,
    sum: u64,
    /// The bound that was in force, bytes a second.
    bound: u64,
    /// By number of the peer.
    answers: Vec<Answers>,
}

impl Side {
    /// A process that has measured nothing.
    fn born(now: Instant) -> Self {
        Self { free_until: now, ..Self::default() }
    }

    /// Whether anything is throttled now. What was measured is kept for as long as all windows.
    fn look(&mut self, now: Instant, throttled: bool, windows: Windows) {
        if throttled {
            self.throttled_at = Some(now);
        } else if self.throttled_at.is_none_or(|at| now.since(at) > windows.span + windows.size) {
            self.throttled_at = None;
            self.free_until = now;
        }
    }

    /// Counts what came of a peer. All of it, and the time that it should have taken, if it is too
    /// much.
    fn count(
        &mut self,
        (now, peer, bytes): (Instant, NodeId, u64),
        bound: u64,
        windows: Windows,
    ) -> Option<(u64, Duration)> {
        if self.bound != bound {
            self.lately.clear();
            (self.bound, self.sum) = (bound, 0);
        }
        while let Some(&(_, old)) = self.lately.front().filter(|w| now.since(w.0) >= windows.span) {
            self.lately.pop_front();
            self.sum -= old;
        }
        let elapsed = now.since(self.free_until).max(windows.size).min(windows.span);
        let time = elapsed + windows.size;
        let allowed = u128::from(bound) * u128::from(time) / u128::from(SECOND);
        let exceeded = u128::from(self.sum) > allowed;
        self.lately.push_back((now, bytes));
        self.sum += bytes;
        let too_many = self.answered(now, peer, exceeded) > windows.under_way;
        too_many.then_some((self.sum, time))
    }

    /// An answer came of a peer, or another part of it. How many came since the rate is exceeded.
    fn answered(&mut self, now: Instant, peer: NodeId, exceeded: bool) -> u32 {
        let place = peer.0 as usize;
        if self.answers.len() <= place {
            self.answers.resize_with(place + 1, Answers::default);
        }
        let is_new = self.answers[place].last.replace(now) != Some(now);
        if is_new && !exceeded {
            self.answers.iter_mut().for_each(|answers| answers.since_exceeded = 0);
        } else if is_new {
            self.answers[place].since_exceeded += 1;
        }
        self.answers[place].since_exceeded
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ReplicationThrottled {
    /// By number of the leader.
    given: Vec<Side>,
    /// By number of the follower.
    taken: Vec<Side>,
    /// When it was looked last who has throttled replicas.
    looked: Option<Instant>,
}

/// Which side of a broker, as it is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Gave,
    Took,
}

/// What the metadata and the configuration that a broker has hold it to, whatever it does.
fn rate(broker: &Broker, doing: Doing) -> Option<u64> {
    let own = broker.config();
    let (key, own) = match doing {
        Doing::Gave => (LEADER_RATE, own.leader_replication_throttled_rate),
        Doing::Took => (FOLLOWER_RATE, own.follower_replication_throttled_rate),
    };
    let dynamic = broker.image().broker_config(broker.node(), key);
    let rate = dynamic.and_then(|text| text.trim().parse().ok()).unwrap_or(own);
    (rate != i64::MAX as u64).then_some(rate)
}

fn side(sides: &mut Vec<Side>, broker: NodeId) -> &mut Side {
    let place = broker.0 as usize;
    if sides.len() <= place {
        sides.resize_with(place + 1, Side::default);
    }
    &mut sides[place]
}

/// Whether this replica leads, is throttled, and does not have the follower in its ISR.
fn gives_throttled(leader: &Broker, replica: &Replica, index: u32, follower: NodeId) -> bool {
    let throttled = &replica.log().config().leader_throttled_replicas;
    let outside = replica.leader().is_some_and(|leader| !leader.isr.contains(&follower));
    outside && throttled.contains(index, leader.node())
}

/// Whether this replica is throttled and does not have what its leader knows to be replicated.
fn takes_throttled(follower: &Broker, copy: &Replica, partition: PartitionId, index: u32) -> bool {
    let throttled = &copy.log().config().follower_throttled_replicas;
    throttled.contains(index, follower.node()) && follower.is_behind(partition)
}

impl ReplicationThrottled {
    fn look(&mut self, view: &View<'_>) {
        if self.looked.is_some_and(|at| view.now.since(at) < LOOK) {
            return;
        }
        self.looked = Some(view.now);
        for broker in view.nodes.iter().filter_map(|node| node.broker()) {
            let (windows, id) = (Windows::of(broker), broker.node());
            let (gives, takes) = broker.replication_throttles();
            side(&mut self.given, id).look(view.now, gives, windows);
            side(&mut self.taken, id).look(view.now, takes, windows);
        }
    }

    fn copied(
        &mut self,
        view: &View<'_>,
        follower: NodeId,
        partition: PartitionId,
        bytes: u64,
    ) -> Option<String> {
        self.look(view);
        let follower = view.node(follower)?.broker()?;
        let copy = follower.replica(partition)?;
        let config = copy.log().config();
        let none = ThrottledReplicas::None;
        if config.leader_throttled_replicas == none && config.follower_throttled_replicas == none {
            return None;
        }
        let leader = view.node(copy.following()?)?.broker()?;
        let replica = leader.replica(partition)?;
        let index = leader.image().partition(partition)?.index;
        let (from, to) = (leader.node(), follower.node());
        let judge = |side: &mut Side, broker: &Broker, doing, peer| {
            let (windows, rate) = (Windows::of(broker), rate(broker, doing)?);
            let found = side.count((view.now, peer, bytes), rate, windows)?;
            Some(told(broker.node(), doing, found, rate))
        };
        let mut found = None;
        if gives_throttled(leader, replica, index, to) {
            let side = side(&mut self.given, from);
            found = judge(side, leader, Doing::Gave, to);
        }
        if takes_throttled(follower, copy, partition, index) {
            let side = side(&mut self.taken, to);
            let more = judge(side, follower, Doing::Took, from);
            found = found.or(more);
        }
        found
    }
}

fn told(broker: NodeId, doing: Doing, (sum, time): (u64, Duration), bound: u64) -> String {
    let what = match doing {
        Doing::Gave => "gave {} bytes of throttled replicas to followers outside of their ISR",
        Doing::Took => "took {} bytes into throttled replicas that are behind",
    };
    format!(
        "broker {broker} {} within {} ms, at {bound} a second at most",
        what.replace("{}", &sum.to_string()),
        time / MILLISECOND
    )
}

impl Invariant for ReplicationThrottled {
    fn name(&self) -> &'static str {
        "replication-throttle"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Appended, Interest::BrokerRegistered]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        match *note {
            Note::Appended { node, partition, entry, leader: false, .. } => {
                let bytes = u64::from(view.batches.get(entry.batch).bytes);
                self.copied(view, node, partition, bytes)
            }
            Note::BrokerRegistered { node, .. } => {
                *side(&mut self.given, node) = Side::born(view.now);
                *side(&mut self.taken, node) = Side::born(view.now);
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::BrokerEpoch;

    use super::super::committed::Truth;
    use super::super::living::Living;
    use super::*;

    const WINDOWS: Windows = Windows { size: SECOND, span: 10 * SECOND, under_way: 1 };
    const BOUND: u64 = 100;

    fn at(millis: u64) -> Instant {
        Instant(millis * MILLISECOND)
    }

    /// Whether each of these answers, `(milliseconds, peer, bytes)`, is one too many.
    fn judged(side: &mut Side, of: &[(u64, u32, u64)]) -> Vec<bool> {
        let mut count =
            |&(ms, peer, bytes)| side.count((at(ms), NodeId(peer), bytes), BOUND, WINDOWS);
        of.iter().map(|answer| count(answer).is_some()).collect()
    }

    fn fresh(of: &[(u64, u32, u64)]) -> Vec<bool> {
        judged(&mut Side::default(), of)
    }

    #[test]
    fn rejects_the_second_answer_of_a_peer_above_the_rate() {
        // A window and one more in which it began: 200.
        let mut side = Side::default();
        assert_eq!(judged(&mut side, &[(0, 1, 200), (1, 1, 1), (2, 1, 50)]), [false; 3]);
        let found = side.count((at(3), NodeId(1), 1), BOUND, WINDOWS);
        assert_eq!(found, Some((252, 2 * SECOND)));
    }

    #[test]
    fn accepts_one_answer_under_way_of_each_peer_in_parts() {
        let of = [(0, 1, 201), (1, 1, 1_000), (1, 1, 1_000), (2, 2, 1_000), (2, 2, 9), (3, 2, 1)];
        assert_eq!(fresh(&of), [false, false, false, false, false, true]);
        let two = Windows { under_way: 2, ..WINDOWS };
        let mut side = Side::default();
        let found = of.map(|(ms, peer, n)| side.count((at(ms), NodeId(peer), n), BOUND, two));
        assert_eq!(found, [None; 6], "two fetchers");
    }

    #[test]
    fn accepts_more_the_longer_it_is_throttled_and_no_more_than_all_windows() {
        // After five seconds six are due, 600, and one under way; after an hour eleven.
        let tens =
            |from: u64, count: u64| -> Vec<_> { (0..count).map(|n| (from + n, 1, 10)).collect() };
        assert_eq!(fresh(&tens(5_000, 62)), [false; 62]);
        assert!(fresh(&tens(5_000, 63))[62]);
        assert_eq!(fresh(&tens(3_600_000, 112)), [false; 112]);
        assert!(fresh(&tens(3_600_000, 113))[112]);
    }

    #[test]
    fn an_excuse_is_there_again_when_the_rate_is_not_exceeded_any_more() {
        let mut side = Side::default();
        let first = [(0, 1, 300), (1, 1, 10), (10_000, 1, 10), (10_001, 1, 2_000)];
        assert_eq!(judged(&mut side, &first), [false; 4]);
        let again = [(10_002, 1, 1), (10_003, 1, 1)];
        assert_eq!(judged(&mut side, &again), [false, true]);
    }

    #[test]
    fn what_is_older_than_all_windows_is_forgotten() {
        let mut side = Side::default();
        assert_eq!(judged(&mut side, &[(20_000, 1, 1_000), (29_999, 1, 100)]), [false; 2]);
        assert_eq!(side.sum, 1_100);
        assert_eq!(judged(&mut side, &[(30_000, 1, 7)]), [false]);
        assert_eq!(side.sum, 107);
    }

    #[test]
    fn another_bound_counts_from_nothing() {
        let mut side = Side::default();
        assert_eq!(judged(&mut side, &[(0, 1, 50), (1, 1, 50)]), [false; 2]);
        assert_eq!(side.count((at(2), NodeId(1), 10), 10, WINDOWS), None);
        assert_eq!((side.sum, side.lately.len(), side.bound), (10, 1, 10));
    }

    #[test]
    fn a_new_process_has_measured_nothing() {
        let living = Living::new();
        let mut invariant = ReplicationThrottled::default();
        for broker in [NodeId(1), NodeId(2)] {
            for sides in [&mut invariant.given, &mut invariant.taken] {
                judged(side(sides, broker), &[(0, 2, 50)]);
            }
        }
        let node = NodeId(1);
        let born = Note::BrokerRegistered { node, epoch: BrokerEpoch(7), incarnation: 2 };
        assert!(living.say(&mut invariant, &Truth::default(), &[born]).is_empty());
        for sides in [&mut invariant.given, &mut invariant.taken] {
            let of = |side: &Side| (side.sum, side.free_until);
            assert_eq!(of(side(sides, NodeId(1))), (0, living.view().now));
            assert_eq!(of(side(sides, NodeId(2))), (50, Instant(0)));
        }
    }

    #[test]
    fn the_time_counts_from_when_nothing_was_throttled_last() {
        let mut side = Side::default();
        side.look(at(50_000), false, WINDOWS);
        side.look(at(50_100), true, WINDOWS);
        assert_eq!(side.free_until, at(50_000));
        // The windows are kept until they are old.
        side.look(at(61_100), false, WINDOWS);
        assert_eq!(side.free_until, at(50_000));
        side.look(at(61_101), false, WINDOWS);
        assert_eq!(side.free_until, at(61_101));
        side.look(at(61_102), false, WINDOWS);
        assert_eq!(side.free_until, at(61_102));
    }
}
