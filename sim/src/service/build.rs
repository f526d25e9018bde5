//! Service instances from a plan: the cast of a run.

use std::collections::BTreeMap;
use std::rc::Rc;

use broker_model::names::Names;
use broker_model::types::{MILLISECOND, NodeId};
use reports::history::{Recorder, TableId};
use scenarios::Scenario;
use scenarios::model::{Commit, Load, Ratio, Service as Described, ServiceKind, ServiceTime};

use super::coding::{makes, output_of};
use super::ingress::{Ingress, IngressPlan};
use super::kind::{Join, Read, Service, Transform};
use super::relay::{Relay, RelayPlan};
use super::spec::{RowsSpec, ServiceSpec};
use super::worker::{Worker, WorkerPlan};
use crate::plan::{ClientSettings, KeyLaw, Mask, Plan, Quantiles};
use crate::prng::Stream;
use crate::stores::{Claimant, EffectStore, JoinStore, Outbox, Stores};
use crate::world::{Actor, ClientPlan};

/// The instances of a scenario's services with what they share.
#[derive(Debug, Default)]
pub struct Cast {
    /// Interned names.
    pub names: Names,
    /// External stores.
    pub stores: Stores,
    /// The instances, service by service.
    pub clients: Vec<ClientPlan>,
}

/// An instance to be: what a stand-in for the scenario's own kind of service is told.
#[derive(Clone, Debug)]
pub struct Part {
    /// The service.
    pub spec: Rc<ServiceSpec>,
    /// The instance's number in its service.
    pub number: u32,
    /// The instance's id in the recorder; the process is at this plus one among the clients.
    pub instance: u32,
}

/// Makes the instances and declares them to the recorder. `stand_in` may answer with a process
/// of its own for an instance; the rest are of the kinds the scenario names.
#[must_use]
pub fn cast(
    plan: &Plan,
    recorder: &mut Recorder,
    stand_in: &mut dyn FnMut(Part) -> Option<Box<dyn Actor>>,
) -> Cast {
    let scenario = &plan.scenario;
    let mut cast = Cast::default();
    let end_stage = recorder.stage("end_to_end");
    let mut next_instance = 0;
    let mut groups = Vec::new();
    let mut tables = BTreeMap::new();
    for (service, clients) in scenario.services.iter().zip(&plan.settings.clients) {
        let mut spec = spec_of(plan, (service, clients), &mut cast.names, recorder);
        let last = ends_pipeline(scenario, service);
        spec.end_stage = last.iter().any(|&ends| ends).then_some(end_stage);
        spec.ends = last;
        if let Some(ledger) = &service.effects {
            let declared = scenario.checks.exactly_once.iter().find(|one| one.to == *ledger);
            let input = declared.map_or(&service.inputs[0], |one| &one.from);
            // Topics are created in the order of the scenario, and numbered so.
            let input = scenario.topic(input).unwrap_or(0) as u32;
            let ledger = recorder.ledger(ledger, input);
            if let Some(topic) = service.dead_letter().and_then(|name| scenario.topic(name)) {
                recorder.dead_letters(ledger, topic as u32);
            }
            spec.effects = Some(cast.stores.effects.len());
            let store = match service.commit {
                Commit::WithEffects => EffectStore::with_offsets(ledger, service.dedupe),
                _ => EffectStore::new(ledger, service.dedupe),
            };
            cast.stores.effects.push(store);
        }
        spec.rows = rows_of(scenario, service, (&mut tables, &mut cast), recorder);
        if let Some(group) = spec.group
            && !groups.contains(&group)
        {
            // Services may share one.
            groups.push(group);
            recorder.group(group.0, service.group.as_deref().unwrap_or(&service.name));
        }
        let join = cast.stores.joins.len();
        if matches!(service.kind, ServiceKind::Join { .. }) {
            cast.stores.joins.push(JoinStore::default());
        }
        let spec = Rc::new(spec);
        for number in 0..service.instances {
            let name = format!("{}/{number}", service.name);
            recorder.service_instance(next_instance, &name);
            let draws = Stream::new(plan.seed, &name);
            let part = Part { spec: Rc::clone(&spec), number, instance: next_instance };
            let actor: Box<dyn Actor> = match (stand_in(part), service.kind) {
                (Some(other), _) => other,
                (None, ServiceKind::Ingress) => {
                    Box::new(ingress(plan, service, &spec, number, next_instance, draws))
                }
                (None, ServiceKind::Relay { poll_interval, batch, claim }) => {
                    let instances = service.instances;
                    Box::new(Relay::new(RelayPlan {
                        spec: Rc::clone(&spec),
                        instance: next_instance,
                        poll_interval,
                        batch,
                        claimant: Claimant { claim, number, instances },
                    }))
                }
                (None, _) => Box::new(Worker::new(
                    WorkerPlan {
                        spec: Rc::clone(&spec),
                        service: logic(service, &spec, join),
                        number,
                        instance: next_instance,
                    },
                    draws,
                )),
            };
            cast.clients.push(ClientPlan { name, number, actor });
            next_instance += 1;
        }
    }
    cast
}

/// The table of a service, declared when the first service names it.
fn rows_of(
    scenario: &Scenario,
    service: &Described,
    (tables, cast): (&mut BTreeMap<String, (TableId, Option<usize>)>, &mut Cast),
    recorder: &mut Recorder,
) -> Option<RowsSpec> {
    let rows = service.rows.as_ref()?;
    let (table, outbox) = *tables.entry(rows.table.clone()).or_insert_with(|| {
        let of_table = |s: &&Described| s.rows.as_ref().is_some_and(|one| one.table == rows.table);
        let mut publishers = scenario.services.iter().filter(of_table);
        let topic = publishers.find_map(|s| scenario.topic(s.output.as_ref()?));
        let table = recorder.table(&rows.table, topic.unwrap_or(0) as u32);
        let outbox = service.outbox().map(|name| {
            // Its backlog is told as a lag.
            let group = cast.names.group(name);
            recorder.group(group.0, name);
            cast.stores.outboxes.push(Outbox::new(group));
            cast.stores.outboxes.len() - 1
        });
        (table, outbox)
    });
    Some(RowsSpec { table, publish: rows.publish, time: rows.time, outbox })
}

fn logic(service: &Described, spec: &ServiceSpec, join: usize) -> Box<dyn Service> {
    let output = spec.makes_like;
    match service.kind {
        ServiceKind::Join { window } => Box::new(Join {
            store: join,
            window_ms: u32::try_from(window / MILLISECOND).unwrap_or(u32::MAX),
            output,
        }),
        ServiceKind::Reader if spec.effects.is_none() => Box::new(Read),
        ServiceKind::Ingress
        | ServiceKind::Reader
        | ServiceKind::Relay { .. }
        | ServiceKind::Sink
        | ServiceKind::Transform => Box::new(Transform {
            effects: spec.effects,
            output: service.output.is_some().then_some(output),
        }),
    }
}

fn spec_of(
    plan: &Plan,
    (service, clients): (&Described, &ClientSettings),
    names: &mut Names,
    recorder: &mut Recorder,
) -> ServiceSpec {
    let scenario = &plan.scenario;
    let mut draws = Stream::new(plan.seed, &format!("{}/times", service.name));
    let times = match &service.time {
        ServiceTime::Same(time) => vec![plan.tables.get(time, &mut draws)],
        ServiceTime::PerInput(times) => {
            times.iter().map(|time| plan.tables.get(time, &mut draws)).collect()
        }
    };
    let publishes =
        service.is_relay() || service.kind == ServiceKind::Ingress && service.output.is_some();
    ServiceSpec {
        name: service.name.clone(),
        seed: plan.seed,
        brokers: (1..=scenario.cluster.brokers).map(NodeId).collect(),
        racks: scenario.cluster.racks.clone(),
        times,
        inputs: service.reads().cloned().collect(),
        output: service.output.clone(),
        targets: service.writes().cloned().collect(),
        makes_like: output_of(scenario, service),
        makes: makes(service),
        group: service.group.as_ref().map(|name| names.group(name)),
        transactional: service.transactional,
        transactional_ids: service.transactional_ids.clone(),
        instances: service.instances,
        abort: service.abort,
        commit: service.commit,
        commit_interval: service.commit_interval,
        poison: service.poison.clone().map(|poison| {
            (poison, Stream::new(plan.seed, &format!("{}/poison", service.name)).bits())
        }),
        restart: service.restart,
        clients: clients.clone(),
        effects: None,
        rows: None,
        stage: Some(recorder.stage(&service.name)),
        produce_stage: publishes.then(|| recorder.stage("produce")),
        end_stage: None,
        ends: Vec::new(),
    }
}

/// For each input: nobody but readers takes it, and this service makes nothing of it that goes
/// on. An ingress or transform whose output nobody reads ends nothing: nobody would notice.
fn ends_pipeline(scenario: &Scenario, service: &Described) -> Vec<bool> {
    let goes_on = |topic: &str| {
        scenario.services.iter().any(|s| {
            s.inputs.iter().any(|i| i == topic)
                && s.kind != ServiceKind::Reader
                && s.output.is_some()
        })
    };
    service.reads().map(|topic| service.output.is_none() && !goes_on(topic)).collect()
}

fn ingress(
    plan: &Plan,
    service: &Described,
    spec: &Rc<ServiceSpec>,
    number: u32,
    instance: u32,
    draws: Stream,
) -> Ingress {
    let load: Option<&Load> = plan.scenario.loads.iter().find(|l| l.into == service.name);
    let instances = service.instances;
    let mut sizes = Stream::new(plan.seed, &format!("{}/{number}/sizes", service.name));
    let (keys, sizes, limit) = match load {
        Some(load) => {
            let total = load.limit.unwrap_or(u64::MAX);
            let share = total / u64::from(instances)
                + u64::from(u64::from(number) < total % u64::from(instances));
            (KeyLaw::new(&load.keys), plan.tables.get(&load.size, &mut sizes), share)
        }
        None => (KeyLaw::None, Quantiles::constant(0), 0),
    };
    Ingress::new(
        IngressPlan {
            spec: Rc::clone(spec),
            number,
            instance,
            load: load.map(|l| l.arrivals),
            tables: plan.tables.clone(),
            keys,
            first_key: number,
            key_step: instances,
            sizes,
            tombstones: load.map_or(Ratio::ZERO, |l| l.tombstones),
            limit,
            mask: Mask::new(load.map(|l| l.drop.clone()).unwrap_or_default()),
        },
        draws,
    )
}
