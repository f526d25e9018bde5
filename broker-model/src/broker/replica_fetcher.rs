//! The follower's side, Kafka's `ReplicaFetcherThread`: fetches to each leader, and what their answers do to the logs.

use super::Broker;
use super::calls::Call;
use crate::fetch::News;
use crate::io::{Context, Disconnected, Output};
use crate::note::Note;
use crate::partition::Cut;
use crate::protocol::fetch::{
    EpochEnd, FetchPartition, FetchRequest, FetchResponse, FetchedPartition, Isolation,
    ReplicaState,
};
use crate::protocol::{ErrorCode, Request};
use crate::records::LogEntry;
use crate::rules::{FetchResponseEpochCheck, FollowerHwBeforeTruncate};
use crate::types::{NodeId, PartitionId};

impl Broker {
    /// Sends the next fetch to a leader, unless one is on its way or nothing is to be fetched.
    pub(super) fn send_fetch(&mut self, cx: &mut Context<'_>, leader: NodeId) {
        self.ask_epoch_ends(cx, leader);
        self.throttle_fetcher(cx, leader);
        let Some(fetcher) = self.fetchers.get_mut(leader) else { return };
        let replicas = &self.replicas;
        let max_bytes = self.config.replica_fetch_max_bytes;
        let prepared = fetcher.prepare(|followed| {
            let replica = replicas.get(followed.partition).expect("followed means hosted");
            let (fetch_offset, last_epoch) = replica.fetch_position();
            FetchPartition {
                partition: followed.partition,
                fetch_offset,
                current_leader_epoch: replica.leader_epoch(),
                last_fetched_epoch: last_epoch.filter(|_| !followed.hides_epoch),
                log_start_offset: replica.log().log_start_offset(),
                max_bytes,
            }
        });
        let Some(prepared) = prepared else { return };
        let request = FetchRequest {
            replica: Some(ReplicaState { id: self.node, epoch: self.life.broker_epoch }),
            max_wait: self.config.replica_fetch_wait_max,
            min_bytes: self.config.replica_fetch_min_bytes,
            max_bytes: self.config.replica_fetch_response_max_bytes,
            isolation: Isolation::ReadUncommitted,
            session_id: prepared.session_id,
            session_epoch: prepared.session_epoch,
            partitions: prepared.partitions,
            forgotten: prepared.forgotten,
            rack: None,
        };
        self.calls.send(cx, leader, Call::Fetch, Request::Fetch(request));
    }

    pub(super) fn follower_fetched(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        result: Result<FetchResponse, Disconnected>,
    ) {
        let backoff = cx.now.instant + self.config.replica_fetch_backoff;
        let Some(fetcher) = self.fetchers.get_mut(leader) else { return };
        let response = match result {
            Err(Disconnected) => {
                self.fetchers.failed(leader, backoff);
                self.fetchers.sweep(leader);
                return;
            }
            Ok(response) => response,
        };
        fetcher.answered(response.error, response.session_id);
        if response.error == ErrorCode::None {
            for answer in &response.partitions {
                let range = answer.entries.start as usize..answer.entries.end as usize;
                self.take_answer(cx, leader, answer, &response.entries[range]);
            }
        }
        self.fetchers.sweep(leader);
        self.fetchers.ready(leader);
    }

    /// Takes in what a leader said of one partition, if it still answers the question.
    fn take_answer(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        answer: &FetchedPartition,
        entries: &[LogEntry],
    ) {
        let partition = answer.partition;
        let Some((fetcher, index)) = self.fetchers.followed(leader, partition) else { return };
        let Some(replica) = self.replicas.get(partition) else { return };
        let (end, epoch) = (replica.log().log_end_offset(), replica.leader_epoch());
        let overtaken = !fetcher.answers(index, end, epoch);
        if overtaken
            && !(cx.rules.fetch_response_epoch_check == FetchResponseEpochCheck::Off
                && fetcher.answers_as_before(partition, end))
        {
            return;
        }
        let until = cx.now.instant + self.config.replica_fetch_backoff;
        match answer.error {
            ErrorCode::None => match answer.diverging {
                Some(diverging) => {
                    if cx.rules.follower_hw_before_truncate == FollowerHwBeforeTruncate::On {
                        self.take_offsets(cx, answer);
                    }
                    self.truncate_diverging(cx, leader, partition, diverging);
                }
                None => self.copy(cx, leader, answer, entries),
            },
            ErrorCode::OffsetOutOfRange => self.locate(cx, leader, partition),
            _ => self.fetchers.delay(leader, partition, until),
        }
    }

    fn copy(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        answer: &FetchedPartition,
        entries: &[LogEntry],
    ) {
        let partition = answer.partition;
        if !entries.is_empty() && self.replicas.append_fails(partition) {
            return;
        }
        if cx.batches.any_spoiled() && self.turn_away_spoiled(cx, leader, partition, entries) {
            return;
        }
        let mut copied = false;
        for entry in entries {
            copied |= self.copy_batch(cx, partition, *entry);
            let end = entry.base_offset + i64::from(cx.batches.get(entry.batch).count);
            let replica = self.replicas.get(partition).expect("checked by the caller");
            // A batch that reaches over the log's end could not be taken in, so what comes
            // behind it would not join on: this log ignored where it parts from the leader's.
            if replica.log().log_end_offset() < end {
                break;
            }
        }
        self.count_taken(cx, partition, entries);
        let end = self.replicas.get(partition).map(|replica| replica.log().log_end_offset());
        if let Some((fetcher, index)) = self.fetchers.followed(leader, partition) {
            fetcher.copied(index, copied, end.is_some_and(|end| end >= answer.high_watermark));
        }
        self.take_offsets(cx, answer);
    }

    /// A follower checks every batch before it appends the first. With one that is spoiled it
    /// takes nothing, and asks again later, perhaps for ever. Source: Kafka,
    /// `AbstractFetcherThread.processFetchRequest`.
    fn turn_away_spoiled(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        partition: PartitionId,
        entries: &[LogEntry],
    ) -> bool {
        let Some(spoiled) = entries.iter().find(|e| cx.batches.is_spoiled(e.batch)) else {
            return false;
        };
        let (node, base_offset) = (self.node, spoiled.base_offset);
        cx.note(Note::CorruptFetched { node, partition, base_offset });
        let until = cx.now.instant + self.config.replica_fetch_backoff;
        self.fetchers.delay(leader, partition, until);
        true
    }

    /// Takes over the leader's high watermark and log start offset.
    fn take_offsets(&mut self, cx: &mut Context<'_>, answer: &FetchedPartition) {
        let partition = answer.partition;
        let replica = self.replicas.get_mut(partition).expect("checked by the caller");
        let start = replica.log().log_start_offset();
        let moved = replica.take_leader_offsets(answer.high_watermark, answer.log_start_offset);
        if moved {
            self.moved.push_back(partition);
        }
        if replica.log().log_start_offset() > start {
            self.log_start_moved(cx, partition);
        }
    }

    fn copy_batch(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        entry: LogEntry,
    ) -> bool {
        let replica = self.replicas.get_mut(partition).expect("checked by the caller");
        let Some(rolled) = replica.append_from_leader(entry, cx.batches) else { return false };
        let end = replica.log().log_end_offset();
        let bytes = cx.batches.get(entry.batch).bytes;
        self.replicas.appended(cx, partition, bytes, rolled);
        if rolled {
            cx.note(Note::Rolled { node: self.node, partition, leader: false });
        }
        cx.note(Note::Appended { node: self.node, partition, entry, end, leader: false });
        true
    }

    /// The leader says where the logs part: cut there, or at the end of an earlier epoch, and
    /// ask again (KIP-595). A log that stays as it is would hear the same for ever, so it keeps
    /// its last epoch to itself from then on.
    fn truncate_diverging(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        partition: PartitionId,
        diverging: EpochEnd,
    ) {
        let replica = self.replicas.get_mut(partition).expect("checked by the caller");
        let before = replica.fetch_position();
        let cut = replica.truncate_on_divergence(diverging, cx.batches, cx.rules);
        let unchanged = replica.fetch_position() == before;
        if let Some((fetcher, index)) = self.fetchers.followed(leader, partition) {
            fetcher.slot_mut(index).hides_epoch |= unchanged;
            fetcher.change(index);
        }
        if let Some(cut) = cut {
            self.truncated(cx, partition, cut);
        }
    }

    /// Tells of a cut, and whoever reads from this replica.
    pub(super) fn truncated(&mut self, cx: &mut Context<'_>, partition: PartitionId, cut: Cut) {
        let Cut { end, from, epoch } = cut;
        cx.outputs.push(Output::Cut { partition, end });
        cx.note(Note::Truncated { node: self.node, partition, end, from, epoch });
        self.sessions.news(partition, News::Readable);
    }
}
