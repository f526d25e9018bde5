//! Processes of nodes begin, end and go on.

use broker_model::io::StopKind;
use broker_model::types::{Instant, Offset};

use super::node::{DiskJobKind, Machine, NodeState};
use super::{Event, World};
use crate::network::Endpoint;

impl World {
    /// Starts a node's process.
    pub(super) fn start_node(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.incarnation += 1;
        node.state = NodeState::Up;
        node.timer_at = Instant::FAR;
        let incarnation = node.incarnation;
        self.hear_node_start(index);
        self.drive(index, |machine, cx| match machine {
            Machine::Broker(broker) => broker.start(cx, incarnation),
            Machine::Controller(controller) => controller.start(cx),
        });
        let again = self.now + crate::host::WRITEBACK_INTERVAL;
        self.push_disk_job(index, again, DiskJobKind::Look);
    }

    /// Ends a node's process, in whichever way. A host whose process ended before can still lose
    /// its power, and with it what was not flushed.
    pub(super) fn stop_node(&mut self, index: usize, kind: StopKind) {
        let ends = match self.nodes[index].state {
            NodeState::Up | NodeState::Paused => true,
            NodeState::Stopped => kind == StopKind::PowerCut && !self.nodes[index].is_absent(),
            NodeState::NoPower => false,
        };
        if !ends {
            return;
        }
        self.hear_node_stopping(index);
        let node = &mut self.nodes[index];
        let registered = node.broker().is_some_and(|broker| broker.is_registered());
        node.lost_power = kind == StopKind::PowerCut || (node.lost_power && !registered);
        node.unclean_stops += u64::from(kind != StopKind::Clean);
        node.ended_in_order = kind == StopKind::Clean;
        node.synced_at = Instant(0);
        node.state = match kind {
            StopKind::Clean | StopKind::Kill => NodeState::Stopped,
            StopKind::PowerCut => NodeState::NoPower,
        };
        node.incarnation += 1;
        node.answers.clear();
        let frozen = std::mem::take(&mut node.frozen);
        node.network_threads.clear(self.now);
        node.handler_threads.clear(self.now);
        node.fetcher_threads.clear(self.now);
        match kind {
            StopKind::Clean => node.cache.flush_all(),
            StopKind::Kill => {}
            StopKind::PowerCut => {
                node.disk.clear(self.now);
                node.cache.power_cut();
                let cache = &node.cache;
                node.pages.power_cut(|partition| cache.durable(partition));
            }
        }
        let cache = &node.cache;
        match &mut node.machine {
            Machine::Broker(broker) => {
                let durable = |partition| Some(cache.durable(partition));
                broker.stop(kind, &durable, &self.shared.batches);
            }
            Machine::Controller(controller) => controller.stop(kind, Offset(node.metadata_durable)),
        }
        self.hear_node_stop(index, kind);
        self.drop_frozen(frozen);
        self.drop_messages_of(index);
        if kind == StopKind::PowerCut {
            self.lose_held_of(Endpoint(index as u32));
        }
        self.end_connections_of(Endpoint(index as u32), kind);
    }

    /// The process goes on: everything that came meanwhile is due now.
    pub(super) fn resume_node(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.state != NodeState::Paused {
            return;
        }
        node.state = NodeState::Up;
        for event in std::mem::take(&mut node.frozen) {
            self.queue.push(self.now, event);
        }
        for job in &mut node.disk_jobs {
            if job.done == Instant::FAR {
                job.done = self.now;
                self.queue.push(self.now, Event::Disk(index as u32));
            }
        }
        self.nodes[index].timer_at = Instant::FAR;
        self.arm_node_timer(index);
    }
}
