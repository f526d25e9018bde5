//! Disks that fail, each below one log directory, and disks that forget.

use broker_model::io::StopKind;
use broker_model::types::{Offset, PartitionId};
use scenarios::model::{FaultKind, Target};

use super::Active;
use crate::prng::scale;
use crate::world::World;

impl World {
    /// Which of `log.dirs` a fault means, from 0: the one that it names, or any.
    pub(super) fn place_of(&self, kind: FaultKind, choice: u64) -> u32 {
        let directories = self.plan.scenario.cluster.log_directories();
        match kind {
            FaultKind::DiskFailure { directory: Some(place) } => place - 1,
            // The other half of the bits than those that choose a broker.
            FaultKind::DiskFailure { directory: None } => {
                scale(choice.rotate_left(32), u64::from(directories)) as u32
            }
            _ => 0,
        }
    }

    /// From now on I/O in a directory fails. The processes find out by themselves.
    pub(super) fn fail_disks(&mut self, active: &Active) {
        for &index in &active.nodes {
            if let Some(broker) = self.nodes[index].broker_mut() {
                broker.fail_directory(active.place);
            }
        }
    }

    /// Empty disks take the place of those that failed, and the brokers start again.
    pub(super) fn replace_disks(&mut self, active: &Active) {
        for &index in &active.nodes {
            let fails_still = self.in_force().any(|(planned, other)| {
                matches!(planned.fault.kind, FaultKind::DiskFailure { .. })
                    && other.place == active.place
                    && other.nodes.contains(&index)
            });
            if !fails_still {
                self.stop_node(index, StopKind::Kill);
                self.replace_disk(index, active.place);
            }
        }
        self.start_stopped(active);
    }

    /// What bit rot spoils: a batch of the target's replica, any of those that it holds.
    pub(super) fn rot_of(
        &self,
        kind: FaultKind,
        target: &Target,
        nodes: &[usize],
        choice: u64,
    ) -> Option<(PartitionId, Offset)> {
        let (FaultKind::BitRot, &[index]) = (kind, nodes) else { return None };
        let (Target::LeaderOf { topic, partition } | Target::FollowerOf { topic, partition }) =
            target
        else {
            return None;
        };
        let partition = self.partition_named(topic, *partition)?;
        let entries = self.nodes[index].broker()?.replica(partition)?.log().entries();
        let entry = entries.get(scale(choice, entries.len() as u64) as usize)?;
        Some((partition, entry.base_offset))
    }

    pub(super) fn rot(&mut self, active: &Active) {
        let (Some((partition, offset)), &[index]) = (active.rot, active.nodes.as_slice()) else {
            return;
        };
        if let Some(broker) = self.nodes[index].broker_mut() {
            broker.spoil(partition, offset, &mut self.shared.batches);
        }
    }

    fn replace_disk(&mut self, index: usize, place: u32) {
        let node = &mut self.nodes[index];
        // Who was killed, or had no power, has been counted; a broker is told by its empty disk.
        node.unclean_stops += u64::from(std::mem::take(&mut node.ended_in_order));
        let gone = node.broker_mut().map(|broker| broker.replace_directory(place));
        for (partition, bytes) in gone.unwrap_or_default() {
            node.cache.take_dirty(partition);
            node.cache.truncate(partition, Offset::ZERO);
            node.disk.free(bytes);
        }
    }
}
