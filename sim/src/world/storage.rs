//! What nodes write: page cache, flushes, write-back.

use broker_model::io::{Input, Output, StopKind};
use broker_model::types::{Duration, Instant, Offset, PartitionId};

use super::node::{DiskJob, DiskJobKind, NodeState};
use super::{Event, World};

impl World {
    pub(super) fn append(&mut self, index: usize, partition: PartitionId, bytes: u32, end: Offset) {
        let node = &mut self.nodes[index];
        if node.disk.is_full() {
            // Kafka halts a broker whose only log directory fails with an I/O error.
            self.halted.push((index, StopKind::Kill));
            return;
        }
        node.cache.append(self.now, partition, bytes, end);
        node.pages.append(partition, bytes, end);
        let excess = node.cache.excess();
        if excess > 0 {
            // Writers wait until the disk has caught up (balance_dirty_pages).
            let wait = u128::from(excess) * u128::from(broker_model::types::SECOND)
                / u128::from(node.disk.bytes_per_second());
            let until = self.now + wait as u64;
            node.handler_threads.block_until(until);
            node.fetcher_threads.block_until(until);
        }
    }

    pub(super) fn flush(
        &mut self,
        index: usize,
        partition: Option<PartitionId>,
        end: Offset,
        bytes: u64,
    ) -> Instant {
        let node = &mut self.nodes[index];
        let bytes = match partition {
            Some(partition) => node.cache.take_dirty(partition),
            None => bytes,
        };
        let done = node.disk.fsync(self.now, bytes);
        self.push_disk_job(index, done, DiskJobKind::Flush { partition, end });
        done
    }

    pub(super) fn push_disk_job(&mut self, index: usize, done: Instant, kind: DiskJobKind) {
        let node = &mut self.nodes[index];
        let incarnation = node.incarnation;
        node.disk_jobs.push(DiskJob { done, incarnation, kind });
        self.queue.push(done, Event::Disk(index as u32));
    }

    /// Disk jobs that are done by now.
    pub(super) fn disk_event(&mut self, index: usize) {
        while let Some(position) =
            self.nodes[index].disk_jobs.iter().position(|job| job.done <= self.now)
        {
            let job = self.nodes[index].disk_jobs.remove(position);
            if job.incarnation == self.nodes[index].incarnation {
                self.disk_job_done(index, job);
            }
        }
    }

    pub(super) fn disk_job_done(&mut self, index: usize, job: DiskJob) {
        match job.kind {
            DiskJobKind::Flush { partition, end } => {
                match partition {
                    Some(partition) => self.nodes[index].cache.flushed(partition, end),
                    None => self.nodes[index].metadata_durable = end.0,
                }
                self.tell_node(index, job.kind, Input::Flushed { partition, end });
            }
            DiskJobKind::Clean(partition) => {
                self.tell_node(index, job.kind, Input::Cleaned { partition });
            }
            DiskJobKind::Recover => self.tell_node(index, job.kind, Input::Recovered),
            DiskJobKind::Release(held) => self.release(index, held),
            DiskJobKind::WriteBack(done) => self.nodes[index].cache.end_write_back(&done),
            DiskJobKind::Look => self.look_for_dirty_pages(index),
        }
    }

    /// The process of a node hears what its disk has done, when it goes on if it is paused.
    fn tell_node(&mut self, index: usize, kind: DiskJobKind, input: Input) {
        let node = &mut self.nodes[index];
        if node.state == NodeState::Paused {
            let incarnation = node.incarnation;
            node.disk_jobs.push(DiskJob { done: Instant::FAR, incarnation, kind });
        } else if node.state.is_running() {
            self.run_node(index, input);
        }
    }

    /// What waited for a flush is said now, or when the process goes on if it is paused.
    fn release(&mut self, index: usize, held: Vec<Output>) {
        let node = &mut self.nodes[index];
        if node.state == NodeState::Paused {
            let (incarnation, kind) = (node.incarnation, DiskJobKind::Release(held));
            node.disk_jobs.push(DiskJob { done: Instant::FAR, incarnation, kind });
            return;
        }
        for output in held {
            self.carry_out(index, output);
        }
    }

    /// Logs are read after an unclean stop: from the disk unless they are still in memory, and
    /// by so many threads, which check every batch.
    pub(super) fn recover(&mut self, index: usize, bytes: u64, threads: u32) {
        let node = &mut self.nodes[index];
        let read = if node.pages.is_warm() { self.now } else { node.disk.read(self.now, bytes) };
        let threads = u64::from(threads.min(node.cores).max(1));
        let checked = self.now + self.costs.recover_kib * bytes.div_ceil(1024) / threads;
        self.push_disk_job(index, read.max(checked), DiskJobKind::Recover);
    }

    /// A log cleaner reads a log: what is still in memory costs the disk nothing.
    pub(super) fn clean(
        &mut self,
        index: usize,
        partition: PartitionId,
        (from, bytes): (Offset, u64),
        at_least: Duration,
    ) {
        let node = &mut self.nodes[index];
        let mut done = self.now;
        if node.pages.is_cold(partition, from) {
            done = node.disk.read(self.now, bytes);
        }
        let done = done.max(self.now + at_least);
        self.push_disk_job(index, done, DiskJobKind::Clean(partition));
    }

    /// The background writer of a host looks for dirty pages, and will look again.
    pub(super) fn look_for_dirty_pages(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.state == NodeState::NoPower {
            return;
        }
        if let Some(job) = node.cache.begin_write_back(self.now) {
            let done = node.disk.write(self.now, job.bytes);
            self.push_disk_job(index, done, DiskJobKind::WriteBack(job));
        }
        let again = self.now + crate::host::WRITEBACK_INTERVAL;
        self.push_disk_job(index, again, DiskJobKind::Look);
    }
}
