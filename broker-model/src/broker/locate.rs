//! A follower whose end lies outside the leader's log: it asks where that begins and ends, and
//! starts anew or cuts. Source: Kafka, `AbstractFetcherThread`.

use alloc::vec;

use super::Broker;
use super::calls::Call;
use crate::fetch::News;
use crate::io::{Context, Disconnected, Output};
use crate::protocol::fetch::{
    Isolation, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, OffsetSpec,
};
use crate::protocol::{ErrorCode, Request};
use crate::types::{LeaderEpoch, NodeId, Offset, PartitionId};

impl Broker {
    pub(super) fn locate(&mut self, cx: &mut Context<'_>, leader: NodeId, partition: PartitionId) {
        let epoch = self.replicas.get(partition).and_then(|r| r.leader_epoch());
        let Some(leader_epoch) = epoch else { return };
        self.fetchers.locating(leader, partition);
        let ask = |spec| ListOffsetsPartition {
            partition,
            current_leader_epoch: Some(leader_epoch),
            spec,
        };
        let request = ListOffsetsRequest {
            isolation: Isolation::ReadUncommitted,
            replica: Some(self.node),
            partitions: vec![ask(OffsetSpec::Earliest), ask(OffsetSpec::Latest)],
        };
        let call = Call::Locate { partition, leader_epoch };
        self.calls.send(cx, leader, call, Request::ListOffsets(request));
    }

    pub(super) fn located(
        &mut self,
        cx: &mut Context<'_>,
        leader: NodeId,
        partition: PartitionId,
        leader_epoch: LeaderEpoch,
        result: Result<ListOffsetsResponse, Disconnected>,
    ) {
        let Some(replica) = self.replicas.get(partition) else { return };
        if replica.leader_epoch() != Some(leader_epoch) || replica.following() != Some(leader) {
            return;
        }
        let bounds = result.ok().and_then(|r| match r.partitions.as_slice() {
            [start, end] if start.error == ErrorCode::None && end.error == ErrorCode::None => {
                Some((start.offset, end.offset))
            }
            _ => None,
        });
        let Some((start, end)) = bounds else {
            let until = cx.now.instant + self.config.replica_fetch_backoff;
            self.fetchers.delay(leader, partition, until);
            return;
        };
        self.fit_between(cx, partition, start, end);
        self.fetchers.resume(leader, partition);
    }

    fn fit_between(
        &mut self,
        cx: &mut Context<'_>,
        partition: PartitionId,
        start: Offset,
        end: Offset,
    ) {
        let replica = self.replicas.get_mut(partition).expect("checked by the caller");
        let own_end = replica.log().log_end_offset();
        if end < own_end {
            if let Some(cut) = replica.truncate(end, cx.batches) {
                self.truncated(cx, partition, cut);
            }
        } else if start > own_end {
            replica.restart_at(start);
            cx.outputs.push(Output::Cut { partition, end: start });
            self.sessions.news(partition, News::Readable);
            self.log_start_moved(cx, partition);
        }
    }
}
