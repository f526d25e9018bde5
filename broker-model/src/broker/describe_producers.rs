//! `DescribeProducers`: the producers that the log of a leader knows. Source: KIP-664.

use alloc::vec::Vec;

use super::Broker;
use crate::io::{Context, Token};
use crate::protocol::txn::{DescribeProducersRequest, DescribeProducersResponse};
use crate::protocol::{ErrorCode, Response};

impl Broker {
    pub(super) fn describe_producers(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: DescribeProducersRequest,
    ) {
        let replica = self.replicas.get(request.partition).filter(|r| r.leader().is_some());
        let response = match replica {
            Some(replica) => DescribeProducersResponse {
                error: ErrorCode::None,
                producers: replica.log().describe_producers(),
            },
            None => DescribeProducersResponse {
                error: self.not_leading(request.partition),
                producers: Vec::new(),
            },
        };
        cx.reply(token, Response::DescribeProducers(response));
    }
}
