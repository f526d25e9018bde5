//! Faults as data: what, to whom, when, for how long.

use super::message::MessageKind;
use super::quantity::{Drawn, Ratio};

/// `[[fault]]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// `name`, unique; by default the kind with its position in the file: `broker-kill-1`.
    pub name: String,
    /// `kind` with the kind's own parameters.
    pub kind: FaultKind,
    /// `target`, a role resolved when the fault fires.
    pub target: Target,
    /// `at` or `on`.
    pub trigger: Trigger,
    /// `for`: nanoseconds until it heals (until the restart, for kills). None: it heals at the
    /// end of the load phase; a killed service restarts after [`super::Service::restart`].
    pub duration: Option<Drawn>,
    /// `chance`: probability, drawn per seed, that the fault is part of a run.
    pub chance: Ratio,
    /// `draws`: the number of its own draws, from 0, by default its place in the file: a fault keeps
    /// what it drew when others before it are taken out.
    pub draws: Option<u32>,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// `broker-kill`: the process dies, its page cache stays.
    BrokerKill,
    /// `broker-power-cut`: the host dies, what was not flushed is lost, file by file.
    BrokerPowerCut,
    /// `broker-pause`: the process stands still (SIGSTOP, GC), connections stay open.
    BrokerPause,
    /// `broker-stop`: controlled shutdown.
    BrokerStop,
    /// `partition`: links are cut.
    Partition {
        /// `cut`: which.
        cut: Cut,
    },
    /// `slow-disk`: bandwidth divided and latencies multiplied by `factor`.
    SlowDisk {
        /// `factor`, at least one.
        factor: Ratio,
    },
    /// `full-disk`: writes fail.
    FullDisk,
    /// `disk-failure`: all I/O in one log directory fails. Its end replaces the disk by an empty
    /// one and starts the broker anew.
    DiskFailure {
        /// `directory`: its place in `log.dirs`, from 1; drawn per seed if it is not given.
        directory: Option<u32>,
    },
    /// `bit-rot`: a batch that is stored on the target is spoiled, drawn per seed.
    BitRot,
    /// `slow-link`: every message from and to the target takes longer.
    SlowLink {
        /// `latency`: nanoseconds added one way.
        latency: Drawn,
        /// `factor`: bandwidth is divided by it, at least one.
        factor: Ratio,
    },
    /// `delay`: messages that the target sends take longer.
    Delay {
        /// `message`: of which kind; all of them where none is named.
        message: Option<MessageKind>,
        /// `to`: only those to this broker.
        to: Option<u32>,
        /// `latency`: nanoseconds added to each.
        latency: Drawn,
    },
    /// `connection-loss`: connections of the target break.
    ConnectionLoss {
        /// `probability` per message; 1 breaks every connection as soon as it is used.
        probability: Ratio,
    },
    /// `service-kill`: instances die at once, wherever they are.
    ServiceKill,
    /// `service-stop`: instances are asked to stop, and finish what they have begun.
    ServiceStop,
    /// `service-pause`: instances stand still and come back as zombies.
    ServicePause,
    /// `controller-kill`: a controller's process dies, the active one's unless another is named.
    ControllerKill,
    /// `restart-all`: all targeted brokers are killed at the same instant.
    RestartAll,
    /// `leader-move`: the target partition's leadership moves to another in-sync replica,
    /// without any crash.
    LeaderMove {
        /// `to`: to this broker, which becomes the preferred one; without it to the preferred.
        to: Option<u32>,
    },
    /// `reassign`: the target partitions get other replicas (KIP-455), without any crash.
    Reassign {
        /// `replicas`: which; without them they are drawn per seed, as many as there are.
        replicas: Option<ReplicaList>,
        /// `throttle`: bytes a second that each broker may give to and take into replicas that
        /// are not in sync, until it is done (KIP-73).
        throttle: Option<u64>,
    },
    /// `unclean-election`: an administrator asks for an unclean election (KIP-460).
    UncleanElection,
    /// `abort-hanging`: an administrator aborts transactions of the target partitions that no
    /// coordinator will end (KIP-664).
    AbortHanging {
        /// `max_transaction_timeout`: nanoseconds after a producer's last record until its
        /// transaction is looked at.
        max_transaction_timeout: u64,
    },
    /// `add-broker`: the target broker is not there before, and starts for the first time.
    AddBroker,
}

impl FaultKind {
    /// Why it has no `for`; `None` for a kind that lasts and is ended.
    #[must_use]
    pub const fn cannot_last(self) -> Option<&'static str> {
        match self {
            Self::LeaderMove { .. } => Some("a leader moves at once, there is nothing to heal"),
            Self::BitRot => Some("what is spoiled stays spoiled"),
            Self::UncleanElection => Some("an election is over at once, there is nothing to heal"),
            Self::Reassign { .. } => Some("it lasts until the new replicas are in sync"),
            Self::AbortHanging { .. } => Some("it lasts until they are aborted"),
            Self::AddBroker => Some("what is added stays"),
            Self::BrokerKill
            | Self::BrokerPowerCut
            | Self::BrokerPause
            | Self::BrokerStop
            | Self::Partition { .. }
            | Self::SlowDisk { .. }
            | Self::FullDisk
            | Self::DiskFailure { .. }
            | Self::SlowLink { .. }
            | Self::Delay { .. }
            | Self::ConnectionLoss { .. }
            | Self::ServiceKill
            | Self::ServiceStop
            | Self::ServicePause
            | Self::ControllerKill
            | Self::RestartAll => None,
        }
    }

    /// The latency it draws, for the kinds that do.
    pub const fn latency_mut(&mut self) -> Option<&mut Drawn> {
        match self {
            Self::SlowLink { latency, .. } | Self::Delay { latency, .. } => Some(latency),
            Self::BrokerKill
            | Self::BrokerPowerCut
            | Self::BrokerPause
            | Self::BrokerStop
            | Self::Partition { .. }
            | Self::SlowDisk { .. }
            | Self::FullDisk
            | Self::DiskFailure { .. }
            | Self::BitRot
            | Self::ConnectionLoss { .. }
            | Self::ServiceKill
            | Self::ServiceStop
            | Self::ServicePause
            | Self::ControllerKill
            | Self::RestartAll
            | Self::LeaderMove { .. }
            | Self::Reassign { .. }
            | Self::UncleanElection
            | Self::AbortHanging { .. }
            | Self::AddBroker => None,
        }
    }
}

/// Brokers in the order of an assignment, the preferred leader first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplicaList {
    brokers: [u32; Self::MAX],
    count: usize,
}

impl ReplicaList {
    /// How many replicas a reassignment can name.
    pub const MAX: usize = 9;

    /// A list of one to [`Self::MAX`] different brokers.
    #[must_use]
    pub fn new(brokers: &[u32]) -> Option<Self> {
        let twice = brokers.iter().enumerate().any(|(i, one)| brokers[..i].contains(one));
        if brokers.is_empty() || brokers.len() > Self::MAX || twice {
            return None;
        }
        let mut list = Self { brokers: [0; Self::MAX], count: brokers.len() };
        list.brokers[..brokers.len()].copy_from_slice(brokers);
        Some(list)
    }

    /// The brokers, in order.
    #[must_use]
    pub fn brokers(&self) -> &[u32] {
        &self.brokers[..self.count]
    }
}

/// Which links a partition fault cuts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// `full`: from and to everyone.
    Full,
    /// `inbound`: nothing reaches the target, what it sends arrives.
    Inbound,
    /// `outbound`: nothing of the target's arrives, what is sent to it does.
    Outbound,
    /// `brokers`: from and to the other brokers only; clients and controller reach it.
    Brokers,
    /// `controller`: from and to the (other) controllers only.
    Controller,
    /// `clients`: from and to services only.
    Clients,
}

/// To whom. Roles are resolved at the instant the fault fires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// `leader-of:TOPIC/PARTITION`.
    LeaderOf {
        /// The topic, internal ones included.
        topic: String,
        /// The partition within it.
        partition: u32,
    },
    /// `follower-of:TOPIC/PARTITION`: the first replica in the assignment that does not lead.
    FollowerOf {
        /// The topic, internal ones included.
        topic: String,
        /// The partition within it.
        partition: u32,
    },
    /// `coordinator-of:group/NAME`.
    GroupCoordinator(String),
    /// `coordinator-of:txn/NAME`: of a transactional id.
    TransactionCoordinator(String),
    /// `controller`: the active one.
    Controller,
    /// `controller:N`, 1 to the number of controllers.
    ControllerNumber(u32),
    /// `broker:N`, 1 to the number of brokers.
    Broker(u32),
    /// `rack:NAME`: every broker in it.
    Rack(String),
    /// `service:NAME` (all instances) or `service:NAME/INSTANCE` (counted from 0).
    Service {
        /// The service.
        name: String,
        /// One instance, or all.
        instance: Option<u32>,
    },
    /// `all-brokers`.
    AllBrokers,
    /// `random-broker`: drawn per seed.
    RandomBroker,
    /// `partition:TOPIC/PARTITION`: for `leader-move`, `reassign`, `unclean-election` and
    /// `abort-hanging`.
    Partition {
        /// The topic, internal ones included.
        topic: String,
        /// The partition within it.
        partition: u32,
    },
    /// `topic:TOPIC`: all its partitions, for `reassign` and `abort-hanging`.
    Topic(String),
}

/// When.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// `at`: nanoseconds after the start of the load phase.
    At(Drawn),
    /// `on`: at the `nth` occurrence of a protocol event, plus `after` nanoseconds. Counted from
    /// the start of the run, warm-up included.
    On {
        /// Which event.
        event: ProtocolEvent,
        /// Which occurrence, from 1 (`#N`).
        nth: u64,
        /// `after`: nanoseconds from the event to the fault, 0 for at once.
        after: Drawn,
    },
}

/// A protocol event as brokers note it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProtocolEvent {
    /// `append:TOPIC/PARTITION`: the leader appended a batch.
    Append {
        /// The topic.
        topic: String,
        /// The partition within it.
        partition: u32,
    },
    /// `roll:TOPIC/PARTITION`: the leader opened a new segment.
    Roll {
        /// The topic.
        topic: String,
        /// The partition within it.
        partition: u32,
    },
    /// `high-watermark:TOPIC/PARTITION`: the leader's high watermark rose.
    HighWatermark {
        /// The topic.
        topic: String,
        /// The partition within it.
        partition: u32,
    },
    /// `leader:TOPIC/PARTITION`: a broker took over the lead.
    Leader {
        /// The topic.
        topic: String,
        /// The partition within it.
        partition: u32,
    },
    /// `partition-change:TOPIC/PARTITION`: the controller changed leader or ISR.
    PartitionChange {
        /// The topic.
        topic: String,
        /// The partition within it.
        partition: u32,
    },
    /// The name of a message's kind: such a message was sent.
    Sent(MessageKind),
    /// `transaction-prepare` or `transaction-prepare:TRANSACTIONAL_ID`: a prepare state was logged.
    TransactionPrepare {
        /// Of this transactional id, or of any.
        transactional_id: Option<String>,
    },
    /// `rebalance` or `rebalance:GROUP`: a rebalance began.
    Rebalance {
        /// Of this group, or of any.
        group: Option<String>,
    },
    /// `controller-election`: the quorum elected a controller.
    ControllerElection,
}

/// `[search]`: each seed draws faults of its own, beside those of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// `faults`: how many.
    pub faults: Drawn,
    /// `at_events`: probability that faults are placed at a protocol event, not at a time.
    pub at_events: Ratio,
    /// `keep`: probability that a kind of fault is there in a run.
    pub keep: Ratio,
    /// `beyond_spec`: also faults that take away what the configuration promises to keep.
    pub beyond_spec: bool,
    /// `mutations`: what is drawn is changed once for each of these numbers, in order.
    pub mutations: Vec<u64>,
}

/// `[swarm]`: each seed draws which faults of the file are on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Swarm {
    /// `enabled`.
    pub enabled: bool,
    /// `keep`: probability that a fault kind is on in a run.
    pub keep: Ratio,
}
