//! Several consumers of one group against the model's own group coordinator, with members that
//! come, go, die and stall, and a coordinator that restarts.

mod broker;

use std::collections::{BTreeMap, BTreeSet};

use broker_model::group::{GroupCoordinator, GroupSettings};
use broker_model::io::Token;
use broker_model::metadata::Image;
use broker_model::protocol::{Request, Response};
use broker_model::records::LogEntry;
use broker_model::types::{
    BatchId, Duration, Instant, MILLISECOND, NodeId, Now, PartitionId, SECOND, Timestamp,
};

use super::Bench;
use crate::client::consumer::{Consumer, ConsumerConfig, ConsumerEvent, Polled};
use crate::client::{ClientContext, ClientOutput, Correlation};
use crate::prng::Stream;

const PARTITIONS: u32 = 7;
const SHARD: PartitionId = PartitionId(50);

enum Happening {
    /// A request reaches the broker.
    Request { from: usize, correlation: Correlation, version: i16, request: Request },
    /// An answer reaches a consumer.
    Response { to: usize, correlation: Correlation, response: Response },
    /// An append of the coordinator is replicated.
    Replicated(broker_model::coordinator::Waiter),
    /// An application is done with its records, or looks again.
    Poll(usize),
}

struct Member {
    consumer: Consumer,
    alive: bool,
    closing: bool,
    /// The application does nothing before this.
    stalled_until: Instant,
    owned: BTreeSet<u32>,
    poll_planned: bool,
    /// Commits what it must give back, as careful applications do.
    committing: bool,
}

struct World {
    /// For its batches, records, names and rules.
    bench: Bench,
    batch: BatchId,
    coordinator: GroupCoordinator,
    coordinator_epoch: i32,
    log: Vec<LogEntry>,
    now: Instant,
    queue: BTreeMap<(Instant, u64), Happening>,
    sequence: u64,
    members: Vec<Member>,
    tokens: BTreeMap<Token, (usize, Correlation)>,
    next_token: u64,
    draws: Stream,
    settings: Vec<(&'static str, &'static str)>,
    /// Ends of what was given, by partition.
    given: Vec<i64>,
    repeated: u64,
    /// Commits that failed: what they held is read again.
    refused: u64,
    /// Nobody was killed or stalled: owners must be distinct, nothing read twice.
    orderly: bool,
}

impl World {
    fn new(seed: u64, assignor: &'static str, orderly: bool) -> Self {
        let mut bench = Bench::new(&[], true, &[(0, 0)]);
        let batch = bench.batch(3, -1);
        let settings = GroupSettings { initial_rebalance_delay: 0, ..GroupSettings::default() };
        let mut world = Self {
            bench,
            batch,
            coordinator: GroupCoordinator::new(NodeId(0), &settings),
            coordinator_epoch: 0,
            log: vec![],
            now: Instant(0),
            queue: BTreeMap::new(),
            sequence: 0,
            members: vec![],
            tokens: BTreeMap::new(),
            next_token: 0,
            draws: Stream::new(seed, "world"),
            settings: vec![
                ("partition.assignment.strategy", assignor),
                ("auto.offset.reset", "earliest"),
                ("auto.commit.interval.ms", "1000"),
                ("session.timeout.ms", "6000"),
                ("heartbeat.interval.ms", "500"),
                ("max.poll.interval.ms", "8000"),
            ],
            given: vec![0; PARTITIONS as usize],
            repeated: 0,
            refused: 0,
            orderly,
        };
        world.restart_coordinator();
        world
    }

    fn plan(&mut self, after: Duration, what: Happening) {
        self.sequence += 1;
        self.queue.insert((self.now + after, self.sequence), what);
    }

    fn delay(&mut self) -> Duration {
        self.draws.between(1, 20) * MILLISECOND
    }

    fn clock(&self) -> Now {
        let ms = i64::try_from(self.now.0 / MILLISECOND).expect("small");
        Now { instant: self.now, wall: Timestamp(ms) }
    }

    fn start(&mut self) {
        let mut config = ConsumerConfig::default();
        for (key, value) in &self.settings {
            config.set(key, value).expect("a valid setting");
        }
        let group = self.bench.names.group("g");
        let seed = self.members.len() as u64;
        let mut consumer = Consumer::new(config, Some(group), &[NodeId(0)], seed);
        consumer.subscribe(&["t"]);
        self.members.push(Member {
            consumer,
            alive: true,
            closing: false,
            stalled_until: Instant(0),
            owned: BTreeSet::new(),
            poll_planned: true,
            committing: false,
        });
        self.plan(0, Happening::Poll(self.members.len() - 1));
    }

    fn with(&mut self, who: usize, f: impl FnOnce(&mut Consumer, &mut ClientContext<'_>)) {
        let mut outputs = vec![];
        let mut cx = ClientContext {
            now: self.clock(),
            batches: &mut self.bench.batches,
            names: &self.bench.names,
            records: &mut self.bench.records,
            rules: &self.bench.rules,
            draws: &mut self.draws,
            outputs: &mut outputs,
        };
        f(&mut self.members[who].consumer, &mut cx);
        for output in outputs {
            if let ClientOutput::Send { correlation, api_version: version, request, .. }
            | ClientOutput::SendToCoordinator {
                correlation,
                api_version: version,
                request,
                ..
            } = output
            {
                let delay = self.delay();
                let from = who;
                self.plan(delay, Happening::Request { from, correlation, version, request });
            }
        }
        self.listen(who);
    }

    /// What the application sees: events at once, records after a poll.
    fn listen(&mut self, who: usize) {
        let now = self.now;
        let member = &mut self.members[who];
        let stalled = member.stalled_until > now;
        let (mut look, mut revoked) = (false, false);
        while !stalled && let Some(event) = member.consumer.poll_event() {
            look = true;
            match event {
                ConsumerEvent::Revoked(p) | ConsumerEvent::Lost(p) => {
                    revoked |= !p.is_empty();
                    for partition in p {
                        assert!(member.owned.remove(&partition.0), "only what is owned is lost");
                    }
                }
                ConsumerEvent::Assigned(p) => {
                    for partition in p {
                        assert!(member.owned.insert(partition.0), "only what is new is assigned");
                    }
                }
                ConsumerEvent::Closed => member.alive = false,
                ConsumerEvent::Committed { result, .. } => {
                    member.committing = false;
                    self.refused += u64::from(result.is_err());
                }
                ConsumerEvent::Error(error) => panic!("{error}"),
            }
        }
        if revoked && member.alive && !member.closing {
            let offsets = member.consumer.consumed();
            member.committing = true;
            self.with(who, |consumer, cx| {
                consumer.commit_sync(cx, offsets);
            });
            return;
        }
        let wanted = look || member.consumer.has_events() || member.consumer.has_records();
        if wanted && member.alive && !member.poll_planned && !member.committing {
            member.poll_planned = true;
            let wait = member.stalled_until.since(now);
            self.plan(wait, Happening::Poll(who));
        }
    }

    fn poll(&mut self, who: usize) {
        self.members[who].poll_planned = false;
        let stalled = self.members[who].stalled_until;
        if stalled > self.now {
            self.members[who].poll_planned = true;
            self.plan(stalled.since(self.now), Happening::Poll(who));
            return;
        }
        let mut polled = Polled::default();
        self.listen(who);
        if self.members[who].closing {
            self.with(who, Consumer::turn);
            return;
        }
        self.with(who, |consumer, cx| {
            consumer.poll(cx, &mut polled);
        });
        for run in &polled.runs {
            let owned = &self.members[who].owned;
            assert!(owned.contains(&run.partition.0), "records of owned partitions only");
            let given = &mut self.given[run.partition.index()];
            let (first, end) = (run.first_offset().0, run.end_offset().0);
            assert!(first <= *given, "partition {}: {first} is behind {given}", run.partition);
            self.repeated += u64::from(first < *given);
            *given = end.max(*given);
        }
        if polled.records > 0 {
            let busy = self.draws.between(1, 50) * MILLISECOND;
            self.members[who].poll_planned = true;
            self.plan(busy, Happening::Poll(who));
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Poll(who) if self.members[who].alive => self.poll(who),
            Happening::Response { to, correlation, response } if self.members[to].alive => {
                self.with(to, |consumer, cx| {
                    consumer.response(cx, NodeId(0), correlation, Ok(response));
                });
            }
            Happening::Poll(_) | Happening::Response { .. } => {}
            Happening::Replicated(waiter) => {
                self.coordinate(|coordinator, cx, effects| {
                    coordinator.committed(cx, effects, waiter);
                });
            }
            Happening::Request { from, correlation, version, request } => {
                self.request(from, correlation, version, request);
            }
        }
    }

    /// Lets simulated time pass.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let queued = self.queue.keys().next().map_or(Instant::FAR, |k| k.0);
            let alive =
                |m: &Member| if m.alive { m.consumer.next_deadline() } else { Instant::FAR };
            let clients = self.members.iter().map(alive).min().unwrap_or(Instant::FAR);
            let next = queued.min(clients).min(self.coordinator.next_deadline());
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            if queued <= self.now {
                let (_, what) = self.queue.pop_first().expect("seen above");
                self.happen(what);
            } else if self.coordinator.next_deadline() <= self.now {
                let image = Image::default();
                self.coordinate(|c, cx, effects| c.tick(cx, effects, &image));
            } else {
                let due = |m: &Member| m.alive && m.consumer.next_deadline() <= next;
                let who = self.members.iter().position(due).expect("seen above");
                self.with(who, Consumer::turn);
            }
            if self.orderly {
                self.check_owners();
            }
        }
    }

    fn check_owners(&self) {
        let mut seen = BTreeSet::new();
        for partition in self.members.iter().filter(|m| m.alive).flat_map(|m| &m.owned) {
            assert!(seen.insert(partition), "partition {partition} has two owners");
        }
    }

    fn living(&self) -> Vec<usize> {
        let living = |&i: &usize| self.members[i].alive && !self.members[i].closing;
        (0..self.members.len()).filter(living).collect()
    }

    fn disturb(&mut self) {
        let living = self.living();
        let choices = if self.orderly { 3 } else { 6 };
        let who = usize::try_from(self.draws.below(living.len() as u64)).expect("small");
        let who = living[who];
        match self.draws.below(choices) {
            0 if living.len() < 5 => self.start(),
            1 if living.len() > 1 => {
                self.members[who].closing = true;
                self.with(who, |consumer, cx| consumer.close(cx, true));
            }
            2 => {}
            3 if living.len() > 1 => self.members[who].alive = false,
            4 => {
                let until = self.now + self.draws.between(1, 12) * SECOND;
                self.members[who].stalled_until = until;
            }
            5 => self.restart_coordinator(),
            _ => {}
        }
    }

    /// Everything is owned by exactly one living member, fairly, and is being read.
    fn check_end(&mut self, what: &str) {
        self.check_owners();
        let living = self.living();
        let sizes: Vec<usize> = living.iter().map(|&i| self.members[i].owned.len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), PARTITIONS as usize, "{what}: all are owned");
        let (least, most) = (sizes.iter().min(), sizes.iter().max());
        assert!(most.zip(least).is_some_and(|(m, l)| m - l <= 1), "{what}: {sizes:?}");
        let before = self.given.clone();
        self.run(5 * SECOND);
        for (partition, (old, new)) in before.iter().zip(&self.given).enumerate() {
            assert!(new > old, "{what}: partition {partition} is stuck");
        }
    }
}

fn story(seed: u64, assignor: &'static str, orderly: bool) -> (u64, u64) {
    let mut world = World::new(seed, assignor, orderly);
    world.start();
    world.start();
    for _ in 0..12 {
        let time = world.draws.between(100, 6_000) * MILLISECOND;
        world.run(time);
        world.disturb();
    }
    world.run(60 * SECOND);
    world.check_end(&format!("seed {seed}, {assignor}"));
    (world.repeated, world.refused)
}

#[test]
fn orderly_rebalances_have_one_owner_and_eager_ones_read_everything_once() {
    for seed in 0..20 {
        let (repeated, _) = story(seed, "range", true);
        assert_eq!(repeated, 0, "seed {seed}: nothing twice");
        // A cooperative member that closes during a round leaves a little uncommitted.
        let (repeated, _) = story(seed, "cooperative-sticky", true);
        assert!(repeated < 5, "seed {seed}: {repeated} runs twice");
    }
}

#[test]
fn a_group_recovers_from_deaths_stalls_and_coordinator_restarts_without_a_gap() {
    let (mut repeated, mut refused) = (0, 0);
    for assignor in ["range", "cooperative-sticky"] {
        for seed in 0..25 {
            let (again, failed) = story(seed, assignor, false);
            repeated += again;
            refused += failed;
        }
    }
    assert!(refused > 0, "a member that was thrown out cannot commit");
    assert!(repeated > 0, "members that die leave records uncommitted");
}
