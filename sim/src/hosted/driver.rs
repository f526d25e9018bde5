//! The hosted driver: the world as the main task of a madsim runtime, services as tasks on nodes
//! of their own.
//!
//! The world lives on madsim's main node, which no service shares: it cannot be killed, and
//! need not be `Send`. It runs event after event; when a service was called in one, its tasks
//! run until all of them wait again, and the world does what they asked for at the same instant.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use broker_model::types::{Duration, Instant, MILLISECOND};
use madsim::runtime::{Handle, NodeHandle, Runtime};
use madsim::task::yield_now;
use madsim::time::TimeHandle;

use super::answer::locked;
use super::board::{Board, Fate};
use super::gauge::{Counted, Gauge};
use super::process::Process;
use crate::world::World;

/// How far the world runs before madsim's clock follows.
const SLICE: Duration = MILLISECOND;
/// Events between two looks at whether the run is still wanted.
const STRIDE: u32 = 1_024;

/// An async program: called once for each start of a process.
pub(super) type Program =
    Arc<dyn Fn(Process) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync + 'static>;

/// The programs of a run: by instance, none for instances that are the world's own.
#[derive(Default)]
pub(super) struct Programs {
    pub(super) board: Arc<Board>,
    pub(super) by_instance: Vec<Option<Program>>,
}

/// Runs a world to its end inside a madsim runtime. None when `stop` says so first.
///
/// Without async services this is the bare event loop in slices of simulated time.
pub fn drive(world: World, stop: impl Fn() -> bool) -> Option<World> {
    drive_with(world, Programs::default(), stop)
}

pub(super) fn drive_with(
    world: World,
    programs: Programs,
    stop: impl Fn() -> bool,
) -> Option<World> {
    let runtime = Runtime::with_seed_and_config(world.seed(), madsim::Config::default());
    runtime.block_on(async move {
        let mut stage = Stage::new(programs);
        let ended = stage.run(world, stop).await;
        stage.clear().await;
        ended
    })
}

/// A madsim node of an instance.
struct Place {
    node: NodeHandle,
    /// What the node's initial task takes when it begins.
    next: Arc<Mutex<Option<Process>>>,
    gauge: Arc<Gauge>,
    paused: bool,
}

struct Stage {
    handle: Handle,
    board: Arc<Board>,
    programs: Vec<Option<Program>>,
    places: Vec<Option<Place>>,
    slice_end: Instant,
}

impl Stage {
    fn new(programs: Programs) -> Self {
        programs.board.set_driven();
        Self {
            handle: Handle::current(),
            board: programs.board,
            places: programs.by_instance.iter().map(|_| None).collect(),
            programs: programs.by_instance,
            slice_end: Instant(0),
        }
    }

    async fn run(&mut self, mut world: World, stop: impl Fn() -> bool) -> Option<World> {
        loop {
            if stop() {
                return None;
            }
            for _ in 0..STRIDE {
                let next = world.next_at().filter(|at| *at >= self.slice_end);
                if let Some(at) = next {
                    self.follow(at).await;
                }
                if !world.advance() {
                    return Some(world);
                }
                if next.is_some() || world.awaits_driver() {
                    self.attend(&mut world).await;
                }
            }
        }
    }

    /// Lets madsim's clock come to the next event. What waited for that clock wakes now, sees
    /// the time of the event, and has its say behind it.
    async fn follow(&mut self, at: Instant) {
        self.board.set_now(at);
        let target = std::time::Duration::from_nanos(at.0);
        if let Some(behind) = target.checked_sub(TimeHandle::current().elapsed()) {
            madsim::time::sleep(behind).await;
        }
        self.slice_end = at + SLICE;
    }

    /// Lets async code run until all of it waits, does what it asked for, and so on until
    /// nothing is left to do at this instant.
    async fn attend(&mut self, world: &mut World) {
        self.board.set_now(world.now());
        loop {
            for (client, paused) in world.take_standing() {
                self.stand(client - 1, paused);
            }
            for (instance, fate) in self.board.take_fates() {
                self.befall(instance as usize, fate).await;
            }
            while self.is_restless() {
                yield_now().await;
            }
            for instance in self.board.take_asking() {
                world.defer(instance as usize + 1);
            }
            if !world.awaits_driver() {
                return;
            }
            world.settle();
        }
    }

    /// Whether a task that may run has been woken.
    fn is_restless(&self) -> bool {
        self.places.iter().flatten().any(|place| !place.paused && place.gauge.woken() > 0)
    }

    /// A process was paused, or goes on.
    fn stand(&mut self, instance: usize, paused: bool) {
        let Some(place) = &mut self.places[instance] else { return };
        place.paused = paused;
        if paused {
            self.handle.pause(place.node.id());
        } else {
            self.handle.resume(place.node.id());
        }
    }

    /// A process was started or killed, and its node is.
    async fn befall(&mut self, instance: usize, fate: Fate) {
        match (fate, &mut self.places[instance]) {
            (Fate::Started(process), Some(place)) => {
                place.gauge = Arc::clone(&process.life().gauge);
                place.paused = false;
                *locked(&place.next) = Some(process);
                self.handle.restart(place.node.id());
            }
            (Fate::Started(process), none) => {
                let Some(program) = &self.programs[instance] else { return };
                *none = Some(settle_in(&self.handle, program, process));
            }
            (Fate::Killed, Some(place)) => {
                self.handle.kill(place.node.id());
                while place.gauge.alive() > 0 {
                    yield_now().await;
                }
            }
            (Fate::Killed, None) => {}
        }
    }

    /// Kills every node and lets madsim drop what ran there: it would keep pending tasks for
    /// ever when its runtime goes.
    async fn clear(&mut self) {
        drop(self.board.take_fates());
        for place in self.places.iter().flatten() {
            self.handle.kill(place.node.id());
        }
        madsim::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// A node for an instance that starts for the first time.
fn settle_in(handle: &Handle, program: &Program, process: Process) -> Place {
    let name = format!("{}/{}", process.service(), process.number());
    let gauge = Arc::clone(&process.life().gauge);
    let next = Arc::new(Mutex::new(Some(process)));
    let (program, taken) = (Arc::clone(program), Arc::clone(&next));
    let node = handle.create_node().name(name).init(move || {
        let process = locked(&taken).take();
        let task = process.map(|process| {
            let gauge = Arc::clone(&process.life().gauge);
            Counted::new(&gauge, program(process))
        });
        async move {
            if let Some(task) = task {
                task.await;
            }
        }
    });
    Place { node: node.build(), next, gauge, paused: false }
}
