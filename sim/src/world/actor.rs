//! Client processes as the world sees them: services, administrators, user code.

use std::collections::BTreeMap;

use broker_model::io::Disconnected;
use broker_model::names::Names;
use broker_model::protocol::{Request, Response};
use broker_model::records::Batches;
use broker_model::rules::Rules;
use broker_model::types::{Instant, NodeId, Now, PartitionId, TopicId};
use reports::history::Recording;

use super::progress::Progress;
use crate::stores::Stores;

use crate::client::murmur2::Spread;
use crate::client::producer::NextBatch;
use crate::client::{ClientContext, ClientOutput, Correlation};
use crate::prng::Stream;
use crate::records::RecordTable;

/// Which of a process's clients: each has connections of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Port(pub u8);

impl Port {
    /// How many a process may have.
    pub const COUNT: u32 = 4;
    /// The producer of a service.
    pub const PRODUCER: Self = Self(0);
    /// The consumer of a service.
    pub const CONSUMER: Self = Self(1);
}

/// What the clients of a run share.
#[derive(Debug)]
pub struct Shared {
    /// All batches.
    pub batches: Batches,
    /// Names of groups and transactional ids.
    pub names: Names,
    /// All records.
    pub records: RecordTable,
    /// The rules in force.
    pub rules: Rules,
    /// What clients see goes here.
    pub recorder: Recording,
    /// Committed positions, as clients were told.
    pub progress: Progress,
    /// External stores of services.
    pub stores: Stores,
    /// Topics by name, once they exist.
    pub topics: TopicTable,
    /// When the load flows.
    pub load: LoadWindow,
    /// Live instances that were fenced by others with the same transactional id.
    pub fenced: Vec<(Instant, String)>,
}

/// The load of a run, from its first arrival to its last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadWindow {
    /// First possible arrival.
    pub from: Instant,
    /// No arrival at or behind this.
    pub until: Instant,
}

/// The topics of a run.
#[derive(Clone, Debug, Default)]
pub struct TopicTable {
    by_name: BTreeMap<String, TopicId>,
    by_partition: Vec<Option<TopicId>>,
    partitions: Vec<(Spread, Vec<PartitionId>)>,
}

impl TopicTable {
    /// Adds a topic.
    pub fn add(&mut self, name: &str, id: TopicId, partitions: &[PartitionId]) {
        self.by_name.insert(name.to_owned(), id);
        if id.index() >= self.partitions.len() {
            self.partitions.resize(id.index() + 1, (Spread::default(), Vec::new()));
        }
        let count = u32::try_from(partitions.len()).expect("partitions are few");
        self.partitions[id.index()] = (Spread::over(count.max(1)), partitions.to_vec());
        for partition in partitions {
            if partition.index() >= self.by_partition.len() {
                self.by_partition.resize(partition.index() + 1, None);
            }
            self.by_partition[partition.index()] = Some(id);
        }
    }

    /// A topic's id.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<TopicId> {
        self.by_name.get(name).copied()
    }

    /// Where the default partitioner puts a key of this hash.
    #[must_use]
    pub fn partition_for(&self, topic: TopicId, hash: i32) -> Option<PartitionId> {
        let (spread, partitions) = self.partitions.get(topic.index())?;
        partitions.get(spread.partition_for(hash) as usize).copied()
    }

    /// Which topic a partition belongs to.
    #[must_use]
    pub fn topic_of(&self, partition: PartitionId) -> Option<TopicId> {
        self.by_partition.get(partition.index()).copied().flatten()
    }
}

/// What a process is given with every call.
#[derive(Debug)]
pub struct ActorContext<'a> {
    /// The host's clocks.
    pub now: Now,
    /// What all clients share.
    pub shared: &'a mut Shared,
    /// What its clients want done, in order.
    pub outputs: &'a mut Vec<(Port, ClientOutput)>,
    /// Reused between calls.
    pub scratch: &'a mut Vec<ClientOutput>,
}

impl ActorContext<'_> {
    /// Calls one of the process's clients.
    pub fn client<R>(
        &mut self,
        port: Port,
        draws: &mut Stream,
        call: impl FnOnce(&mut ClientContext<'_>) -> R,
    ) -> R {
        let mut cx = ClientContext {
            now: self.now,
            batches: &mut self.shared.batches,
            names: &self.shared.names,
            records: &mut self.shared.records,
            rules: &self.shared.rules,
            draws,
            outputs: self.scratch,
        };
        let result = call(&mut cx);
        self.outputs.extend(self.scratch.drain(..).map(|output| (port, output)));
        result
    }
}

/// A client process.
///
/// The world calls `start` when the process begins (again), brings answers and wakes it at its
/// deadline. After `kill` the process has no memory but what it keeps outside itself.
pub trait Actor: std::fmt::Debug {
    /// The process begins.
    fn start(&mut self, cx: &mut ActorContext<'_>);
    /// Services have settled: the load window is known. Who calls is outside the process, so one
    /// that stands still or is gone is told too. Says whether it has anything to do at once.
    fn load_begins(&mut self, _load: LoadWindow) -> bool {
        false
    }
    /// An answer came, or will not come.
    fn response(
        &mut self,
        cx: &mut ActorContext<'_>,
        port: Port,
        from: NodeId,
        correlation: Correlation,
        result: Result<Response, Disconnected>,
    );
    /// A deadline may have come.
    fn wake(&mut self, cx: &mut ActorContext<'_>);
    /// When it wants to be woken.
    fn next_deadline(&self) -> Instant;
    /// The process is killed at this instant: what had taken effect by now has, the rest is gone.
    fn kill(&mut self, cx: &mut ActorContext<'_>);
    /// The process is asked to stop: it ends by itself when it has finished what it has begun.
    /// False if it cannot do that, and is to be killed.
    fn ask_to_stop(&mut self, _cx: &mut ActorContext<'_>) -> bool {
        false
    }
    /// The load is over and all faults are healed: finish, and say when there is nothing left.
    fn is_idle(&self) -> bool;
    /// Takes a request of the world's administrator to brokers, or to the controllers if it names
    /// none. Only the administrator does.
    fn administer(&mut self, _request: Request, _brokers: Vec<NodeId>, _now: Instant) {
        unreachable!("only the administrator takes requests of the world");
    }
    /// Whether its application acts behind each event in which the process was called, in
    /// `settle`, and not within it. Async code does: the driver runs it in between.
    fn is_hosted(&self) -> bool {
        false
    }
    /// The event is over: does what the application asks for at this instant. True when the
    /// application was given answers that it has not seen.
    fn settle(&mut self, _cx: &mut ActorContext<'_>) -> bool {
        false
    }
    /// When what it works on takes effect, piece by piece, without being called again.
    fn finishing(&self) -> &[Instant] {
        &[]
    }
    /// What its producer will send next, where nothing is under way.
    fn next_batches(&self) -> Vec<NextBatch> {
        Vec::new()
    }
    /// What keeps it from its work, for people.
    fn trouble(&self) -> Option<String> {
        None
    }
    /// Simulated CPU time spent so far, in nanoseconds.
    fn busy(&self) -> u64 {
        0
    }
}
