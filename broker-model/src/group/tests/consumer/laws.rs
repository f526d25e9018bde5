//! Random members of the new protocol, and classic ones among them: no two own a partition, all
//! arrive, the log says it all.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::super::bench::{Bench, G, joining, owning as owning_classic};
use super::{describe, join, plain, send, topic};
use crate::config::MigrationPolicy;
use crate::group::GroupSettings;
use crate::protocol::ErrorCode;
use crate::protocol::consumer_group::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use crate::protocol::group::JoinGroupRequest;
use crate::types::{GroupEpoch, MemberId, PartitionId, SECOND};

const MEMBERS: usize = 5;
/// Those from here on speak the classic protocol.
const CLASSIC: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    /// A heartbeat, or a join, whose answer may be lost.
    Beat {
        member: usize,
        lost: bool,
    },
    Leave {
        member: usize,
    },
    /// It ends without a word; it may join later as another process with the same id.
    Crash {
        member: usize,
    },
    Grow,
    Failover,
    Wait {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..MEMBERS;
    prop_oneof![
        8 => (member.clone(), prop::bool::weighted(0.2))
            .prop_map(|(member, lost)| Step::Beat { member, lost }),
        1 => member.clone().prop_map(|member| Step::Leave { member }),
        1 => member.prop_map(|member| Step::Crash { member }),
        1 => Just(Step::Grow),
        1 => Just(Step::Failover),
        2 => (1..15_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// A member as it sees itself.
#[derive(Clone, Debug, Default)]
struct Client {
    epoch: i32,
    owned: BTreeSet<PartitionId>,
    running: bool,
}

struct World {
    bench: Bench,
    clients: Vec<Client>,
    partitions: u32,
}

const fn id(member: usize) -> MemberId {
    MemberId(member as u64 + 1)
}

impl World {
    fn new() -> Self {
        let clients = (0..MEMBERS).map(|_| Client::default()).collect();
        // A group that is left by all but classic members stays what it is.
        let migration = MigrationPolicy { upgrades: true, downgrades: false };
        let mut bench = Bench::with(GroupSettings { migration, ..GroupSettings::default() });
        topic(&mut bench.image, 0, "t", 0, 3);
        bench.names.topic("t");
        Self { bench, clients, partitions: 3 }
    }

    fn request(&mut self, member: usize) -> ConsumerGroupHeartbeatRequest {
        let full = join(&mut self.bench, id(member));
        let client = &self.clients[member];
        let owned = client.owned.iter().copied().collect();
        ConsumerGroupHeartbeatRequest {
            epoch: GroupEpoch(client.epoch),
            owned: Some(owned),
            ..full
        }
    }

    /// A heartbeat, and what the answer asks for: to join again and sync.
    fn classic_beat(&mut self, member: usize) {
        // Nobody else's group is to be a classic one.
        if describe(&mut self.bench).members.is_empty() {
            self.clients[member] = Client::default();
            return;
        }
        let client = &mut self.clients[member];
        if client.running {
            match self.bench.heartbeat(G, id(member), client.epoch) {
                ErrorCode::None => return,
                ErrorCode::RebalanceInProgress => {}
                ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => client.owned.clear(),
                other => panic!("unexpected {other:?}"),
            }
        }
        client.running = true;
        let owned: Vec<u32> = client.owned.iter().map(|p| p.0).collect();
        let request = JoinGroupRequest {
            session_timeout: 20 * SECOND,
            rebalance_timeout: 20 * SECOND,
            ..owning_classic(joining(G, id(member)), &owned)
        };
        let response = self.bench.join(request);
        assert_eq!(response.error, ErrorCode::None);
        client.epoch = response.generation.0;
        match self.bench.sync(G, id(member), client.epoch, &[]) {
            Ok(assignment) => client.owned = assignment.into_iter().collect(),
            Err(error) => assert_eq!(error, ErrorCode::RebalanceInProgress),
        }
    }

    fn beat(&mut self, member: usize, lost: bool) {
        if member >= CLASSIC {
            return self.classic_beat(member);
        }
        if !self.clients[member].running {
            self.clients[member] = Client { running: true, ..Client::default() };
        }
        let request = self.request(member);
        let response = send(&mut self.bench, request);
        if !lost {
            self.hear(member, response);
        }
    }

    fn hear(&mut self, member: usize, r: ConsumerGroupHeartbeatResponse) {
        let client = &mut self.clients[member];
        match r.error {
            ErrorCode::None => {
                client.epoch = r.epoch.0;
                // It gives up at once and says so with its next heartbeat.
                if let Some(assignment) = r.assignment {
                    client.owned = assignment.into_iter().collect();
                }
            }
            ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch => {
                client.epoch = 0;
                client.owned.clear();
            }
            // It left, and the last answer of another process is all that is known.
            ErrorCode::GroupIdNotFound => *client = Client { running: true, ..Client::default() },
            other => panic!("unexpected {other:?}"),
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Beat { member, lost } => self.beat(member, lost),
            Step::Leave { member } => {
                if self.clients[member].running {
                    if member >= CLASSIC {
                        self.bench.leave(G, id(member), None);
                    } else {
                        send(&mut self.bench, plain(id(member), -1));
                    }
                    self.clients[member] = Client::default();
                }
            }
            Step::Crash { member } => self.clients[member] = Client::default(),
            Step::Grow => {
                topic(&mut self.bench.image, 0, "t", self.partitions, 1);
                self.partitions += 1;
            }
            Step::Failover => self.check_log(),
            Step::Wait { seconds } => self.bench.wait(seconds * SECOND),
        }
        self.check_owners();
    }

    /// Of the members that the coordinator knows no two own a partition.
    fn check_owners(&mut self) {
        let known: Vec<MemberId> =
            describe(&mut self.bench).members.iter().map(|m| m.member).collect();
        let mut owned = BTreeSet::new();
        for (member, client) in self.clients.iter().enumerate() {
            for partition in client.owned.iter().filter(|_| known.contains(&id(member))) {
                assert!(owned.insert(*partition), "{partition} has two owners");
            }
        }
    }

    /// The log says what the coordinator says.
    fn check_log(&mut self) {
        let before = (self.bench.coordinator.groups(), describe(&mut self.bench));
        self.bench.load();
        assert_eq!((self.bench.coordinator.groups(), describe(&mut self.bench)), before);
    }

    /// Everyone who runs heartbeats until the crashed are gone and nothing moves.
    fn settle(&mut self) {
        for _ in 0..30 {
            self.bench.wait(3 * SECOND);
            for member in 0..MEMBERS {
                if self.clients[member].running {
                    self.beat(member, false);
                    self.check_owners();
                }
            }
        }
        let running = self.clients.iter().filter(|c| c.running).count();
        let found = describe(&mut self.bench);
        assert_eq!(found.members.len(), running);
        if running == 0 {
            return;
        }
        assert_eq!((found.state, found.epoch), ("Stable", found.assignment_epoch));
        let mut all = 0;
        // A classic member's heartbeat does not look for new partitions, and nobody leads.
        let somebody_looks = self.clients[..CLASSIC].iter().any(|c| c.running);
        for m in found.members {
            assert_eq!(m.assignment, m.target);
            let client = &self.clients[usize::try_from(m.member.0).expect("small") - 1];
            let owned: Vec<PartitionId> = client.owned.iter().copied().collect();
            assert_eq!(owned, m.target, "it owns what it shall");
            all += m.target.len();
        }
        if somebody_looks {
            assert_eq!(all, self.partitions as usize, "nothing is left over");
        }
    }
}

proptest! {
    #[test]
    fn no_two_own_a_partition_and_all_arrive(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.settle();
        world.check_log();
    }
}
