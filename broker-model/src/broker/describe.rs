//! Requests about state, and those a broker does not answer itself.

use alloc::vec::Vec;

use super::Broker;
use crate::io::{Context, Output, Token};
use crate::protocol::refusal::refusal;
use crate::protocol::txn::{DescribeProducersRequest, DescribeProducersResponse};
use crate::protocol::{ErrorCode, Request, Response};

/// The answer to a request that only a controller takes.
pub(super) fn not_controller(cx: &mut Context<'_>, token: Token, request: &Request) {
    cx.outputs.push(match refusal(request.api_key(), ErrorCode::NotController) {
        Some(response) => Output::Reply { token, response },
        None => Output::Disconnect { token },
    });
}

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
