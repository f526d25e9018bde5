//! Keys that change while brokers run (KIP-226).

use alloc::string::ToString;
use alloc::vec;

use super::cluster::{Cluster, of_producer, producer};
use crate::config::{BrokerConfig, PRODUCER_ID_EXPIRATION};
use crate::protocol::controller::{AlterConfigsRequest, ConfigResource};
use crate::protocol::produce::Acks;
use crate::protocol::{ErrorCode, Request};
use crate::types::{MILLISECOND, NodeId, SECOND};

fn set(c: &mut Cluster, broker: Option<NodeId>, value: Option<&str>) {
    let resource = broker.map_or(ConfigResource::Brokers, ConfigResource::Broker);
    let config = vec![(PRODUCER_ID_EXPIRATION.to_string(), value.map(ToString::to_string))];
    let request = AlterConfigsRequest { resource, config };
    c.ask(1, i16::MAX, Request::IncrementalAlterConfigs(request));
}

#[test]
fn producers_expire_by_what_the_key_says_now() {
    let config = BrokerConfig {
        producer_id_expiration_check_interval: 100 * MILLISECOND,
        ..BrokerConfig::default()
    };
    let mut c = Cluster::new(1, &config);
    let p = c.topic("t", &[1], &[]);
    let batch = c.batch(of_producer(producer(7, 0), 0, false), 1);
    assert_eq!(c.produce_batch(1, None, p, batch, Acks::All).error, ErrorCode::None);
    let known = |c: &Cluster| c.replica(1, p).log().describe_producers().len();
    c.advance(9 * SECOND);
    assert_eq!(known(&c), 1, "a day");
    set(&mut c, None, Some("2000"));
    set(&mut c, Some(NodeId(1)), Some("20000"));
    c.advance(SECOND);
    assert_eq!(known(&c), 1, "its own goes before that of all");
    set(&mut c, Some(NodeId(1)), None);
    c.advance(SECOND);
    assert_eq!(known(&c), 0, "that of all");
    set(&mut c, None, None);
    let batch = c.batch(of_producer(producer(7, 0), 5, false), 1);
    assert_eq!(c.produce_batch(1, None, p, batch, Acks::All).error, ErrorCode::None);
    c.advance(9 * SECOND);
    assert_eq!(known(&c), 1, "a day again");
}
