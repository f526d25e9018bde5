//! A world from a plan: hosts, racks, links, nodes, processes.

use broker_model::broker::Broker;
use broker_model::controller::{Controller, ControllerConfig};
use broker_model::names::Names;
use broker_model::records::Batches;
use broker_model::types::{Duration, Instant, NodeId, RackId};
use reports::history::{Recorder, Recording};
use scenarios::model::Hardware;

use super::World;
use super::actor::{Actor, LoadWindow, Shared, TopicTable};
use super::admin::Administrator;
use super::clients::ClientProcess;
use super::costs::Costs;
use super::fault::Faults;
use super::hosting::Hosting;
use super::node::{Machine, Node, NodeState};
use super::phases::PhaseClock;
use super::queue::EventQueue;
use super::samples::Sampler;
use super::steps::Steps;
use super::trace::Trace;
use super::witness::Witness;
use crate::host::{Disk, DiskProfile, Nic, NicProfile, PageCache, Rate, Residency, ThreadPool};
use crate::invariant::Invariants;
use crate::network::{ConnectionTable, HostId, LatencyTable, Links, Messages};
use crate::plan::{Plan, Quantiles, WALL_EPOCH};
use crate::prng::Stream;
use crate::records::RecordTable;
use crate::stores::Stores;

/// Node ids of controllers start here, as in a cluster with separate roles: above those of the
/// thousand brokers that a cluster may have.
pub const FIRST_CONTROLLER: u32 = 3_000;
/// Share of the page cache that may be dirty before writers wait (Linux `vm.dirty_ratio`).
const DIRTY_PERCENT: u64 = 20;

/// A client process to be.
#[derive(Debug)]
pub struct ClientPlan {
    /// Its name, `service/number`.
    pub name: String,
    /// Its number within its service, which decides its rack.
    pub number: u32,
    /// The process.
    pub actor: Box<dyn Actor>,
}

/// What a world is made of beside the plan.
#[derive(Debug)]
pub struct Layout {
    /// Names of groups and transactional ids, interned by whoever made the processes.
    pub names: Names,
    /// External stores of services.
    pub stores: Stores,
    /// The client processes, in order.
    pub clients: Vec<ClientPlan>,
    /// The recorder with its cast declared.
    pub recorder: Recorder,
    /// The invariants to watch.
    pub invariants: Invariants,
}

impl World {
    /// A world ready to run.
    #[must_use]
    pub fn new(plan: Plan, layout: Layout) -> Self {
        let scenario = &plan.scenario;
        let brokers = scenario.cluster.brokers;
        let controllers = scenario.cluster.controllers;
        let racks = scenario.cluster.racks.len() as u32;
        let mut draws = Stream::new(plan.seed, "layout");
        let mut host_racks: Vec<Option<u32>> = (0..brokers).map(|i| Some(i % racks)).collect();
        host_racks.extend((0..controllers).map(|i| Some(i % racks)));
        let administrator = ClientPlan {
            name: "administrator".to_owned(),
            number: 0,
            actor: Box::new(Administrator::new(controller_ids(controllers), &plan.settings.admin)),
        };
        let mut clients = Vec::new();
        for client in std::iter::once(administrator).chain(layout.clients) {
            let host = HostId(host_racks.len() as u32);
            host_racks.push(Some(client.number % racks));
            clients.push(ClientProcess {
                hosted: client.actor.is_hosted(),
                name: client.name,
                host,
                actor: client.actor,
                state: NodeState::Stopped,
                timer_at: Instant::FAR,
                frozen: Vec::new(),
            });
        }
        let hosts = host_racks.len();
        let jitter = plan.tables.get(&scenario.network.jitter, &mut draws);
        let near = latency(&plan.tables.get(&scenario.network.same_rack, &mut draws), &jitter);
        let far = latency(&plan.tables.get(&scenario.network.cross_rack, &mut draws), &jitter);
        let links = Links::new(&host_racks, near, far);
        let links = match scenario.network.bandwidth_bits_per_s {
            Some(bits) => links.bounded(bits / 8),
            None => links,
        };
        let nic = nic_profile(&scenario.hardware);
        let loss = scenario.network.connection_loss;
        let nodes = make_nodes(&plan, racks, &mut draws);
        let samples = Sampler::new(scenario.warmup + scenario.duration);
        Self {
            seed: plan.seed,
            now: Instant(0),
            queue: EventQueue::default(),
            trace: Trace::default(),
            shared: Shared {
                batches: Batches::new(),
                names: layout.names,
                records: RecordTable::new(WALL_EPOCH),
                rules: plan.rules,
                recorder: Recording::new(layout.recorder),
                progress: super::Progress::default(),
                stores: layout.stores,
                topics: TopicTable::default(),
                load: LoadWindow { from: Instant::FAR, until: Instant::FAR },
                fenced: Vec::new(),
            },
            nodes,
            clients,
            hosts: (0..brokers + controllers).map(HostId).collect(),
            links,
            nics: (0..hosts).map(|_| Nic::new(nic)).collect(),
            loss: vec![(loss.numerator, loss.denominator); hosts],
            connections: ConnectionTable::default(),
            messages: Messages::default(),
            costs: costs(&scenario.hardware),
            invariants: layout.invariants,
            faults: Faults::new(plan.faults.len()),
            metadata_told: 0,
            records_elsewhere: false,
            phases: PhaseClock::new(),
            samples,
            halted: Vec::new(),
            hosting: Hosting::default(),
            next_ticket: 0,
            outputs: Vec::new(),
            notes: Vec::new(),
            client_outputs: Vec::new(),
            client_scratch: Vec::new(),
            finished: false,
            told: None,
            ear: None,
            at_once: 0,
            skipped_first: Vec::new(),
            steps: Steps::default(),
            post: None,
            coverage: None,
            witness: Witness::new(!plan.scenario.expect.notes.is_empty()),
            plan,
        }
        .started()
    }

    fn started(mut self) -> Self {
        self.begin();
        self
    }
}

fn controller_ids(controllers: u32) -> Vec<NodeId> {
    (0..controllers).map(|i| NodeId(FIRST_CONTROLLER + i)).collect()
}

fn make_nodes(plan: &Plan, racks: u32, draws: &mut Stream) -> Vec<Node> {
    let (scenario, config) = (&plan.scenario, &plan.settings.broker);
    let voters = controller_ids(scenario.cluster.controllers);
    let brokers = (0..scenario.cluster.brokers).map(|i| {
        let (id, rack) = (NodeId(i + 1), RackId(i % racks));
        let broker = Broker::new(id, Some(rack), config.clone());
        Machine::Broker(Box::new(broker.with_controllers(voters.clone())))
    });
    let controllers = voters.iter().map(|&id| {
        // A stream of each controller's own: another voter does not reshuffle the others.
        let jitter = Stream::new(plan.seed, &format!("quorum/{id}")).bits();
        let config = ControllerConfig::under(config, &plan.rules);
        Machine::Controller(Box::new(Controller::of_quorum(id, &voters, config, jitter)))
    });
    let machines = brokers.chain(controllers);
    let cores = scenario.hardware.vcpus;
    // A stream of its own: a new figure of the hardware does not reshuffle the others.
    let read =
        plan.tables.get(&scenario.hardware.disk.read, &mut Stream::new(plan.seed, "disk-read"));
    let mut nodes: Vec<Node> = Vec::new();
    for (index, machine) in machines.enumerate() {
        let id = match &machine {
            Machine::Broker(broker) => broker.node(),
            Machine::Controller(controller) => controller.node(),
        };
        let disk = disk_profile(plan, read.mean(), draws);
        nodes.push(Node {
            id,
            host: HostId(index as u32),
            machine,
            state: NodeState::Stopped,
            incarnation: 0,
            cores,
            network_threads: ThreadPool::new(config.num_network_threads.min(cores)),
            handler_threads: ThreadPool::new(config.num_io_threads.min(cores)),
            fetcher_threads: ThreadPool::new((config.num_replica_fetchers.max(1) * 2).min(cores)),
            disk: Disk::new(disk),
            cache: PageCache::new(scenario.hardware.memory / 100 * DIRTY_PERCENT),
            pages: Residency::new(scenario.hardware.memory),
            timer_at: Instant::FAR,
            frozen: Vec::new(),
            disk_jobs: Vec::new(),
            synced_at: Instant(0),
            lost_power: false,
            unclean_stops: 0,
            ended_in_order: false,
            metadata_durable: 0,
            answers: Vec::new(),
        });
    }
    nodes
}

/// Every message draws once; latency and jitter share the draw's high and low quantiles.
fn latency(base: &Quantiles, jitter: &Quantiles) -> LatencyTable {
    let (base, jitter) = (base.outcomes(), jitter.outcomes());
    if (0..jitter.count()).all(|place| jitter.get(place) == 0) {
        return base.clone();
    }
    // A stride that is coprime to the table pairs quantiles as good as independently.
    let count = base.count().max(jitter.count());
    let paired = (0..count).map(|i| {
        let b = base.get(i * base.count() / count);
        let j = jitter.get((i * 1_597) % jitter.count());
        b + j
    });
    LatencyTable::new(&paired.collect::<Vec<_>>())
}

fn nic_profile(hardware: &Hardware) -> NicProfile {
    NicProfile {
        rate: Rate {
            base: (hardware.nic.base_bits_per_s / 8).max(1),
            burst: (hardware.nic.burst_bits_per_s / 8).max(1),
            credit: hardware.nic.bucket_bytes,
        },
    }
}

fn disk_profile(plan: &Plan, read: Duration, draws: &mut Stream) -> DiskProfile {
    let hardware = &plan.scenario.hardware;
    DiskProfile {
        rate: Rate {
            base: hardware.disk.base_bytes_per_s.max(1),
            burst: hardware.disk.burst_bytes_per_s.max(1),
            credit: hardware.disk.bucket_bytes,
        },
        fsync: plan.tables.get(&hardware.disk.fsync, draws).mean(),
        read,
        capacity: hardware.disk.capacity_bytes,
    }
}

fn costs(hardware: &Hardware) -> Costs {
    let cpu = &hardware.cpu;
    Costs {
        network_request: cpu.request / 3,
        network_kib: cpu.out_mib / 1024,
        produce: cpu.produce,
        fetch: cpu.fetch,
        other: cpu.request,
        batch: cpu.batch,
        recover_kib: cpu.in_mib / 1024,
        append_kib: cpu.in_mib / 1024,
    }
}
